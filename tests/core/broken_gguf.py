"""A tiny valid model made by code, and the many ways to break it.

`tiny_model()` is a real one-layer Llama of random weights that llama.cpp loads; each `Broken`
differs from it in one respect only, and says which error a person must see.
"""

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.errors import AppError
from app.core.gguf_types import BadGguf, NotAGguf, TruncatedGguf

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
_PACK = {
    U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?",
    U64: "<Q", I64: "<q", F64: "<d",
}  # fmt: skip

EMBEDDING, FEED_FORWARD, HEADS, VOCABULARY = 32, 64, 2, 259


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def scalar(kind: int, value: Any) -> bytes:
    return text(value) if kind == STRING else struct.pack(_PACK[kind], value)


def array(kind: int, values: list[Any], count: int | None = None) -> bytes:
    start = struct.pack("<IQ", kind, len(values) if count is None else count)
    return start + b"".join(scalar(kind, value) for value in values)


@dataclass
class Tensor:
    name: str
    shape: tuple[int, ...]
    type: int = 0
    offset: int | None = None
    """None: right after the tensor before."""


@dataclass
class Model:
    """A GGUF file in parts; `data()` writes it down, lies and all."""

    metadata: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    tensors: list[Tensor] = field(default_factory=list)
    magic: bytes = b"GGUF"
    version: int = 3
    metadata_count: int | None = None
    tensor_count: int | None = None
    repeat_key: str | None = None
    alignment: int = 32

    def set(self, key: str, kind: int, value: Any) -> "Model":
        self.metadata[key] = (kind, scalar(kind, value))
        return self

    def set_raw(self, key: str, kind: int, raw: bytes) -> "Model":
        self.metadata[key] = (kind, raw)
        return self

    def remove(self, key: str) -> "Model":
        del self.metadata[key]
        return self

    def tensor(self, name: str) -> Tensor:
        return next(tensor for tensor in self.tensors if tensor.name == name)

    def header(self) -> bytes:
        pairs = list(self.metadata.items())
        if self.repeat_key:
            pairs.append((self.repeat_key, self.metadata[self.repeat_key]))
        metadata_count = len(pairs) if self.metadata_count is None else self.metadata_count
        tensor_count = len(self.tensors) if self.tensor_count is None else self.tensor_count
        out = self.magic + struct.pack("<IQQ", self.version, tensor_count, metadata_count)
        for key, (kind, raw) in pairs:
            out += text(key) + struct.pack("<I", kind) + raw
        offset = 0
        for tensor in self.tensors:
            out += text(tensor.name) + struct.pack("<I", len(tensor.shape))
            out += b"".join(struct.pack("<Q", length) for length in tensor.shape)
            at = offset if tensor.offset is None else tensor.offset
            out += struct.pack("<IQ", tensor.type, at % 2**64)
            offset += self._padded(self._bytes(tensor))
        return out.ljust(self._padded(len(out)), b"\0")

    def data(self) -> bytes:
        weights = random.Random(0)
        out = bytearray(self.header())
        for tensor in self.tensors:
            size = self._bytes(tensor)
            piece = b"".join(
                struct.pack("<f", weights.uniform(-0.1, 0.1)) for _ in range(min(size, 2**20) // 4)
            )
            out += piece.ljust(self._padded(len(piece)), b"\0")
        return bytes(out)

    def _padded(self, size: int) -> int:
        return -(-size // self.alignment) * self.alignment

    @staticmethod
    def _bytes(tensor: Tensor) -> int:
        size = 4
        for length in tensor.shape:
            size *= length
        return size


def tiny_model() -> Model:
    """One layer, two heads, a vocabulary of single bytes."""
    model = Model()
    model.set("general.architecture", STRING, "llama")
    model.set("general.name", STRING, "Tiny Test Model")
    model.set("general.size_label", STRING, "36K")
    model.set("general.file_type", U32, 0)
    model.set("llama.block_count", U32, 1)
    model.set("llama.context_length", U32, 512)
    model.set("llama.embedding_length", U32, EMBEDDING)
    model.set("llama.feed_forward_length", U32, FEED_FORWARD)
    model.set("llama.attention.head_count", U32, HEADS)
    model.set("llama.attention.head_count_kv", U32, HEADS)
    model.set("llama.attention.layer_norm_rms_epsilon", F32, 1e-5)
    model.set("llama.rope.dimension_count", U32, EMBEDDING // HEADS)
    model.set("llama.rope.freq_base", F32, 10_000.0)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    model.set("tokenizer.ggml.model", STRING, "llama")
    model.set_raw("tokenizer.ggml.tokens", ARRAY, array(STRING, tokens))
    model.set_raw("tokenizer.ggml.scores", ARRAY, array(F32, [0.0] * len(tokens)))
    kinds = [2, 3, 3] + [6] * 256
    model.set_raw("tokenizer.ggml.token_type", ARRAY, array(I32, kinds))
    model.set("tokenizer.ggml.bos_token_id", U32, 1)
    model.set("tokenizer.ggml.eos_token_id", U32, 2)
    model.tensors = [
        Tensor("token_embd.weight", (EMBEDDING, VOCABULARY)),
        Tensor("output_norm.weight", (EMBEDDING,)),
        Tensor("blk.0.attn_norm.weight", (EMBEDDING,)),
        *(Tensor(f"blk.0.attn_{each}.weight", (EMBEDDING, EMBEDDING)) for each in "qkv"),
        Tensor("blk.0.attn_output.weight", (EMBEDDING, EMBEDDING)),
        Tensor("blk.0.ffn_norm.weight", (EMBEDDING,)),
        Tensor("blk.0.ffn_gate.weight", (EMBEDDING, FEED_FORWARD)),
        Tensor("blk.0.ffn_up.weight", (EMBEDDING, FEED_FORWARD)),
        Tensor("blk.0.ffn_down.weight", (FEED_FORWARD, EMBEDDING)),
    ]
    return model


@dataclass(frozen=True)
class Broken:
    """One broken file and what a person is told of it."""

    name: str
    content: Callable[[], bytes]
    error: type[AppError]
    words: str
    """Part of the message."""

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name}.gguf"
        path.write_bytes(self.content())
        return path


def _with(key: str, kind: int, value: Any) -> Callable[[], bytes]:
    return lambda: tiny_model().set(key, kind, value).data()


def _raw(key: str, kind: int, raw: bytes) -> Callable[[], bytes]:
    return lambda: tiny_model().set_raw(key, kind, raw).data()


def _changed(change: Callable[[Model], object]) -> Callable[[], bytes]:
    def content() -> bytes:
        model = tiny_model()
        change(model)
        return model.data()

    return content


def _attributes(**values: Any) -> Callable[[], bytes]:
    def change(model: Model) -> None:
        for name, value in values.items():
            setattr(model, name, value)

    return _changed(change)


def _tensor(which: str, /, **values: Any) -> Callable[[], bytes]:
    def change(model: Model) -> None:
        tensor = model.tensor(which)
        for attribute, value in values.items():
            setattr(tensor, attribute, value)

    return _changed(change)


def _cut(size: int) -> Callable[[], bytes]:
    return lambda: tiny_model().data()[:size]


def _nested(depth: int) -> bytes:
    return struct.pack("<IQ", ARRAY, 1) * depth + struct.pack("<IQ", U8, 0)


_HEADS = "llama.attention.head_count"
_EPSILON = "llama.attention.layer_norm_rms_epsilon"
_NAN = float("nan")

BROKEN: tuple[Broken, ...] = (
    # no GGUF at all
    Broken("empty", lambda: b"", TruncatedGguf, "0 bytes"),
    Broken("wrong-magic", _attributes(magic=b"FUGG"), NotAGguf, "something else"),
    Broken("old-ggml", _attributes(magic=b"tjgg"), NotAGguf, "before 2023"),
    Broken("web-page", lambda: b"<!DOCTYPE html><html>Log in</html>", NotAGguf, "web page"),
    Broken("lfs-pointer", lambda: b"version https://git-lfs.github.com/spec/v1\n", NotAGguf, "LFS"),
    Broken("safetensors", lambda: struct.pack("<Q", 2) + b"{}" * 50, NotAGguf, "safetensors"),
    Broken("zip", lambda: b"PK\x03\x04" + bytes(100), NotAGguf, "zip"),
    Broken("zeros", lambda: bytes(4096), NotAGguf, "zeros"),
    # versions
    Broken("version-0", _attributes(version=0), BadGguf, "version is 0"),
    Broken("version-1", _attributes(version=1), BadGguf, "version 1"),
    Broken("version-99", _attributes(version=99), BadGguf, "version is 99"),
    Broken("big-endian", _attributes(version=3 << 24), BadGguf, "big-endian"),
    # cut off
    Broken("cut-in-magic", _cut(3), TruncatedGguf, "3 bytes"),
    Broken("cut-in-counts", _cut(20), TruncatedGguf, "inside its header"),
    Broken("cut-in-metadata", _cut(300), TruncatedGguf, "inside its header"),
    Broken("cut-in-vocabulary", _cut(2000), TruncatedGguf, "inside its header"),
    Broken("cut-in-tensors", lambda: tiny_model().header()[:-200], TruncatedGguf, "missing"),
    Broken("cut-in-weights", lambda: tiny_model().data()[:-1000], TruncatedGguf, "at its end"),
    Broken("no-weights-at-all", lambda: tiny_model().header(), TruncatedGguf, "at its end"),
    # lies about counts and lengths
    Broken("metadata-count-huge", _attributes(metadata_count=2**63), BadGguf, "entries"),
    Broken("tensor-count-huge", _attributes(tensor_count=2**62), BadGguf, "tensors"),
    Broken("tensor-count-short", _attributes(tensor_count=200), BadGguf, ""),
    Broken("no-tensors", _attributes(tensors=[]), BadGguf, "no weights"),
    Broken(
        "string-huge", _raw("general.name", STRING, struct.pack("<Q", 2**62)), BadGguf, "string"
    ),
    Broken(
        "string-beyond-the-end",
        _raw("general.name", STRING, struct.pack("<Q", 10_000_000)),
        TruncatedGguf,
        "missing",
    ),
    Broken("array-huge", _raw("x", ARRAY, struct.pack("<IQ", U8, 2**60)), TruncatedGguf, "missing"),
    Broken(
        "token-list-huge",
        _raw("tokenizer.ggml.tokens", ARRAY, struct.pack("<IQ", STRING, 2**40)),
        TruncatedGguf,
        "missing",
    ),
    Broken("arrays-nested", _raw("x", ARRAY, _nested(50)), BadGguf, "nested"),
    Broken("value-type-unknown", _raw("x", 77, b""), BadGguf, "unknown type 77"),
    Broken("array-type-unknown", _raw("x", ARRAY, struct.pack("<IQ", 99, 1)), BadGguf, "type 99"),
    Broken("key-twice", _attributes(repeat_key="llama.block_count"), BadGguf, "twice"),
    Broken(
        "key-not-text",
        lambda: tiny_model().data().replace(b"general.name", b"general.\xff\xfe\xfd\xfc"),
        BadGguf,
        "not text",
    ),
    Broken("alignment-0", _with("general.alignment", U32, 0), BadGguf, "alignment"),
    Broken("alignment-odd", _with("general.alignment", U32, 33), BadGguf, "alignment"),
    Broken("alignment-text", _with("general.alignment", STRING, "32"), BadGguf, "alignment"),
    # hyper-parameters that no engine stands
    Broken(
        "no-architecture", _changed(lambda m: m.remove("general.architecture")), BadGguf, "arch"
    ),
    Broken("block-count-0", _with("llama.block_count", U32, 0), BadGguf, "layers is 0"),
    Broken("block-count-1000", _with("llama.block_count", U32, 1000), BadGguf, "layers is 1,000"),
    Broken("block-count-2-31", _with("llama.block_count", U32, 2**31), BadGguf, "layers"),
    Broken("block-count-max", _with("llama.block_count", U32, 2**32 - 1), BadGguf, "layers"),
    Broken("block-count-text", _with("llama.block_count", STRING, "1"), BadGguf, "not a number"),
    Broken(
        "block-count-missing", _changed(lambda m: m.remove("llama.block_count")), BadGguf, "say"
    ),
    Broken("context-0", _with("llama.context_length", U32, 0), BadGguf, "context length is 0"),
    Broken(
        "embedding-0", _with("llama.embedding_length", U32, 0), BadGguf, "embedding length is 0"
    ),
    Broken("embedding-other", _with("llama.embedding_length", U32, 64), BadGguf, "64 wide"),
    Broken("heads-0", _with(_HEADS, U32, 0), BadGguf, "no attention heads"),
    Broken("heads-negative", _with(_HEADS, I32, -4), BadGguf, "possible number"),
    Broken("heads-huge", _with(_HEADS, U32, 2**31), BadGguf, "possible number"),
    Broken("heads-text", _with(_HEADS, STRING, "many"), BadGguf, "possible number"),
    Broken("heads-more-than-width", _with(_HEADS, U32, 64), BadGguf, "heads"),
    Broken("kv-heads-odd", _with(f"{_HEADS}_kv", U32, 3), BadGguf, "cannot share"),
    Broken("kv-heads-short", _raw(f"{_HEADS}_kv", ARRAY, array(U32, [])), BadGguf, "for 1 layers"),
    Broken("key-length-0", _with("llama.attention.key_length", U32, 0), BadGguf, "key length"),
    Broken("epsilon-nan", _with(_EPSILON, F32, _NAN), BadGguf, "not a number"),
    Broken("epsilon-negative", _with(_EPSILON, F32, -1.0), BadGguf, "not negative"),
    Broken("rope-nan", _with("llama.rope.freq_base", F32, _NAN), BadGguf, "not a number"),
    Broken("experts-10000", _with("llama.expert_count", U32, 10_000), BadGguf, "experts"),
    Broken("experts-used", _with("llama.expert_used_count", U32, 4), BadGguf, "4 of 0 experts"),
    # vocabulary
    Broken(
        "vocabulary-shorter",
        _raw("tokenizer.ggml.tokens", ARRAY, array(STRING, [f"{n}" for n in range(100)])),
        BadGguf,
        "100 tokens",
    ),
    Broken(
        "vocabulary-twice",
        _raw("tokenizer.ggml.tokens", ARRAY, array(STRING, ["same"] * VOCABULARY)),
        BadGguf,
        "same token twice",
    ),
    Broken(
        "vocabulary-empty",
        _raw("tokenizer.ggml.tokens", ARRAY, array(STRING, [])),
        BadGguf,
        "vocabulary is empty",
    ),
    Broken(
        "vocabulary-of-numbers",
        _raw("tokenizer.ggml.tokens", ARRAY, array(U32, [1] * VOCABULARY)),
        BadGguf,
        "no list of texts",
    ),
    Broken(
        "scores-shorter",
        _raw("tokenizer.ggml.scores", ARRAY, array(F32, [0.0] * 10)),
        BadGguf,
        "10 of scores",
    ),
    # tensors
    Broken(
        "tensor-no-dimensions", _tensor("output_norm.weight", shape=()), BadGguf, "0 dimensions"
    ),
    Broken("tensor-5-dimensions", _tensor("output_norm.weight", shape=(1,) * 5), BadGguf, "5 dim"),
    Broken("tensor-dimension-0", _tensor("output_norm.weight", shape=(0,)), BadGguf, "shape"),
    Broken(
        "tensor-dimensions-overflow",
        _tensor("blk.0.ffn_up.weight", shape=(2**32, 2**32, 2**32)),
        BadGguf,
        "shape",
    ),
    Broken("tensor-type-unknown", _tensor("output_norm.weight", type=1234), BadGguf, "type 1234"),
    Broken("tensor-type-removed", _tensor("output_norm.weight", type=31), BadGguf, "no longer"),
    Broken(
        "tensor-not-in-blocks", _tensor("output_norm.weight", type=12), BadGguf, "blocks of 256"
    ),
    Broken("tensor-offset-far", _tensor("output_norm.weight", offset=2**50), BadGguf, "not where"),
    Broken("tensor-offset-odd", _tensor("output_norm.weight", offset=7), BadGguf, "not where"),
    Broken("tensors-overlap", _tensor("blk.0.attn_q.weight", offset=0), BadGguf, "not where"),
    Broken("tensor-name-empty", _tensor("output_norm.weight", name=""), BadGguf, "0 bytes"),
    Broken("tensor-name-long", _tensor("output_norm.weight", name="x" * 100), BadGguf, "100 bytes"),
    Broken(
        "tensor-twice",
        _tensor("output_norm.weight", name="blk.0.attn_norm.weight"),
        BadGguf,
        "twice",
    ),
    # other things in a GGUF file
    Broken("projector", _with("general.architecture", STRING, "clip"), BadGguf, "projector"),
    Broken("adapter", _with("general.type", STRING, "adapter"), BadGguf, "LoRA"),
    Broken("parts-missing", _with("split.count", U16, 3), BadGguf, "split into 3"),
    Broken(
        "second-part",
        _changed(lambda m: m.set("split.count", U16, 3).set("split.no", U16, 1)),
        BadGguf,
        "part 2 of 3",
    ),
)
