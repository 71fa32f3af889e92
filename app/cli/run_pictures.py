"""The pictures of `corral run --image FILE`."""

from collections.abc import Sequence
from pathlib import Path

from app.core.conversations import Picture
from app.core.errors import ModelError
from app.core.loaded_model import LoadedModel
from app.core.pictures import check_together, checked_size, read_picture


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


def check_sight(loaded: LoadedModel) -> None:
    """Raise `ModelError` for a model that cannot see."""
    if loaded.info is None or not loaded.info.vision:
        raise ModelError(
            f"{loaded.model.name} cannot see pictures",
            "Nothing was sent.",
            "Leave out --image, or choose a model with vision.",
        )
