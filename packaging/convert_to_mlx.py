"""Make an MLX folder of a GGUF file: real weights for trying the MLX engine.

    python packaging/convert_to_mlx.py model.gguf folder [--bits 4]

For models of the llama architecture with a GPT-2 vocabulary, such as the starter model. Weights
are dequantized, so the folder says what the GGUF file says, rounding apart.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import mlx.core as mx
import numpy as np
from gguf.quants import dequantize
from mlx.utils import tree_flatten
from mlx_lm.models import llama
from mlx_lm.utils import quantize_model
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

_CONTROL, _USER_DEFINED = 3, 4  # gguf.TokenType
_PARTS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


class Source:
    """A GGUF file with its metadata as Python values."""

    def __init__(self, path: Path) -> None:
        self._reader = gguf.GGUFReader(path)
        self.architecture = str(self.value("general.architecture"))
        if self.architecture != "llama" or self.value("tokenizer.ggml.model") != "gpt2":
            sys.exit("Only llama models with a GPT-2 vocabulary can be converted.")

    def value(self, key: str, default: Any = None) -> Any:
        field = self._reader.get_field(key)
        return default if field is None else field.contents()

    def tensors(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Names of MLX and numbers."""
        heads = int(self.value("llama.attention.head_count"))
        kv_heads = int(self.value("llama.attention.head_count_kv", heads))
        for tensor in self._reader.tensors:
            numbers = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
            if tensor.name in _WHOLE:
                yield _WHOLE[tensor.name], numbers
            elif tensor.name.startswith("blk."):
                _, layer, part, kind = tensor.name.split(".")
                if part in ("attn_q", "attn_k"):
                    numbers = _unpermuted(numbers, heads if part == "attn_q" else kv_heads)
                yield f"model.layers.{layer}.{_PARTS[part]}.{kind}", numbers


def _unpermuted(numbers: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Undo how llama.cpp orders the rows of a head: pairs of a rotation lie side by side there."""
    rows, columns = numbers.shape
    pairs = numbers.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def configuration(source: Source, *, tied: bool) -> dict[str, Any]:
    heads = int(source.value("llama.attention.head_count"))
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": source.value("llama.embedding_length"),
        "num_hidden_layers": source.value("llama.block_count"),
        "intermediate_size": source.value("llama.feed_forward_length"),
        "num_attention_heads": heads,
        "num_key_value_heads": source.value("llama.attention.head_count_kv", heads),
        "rms_norm_eps": source.value("llama.attention.layer_norm_rms_epsilon"),
        "rope_theta": source.value("llama.rope.freq_base", 10000.0),
        "max_position_embeddings": source.value("llama.context_length"),
        "vocab_size": len(source.value("tokenizer.ggml.tokens")),
        "tie_word_embeddings": tied,
        "bos_token_id": source.value("tokenizer.ggml.bos_token_id"),
        "eos_token_id": source.value("tokenizer.ggml.eos_token_id"),
    }


def tokenizer(source: Source) -> Tokenizer:
    """Byte-level BPE of the file's vocabulary and merges."""
    tokens: list[str] = source.value("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ", 1)) for merge in source.value("tokenizer.ggml.merges")]
    made = Tokenizer(models.BPE({text: n for n, text in enumerate(tokens)}, merges))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    match source.value("tokenizer.ggml.pre"):
        case "smollm":
            digits = pre_tokenizers.Digits(individual_digits=True)
            made.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
        case "gpt-2" | "default" | None:
            made.pre_tokenizer = byte_level
        case other:
            sys.exit(f"How the vocabulary “{other}” splits words is not known here.")
    made.decoder = decoders.ByteLevel()
    for text, kind in zip(tokens, source.value("tokenizer.ggml.token_type"), strict=True):
        if kind in (_CONTROL, _USER_DEFINED):
            made.add_tokens([AddedToken(text, special=kind == _CONTROL, normalized=False)])
    return made


def convert(path: Path, folder: Path, bits: int | None = None) -> None:
    """Write the MLX folder, in 16 bits or quantized to `bits`."""
    source = Source(path)
    weights = {name: mx.array(numbers.astype(np.float16)) for name, numbers in source.tensors()}
    config = configuration(source, tied="lm_head.weight" not in weights)
    if bits is not None:
        arguments: Any = llama.ModelArgs
        network: Any = llama.Model(arguments.from_dict(config))
        network.load_weights(list(weights.items()))
        network, config = quantize_model(network, config, group_size=64, bits=bits)
        flat: Any = tree_flatten(network.parameters(), destination={})
        weights = flat
    folder.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    tokenizer(source).save(str(folder / "tokenizer.json"))
    tokens = source.value("tokenizer.ggml.tokens")
    words = {
        "add_bos_token": bool(source.value("tokenizer.ggml.add_bos_token", default=False)),
        "bos_token": tokens[config["bos_token_id"]],
        "eos_token": tokens[config["eos_token_id"]],
        "chat_template": source.value("tokenizer.chat_template"),
    }
    for name, content in (("config.json", config), ("tokenizer_config.json", words)):
        (folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make an MLX folder of a GGUF file.")
    parser.add_argument("gguf", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bits", type=int, choices=(4, 8), help="quantize the weights")
    arguments = parser.parse_args()
    convert(arguments.gguf, arguments.folder, arguments.bits)


if __name__ == "__main__":
    main()
