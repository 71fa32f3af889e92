"""Lucide icons, tinted with a role of the theme and sharp at every pixel ratio."""

import re

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.core.paths import resource
from app.gui.theme import Theme

_WIDTH = re.compile(r'stroke-width="[\d.]+"')


class Icons:
    """Draws icons on demand and keeps what it drew."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self._sources: dict[str, str] = {}
        self._pixmaps: dict[tuple[str, int, str, float], QPixmap] = {}

    def pixmap(self, name: str, size: int = 18, role: str = "text-2", dpr: float = 1.0) -> QPixmap:
        """An icon as a pixmap for a screen of pixel ratio `dpr`."""
        key = (name, size, self.theme.css(role), dpr)
        if key not in self._pixmaps:
            self._pixmaps[key] = self._render(*key)
        return self._pixmaps[key]

    def icon(self, name: str, size: int = 18, role: str = "text-2") -> QIcon:
        """An icon for a widget of Qt's own; ask again when the theme has changed."""
        icon = QIcon()
        for dpr in (1.0, 1.5, 2.0):
            icon.addPixmap(self.pixmap(name, size, role, dpr))
            icon.addPixmap(self.pixmap(name, size, "disabled", dpr), QIcon.Mode.Disabled)
        return icon

    def mark(self, size: int, dpr: float = 1.0) -> QPixmap:
        """The program's mark in the colours of the theme."""
        theme = self.theme
        source = resource("brand/mark.svg").read_text(encoding="utf-8")
        light = theme.tokens.color["light"]
        source = source.replace(light["text"], theme.css("text"))
        source = source.replace(light["accent"], theme.css("accent"))
        return _draw(source, size, dpr)

    def _render(self, name: str, size: int, color: str, dpr: float) -> QPixmap:
        source = self._source(name).replace("currentColor", color)
        width = self.theme.tokens.stroke.get(size)
        if width is not None:
            source = _WIDTH.sub(f'stroke-width="{width}"', source)
        return _draw(source, size, dpr)

    def _source(self, name: str) -> str:
        if name not in self._sources:
            path = resource(f"icons/lucide/{name}.svg")
            self._sources[name] = path.read_text(encoding="utf-8")
        return self._sources[name]


def _draw(svg: str, size: int, dpr: float) -> QPixmap:
    pixmap = QPixmap(QSize(size, size) * dpr)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg.encode())).render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(dpr)
    return pixmap
