"""What is in the window: rail, pages, and the keys that work everywhere."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.gui.controls.tab_order import tab_stops, takes_tab
from app.gui.download_badge import DownloadBadge
from app.gui.formatting import error_words
from app.gui.frame import Frame
from app.gui.ollama_news import OllamaNews
from app.gui.page import Page
from app.gui.rail import Rail

if TYPE_CHECKING:
    from app.core.settings import Settings
    from app.gui.context import AppContext
    from app.gui.controls.strip import Strip
    from app.gui.open_requests import OpenRequests
    from app.gui.palette import Palette

log = logging.getLogger(__name__)

Factory = Callable[["AppContext"], Page]

PLACES = (
    ("chat", "message-square", "Ctrl+1"),
    ("discover", "compass", "Ctrl+2"),
    ("models", "box", "Ctrl+3"),
    ("downloads", "download", "Ctrl+4"),
    ("server", "radio-tower", "Ctrl+6"),
    ("settings", "settings", "Ctrl+5"),
)
_CLASSES = {
    "chat": ("app.gui.chat_page", "ChatPage"),
    "discover": ("app.gui.discover_page", "DiscoverPage"),
    "models": ("app.gui.models_page", "ModelsPage"),
    "downloads": ("app.gui.downloads_page", "DownloadsPage"),
    "server": ("app.gui.server_page", "ServerPage"),
    "settings": ("app.gui.settings_page", "SettingsPage"),
    "first-start": ("app.gui.first_start", "FirstStart"),
}


def place_names() -> dict[str, str]:
    """The names of the places in the person's language, by page id."""
    translate = QCoreApplication.translate
    return {
        "chat": translate("places", "Chat"),
        "discover": translate("places", "Discover"),
        "models": translate("places", "My models"),
        "downloads": translate("places", "Downloads"),
        "server": translate("places", "Server"),
        "settings": translate("places", "Settings"),
    }


def factory_of(page_id: str) -> Factory:
    """Makes a page; its module is imported when the page is first wanted."""
    module, name = _CLASSES[page_id]

    def make(context: AppContext) -> Page:
        page: Page = getattr(importlib.import_module(module), name)(context)
        return page

    return make


