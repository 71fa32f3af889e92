"""Paragraphs, headings, lists and quotations of a message: one document for each run of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QMimeData, QRectF, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QTextBlock,
    QTextCursor,
    QTextLayout,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextBrowser, QWidget

from app.gui.blocks_document import (
    CODE,
    INDENT_QUOTE,
    PADDING,
    QUOTE,
    RULE,
    TEX,
    DocumentWriter,
    TextFormats,
    TextLike,
    TextLook,
)
from app.gui.blocks_spacing import gap_between
from app.gui.controls.focus import RingFocus
from app.gui.controls.painting import box, device_line, painter_for
from app.gui.icons import Icons
from app.gui.markdown import RuleBlock, Span, TextBlock
from app.gui.math_images import Formula, MathImages
from app.gui.picture_images import PictureImages
from app.gui.theme import Theme
from app.gui.worker import Worker

_LINE_KEYS = frozenset(
    {
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_Space,
    }
)


@dataclass(frozen=True, slots=True)
class BlockParts:
    """What every block is made with."""

    theme: Theme
    icons: Icons
    worker: Worker
    math: MathImages
    pictures: PictureImages | None = None
    """None where there are no chats to have pictures."""


class ReadingBrowser(RingFocus, QTextBrowser):
    """Text to read and select inside a page that does the scrolling. Loads nothing, ever."""

    link_chosen = Signal(str)

    ring_radius = 4

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setOpenLinks(False)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextBrowserInteraction
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setProperty("bare", True)
        self.viewport().setAutoFillBackground(False)
        document = self.document()
        document.setDocumentMargin(0)
        document.setUndoRedoEnabled(False)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        document.setDefaultTextOption(option)
        self.anchorClicked.connect(self._choose_link)

    def minimumSizeHint(self) -> QSize:
        """Whoever shows it decides on its size."""
        return QSize(0, 0)

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """Nothing is loaded: no file, no network."""
        return None  # pictures of formulas are in the document already

    def keep_start_in_view(self) -> None:
        """Writing at the end takes the text cursor along, and the view would go after it."""
        if not self.textCursor().hasSelection() and not self.hasFocus():
            self.moveCursor(QTextCursor.MoveOperation.Start)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The page scrolls, unless the text is wider than its frame and the wheel is sideways."""
        sideways = abs(event.angleDelta().x()) > abs(event.angleDelta().y())
        if sideways and self.horizontalScrollBar().maximum() > 0:
            super().wheelEvent(event)
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that scroll are the page's; with Shift they select."""
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.key() in _LINE_KEYS and not shift:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def createMimeDataFromSelection(self) -> QMimeData:
        """What a person selected, formulas as their source."""
        data = QMimeData()
        data.setText(selected_text(self.textCursor()))
        return data

    def _choose_link(self, address: QUrl) -> None:
        self.link_chosen.emit(address.toString(QUrl.ComponentFormattingOption.FullyEncoded))


