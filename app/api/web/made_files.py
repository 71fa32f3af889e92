"""Files of the page that are made from what the program ships with: its colours and icons."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from app.core.paths import resource


def colours_css() -> bytes:
    """The colours of both themes as custom properties of CSS.

    The system's theme is in force unless the page's root says `data-theme`.
    """
    tokens = msgspec.json.decode(resource("style/tokens.json").read_bytes())
    dark, light = (_properties(tokens, theme) for theme in ("dark", "light"))
    return (
        f":root{{color-scheme:light;{light}}}\n"
        "@media (prefers-color-scheme:dark){:root:not([data-theme=light])"
        f"{{color-scheme:dark;{dark}}}}}\n"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}\n"
    ).encode()


def icons_svg() -> bytes:
    """All icons that ship, as symbols of one picture, each under its own name."""
    folder = resource("icons/lucide")
    symbols = (_symbol(path.stem, path.read_text("utf-8")) for path in sorted(folder.glob("*.svg")))
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'.encode()


def _properties(tokens: Mapping[str, Any], theme: str) -> str:
    colours = {
        **tokens["color"][theme],
        **{f"syntax-{name}": value for name, value in tokens["syntax"][theme].items()},
    }
    return ";".join(f"--{name}:{value}" for name, value in colours.items())


def _symbol(name: str, svg: str) -> str:
    found = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    shapes = " ".join(found.group(1).split()) if found is not None else ""
    return f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>'
