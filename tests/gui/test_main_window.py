"""The window: places, keys, what it keeps."""

from collections.abc import Callable, Mapping

import pytest
import shiboken6
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QTextBrowser, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.core.downloads import DownloadManager
from app.gui.context import AppContext
from app.gui.controls.buttons import Button
from app.gui.controls.overlay import Overlay
from app.gui.main_window import PLACES, Factory, MainWindow
from app.gui.page import Page
from app.gui.settings_page import SettingsPage
from app.gui.shortcuts_sheet import ShortcutsSheet


class NotingPage(Page):
    """A page that notes what the window asks of it."""

    def __init__(self, context: AppContext, page_id: str) -> None:
        super().__init__()
        self.page_id = page_id
        self.notes: list[object] = []
        self.takes_escape = True
        self.first, self.second = QWidget(self), QWidget(self)
        column = QVBoxLayout(self)
        for region in (self.first, self.second):
            column.addWidget(region)
            QVBoxLayout(region).addWidget(Button(context.icons, "Press"))
        self.field = QLineEdit(self.second)

    def activated(self) -> None:
        self.notes.append("activated")

    def open_with(self, argument: object) -> None:
        self.notes.append(argument)

    def find_in_page(self) -> None:
        self.notes.append("find")

    def escape(self) -> bool:
        self.notes.append("escape")
        return self.takes_escape

    def regions(self) -> tuple[QWidget, ...]:
        return (self.first, self.second)

    def leaving(self) -> None:
        self.notes.append("leaving")


class Item:
    """As much of a download as the rail looks at."""

    def __init__(self, state: str, item_id: str = "") -> None:
        self.state, self.id = state, item_id


Show = Callable[[QWidget], QWidget]


def factories(made: list[str]) -> Mapping[str, Factory]:
    def factory(page_id: str) -> Factory:
        def make(context: AppContext) -> Page:
            made.append(page_id)
            return NotingPage(context, page_id)

        return make

    return {page_id: factory(page_id) for page_id, *_ in PLACES}


@pytest.fixture
def made() -> list[str]:
    return []


@pytest.fixture
def window(context: AppContext, show: Show, made: list[str]) -> MainWindow:
    window = MainWindow(context, factories(made))
    show(window)
    return window


def page_of(window: MainWindow) -> NotingPage:
    page = window.current_page
    assert isinstance(page, NotingPage)
    return page


def press(window: MainWindow, keys: str) -> None:
    """Press a combination the way a keyboard does, through the window system."""
    combination = QKeySequence(keys)[0]  # type: ignore[index]  # the stubs forget this operator
    QTest.keyClick(window.windowHandle(), combination.key(), combination.keyboardModifiers())


@pytest.mark.parametrize(("page_id", "key"), [(place[0], place[2]) for place in PLACES])
def test_keys_go_to_places(window: MainWindow, page_id: str, key: str) -> None:
    press(window, key)
    assert page_of(window).page_id == page_id
    assert [name for name, button in window.rail.buttons.items() if button.isChecked()] == [page_id]


def test_pages_are_made_when_first_wanted_and_kept(window: MainWindow, made: list[str]) -> None:
    assert made == ["chat"]
    press(window, "Ctrl+3")
    page = page_of(window)
    press(window, "Ctrl+1")
    press(window, "Ctrl+3")
    assert made == ["chat", "models"]
    assert page_of(window) is page


def test_a_new_page_does_not_snatch_the_focus(window: MainWindow) -> None:
    page_of(window).field.setFocus()
    press(window, "Ctrl+2")
    assert window.rail.buttons["discover"].hasFocus()
    assert not window.rail.buttons["discover"].has_ring()


def test_rail_buttons_go_to_places(window: MainWindow) -> None:
    QTest.mouseClick(window.rail.buttons["discover"], Qt.MouseButton.LeftButton)
    assert page_of(window).page_id == "discover"


def test_a_page_can_ask_for_another_with_an_argument(window: MainWindow) -> None:
    page_of(window).open_page.emit("discover", {"query": "llama"})
    assert page_of(window).page_id == "discover"
    assert page_of(window).notes == ["activated", {"query": "llama"}]


