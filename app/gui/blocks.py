"""The column of block widgets that one Markdown text is shown in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.gui.blocks_code import CodeView
from app.gui.blocks_document import TextLike, TextLook, left_of
from app.gui.blocks_math import MathView
from app.gui.blocks_spacing import gap_between
from app.gui.blocks_table import TableView
from app.gui.blocks_text import BlockParts, TextRun
from app.gui.markdown import Block, CodeBlock, MathBlock, RuleBlock, TableBlock, TextBlock

BlockView = TextRun | CodeView | TableView | MathView
LONGEST_RUN = 60
"""Text blocks in one document; a long answer gets several."""


@dataclass
class _Segment:
    blocks: tuple[Block, ...]
    view: BlockView
    height: int = 0
    """0 when it has to be laid out again."""


class BlockColumn(QWidget):
    """Shows blocks below each other. A view is kept while the blocks in it only grow."""

    resized = Signal()
    """Something inside wants another height than the one given."""
    link_chosen = Signal(str)

    def __init__(
        self,
        parts: BlockParts,
        look: TextLook | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._parts = parts
        self._look = look
        self._segments: list[_Segment] = []
        self._width = 0

    def show_blocks(self, blocks: Sequence[Block]) -> None:
        """Show these blocks. Only views whose blocks changed are touched."""
        groups = list(segments_of(blocks))
        for number, group in enumerate(groups):
            if number < len(self._segments) and _kind(group) is type(self._segments[number].view):
                self._update(self._segments[number], group)
            else:
                self._drop_from(number)
                self._segments.append(self._make(group))
        self._drop_from(len(groups))

    def views(self) -> list[BlockView]:
        """The block widgets from the top."""
        return [segment.view for segment in self._segments]

    def natural_width(self, most: int) -> int:
        """The width that text without frames wants, `most` at most."""
        width = 0
        for segment in self._segments:
            if not isinstance(segment.view, TextRun):
                return most
            width = max(width, segment.view.natural_width(most))
        return min(width, most)

    def fit(self, width: int) -> int:
        """Place everything for a width; returns the height."""
        if width != self._width:
            self._width = width
            for segment in self._segments:
                segment.height = 0
        y = 0
        before: Block | None = None
        for segment in self._segments:
            if before is not None:
                y += gap_between(before, segment.blocks[0])
            y += self._place(segment, y)
            before = segment.blocks[-1]
        return y

    def _place(self, segment: _Segment, y: int) -> int:
        view = segment.view
        left = 0 if isinstance(view, TextRun) else left_of(segment.blocks[0].place)
        width = max(40, self._width - left)
        if not segment.height:
            segment.height = view.fit(width)
        view.setGeometry(left, y - view.RISE, width, segment.height + view.RISE)
        return segment.height

    def _make(self, group: tuple[Block, ...]) -> _Segment:
        kind = _kind(group)
        view: BlockView
        if kind is CodeView:
            view = CodeView(self._parts, self)
        elif kind is TextRun:
            view = TextRun(self._parts, self._look, self)
        elif kind is TableView:
            view = TableView(self._parts, self)
        else:
            view = MathView(self._parts, self)
        segment = _Segment((), view)
        view.resized.connect(self._view_resized)
        view.link_chosen.connect(self.link_chosen)
        self._update(segment, group)
        view.show()
        return segment

    def _update(self, segment: _Segment, group: tuple[Block, ...]) -> None:
        if segment.blocks == group:
            return
        segment.blocks = group
        segment.height = 0
        match segment.view, group[0]:
            case TextRun() as text, _:
                text.show_blocks([block for block in group if isinstance(block, TextLike)])
            case CodeView() as code, CodeBlock() as block:
                code.show_block(block)
            case TableView() as table, TableBlock() as block:
                table.show_block(block)
            case MathView() as formula, MathBlock() as block:
                formula.show_block(block)

    def _drop_from(self, number: int) -> None:
        for segment in self._segments[number:]:
            segment.view.hide()
            segment.view.deleteLater()
        del self._segments[number:]

    def _view_resized(self) -> None:
        for segment in self._segments:
            if segment.view is self.sender():
                segment.height = 0
        self.resized.emit()


def segments_of(blocks: Sequence[Block]) -> Iterator[tuple[Block, ...]]:
    """Blocks that share a view: runs of text together, everything else by itself."""
    run: list[Block] = []
    for block in blocks:
        text = isinstance(block, TextBlock | RuleBlock)
        if run and (not text or len(run) >= LONGEST_RUN):
            yield tuple(run)
            run = []
        if text:
            run.append(block)
        else:
            yield (block,)
    if run:
        yield tuple(run)


def _kind(group: tuple[Block, ...]) -> type[BlockView]:
    match group[0]:
        case CodeBlock():
            return CodeView
        case TableBlock():
            return TableView
        case MathBlock():
            return MathView
        case _:
            return TextRun
