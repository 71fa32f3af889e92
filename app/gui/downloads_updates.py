"""Newer files of installed models: a group of the Downloads page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.model_updates import ModelUpdate
from app.gui import formatting
from app.gui.controls.buttons import Button
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.downloads_group import DownloadGroup
from app.gui.icons import Icons
from app.gui.library_updates import LibraryUpdates, update_words

if TYPE_CHECKING:
    from app.gui.context import AppContext


class UpdateRow(QWidget):
    """One model of which the hub has newer files."""

    wanted = Signal()

    def __init__(self, icons: Icons, update: ModelUpdate) -> None:
        super().__init__()
        self.update_ = update
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 14, 14, 13)
        row.setSpacing(0)
        row.addWidget(IconView(icons, "refresh-cw", 18, "accent"))
        row.addSpacing(18)
        column = QVBoxLayout()
        column.setSpacing(4)
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(ElidedLabel(update.model.name, "body-strong"))
        first.addWidget(Label(update.model.quantization, "body", "text-3"))
        first.addStretch(1)
        column.addLayout(first)
        column.addWidget(ElidedLabel(update_words(update), "caption", "text-3"))
        row.addLayout(column, 1)
        row.addSpacing(16)
        self.button = Button(icons, self.tr("Update"), "arrow-down-to-line", small=True)
        self.button.setToolTip(self.tr("Yours stays until the new one is whole"))
        self.button.clicked.connect(self.wanted)
        row.addWidget(self.button)
        name = self.tr("%1: newer version").replace("%1", update.model.name)
        self.setAccessibleName(name)


class UpdatesGroup(DownloadGroup):
    """Shown while there is something newer; looks once a day when the page is opened."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(context.icons, self.tr("Newer versions"))
        self._icons = context.icons
        self._updates = LibraryUpdates(context, self)
        self._shown: tuple[ModelUpdate, ...] = ()
        self.rows: list[UpdateRow] = []
        self.look, self.look_now = self._updates.look, self._updates.look_now
        self._updates.changed.connect(self.refresh)
        self.hide()

    def refresh(self) -> None:
        """Show what is newer and not being fetched already."""
        found = self._updates.offered()
        if found == self._shown:
            return
        self._shown = found
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows = [UpdateRow(self._icons, each) for each in found]
        for row in self.rows:
            row.wanted.connect(partial(self._updates.start, row.update_))
        self.set_rows([each.model.id for each in found], self.rows)
        self.note.setText(formatting.number(len(found)))
