"""The theme: colours, fonts, the switch between schemes while the window is open."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.style_sheet import fill
from app.gui.theme import Theme, parse_color, template


def test_colours_of_hex_and_rgba() -> None:
    assert parse_color("#83b1f5").getRgb() == (0x83, 0xB1, 0xF5, 255)
    assert parse_color("rgba(8,8,7,0.55)").getRgb() == (8, 8, 7, 140)


def test_switch_changes_sheet_palette_and_tells(
    theme: Theme, qapp: QApplication, qtbot: QtBot
) -> None:
    before = qapp.styleSheet()
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert qapp.styleSheet() != before
    assert theme.color("canvas").name() in qapp.styleSheet()
    assert qapp.palette().color(QPalette.ColorRole.Window) == theme.color("canvas")
    assert theme.color("canvas").lightness() < 60


def test_the_same_choice_tells_nothing(theme: Theme, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(theme.changed):
        theme.choose("light")


def test_system_follows_the_desktop(
    theme: Theme, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop = {"scheme": Qt.ColorScheme.Unknown}

    class Hints:
        def colorScheme(self) -> Qt.ColorScheme:
            return desktop["scheme"]

    monkeypatch.setattr(QApplication, "styleHints", lambda _: Hints())
    theme.choose("system")
    seen = [theme.scheme]
    desktop["scheme"] = Qt.ColorScheme.Dark
    theme.follow_system()
    seen.append(theme.scheme)
    theme.choose("light")
    theme.follow_system()
    seen.append(theme.scheme)
    assert seen == ["light", "dark", "light"]


def test_sheet_has_no_placeholder_left_and_names_no_colour_of_its_own(theme: Theme) -> None:
    assert "@" not in theme.sheet()
    assert "#" not in template()


def test_unknown_placeholder_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        fill("color: @nonsense;", {})


def test_fonts_that_ship_are_used(theme: Theme) -> None:
    assert QFontInfo(theme.font("body")).family() == "Inter"
    assert QFontInfo(theme.font("code")).family() == "JetBrains Mono"
    assert {"Regular", "Medium", "SemiBold"} <= set(QFontDatabase.styles("Inter"))


def test_fonts_have_size_weight_and_features(theme: Theme) -> None:
    assert theme.font("body").pixelSize() == 13
    assert theme.font("group-title").weight() == QFont.Weight.DemiBold
    plain, tabular = theme.font("body"), theme.font("body", tabular=True)
    assert not plain.featureTags()
    assert [tag.toString() for tag in tabular.featureTags()] == [b"tnum"]
    off = theme.font("code")
    assert {off.featureValue(tag) for tag in off.featureTags()} == {0}


def test_reading_size_moves_reading_text_fully_and_controls_half(theme: Theme) -> None:
    theme.choose("light", 22)
    assert theme.font("reading").pixelSize() == 22
    assert theme.font("reading-h1").pixelSize() == 29
    assert theme.line_height("reading") == 35
    assert theme.font("body").pixelSize() == 16
    assert "font-size: 22px" in theme.sheet()


def test_a_font_handed_out_is_the_askers_own(theme: Theme) -> None:
    theme.font("body").setPixelSize(99)
    assert theme.font("body").pixelSize() == 13


def test_measures(theme: Theme) -> None:
    assert theme.metric("rail") == 56
    assert theme.metric("switch") == 32
    assert theme.radius("surface") == 12
    assert theme.duration("panel") in (0, 160)
