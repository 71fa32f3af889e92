"""The model card: Markdown from the hub, shown without loading anything from elsewhere."""

from PySide6.QtCore import QSize, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.blocks import BlockColumn
from app.gui.blocks_document import TextLook
from app.gui.blocks_text import BlockParts
from app.gui.markdown import Block, TextBlock, allowed_link, parse


class CardText(QWidget):
    """As high as its text, or cut at a limit. Images of a card are named, never loaded."""

    measured = Signal()
    """The height of the whole text is another one."""

    def __init__(self, parts: BlockParts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = parts.theme
        self._column = BlockColumn(parts, TextLook("reading", "text-2"), self)
        self._column.resized.connect(self._lay_out)
        self._column.link_chosen.connect(self._open)
        self._blocks: tuple[Block, ...] = ()
        self._limit: int | None = None
        self._whole = 0
        self.setAccessibleName(self.tr("Model card"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._theme.changed.connect(self._look_changed)

    def show_markdown(self, text: str) -> None:
        """Show another card."""
        self._blocks = _without_title(parse(text, breaks=False))
        self._column.show_blocks(self._blocks)
        self._lay_out()

    def set_limit(self, height: int | None) -> None:
        """Show at most so many pixels of it; None shows all."""
        self._limit = height
        self._lay_out()

    def is_longer_than(self, height: int) -> bool:
        """Whether something is folded away at a height."""
        return self._whole > height

    def sizeHint(self) -> QSize:
        """The height of the text at the width of now."""
        whole = max(24, self._whole)
        return QSize(400, whole if self._limit is None else min(whole, self._limit))

    def minimumSizeHint(self) -> QSize:
        """Narrow it may be, cut it may not."""
        return QSize(100, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lines break elsewhere."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._lay_out()

    def _lay_out(self) -> None:
        before = self._whole
        self._whole = self._column.fit(self.width()) + 8
        self._column.setGeometry(0, 0, self.width(), self._whole)
        self.updateGeometry()
        if self._whole != before:
            self.measured.emit()

    def _look_changed(self) -> None:
        self._column.show_blocks(())
        self._column.show_blocks(self._blocks)
        self._lay_out()

    def _open(self, address: str) -> None:
        if allowed_link(address):
            QDesktopServices.openUrl(QUrl(address))


def _without_title(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """A card's first heading repeats the name above it."""
    first = blocks[0] if blocks else None
    if isinstance(first, TextBlock) and first.heading == 1:
        return blocks[1:]
    return blocks
