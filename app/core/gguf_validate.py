"""Refuse a GGUF file that an engine would crash on, in words a person understands.

llama.cpp asserts on malformed values: a header with no layers, 1,000 layers or a normalisation
epsilon of NaN aborts its whole process (8 of 241 damaged files did). Its limits are those of
src/llama-hparams.h; the layout rules are those of ggml/src/gguf.cpp.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from app.core.gguf import Limits, read_header
from app.core.gguf_types import (
    REMOVED_TENSOR_TYPES,
    TENSOR_TYPES,
    BadGguf,
    GgufArray,
    GgufHeader,
    GgufTensor,
    TruncatedGguf,
)
from app.core.memory_formulas import MAX_LAYERS
from app.core.variants import split_part

MAX_EXPERTS = 512
"""LLAMA_MAX_EXPERTS"""
MAX_NAME = 63
"""Bytes of a tensor's name (GGML_MAX_NAME - 1)."""
_MAX_ELEMENTS = 2**63 - 1
_TOKENS = "tokenizer.ggml.tokens"
_DOWNLOAD_AGAIN = "Download the model again, or choose another file of it."

_NOT_FOR_CHAT = {
    "mmproj": "a vision projector, which goes with a model",
    "adapter": "an adapter (LoRA), which goes with a model",
    "imatrix": "importance data for quantizing, not a model",
}


def check_model(path: Path) -> GgufHeader:
    """Read and validate the model at `path`; of a split model `path` is the first part.

    Reads the token list too, because a token that appears twice aborts llama.cpp.

    Raises:
        ModelFileUnreadable, NotAGguf, TruncatedGguf, BadGguf: why it cannot be loaded.
    """
    header = read_header(path, limits=Limits(kept_whole=frozenset({_TOKENS})))
    check_header(header, path)
    return header


def check_header(header: GgufHeader, path: Path) -> None:
    """`check_model` for a header that was read already."""
    validate(header, path.stat().st_size)
    if header.split_count > 1:
        for part in _other_parts(path, header):
            validate_layout(read_header(part), part.stat().st_size)


def validate(header: GgufHeader, file_size: int) -> None:
    """Check a complete header of a model against itself and its file's bytes.

    Raises:
        BadGguf: values no model can have, or no engine can stand.
        TruncatedGguf: tensors lie beyond the end of the file.
    """
    if not header.complete:
        raise TruncatedGguf(
            "The model's header is incomplete",
            "Only the beginning of the file is there.",
            _DOWNLOAD_AGAIN,
            missing=1,
        )
    _check_kind(header)
    _check_layers(header)
    _check_heads(header)
    _check_experts(header)
    _check_numbers(header)
    _check_vocabulary(header)
    validate_layout(header, file_size)


def _bad(reason: str) -> NoReturn:
    raise BadGguf("The model file is damaged or no valid model", reason, _DOWNLOAD_AGAIN)


def _check_kind(header: GgufHeader) -> None:
    if not header.architecture:
        _bad("It does not say its architecture.")
    kind = "mmproj" if header.architecture == "clip" else header.kind
    if kind in _NOT_FOR_CHAT:
        raise BadGguf(
            "This file is no language model",
            f"It is {_NOT_FOR_CHAT[kind]}.",
            "Choose the model's own file.",
        )
    first_of_split = header.split_count > 1 and header.split_number == 0
    if header.tensor_count == 0 and not first_of_split:
        _bad("It holds no weights, only a description.")
    if header.split_number > 0:
        raise BadGguf(
            "This is not the first part of the model",
            f"It is part {header.split_number + 1} of {header.split_count}.",
            "Open the part whose name holds -00001-of-.",
        )


def _check_range(header: GgufHeader, key: str, what: str, most: int) -> None:
    """A hyper-parameter that must be a number from 1 to `most`."""
    value = header.hyper(key)
    if value is None:
        _bad(f"It does not say its {what}.")
    if header.hyper_integer(key) is None:
        _bad(f"Its {what} is not a number.")
    if not 1 <= int(str(value)) <= most:
        _bad(f"Its {what} is {value:,}; 1 to {most:,} is possible.")


def _check_layers(header: GgufHeader) -> None:
    _check_range(header, "block_count", "number of layers", MAX_LAYERS)
    _check_range(header, "context_length", "context length", 2**30)
    _check_range(header, "embedding_length", "embedding length", 2**20)


def _heads_of(header: GgufHeader, key: str) -> tuple[int, ...] | None:
    """Heads of each layer; None if the file does not say."""
    value = header.hyper(f"attention.{key}")
    layers = header.block_count or 0
    if value is None:
        return None
    if isinstance(value, GgufArray):
        if value.values is None or value.count < layers:
            _bad(f"It lists {value.count:,} values of {key} for {layers:,} layers.")
        counts = value.values[:layers]
    else:
        counts = (value,) * layers
    heads = tuple(count for count in counts if isinstance(count, int) and 0 <= count <= 65_536)
    if len(heads) != layers:
        _bad(f"Its {key} is no possible number of attention heads.")
    return heads


def _has_attention(header: GgufHeader) -> bool:
    """State-space models say 0 heads, and mean it."""
    prefix = f"{header.architecture}.ssm."
    recurrent = header.architecture.startswith(("mamba", "rwkv", "arwkv"))
    return not recurrent and not any(key.startswith(prefix) for key in header.metadata)


