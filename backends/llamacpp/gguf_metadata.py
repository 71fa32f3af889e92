"""Reads a few facts from the head of a GGUF file, before native code sees the file.

Bounded: it stops at absurd lengths instead of believing them. The format: gguf.md of ggml.
"""

import struct
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from backends.errors import ModelFileMissing, ModelFileTruncated, NotAModelFile

MAX_KEYS = 10_000
MAX_TEXT = 64 * 1024 * 1024
MAX_ITEMS = 10_000_000
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9


def read_texts(path: Path, keys: Collection[str]) -> dict[str, str]:
    """The text values of those `keys` that the file has.

    Raises `ModelFileMissing`, `NotAModelFile` and `ModelFileTruncated`.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file).texts(keys)
    except OSError as error:
        raise ModelFileMissing(f"The file cannot be read: {path}", str(error)) from None


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def texts(self, keys: Collection[str]) -> dict[str, str]:
        if self._bytes(4) != b"GGUF":
            raise NotAModelFile("The file is not a GGUF file.")
        version, _tensors, count = self._numbers("<IQQ")
        if not 2 <= version <= 3 or count > MAX_KEYS:
            raise NotAModelFile("The file is not a GGUF file that can be read.")
        found: dict[str, str] = {}
        for _ in range(count):
            key = self._text()
            (kind,) = self._numbers("<I")
            if kind == _STRING and key in keys:
                found[key] = self._text()
            else:
                self._skip(kind)
        return found

    def _skip(self, kind: int) -> None:
        if kind == _STRING:
            self._text()
        elif kind == _ARRAY:
            item, count = self._numbers("<IQ")
            if count > MAX_ITEMS or item == _ARRAY:
                raise NotAModelFile("The file is damaged: it holds an endless list.")
            if item == _STRING:
                for _ in range(count):
                    self._text()
            else:
                self._file.seek(self._size(item) * count, 1)
        else:
            self._file.seek(self._size(kind), 1)

    @staticmethod
    def _size(kind: int) -> int:
        try:
            return _SIZES[kind]
        except KeyError:
            raise NotAModelFile("The file is damaged: it holds an unknown type.") from None

    def _text(self) -> str:
        (length,) = self._numbers("<Q")
        if length > MAX_TEXT:
            raise NotAModelFile("The file is damaged: it holds an endless text.")
        return self._bytes(length).decode("utf-8", "replace")

    def _numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self._bytes(struct.calcsize(form)))

    def _bytes(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) < count:
            raise ModelFileTruncated("The file ends in the middle of its description.")
        return data
