"""What is known of a draft model before it is loaded: its header and its bytes of weights."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.core.errors import ModelError
from app.core.gguf import read_header
from app.core.gguf_types import GgufHeader
from app.core.mlx_header import read_mlx_header

_KEPT = 16
"""Headers that are remembered: an estimate is asked for at every step of a slider."""


@dataclass(frozen=True)
class DraftFile:
    """A model that guesses ahead, as it lies on the disk."""

    header: GgufHeader
    weights: int
    """Bytes."""


def read_draft(path: Path) -> DraftFile | None:
    """The model at `path`, a GGUF file or an MLX folder; None if it is away or not readable.

    What was read before is not read again until the file changes.
    """
    try:
        status = path.stat()
        return _read(path, status.st_size, status.st_mtime_ns)
    except (OSError, ModelError):
        return None


@lru_cache(maxsize=_KEPT)
def _read(path: Path, size: int, changed: int) -> DraftFile:
    """`size` and `changed` only tell one state of the file from another."""
    if path.is_dir():
        weights = sum(each.stat().st_size for each in path.glob("*.safetensors"))
        return DraftFile(read_mlx_header(path), weights)
    header = read_header(path)
    others = sum(each.stat().st_size for each in _other_parts(path, header))
    return DraftFile(header, max(0, size + others - header.data_offset))


def _other_parts(first: Path, header: GgufHeader) -> list[Path]:
    """The files of a split model after the first, those that are there."""
    end = f"-of-{header.split_count:05}.gguf"
    if header.split_count <= 1 or not first.name.endswith(f"-00001{end}"):
        return []
    stem = first.name.removesuffix(f"-00001{end}")
    names = (f"{stem}-{number:05}{end}" for number in range(2, header.split_count + 1))
    return [path for name in names if (path := first.with_name(name)).is_file()]
