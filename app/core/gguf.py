"""Read the header of a GGUF file, whole or in part, without trusting it.

Format: ggml's docs/gguf.md, versions 2 and 3, little-endian. Every count and length is checked
against the bytes that are really there before anything is read, so a lie costs no memory.
"""

import struct
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from app.core.gguf_source import BytesSource, FileSource, open_model_file
from app.core.gguf_types import (
    BadGguf,
    GgufArray,
    GgufHeader,
    GgufTensor,
    MetadataValue,
    NotAGguf,
    TruncatedGguf,
)

MAGIC = b"GGUF"
_ARRAY, _STRING, _BOOL = 9, 8, 7
_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    _BOOL: struct.Struct("<B"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_DOWNLOAD_AGAIN = "Download the model again."


class Limits(Struct, frozen=True):
    """What a header may hold at most; far above every real model."""

    metadata: int = 65_536
    """Key-value pairs."""
    tensors: int = 262_144
    string: int = 64 * 1024**2
    """Bytes of one string."""
    key: int = 1024
    """Bytes of a key or a tensor's name."""
    header: int = 256 * 1024**2
    """Bytes of the whole header; real ones have up to some ten million."""
    nesting: int = 4
    """Arrays in arrays."""
    dimensions: int = 4
    """Of a tensor (GGML_MAX_DIMS)."""
    kept_values: int = 4096
    """Longer arrays are counted, and their values left out."""
    kept_whole: frozenset[str] = frozenset()
    """Keys of arrays of strings whose values are kept however many they are."""


def read_header(source: Path | bytes, *, limits: Limits | None = None) -> GgufHeader:
    """Read the whole header of a model file, or of bytes that hold one.

    Raises:
        ModelFileUnreadable: the file is missing, no regular file, or may not be read.
        NotAGguf: it is something else.
        TruncatedGguf: it ends inside the header.
        BadGguf: the header holds what no header can.
    """
    limits = limits or Limits()
    if isinstance(source, bytes):
        return _Parser(BytesSource(source), limits).header()
    with open_model_file(source) as file:
        return _Parser(FileSource(file, source.name), limits).header()


def read_partial(data: bytes, *, limits: Limits | None = None) -> GgufHeader:
    """Read what the first bytes of a model file tell; `complete` says whether it was all.

    The hyper-parameters sit in the first kilobyte, so 64 KB tell everything but the chat template.

    Raises:
        NotAGguf: the bytes begin no GGUF file.
        BadGguf: the header holds what no header can.
    """
    return _Parser(BytesSource(data), limits or Limits()).header(partial=True)


class _End(Exception):
    """The bytes end before the header does; `missing` is how many are needed at least."""

    def __init__(self, missing: int) -> None:
        self.missing = missing


class _Parser:
    """Walks over the header once, from front to back."""

    def __init__(self, source: BytesSource | FileSource, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._at = 0
        self._version = 0
        self._metadata: dict[str, MetadataValue] = {}
        self._tensor_count = 0
        self._tensors: list[GgufTensor] = []

    def header(self, *, partial: bool = False) -> GgufHeader:
        try:
            self._read()
        except _End as end:
            if not partial or self._version == 0:
                self._too_short(end.missing)
            return self._result(data_offset=0, complete=False)
        alignment = self._alignment()
        return self._result(data_offset=-(-self._at // alignment) * alignment, complete=True)

    def _result(self, *, data_offset: int, complete: bool) -> GgufHeader:
        return GgufHeader(
            version=self._version,
            metadata=self._metadata,
            tensor_count=self._tensor_count,
            tensors=tuple(self._tensors),
            data_offset=data_offset,
            complete=complete,
        )

    def _read(self) -> None:
        self._check_magic()
        version = self._u32()
        if version not in (2, 3):
            self._refuse_version(version)
        tensor_count, metadata_count = self._u64(), self._u64()
        self._version, self._tensor_count = version, tensor_count
        self._limit("tensors", tensor_count, self._limits.tensors)
        self._limit("metadata entries", metadata_count, self._limits.metadata)
        for _ in range(metadata_count):
            key = self._key()
            if key in self._metadata:
                self._bad(f"the key {key!r} appears twice")
            self._value(key, self._u32())
        for _ in range(tensor_count):
            self._tensors.append(self._tensor())

    def _check_magic(self) -> None:
        self._source.load(1024)
        start = bytes(self._source.data[:1024])
        if not start:
            self._too_short(1)
        if start[:4] != MAGIC[: len(start)]:
            raise NotAGguf(
                f"{self._source.name} is not a GGUF model",
                f"It begins like {_describe(start)}.",
                "Choose a file whose name ends in .gguf, or download the model again.",
            )
        self._at = 4

    def _refuse_version(self, version: int) -> NoReturn:
        if version & 0xFFFF == 0 and version:
            self._bad("it was made for big-endian computers, which this computer is not")
        if version == 1:
            self._bad("it has the old format version 1, which engines gave up in 2023")
        self._bad(f"its format version is {version}, and 2 and 3 are known")

    def _alignment(self) -> int:
        value = self._metadata.get("general.alignment", GgufHeader.DEFAULT_ALIGNMENT)
        if not isinstance(value, int) or not 0 < value <= 1024**2 or value & (value - 1):
            self._bad(f"its alignment is {value}, which is no power of two")
        return value

    # -- metadata

    def _value(self, key: str, kind: int) -> None:
        """Read one value and keep it; an array cut off by the end is kept by its count."""
        if kind == _ARRAY:
            element, count = self._array_start(key)
            self._metadata[key] = GgufArray(type=element, count=count, values=None)
            if element == _STRING and key in self._limits.kept_whole:
                raw = self._strings(count, keep=True)
                # Escaped, not replaced: different bytes stay different texts.
                texts = tuple(text.decode("utf-8", errors="surrogateescape") for text in raw)
                self._metadata[key] = GgufArray(type=element, count=count, values=texts)
            elif count <= self._limits.kept_values and element != _ARRAY:
                values = tuple(self._scalar(key, element) for _ in range(count))
                self._metadata[key] = GgufArray(type=element, count=count, values=values)
            else:
                self._skip(key, element, count, depth=1)
        else:
            self._metadata[key] = self._scalar(key, kind)

    def _scalar(self, key: str, kind: int) -> str | int | float | bool:
        if kind == _STRING:
            return self._string().decode("utf-8", errors="replace")
        packing = _SCALARS.get(kind)
        if packing is None:
            self._bad(f"the value of {key!r} has the unknown type {kind}")
        start = self._advance(packing.size)
        value: int | float = packing.unpack_from(self._source.data, start)[0]
        return bool(value) if kind == _BOOL else value

    def _array_start(self, key: str) -> tuple[int, int]:
        element, count = self._u32(), self._u64()
        if element not in _SCALARS and element not in (_STRING, _ARRAY):
            self._bad(f"the array {key!r} has the unknown type {element}")
        return element, count

    def _skip(self, key: str, kind: int, count: int, depth: int) -> None:
        """Step over the elements of an array."""
        if kind == _STRING:
            self._strings(count)
        elif kind == _ARRAY:
            if depth >= self._limits.nesting:
                self._bad(f"the array {key!r} is nested more than {self._limits.nesting} deep")
            self._need(count * 12)
            for _ in range(count):
                self._skip(key, *self._array_start(key), depth=depth + 1)
        else:
            self._advance(_SCALARS[kind].size * count)

    def _strings(self, count: int, *, keep: bool = False) -> list[bytes]:
        """Step over strings; the token list has hundreds of thousands, so this is kept tight."""
        self._need(count * 8)
        kept: list[bytes] = []
        unpack, limit = _U64.unpack_from, self._limits.string
        at, data = self._at, self._source.data
        loaded = len(data)
        for _ in range(count):
            if at + 8 > loaded:
                self._at = at
                self._need(8)
                loaded = len(data)
            length = unpack(data, at)[0]
            if length > limit:
                self._bad(f"a string of {length:,} bytes is announced")
            at += 8 + length
            if keep:
                if at > loaded:
                    self._at = at
                    self._need(0)
                    loaded = len(data)
                kept.append(bytes(data[at - length : at]))
        self._at = at
        self._need(0)
        return kept

    # -- tensors

    def _tensor(self) -> GgufTensor:
        name = self._key()
        dimensions = self._u32()
        if not 1 <= dimensions <= self._limits.dimensions:
            self._bad(f"the tensor {name!r} has {dimensions} dimensions")
        shape = tuple(self._u64() for _ in range(dimensions))
        return GgufTensor(name=name, shape=shape, type=self._u32(), offset=self._u64())

    # -- bytes

    def _need(self, count: int) -> None:
        """Have `count` more bytes loaded."""
        end = self._at + count
        if end > self._source.size:
            raise _End(end - self._source.size)
        if end > len(self._source.data):
            if end > self._limits.header:
                self._bad(f"more than {self._limits.header:,} bytes are announced")
            self._source.load(end)
            if end > len(self._source.data):
                raise _End(end - len(self._source.data))

    def _advance(self, count: int) -> int:
        """Step over `count` bytes; where they begin."""
        start = self._at
        self._need(count)
        self._at = start + count
        return start

    def _u32(self) -> int:
        value: int = _U32.unpack_from(self._source.data, self._advance(4))[0]
        return value

    def _u64(self) -> int:
        value: int = _U64.unpack_from(self._source.data, self._advance(8))[0]
        return value

    def _string(self, limit: int | None = None) -> bytes:
        length = self._u64()
        if length > (limit or self._limits.string):
            self._bad(f"a string of {length:,} bytes is announced")
        start = self._advance(length)
        return bytes(self._source.data[start : start + length])

    def _key(self) -> str:
        raw = self._string(self._limits.key)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self._bad("a name in it is not text")

    # -- refusals

    def _limit(self, what: str, count: int, limit: int) -> None:
        if count > limit:
            self._bad(f"{count:,} {what} are announced, and {limit:,} is the most that is read")

    def _bad(self, reason: str) -> NoReturn:
        raise BadGguf(
            f"{self._source.name} is damaged or no valid model",
            f"In its header {reason}.",
            _DOWNLOAD_AGAIN,
        )

    def _too_short(self, missing: int) -> NoReturn:
        raise TruncatedGguf(
            f"{self._source.name} is incomplete",
            f"It ends after {self._source.size:,} bytes, inside its header; at least "
            f"{missing:,} bytes are missing.",
            _DOWNLOAD_AGAIN,
            missing=missing,
        )


def _describe(start: bytes) -> str:
    """What a file that is no GGUF looks like."""
    text = start.lstrip().lower()
    if start.startswith((b"tjgg", b"fmgg", b"lmgg", b"algg")):
        return "a GGML file from before 2023, which engines no longer read"
    if start.startswith(b"PK\x03\x04"):
        return "a zip or PyTorch file"
    if start[8:9] == b"{":
        return "a safetensors file"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer: the model itself was not fetched"
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page: the download was answered by an error or log-in page"
    if not start.strip(b"\0"):
        return "zeros, as an unfinished or lost download does"
    return f"something else, which begins with the bytes {start[:4].hex(' ').upper()}"
