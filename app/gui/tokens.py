"""The design tokens: every colour and measure of the window, read from one file."""

from typing import Any, Literal, NamedTuple

import msgspec

from app.core.paths import resource

Scheme = Literal["dark", "light"]
Length = int | tuple[int, int]


class TypeStyle(NamedTuple):
    """A named size of text. Sizes are pixels at the reading size that ships."""

    size: int
    line: int
    weight: int
    family: Literal["ui", "mono"]


class Tokens:
    """`resources/style/tokens.json`. Lengths are device-independent pixels, times milliseconds.

    Part of what is painted first, so plain Python: a typed decoder takes longer to set up.
    """

    def __init__(self, raw: dict[str, Any]) -> None:
        self.roles: dict[str, str] = raw["roles"]
        self.color: dict[Scheme, dict[str, str]] = raw["color"]
        self.syntax: dict[Scheme, dict[str, str]] = raw["syntax"]
        self.type = {
            name: TypeStyle(each["size"], each["line"], each["weight"], each.get("family", "ui"))
            for name, each in raw["type"].items()
        }
        self.size: dict[str, Length] = {
            name: each if isinstance(each, int) else (each[0], each[1])
            for name, each in raw["size"].items()
        }
        self.radius: dict[str, int | str] = raw["radius"]
        self.stroke: dict[int, float] = {
            int(size): each["lucide_stroke_width"] for size, each in raw["icon"]["stroke"].items()
        }
        """Stroke width in Lucide's own units, by icon size."""
        self.ui_family: str = raw["font"]["ui"]["family"]
        self.mono_family: str = raw["font"]["mono"]["family"]
        self.motion: dict[str, int | str] = raw["motion"]


def pair(length: Length) -> tuple[int, int]:
    """Width and height of a measure; both the same where it has one number."""
    return length if isinstance(length, tuple) else (length, length)


def load_tokens() -> Tokens:
    """Read the tokens that ship with the program."""
    return Tokens(msgspec.json.decode(resource("style/tokens.json").read_bytes()))
