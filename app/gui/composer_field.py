"""The field of the composer: plain text that grows with what is typed."""

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QTextBlockFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from app.gui.picture_offer import pictures_in
from app.gui.theme import Theme

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_LONG = 20_000
"""Characters from which the field is as high as it may be, without laying all of it out."""


class ComposerField(QTextEdit):
    """Enter submits and Shift+Enter breaks the line, or the other way round with Ctrl."""

    submitted = Signal()
    left = Signal()
    """Esc."""
    recall_wanted = Signal()
    """Up in the empty field."""
    focus_changed = Signal(bool)
    pictures_offered = Signal(object)
    """Pictures pasted or dropped, as `picture_offer.Offer`s; where `takes_pictures` is set."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._hint = ""
        self.enter_sends = True
        self.takes_pictures = False
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("bare", True)
        self.viewport().setAutoFillBackground(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        self.restyle()

    def restyle(self) -> None:
        """Take up the theme's reading font."""
        self.setStyleSheet(f"font-size: {self._theme.font_size('reading')}px")
        self.document().setDefaultFont(self._theme.font("reading"))
        self._set_line_height()

    def set_hint(self, hint: str) -> None:
        """What the empty field says."""
        self._hint = hint
        self.setAccessibleName(hint)
        self.viewport().update()

    def text(self) -> str:
        """What is typed."""
        return self.toPlainText()

    def set_text(self, text: str) -> None:
        """Replace what is typed; the cursor goes to the end."""
        self.setPlainText(text)
        self._set_line_height()
        self.moveCursor(QTextCursor.MoveOperation.End)

    def wanted_height(self, width: int, most: int) -> int:
        """The height of the text in a field of that width, from one line to `most`."""
        line = self._theme.line_height("reading")
        document = self.document()
        if not self.isVisible() and document.textWidth() != width:
            document.setTextWidth(width)  # a hidden field is not laid out by itself
        if document.characterCount() > _LONG or document.blockCount() * line > most:
            return most
        return max(line, min(most, round(document.size().height())))

    def set_scrolls(self, scrolls: bool) -> None:
        """Whether the text is higher than the field."""
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAsNeeded if scrolls else policy.ScrollBarAlwaysOff
        )

    def minimumSizeHint(self) -> QSize:
        """The composer decides."""
        return QSize(0, 0)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text, and pictures where they are taken."""
        if self.takes_pictures and pictures_in(source):
            return True
        return super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Paste pictures, else plain text only."""
        pictures = pictures_in(source) if self.takes_pictures else ()
        if pictures:
            self.pictures_offered.emit(pictures)
        elif source.hasText():
            self.textCursor().insertText(source.text())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter, Esc and Up mean something here."""
        if event.key() in _ENTER and self._submits(event.modifiers()):
            self.submitted.emit()
        elif event.key() in _ENTER:
            self.textCursor().insertBlock()
            self.ensureCursorVisible()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            event.ignore()
        elif event.key() == Qt.Key.Key_Up and self.document().isEmpty():
            self.recall_wanted.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The frame lights up."""
        super().focusInEvent(event)
        self.focus_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The frame goes quiet."""
        super().focusOutEvent(event)
        self.focus_changed.emit(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text, or the hint on its base line."""
        if self.document().isEmpty() and self._hint:
            painter = QPainter(self.viewport())
            painter.setFont(self._theme.font("reading"))
            painter.setPen(self._theme.color("text-3"))
            base = round(self._theme.line_height("reading") * 0.8)
            metrics = painter.fontMetrics()
            hint = metrics.elidedText(self._hint, Qt.TextElideMode.ElideRight, self.width() - 4)
            painter.drawText(1, base, hint)
            painter.end()
        super().paintEvent(event)

    def _submits(self, modifiers: Qt.KeyboardModifier) -> bool:
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            return True
        return self.enter_sends and not modifiers & Qt.KeyboardModifier.ShiftModifier

    def _set_line_height(self) -> None:
        form = QTextBlockFormat()
        fixed = QTextBlockFormat.LineHeightTypes.FixedHeight.value
        form.setLineHeight(self._theme.line_height("reading"), fixed)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(form)
