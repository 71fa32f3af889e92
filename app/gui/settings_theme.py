"""The three pictures to choose the theme by."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QWidget

from app.gui.controls.focus import RingFocus
from app.gui.controls.painting import box, clip_round, painter_for
from app.gui.icons import Icons
from app.gui.theme import Choice, parse_color
from app.gui.tokens import Scheme

_PICTURE = QSize(112, 64)
_RING = 4


class ThemeTile(RingFocus, QAbstractButton):
    """A small window in the colours of a theme; both, halved, for the system's."""

    one_of_several = True

    def __init__(self, icons: Icons, choice: Choice, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._choice = choice
        self.setText(name)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedSize(_PICTURE.width() + 2 * _RING, _PICTURE.height() + 2 * _RING + 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Picture, ring of the chosen one, name."""
        theme = self._theme
        painter = painter_for(QPainter(self))
        picture = QRectF(_RING, _RING, _PICTURE.width(), _PICTURE.height())
        painter.save()
        clip_round(painter, picture, 8)
        self._paint_window(painter, picture, "dark" if self._choice == "dark" else "light")
        if self._choice == "system":
            half = QPainterPath(picture.bottomLeft())
            half.lineTo(picture.topRight())
            half.lineTo(picture.bottomRight())
            half.closeSubpath()
            painter.setClipPath(half, Qt.ClipOperation.IntersectClip)
            self._paint_window(painter, picture, "dark")
        painter.restore()
        box(painter, picture, 8, border=theme.color("border-strong"))
        if self.isChecked():
            ring = picture.adjusted(-_RING, -_RING, _RING, _RING)
            box(painter, ring, 12, border=theme.color("accent"), width=2)
        painter.setFont(theme.font("caption"))
        font = painter.font()
        if self.isChecked():
            font.setWeight(font.Weight.Medium)
            painter.setFont(font)
        painter.setPen(theme.color("text" if self.isChecked() else "text-2"))
        below = self.rect().adjusted(0, _PICTURE.height() + 2 * _RING, 0, 0)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.text())

    def _paint_window(self, painter: QPainter, area: QRectF, scheme: Scheme) -> None:
        color = self._theme.tokens.color[scheme]
        painter.fillRect(area, parse_color(color["canvas"]))
        side = "rail" if scheme == "dark" else "sidebar"
        painter.fillRect(QRectF(area.x(), area.y(), 26, area.height()), parse_color(color[side]))
        for y, width in ((12, 44), (24, 62)):
            line = QRectF(area.x() + 36, area.y() + y, width, 6)
            box(painter, line, 3, fill=parse_color(color["track"]))
        button = QRectF(area.x() + 36, area.y() + 40, 28, 10)
        fill = "accent" if scheme == "dark" else "accent-fill"
        box(painter, button, 3, fill=parse_color(color[fill]))


class ThemeTiles(QWidget):
    """System, light, dark; arrows move between them."""

    chosen = Signal(str)

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Theme"))
        names: dict[Choice, str] = {
            "system": self.tr("System"),
            "light": self.tr("Light"),
            "dark": self.tr("Dark"),
        }
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self._group = QButtonGroup(self)
        self.tiles: dict[str, ThemeTile] = {}
        for choice, name in names.items():
            tile = ThemeTile(icons, choice, name, self)
            tile.clicked.connect(lambda _=False, chosen=choice: self.chosen.emit(chosen))
            self._group.addButton(tile)
            self.tiles[choice] = tile
            row.addWidget(tile)

    def set_current(self, choice: str) -> None:
        """Mark the one in force."""
        self.tiles[choice].setChecked(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right choose."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        tiles = list(self.tiles.values())
        focused = [place for place, tile in enumerate(tiles) if tile.hasFocus()]
        if step is None or not focused:
            super().keyPressEvent(event)
            return
        tile = tiles[(focused[0] + step) % len(tiles)]
        tile.setFocus(Qt.FocusReason.TabFocusReason)
        tile.click()
