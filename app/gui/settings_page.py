"""The settings: a list of sections, a search over all rows, one section in view."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.gui.controls.card import Line, Region
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.fields import SearchField
from app.gui.controls.labels import Label
from app.gui.controls.list_view import RowDelegate, RowListView, RowRole
from app.gui.page import Page
from app.gui.settings_connections import ConnectionsSection
from app.gui.settings_downloads import DownloadsSection
from app.gui.settings_engines import EnginesSection
from app.gui.settings_general import GeneralSection
from app.gui.settings_more import (
    AboutSection,
    ChatSection,
    FoldersSection,
    ShortcutsSection,
)
from app.gui.settings_network import NetworkSection
from app.gui.settings_remote import RemoteSection
from app.gui.settings_rows import SettingSection
from app.gui.settings_server import ServerSection
from app.gui.settings_updates import UpdatesSection

if TYPE_CHECKING:
    from app.core.settings import Settings
    from app.gui.context import AppContext


class SettingsPage(Page):
    """Everything that can be set; each takes effect at once."""

    page_id = "settings"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.sections: tuple[SettingSection, ...] = (
            GeneralSection(context),
            ChatSection(context),
            FoldersSection(context),
            EnginesSection(context),
            DownloadsSection(context),
            NetworkSection(context),
            ConnectionsSection(context),
            RemoteSection(context),
            ServerSection(context),
            ShortcutsSection(context),
            UpdatesSection(context),
            AboutSection(context),
        )
        self._model = QStandardItemModel(self)
        self.heading = Label("", "page-title")
        self.stack = QStackedWidget()
        self._lay_out()
        context.bridge.on(context.settings.changed, self._show_settings)
        self._show_settings(context.settings.current)
        self.show_section("general")

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._build_side())
        row.addWidget(Line(vertical=True))
        column = QVBoxLayout()
        column.setSpacing(0)
        head = QWidget()
        head.setFixedHeight(self._context.theme.metric("header") - 1)
        inside = QHBoxLayout(head)
        inside.setContentsMargins(32, 1, 12, 0)
        inside.addWidget(self.heading)
        column.addWidget(head)
        column.addWidget(Line())
        for section in self.sections:
            self.stack.addWidget(section)
        self.nothing = EmptyState(
            self._context.icons,
            "search",
            "",
            action=self.tr("Clear the search"),
            callback=self._clear_search,
        )
        self.stack.addWidget(self.nothing)
        column.addWidget(self.stack, 1)
        row.addLayout(column, 1)

    def _build_side(self) -> Region:
        icons = self._context.icons
        self.side = Region("sidebar")
        self.side.setFixedWidth(self._context.theme.metric("list-settings") - 1)
        column = QVBoxLayout(self.side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = Label(self.tr("Settings"), "page-title")
        head.setContentsMargins(20, 0, 12, 0)
        head.setFixedHeight(self._context.theme.metric("header"))
        column.addWidget(head)
        self.search = SearchField(icons, self.tr("Find a setting"))
        self.search.textChanged.connect(self._filter)
        field = QHBoxLayout()
        field.setContentsMargins(12, 0, 12, 8)
        field.addWidget(self.search)
        column.addLayout(field)
        self.list = RowListView(icons, self.tr("Sections"))
        self.list.setItemDelegate(
            RowDelegate(icons, self._context.theme.metric("row-preset"), self.list)
        )
        for section in self.sections:
            item = QStandardItem(section.title())
            item.setData(section.icon, RowRole.ICON)
            item.setData(section.section_id, RowRole.VALUE)
            self._model.appendRow(item)
        self.list.setModel(self._model)
        self.list.selectionModel().currentChanged.connect(self._chosen)
        column.addWidget(self.list, 1)
        return self.side

    def activated(self) -> None:
        """Numbers may be old."""
        for section in self.sections:
            section.refresh()

    def open_with(self, argument: object) -> None:
        """`{"section": id}` opens a section, `{"engine": path}` asks about an engine to add."""
        if not isinstance(argument, dict):
            return
        self.show_section(str(argument.get("section", "general")))
        section = self.section("engines")
        if "engine" in argument and isinstance(section, EnginesSection):
            self.show_section("engines")
            section.adding.begin(Path(str(argument["engine"])), ask=True)

    def find_in_page(self) -> None:
        """Ctrl+F: find a setting."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def regions(self) -> Sequence[QWidget]:
        """List, section."""
        return (self.side, self.stack)

    def section(self, section_id: str) -> SettingSection:
        """A section by its id; the first one for an unknown id."""
        found = [each for each in self.sections if each.section_id == section_id]
        return (found or [self.sections[0]])[0]

    def show_section(self, section_id: str) -> None:
        """Bring a section into view."""
        place = self.sections.index(self.section(section_id))
        self.list.setCurrentIndex(self._model.index(place, 0))

    def _chosen(self, index: QModelIndex) -> None:
        if index.isValid():
            section = self.sections[index.row()]
            self.heading.setText(section.title())
            self.stack.setCurrentWidget(section)

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        found = [section.filter(words) for section in self.sections]
        for row, visible in enumerate(found):
            self.list.setRowHidden(row, not visible)
        if not any(found):
            title = self.tr("No setting for “%1”").replace("%1", text.strip())
            self.nothing.say(title, self.tr("Try another word."))
            self.stack.setCurrentWidget(self.nothing)
            return
        current = self.list.currentIndex().row()
        place = current if found[current] else found.index(True)
        self.list.setCurrentIndex(self._model.index(place, 0))
        self._chosen(self._model.index(place, 0))

    def _clear_search(self) -> None:
        self.search.clear()
        self.search.setFocus()

    def _show_settings(self, settings: Settings) -> None:
        for section in self.sections:
            section.show_settings(settings)
