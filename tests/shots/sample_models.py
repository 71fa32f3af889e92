"""Models that look like real ones for screenshots: true headers, empty weights, no disk used."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.core.broken_gguf import ARRAY, F32, I32, STRING, U32, Model, Tensor, array

Q4_K, Q6_K = 12, 14
BLOCK_BYTES = {Q4_K: 144, Q6_K: 210}
BLOCK = 256
FILE_TYPE_Q4_K_M = 15


@dataclass(frozen=True)
class Shape:
    """The measures of a Llama-like model."""

    publisher: str
    repo: str
    file: str
    name: str
    architecture: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    feed_forward: int
    context: int
    vocabulary: int
    tied: bool = False
    """The output matrix is the token embedding."""


SHAPES = (
    Shape("bartowski", "Llama-3.2-3B-Instruct-GGUF", "Llama-3.2-3B-Instruct-Q4_K_M.gguf",
          "Llama 3.2 3B Instruct", "llama", 28, 3072, 24, 8, 8192, 131_072, 128_256, tied=True),
    Shape("bartowski", "Meta-Llama-3.1-8B-Instruct-GGUF",
          "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "Meta Llama 3.1 8B Instruct", "llama",
          32, 4096, 32, 8, 14_336, 131_072, 128_256),
    Shape("Qwen", "Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf", "Qwen3 8B", "qwen3",
          36, 4096, 32, 8, 12_288, 40_960, 151_936),
)  # fmt: skip


def write_sample_models(folder: Path) -> None:
    """Put the sample models below `folder` as downloads would lie there."""
    for shape in SHAPES:
        path = folder / shape.publisher / shape.repo / shape.file
        path.parent.mkdir(parents=True, exist_ok=True)
        model, weights = describe(shape)
        header = model.header()
        with path.open("wb") as file:
            file.write(header)
        os.truncate(path, len(header) + weights)  # a hole: it takes no room


def describe(shape: Shape) -> tuple[Model, int]:
    """The header, and the bytes of weights that it promises."""
    model = Model()
    prefix = shape.architecture
    model.set("general.architecture", STRING, prefix)
    model.set("general.name", STRING, shape.name)
    model.set("general.file_type", U32, FILE_TYPE_Q4_K_M)
    for key, value in {
        "block_count": shape.layers,
        "context_length": shape.context,
        "embedding_length": shape.width,
        "feed_forward_length": shape.feed_forward,
        "attention.head_count": shape.heads,
        "attention.head_count_kv": shape.kv_heads,
        "rope.dimension_count": shape.width // shape.heads,
    }.items():
        model.set(f"{prefix}.{key}", U32, value)
    model.set(f"{prefix}.attention.layer_norm_rms_epsilon", F32, 1e-5)
    model.set("tokenizer.ggml.model", STRING, "gpt2")
    tokens = [f"t{number}" for number in range(shape.vocabulary)]
    model.set_raw("tokenizer.ggml.tokens", ARRAY, array(STRING, tokens))
    model.set_raw("tokenizer.ggml.token_type", ARRAY, array(I32, [1] * shape.vocabulary))
    model.set("tokenizer.chat_template", STRING, "{{ messages[0].content }}")
    offset = 0
    for name, columns, rows, kind in tensors(shape):
        model.tensors.append(Tensor(name, (columns, rows), kind, offset))
        offset += -(-columns * rows * BLOCK_BYTES[kind] // BLOCK // 32) * 32
    return model, offset


def tensors(shape: Shape) -> list[tuple[str, int, int, int]]:
    """Name, columns, rows and type of each matrix."""
    width, narrow = shape.width, shape.width // shape.heads * shape.kv_heads
    rows = [("token_embd.weight", width, shape.vocabulary, Q6_K)]
    if not shape.tied:
        rows.append(("output.weight", width, shape.vocabulary, Q6_K))
    for layer in range(shape.layers):
        block = f"blk.{layer}."
        rows += [
            (f"{block}attn_q.weight", width, width, Q4_K),
            (f"{block}attn_k.weight", width, narrow, Q4_K),
            (f"{block}attn_v.weight", width, narrow, Q6_K),
            (f"{block}attn_output.weight", width, width, Q4_K),
            (f"{block}ffn_gate.weight", width, shape.feed_forward, Q4_K),
            (f"{block}ffn_up.weight", width, shape.feed_forward, Q4_K),
            (f"{block}ffn_down.weight", shape.feed_forward, width, Q4_K),
        ]
    return rows
