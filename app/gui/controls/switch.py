"""A switch that takes effect at once, and a check box for choices that a button confirms."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QWidget

from app.gui.controls.focus import RingFocus
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons

_KNOB_ROOM = 3
_CHECK = 16


class Switch(RingFocus, QCheckBox):
    """32×20. Screen readers meet it as a check box."""

    ring_radius = 10

    def __init__(self, icons: Icons, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self.setAccessibleName(name)
        self.setFixedSize(*self._size())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._theme.changed.connect(self.update)

    def _size(self) -> tuple[int, int]:
        size = self._theme.tokens.size["switch"]
        return size if isinstance(size, tuple) else (size, size)

    def sizeHint(self) -> QSize:
        """Always the same."""
        return QSize(*self._size())

    def hitButton(self, pos: object) -> bool:
        """The whole of it."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track and knob."""
        color = self._theme.color
        painter = painter_for(QPainter(self))
        painter.setOpacity(1.0 if self.isEnabled() else 0.5)
        height = self.height()
        if self.isChecked():
            box(painter, self.rect(), height / 2, fill=color("accent-fill"))
        else:
            edge = color("border-strong") if self._theme.scheme == "light" else None
            box(painter, self.rect(), height / 2, fill=color("track"), border=edge)
        knob = height - 2 * _KNOB_ROOM
        x = self.width() - _KNOB_ROOM - knob if self.isChecked() else _KNOB_ROOM
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._knob())
        painter.drawEllipse(QRectF(x, _KNOB_ROOM, knob, knob))

    def _knob(self) -> QColor:
        if self.isChecked():
            return self._theme.color("on-accent")
        return self._theme.color("text-3")


class CheckBox(RingFocus, QCheckBox):
    """A check box with its label."""

    ring_radius = 4

    def __init__(self, icons: Icons, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._icons = icons
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        icons.theme.changed.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        """Box, 8 and label."""
        font = self._icons.theme.font("body")
        self.setFont(font)
        label = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(_CHECK + (8 + label if label else 0), max(20, self.fontMetrics().height()))

    def minimumSizeHint(self) -> QSize:
        """It never loses its label."""
        return self.sizeHint()

    def hitButton(self, pos: object) -> bool:
        """Box and label."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        """Box, check, label."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        square = QRect(0, (self.height() - _CHECK) // 2, _CHECK, _CHECK)
        on, role = self.isChecked(), "text" if self.isEnabled() else "disabled"
        if on:
            box(
                painter, square, 4, fill=theme.color("accent-fill" if self.isEnabled() else "track")
            )
            ink = "on-accent" if self.isEnabled() else "disabled"
            pixmap_in(painter, square, self._icons.pixmap("check", 14, ink, dpr_of(painter)))
        else:
            edge = "text-3" if self.underMouse() and self.isEnabled() else "border-strong"
            box(painter, square, 4, border=theme.color(edge))
        painter.setPen(theme.color(role))
        painter.setFont(theme.font("body"))
        area = self.rect().adjusted(_CHECK + 8, 0, 0, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self.text())
