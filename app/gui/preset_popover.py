"""Choose a preset: the popover of the preset chip."""

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.gui.context import AppContext
from app.gui.controls.buttons import GhostButton
from app.gui.controls.card import Line
from app.gui.controls.list_view import RowDelegate, RowListView, RowRole
from app.gui.controls.popover import Popover

WIDTH = 264
MAX_ROWS = 12


class PresetPopover(Popover):
    """All presets; Enter or a click chooses one."""

    chosen = Signal(str)
    manage = Signal()

    def __init__(self, context: AppContext, parent: QWidget) -> None:
        super().__init__(context.icons, "", parent)
        self.setAccessibleName(self.tr("Presets"))
        self._context = context
        self._anchor: QWidget | None = None
        icons = context.icons
        self.view = RowListView(icons, self.tr("Presets"))
        self._row = context.theme.metric("row-preset")
        self.view.setItemDelegate(RowDelegate(icons, self._row, self.view))
        self._model = QStandardItemModel(self)
        self.view.setModel(self._model)
        self.view.opened.connect(self._choose)
        self.manage_button = GhostButton(icons, self.tr("Manage presets"), "sliders-horizontal")
        self.manage_button.clicked.connect(self._manage)
        self.setFixedWidth(WIDTH)
        self.body.setContentsMargins(1, 9, 1, 7)
        self.body.addWidget(self.view)
        self.body.addSpacing(6)
        self.body.addWidget(Line())
        self.body.addSpacing(6)
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 0, 8, 0)
        foot.addWidget(self.manage_button)
        foot.addStretch(1)
        self.body.addLayout(foot)

    def open_under(self, widget: QWidget, current: str = "", **_: object) -> None:
        """Open under the chip with the preset in force chosen."""
        self._anchor = widget
        self._fill(current)
        super().open_under(widget)
        self.view.setFocus(Qt.FocusReason.PopupFocusReason)

    def _fill(self, current: str) -> None:
        self._model.clear()
        default = self._context.settings.current.chat.default_preset
        for preset in self._context.presets.list():
            item = QStandardItem(preset.name)
            item.setEditable(False)
            item.setData(preset.icon, RowRole.ICON)
            item.setData(preset.id, RowRole.VALUE)
            item.setData(preset.description, Qt.ItemDataRole.ToolTipRole)
            if preset.id == default:
                item.setData(self.tr("Default"), RowRole.SIDE)
            self._model.appendRow(item)
            if preset.id == current:
                self.view.setCurrentIndex(item.index())
        rows = min(MAX_ROWS, self._model.rowCount())
        self.view.setFixedSize(QSize(WIDTH - 2, rows * self._row))

    def _choose(self, index: QModelIndex) -> None:
        self._leave()
        self.chosen.emit(index.data(RowRole.VALUE))

    def _manage(self) -> None:
        self._leave()
        self.manage.emit()

    def _leave(self) -> None:
        self.hide()
        if self._anchor is not None:
            self._anchor.setFocus(Qt.FocusReason.PopupFocusReason)