def test_new_chat_and_find(window: MainWindow) -> None:
    press(window, "Ctrl+2")
    press(window, "Ctrl+N")
    assert page_of(window).page_id == "chat"
    assert page_of(window).notes[-1] == {"new": True}
    press(window, "Ctrl+F")
    assert page_of(window).notes[-1] == "find"
    press(window, "Ctrl+Shift+F")
    assert page_of(window).notes[-1] == {"search": ""}


def test_escape_reaches_the_page_from_any_control(window: MainWindow) -> None:
    page = page_of(window)
    page.field.setFocus()
    press(window, "Esc")
    assert page.notes[-1] == "escape"


def test_f6_goes_around_the_regions(window: MainWindow) -> None:
    page = page_of(window)
    visited = []
    for _ in range(4):
        press(window, "F6")
        focus = QApplication.focusWidget()
        assert focus is not None
        regions: list[QWidget] = [window.rail, page.first, page.second]
        visited += [regions.index(each) for each in regions if each.isAncestorOf(focus)]
    start = visited[0]
    assert visited == [(start + step) % 3 for step in range(4)]
    press(window, "Shift+F6")
    focus = QApplication.focusWidget()
    assert focus is not None
    assert [window.rail, page.first, page.second][(visited[-1] - 1) % 3].isAncestorOf(focus)


def test_arrows_move_in_the_rail(window: MainWindow) -> None:
    window.rail.buttons["chat"].setFocus(Qt.FocusReason.TabFocusReason)
    press(window, "Down")
    assert window.rail.buttons["discover"].hasFocus()
    assert window.rail.buttons["discover"].has_ring()
    press(window, "Up")
    press(window, "Up")
    assert window.rail.buttons["settings"].hasFocus()


def test_offline_sign_follows_the_setting(
    window: MainWindow, context: AppContext, qtbot: QtBot
) -> None:
    assert not window.rail.offline.isVisible()
    network = replace(context.settings.current.network, offline=True)
    context.settings.update(network=network)
    qtbot.waitUntil(window.rail.offline.isVisible)
    QTest.mouseClick(window.rail.offline, Qt.MouseButton.LeftButton)
    assert page_of(window).page_id == "settings"


