"""The parts of a GGUF header, and what can be wrong with a model file."""

import math
from collections import Counter
from typing import ClassVar, NamedTuple

from msgspec import Struct

from app.core import quantization
from app.core.errors import ModelError


class ModelFileUnreadable(ModelError):
    """The file is missing, is no regular file, or may not be read."""

    code = "file_missing"


class NotAGguf(ModelError):
    """The file is something else than a GGUF model."""

    code = "not_a_model"


class TruncatedGguf(ModelError):
    """The file ends too early. `missing` is how many bytes it lacks at least."""

    code = "truncated"

    def __init__(
        self, title: str, message: str = "", hint: str = "", detail: str = "", missing: int = 0
    ) -> None:
        super().__init__(title, message, hint, detail)
        self.missing = missing


class BadGguf(ModelError):
    """The header contradicts itself or the file, or holds values no model can have."""

    code = "bad_model"


class TensorType(NamedTuple):
    """How a tensor's elements are stored (ggml.h, ggml.c `type_traits`)."""

    name: str
    block: int
    """Elements in a block."""
    size: int
    """Bytes of a block."""


TENSOR_TYPES: dict[int, TensorType] = {
    0: TensorType("F32", 1, 4),
    1: TensorType("F16", 1, 2),
    2: TensorType("Q4_0", 32, 18),
    3: TensorType("Q4_1", 32, 20),
    6: TensorType("Q5_0", 32, 22),
    7: TensorType("Q5_1", 32, 24),
    8: TensorType("Q8_0", 32, 34),
    9: TensorType("Q8_1", 32, 36),
    10: TensorType("Q2_K", 256, 84),
    11: TensorType("Q3_K", 256, 110),
    12: TensorType("Q4_K", 256, 144),
    13: TensorType("Q5_K", 256, 176),
    14: TensorType("Q6_K", 256, 210),
    15: TensorType("Q8_K", 256, 292),
    16: TensorType("IQ2_XXS", 256, 66),
    17: TensorType("IQ2_XS", 256, 74),
    18: TensorType("IQ3_XXS", 256, 98),
    19: TensorType("IQ1_S", 256, 50),
    20: TensorType("IQ4_NL", 32, 18),
    21: TensorType("IQ3_S", 256, 110),
    22: TensorType("IQ2_S", 256, 82),
    23: TensorType("IQ4_XS", 256, 136),
    24: TensorType("I8", 1, 1),
    25: TensorType("I16", 1, 2),
    26: TensorType("I32", 1, 4),
    27: TensorType("I64", 1, 8),
    28: TensorType("F64", 1, 8),
    29: TensorType("IQ1_M", 256, 56),
    30: TensorType("BF16", 1, 2),
    34: TensorType("TQ1_0", 256, 54),
    35: TensorType("TQ2_0", 256, 66),
    39: TensorType("MXFP4", 32, 17),
    40: TensorType("NVFP4", 64, 36),
    41: TensorType("Q1_0", 128, 18),
    42: TensorType("Q2_0", 64, 18),
}

REMOVED_TENSOR_TYPES = {4, 5, 31, 32, 33, 36, 37, 38}
"""Numbers that llama.cpp gave up: old files need to be downloaded again."""


class GgufArray(Struct, frozen=True):
    """An array in the metadata."""

    type: int
    """GGUF value type of the elements."""
    count: int
    values: tuple[object, ...] | None
    """None for an array too long to be kept, such as the token list."""


MetadataValue = str | int | float | bool | GgufArray


class GgufTensor(Struct, frozen=True):
    """What the header says of one tensor."""

    name: str
    shape: tuple[int, ...]
    """Elements per dimension, fastest first."""
    type: int
    """Key of `TENSOR_TYPES`, if known."""
    offset: int
    """Bytes after the header's `data_offset`."""

    @property
    def elements(self) -> int:
        """How many numbers the tensor holds."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes of the tensor; its type must be known."""
        kind = TENSOR_TYPES[self.type]
        return self.elements // kind.block * kind.size


