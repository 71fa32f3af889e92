"""The table of My models: what the pointer and the keys do in it."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from app.gui.controls.focus import KEYBOARD_REASONS
from app.gui.icons import Icons
from app.gui.library_delegate import LibraryDelegate, LibraryHeader, action_places
from app.gui.library_model import (
    ADDED,
    CONTEXT,
    NAME,
    PARAMETERS,
    QUANTIZATION,
    SIZE,
    LibraryTableModel,
)
from app.gui.library_rows import LibraryRow

_WIDTHS = {PARAMETERS: 112, QUANTIZATION: 112, SIZE: 96, CONTEXT: 104, ADDED: 124}


class LibraryTable(QTableView):
    """The table itself."""

    row_chosen = Signal(object)
    """LibraryRow, or None when nothing is chosen."""
    chat_asked = Signal(object)
    folder_asked = Signal(object)
    menu_asked = Signal(object, QPoint)
    delete_asked = Signal(object)

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = LibraryTableModel(self)
        self._by_keyboard = False
        self.setModel(self._model)
        self._delegate = LibraryDelegate(icons, self)
        self.setItemDelegate(self._delegate)
        header = LibraryHeader(icons, self)
        self.setHorizontalHeader(header)
        self.setAccessibleName(self.tr("My models"))
        self.setSortingEnabled(True)
        self.sortByColumn(NAME, Qt.SortOrder.AscendingOrder)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(icons.theme.metric("row-model"))
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in _WIDTHS.items():
            header.resizeSection(column, width)
        self.selectionModel().currentRowChanged.connect(self._row_changed)
        self._model.modelReset.connect(self._after_reset)
        icons.theme.changed.connect(self.viewport().update)

    def table_model(self) -> LibraryTableModel:
        """The item model, typed."""
        return self._model

    def current_row(self) -> LibraryRow | None:
        """The model that is chosen."""
        return self._model.row(self.currentIndex())

    def choose(self, model_id: str) -> bool:
        """Choose a model; False if it is not shown."""
        index = self._model.find(model_id)
        if index.isValid():
            self.setCurrentIndex(index)
        return index.isValid()

    def hide_columns(self, columns: Sequence[int]) -> None:
        """Leave out columns where there is no room for all."""
        for column in _WIDTHS:
            self.setColumnHidden(column, column in columns)

    def _row_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        self.row_chosen.emit(self._model.row(current))

    def _after_reset(self) -> None:
        self._delegate.hovered = -1

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Remember whether the keyboard led here."""
        self._by_keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        if self._by_keyboard and self.current_row() is None:
            self.setCurrentIndex(self._model.index(0, NAME))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The focus ring spans the whole current row."""
        row = self.currentIndex().row()
        ring = QRect()
        if self._by_keyboard and self.hasFocus() and row >= 0:
            top, height = self.rowViewportPosition(row), self.rowHeight(row)
            ring = QRect(0, top, self.viewport().width(), height)
        self._delegate.focused = ring
        super().paintEvent(event)

    # The pointer

    def _set_hovered(self, row: int) -> None:
        if row != self._delegate.hovered:
            self._delegate.hovered = row
            self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        """Notice when the pointer leaves."""
        if event.type() == QEvent.Type.Leave:
            self._set_hovered(-1)
        return super().viewportEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light up the whole row."""
        super().mouseMoveEvent(event)
        self._set_hovered(self.indexAt(event.position().toPoint()).row())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """An icon does what it shows; anything else chooses the row."""
        self._by_keyboard = False
        at = event.position().toPoint()
        index = self.indexAt(at)
        row = self._model.row(index)
        if row is not None and row.usable and index.column() == ADDED:
            for number, place in enumerate(action_places(self.visualRect(index))):
                if place.contains(at):
                    self._act(number, row, event.globalPosition().toPoint())
                    return
        super().mousePressEvent(event)

    def _act(self, number: int, row: LibraryRow, at: QPoint) -> None:
        if number == 0:
            self.chat_asked.emit(row)
        elif number == 1:
            self.folder_asked.emit(row)
        else:
            self.menu_asked.emit(row, at)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu of a row, by pointer or by key."""
        row = self._model.row(self.indexAt(event.pos())) or self.current_row()
        if row is not None:
            self.menu_asked.emit(row, event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter chats, Del deletes; the rest is Qt's."""
        self._by_keyboard = True
        row = self.current_row()
        if row is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chat_asked.emit(row)
        elif row is not None and event.key() == Qt.Key.Key_Delete:
            self.delete_asked.emit(row)
        else:
            super().keyPressEvent(event)
            self.viewport().update()
