"""A code block: head with language and Copy, lines that do not wrap, colours by Pygments."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QTextEdit, QWidget

from app.gui.blocks_button import CaptionButton
from app.gui.blocks_text import BlockParts, ReadingBrowser
from app.gui.controls.labels import Label
from app.gui.controls.painting import box, device_line, painter_for
from app.gui.highlight import Kind, Line, highlight, language_title
from app.gui.markdown import CodeBlock
from app.gui.worker import Task

PADDING = 10
SIDE = 12
COPIED_MS = 1500
COLORED_AT_ONCE = 3_000
"""Characters; longer code is shown plain first and coloured by a worker."""


class CodeText(ReadingBrowser):
    """The lines of a code block. Lines that stay the same are not written again."""

    def __init__(self, parts: BlockParts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = parts.theme
        self._lines: list[Line] = []
        self._formats: dict[Kind, QTextCharFormat] = {}
        self.setLineWrapMode(QTextEdit.LineWrapMode.NoWrap)
        self.setFont(self._theme.font("code"))
        self._block_format = QTextBlockFormat()
        self._line_height = self._theme.line_height("code")
        fixed = QTextBlockFormat.LineHeightTypes.FixedHeight.value
        self._block_format.setLineHeight(self._line_height, fixed)

    @property
    def line_height(self) -> int:
        """Pixels of one line."""
        return self._line_height

    def lines(self) -> Sequence[Line]:
        """What is shown."""
        return self._lines

    def text(self) -> str:
        """The code."""
        return "\n".join("".join(piece for piece, _ in line) for line in self._lines)

    def widest(self) -> int:
        """Pixels of the longest line."""
        metrics = QFontMetrics(self._theme.font("code"))
        longest = max(("".join(text for text, _ in line) for line in self._lines), key=len)
        return metrics.horizontalAdvance(longest)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Write the lines that differ from those shown."""
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        if len(lines) < len(self._lines):
            self._cut(cursor, len(lines))
        for number, line in enumerate(lines):
            if number >= len(self._lines):
                self._append(cursor, line)
            elif self._lines[number] != line:
                self._rewrite(cursor, number, line)
        fresh = not self._lines or not self.textCursor().atStart()
        self._lines = list(lines)
        cursor.endEditBlock()
        if fresh:
            self.keep_start_in_view()

    def _cut(self, cursor: QTextCursor, count: int) -> None:
        block = self.document().findBlockByNumber(max(0, count - 1))
        cursor.setPosition(block.position() + block.length() - 1)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        del self._lines[count:]

    def _append(self, cursor: QTextCursor, line: Line) -> None:
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if self._lines:
            cursor.insertBlock(self._block_format, self._format(""))
        else:
            cursor.setBlockFormat(self._block_format)
        self._insert(cursor, line)
        self._lines.append(line)

    def _rewrite(self, cursor: QTextCursor, number: int, line: Line) -> None:
        block = self.document().findBlockByNumber(number)
        cursor.setPosition(block.position())
        move = QTextCursor.MoveOperation.EndOfBlock
        cursor.movePosition(move, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        self._insert(cursor, line)

    def _insert(self, cursor: QTextCursor, line: Line) -> None:
        for text, kind in line:
            cursor.insertText(text, self._format(kind))

    def _format(self, kind: Kind) -> QTextCharFormat:
        if kind not in self._formats:
            made = QTextCharFormat()
            made.setFont(self._theme.font("code"))
            color = self._theme.syntax(kind) if kind else self._theme.color("text")
            made.setForeground(color)
            self._formats[kind] = made
        return self._formats[kind]


class CodeView(QWidget):
    """A code block in its frame."""

    resized = Signal()
    link_chosen = Signal(str)
    RISE = 0

    def __init__(self, parts: BlockParts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = parts.theme
        self._worker = parts.worker
        self._block: CodeBlock | None = None
        self._finished: list[Line] = []
        self._coloring: Task | None = None
        self._title = Label("", "caption", "text-2", self)
        self.copy_button = CaptionButton(
            parts.icons, self.tr("Copy"), "copy", small=True, parent=self
        )
        self.copy_button.setAccessibleName(self.tr("Copy code"))
        self.copy_button.clicked.connect(self._copy_code)
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.setInterval(COPIED_MS)
        self._copied.timeout.connect(self._offer_copy)
        self.body = CodeText(parts, self)
        self._bar_height = 0

    def show_block(self, block: CodeBlock) -> None:
        """Show a code block, or the same one grown."""
        if block == self._block:
            return
        if self._block is None or block.language != self._block.language:
            title = language_title(block.language) if block.language else self.tr("Text")
            self._title.setText(title)
            self.body.setAccessibleName(self.tr("Code, %1").replace("%1", title))
        self._block = block
        if block.closed:
            self._show_closed(block)
        else:
            self._show_open(block)

    def text(self) -> str:
        """The code, as copied."""
        return self._block.text if self._block else ""

    def fit(self, width: int) -> int:
        """Lay out for a width; returns the height."""
        head = self._theme.metric("code-header")
        lines = max(1, len(self.body.lines()))
        room = width - 2 * SIDE
        wide = bool(self.body.lines()) and self.body.widest() > room
        self._bar_height = self._theme.metric("scrollbar-hover") + 4 if wide else 0
        policy = Qt.ScrollBarPolicy
        self.body.setHorizontalScrollBarPolicy(
            policy.ScrollBarAlwaysOn if wide else policy.ScrollBarAlwaysOff
        )
        text = lines * self.body.line_height
        return head + 1 + PADDING + text + max(PADDING, self._bar_height) + 1

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Head, then the lines."""
        head = self._theme.metric("code-header")
        copy = self.copy_button.sizeHint()
        top = (head - copy.height()) // 2 + 1
        self.copy_button.setGeometry(
            self.width() - copy.width() - 3, top, copy.width(), copy.height()
        )
        self._title.setGeometry(QRect(SIDE + 1, 1, self.width() - copy.width() - 24, head - 1))
        bottom = 1 if self._bar_height else PADDING + 1
        top = head + 1 + PADDING
        self.body.setGeometry(
            SIDE + 1, top, self.width() - 2 * SIDE - 2, self.height() - top - bottom
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, border, the line under the head."""
        painter = painter_for(QPainter(self))
        theme = self._theme
        border = theme.color("border")
        radius = theme.radius("control")
        box(painter, self.rect(), radius, fill=theme.color("inset"), border=border)
        line = device_line(painter)
        y = theme.metric("code-header")
        painter.fillRect(QRectF(line, y, self.width() - 2 * line, line), border)

    def _show_open(self, block: CodeBlock) -> None:
        """While the fence is open each finished line is coloured once, by itself."""
        lines = block.text.split("\n")
        del self._finished[max(0, len(lines) - 1) :]
        for text in lines[len(self._finished) : -1]:
            self._finished += highlight(text, block.language)
        last = highlight(lines[-1], block.language)
        self.body.show_lines([*self._finished, *last])

    def _show_closed(self, block: CodeBlock) -> None:
        """Colour the whole, which knows strings over several lines; long code off the thread."""
        if len(block.text) <= COLORED_AT_ONCE or not block.language:
            self.body.show_lines(highlight(block.text, block.language))
            return
        if self.body.text() != block.text:
            self.body.show_lines(highlight(block.text, ""))
        if self._coloring:
            self._coloring.cancel()
        self._coloring = self._worker.run(
            highlight, block.text, block.language, done=self._take_colors
        )

    def _take_colors(self, lines: tuple[Line, ...]) -> None:
        self._coloring = None
        self.body.show_lines(lines)

    def _copy_code(self) -> None:
        QGuiApplication.clipboard().setText(self.text())
        self.copy_button.set_icon("check")
        self.copy_button.setText(self.tr("Copied"))
        self._copied.start()

    def _offer_copy(self) -> None:
        self.copy_button.set_icon("copy")
        self.copy_button.setText(self.tr("Copy"))