class TextRun(ReadingBrowser):
    """A run of text blocks. Only what changed since the last call is laid out again."""

    resized = Signal()
    """The height may be another one without a change of text: a formula was drawn."""

    RISE = 2
    """Qt puts the baseline at 4/5 of a fixed line height; this much higher is its middle."""

    def __init__(
        self, parts: BlockParts, look: TextLook | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = parts.theme
        self._blocks: tuple[TextLike, ...] = ()
        self._decorated: dict[int, None] = {}
        formats = TextFormats(parts.theme, look or TextLook())
        self._writer = DocumentWriter(formats, parts.math, self.devicePixelRatioF())
        self._draws_formulas = parts.math.drawn
        self._math_connected = False
        self.setAccessibleName(self.tr("Message text"))

    def show_blocks(self, blocks: Sequence[TextLike]) -> None:
        """Show these blocks; those equal to the ones shown before are left alone."""
        same = 0
        for old, new in zip(self._blocks, blocks, strict=False):
            if old is not new and old != new:
                break
            same += 1
        self._blocks = tuple(blocks)
        self._write_from(same)

    def fit(self, width: int) -> int:
        """Lay out for a width; returns the height."""
        self._take_width(width)
        return round(self.document().size().height())

    def natural_width(self, most: int) -> int:
        """The width that the text wants: its longest line, or `most` if that has to wrap."""
        self._take_width(most)
        document = self.document()
        document.setTextWidth(-1)
        wanted = math.ceil(document.idealWidth()) + 1
        document.setTextWidth(most)
        return min(most, wanted)

    def _take_width(self, width: int) -> None:
        """Tell the widget too: it lays its document out again for what it thinks its width is."""
        self.ensurePolished()
        if self.width() != width:
            self.resize(width, self.height())
        if self.document().textWidth() != width:
            self.document().setTextWidth(width)

    def _write_from(self, first: int) -> None:
        if first >= len(self._blocks) and self.document().blockCount() == len(self._blocks):
            return
        gaps = [
            gap_between(self._blocks[number - 1], block) if number else 0
            for number, block in enumerate(self._blocks)
        ]
        self._writer.write(self.document(), self._blocks, first, gaps)
        if first == 0:
            self.keep_start_in_view()
        if self._writer.waiting and not self._math_connected:
            self._math_connected = True
            self._draws_formulas.connect(self._take_formula)
        self._note_decorations(first)

    def _take_formula(self, formula: Formula) -> None:
        if formula not in self._writer.waiting:
            return
        self._writer.waiting.discard(formula)
        for number, block in enumerate(self._blocks):
            if any(span.math and span.text == formula.tex for span in spans_of(block)):
                self._write_from(number)
                break
        self.resized.emit()

    def _note_decorations(self, first: int) -> None:
        """Remember which blocks need more painting than text."""
        kept = [number for number in self._decorated if number < first]
        fresh = [
            number
            for number in range(first, len(self._blocks))
            if _is_decorated(self._blocks[number])
        ]
        self._decorated = dict.fromkeys([*kept, *fresh])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Grounds of inline code, lines of quotations and rules; then the text."""
        if self._decorated:
            painter = painter_for(QPainter(self.viewport()))
            for number in self._decorated:
                block = self.document().findBlockByNumber(number)
                self._decorate(painter, block, QRectF(event.rect()))
            painter.end()
        super().paintEvent(event)

    def _decorate(self, painter: QPainter, block: QTextBlock, visible: QRectF) -> None:
        area = self.document().documentLayout().blockBoundingRect(block)
        if not area.intersects(visible):
            return
        form = block.blockFormat()
        if form.boolProperty(RULE):
            y = round(area.center().y())
            line = device_line(painter)
            painter.fillRect(QRectF(0, y, self.width(), line), self._theme.color("border"))
        for level in range(form.intProperty(QUOTE)):
            top, bottom = self._quote_extent(block)
            bar = QRectF(level * INDENT_QUOTE, top, 2, bottom - top)
            painter.fillRect(bar, self._theme.color("border-strong"))
        for rect in code_grounds(block):
            box(painter, rect, self._theme.radius("small"), fill=self._theme.color("hover"))

    def _quote_extent(self, block: QTextBlock) -> tuple[float, float]:
        """From the quoted text above, if there is one, to the block below."""
        top = block.layout().position().y()
        if block.previous().blockFormat().intProperty(QUOTE):
            top -= block.blockFormat().topMargin()
        below = block.next()
        if not below.isValid():
            return top, self.document().size().height()
        return top, below.layout().position().y() - below.blockFormat().topMargin()


def selected_text(cursor: QTextCursor) -> str:
    """The selection as plain text: formulas as $source$, without the padding of inline code."""
    document = cursor.document()
    start, end = cursor.selectionStart(), cursor.selectionEnd()
    lines = []
    block = document.findBlock(start)
    while block.isValid() and block.position() <= end:
        pieces = []
        iterator = block.begin()
        while not iterator.atEnd():
            fragment = iterator.fragment()
            first = max(start, fragment.position()) - fragment.position()
            last = min(end, fragment.position() + fragment.length()) - fragment.position()
            form = fragment.charFormat()
            if first < last and not form.boolProperty(PADDING):
                tex = form.stringProperty(TEX)
                pieces.append(f"${tex}$" if tex else fragment.text()[first:last])
            iterator += 1
        lines.append("".join(pieces).replace("\t", " ").replace("\u2028", "\n"))
        block = block.next()
    return "\n".join(lines)


def code_grounds(block: QTextBlock) -> list[QRectF]:
    """Where the ground of inline code goes, in coordinates of the document."""
    rects = []
    layout = block.layout()
    for start, end in _code_ranges(block):
        rects += [_ground(layout, line, start, end) for line in _lines_of(layout, start, end)]
    return rects


def _code_ranges(block: QTextBlock) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    iterator = block.begin()
    while not iterator.atEnd():
        fragment = iterator.fragment()
        if fragment.charFormat().boolProperty(CODE):
            start = fragment.position() - block.position()
            if ranges and ranges[-1][1] == start:
                start = ranges.pop()[0]
            ranges.append((start, fragment.position() - block.position() + fragment.length()))
        iterator += 1
    return ranges


def _lines_of(layout: QTextLayout, start: int, end: int) -> range:
    first = layout.lineForTextPosition(start).lineNumber()
    last = layout.lineForTextPosition(end - 1).lineNumber()
    return range(max(0, first), last + 1)


def _ground(layout: QTextLayout, number: int, start: int, end: int) -> QRectF:
    line = layout.lineAt(number)
    begin = max(start, line.textStart())
    until = min(end, line.textStart() + line.textLength())
    left, right = _x(line.cursorToX(begin)), _x(line.cursorToX(until))
    middle = line.y() + line.ascent() - 4.5  # half the height of capitals above the baseline
    return QRectF(left, middle - 11, right - left, 22).translated(layout.position())


def _x(answer: object) -> float:
    """`cursorToX` gives the place alone or with the position, by version of the binding."""
    return float(answer[0] if isinstance(answer, tuple) else answer)  # type: ignore[arg-type]  # stubs name one of two forms


def spans_of(block: TextLike) -> tuple[Span, ...]:
    """The spans of a block; a rule has none."""
    return block.spans if isinstance(block, TextBlock) else ()


def _is_decorated(block: TextLike) -> bool:
    rule = isinstance(block, RuleBlock)
    return rule or block.place.quote > 0 or any(span.code for span in spans_of(block))
