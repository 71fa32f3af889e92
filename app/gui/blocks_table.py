"""A table of a message: lines between rows only, first column flush with the text."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
    QTextTableCellFormat,
    QTextTableFormat,
)
from PySide6.QtWidgets import QTextEdit, QWidget

from app.gui.blocks_document import DocumentWriter, TextFormats, TextLook
from app.gui.blocks_text import BlockParts, ReadingBrowser
from app.gui.controls.painting import device_line
from app.gui.markdown import Align, Span, TableBlock, TextBlock
from app.gui.math_images import Formula

ABOVE, BELOW = 5, 8
"""Room in a row above and below the text, whose fixed line height has more above it; with the
line a row is 34 high."""
BETWEEN = 24
COMFORTABLE = 240
"""A column wider than this wraps before the table scrolls."""

_ALIGN = {
    "left": Qt.AlignmentFlag.AlignLeft,
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight,
}


class TableView(ReadingBrowser):
    """A table; scrolls sideways by itself when it is wider than the column."""

    resized = Signal()
    RISE = 0

    def __init__(self, parts: BlockParts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = parts.theme
        self._parts = parts
        self._block: TableBlock | None = None
        self._table: QTextTable | None = None
        self._comfortable = 0.0
        self._waiting: set[Formula] = set()
        self.setLineWrapMode(QTextEdit.LineWrapMode.FixedPixelWidth)
        self.setAccessibleName(self.tr("Table"))
        parts.math.drawn.connect(self._take_formula)

    def show_block(self, block: TableBlock) -> None:
        """Show a table, or the same one grown."""
        if block != self._block:
            self._block = block
            self._write(block)

    def fit(self, width: int) -> int:
        """Lay out for a width; returns the height."""
        wanted = max(width, round(self._comfortable))
        wide = wanted > width
        policy = Qt.ScrollBarPolicy
        self.setHorizontalScrollBarPolicy(
            policy.ScrollBarAlwaysOn if wide else policy.ScrollBarAlwaysOff
        )
        self.ensurePolished()
        if self.width() != width:
            self.resize(width, self.height())
        self.setLineWrapColumnOrWidth(wanted)
        bar = self.horizontalScrollBar().sizeHint().height() if wide else 0
        return round(self.document().size().height()) + bar

    def paintEvent(self, event: QPaintEvent) -> None:
        """A strong line under the head, a line between rows."""
        super().paintEvent(event)
        if self._table is None:
            return
        painter = QPainter(self.viewport())
        line = device_line(painter)
        layout = self.document().documentLayout()
        for row in range(self._table.rows() - 1):
            bottom = max(
                layout.blockBoundingRect(
                    self._table.cellAt(row, column).lastCursorPosition().block()
                ).bottom()
                for column in range(self._table.columns())
            )
            color = self._theme.color("border-strong" if row == 0 else "border")
            y = round(bottom) + BELOW
            painter.fillRect(QRectF(0, y, self.viewport().width(), line), color)

    def _write(self, block: TableBlock) -> None:
        head = TextFormats(self._theme, TextLook("body-strong", "text-2"))
        body = TextFormats(self._theme, TextLook("body", "text"))
        self.document().clear()
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        widths = self._column_widths(block)
        self._comfortable = sum(widths)
        self._table = cursor.insertTable(
            1 + len(block.rows), len(widths), self._table_format(widths)
        )
        self._waiting = set()
        for row, cells in enumerate((block.head, *block.rows)):
            formats = body if row else head
            writer = DocumentWriter(
                self.document(), formats, self._parts.math, self.devicePixelRatioF()
            )
            for column, spans in enumerate(cells[: len(block.head)]):
                self._write_cell(writer, row, column, spans, block.align[column])
            self._waiting |= writer.waiting
        self._hide_last_line()
        cursor.endEditBlock()

    def _table_format(self, widths: Sequence[float]) -> QTextTableFormat:
        made = QTextTableFormat()
        made.setBorder(0)
        made.setCellSpacing(0)
        made.setCellPadding(0)
        made.setMargin(0)
        made.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
        percent = QTextLength.Type.PercentageLength
        made.setWidth(QTextLength(percent, 100))
        whole = sum(widths)
        shares = [QTextLength(percent, 100 * width / whole) for width in widths]
        made.setColumnWidthConstraints(shares)
        return made

    def _write_cell(
        self, writer: DocumentWriter, row: int, column: int, spans: tuple[Span, ...], align: Align
    ) -> None:
        assert self._table is not None
        cell = self._table.cellAt(row, column)
        form = QTextTableCellFormat()
        form.setTopPadding(ABOVE)
        form.setBottomPadding(BELOW + 1)
        last = column == self._table.columns() - 1
        form.setRightPadding(0 if last else BETWEEN)
        cell.setFormat(form)
        cursor = cell.firstCursorPosition()
        line = writer.formats.of_block(TextBlock(spans), 0, writer.is_tall(TextBlock(spans)))
        line.setAlignment(_ALIGN[align])
        cursor.setBlockFormat(line)
        for span in spans:
            writer.write_span(cursor, span)

    def _hide_last_line(self) -> None:
        """Qt keeps an empty line after a table; it takes no room."""
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        form = QTextBlockFormat()
        form.setLineHeight(1, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.setBlockFormat(form)
        tiny = QTextCharFormat()
        font = self._theme.font("body")
        font.setPixelSize(1)
        tiny.setFont(font)
        cursor.setBlockCharFormat(tiny)

    def _column_widths(self, block: TableBlock) -> list[float]:
        """What each column needs to read well: its longest cell, or less if that is long."""
        metrics = QFontMetrics(self._theme.font("body-strong"))
        widths: list[float] = []
        for column in range(max(1, len(block.head))):
            cells = [row[column] for row in (block.head, *block.rows) if column < len(row)]
            texts = ("".join(span.text for span in cell) for cell in cells)
            natural = max((metrics.horizontalAdvance(text) for text in texts), default=0)
            widths.append(min(COMFORTABLE, natural) + BETWEEN)
        return widths

    def _take_formula(self, formula: Formula) -> None:
        if formula in self._waiting and self._block is not None:
            self._write(self._block)
            self.resized.emit()
