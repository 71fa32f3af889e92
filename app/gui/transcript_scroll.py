"""A scroll area with widgets only for the messages near the view.

Heights of all other messages are estimates, put right when a message is first shown; what a
person is looking at stays where it is meanwhile. Opening a chat therefore costs the same
whatever its length.
"""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from app.gui.controls.focus import RingFocus, RingShape, take_away
from app.gui.message_item import MessageItem
from app.gui.message_view import MessageView
from app.gui.theme import READING_DEFAULT, Theme
from app.gui.transcript_focus import neighbour
from app.gui.transcript_rows import TranscriptRows

SIDE = 24
AT_END = 8
"""Pixels from the end within which the view follows what is written."""
_ROUNDS = 8
"""Measuring rows may bring others into view; it settles in two or three rounds."""


class MessageScroll(RingFocus, QAbstractScrollArea):
    """Keeps `MessageView`s for rows within about one screen of the view, and places them."""

    ring_shape: RingShape = "edge"
    ring_radius = 0

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows = TranscriptRows()
        self._views: dict[int, MessageView] = {}
        self._fitted: dict[int, int] = {}
        """Heights of the views as laid out now."""
        self._changed: set[int] = set()
        """Messages to be laid out again."""
        self._follows = True
        self._settling = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self.verticalScrollBar().setSingleStep(24)
        self._prefetch = QTimer(self)
        self._prefetch.setSingleShot(True)
        self._prefetch.setInterval(0)
        self._prefetch.timeout.connect(self._prefetch_one)
        theme.changed.connect(self._restyle)

    def make_view(self, item: MessageItem) -> MessageView:
        """Build the widget of a message, with the viewport as its parent."""
        raise NotImplementedError

    def settled(self) -> None:
        """Called when everything in view has its place."""

    @property
    def follows(self) -> bool:
        """Whether the view stays at the end while an answer is written."""
        return self._follows

    def jump_to_end(self) -> None:
        """Show the end and follow it."""
        self._follows = True
        self.settle()

    def view_of(self, message_id: int) -> MessageView | None:
        """The widget of a message, if it is near the view."""
        return self._views.get(message_id)

    def column(self) -> tuple[int, int]:
        """Left edge and width of the text column; the scroll bar stands in the margin."""
        width = min(self._theme.metric("text-column-max"), self.width() - 2 * SIDE)
        return (self.width() - width) // 2, max(0, width)

    def settle(self) -> None:
        """Measure what is in view until nothing moves, then place it."""
        if self._settling or not self.isVisible() or self.column()[1] <= 0:
            return
        self._settling = True
        try:
            for _ in range(_ROUNDS):
                self._sync_bar()
                if not self._measure():
                    break
            self._sync_bar()
            self._place()
            self._retire()
        finally:
            self._settling = False
        if self._missing() >= 0:
            self._prefetch.start()
        self.settled()

    def refit(self, message_id: int) -> None:
        """A message may have another height now."""
        if self._rows.row(message_id) >= 0:
            self._changed.add(message_id)
            self.settle()

    def reveal(self, message_id: int, y: int = 0) -> None:
        """Scroll so that the place `y` of a message stands a little below the top."""
        self._follows = False
        for _ in range(2):  # its own height and those around it are estimates at first
            row = self._rows.row(message_id)
            if row < 0:
                return
            wanted = self._rows.top(row) + y - self.viewport().height() // 4 * bool(y) - 20
            self._sync_bar()
            self._set_scroll(wanted)
            self.settle()

    def drop_views(self) -> None:
        """Forget all widgets; those in view are built again by the next `settle`."""
        for message_id in list(self._views):
            self._drop(message_id)

    def _sync_bar(self) -> None:
        bar = self.verticalScrollBar()
        room = self.viewport().height()
        bar.setPageStep(room)
        bar.setRange(0, max(0, self._rows.total - room))
        if self._follows:
            bar.setValue(bar.maximum())

    def _set_scroll(self, value: int) -> None:
        settling, self._settling = self._settling, True
        self.verticalScrollBar().setValue(value)
        self._settling = settling

    def _visible(self, screens: float = 0) -> range:
        """Rows in view, or within so many screens of it."""
        room = self.viewport().height()
        scroll = self.verticalScrollBar().value()
        first = self._rows.at(round(scroll - screens * room))
        last = self._rows.at(round(scroll + room * (1 + screens)) - 1)
        return range(max(0, first), last + 1)

    def _measure(self) -> bool:
        """Lay out what has changed and what came into view; True while heights move."""
        moved = False
        changed, self._changed = self._changed, set()
        for message_id in changed:
            if message_id in self._views:
                moved |= self._fit(self._rows.row(message_id))
        for row in self._visible():
            if self._rows.items[row].id not in self._views:
                moved |= self._fit(row)
        return moved or bool(self._changed)

    def _fit(self, row: int) -> bool:
        """Lay a message out; True when its height was another one than thought."""
        item = self._rows.items[row]
        if item.id not in self._views:
            self._views[item.id] = self._add(item)
        scroll = self.verticalScrollBar().value()
        first_time = not self._rows.is_measured(row)
        top, bottom = self._rows.top(row), self._rows.top(row + 1)
        height = self._views[item.id].fit(self.column()[1])
        self._fitted[item.id] = height
        moved = self._rows.measure(row, height)
        above = bottom <= scroll or (first_time and top < scroll)
        if moved and above and not self._follows:
            self._sync_bar()
            self._set_scroll(scroll + moved)
        return moved != 0

    def _add(self, item: MessageItem) -> MessageView:
        view = self.make_view(item)
        if item.role == "user":
            view.raise_()  # its actions reach beside the head of the answer
        else:
            view.lower()
        view.show()
        return view

    def _place(self) -> None:
        scroll = self.verticalScrollBar().value()
        left, width = self.column()
        for message_id, view in self._views.items():
            y = self._rows.top(self._rows.row(message_id)) - scroll
            view.setGeometry(left, y, width, self._fitted[message_id])

    def _retire(self) -> None:
        """Drop widgets that are more than two screens away."""
        near = self._visible(2)
        for message_id, view in list(self._views.items()):
            if self._rows.row(message_id) not in near and not view.is_pinned:
                self._drop(message_id)

    def _drop(self, message_id: int) -> None:
        view = self._views.pop(message_id)
        self._fitted.pop(message_id, None)
        take_away(view)

    def _missing(self) -> int:
        """A row within one screen of the view without a widget; -1 if there is none."""
        for row in self._visible(1):
            if self._rows.items[row].id not in self._views:
                return row
        return -1

    def _prefetch_one(self) -> None:
        if not self.isVisible():
            return
        row = self._missing()
        if row >= 0:
            self._settling = True
            self._fit(row)
            self._settling = False
            self.settle()

    def _restyle(self) -> None:
        self.drop_views()
        self._rows.forget()
        self._relayout()

    def _relayout(self) -> None:
        """Another width or size of text; the message at the top stays there."""
        scroll = self.verticalScrollBar().value()
        row = self._rows.at(scroll)
        offset = scroll - self._rows.top(row) if row >= 0 else 0
        self._rows.set_width(self.column()[1], self._theme.reading_size / READING_DEFAULT)
        self._settling = True
        for message_id in self._views:
            self._fit(self._rows.row(message_id))
        self._sync_bar()
        if row >= 0 and not self._follows:
            self.verticalScrollBar().setValue(self._rows.top(row) + offset)
        self._settling = False
        self.settle()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Somebody scrolls."""
        if self._settling:
            return
        bar = self.verticalScrollBar()
        self._follows = bar.value() >= bar.maximum() - AT_END
        self.settle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the column in the middle."""
        super().resizeEvent(event)
        self._relayout()

    def showEvent(self, event: QShowEvent) -> None:
        """Nothing is laid out while hidden; now it is."""
        super().showEvent(event)
        self._relayout()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Home and End beside the keys that scroll areas know."""
        bar = self.verticalScrollBar()
        if event.key() == Qt.Key.Key_Home:
            bar.setValue(0)
        elif event.key() == Qt.Key.Key_End:
            self.jump_to_end()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes through the messages as they stand, whenever their widgets were made."""
        views = sorted(self._views.values(), key=lambda view: view.y())
        target = neighbour(self, views, forward)
        if target is None:
            return super().focusNextPrevChild(forward)
        reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        target.setFocus(reason)
        self._note_focus(target)
        return True

    def _note_focus(self, target: QWidget) -> None:
        """Show the actions of the message that has the keyboard, and bring it into view."""
        target.installEventFilter(self)
        view = self._view_around(target)
        if view is None:
            return
        view.set_focused(True)
        top = target.mapTo(self.viewport(), target.rect().topLeft()).y()
        room = self.viewport().height()
        if top < 0 or top + min(target.height(), 60) > room:
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + top - room // 3)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The keyboard has left a message."""
        if event.type() == QEvent.Type.FocusOut and isinstance(watched, QWidget):
            watched.removeEventFilter(self)
            view = self._view_around(watched)
            focused = self.window().focusWidget()
            if view is not None and not (focused and view.isAncestorOf(focused)):
                view.set_focused(False)
        return super().eventFilter(watched, event)

    def _view_around(self, widget: QWidget) -> MessageView | None:
        return next((v for v in self._views.values() if v.isAncestorOf(widget)), None)
