"""The shape of an MLX model, in the terms of a GGUF header: how it is built, what it needs."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.core.chat_template import read_template_parts
from app.core.errors import ModelError
from app.core.gguf_types import GgufHeader, MetadataValue

_CONFIG_BYTES = 1024**2
_KEYS = {
    "num_hidden_layers": "block_count",
    "max_position_embeddings": "context_length",
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "sliding_window": "attention.sliding_window",
    "vocab_size": "vocab_size",
    "num_experts": "expert_count",
    "num_local_experts": "expert_count",
    "n_routed_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
    "moe_intermediate_size": "expert_feed_forward_length",
}
"""config.json's names of what GGUF calls otherwise."""


def read_config(path: Path) -> dict[str, object]:
    """config.json, with what belongs to the text model on top; empty if it is not readable."""
    try:
        with path.open("rb") as file:
            config = msgspec.json.decode(file.read(_CONFIG_BYTES), type=dict[str, object])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return _flat(config)


def read_mlx_header(folder: Path) -> GgufHeader:
    """What config.json and the template say of the model. Raises ModelError without the first."""
    header = header_of_config(read_config(folder / "config.json"))
    if header is None:
        raise ModelError(
            f"{folder.name} cannot be read",
            "Its config.json does not say which kind of model it is.",
            "Download it again.",
        )
    if template := read_template_parts(folder).source:
        metadata = {**header.metadata, "tokenizer.chat_template": template}
        return msgspec.structs.replace(header, metadata=metadata)
    return header


def header_of_config(config: Mapping[str, object]) -> GgufHeader | None:
    """What a config.json says; None if it does not even say which kind of model it is."""
    config = _flat(config)
    architecture = config.get("model_type")
    if not isinstance(architecture, str) or not architecture:
        return None
    metadata: dict[str, MetadataValue] = {"general.architecture": architecture}
    for key, name in _KEYS.items():
        value = config.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            metadata[f"{architecture}.{name}"] = value
    if config.get("use_sliding_window") is False:  # a size may stand there all the same
        metadata.pop(f"{architecture}.attention.sliding_window", None)
    head = config.get("head_dim")
    if isinstance(head, int) and head > 0:
        metadata[f"{architecture}.attention.key_length"] = head
        metadata[f"{architecture}.attention.value_length"] = head
    return GgufHeader(
        version=3, metadata=metadata, tensor_count=0, tensors=(), data_offset=0, complete=False
    )


def _flat(config: Mapping[str, object]) -> dict[str, object]:
    """A model of several parts keeps the numbers of its text model one level deeper."""
    inner = config.get("text_config")
    return {**inner, **config} if isinstance(inner, dict) else dict(config)
