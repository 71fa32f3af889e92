"""The bar of Ctrl+F: words to look for in the chat, how many there are, next and previous."""

import shiboken6
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.gui.controls.buttons import IconButton
from app.gui.controls.fields import SearchField
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.transcript import TranscriptView

_TYPING_MS = 120
_BESIDE = 4
"""Pixels at the sides of the count."""


class FindBar(QFrame):
    """Drives `TranscriptView.find_text`. Enter is next, Shift+Enter previous, Esc closes."""

    closed = Signal()

    def __init__(
        self, icons: Icons, transcript: TranscriptView, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("card", "overlay")
        self._transcript = transcript
        self._returns_to: QWidget | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 8, 6)
        row.setSpacing(4)
        self.field = SearchField(icons, self.tr("Find in this chat"))
        self.field.setMinimumWidth(220)
        self.field.escape_empties = False  # the bar closes, and keeps what was looked for
        row.addWidget(self.field, 1)
        self._count = Label("", "caption", "text-3")
        metrics = QFontMetrics(icons.theme.font("caption"))
        longest = (self.tr("No matches"), self._counted(8888, 8888))
        self._count.setMinimumWidth(max(map(metrics.horizontalAdvance, longest)) + 2 * _BESIDE)
        self._count.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row.addWidget(self._count)
        self.previous = IconButton(
            icons, "chevron-up", self.tr("Previous match"), shortcut="Shift+Return", small=True
        )
        self.next = IconButton(
            icons, "chevron-down", self.tr("Next match"), shortcut="Return", small=True
        )
        close = IconButton(icons, "x", self.tr("Close"), shortcut="Esc", small=True)
        for button in (self.previous, self.next, close):
            row.addWidget(button)
        self.previous.clicked.connect(transcript.find_previous)
        self.next.clicked.connect(transcript.find_next)
        close.clicked.connect(self.close_bar)
        transcript.found.connect(self._show_count)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._search)
        self.field.textChanged.connect(self._typing.start)
        self._show_count(0, 0)
        self.hide()

    def open_bar(self) -> None:
        """Show it and put the cursor in; what was looked for last is selected."""
        focused = self.window().focusWidget()
        if focused is not None and not self.isAncestorOf(focused):
            self._returns_to = focused
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        if self.field.text():
            self._search()

    def close_bar(self) -> None:
        """Hide it, take the marks away and give the focus back."""
        self._typing.stop()
        focused = self.window().focusWidget()
        if focused is not None and self.isAncestorOf(focused):
            self._give_back()
        self.hide()
        self._transcript.find_text("")
        self.closed.emit()

    def _give_back(self) -> None:
        heir = self._returns_to
        if heir is None or not shiboken6.isValid(heir) or not heir.isVisible():
            heir = self._transcript
        heir.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter, Shift+Enter, Esc."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._typing.isActive():
                self._typing.stop()
                self._search()
            elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._transcript.find_previous()
            else:
                self._transcript.find_next()
        else:
            super().keyPressEvent(event)

    def _search(self) -> None:
        self._transcript.find_text(self.field.text())

    def _counted(self, current: int, total: int) -> str:
        return self.tr("%1 of %2").replace("%1", str(current)).replace("%2", str(total))

    def _show_count(self, current: int, total: int) -> None:
        self.previous.setEnabled(total > 1)
        self.next.setEnabled(total > 1)
        if total:
            words = self._counted(current, total)
        else:
            words = self.tr("No matches") if self.field.text() else ""
        self._count.setText(words)
