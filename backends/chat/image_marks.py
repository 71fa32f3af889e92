"""Where the images of a conversation stand in its rendered prompt.

A template is given a text with a mark in place of each image; the rendered prompt is split at the
marks. The marks are made of Unicode noncharacters that `ControlTokenGuard` takes out of every text
that somebody typed, so nobody can write one.
"""

import re
from typing import Protocol

MAX_IMAGES = 64
"""Of one conversation."""

# Noncharacters that the guard of control tokens leaves free: begin, ten digits, end.
_BEGIN, _ZERO, _END = 0xFDE2, 0xFDE3, 0xFDED
_MARK = re.compile(f"{chr(_BEGIN)}([{chr(_ZERO)}-{chr(_ZERO + 9)}]+){chr(_END)}")


class ImageTokenizer(Protocol):
    """An engine's own way from an image to what the model reads in its place."""

    def ids(self, image: bytes) -> list[int]:
        """Ids of tokens around and inside an image, and numbers below 0 for what is no token.

        The same image always has the same ids, another one has others. Raises `BadRequest`.
        """
        ...


def image_mark(number: int) -> str:
    """The mark of the image with this number."""
    digits = "".join(chr(_ZERO + int(digit)) for digit in str(number))
    return f"{chr(_BEGIN)}{digits}{chr(_END)}"


def split_at_images(rendered: str) -> list[str | int]:
    """The texts of a rendered prompt and the numbers of the images between them."""
    parts = _MARK.split(rendered)
    numbers = ("".join(str(ord(digit) - _ZERO) for digit in part) for part in parts[1::2])
    found: list[str | int] = [parts[0]]
    for number, text in zip(numbers, parts[2::2], strict=True):
        found += [int(number), text]
    return found
