"""The models at the left of the model picker: loaded ones, recent ones, all others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtCore import QModelIndex, QObject, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QStandardItem,
    QStandardItemModel,
)
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem, QWidget

from app.core.library_types import LocalModel
from app.core.memory import Fit
from app.core.runtime import LoadedModel
from app.gui import formatting
from app.gui.controls.badges import FIT_TONES
from app.gui.controls.list_view import MARGIN, Index, RowDelegate, RowListView, RowRole
from app.gui.controls.painting import box, dpr_of, pixmap_in
from app.gui.icons import Icons
from app.gui.model_origin import origins_of_namesakes

ROW = 44
RECENT_SHOWN = 5
_REMOTE = ("inset", "text-2")
"""With a border: the ground of a chosen row is close to it."""
_TONES = {"warning": ("warning-tint", "warning"), "danger": ("danger-tint", "danger")}


class PickerRole(IntEnum):
    """What this list knows besides the rows of other lists."""

    DOT = Qt.ItemDataRole.UserRole + 30
    """Colour role of the dot; "" for hollow."""
    FIT = Qt.ItemDataRole.UserRole + 31
    """`Fit.value` where it is worth a badge."""
    EJECT = Qt.ItemDataRole.UserRole + 32
    """Whether it can be ejected."""
    REMOTE = Qt.ItemDataRole.UserRole + 33
    """Whether it runs on a server."""


@dataclass(frozen=True)
class PickerEntry:
    """One model with what the list says of it."""

    model: LocalModel
    loaded: LoadedModel | None
    fit: Fit


def grouped(
    entries: Iterable[PickerEntry], recent: Sequence[str], search: str
) -> tuple[list[PickerEntry], list[PickerEntry], list[PickerEntry]]:
    """Loaded, recent (newest first) and all other models that hold every word of `search`."""
    words = search.casefold().split()
    found = [entry for entry in entries if _holds(entry.model, words)]
    loaded = [each for each in found if each.loaded and each.loaded.state != "stopped"]
    rest = {each.model.id: each for each in found if each not in loaded}
    latest = [rest.pop(each) for each in recent if each in rest][:RECENT_SHOWN]
    others = [each for each in found if each not in loaded and each not in latest]
    return loaded, latest, others


def _holds(model: LocalModel, words: list[str]) -> bool:
    known = (model.name, model.id, model.quantization, model.architecture, model.publisher)
    text = " ".join(known).casefold()
    return all(word in text for word in words)


class PickerModel(QStandardItemModel):
    """Rows in groups; a group without rows is left out."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keys: list[str | tuple[str]] = []
        """Titles of groups and, in tuples, ids of models, as they are shown."""

    def show_entries(
        self, entries: Iterable[PickerEntry], recent: Sequence[str], search: str
    ) -> None:
        """Fill anew; rows that stay in their places are only described anew."""
        entries = tuple(entries)
        origins = origins_of_namesakes(entry.model for entry in entries)
        titles = (self.tr("Loaded"), self.tr("Recent"), self.tr("All models"))
        rows: list[str | PickerEntry] = []
        for title, group in zip(titles, grouped(entries, recent, search), strict=True):
            rows += [title, *group] if group else []
        keys = [row if isinstance(row, str) else (row.model.id,) for row in rows]
        if keys != self._keys:
            self.clear()
            self._keys = keys
            for row in rows:
                self.appendRow(_group(row) if isinstance(row, str) else QStandardItem())
        for place, row in enumerate(rows):
            if isinstance(row, PickerEntry):
                self._describe(self.item(place), row, origins.get(row.model.id, ""))

    def _describe(self, item: QStandardItem, entry: PickerEntry, origin: str) -> None:
        model, loaded = entry.model, entry.loaded
        item.setText(model.name)
        item.setEditable(False)
        item.setData(model.id, RowRole.VALUE)
        size = formatting.file_size(model.disk_size)
        second = " · ".join(part for part in (model.quantization, size, origin) if part)
        if model.is_remote:
            second = self.tr("on %1").replace("%1", model.publisher)
        running = loaded is not None and loaded.state != "stopped"
        item.setData(self._second(second, loaded), RowRole.SECOND)
        item.setData(self._dot(loaded), PickerRole.DOT)
        item.setData(running, PickerRole.EJECT)
        item.setData(model.is_remote and not running, PickerRole.REMOTE)
        usable = model.problem is None and model.present
        notable = not running and usable and entry.fit is not Fit.FITS
        item.setData(entry.fit.value if notable else None, PickerRole.FIT)
        if not usable:
            item.setData(self.tr("Cannot be loaded"), RowRole.SECOND)
        item.setData(model.problem or "", Qt.ItemDataRole.ToolTipRole)
        item.setData(f"{model.name}, {second}", Qt.ItemDataRole.AccessibleTextRole)

    def _second(self, second: str, loaded: LoadedModel | None) -> str:
        if loaded is not None and loaded.state == "loading":
            return self.tr("Loading, %1").replace("%1", formatting.percent(loaded.fraction))
        return second

    def _dot(self, loaded: LoadedModel | None) -> str:
        if loaded is None:
            return ""
        return {"ready": "success-mark", "loading": "accent", "stopped": "danger-mark"}[
            loaded.state
        ]

    def index_of(self, model_id: str) -> QModelIndex:
        """The row of a model; an invalid index if it is not shown."""
        for row in range(self.rowCount()):
            if self.item(row).data(RowRole.VALUE) == model_id:
                return self.index(row, 0)
        return QModelIndex()

    def first(self) -> QModelIndex:
        """The first row that is a model."""
        for row in range(self.rowCount()):
            if self.item(row).data(RowRole.VALUE):
                return self.index(row, 0)
        return QModelIndex()


