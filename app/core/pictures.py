"""Which pictures a message may have: checked by what is in the file, never by its name."""

from collections.abc import Sequence
from pathlib import Path

from app.core.conversations import Picture
from app.core.errors import AppError
from app.core.files import storage_error
from backends.errors import BadRequest
from backends.image_file import MAX_BYTES, check_image, image_size

MAX_TOGETHER = 40 * 2**20
"""Bytes of all pictures of one request. As Base64 they must fit into one line of 64 MiB."""
MAX_PICTURES = 64
"""Of one request; engines take no more."""
MAX_OF_MESSAGE = 16


class PictureError(AppError):
    """A file cannot be used as a picture of a message."""

    code = "picture"
    exit_code = 2


def checked_size(data: bytes, name: str = "") -> tuple[int, int]:
    """Width and height of an encoded picture that engines can read. Raises `PictureError`."""
    try:
        check_image(data)
    except BadRequest as error:
        title = f"{name} cannot be used" if name else "This picture cannot be used"
        raise PictureError(title, error.message) from error
    size = image_size(data)
    assert size is not None, "a picture that passed the check has a size"
    return size


def read_picture(path: Path) -> bytes:
    """The file at `path`, unless it is too large. Raises `PictureError` and `StorageError`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise storage_error(f"{path.name} cannot be read", path, error) from error
    if len(data) > MAX_BYTES:
        raise PictureError(
            f"{path.name} is too large",
            f"At most {MAX_BYTES // 2**20} MB are possible.",
            "Make it smaller, then attach it again.",
        )
    return data


def check_together(pictures: Sequence[Picture]) -> None:
    """Whether one message may have all of these. Raises `PictureError`."""
    if len(pictures) > MAX_OF_MESSAGE:
        raise PictureError(
            "These are too many pictures",
            f"A message has at most {MAX_OF_MESSAGE}.",
            "Send the others with the next message.",
        )
    if sum(picture.bytes for picture in pictures) > MAX_TOGETHER:
        raise PictureError(
            "These pictures are too large together",
            f"The pictures of a message have at most {MAX_TOGETHER // 2**20} MB.",
            "Send some of them with the next message.",
        )
