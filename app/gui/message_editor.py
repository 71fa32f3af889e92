"""Editing a message where it stands."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.gui.blocks_text import BlockParts
from app.gui.controls.buttons import Button, GhostButton, PrimaryButton
from app.gui.controls.painting import box, painter_for

_LOWEST, _HIGHEST = 2, 16
"""Lines of the field."""


class MessageEditor(QWidget):
    """A field with Cancel, Save and, for what a person wrote, Save and send."""

    saved = Signal(str, bool)
    """The text, and whether to send it."""
    cancelled = Signal()
    resized = Signal()

    def __init__(
        self, parts: BlockParts, text: str, *, can_send: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = parts.theme
        self._can_send = can_send
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 12, 10)
        column.setSpacing(8)
        self.field = QPlainTextEdit(text)
        self.field.setProperty("bare", True)
        self.field.setFont(parts.theme.font("reading"))
        self.field.setStyleSheet(f"font-size: {parts.theme.font_size('reading')}px")
        self.field.setAccessibleName(self.tr("Edit message"))
        self.field.setTabChangesFocus(True)
        self.field.document().setDocumentMargin(0)
        self.field.textChanged.connect(self._text_changed)
        column.addWidget(self.field)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        cancel = GhostButton(parts.icons, self.tr("Cancel"), small=True)
        cancel.clicked.connect(self.cancelled)
        row.addWidget(cancel)
        kind = Button if can_send else PrimaryButton
        self.save = kind(parts.icons, self.tr("Save"), small=True)
        self.save.clicked.connect(lambda: self._finish(send=False))
        row.addWidget(self.save)
        self.send: Button | None = None
        if can_send:
            self.send = PrimaryButton(parts.icons, self.tr("Save and send"), small=True)
            self.send.clicked.connect(lambda: self._finish(send=True))
            row.addWidget(self.send)
        column.addLayout(row)

    def begin(self) -> None:
        """Put the cursor at the end of the text."""
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self.field.moveCursor(self.field.textCursor().MoveOperation.End)

    def fit(self, width: int) -> int:
        """Lay out for a width; returns the height."""
        self.resize(width, self.height())
        layout = self.layout()
        assert layout is not None
        layout.activate()
        lines = min(_HIGHEST, max(_LOWEST, round(self.field.document().size().height())))
        self.field.setFixedHeight(lines * self.field.fontMetrics().lineSpacing() + 4)
        return layout.totalSizeHint().height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves, Ctrl+Enter sends or saves."""
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        elif control and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._finish(send=self._can_send)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame of a field that has the focus."""
        theme = self._theme
        ground, border = theme.color("raised"), theme.color("accent")
        box(
            painter_for(QPainter(self)),
            self.rect(),
            theme.radius("surface"),
            fill=ground,
            border=border,
        )

    def _text_changed(self) -> None:
        empty = not self.field.toPlainText().strip()
        self.save.setEnabled(not empty)
        if self.send is not None:
            self.send.setEnabled(not empty)
        self.resized.emit()

    def _finish(self, *, send: bool) -> None:
        text = self.field.toPlainText()
        if text.strip():
            self.saved.emit(text, send)
