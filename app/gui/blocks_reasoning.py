"""The model's reasoning: one line that opens to the text."""

from collections.abc import Sequence

from PySide6.QtCore import QLocale, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.gui.blocks import BlockColumn
from app.gui.blocks_document import TextLook
from app.gui.blocks_text import BlockParts
from app.gui.controls.focus import RingFocus
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.markdown import Block
from app.gui.message_actions import token_count

HEIGHT = 32
INDENT = 16
_BELOW_LINE = 8


class ReasoningView(QWidget):
    """Folded: "Thought for 4.1 s · 186 tokens", or "Thinking…" and the last line of it."""

    resized = Signal()
    link_chosen = Signal(str)

    def __init__(self, parts: BlockParts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._blocks: Sequence[Block] = ()
        self._column: BlockColumn | None = None
        self._column_height = 0
        self.line = _ReasoningLine(parts, self)
        self.line.toggled.connect(self._toggle)

    def show_running(self, blocks: Sequence[Block], last_line: str) -> None:
        """While the model reasons."""
        self.line.set_words(self.tr("Thinking…"), last_line)
        self._show(blocks)

    def show_done(self, blocks: Sequence[Block], seconds: float | None, tokens: int | None) -> None:
        """When it has reasoned; what is not known is left out."""
        words = self.tr("Reasoning")
        if seconds is not None:
            time = QLocale().toString(seconds, "f", 1)
            words = self.tr("Thought for %1 s").replace("%1", time)
        self.line.set_words(words, f"· {token_count(tokens)}" if tokens else "")
        self._show(blocks)

    def is_open(self) -> bool:
        """Whether the text is unfolded."""
        return self.line.isChecked()

    def fit(self, width: int) -> int:
        """Lay out for a width; returns the height."""
        self.line.setGeometry(0, 0, min(width, self.line.sizeHint().width()), HEIGHT)
        if self._column is None or not self.is_open():
            return HEIGHT
        self._column_height = self._column.fit(width - INDENT)
        top = HEIGHT + _BELOW_LINE
        self._column.setGeometry(INDENT, top, width - INDENT, self._column_height)
        return top + self._column_height

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line at the left of the open text."""
        if self.is_open() and self._column_height:
            top = HEIGHT + _BELOW_LINE
            color = self._parts.theme.color("border-strong")
            QPainter(self).fillRect(QRectF(0, top, 2, self._column_height), color)

    def _show(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        if self.is_open():
            self._fill()

    def _toggle(self, opened: bool) -> None:
        if opened:
            self._fill()
        if self._column is not None:
            self._column.setVisible(opened)
        self.resized.emit()

    def _fill(self) -> None:
        if self._column is None:
            self._column = BlockColumn(self._parts, TextLook("reading", "text-2"), self)
            self._column.resized.connect(self.resized)
            self._column.link_chosen.connect(self.link_chosen)
            self._column.show()
        self._column.show_blocks(self._blocks)


class _ReasoningLine(RingFocus, QAbstractButton):
    """Brain, words, small words, chevron in a bordered line."""

    def __init__(self, parts: BlockParts, parent: QWidget) -> None:
        super().__init__(parent)
        self._parts = parts
        self._words = self._small = ""
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_words(self, words: str, small: str) -> None:
        """What is said; `small` is quieter."""
        self._words, self._small = words, small
        self.setText(words)
        self.setAccessibleName(f"{words} {small}".strip())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as the words."""
        words = self._metrics("body").horizontalAdvance(self._words)
        small = self._metrics("caption").horizontalAdvance(self._small)
        return QSize(34 + words + (8 + small if small else 0) + 36, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line."""
        theme, icons = self._parts.theme, self._parts.icons
        painter = painter_for(QPainter(self))
        fill = theme.color("hover") if self.underMouse() else None
        box(painter, self.rect(), theme.radius("control"), fill=fill, border=theme.color("border"))
        ratio = dpr_of(painter)
        brain = icons.pixmap("brain", 16, "text-2", ratio)
        pixmap_in(painter, QRect(11, 0, 16, HEIGHT), brain)
        chevron = "chevron-down" if self.isChecked() else "chevron-right"
        right = QRect(self.width() - 25, 0, 16, HEIGHT)
        pixmap_in(painter, right, icons.pixmap(chevron, 16, "text-2", ratio))
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("text-2"))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        width = self._metrics("body").horizontalAdvance(self._words)
        painter.drawText(QRect(34, 0, width + 2, HEIGHT), flags, self._words)
        room = self.width() - 34 - width - 8 - 30
        if self._small and room > 0:
            painter.setFont(theme.font("caption"))
            painter.setPen(theme.color("text-3"))
            elide = (
                Qt.TextElideMode.ElideLeft
                if "·" not in self._small
                else Qt.TextElideMode.ElideRight
            )
            small = self._metrics("caption").elidedText(self._small, elide, room)
            painter.drawText(QRect(42 + width, 0, room, HEIGHT), flags, small)

    def _metrics(self, style: str) -> QFontMetrics:
        return QFontMetrics(self._parts.theme.font(style))
