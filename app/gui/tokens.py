"""The design tokens: every colour and measure of the window, read from one file."""

from typing import Literal

import msgspec
from msgspec import Struct

from app.core.paths import resource

Scheme = Literal["dark", "light"]


class TypeStyle(Struct, frozen=True):
    """A named size of text. Sizes are pixels at the reading size that ships."""

    size: int
    line: int
    weight: int
    family: Literal["ui", "mono"] = "ui"


class FontFamily(Struct, frozen=True):
    """A family that ships with the program."""

    family: str
    fallback: tuple[str, ...] = ()


class Stroke(Struct, frozen=True):
    """How thick a Lucide icon is drawn at one size."""

    lucide_stroke_width: float


class IconSizes(Struct, frozen=True):
    """Icon sizes by use, and the stroke of each."""

    stroke: dict[str, Stroke]


class FontFamilies(Struct, frozen=True):
    """The two families."""

    ui: FontFamily
    mono: FontFamily


class Tokens(Struct, frozen=True):
    """`resources/style/tokens.json`. Lengths are device-independent pixels, times milliseconds."""

    roles: dict[str, str]
    color: dict[Scheme, dict[str, str]]
    syntax: dict[Scheme, dict[str, str]]
    type: dict[str, TypeStyle]
    size: dict[str, int | tuple[int, int]]
    radius: dict[str, int | str]
    icon: IconSizes
    font: FontFamilies
    motion: dict[str, int | str]


def load_tokens() -> Tokens:
    """Read the tokens that ship with the program."""
    return msgspec.json.decode(resource("style/tokens.json").read_bytes(), type=Tokens)
