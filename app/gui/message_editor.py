"""Editing a message where it stands."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.blocks_text import BlockParts
from app.gui.composer_field import ComposerField
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
        self.field = ComposerField(parts.theme)
        self.field.enter_sends = False
        self.field.set_text(text)
        self.field.document().clearUndoRedoStacks()  # what it begins with cannot be undone
        self.field.setAccessibleName(self.tr("Edit message"))
        self.field.submitted.connect(lambda: self._finish(send=self._can_send))
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
        line = self._theme.line_height("reading")
        text = self.field.wanted_height(self.field.width(), _HIGHEST * line)
        height = max(_LOWEST * line, text)
        if height != self.field.height():
            self.field.set_scrolls(height >= _HIGHEST * line)
            self.field.setFixedHeight(height)
            layout.activate()
            self.field.ensureCursorVisible()
        return layout.totalSizeHint().height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves; Ctrl+Enter, which the field tells, sends or saves."""
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
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
