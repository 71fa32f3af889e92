"""The presets at the left of the preset editor: the person's own, then the built-in ones."""

from collections.abc import Collection, Sequence

from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QStyleOptionViewItem, QVBoxLayout, QWidget

from app.core.presets import Preset
from app.gui.controls.buttons import IconButton
from app.gui.controls.card import Line, Region
from app.gui.controls.labels import Label
from app.gui.controls.list_view import Index, RowDelegate, RowListView, RowRole
from app.gui.controls.painting import box
from app.gui.icons import Icons

UNSAVED = Qt.ItemDataRole.UserRole + 30
"""Whether a preset has changes that are not saved."""


class PresetDelegate(RowDelegate):
    """Icon, name, and a dot for unsaved changes."""

    def paint_side(
        self, painter: QPainter, line: QRect, option: QStyleOptionViewItem, index: Index
    ) -> int:
        """The dot, else what other rows have."""
        if not index.data(UNSAVED):
            return super().paint_side(painter, line, option, index)
        dot = QRect(line.right() - 5, line.center().y() - 2, 6, 6)
        box(painter, dot, 3, fill=self.theme.color("accent"))
        return 16


class PresetList(Region):
    """Title bar, list, and what built-in presets are about."""

    back = Signal()
    chosen = Signal(str)
    new_asked = Signal()
    import_asked = Signal()
    menu_asked = Signal(str, QPoint)

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__("sidebar", parent)
        self._icons = icons
        self.setFixedWidth(icons.theme.metric("list-chat") - 1)  # the line beside it counts
        self._model = QStandardItemModel(self)
        self.view = RowListView(icons, self.tr("Presets"))
        self.view.setItemDelegate(
            PresetDelegate(icons, icons.theme.metric("row-preset"), self.view)
        )
        self.view.setModel(self._model)
        self.view.selectionModel().currentChanged.connect(self._moved)
        self.view.menu_asked.connect(self._ask_menu)
        foot = Label(
            self.tr("Built-in presets can be changed too, and restored at any time."),
            "caption",
            "text-3",
            wrap=True,
        )
        foot.setContentsMargins(0, 0, 0, 0)
        below = QVBoxLayout()
        below.setContentsMargins(20, 12, 20, 12)
        below.addWidget(foot)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head())
        column.addWidget(self.view, 1)
        column.addWidget(Line())
        column.addLayout(below)

    def _head(self) -> QWidget:
        icons = self._icons
        self.back_button = IconButton(icons, "arrow-left", self.tr("Back to the chat"))
        self.import_button = IconButton(icons, "file-input", self.tr("Import a preset…"))
        self.new_button = IconButton(icons, "plus", self.tr("New preset"))
        self.back_button.clicked.connect(self.back)
        self.import_button.clicked.connect(self.import_asked)
        self.new_button.clicked.connect(self.new_asked)
        head = QWidget()
        # The first group title moves up beside the line of the header.
        head.setFixedHeight(icons.theme.metric("header") - 8)
        row = QHBoxLayout(head)
        row.setContentsMargins(8, 8, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.back_button)
        row.addWidget(Label(self.tr("Presets"), "page-title"), 1)
        row.addWidget(self.import_button)
        row.addWidget(self.new_button)
        return head

    def show_presets(
        self, presets: Sequence[Preset], current: str, default: str, unsaved: Collection[str]
    ) -> None:
        """Fill anew; `unsaved` are the ids with changes that are not stored."""
        blocked = self.view.selectionModel().blockSignals(True)
        self._model.clear()
        own = [preset for preset in presets if not preset.built_in]
        shipped = [preset for preset in presets if preset.built_in]
        for title, group in ((self.tr("Yours"), own), (self.tr("Built in"), shipped)):
            if group:
                self._add_group(title)
            for preset in group:
                item = QStandardItem(preset.name)
                item.setEditable(False)
                item.setData(preset.icon, RowRole.ICON)
                item.setData(preset.id, RowRole.VALUE)
                item.setData(preset.id in unsaved, UNSAVED)
                if preset.id == default:
                    item.setData(self.tr("Default"), RowRole.SIDE)
                self._model.appendRow(item)
                if preset.id == current:
                    self.view.setCurrentIndex(item.index())
        self.view.selectionModel().blockSignals(blocked)
        self.view.viewport().update()

    def _add_group(self, title: str) -> None:
        item = QStandardItem(title)
        item.setData("group", RowRole.KIND)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        self._model.appendRow(item)

    def mark(self, preset: Preset, *, unsaved: bool) -> None:
        """Follow what is being typed: name, icon, dot."""
        for row in range(self._model.rowCount()):
            item = self._model.item(row)
            if item.data(RowRole.VALUE) == preset.id:
                item.setText(preset.name)
                item.setData(preset.icon, RowRole.ICON)
                item.setData(unsaved, UNSAVED)

    def _moved(self, index: QModelIndex) -> None:
        preset_id = index.data(RowRole.VALUE)
        if preset_id:
            self.chosen.emit(preset_id)

    def _ask_menu(self, index: QModelIndex, at: QPoint) -> None:
        self.menu_asked.emit(index.data(RowRole.VALUE), at)
