"""Where the bytes of a GGUF header come from: memory, or a file that is never waited for."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from app.core.gguf_types import ModelFileUnreadable


def open_model_file(path: Path) -> BinaryIO:
    """Open a regular file for reading; a FIFO or device is refused and never waited for."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            file = open(path, "rb", buffering=0, opener=_never_wait)  # noqa: SIM115 - returned
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file
            file.close()
    except FileNotFoundError:
        raise ModelFileUnreadable(
            f"{path.name} is not there",
            f"Nothing was found at {path}.",
            "Connect the drive it is on, or remove the model from the list.",
        ) from None
    except (OSError, ValueError) as error:
        raise ModelFileUnreadable(
            f"{path.name} cannot be read",
            f"The system says: {getattr(error, 'strerror', None) or error}.",
            "Check that you may read the file and that its drive works.",
        ) from error
    kind = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
    raise ModelFileUnreadable(
        f"{path.name} is not a model file",
        f"{path} is {kind}, not a file.",
        "Choose a file whose name ends in .gguf.",
    )


def _never_wait(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class BytesSource:
    """Header bytes that are all there."""

    name = "The data"

    def __init__(self, data: bytes) -> None:
        self.data: bytes | bytearray = data
        self.size = len(data)

    def load(self, end: int) -> None:
        """Nothing more can come."""


class FileSource:
    """Header bytes read from a file in growing steps."""

    _STEP = 1024**2

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.data: bytes | bytearray = bytearray()
        self.size = os.fstat(file.fileno()).st_size
        self.name = name

    def load(self, end: int) -> None:
        """Have all bytes before `end`, as far as the file goes."""
        wanted = max(end, len(self.data) + self._STEP)
        while len(self.data) < min(wanted, self.size):
            try:
                piece = self._file.read(min(wanted - len(self.data), 8 * self._STEP))
            except OSError as error:
                raise ModelFileUnreadable(
                    f"{self.name} cannot be read",
                    f"The system says: {error.strerror or error}.",
                    "Check that its drive works.",
                ) from error
            if not piece:
                self.size = len(self.data)
                return
            self.data += piece
