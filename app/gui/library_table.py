"""The table of My models: item model, delegate, header and view."""

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QFont, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.gui import formatting
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons
from app.gui.library_rows import DOTS, LibraryRow, matches, second_line

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
ROW_ROLE = int(Qt.ItemDataRole.UserRole) + 1

NAME, PARAMETERS, QUANTIZATION, SIZE, CONTEXT, ADDED = range(6)
_NUMBERS = (PARAMETERS, SIZE, CONTEXT, ADDED)
_WIDTHS = {PARAMETERS: 112, QUANTIZATION: 112, SIZE: 96, CONTEXT: 104, ADDED: 124}
_VCENTER = Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_EDGE = 24
_ICONS = ("message-square", "folder-open", "ellipsis")
_ICON_STEP = 28

_KEYS: dict[int, Callable[[LibraryRow], Any]] = {
    NAME: lambda row: row.model.name.casefold(),
    PARAMETERS: lambda row: row.model.parameters or 0,
    QUANTIZATION: lambda row: row.model.quantization,
    SIZE: lambda row: row.model.size,
    CONTEXT: lambda row: row.model.context_length or 0,
    ADDED: lambda row: row.model.added,
}


class LibraryTableModel(QAbstractTableModel):
    """An adapter over the library's models; sorted and filtered by itself."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: list[LibraryRow] = []
        self._rows: list[LibraryRow] = []
        self._text = ""
        self._column, self._order = NAME, Qt.SortOrder.AscendingOrder

    def rows(self) -> Sequence[LibraryRow]:
        """The rows shown, in order."""
        return self._rows

    def set_rows(self, rows: Sequence[LibraryRow]) -> None:
        """Show other models, or the same in another state."""
        self._all = list(rows)
        self._rebuild()

    def set_filter(self, text: str) -> None:
        """Show only what matches every word."""
        self._text = text
        self._rebuild()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order by a column."""
        self._column, self._order = column, order
        self._rebuild()

    def _rebuild(self) -> None:
        shown = [row for row in self._all if matches(row, self._text)]
        descending = self._order == Qt.SortOrder.DescendingOrder
        shown.sort(key=_KEYS[NAME])
        shown.sort(key=_KEYS[self._column], reverse=descending)
        if [row.model.id for row in shown] == [row.model.id for row in self._rows]:
            self._rows = shown
            if shown:
                last = self.index(len(shown) - 1, ADDED)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._rows = shown
        self.endResetModel()

    def row(self, index: Index) -> LibraryRow | None:
        """The row at an index."""
        return self._rows[index.row()] if 0 <= index.row() < len(self._rows) else None

    def find(self, model_id: str) -> QModelIndex:
        """Where a model stands; invalid if it is not shown."""
        for place, row in enumerate(self._rows):
            if row.model.id == model_id:
                return self.index(place, 0)
        return QModelIndex()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        """Number of models shown."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(_KEYS)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = int(Qt.ItemDataRole.DisplayRole),
    ) -> Any:
        """Names of the columns."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(_KEYS):
            return None
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("Name"),
            self.tr("Parameters"),
            self.tr("Quantization"),
            self.tr("Size"),
            self.tr("Context"),
            self.tr("Added"),
        )[section]

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Words of a cell, and the row itself."""
        row = self.row(index)
        if row is None:
            return None
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text_of(row, index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_RIGHT if index.column() in _NUMBERS else _VCENTER)
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == NAME:
            return f"{second_line(row).text}\n{row.model.path}"
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == NAME:
            return f"{row.model.name}, {second_line(row).text}"
        return None

    def _text_of(self, row: LibraryRow, column: int) -> str:
        model = row.model
        context = formatting.number(model.context_length) if model.context_length else ""
        return (
            model.name,
            formatting.parameters(model.parameters),
            model.quantization or formatting.UNKNOWN,
            formatting.file_size(model.size),
            context or formatting.UNKNOWN,
            formatting.short_date(model.added) if model.added else formatting.UNKNOWN,
        )[column]


class LibraryDelegate(QStyledItemDelegate):
    """Paints cells 56 high with a line between rows."""

    def __init__(self, icons: Icons, view: "LibraryTable") -> None:
        super().__init__(view)
        self._icons, self._theme, self._view = icons, icons.theme, view

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Ground by state, the cell, the line beneath."""
        row: LibraryRow = index.data(ROW_ROLE)
        theme, rect = self._theme, option.rect
        painter.save()
        painter_for(painter)
        hovered = self._view.hovered_row() == index.row()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("selected"))
        elif hovered:
            painter.fillRect(rect, theme.color("hover"))
        painter.fillRect(QRect(rect.x(), rect.bottom(), rect.width(), 1), theme.color("border"))
        if index.column() == NAME:
            self._paint_name(painter, rect, row)
        elif index.column() == ADDED and hovered and row.usable:
            self._paint_actions(painter, rect)
        else:
            self._paint_cell(painter, rect, row, index)
        if self._view.shows_focus() and index.row() == self._view.currentIndex().row():
            self._paint_focus(painter, index.row())
        painter.restore()

    def _paint_focus(self, painter: QPainter, row: int) -> None:
        width = self._view.viewport().width()
        top = self._view.rowViewportPosition(row)
        area = QRect(2, top + 2, width - 4, self._view.rowHeight(row) - 5)
        radius = self._theme.radius("control")
        box(painter, area, radius, border=self._theme.color("accent"), width=2)

    def _paint_name(self, painter: QPainter, rect: QRect, row: LibraryRow) -> None:
        theme = self._theme
        if row.usable:
            dot = QRect(rect.x() + _EDGE, rect.center().y() - 3, 8, 8)
            role = DOTS[row.state]
            if role:
                box(painter, dot, 4, fill=theme.color(role))
            else:
                box(painter, dot, 4, border=theme.color("text-3"))
        left = rect.x() + _EDGE + 20
        room = rect.right() - left - 8
        font = theme.font("body-strong")
        painter.setFont(font)
        painter.setPen(theme.color("text" if row.usable else "text-3"))
        first = QRect(left, rect.y() + 10, room, 20)
        name = painter.fontMetrics().elidedText(row.model.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(first, _VCENTER, name)
        second = second_line(row)
        if second.icon:
            pixmap = self._icons.pixmap(second.icon, 14, "text-3", dpr_of(painter))
            pixmap_in(painter, QRect(left, rect.y() + 31, 14, 14), pixmap)
            left += 18
            room -= 18
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color(second.role))
        text = painter.fontMetrics().elidedText(second.text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, rect.y() + 30, room, 16), _VCENTER, text)

    def _paint_cell(self, painter: QPainter, rect: QRect, row: LibraryRow, index: Index) -> None:
        theme, column = self._theme, index.column()
        if column == QUANTIZATION:
            font = theme.font("code")
            font.setPixelSize(theme.font_size("caption"))
        else:
            font = theme.font("body", tabular=True)
        painter.setFont(font)
        quiet = column == ADDED or not row.usable
        painter.setPen(theme.color("text-3" if quiet else "text-2"))
        inner = rect.adjusted(_EDGE, 0, 0, 0) if column == QUANTIZATION else rect
        inner = inner.adjusted(0, 0, -_EDGE if column == ADDED else 0, -1)
        painter.drawText(inner, _RIGHT if column in _NUMBERS else _VCENTER, str(index.data()))

    def _paint_actions(self, painter: QPainter, rect: QRect) -> None:
        for name, place in zip(_ICONS, action_places(rect), strict=True):
            pixmap = self._icons.pixmap(name, 16, "text-2", dpr_of(painter))
            pixmap_in(painter, place, pixmap)


