"""Tabs of a drawer: words with a line under the chosen one."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from app.gui.controls.focus import RingFocus
from app.gui.icons import Icons


class _Tab(RingFocus, QAbstractButton):
    ring_radius = 4

    def __init__(self, icons: Icons, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self.setText(text)
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The bold word."""
        metrics = QFontMetrics(self._theme.font("body-strong"))
        return QSize(metrics.horizontalAdvance(self.text()) + 2, 36)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Word, and the line if it is the chosen one."""
        theme, painter = self._theme, QPainter(self)
        bright = self.isChecked() or self.underMouse()
        painter.setFont(theme.font("body-strong" if self.isChecked() else "body"))
        painter.setPen(theme.color("text" if bright else "text-2"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.isChecked():
            painter.fillRect(0, self.height() - 2, self.width(), 2, theme.color("accent"))


class Tabs(QWidget):
    """Exactly one is chosen; arrow keys move on."""

    chosen = Signal(int)

    def __init__(
        self, icons: Icons, name: str, labels: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 0, 24, 0)
        row.setSpacing(20)
        self._group = QButtonGroup(self)
        for index, label in enumerate(labels):
            tab = _Tab(icons, label, self)
            self._group.addButton(tab, index)
            row.addWidget(tab)
        row.addStretch(1)
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(self.chosen)

    def current(self) -> int:
        """Which one is chosen."""
        return self._group.checkedId()

    def choose(self, index: int) -> None:
        """Choose one, and tell."""
        self._group.button(index).click()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right move the choice."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        button = self._group.button((self.current() + step) % len(self._group.buttons()))
        button.setFocus(Qt.FocusReason.TabFocusReason)
        button.click()
