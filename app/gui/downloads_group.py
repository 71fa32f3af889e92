"""A group of downloads on a card, whose rows may be dragged into another order."""

from collections.abc import Sequence

from PySide6.QtCore import QMimeData, QPoint, Qt, Signal
from PySide6.QtGui import (
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from app.gui.controls.card import Card, Line
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.icons import Icons

DRAGGED = "application/x-corral-download"
"""Kind of what is dragged: the id of a download."""
_LINE = 2


class Grip(IconView):
    """Where a row is taken hold of. Keys do the same: see the menu of the row."""

    def __init__(self, icons: Icons, row: QWidget, item_id: str) -> None:
        super().__init__(icons, "grip-vertical", 18)
        self._row, self._item_id = row, item_id
        self._pressed: QPoint | None = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Perhaps the begin of a drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """None after all."""
        self._pressed = None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Far enough: the row is dragged."""
        if self._pressed is None:
            return
        way = (event.position().toPoint() - self._pressed).manhattanLength()
        if way < QApplication.startDragDistance():
            return
        self._pressed = None
        drag = QDrag(self)
        drag.setMimeData(dragged(self._item_id))
        drag.setPixmap(self._row.grab())
        drag.setHotSpot(self._row.mapFromGlobal(event.globalPosition().toPoint()))
        drag.exec(Qt.DropAction.MoveAction)


def dragged(item_id: str) -> QMimeData:
    """What is dragged, for a download."""
    data = QMimeData()
    data.setData(DRAGGED, item_id.encode())
    return data


class DropMark(QWidget):
    """A line where a dragged row would go."""

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line."""
        QPainter(self).fillRect(self.rect(), self._theme.color("accent"))


class DownloadGroup(QWidget):
    """A title with a note, and a card of rows."""

    put_before = Signal(str, object)
    """A row was dropped: its id, and the id of the one it is now before; None is the end."""

    def __init__(
        self, icons: Icons, title: str, *, sortable: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAcceptDrops(sortable)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 24)
        column.setSpacing(4)
        self._head = QHBoxLayout()
        self._head.setContentsMargins(4, 0, 4, 0)
        self._head.addWidget(Label(title, "group-title"))
        self._head.addStretch(1)
        self.note = Label("", "caption", "text-3")
        self._head.addWidget(self.note)
        column.addLayout(self._head)
        self._card = Card()
        self._card.setAccessibleName(title)
        self._layout = QVBoxLayout(self._card)
        self._layout.setContentsMargins(1, 1, 1, 1)
        self._layout.setSpacing(0)
        column.addWidget(self._card)
        self._rows: dict[str, QWidget] = {}
        self._mark = DropMark(icons, self._card)

    def add_action(self, widget: QWidget) -> None:
        """Something to press at the right of the title."""
        self._head.addWidget(widget)

    def set_rows(self, ids: Sequence[str], rows: Sequence[QWidget]) -> None:
        """Show these rows in this order; they stay the page's."""
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if isinstance(widget, Line):
                widget.deleteLater()
        self._rows = dict(zip(ids, rows, strict=True))
        for row in rows:
            if self._layout.count():
                self._layout.addWidget(Line())
            self._layout.addWidget(row)
            row.show()
        self.setVisible(bool(rows))

    # Dragging

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Only rows of this very group."""
        if self._dragged_id(event):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Mark where it would go."""
        if self._dragged_id(event):
            self._show_mark(self._place_at(event.position().toPoint()))
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It goes nowhere."""
        self._mark.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Ask for the new order."""
        self._mark.hide()
        item_id = self._dragged_id(event)
        if not item_id:
            return
        ids = list(self._rows)
        place = self._place_at(event.position().toPoint())
        event.acceptProposedAction()
        if place in (ids.index(item_id), ids.index(item_id) + 1):
            return
        self.put_before.emit(item_id, ids[place] if place < len(ids) else None)

    def _dragged_id(self, event: QDropEvent) -> str:
        item_id = bytes(event.mimeData().data(DRAGGED).data()).decode()
        return item_id if item_id in self._rows else ""

    def _place_at(self, point: QPoint) -> int:
        """How many rows lie above the point, by their middles."""
        y = self._card.mapFrom(self, point).y()
        return sum(row.geometry().center().y() < y for row in self._rows.values())

    def _show_mark(self, place: int) -> None:
        rows = list(self._rows.values())
        below = rows[place].geometry().top() if place < len(rows) else self._card.height() - 1
        top = max(0, below - _LINE)
        self._mark.setGeometry(1, top, self._card.width() - 2, _LINE)
        self._mark.show()
        self._mark.raise_()
