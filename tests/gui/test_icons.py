"""Icons: tint, stroke, sharpness, and that every icon that is named is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

import app
from app.core.paths import resource
from app.core.presets import PresetStore
from app.gui.icons import Icons
from app.gui.theme import Theme


def inked(image: QImage) -> Iterator[QColor]:
    """Pixels that are fully drawn on."""
    for y in range(image.height()):
        for x in range(image.width()):
            color = image.pixelColor(x, y)
            if color.alpha() == 255:
                yield color


@pytest.mark.parametrize("role", ["text-2", "accent", "danger"])
def test_tint_is_the_role(icons: Icons, theme: Theme, role: str) -> None:
    pixels = list(inked(icons.pixmap("square", 24, role, 2.0).toImage()))
    assert pixels
    assert all(pixel.rgb() == theme.color(role).rgb() for pixel in pixels)


def test_tint_follows_the_theme(icons: Icons, theme: Theme) -> None:
    light = icons.pixmap("square", 24, "text", 2.0).toImage()
    theme.choose("dark")
    dark = icons.pixmap("square", 24, "text", 2.0).toImage()
    assert next(inked(light)).lightness() < 60
    assert next(inked(dark)).lightness() > 200


@pytest.mark.parametrize("dpr", [1.0, 1.25, 1.5, 2.0])
def test_size_in_pixels_of_the_screen(icons: Icons, dpr: float) -> None:
    pixmap = icons.pixmap("copy", 16, "text", dpr)
    assert pixmap.width() == round(16 * dpr)
    assert pixmap.deviceIndependentSize().width() == pytest.approx(16)


def test_drawn_once(icons: Icons) -> None:
    first = icons.pixmap("copy", 16)
    assert icons.pixmap("copy", 16).cacheKey() == first.cacheKey()


def test_stroke_is_that_of_the_size(icons: Icons) -> None:
    def ink(size: int) -> float:
        image = icons.pixmap("minus", size, "text", 4.0).toImage()
        column = [image.pixelColor(image.width() // 2, y).alphaF() for y in range(image.height())]
        return sum(column) / 4

    assert ink(14) == pytest.approx(1.17, abs=0.1)
    assert ink(24) == pytest.approx(1.5, abs=0.1)


def test_mark_takes_text_and_accent(icons: Icons, theme: Theme) -> None:
    theme.choose("dark")
    colors = {pixel.name() for pixel in inked(icons.mark(64).toImage())}
    assert {theme.color("text").name(), theme.color("accent").name()} <= colors


def test_unknown_icon_is_a_mistake(icons: Icons) -> None:
    with pytest.raises(FileNotFoundError):
        icons.pixmap("no-such-icon")


def named_icons() -> set[str]:
    """Every string of the window's code that has the name of a Lucide icon's call around it."""
    names: set[str] = set()
    for path in (Path(app.__file__).parent / "gui").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            callee = ast.unparse(node.func).rpartition(".")[2]
            takes = {"IconView": 1, "IconButton": 1, "pixmap": 0, "set_icon": 0, "EmptyState": 1}
            place = takes.get(callee)
            arguments = node.args[place : place + 1] if place is not None else []
            arguments += [word.value for word in node.keywords if word.arg == "icon"]
            names |= {
                each.value
                for each in arguments
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value
            }
    return names


def test_every_icon_that_is_named_ships(tmp_path: Path) -> None:
    wanted = named_icons() | {preset.icon for preset in PresetStore(tmp_path).list()}
    shipped = {path.stem for path in resource("icons/lucide").glob("*.svg")}
    assert len(wanted) > 20
    assert wanted - shipped == set()


def test_icons_are_plain_lucide(icons: Icons) -> None:
    for path in resource("icons/lucide").glob("*.svg"):
        source = path.read_text(encoding="utf-8")
        assert 'stroke="currentColor"' in source, path.name
        assert re.search(r'stroke-width="2"', source), path.name
        assert "ISC" in source, path.name
