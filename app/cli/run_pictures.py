"""The pictures of `corral run`: `--image FILE`, and paths of pictures in a message."""

import re
from collections.abc import Sequence
from pathlib import Path

from app.core.conversations import Picture
from app.core.errors import ModelError
from app.core.library_types import LocalModel
from app.core.pictures import check_together, checked_size, read_picture
from backends.types import ModelInfo

_PATH = re.compile(
    r"""'(?P<single>[^'\n]+)' | "(?P<double>[^"\n]+)" | (?P<plain>(?:\\.|[^\s'"\\])+)""", re.VERBOSE
)
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")


def read_pictures(paths: Sequence[Path]) -> tuple[bytes, ...]:
    """The files, as they are. Raises `PictureError` and `StorageError`."""
    images = tuple(read_picture(path) for path in paths)
    sizes = [checked_size(data, path.name) for data, path in zip(images, paths, strict=True)]
    check_together(
        [
            Picture("", width, height, len(data))
            for (width, height), data in zip(sizes, images, strict=True)
        ]
    )
    return images


def pictures_in(text: str) -> tuple[str, tuple[Path, ...]]:
    """`text` without the paths of pictures that are there, and these paths.

    A path may stand in quotes, or have a backslash before each blank, as terminals write what is
    dropped on them.
    """
    paths: list[Path] = []
    for found in reversed(list(_PATH.finditer(text))):
        quoted = found["single"] or found["double"]
        written = quoted or re.sub(r"\\(.)", r"\1", found["plain"])
        if not written.lower().endswith(_ENDINGS):
            continue
        path = Path(written).expanduser()
        if path.is_file():
            paths.insert(0, path)
            text = text[: found.start()] + text[found.end() :]
    return re.sub(r"  +", " ", text).strip() if paths else text, tuple(paths)


def check_sight(model: LocalModel, info: ModelInfo | None) -> None:
    """Raise `ModelError` for a model that cannot see."""
    if info is None or not info.vision:
        raise ModelError(
            f"{model.name} cannot see pictures",
            "Nothing was sent.",
            "Leave out the picture, or choose a model with vision.",
        )
