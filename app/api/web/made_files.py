"""Files of the page that are made from what the program ships with: its colours and icons."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

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


def icons_js() -> bytes:
    """All icons that ship, each as the elements that it is drawn of.

    With the page's script they are there at once, also when the server no longer is.
    """
    paths = sorted(resource("icons/lucide").glob("*.svg"))
    icons = {path.stem: _shapes(path.read_text("utf-8")) for path in paths}
    return b"export const ICONS = " + msgspec.json.encode(icons) + b";\n"


def _properties(tokens: Mapping[str, Any], theme: str) -> str:
    colours = {
        **tokens["color"][theme],
        **{f"syntax-{name}": value for name, value in tokens["syntax"][theme].items()},
    }
    return ";".join(f"--{name}:{value}" for name, value in colours.items())


def _shapes(svg: str) -> list[tuple[str, dict[str, str]]]:
    return [(each.tag.rpartition("}")[2], each.attrib) for each in ElementTree.fromstring(svg)]
