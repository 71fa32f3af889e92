"""How the chat page is laid out: list, header and messages, chat settings beside or over them."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app.gui.theme import Theme

LINE = 1
"""Lines between regions lie inside the measure of the panel beside them."""
LIST_LEAST, LIST_MOST = 240, 360


class ChatLayout(QWidget):
    """Three regions. Where there is little room the list is at its least width, and the inspector
    lies over the messages."""

    def __init__(
        self,
        theme: Theme,
        chats: QWidget,
        header: QWidget,
        pane: QWidget,
        inspector: QWidget,
        *,
        list_width: int,
    ) -> None:
        super().__init__()
        self._theme = theme
        self._side = QFrame()
        self._side.setProperty("region", "sidebar")
        self._side.setFixedWidth(theme.metric("inspector"))
        side = QHBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(0)
        side.addWidget(line())
        side.addWidget(inspector, 1)
        middle = QFrame()
        middle.setProperty("region", "canvas")
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(header)
        column.addWidget(line(horizontal=True))
        column.addWidget(pane, 1)
        self._right = QWidget()
        self._row = QHBoxLayout(self._right)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addWidget(middle, 1)
        self._row.addWidget(self._side)
        chats.setMinimumWidth(LIST_LEAST - LINE)
        chats.setMaximumWidth(LIST_MOST - LINE)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setHandleWidth(LINE)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(chats)
        self._splitter.addWidget(self._right)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes([list_width - LINE, 1000])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._splitter)
        self._chats = chats
        self._header = header
        self._narrow = False
        self._list_width = list_width
        self._splitter.splitterMoved.connect(self._list_dragged)

    @property
    def list_width(self) -> int:
        """Of the chat list where there is room, its line included."""
        return max(LIST_LEAST, min(LIST_MOST, self._list_width))

    def is_narrow(self) -> bool:
        """Whether there is no room for the inspector beside the messages."""
        return self.window().width() < self._theme.metric("inspector-overlay-below")

    def show_inspector(self, shown: bool) -> None:
        """Show or hide the inspector."""
        self._side.setVisible(shown)
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside or over the messages; the list as wide as there is room."""
        super().resizeEvent(event)
        self._narrow_list(self.is_narrow())
        self._place()

    def _narrow_list(self, narrow: bool) -> None:
        if narrow == self._narrow:
            return
        self._narrow = narrow
        self._chats.setMaximumWidth((LIST_LEAST if narrow else LIST_MOST) - LINE)
        width = LIST_LEAST if narrow else self._list_width
        self._splitter.setSizes([width - LINE, self.width() - width])

    def _list_dragged(self) -> None:
        if not self._narrow:
            self._list_width = self._splitter.sizes()[0] + LINE

    def _place(self) -> None:
        beside = self._row.indexOf(self._side) >= 0
        if self.is_narrow() and beside:
            self._row.removeWidget(self._side)
        elif not self.is_narrow() and not beside:
            self._row.addWidget(self._side)
        if self.is_narrow():
            top = self._header.height() + LINE
            width = self._side.width()
            left = self._right.width() - width
            self._side.setGeometry(left, top, width, self._right.height() - top)
            self._side.raise_()


def line(*, horizontal: bool = False) -> QFrame:
    """A line between two regions."""
    frame = QFrame()
    frame.setProperty("line", "true")
    if horizontal:
        frame.setFixedHeight(LINE)
    else:
        frame.setFixedWidth(LINE)
    return frame
