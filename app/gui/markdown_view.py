"""Markdown as part of a page, such as a model card. Loads nothing from anywhere."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.blocks import BlockColumn
from app.gui.blocks_text import BlockParts
from app.gui.icons import Icons
from app.gui.markdown import parse
from app.gui.math_images import MathImages
from app.gui.theme import Theme
from app.gui.worker import Worker


class MarkdownView(QWidget):
    """As wide as its place, as high as its text; put it into a scroll area."""

    link_activated = Signal(str)
    """An http, https or mailto address; nothing has been opened yet."""

    def __init__(
        self, theme: Theme, icons: Icons, worker: Worker, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._parts = BlockParts(theme, icons, worker, MathImages(worker, self))
        self._text = ""
        self._column: BlockColumn | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self._rebuild)

    def set_markdown(self, text: str) -> None:
        """Show a text; its hard line ends are spaces, as the authors of cards mean them."""
        if text != self._text or self._column is None:
            self._text = text
            self._rebuild()

    def hasHeightForWidth(self) -> bool:
        """Narrower is higher."""
        return True

    def heightForWidth(self, width: int) -> int:
        """The height of the text at a width."""
        return self._column.fit(width) if self._column and width > 0 else 0

    def sizeHint(self) -> QSize:
        """At the width of now."""
        return QSize(self.width(), self.heightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the text out for the new width."""
        self._fit()

    def _rebuild(self) -> None:
        if self._column is not None:
            self._column.hide()
            self._column.deleteLater()
        self._column = BlockColumn(self._parts, parent=self)
        self._column.link_chosen.connect(self.link_activated)
        self._column.resized.connect(self._fit)
        self._column.show_blocks(parse(self._text, breaks=False))
        self._column.show()
        self._fit()

    def _fit(self) -> None:
        if self._column is None or self.width() <= 0:
            return
        height = self._column.fit(self.width())
        self._column.setGeometry(0, 0, self.width(), height)
        if height != self.height():
            self.setFixedHeight(height)
