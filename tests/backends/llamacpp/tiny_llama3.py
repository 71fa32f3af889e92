"""Writes a tiny model of random weights with the real vocabulary of Llama 3.

The vocabulary file of llama.cpp holds the metadata of an 8B model of Llama 3.0 and no weights. Its
sizes are made small where they stand, and three reserved control tokens get the names that they
bear since Llama 3.1.
"""

import struct
from pathlib import Path

import numpy as np

WIDTH, FEED, HEADS, VOCABULARY = 32, 64, 2, 128_256
SIZES = {
    "llama.block_count": (32, 1),
    "llama.embedding_length": (4096, WIDTH),
    "llama.feed_forward_length": (14_336, FEED),
    "llama.attention.head_count": (32, HEADS),
    "llama.attention.head_count_kv": (8, HEADS),
    "llama.rope.dimension_count": (128, WIDTH // HEADS),
}
"""What the file says and what is said instead."""
NAMES = {
    "<|reserved_special_token_2|>": "<|finetune_right_pad_id|>",
    "<|reserved_special_token_4|>": "<|eom_id|>",
    "<|reserved_special_token_5|>": "<|python_tag|>",
}
SHAPES: dict[str, tuple[int, ...]] = {  # the fastest dimension first
    "token_embd.weight": (WIDTH, VOCABULARY),
    "output_norm.weight": (WIDTH,),
    "blk.0.attn_norm.weight": (WIDTH,),
    "blk.0.attn_q.weight": (WIDTH, WIDTH),
    "blk.0.attn_k.weight": (WIDTH, WIDTH),
    "blk.0.attn_v.weight": (WIDTH, WIDTH),
    "blk.0.attn_output.weight": (WIDTH, WIDTH),
    "blk.0.ffn_norm.weight": (WIDTH,),
    "blk.0.ffn_gate.weight": (WIDTH, FEED),
    "blk.0.ffn_up.weight": (WIDTH, FEED),
    "blk.0.ffn_down.weight": (FEED, WIDTH),
}
_U32, _STRING = 4, 8  # types of metadata in GGUF
_F32, _ALIGNMENT = 0, 32
_COUNTS = struct.Struct("<4sIQQ")  # magic, version, tensors, pairs of metadata


def write(path: Path, vocabulary: Path, template: str) -> Path:
    """Write the model to `path`, of a vocabulary file and with a chat template."""
    magic, version, tensors, pairs = _COUNTS.unpack_from(data := vocabulary.read_bytes())
    assert tensors == 0
    metadata = data[_COUNTS.size :]
    for key, (old, new) in SIZES.items():
        metadata = _replace(metadata, _string(key) + _u32(old), _string(key) + _u32(new))
    for name, new_name in NAMES.items():
        metadata = _replace(metadata, _string(name), _string(new_name))
    metadata += _string("tokenizer.chat_template") + struct.pack("<I", _STRING) + _string(template)

    numbers = np.random.default_rng(3)
    infos, weights = b"", b""
    for name, shape in SHAPES.items():
        infos += _string(name) + struct.pack("<I", len(shape))
        infos += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", _F32, len(weights))
        weights += numbers.normal(0, 0.1, shape).astype("<f4").tobytes()  # multiples of 32 bytes
    head = _COUNTS.pack(magic, version, len(SHAPES), pairs + 1) + metadata + infos
    path.write_bytes(head + b"\0" * (-len(head) % _ALIGNMENT) + weights)
    return path


def _replace(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1
    return data.replace(old, new)


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _u32(value: int) -> bytes:
    return struct.pack("<II", _U32, value)