def test_badge_counts_what_is_running(
    window: MainWindow,
    context: AppContext,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = ("running", "verifying", "paused", "done", "waiting")
    items = tuple(Item(state) for state in states)
    monkeypatch.setattr(DownloadManager, "items", lambda _: items)
    context.downloads.removed("x")
    button = window.rail.buttons["downloads"]
    qtbot.waitUntil(lambda: button.count() == 2)
    assert "2" in button.accessibleName()
    assert not button.alarming


def test_badge_counts_what_has_failed_until_it_was_seen(
    window: MainWindow,
    context: AppContext,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items: list[Item] = []
    monkeypatch.setattr(DownloadManager, "items", lambda _: tuple(items))
    button = window.rail.buttons["downloads"]

    def become(*states: str, count: int, alarming: bool) -> None:
        items[:] = (Item(state, str(place)) for place, state in enumerate(states))
        context.downloads.removed("x")
        qtbot.waitUntil(lambda: (button.count(), button.alarming) == (count, alarming))

    become("failed", "failed", "running", count=2, alarming=True)
    assert "2 failed, 1 running" in button.accessibleName()
    press(window, "Ctrl+4")
    assert (button.count(), button.alarming) == (1, False)
    press(window, "Ctrl+1")
    become("failed", "failed", "done", count=0, alarming=False)
    become("running", "failed", "done", count=1, alarming=False)
    become("failed", "failed", "done", count=1, alarming=True)  # it has failed again since
    press(window, "Ctrl+4")
    window.hide()
    become("failed", "failed", "failed", count=1, alarming=True)
    window.show()
    assert (button.count(), button.alarming) == (0, False)


def test_the_place_is_kept_and_pages_are_told(
    window: MainWindow, context: AppContext, show: Show, made: list[str]
) -> None:
    press(window, "Ctrl+2")
    page = page_of(window)
    window.leave()
    assert page.notes[-1] == "leaving"
    again = MainWindow(context, factories(made))
    assert page_of(again).page_id == "discover"
    show(again)


def test_first_start_stands_for_the_chat_until_it_is_left(
    context: AppContext, show: Show, made: list[str]
) -> None:
    def first_start(context: AppContext) -> Page:
        return NotingPage(context, "first-start")

    window = MainWindow(context, {**factories(made), "first-start": first_start})
    show(window)
    assert page_of(window).page_id == "first-start"
    assert window.rail.buttons["chat"].isChecked()
    page_of(window).open_page.emit("chat", {"model_id": "x"})
    assert page_of(window).page_id == "chat"
    assert context.settings.current.models.starter_seen
    press(window, "Ctrl+2")
    press(window, "Ctrl+1")
    assert page_of(window).page_id == "chat"


def test_palette_goes_where_it_says(window: MainWindow) -> None:
    press(window, "Ctrl+K")
    palette = window.palette_overlay
    assert palette is not None
    assert palette.isVisible()
    QTest.keyClicks(palette.field, "downl")
    press(window, "Down")
    press(window, "Up")
    rows = [palette.model.index(row, 0).data() for row in range(palette.model.rowCount())]
    assert "Downloads" in rows
    while palette.list.currentIndex().data() != "Downloads":
        press(window, "Down")
    press(window, "Return")
    assert not palette.isVisible()
    assert page_of(window).page_id == "downloads"


def test_a_closed_sheet_takes_nothing_of_the_window_with_it(
    window: MainWindow, qtbot: QtBot
) -> None:
    texts = [QTextBrowser(page_of(window).first) for _ in range(2)]
    for text in texts:
        text.show()
    kept = [part for text in texts for part in (text.document(), text.verticalScrollBar())]
    press(window, "F1")
    sheet = window.findChild(ShortcutsSheet)
    press(window, "Tab")
    press(window, "Esc")
    qtbot.waitUntil(lambda: not shiboken6.isValid(sheet))
    assert all(shiboken6.isValid(part) for part in kept)


def test_palette_finds_chats(window: MainWindow, context: AppContext, qtbot: QtBot) -> None:
    chat = context.store.create(title="Names for a tea shop")
    press(window, "Ctrl+K")
    palette = window.palette_overlay
    assert palette is not None
    QTest.keyClicks(palette.field, "tea")
    model = palette.model

    def found() -> bool:
        return any(model.index(n, 0).data() == chat.title for n in range(model.rowCount()))

    qtbot.waitUntil(found)
    press(window, "Esc")
    assert not palette.isVisible()


def test_overlay_keeps_the_focus_and_gives_it_back(window: MainWindow) -> None:
    page = page_of(window)
    page.field.setFocus()
    press(window, "F1")
    for _ in range(4):
        press(window, "Tab")
        focus = QApplication.focusWidget()
        assert focus is not None
        assert not page.isAncestorOf(focus)
    press(window, "Esc")
    assert QApplication.focusWidget() is page.field


@pytest.mark.parametrize("key", ["Ctrl+2", "Ctrl+N", "Ctrl+K", "Ctrl+F", "F6", "F1"])
def test_under_an_overlay_nothing_hears_the_keys(window: MainWindow, key: str) -> None:
    press(window, "F1")
    focus = QApplication.focusWidget()
    press(window, key)
    assert page_of(window).page_id == "chat"
    assert page_of(window).notes == ["activated"]
    assert QApplication.focusWidget() is focus
    assert len([each for each in window.findChildren(Overlay) if each.isVisible()]) == 1
    press(window, "Esc")
    assert not any(each.isVisible() for each in window.findChildren(Overlay))


def test_the_program_can_be_left_from_an_overlay(window: MainWindow) -> None:
    press(window, "F1")
    press(window, "Ctrl+Q")
    assert not window.isVisible()


def test_the_real_settings_page_opens(context: AppContext, show: Show, made: list[str]) -> None:
    window = MainWindow(context, {**factories(made), "settings": SettingsPage})
    show(window)
    press(window, "Ctrl+5")
    assert isinstance(window.current_page, SettingsPage)