class MainWindow(QWidget):
    """What fills the frame: rail and pages. Shows one page at a time; each is as it was left."""

    def __init__(self, context: AppContext, factories: Mapping[str, Factory] | None = None) -> None:
        super().__init__()
        self._context = context
        self._factories = factories or {page_id: factory_of(page_id) for page_id in _CLASSES}
        self._pages: dict[str, Page] = {}
        self._current = ""
        self.palette_overlay: Palette | None = None
        self.open_requests: OpenRequests | None = None
        self.notices: list[Strip] = []
        """What stands above every page and has not been closed yet."""
        self.rail = Rail(context.icons)
        self.stack = QStackedWidget()
        self.setAcceptDrops(True)
        self._lay_out()
        self._bind_keys()
        context.notifier.attach(self, self.stack, self._foot)
        context.bridge.on(context.settings.changed, self._settings_changed)
        self._badge = DownloadBadge(
            context, self.rail.buttons["downloads"], self._shows_downloads, self
        )
        self.ollama_news = OllamaNews(context, self)
        self._settings_changed(context.settings.current)
        self.open_page(self._first_page())

    # Pages

    @property
    def current_page(self) -> Page | None:
        """The page in view."""
        return self._pages.get(self._current)

    def page(self, page_id: str) -> Page:
        """A page, made now if it was never visited."""
        if page_id not in self._pages:
            page = self._factories[page_id](self._context)
            page.open_page.connect(self.open_page)
            self._pages[page_id] = page
            self.stack.addWidget(page)
        return self._pages[page_id]

    def open_page(self, page_id: str, argument: object = None) -> None:
        """Show a page; `argument` is handed to it."""
        self._leave_first_start(page_id)
        if page_id == "chat" and argument is None and self._wants_first_start():
            page_id = "first-start"
        page = self.page(page_id)
        place = "chat" if page_id == "first-start" else page_id
        focus = self.focusWidget()
        if page_id != self._current and (focus is None or not self.rail.isAncestorOf(focus)):
            # Else Qt would give the focus to whatever comes first on the page.
            self.rail.buttons[place].setFocus(Qt.FocusReason.OtherFocusReason)
        self._current = page_id
        self.stack.setCurrentWidget(page)
        self.rail.set_current(place)
        page.activated()
        self._badge.refresh()
        if argument is not None:
            page.open_with(argument)

    def _foot(self) -> int:
        return self.current_page.foot() if self.current_page is not None else 0

    def _wants_first_start(self) -> bool:
        if (
            "first-start" not in self._factories
            or self._context.settings.current.models.starter_seen
        ):
            return False
        return all(model.source == "starter" for model in self._context.library.models())

    def _leave_first_start(self, target: str) -> None:
        """Whoever goes from the first page to a chat has seen it."""
        if self._current != "first-start" or target != "chat":
            return
        models = self._context.settings.current.models
        self._context.settings.update(models=msgspec.structs.replace(models, starter_seen=True))

    # Keys

    def _bind_keys(self) -> None:
        for page_id, _, key in PLACES:
            self._key(key, partial(self.open_page, page_id))
        self._key("Ctrl+N", lambda: self.open_page("chat", {"new": True}))
        self._key("Ctrl+K", self.open_palette)
        self._key("Ctrl+F", self._find)
        self._key("Ctrl+Shift+F", lambda: self.open_page("chat", {"search": ""}))
        self._key("F6", lambda: self._next_region(1))
        self._key("Shift+F6", lambda: self._next_region(-1))
        self._key("F1", self.open_shortcuts)
        self._key("Ctrl+/", self.open_shortcuts)
        self._key("Ctrl+Q", self._quit)

    def _quit(self) -> None:
        window = self.window()
        if isinstance(window, Frame):
            window.quit()
        else:
            window.close()

    def _key(self, key: str, action: Callable[[], object]) -> None:
        shortcut = QShortcut(QKeySequence(key), self)
        shortcut.activated.connect(action)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc that no control wanted goes to the page."""
        page = self.current_page
        if event.key() == Qt.Key.Key_Escape and page is not None and page.escape():
            event.accept()
            return
        super().keyPressEvent(event)

    def _find(self) -> None:
        if self.current_page is not None:
            self.current_page.find_in_page()

    def _next_region(self, step: int) -> None:
        page = self.current_page
        regions: list[QWidget] = [self.rail, *(page.regions() if page else ())]
        regions = [region for region in regions if region.isVisible()]
        focus = self.focusWidget()
        here = [
            index
            for index, region in enumerate(regions)
            if focus is not None and (region is focus or region.isAncestorOf(focus))
        ]
        start = here[-1] if here else (0 if step > 0 else 1)
        for distance in range(1, len(regions) + 1):
            target = _first_focusable(regions[(start + step * distance) % len(regions)])
            if target is not None:
                target.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def open_palette(self) -> None:
        """Ctrl+K."""
        if self.palette_overlay is None:
            from app.gui.palette import Palette

            self.palette_overlay = Palette(self._context, self)
            self.palette_overlay.page_wanted.connect(self.open_page)
            self.palette_overlay.shortcuts_wanted.connect(self.open_shortcuts)
        self.palette_overlay.start()

    # Links and drops

    def ask_to_open(self, text: str) -> None:
        """A link into Corral, an address of a model page or a model file: ask before anything."""
        if self.open_requests is None:
            from app.gui.open_requests import OpenRequests

            self.open_requests = OpenRequests(self._context, self)
            self.open_requests.page_wanted.connect(self.open_page)
        window = self.window()
        if isinstance(window, Frame):
            window.bring_back()
        self.open_requests.open(text)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Addresses, model files and engines may be dropped."""
        from app.gui.open_requests import dropped_texts

        if dropped_texts(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Ask about what was dropped."""
        from app.gui.open_requests import dropped_texts

        event.acceptProposedAction()
        for text in dropped_texts(event.mimeData()):
            self.ask_to_open(text)

    def open_shortcuts(self) -> None:
        """F1."""
        from app.gui.shortcuts_sheet import ShortcutsSheet

        sheet = ShortcutsSheet(self._context.icons, self)
        sheet.open(sheet.close_button)

    # Looks and state

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        self._column.addWidget(self.stack, 1)
        row.addLayout(self._column, 1)
        names = place_names()
        for page_id, icon, key in PLACES:
            self.rail.add(page_id, icon, names[page_id], key, foot=page_id == "settings")
        self.rail.chosen.connect(self.open_page)
        offline = partial(self.open_page, "settings", {"section": "general"})
        self.rail.offline_chosen.connect(offline)

    def keep_in_view(self, problem: AppError) -> None:
        """Say above every page what was found wrong at the start, until the person closes it."""
        from app.gui.controls.strip import Strip

        strip = Strip(self._context.icons, error_words(problem), tone="warning", closable=True)
        strip.closed.connect(partial(self.remove_notice, strip))
        self.add_notice(strip)

    def add_notice(self, strip: Strip) -> None:
        """Show a strip above every page."""
        self.notices.append(strip)
        self._column.insertWidget(self._column.count() - 1, strip)

    def remove_notice(self, strip: Strip) -> None:
        """Take a strip away for good."""
        self.notices.remove(strip)
        focus = self.focusWidget()
        if focus is not None and strip.isAncestorOf(focus) and self.current_page is not None:
            self.current_page.activated()  # else the keyboard would be at whatever comes next
        strip.hide()
        strip.deleteLater()

    def _settings_changed(self, settings: Settings) -> None:
        look = settings.appearance
        self._context.theme.choose(look.theme, look.font_size)
        self.rail.offline.setVisible(settings.network.offline)

    def _shows_downloads(self) -> bool:
        return self._current == "downloads" and self.isVisible()

    def showEvent(self, event: QShowEvent) -> None:
        """What failed meanwhile may be in view again."""
        super().showEvent(event)
        self._badge.refresh()

    def _first_page(self) -> str:
        """The page one left, or the chat."""
        page_id = self._context.settings.current.window.page
        return page_id if page_id in self.rail.buttons else "chat"

    def library_scanned(self) -> None:
        """Models turned up: the first-start page may not be needed after all."""
        if self._current == "first-start" and not self._wants_first_start():
            self.open_page("chat")

    def leave(self) -> None:
        """The window is closing: keep the place, and let pages keep what is theirs."""
        for leave in (*(page.leaving for page in self._pages.values()), self._keep_place):
            try:
                leave()
            except AppError as error:  # the window closes all the same
                log.warning("not everything is kept: %s", error)

    def _keep_place(self) -> None:
        window = self._context.settings.current.window
        place = self._current if self._current in self.rail.buttons else self._first_page()
        self._context.settings.update(window=msgspec.structs.replace(window, page=place))


def _first_focusable(region: QWidget) -> QWidget | None:
    """The region itself or its first descendant that the Tab key would reach."""
    return region if takes_tab(region) else next(tab_stops(region), None)