def _check_heads(header: GgufHeader) -> None:
    heads = _heads_of(header, "head_count")
    if not _has_attention(header):
        return
    if heads is None or not any(heads):
        _bad("It has no attention heads.")
    for all_heads, kv_heads in zip(heads, _heads_of(header, "head_count_kv") or heads, strict=True):
        if kv_heads > all_heads or (kv_heads and all_heads % kv_heads):
            _bad(f"Its {all_heads} attention heads cannot share {kv_heads} KV heads.")
    for key in ("key_length", "value_length"):
        length = header.hyper_integer(f"attention.{key}")
        if length is not None and not 1 <= length <= 65_536:
            _bad(f"Its {key.replace('_', ' ')} per head is {length:,}.")
    if header.hyper("attention.key_length") is None and max(heads) > (header.embedding_length or 0):
        _bad("It has more attention heads than its embedding is wide.")


def _check_experts(header: GgufHeader) -> None:
    experts = header.hyper_integer("expert_count") or 0
    used = header.hyper_integer("expert_used_count") or 0
    if not 0 <= experts <= MAX_EXPERTS:
        _bad(f"It has {experts:,} experts; {MAX_EXPERTS} is the most an engine takes.")
    if not 0 <= used <= experts:
        _bad(f"It uses {used:,} of {experts:,} experts at a time.")


def _check_numbers(header: GgufHeader) -> None:
    """Numbers with a fraction: llama.cpp computes with them unchecked."""
    for key, value in header.metadata.items():
        if not isinstance(value, float) or not key.startswith(f"{header.architecture}."):
            continue
        if math.isnan(value):
            _bad(f"The value of {key} is not a number.")
        if key.endswith("epsilon") and not 0 <= value < 1:
            _bad(f"The value of {key} is {value:g}; it must be small and not negative.")
        if key.endswith("freq_base") and (math.isinf(value) or value < 0):
            _bad(f"The value of {key} is {value:g}.")


def _check_vocabulary(header: GgufHeader) -> None:
    tokens = header.metadata.get(_TOKENS)
    if not isinstance(tokens, GgufArray):
        return
    string_type = 8
    if tokens.type != string_type or tokens.count == 0:
        _bad("Its vocabulary is empty or no list of texts.")
    words = [token for token in tokens.values or () if token]
    if len(set(words)) != len(words):
        _bad("Its vocabulary holds the same token twice.")
    for key in ("scores", "token_type"):
        column = header.metadata.get(f"tokenizer.ggml.{key}")
        if isinstance(column, GgufArray) and column.count != tokens.count:
            _bad(f"Its vocabulary has {tokens.count:,} tokens but {column.count:,} of {key}.")
    for tensor in header.tensors:
        if tensor.name != "token_embd.weight":
            continue
        width, rows = (*tensor.shape, 1, 1)[:2]
        if rows != tokens.count:
            _bad(f"Its vocabulary has {tokens.count:,} tokens but weights for {rows:,}.")
        if width != header.embedding_length:
            _bad(f"Its embedding is {header.embedding_length:,} wide but has {width:,} weights.")


def validate_layout(header: GgufHeader, file_size: int) -> None:
    """Check that every tensor is possible, and lies inside the file where it must.

    Raises:
        BadGguf: an impossible tensor, or tensors that overlap or leave gaps.
        TruncatedGguf: the file ends before its tensors do.
    """
    expected = 0
    names: set[str] = set()
    for tensor in header.tensors:
        _check_tensor(tensor)
        if tensor.name in names:
            _bad(f"The tensor {tensor.name!r} appears twice.")
        names.add(tensor.name)
        if tensor.offset != expected:
            _bad(f"The tensor {tensor.name!r} is not where the one before it ends.")
        expected += -(-tensor.size // header.alignment) * header.alignment
    if not header.tensors:
        return
    last = header.tensors[-1]
    missing = header.data_offset + last.offset + last.size - file_size
    if missing > 0:
        raise TruncatedGguf(
            "The model file is incomplete",
            f"It has {file_size:,} bytes; {missing:,} bytes are missing at its end.",
            "Download the model again.",
            missing=missing,
        )


def _check_tensor(tensor: GgufTensor) -> None:
    name = tensor.name
    if not name or len(name.encode()) > MAX_NAME:
        _bad(f"A tensor's name has {len(name.encode())} bytes; 1 to {MAX_NAME} are possible.")
    kind = TENSOR_TYPES.get(tensor.type)
    if kind is None and tensor.type in REMOVED_TENSOR_TYPES:
        _bad(f"The tensor {name!r} has a type ({tensor.type}) that engines no longer read.")
    if kind is None:
        _bad(f"The tensor {name!r} has the unknown type {tensor.type}.")
    if any(length == 0 for length in tensor.shape) or tensor.elements > _MAX_ELEMENTS:
        _bad(f"The tensor {name!r} has an impossible shape: {_shape(tensor)}.")
    if tensor.shape[0] % kind.block:
        _bad(f"The tensor {name!r} ({_shape(tensor)}) does not go into blocks of {kind.block}.")


def _shape(tensor: GgufTensor) -> str:
    return " x ".join(f"{length:,}" for length in tensor.shape)


def _other_parts(first: Path, header: GgufHeader) -> Iterator[Path]:
    """The files of a split model after the first; raises TruncatedGguf if one is missing."""
    split = split_part(first.name)
    if split is None or split[2] != header.split_count:
        _bad(f"It is split into {header.split_count} files, which its name does not say.")
    stem = first.name[: -len("-00001-of-00001.gguf")]
    for number in range(2, header.split_count + 1):
        part = first.with_name(f"{stem}-{number:05}-of-{header.split_count:05}.gguf")
        if not part.is_file():
            raise TruncatedGguf(
                "The model is incomplete",
                f"It has {header.split_count} parts, and {part.name} is not beside the first.",
                "Download the missing part.",
                missing=1,
            )
        yield part
