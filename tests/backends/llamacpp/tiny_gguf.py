"""Writes a tiny Gemma 3 model of random weights: SentencePiece vocabulary, sliding window.

It speaks nonsense, but tokenizes, caches and computes as a real one: what SmolLM2 cannot show.
"""

import array
import random
import struct
from collections.abc import Mapping
from pathlib import Path

LAYERS, WIDTH, HEADS, HEAD, FEED = 6, 32, 2, 16, 64
WINDOW = 32
UNKNOWN, BOS, EOS, START, END, BOLD = range(6)
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6

Value = int | float | bool | str | list[str] | list[int] | list[float]


def vocabulary() -> list[tuple[str, int]]:
    """Texts and GGUF token types."""
    special = [
        ("<unk>", _UNKNOWN),
        ("<bos>", _CONTROL),
        ("<eos>", _CONTROL),
        ("<start_of_turn>", _CONTROL),
        ("<end_of_turn>", _CONTROL),
        ("<b>", _USER_DEFINED),
    ]
    octets = [(f"<0x{octet:02X}>", _BYTE) for octet in range(256)]
    letters = [(chr(code), _NORMAL) for code in range(33, 127)]
    words = [("▁", _NORMAL), *((f"▁{letter}", _NORMAL) for letter in "abcdefghijklmnopqrstuvwxyz")]
    return [*special, *octets, *letters, *words]


def write(
    path: Path,
    template: str | None = None,
    tool_template: str | None = None,
    **further: Value,
) -> Path:
    """Write the model to `path`, with `template` as its chat template, and one for tools.

    `further` is told of its tokenizer besides.
    """
    tokens = vocabulary()
    metadata: dict[str, Value] = {
        "general.architecture": "gemma3",
        "gemma3.context_length": 512,
        "gemma3.embedding_length": WIDTH,
        "gemma3.block_count": LAYERS,
        "gemma3.feed_forward_length": FEED,
        "gemma3.attention.head_count": HEADS,
        "gemma3.attention.head_count_kv": 1,
        "gemma3.attention.key_length": HEAD,
        "gemma3.attention.value_length": HEAD,
        "gemma3.attention.layer_norm_rms_epsilon": 1e-6,
        "gemma3.attention.sliding_window": WINDOW,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [text for text, _ in tokens],
        "tokenizer.ggml.scores": [-float(number) for number in range(len(tokens))],
        "tokenizer.ggml.token_type": [kind for _, kind in tokens],
        "tokenizer.ggml.bos_token_id": BOS,
        "tokenizer.ggml.eos_token_id": EOS,
        "tokenizer.ggml.unknown_token_id": UNKNOWN,
        "tokenizer.ggml.add_bos_token": True,
    }
    if template is not None:
        metadata["tokenizer.chat_template"] = template
    if tool_template is not None:
        metadata["tokenizer.chat_template.tool_use"] = tool_template
    metadata |= {f"tokenizer.ggml.{name}": value for name, value in further.items()}
    path.write_bytes(_encode(metadata, _tensors(len(tokens))))
    return path


def _tensors(vocabulary_size: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes, the fastest dimension first."""
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (WIDTH, vocabulary_size),
        "output_norm.weight": (WIDTH,),
    }
    for layer in range(LAYERS):
        for name, shape in {
            "attn_norm": (WIDTH,),
            "attn_q": (WIDTH, HEADS * HEAD),
            "attn_k": (WIDTH, HEAD),
            "attn_v": (WIDTH, HEAD),
            "attn_output": (HEADS * HEAD, WIDTH),
            "attn_q_norm": (HEAD,),
            "attn_k_norm": (HEAD,),
            "post_attention_norm": (WIDTH,),
            "ffn_norm": (WIDTH,),
            "ffn_gate": (WIDTH, FEED),
            "ffn_up": (WIDTH, FEED),
            "ffn_down": (FEED, WIDTH),
            "post_ffw_norm": (WIDTH,),
        }.items():
            shapes[f"blk.{layer}.{name}.weight"] = shape
    return shapes


def _encode(metadata: Mapping[str, Value], shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    numbers = random.Random(7)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(metadata))
    head += b"".join(_string(key) + _value(value) for key, value in metadata.items())
    data = b""
    for name, shape in shapes.items():
        head += _string(name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", size) for size in shape) + struct.pack(
            "<IQ", 0, len(data)
        )
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        data += array.array("f", (numbers.gauss(0, 0.5) for _ in range(count))).tobytes()
        data += b"\0" * (-len(data) % 32)
    return head + b"\0" * (-len(head) % 32) + data


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Value) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _string(value)
    encoded = [_value(item) for item in value]
    kind = struct.pack("<I", 5) if isinstance(value[0], int) else encoded[0][:4]
    bare = b"".join(item[4:] for item in encoded)
    return struct.pack("<I", 9) + kind + struct.pack("<Q", len(value)) + bare
