"""A table of a message: lines between rows only, first column flush with the text."""

from PySide6.QtCore import QRect, QRectF, Qt, Signal
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
    QTextTableCell,
    QTextTableCellFormat,
    QTextTableFormat,
)
from PySide6.QtWidgets import QTextEdit, QWidget

from app.gui.blocks_document import DocumentWriter, TextFormats, TextLook
from app.gui.blocks_text import BlockParts, ReadingBrowser, code_grounds
from app.gui.controls.painting import box, device_line, painter_for
from app.gui.markdown import Align, Span, TableBlock, TextBlock
from app.gui.math_images import Formula

ABOVE, BELOW = 5, 8
"""Room in a row above and below the text, whose fixed line height has more above it; with the
line a row is 34 high."""
BETWEEN = 24
_ROUNDING = 4
"""Shares of the width are rounded; a word must not wrap for that."""
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
        self._heads = 1
        """Head rows shown: 0 for a head that holds nothing, as Markdown must write it."""
        self._widths: list[float] = []
        self._lines: list[int] = []
        self._has_code = False
        self._waiting: set[Formula] = set()
        self.setLineWrapMode(QTextEdit.LineWrapMode.FixedPixelWidth)
        self.setAccessibleName(self.tr("Table"))
        parts.math.drawn.connect(self._take_formula)

    def show_block(self, block: TableBlock) -> None:
        """Show a table, or the same one grown."""
        if block == self._block:
            return
        before, self._block = self._block, block
        cells = (cell for row in _shown_rows(block) for cell in row)
        self._has_code = any(span.code for cell in cells for span in cell)
        if before and _can_grow(before, block):
            self._grow(before, block)
        else:
            self._write(block)

    def fit(self, width: int) -> int:
        """Lay out for a width; returns the height."""
        wanted = max(width, round(sum(self._widths)))
        wide = wanted > width
        policy = Qt.ScrollBarPolicy
        self.setHorizontalScrollBarPolicy(
            policy.ScrollBarAlwaysOn if wide else policy.ScrollBarAlwaysOff
        )
        self.ensurePolished()
        if self.width() != width:
            self.resize(width, self.height())
        if self.lineWrapColumnOrWidth() != wanted:
            self.setLineWrapColumnOrWidth(wanted)
        self._lines = self._row_lines()
        bar = self.horizontalScrollBar().sizeHint().height() if wide else 0
        return round(self.document().size().height()) + bar

    def paintEvent(self, event: QPaintEvent) -> None:
        """Grounds of inline code, text, a strong line under the head and one between rows."""
        self._paint_grounds(event.rect())
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        line = device_line(painter)
        for row, y in enumerate(self._lines):
            below_head = self._heads and not row
            color = self._theme.color("border-strong" if below_head else "border")
            painter.fillRect(QRectF(0, y, self.viewport().width(), line), color)

    def _row_lines(self) -> list[int]:
        """Where the lines between rows are, from the place of the text below each."""
        if self._table is None:
            return []
        layout = self.document().documentLayout()
        cells = (self._table.cellAt(row, 0) for row in range(1, self._table.rows()))
        blocks = (cell.firstCursorPosition().block() for cell in cells)
        return [round(layout.blockBoundingRect(block).top()) - ABOVE - 1 for block in blocks]

    def _paint_grounds(self, visible: QRect) -> None:
        if not self._has_code:
            return
        painter = painter_for(QPainter(self.viewport()))
        painter.translate(-self.horizontalScrollBar().value(), 0)
        layout = self.document().documentLayout()
        area = QRectF(visible.translated(self.horizontalScrollBar().value(), 0))
        block = self.document().begin()
        while block.isValid():
            if layout.blockBoundingRect(block).intersects(area):
                corner = layout.blockBoundingRect(block).topLeft() - block.layout().position()
                for rect in code_grounds(block):
                    ground = rect.translated(corner.x(), corner.y())
                    ground = ground.adjusted(0, 1, 0, -1)
                    box(
                        painter,
                        ground,
                        self._theme.radius("small"),
                        fill=self._theme.color("hover"),
                    )
            block = block.next()

    def _write(self, block: TableBlock) -> None:
        self.document().clear()
        self._waiting = set()
        widths = self._column_widths(block)
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        rows = _shown_rows(block)
        self._heads = len(rows) - len(block.rows)
        self._table = cursor.insertTable(len(rows), len(widths), self._table_format(widths))
        for row, cells in enumerate(rows):
            self._write_row(self._table, row, cells, block.align)
        self._hide_last_line()
        cursor.endEditBlock()
        self.keep_start_in_view()

    def _grow(self, before: TableBlock, block: TableBlock) -> None:
        """Rewrite only the rows that are new or have changed."""
        table = self._table
        assert table is not None
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        extra = len(block.rows) - len(before.rows)
        if extra > 0:
            table.appendRows(extra)
        elif extra < 0:
            table.removeRows(self._heads + len(block.rows), -extra)
        for row, cells in enumerate(block.rows):
            if row >= len(before.rows) or before.rows[row] != cells:
                self._write_row(table, row + self._heads, cells, block.align)
        widths = self._column_widths(block)
        if widths != self._widths:
            table.setFormat(self._table_format(widths))
        cursor.endEditBlock()

    def _write_row(
        self,
        table: QTextTable,
        row: int,
        cells: tuple[tuple[Span, ...], ...],
        align: tuple[Align, ...],
    ) -> None:
        is_head = row < self._heads
        look = TextLook("body-strong", "text-2") if is_head else TextLook("body", "text")
        formats = TextFormats(self._theme, look)
        ratio = self.devicePixelRatioF()
        writer = DocumentWriter(formats, self._parts.math, ratio)
        for column, spans in enumerate(cells[: table.columns()]):
            self._write_cell(writer, table.cellAt(row, column), spans, align[column])
        self._waiting |= writer.waiting

    def _table_format(self, widths: list[float]) -> QTextTableFormat:
        self._widths = widths
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
        self, writer: DocumentWriter, cell: QTextTableCell, spans: tuple[Span, ...], align: Align
    ) -> None:
        last = self._table is not None and cell.column() == self._table.columns() - 1
        form = QTextTableCellFormat()
        form.setTopPadding(ABOVE)
        form.setBottomPadding(BELOW + 1)
        form.setRightPadding(0 if last else BETWEEN)
        cell.setFormat(form)
        cursor = cell.firstCursorPosition()
        cursor.setPosition(cell.lastPosition(), QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
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
        widths: list[float] = []
        for column in range(max(1, len(block.head))):
            cells = [row[column] for row in _shown_rows(block) if column < len(row)]
            natural = max((self._natural_width(cell) for cell in cells), default=0)
            widths.append(min(COMFORTABLE, natural) + BETWEEN + _ROUNDING)
        return widths

    def _natural_width(self, cell: tuple[Span, ...]) -> int:
        plain = QFontMetrics(self._theme.font("body-strong"))
        mono = QFontMetrics(self._theme.font("code"))
        return sum(
            mono.horizontalAdvance(span.text) + 12
            if span.code or span.math
            else plain.horizontalAdvance(span.text)
            for span in cell
        )

    def _take_formula(self, formula: Formula) -> None:
        if formula in self._waiting and self._block is not None:
            self._write(self._block)
            self.resized.emit()


def _shown_rows(block: TableBlock) -> tuple[tuple[tuple[Span, ...], ...], ...]:
    """Head and rows; an empty head over rows is left out."""
    has_words = any(span.text.strip() for cell in block.head for span in cell)
    return (block.head, *block.rows) if has_words or not block.rows else block.rows


def _can_grow(before: TableBlock, block: TableBlock) -> bool:
    """Whether one is the other with more or fewer rows; with the first row the head may go."""
    same_form = (before.head, before.align) == (block.head, block.align)
    return same_form and bool(before.rows) == bool(block.rows)
