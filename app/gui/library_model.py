"""The item model of My models: rows, columns, order, filter."""

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.gui import formatting
from app.gui.library_rows import LibraryRow, matches, newer_word, second_line

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
ROW_ROLE = int(Qt.ItemDataRole.UserRole) + 1

NAME, PARAMETERS, QUANTIZATION, SIZE, CONTEXT, ADDED = range(6)
NUMBERS = (PARAMETERS, SIZE, CONTEXT, ADDED)
"""Columns that are right-aligned."""

_VCENTER = Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

_KEYS: dict[int, Callable[[LibraryRow], Any]] = {
    NAME: lambda row: row.model.name.casefold(),
    PARAMETERS: lambda row: row.model.parameters or 0,
    QUANTIZATION: lambda row: row.model.quantization,
    SIZE: lambda row: row.model.disk_size,
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
            return int(_RIGHT if index.column() in NUMBERS else _VCENTER)
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == NAME:
            second = second_line(row).text
            return second if row.model.is_remote else f"{second}\n{row.model.path}"
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == NAME:
            newer = newer_word() if row.newer else ""
            return ", ".join(filter(None, (row.model.name, newer, second_line(row).text)))
        return None

    def _text_of(self, row: LibraryRow, column: int) -> str:
        model = row.model
        context = formatting.number(model.context_length) if model.context_length else ""
        return (
            model.name,
            formatting.parameters(model.parameters),
            model.quantization or formatting.UNKNOWN,
            formatting.file_size(None if model.is_remote else model.disk_size),
            context or formatting.UNKNOWN,
            formatting.short_date(model.added) if model.added else formatting.UNKNOWN,
        )[column]
