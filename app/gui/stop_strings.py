"""A field that holds stop strings as chips."""

import math

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QFontMetricsF,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QSizePolicy, QWidget

from app.gui.controls.focus import RingFocus, RingShape
from app.gui.controls.painting import box, painter_for
from app.gui.icons import Icons

MOST = 16
"""As many as an engine takes."""
LONGEST = 200
_INSET = 4
_GAP = 6
_FIELD = 48
_ESCAPES = (("\\n", "\n"), ("\\t", "\t"))


def shown(text: str) -> str:
    r"""A stop string on one line: a line break is shown as \n."""
    for written, meant in _ESCAPES:
        text = text.replace(meant, written)
    return text


def meant(text: str) -> str:
    r"""What was typed, with \n for a line break and \t for a tab."""
    for written, real in _ESCAPES:
        text = text.replace(written, real)
    return text


class StopChip(RingFocus, QAbstractButton):
    """One stop string; a click removes it."""

    ring_radius = 4
    ring_shape: RingShape = "edge"

    def __init__(self, icons: Icons, value: str, remove: str, parent: QWidget) -> None:
        """`remove` names what a click does, %1 being the text."""
        super().__init__(parent)
        self._theme = icons.theme
        self.value = value
        self.setText(shown(value))
        name = remove.replace("%1", shown(value))
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:
        """The text and 6 at the sides."""
        metrics = QFontMetricsF(self._theme.font("caption", mono=True))
        width = math.ceil(metrics.horizontalAdvance(self.text()))
        return QSize(min(width, 240) + 12, 20)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes as a click does."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground and text, struck through where a click would remove it."""
        theme = self._theme
        painter = painter_for(QPainter(self))
        hover = self.underMouse() or self.isDown()
        box(painter, self.rect(), 4, fill=theme.color("pressed" if hover else "hover"))
        font = theme.font("caption", mono=True)
        font.setStrikeOut(hover)
        painter.setFont(font)
        painter.setPen(theme.color("text-2" if self.isEnabled() else "disabled"))
        room = self.width() - 12
        text = QFontMetrics(font).elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)


class StopStrings(QWidget):
    """Chips and a field for one more; it grows by lines. `add` and `remove` are for other texts."""

    changed = Signal()

    def __init__(
        self,
        icons: Icons,
        name: str,
        *,
        add: str = "",
        remove: str = "",
        most: int = MOST,
        longest: int = LONGEST,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self._remove_words = remove or self.tr("Remove the stop string %1")
        self._most = most
        self._chips: list[StopChip] = []
        self._line = icons.theme.metric("control-small")
        self.setAccessibleName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self._line)
        self.field = QLineEdit(self)
        self.field.setProperty("bare", True)
        self.field.setMaxLength(longest)
        self._invite()
        self.field.setAccessibleName(add or self.tr("Add a stop string"))
        self.field.editingFinished.connect(self._add)
        self.field.installEventFilter(self)
        icons.theme.changed.connect(self.update)

    def _invite(self) -> None:
        self.field.setPlaceholderText(self.tr("Add…") if self.isEnabled() else "")

    def changeEvent(self, event: QEvent) -> None:
        """Nothing is asked for where nothing can be added."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self._invite()
            self._arrange()

    def values(self) -> tuple[str, ...]:
        """The stop strings, in order."""
        return tuple(chip.value for chip in self._chips)

    def set_values(self, values: tuple[str, ...]) -> None:
        """Show others without telling."""
        if values == self.values():
            return
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = [self._chip(value) for value in values]
        self._arrange()

    def _chip(self, value: str) -> StopChip:
        chip = StopChip(self._icons, value, self._remove_words, self)
        chip.clicked.connect(lambda: self._remove(chip))
        chip.show()
        return chip

    def _add(self) -> None:
        value = meant(self.field.text())
        self.field.clear()
        if value and value not in self.values() and len(self._chips) < self._most:
            self._chips.append(self._chip(value))
            self._arrange()
            self.changed.emit()

    def _remove(self, chip: StopChip) -> None:
        self._chips.remove(chip)
        chip.hide()
        chip.deleteLater()
        self._arrange()
        self.field.setFocus()
        self.changed.emit()

    def eventFilter(self, watched: object, event: object) -> bool:
        """Enter adds and stays, Backspace in the empty field takes the last chip."""
        if isinstance(event, QKeyEvent) and event.type() == QKeyEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Backspace and not self.field.text() and self._chips:
                self._remove(self._chips[-1])
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._add()
                return True
        elif isinstance(event, QFocusEvent):
            self.update()  # the frame shows the focus; an update upon every event would never end
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines anew."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Chips from left to right, the field in what is left of the last line.

        Where nothing can be added, the field has no line of its own.
        """
        x, y, right = _INSET, _INSET, self.width() - _INSET
        for chip in self._chips:
            size = chip.sizeHint()
            width = min(size.width(), max(0, right - _INSET))
            if x > _INSET and x + width > right:
                x, y = _INSET, y + size.height() + _INSET
            chip.setGeometry(QRect(x, y, width, size.height()))
            x += width + _GAP
        self.field.setVisible(self.isEnabled() or not self._chips)
        if self.isEnabled() and x > _INSET and right - x < _FIELD:
            x, y = _INSET, y + 20 + _INSET
        start = x if x > _INSET else _INSET + 4
        self.field.setGeometry(QRect(start, y, max(_FIELD, right - start), 20))
        self.setFixedHeight(y + self._line - _INSET)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame of a field."""
        theme = self._icons.theme
        focused = self.field.hasFocus()
        edge = "accent" if focused else "text-3" if self.underMouse() else "border-strong"
        edge = edge if self.isEnabled() else "border"
        painter = painter_for(QPainter(self))
        box(painter, self.rect(), theme.radius("control"), border=theme.color(edge))