class GgufHeader(Struct, frozen=True):
    """All that a GGUF file says of its model before the weights."""

    DEFAULT_ALIGNMENT: ClassVar[int] = 32

    version: int
    metadata: dict[str, MetadataValue]
    tensor_count: int
    tensors: tuple[GgufTensor, ...]
    data_offset: int
    """Bytes before the weights; 0 while the header is incomplete."""
    complete: bool
    """False when only the beginning of the header was there to be read."""

    def text(self, key: str) -> str | None:
        """A string of the metadata; None if absent or of another kind."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None

    def integer(self, key: str) -> int | None:
        """An integer of the metadata; None if absent or of another kind."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def hyper(self, key: str) -> MetadataValue | None:
        """A hyper-parameter: the value of `[architecture].key`."""
        return self.metadata.get(f"{self.architecture}.{key}")

    def hyper_integer(self, key: str) -> int | None:
        """An integer hyper-parameter; None if absent or of another kind."""
        return self.integer(f"{self.architecture}.{key}")

    def _per_layer(self, key: str) -> int | tuple[int, ...] | None:
        value = self.hyper(key)
        if isinstance(value, GgufArray) and value.values is not None:
            return tuple(each for each in value.values if isinstance(each, int))
        return self.hyper_integer(key)

    @property
    def architecture(self) -> str:
        """Such as "llama"; empty if the file does not say."""
        return self.text("general.architecture") or ""

    @property
    def name(self) -> str | None:
        """The model's name as its maker wrote it."""
        return self.text("general.name")

    @property
    def size_label(self) -> str | None:
        """Such as "135M" or "8x7B"."""
        return self.text("general.size_label")

    @property
    def kind(self) -> str:
        """`general.type`: "model" unless the file says mmproj, adapter, imatrix…"""
        return self.text("general.type") or "model"

    @property
    def block_count(self) -> int | None:
        """Transformer layers."""
        return self.hyper_integer("block_count")

    @property
    def context_length(self) -> int | None:
        """Tokens of context the model was trained for."""
        return self.hyper_integer("context_length")

    @property
    def embedding_length(self) -> int | None:
        """Width of the hidden state."""
        return self.hyper_integer("embedding_length")

    @property
    def head_count(self) -> int | tuple[int, ...] | None:
        """Attention heads, for all layers or per layer."""
        return self._per_layer("attention.head_count")

    @property
    def head_count_kv(self) -> int | tuple[int, ...] | None:
        """Heads of the KV cache, for all layers or per layer; without the key, all heads."""
        found = self._per_layer("attention.head_count_kv")
        return self.head_count if found is None else found

    @property
    def _head_size(self) -> int | None:
        heads = self.head_count
        most = max(heads, default=0) if isinstance(heads, tuple) else heads
        return self.embedding_length // most if self.embedding_length and most else None

    @property
    def key_length(self) -> int | None:
        """Numbers per head in the K cache; by default embedding length / heads."""
        return self.hyper_integer("attention.key_length") or self._head_size

    @property
    def value_length(self) -> int | None:
        """Numbers per head in the V cache; by default embedding length / heads."""
        return self.hyper_integer("attention.value_length") or self._head_size

    @property
    def feed_forward_length(self) -> int | tuple[int, ...] | None:
        """Numbers in the middle of a feed-forward layer, for all layers or per layer."""
        return self._per_layer("feed_forward_length")

    @property
    def sliding_window(self) -> int | None:
        """Tokens a windowed layer looks back, None if the model has no such layers."""
        return self.hyper_integer("attention.sliding_window") or None

    @property
    def vocabulary_size(self) -> int | None:
        """Tokens the model knows."""
        tokens = self.metadata.get("tokenizer.ggml.tokens")
        return tokens.count if isinstance(tokens, GgufArray) else self.hyper_integer("vocab_size")

    @property
    def chat_template(self) -> str | None:
        """The Jinja template that makes a prompt of messages."""
        return self.text("tokenizer.chat_template")

    @property
    def alignment(self) -> int:
        """Tensors start at multiples of this many bytes."""
        return self.integer("general.alignment") or self.DEFAULT_ALIGNMENT

    @property
    def split_count(self) -> int:
        """Files that the model is split into; 1 if it is not."""
        return self.integer("split.count") or 1

    @property
    def split_number(self) -> int:
        """Which of the files this is, from 0."""
        return self.integer("split.no") or 0

    @property
    def parameter_count(self) -> int | None:
        """Numbers in all tensors of this file; None until the header is complete."""
        if not self.complete:
            return None
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def quantization(self) -> str:
        """The label by `general.file_type`, else that of most bytes; empty if neither tells."""
        file_type = self.integer("general.file_type")
        guessed_flag = 1024
        if file_type is not None and (
            label := quantization.from_file_type(file_type & ~guessed_flag)
        ):
            return label
        weights: Counter[str] = Counter()
        for tensor in self.tensors:
            if tensor.type in TENSOR_TYPES:
                weights[TENSOR_TYPES[tensor.type].name] += tensor.size
        return weights.most_common(1)[0][0] if weights else ""
