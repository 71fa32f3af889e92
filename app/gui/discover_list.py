"""The list of Discover: item model and view."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QWidget

from app.gui.controls.badges import FIT_MARKS
from app.gui.controls.list_view import RowDelegate, RowListView, RowRole
from app.gui.discover_fit import fit_word
from app.gui.discover_rows import (
    CAPABILITY_ICONS,
    GroupRow,
    ModelRow,
    Row,
    SkeletonRow,
    capability_word,
)
from app.gui.icons import Icons

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


class DiscoverListModel(QAbstractListModel):
    """An adapter over a list of rows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []

    def rows(self) -> Sequence[Row]:
        """All rows, groups and skeletons included."""
        return self._rows

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows. What they have in common at the start stays in place."""
        keep = 0
        for old, new in zip(self._rows, rows, strict=False):
            if old != new:
                break
            keep += 1
        self._replace_tail(keep, rows[keep:])

    def _replace_tail(self, keep: int, rows: Sequence[Row]) -> None:
        if len(self._rows) > keep:
            self.beginRemoveRows(QModelIndex(), keep, len(self._rows) - 1)
            del self._rows[keep:]
            self.endRemoveRows()
        if rows:
            self.beginInsertRows(QModelIndex(), keep, keep + len(rows) - 1)
            self._rows.extend(rows)
            self.endInsertRows()

    def row(self, index: Index) -> Row | None:
        """The row at an index."""
        return self._rows[index.row()] if 0 <= index.row() < len(self._rows) else None

    def find(self, key: str) -> QModelIndex:
        """Where the model with this key stands; invalid if it is not in the list."""
        for place, row in enumerate(self._rows):
            if isinstance(row, ModelRow) and row.key == key:
                return self.index(place)
        return QModelIndex()

    def find_repo(self, repo: str) -> QModelIndex:
        """Where the model that a repository holds stands; invalid if it is not in the list."""
        for place, row in enumerate(self._rows):
            if isinstance(row, ModelRow) and repo in row.repos:
                return self.index(place)
        return QModelIndex()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        """Number of rows; a list has no children."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """What the delegate of all lists asks for."""
        row = self.row(index)
        return None if row is None else self._cells(row).get(role)

    def _cells(self, row: Row) -> dict[int, Any]:
        if isinstance(row, SkeletonRow):
            return {RowRole.KIND: "skeleton"}
        if isinstance(row, GroupRow):
            return {RowRole.KIND: "group", Qt.ItemDataRole.DisplayRole: row.title}
        words = ", ".join(capability_word(mark) for mark in row.marks)
        state = self._state(row)
        dot = FIT_MARKS[row.fit.value] if row.fit else None
        return {
            Qt.ItemDataRole.DisplayRole: row.title,
            Qt.ItemDataRole.ToolTipRole: _joined("\n", row.title, words, row.tip),
            Qt.ItemDataRole.AccessibleTextRole: _joined(", ", row.title, row.subtitle, state),
            RowRole.SECOND: row.subtitle,
            RowRole.SECOND_ICONS: [CAPABILITY_ICONS[mark] for mark in row.marks],
            RowRole.SIDE: state,
            RowRole.SIDE_ICON: "check" if row.on_disk else None,
            RowRole.SIDE_DOT: "success" if row.on_disk else dot,
            RowRole.VALUE: row.key,
        }

    def _state(self, row: ModelRow) -> str:
        if row.on_disk:
            return self.tr("On disk")
        return fit_word(row.fit) if row.fit is not None else ""

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Only models can be chosen."""
        if isinstance(self.row(index), ModelRow):
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return Qt.ItemFlag.NoItemFlags


def _joined(separator: str, *parts: str) -> str:
    return separator.join(part for part in parts if part)


class DiscoverList(RowListView):
    """The list itself. `near_end` asks for more rows."""

    row_chosen = Signal(object)
    near_end = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(icons, "", parent)
        self.setAccessibleName(self.tr("Models"))
        self._model = DiscoverListModel(self)
        self.setModel(self._model)
        self.setItemDelegate(RowDelegate(icons, icons.theme.metric("row-model"), self))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.selectionModel().currentChanged.connect(self._current_changed)

    def list_model(self) -> DiscoverListModel:
        """The item model, typed."""
        return self._model

    def current_row(self) -> ModelRow | None:
        """The model that is chosen."""
        row = self._model.row(self.currentIndex())
        return row if isinstance(row, ModelRow) else None

    def choose(self, key: str) -> bool:
        """Make the model with this key the current one; False if it is not listed."""
        index = self._model.find(key)
        if index.isValid():
            self.setCurrentIndex(index)
        return index.isValid()

    def choose_repo(self, repo: str) -> None:
        """Show that a repository is in view: its row is the current one, else none is. Silent."""
        row = self.current_row()
        if row is not None and repo in row.repos:
            return
        blocked = self.blockSignals(True)
        index = self._model.find_repo(repo)
        self.setCurrentIndex(index)
        if not index.isValid():
            self.clearSelection()
        self.blockSignals(blocked)
        self.viewport().update()

    def _current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        row = self._model.row(current)
        if isinstance(row, ModelRow):
            self.row_chosen.emit(row)

    def is_near_end(self) -> bool:
        """Whether less than two screens are left below."""
        bar = self.verticalScrollBar()
        return bool(bar.maximum() - bar.value() < 2 * self.viewport().height())

    def _scrolled(self) -> None:
        if self.is_near_end():
            self.near_end.emit()