def _group(title: str) -> QStandardItem:
    item = QStandardItem(title)
    item.setData("group", RowRole.KIND)
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    return item


class PickerDelegate(RowDelegate):
    """Dot, two lines, verdict or eject icon."""

    def paint_ground(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem) -> None:
        """The chosen row is quieter than elsewhere: its settings stand beside it."""
        if option.state & QStyle.StateFlag.State_Selected:
            radius = self.theme.radius("control")
            box(painter, rect, radius, fill=self.theme.color("selected"))
            option.state &= ~QStyle.StateFlag.State_Selected & ~QStyle.StateFlag.State_MouseOver
        super().paint_ground(painter, rect, option)

    def paint_row(
        self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index
    ) -> None:
        """Everything on the ground."""
        dot = index.data(PickerRole.DOT)
        circle = QRectF(rect.x() - 2, rect.center().y() - 3.5, 8, 8)
        if dot:
            box(painter, circle, 4, fill=self.theme.color(dot))
        else:
            box(painter, circle, 4, border=self.theme.color("text-3"))
        right = self._paint_end(painter, rect, index)
        lines = rect.adjusted(16, 0, -right, 0)
        name, second = str(index.data()), str(index.data(RowRole.SECOND) or "")
        self.draw_text(painter, self.first_line(lines), name, "body-strong", "text")
        self.draw_text(painter, self.second_line(lines), second, "caption", "text-3")

    def _paint_end(self, painter: QPainter, rect: QRect, index: Index) -> int:
        """Eject icon or badge at the right; answers the width it took."""
        if index.data(PickerRole.EJECT):
            icon = self.icons.pixmap("eject", 16, "text-2", dpr_of(painter))
            pixmap_in(painter, QRect(rect.right() - 19, rect.y(), 16, rect.height()), icon)
            return 28
        fit = index.data(PickerRole.FIT)
        if index.data(PickerRole.REMOTE):
            return self._paint_badge(painter, rect, self.tr("Remote"), _REMOTE)
        if not fit:
            return 0
        text = self.tr("Tight") if fit == Fit.TIGHT.value else self.tr("Too large")
        return self._paint_badge(painter, rect, text, _TONES[FIT_TONES[fit]])

    def _paint_badge(self, painter: QPainter, rect: QRect, text: str, tone: tuple[str, str]) -> int:
        ground, ink = tone
        font = self.theme.font("caption")
        width = QFontMetrics(font).horizontalAdvance(text) + 12
        badge = QRect(rect.right() + 3 - width, rect.center().y() - 9, width, 20)
        edge = self.theme.color("border") if tone == _REMOTE else None
        box(painter, badge, 4, fill=self.theme.color(ground), border=edge)
        painter.setFont(font)
        painter.setPen(self.theme.color(ink))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)
        return width + 6


class PickerList(RowListView):
    """Choosing a row shows its settings; Enter or a double click loads it, Delete ejects it."""

    wanted = Signal(str)
    """Id of a model to load as it is."""
    eject_asked = Signal(str)

    def __init__(self, icons: Icons, name: str, parent: QWidget | None = None) -> None:
        super().__init__(icons, name, parent)
        self.setItemDelegate(PickerDelegate(icons, ROW, self))
        self.doubleClicked.connect(self._want)

    def _want(self, index: QModelIndex) -> None:
        model_id = index.data(RowRole.VALUE)
        if model_id:
            self.wanted.emit(model_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter loads, Delete ejects."""
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._want(index)
        elif event.key() == Qt.Key.Key_Delete and index.data(PickerRole.EJECT):
            self.eject_asked.emit(index.data(RowRole.VALUE))
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """On the eject icon: eject."""
        at = event.position().toPoint()
        index = self.indexAt(at)
        if index.data(PickerRole.EJECT) and at.x() > self.visualRect(index).right() - MARGIN - 40:
            self.eject_asked.emit(index.data(RowRole.VALUE))
            return
        super().mousePressEvent(event)
