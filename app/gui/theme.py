"""The look of the window: colours, fonts and measures of the scheme in force."""

import re
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from app.core.paths import resource
from app.gui.style_sheet import fill
from app.gui.tokens import Scheme, Tokens, load_tokens

Choice = Literal["system", "light", "dark"]

_RGBA = re.compile(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)")
_SYSTEM_FALLBACK = ("Noto Sans", "Noto Sans CJK SC", "Noto Sans Devanagari", "Noto Color Emoji")
READING_DEFAULT = 15


def parse_color(text: str) -> QColor:
    """A colour from `#rrggbb` or `rgba(r,g,b,alpha)`."""
    match = _RGBA.fullmatch(text.replace(" ", ""))
    if match is None:
        return QColor(text)
    red, green, blue, alpha = match.groups()
    return QColor(int(red), int(green), int(blue), round(float(alpha) * 255))


class Theme(QObject):
    """Answers every question about looks, and tells by `changed` when an answer is another one."""

    changed = Signal()

    def __init__(self, tokens: Tokens | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tokens = tokens or load_tokens()
        self.scheme: Scheme = "light"
        self.reading_size = READING_DEFAULT
        self._choice: Choice = "system"
        self._app: QApplication | None = None
        self._colors: dict[str, QColor] = {}
        self._fonts: dict[tuple[str, bool, bool], QFont] = {}

    def color(self, role: str) -> QColor:
        """The colour of a role of the tokens; `syntax.NAME` gives one of code."""
        if role not in self._colors:
            if role.startswith("syntax."):
                text = self.tokens.syntax[self.scheme][role.removeprefix("syntax.")]
            else:
                text = self.tokens.color[self.scheme][role]
            self._colors[role] = parse_color(text)
        return self._colors[role]

    def css(self, role: str) -> str:
        """The colour of a role in the words of a style sheet or of HTML."""
        color = self.color(role)
        if color.alpha() == 255:
            return color.name()
        return f"rgba({color.red()},{color.green()},{color.blue()},{color.alpha()})"

    def syntax(self, name: str) -> QColor:
        """The colour of a kind of word in code: keyword, string, func, number, type, comment."""
        return self.color(f"syntax.{name}")

    def font(self, style: str = "body", *, mono: bool = False, tabular: bool = False) -> QFont:
        """The font of a type style; `tabular` is for figures in columns and counters."""
        key = (style, mono, tabular)
        if key not in self._fonts:
            self._fonts[key] = self._make_font(*key)
        return QFont(self._fonts[key])

    def _make_font(self, style: str, mono: bool, tabular: bool) -> QFont:
        spec = self.tokens.type[style]
        mono = mono or spec.family == "mono"
        family = self.tokens.mono_family if mono else self.tokens.ui_family
        font = QFont([family, *_SYSTEM_FALLBACK])
        font.setPixelSize(self.font_size(style))
        font.setWeight(QFont.Weight(spec.weight))
        if mono:
            font.setStyleHint(QFont.StyleHint.Monospace)
            font.setFeature(QFont.Tag("calt"), 0)
            font.setFeature(QFont.Tag("liga"), 0)
        if tabular:
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def font_size(self, style: str) -> int:
        """Pixels of a type style: reading text follows the person's size, controls at half."""
        spec = self.tokens.type[style]
        return round(spec.size * self._scale(style))

    def line_height(self, style: str) -> int:
        """Pixels from one line to the next in a type style."""
        spec = self.tokens.type[style]
        return round(spec.line * self._scale(style))

    def _scale(self, style: str) -> float:
        full = self.reading_size / READING_DEFAULT
        return full if style.startswith(("reading", "code")) else 1 + (full - 1) / 2

    def metric(self, name: str) -> int:
        """A measure of the tokens' `size`; the first one (width) where there are two."""
        value = self.tokens.size[name]
        return value if isinstance(value, int) else value[0]

    def radius(self, name: str) -> int:
        """Corner radius: small, control or surface."""
        return int(self.tokens.radius[name])

    def duration(self, name: str) -> int:
        """Milliseconds of a movement; 0 where the system asks for none."""
        if self._app is not None and not self._app.isEffectEnabled(Qt.UIEffect.UI_General):
            return 0
        return int(self.tokens.motion[name])

    def choose(self, choice: Choice, reading_size: int = READING_DEFAULT) -> None:
        """Take up the person's settings; takes effect at once."""
        self._choice = choice
        self._take_up(self._scheme_of(choice), reading_size)

    def _scheme_of(self, choice: Choice) -> Scheme:
        if choice != "system":
            return choice
        if self._app is None:
            return "light"
        dark = self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return "dark" if dark else "light"

    def _take_up(self, scheme: Scheme, reading_size: int) -> None:
        if (scheme, reading_size) == (self.scheme, self.reading_size):
            return
        self.scheme, self.reading_size = scheme, reading_size
        self._colors.clear()
        self._fonts.clear()
        if self._app is not None:
            self._dress(self._app)
        self.changed.emit()

    def apply(self, app: QApplication) -> None:
        """Dress the application and follow the system from now on."""
        load_fonts()
        self._app = app
        app.setStyle("Fusion")
        self.scheme = self._scheme_of(self._choice)
        self._colors.clear()
        self._dress(app)
        app.styleHints().colorSchemeChanged.connect(self.follow_system)

    def follow_system(self) -> None:
        """Take up the scheme of the desktop, if that was chosen."""
        self._take_up(self._scheme_of(self._choice), self.reading_size)

    def _dress(self, app: QApplication) -> None:
        app.setFont(self.font("body"))
        app.setPalette(self.palette())
        app.setStyleSheet(self.sheet())

    def sheet(self) -> str:
        """The style sheet of the scheme in force."""
        values = {role: self.css(role) for role in self.tokens.color[self.scheme]}
        values |= {f"font-{name}": f"{self.font_size(name)}px" for name in self.tokens.type}
        values |= {f"weight-{name}": str(spec.weight) for name, spec in self.tokens.type.items()}
        values["mono"] = f'"{self.tokens.mono_family}"'
        return fill(template(), values)

    def palette(self) -> QPalette:
        """The palette of the scheme in force, for what the sheet does not reach."""
        role, group = QPalette.ColorRole, QPalette.ColorGroup
        palette = QPalette()
        for target, name in {
            role.Window: "canvas",
            role.Base: "canvas",
            role.AlternateBase: "sidebar",
            role.Button: "control",
            role.ToolTipBase: "overlay",
            role.WindowText: "text",
            role.Text: "text",
            role.ButtonText: "text",
            role.BrightText: "text",
            role.ToolTipText: "text",
            role.PlaceholderText: "text-3",
            role.Highlight: "accent-fill",
            role.HighlightedText: "on-accent",
            role.Accent: "accent",
            role.Link: "accent",
            role.LinkVisited: "accent",
            role.Light: "raised",
            role.Midlight: "border",
            role.Mid: "border-strong",
            role.Dark: "border-strong",
        }.items():
            palette.setColor(target, self.color(name))
        for target in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(group.Disabled, target, self.color("disabled"))
        return palette


def template() -> str:
    """The style sheet with its placeholders."""
    return resource("style/corral.qss").read_text(encoding="utf-8")


def load_fonts() -> None:
    """Make the fonts that ship with the program known to Qt; once is enough."""
    if {"Inter", "JetBrains Mono"} <= set(QFontDatabase.families()):
        return
    folder: Path = resource("fonts")
    for path in sorted(folder.glob("*.ttf")):
        QFontDatabase.addApplicationFont(str(path))