def action_places(rect: QRect) -> list[QRect]:
    """Where the icons of a row under the pointer stand in its last cell."""
    left = rect.right() - _EDGE + 7 - len(_ICONS) * _ICON_STEP
    size = _ICON_STEP
    top = rect.center().y() - size // 2
    return [QRect(left + size * place, top, size, size) for place in range(len(_ICONS))]


class LibraryHeader(QHeaderView):
    """Column names; the one that sorts is brighter and has an arrow."""

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._icons = icons
        self.setSectionsClickable(True)
        self.setSortIndicatorShown(True)
        self.setHighlightSections(False)
        self.setFixedHeight(33)
        self.setAccessibleName(self.tr("Columns"))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        """One name."""
        theme = self._icons.theme
        painter.save()
        painter_for(painter)
        painter.fillRect(rect, theme.color("sidebar"))
        painter.fillRect(QRect(rect.x(), rect.bottom(), rect.width(), 1), theme.color("border"))
        sorted_by = section == self.sortIndicatorSection()
        font = theme.font("caption")
        font.setWeight(QFont.Weight.Medium)
        painter.setFont(font)
        painter.setPen(theme.color("text" if sorted_by else "text-2"))
        left = {NAME: _EDGE + 20, QUANTIZATION: _EDGE}.get(section, 0)
        inner = rect.adjusted(left, 0, -_EDGE if section == ADDED else 0, -1)
        text = str(self.model().headerData(section, Qt.Orientation.Horizontal))
        right_side = section in _NUMBERS
        if sorted_by:
            up = self.sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
            name = "arrow-up" if up else "arrow-down"
            pixmap = self._icons.pixmap(name, 14, "text", dpr_of(painter))
            width = painter.fontMetrics().horizontalAdvance(text)
            x = inner.right() - 13 if right_side else inner.x() + width + 4
            pixmap_in(painter, QRect(x, inner.y(), 14, inner.height()), pixmap)
            inner = inner.adjusted(0, 0, -18 if right_side else 0, 0)
        painter.drawText(inner, _RIGHT if right_side else _VCENTER, text)
        painter.restore()


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
        self._hovered = -1
        self._by_keyboard = False
        self.setModel(self._model)
        self.setItemDelegate(LibraryDelegate(icons, self))
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

    def hovered_row(self) -> int:
        """The row under the pointer, -1 for none."""
        return self._hovered

    def shows_focus(self) -> bool:
        """Whether the keyboard's focus ring belongs on the current row."""
        return self._by_keyboard and self.hasFocus()

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
        self._hovered = -1

    # The pointer

    def _set_hovered(self, row: int) -> None:
        if row != self._hovered:
            self._hovered = row
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
