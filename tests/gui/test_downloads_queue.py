"""The queue in the window: order, limit, schedule, files, notices, newer versions."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QLocale, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QFontMetrics,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.core.download_state import DownloadProblem, DownloadRequest
from app.core.settings import Downloads
from app.core.variants import RepoFile, group_variants
from app.gui import downloads_words as words
from app.gui import formatting
from app.gui.context import AppContext
from app.gui.controls.menu import Menu
from app.gui.desktop_notice import DesktopNotices
from app.gui.downloads_group import dragged
from app.gui.downloads_page import DownloadsPage
from app.gui.downloads_row import DownloadRow
from app.gui.downloads_start import request_for
from app.gui.downloads_watch import DownloadsWatch
from app.gui.settings_downloads import DownloadsSection
from tests.core.broken_gguf import tiny_model
from tests.gui.test_downloads_page import GB, WAIT, hub, item, page, request
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("english")]
__all__ = ["hub", "page"]

Show = Callable[[QWidget], QWidget]
MOVE = Qt.DropAction.MoveAction
LEFT = Qt.MouseButton.LeftButton


# Words


def test_words_say_what_a_waiting_download_waits_for() -> None:
    def left(**more: Any) -> str:
        return words.words_for(item("waiting", **more), hours=(22 * 60, 7 * 60)).left

    assert left(waits_for="hours") == "Starts at 22:00 · 5.7 GB"
    assert left(waits_for="idle") == "Starts when nobody uses this computer · 5.7 GB"
    assert left(waits_for="offline") == "Starts when Corral is online again · 5.7 GB"
    away = DownloadProblem("The hub is out of reach")
    said = left(waits_for="network", error=away)
    assert said == "The hub is out of reach: Corral tries again by itself · 5.7 GB"
    unplugged = DownloadProblem("This models folder is not there")
    said = left(waits_for="drive", error=unplugged)
    assert said == "This models folder is not there: goes on by itself when it is back · 5.7 GB"
    assert words.can_try_now(item("waiting", waits_for="drive"))


def test_words_of_files_limits_and_hours() -> None:
    files = (RepoFile("m.gguf", 2 * GB), RepoFile("mmproj-m.gguf", GB))
    several = msgspec.structs.replace(item("running", 2.5), files_done=(2 * GB, GB // 2))
    several = msgspec.structs.replace(
        several, request=msgspec.structs.replace(several.request, files=files)
    )
    assert words.quantization_of(several) == "Q5_K_M + projector"
    assert words.file_words(several, 0) == "2.0 GB"
    assert words.file_words(several, 1) == "500 MB of 1.0 GB"
    assert formatting.speed_limit(500) == "500 kB/s"
    assert formatting.speed_limit(2000) == "2 MB/s"
    assert formatting.speed_limit(1500) == "1.5 MB/s"
    assert words.schedule_words(Downloads()) == "Schedule: any time"
    assert words.schedule_words(Downloads(only_hours=True)) == "Schedule: 22:00 to 07:00"
    assert words.schedule_words(Downloads(only_idle=True)).endswith("nobody uses this computer")


def test_the_projector_comes_along(hub: LocalHub, context: AppContext) -> None:
    data = tiny_model().data()
    hub.add("maker/Eye", {"Eye-Q4_0.gguf": data, "mmproj-Eye-f16.gguf": b"p" * 900})
    detail = context.hub.detail("maker/Eye")
    assert detail.variants == group_variants("maker/Eye", detail.files)
    files = request_for(detail, detail.variants[0], "Eye").files
    assert [file.path for file in files] == ["Eye-Q4_0.gguf", "mmproj-Eye-f16.gguf"]


# Order


@pytest.fixture
def queue(page: DownloadsPage, hub: LocalHub, context: AppContext, qtbot: QtBot) -> list[str]:
    """Five paused downloads, by id."""
    names = ("A", "B", "C", "D", "E")
    data = {name: tiny_model().data() + name.encode() * 400_000 for name in names}
    requests = [request(hub, name, each) for name, each in data.items()]
    hub.fault(".gguf", origin="cdn", stall_after=0)
    ids = [context.downloads.add(each).id for each in requests]
    context.downloads.pause_all()
    qtbot.waitUntil(lambda: page._order.get("waiting") == ids, timeout=WAIT)
    return ids


def order(context: AppContext) -> list[str]:
    return [each.id for each in context.downloads.items()]


def drop(page: DownloadsPage, item_id: str, y: Callable[[QWidget], int], on: str) -> None:
    """Drag the row of `item_id` onto the one of `on`, at the height that `y` says."""
    QApplication.processEvents()  # lay out what was moved before
    group = page.groups["waiting"]
    target = page._rows[on]
    point = target.mapTo(group, QPoint(40, y(target)))
    data = dragged(item_id)
    buttons, none = LEFT, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(point, MOVE, data, buttons, none)
    QApplication.sendEvent(group, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(group, QDragMoveEvent(point, MOVE, data, buttons, none))
    assert group._mark.isVisible()
    QApplication.sendEvent(group, QDropEvent(QPointF(point), MOVE, data, buttons, none))
    assert not group._mark.isVisible()


def test_a_row_is_dragged_before_another_and_to_the_end(
    page: DownloadsPage, queue: list[str], context: AppContext
) -> None:
    a, b, c, d, e = queue
    drop(page, e, lambda row: 2, on=b)
    assert order(context) == [a, e, b, c, d]
    drop(page, a, lambda row: row.height() - 2, on=d)
    assert order(context) == [e, b, c, d, a]
    drop(page, b, lambda row: 2, on=c)  # where it is already
    assert order(context) == [e, b, c, d, a]
    assert page._order["waiting"] == order(context)


def test_what_is_no_row_of_the_group_is_not_taken(page: DownloadsPage, queue: list[str]) -> None:
    group = page.groups["waiting"]
    data = dragged("from elsewhere")
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(10, 10), MOVE, data, LEFT, none)
    enter.ignore()
    QApplication.sendEvent(group, enter)
    assert not enter.isAccepted()


def test_alt_and_arrows_move_the_row_that_has_the_keyboard(
    page: DownloadsPage, queue: list[str], context: AppContext, qtbot: QtBot
) -> None:
    a, b, c, d, e = queue
    qtbot.waitUntil(page.isActiveWindow, timeout=WAIT)
    button = page._rows[c].resume_button
    button.setFocus()
    for key, expected in (
        (Qt.Key.Key_Up, [a, c, b, d, e]),
        (Qt.Key.Key_Home, [c, a, b, d, e]),
        (Qt.Key.Key_Down, [a, c, b, d, e]),
        (Qt.Key.Key_End, [a, b, d, e, c]),
    ):
        QTest.keyClick(button, key, Qt.KeyboardModifier.AltModifier)
        assert order(context) == expected
        assert button.hasFocus()


def open_menu(row: DownloadRow) -> Menu:
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Keyboard, QPoint(5, 5), row.mapToGlobal(QPoint(5, 5))
    )
    QApplication.sendEvent(row, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, Menu)
    return menu


def choose(menu: Menu, text: str) -> None:
    next(action for action in menu.actions() if action.text() == text).trigger()
    menu.close()


def test_the_menu_of_a_row_moves_it_and_runs_it_now(
    page: DownloadsPage, queue: list[str], context: AppContext, qtbot: QtBot
) -> None:
    a, b, c, d, e = queue
    choose(open_menu(page._rows[d]), "Move to the top")
    assert order(context) == [d, a, b, c, e]
    context.settings.update(downloads=Downloads(only_hours=True, begin=1, end=2))
    choose(open_menu(page._rows[e]), "Download now")

    def runs_at_once() -> bool:
        state = {each.id: each for each in context.downloads.items()}
        return (state[e].state, state[e].at_once) == ("running", True)

    qtbot.waitUntil(runs_at_once, timeout=WAIT)
    assert order(context)[0] == e


def test_pause_all_and_resume_all(
    page: DownloadsPage, queue: list[str], context: AppContext, qtbot: QtBot
) -> None:
    assert page.pause_all.text() == "Resume all"
    page.pause_all.click()
    expected = ["running"] * 3 + ["waiting"] * 2
    qtbot.waitUntil(
        lambda: [each.state for each in context.downloads.items()] == expected, timeout=WAIT
    )
    qtbot.waitUntil(lambda: page.pause_all.text() == "Pause all", timeout=WAIT)
    page.pause_all.click()
    assert {each.state for each in context.downloads.items()} == {"paused"}


# Files


def test_a_row_unfolds_its_files(
    page: DownloadsPage, hub: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    parts = {f"m-0000{n}-of-00002.gguf": tiny_model().data() for n in (1, 2)}
    repository = hub.add("maker/Split", parts)
    hub.fault("m-00002-of-00002.gguf", origin="cdn", stall_after=0)
    files = tuple(
        RepoFile(each.path, each.size, sha256=each.sha256) for each in repository.files.values()
    )
    added = context.downloads.add(
        DownloadRequest("maker/Split", repository.sha, "Split", "F32", files)
    )
    qtbot.waitUntil(lambda: added.id in page._rows, timeout=WAIT)
    row = page._rows[added.id]
    assert row.files_link.isVisible()
    row.files_link.click()
    assert row._files is not None
    listed = row._files
    qtbot.waitUntil(lambda: listed.bars[0].isHidden(), timeout=2 * WAIT)
    assert listed.bars[1].isVisible()
    assert "of" in listed.sizes[1].text()
    row.files_link.click()
    assert not listed.isVisible()


# Limit and schedule


def test_the_limit_is_chosen_on_the_page_and_shown_in_the_settings(
    page: DownloadsPage, context: AppContext, show: Show, qtbot: QtBot
) -> None:
    section = DownloadsSection(context)
    show(section)
    box = page.speed_limit
    box.setCurrentIndex(box.findData(2000))
    box.activated.emit(box.currentIndex())
    assert context.settings.current.downloads.speed_limit == 2000
    qtbot.waitUntil(lambda: section.speed_limit.currentData() == 2000, timeout=WAIT)
    context.settings.update(downloads=Downloads(speed_limit=1234))  # by hand, in the file
    qtbot.waitUntil(lambda: box.currentText() == "1.2 MB/s", timeout=WAIT)


def test_hours_fit_into_their_boxes_on_a_clock_of_twelve(context: AppContext, show: Show) -> None:
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))
    section = DownloadsSection(context)
    show(section)
    box = section.begin
    longest = QFontMetrics(context.theme.font("body")).horizontalAdvance("10:30\u202fPM")
    assert box.maximumWidth() >= longest + 41  # around the text: frame, gap and chevrons


def test_the_schedule_is_set_and_said(
    page: DownloadsPage, context: AppContext, show: Show, qtbot: QtBot
) -> None:
    section = DownloadsSection(context)
    show(section)
    section.show_settings(context.settings.current)
    assert not section.begin.isEnabled()
    section.only_hours.click()
    section.begin.setCurrentIndex(section.begin.findData(23 * 60))
    section.begin.activated.emit(0)
    now = context.settings.current.downloads
    assert (now.only_hours, now.begin, now.end) == (True, 23 * 60, 7 * 60)
    qtbot.waitUntil(lambda: page.schedule.text() == "Schedule: 23:00 to 07:00", timeout=WAIT)
    section.show_settings(context.settings.current)
    assert section.begin.isEnabled()
    section.only_idle.click()
    section.minutes.setCurrentIndex(section.minutes.findData(30))
    section.minutes.activated.emit(0)
    assert context.settings.current.downloads.idle_minutes == 30
    section.notify.click()
    section.updates.click()
    now = context.settings.current.downloads
    assert (now.only_idle, now.notify, now.look_for_updates) == (True, False, False)
    with qtbot.waitSignal(page.open_page) as asked:
        page.schedule.click()
    assert asked.args == ["settings", {"section": "downloads"}]


# Notices


def watch(context: AppContext, qtbot: QtBot) -> tuple[DownloadsWatch, list[tuple[str, str]]]:
    said: list[tuple[str, str]] = []
    window = QWidget()
    qtbot.addWidget(window)
    made = DownloadsWatch(context, window, say=lambda title, text, _: said.append((title, text)))
    return made, said


@pytest.mark.parametrize(("notify", "in_front"), [(True, False), (False, False), (True, True)])
def test_a_notice_at_the_end_of_the_queue_only_if_nobody_looks(
    context: AppContext,
    hub: LocalHub,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    notify: bool,
    in_front: bool,
) -> None:
    context.downloads.start()
    context.settings.update(downloads=Downloads(notify=notify))
    made, said = watch(context, qtbot)
    monkeypatch.setattr(made, "_in_front", lambda: in_front)
    both = threading.Event()
    hub.before_answer = lambda _request: both.wait(PATIENCE)
    for name in ("P", "Q"):
        context.downloads.add(request(hub, name, tiny_model().data()))
    both.set()
    qtbot.waitUntil(
        lambda: {each.state for each in context.downloads.items()} == {"done"}, timeout=2 * WAIT
    )
    expected = 1 if notify and not in_front else 0
    qtbot.waitUntil(lambda: made._news == {} and len(said) >= expected, timeout=WAIT)
    assert said == ([("2 models are ready", "P, Q")] if expected else [])


def test_words_of_a_notice(context: AppContext, qtbot: QtBot) -> None:
    made, _ = watch(context, qtbot)
    done = item("done", 5.7)
    assert made.words([done]) == ("“Llama 3.1 8B” is ready", "The download is done.")
    failed = item("failed", 1, error=DownloadProblem("The disk is full"))
    assert made.words([done, failed]) == ("“Llama 3.1 8B” needs your help", "The disk is full")


def test_the_desktops_own_way_comes_first(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, list[str]]] = []
    notices = DesktopNotices(start=lambda tool, words: started.append((tool, words)))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert notices.say("Title", "Text") == "notify-send"
    assert started[0][1][-2:] == ["Title", "Text"]
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert notices.say("Title", "Text", None) in ("tray", "alert")
    notices.put_away()


def test_the_computer_is_in_use_while_the_window_is_in_front(
    context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = watch(context, qtbot)
    monkeypatch.setattr(context.computer_idle, "_system", None)
    made._state_changed(Qt.ApplicationState.ApplicationActive)
    assert context.computer_idle() == 0.0
    made._state_changed(Qt.ApplicationState.ApplicationInactive)
    qtbot.waitUntil(lambda: context.computer_idle() > 0.0, timeout=WAIT)


def test_while_one_waits_for_the_network_the_system_is_listened_to(
    context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6.QtNetwork import QNetworkInformation

    made, _ = watch(context, qtbot)
    tried: list[bool] = []
    monkeypatch.setattr(context.downloads, "try_network", lambda: tried.append(True))
    assert made._network is None
    made._changed(item("waiting", waits_for="network"))
    assert made._network is not None
    reach = QNetworkInformation.Reachability
    made._reachability_changed(reach.Disconnected)
    assert tried == []
    made._reachability_changed(reach.Online)
    assert tried == [True]


# Updates


def test_a_newer_version_is_offered_and_fetched(
    page: DownloadsPage, hub: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    first = request(hub, "Old", tiny_model().data() + b"1")
    added = context.downloads.add(first)
    qtbot.waitUntil(lambda: context.downloads.items()[0].state == "done", timeout=2 * WAIT)
    target = Path(added.target) / "Old.gguf"
    newer = tiny_model().data() + b"2"
    hub.repositories["maker/Old"].add("Old.gguf", newer)
    context.downloads.remove(added.id)
    page.updates.look_now()
    qtbot.waitUntil(page.updates.isVisible, timeout=WAIT)
    (row,) = page.updates.rows
    row.button.click()
    qtbot.waitUntil(lambda: target.read_bytes() == newer, timeout=2 * WAIT)
    qtbot.waitUntil(page.updates.isHidden, timeout=WAIT)


def test_the_newest_ones_are_said_to_be_so(
    page: DownloadsPage, context: AppContext, qtbot: QtBot
) -> None:
    page.updates.look_now()
    qtbot.waitUntil(lambda: context.notifier.shown_toast() is not None, timeout=WAIT)
    toast = context.notifier.shown_toast()
    assert toast is not None
    assert "newest" in toast.label.text()
