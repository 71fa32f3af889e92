"""Settings, Updates, and the strip that asks and offers: with real parts and a local server."""

import math
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app import __version__
from app.core import conversation_schema as schema
from app.core import program_updates, update_replacement
from app.core.data_backup import restore
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.errors import AppError, StorageError
from app.core.paths import app_paths
from app.core.program_form import Program
from app.core.program_updates import ProgramUpdates
from app.core.runtime import ModelRuntime
from app.core.settings import Models, Network, SettingsStore, Updates
from app.core.update_install import way_of
from app.core.update_shelf import UpdateMemory, UpdateShelf
from app.gui.assembly import assemble, close_context, make_look
from app.gui.context import AppContext
from app.gui.controls.overlay import Overlay
from app.gui.frame import Frame
from app.gui.main_window import MainWindow
from app.gui.settings_page import SettingsPage
from app.gui.settings_updates import UpdatesSection
from app.gui.tokens import load_tokens
from app.gui.update_watch import UpdateWatch
from tests.hub.faults import Allowance
from tests.hub.server import LocalHub
from tests.updates.conftest import QUICK
from tests.updates.update_server import LIST, PROGRAM, UpdateServer

Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton
SOURCE = Program("source", "linux", "x86_64")


@pytest.fixture(autouse=True)
def installers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system has what the way of a .deb needs. Corral is not really started again."""
    monkeypatch.setattr(way_of, "__defaults__", (lambda name: name,))
    monkeypatch.setattr(update_replacement, "start_detached", lambda *_: None)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was started when everything had ended."""
    started: list[list[str]] = []

    def start(command: list[str], _output: Path) -> None:
        started.append(command)

    monkeypatch.setattr(update_replacement, "start_installer", start)
    return started


@pytest.fixture
def server() -> Iterator[UpdateServer]:
    with UpdateServer() as server:
        yield server


Make = Callable[..., AppContext]
Writers = list[threading.Thread]
MAIN = threading.main_thread()


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> Writers:
    """Threads that noted something, which may wait for another Corral."""
    seen: Writers = []
    change = UpdateShelf.change

    def seen_change(shelf: UpdateShelf, what: Callable[[UpdateMemory], UpdateMemory]) -> None:
        seen.append(threading.current_thread())
        change(shelf, what)

    monkeypatch.setattr(UpdateShelf, "change", seen_change)
    return seen


@pytest.fixture
def make(context: AppContext, server: UpdateServer) -> Iterator[Make]:
    """The parts, with updates from the local server."""
    made: list[ProgramUpdates] = []

    def with_updates(program: Program = PROGRAM, version: str = "0.1.0") -> AppContext:
        updates = ProgramUpdates(
            context.paths,
            context.settings,
            context.gate,
            context.hub_http,
            tell=context.ledger.record,
            source=server.source,
            program=program,
            version=version,
            limits=QUICK,
        )
        made.append(updates)
        return replace(context, program_updates=updates)

    yield with_updates
    for updates in made:
        updates.close()


def section_of(context: AppContext, show: Show) -> UpdatesSection:
    page = SettingsPage(context)
    page.resize(1264, 840)
    show(page)
    context.notifier.attach(page)
    page.show_section("updates")
    section = page.section("updates")
    assert isinstance(section, UpdatesSection)
    return section


def press(widget: QWidget) -> None:
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, CLICK)


def test_nothing_is_asked_until_the_person_agrees(
    make: Make, server: UpdateServer, show: Show, qtbot: QtBot
) -> None:
    context = make()
    server.announce(server.release("0.2.0"))
    section = section_of(context, show)
    assert not section.agree.isChecked()
    assert section.state_row.title.text() == "Not looked yet"
    assert not section.offer_row.isVisible()
    assert server.log.entries() == []
    press(section.agree)
    assert context.settings.current.updates.look is True
    qtbot.waitUntil(lambda: section.state_row.title.text() == "Corral 0.2.0 is there")
    assert section.notes.isVisible()
    assert section.notes.head.text() == "What is new in 0.2.0"


def test_looking_once_needs_no_agreement_and_says_that_this_is_the_newest(
    make: Make, server: UpdateServer, show: Show, qtbot: QtBot
) -> None:
    context = make()
    server.announce(server.release("0.1.0"))
    section = section_of(context, show)
    press(section.look)
    qtbot.waitUntil(lambda: "Last looked" in section.state_row.sentence.text())
    assert section.state_row.title.text() == "This is the newest version"
    assert context.settings.current.updates.look is None
    assert not section.notes.isVisible()


def test_a_refused_list_is_said_in_the_row(
    make: Make, server: UpdateServer, show: Show, qtbot: QtBot
) -> None:
    section = section_of(make(), show)
    server.announce(server.release("0.2.0"))
    server.tamper("0.2.0", "0.3.0")
    press(section.look)
    qtbot.waitUntil(lambda: "not from Corral's makers" in section.state_row.sentence.text())
    assert section.state_row.sentence.property("role") == "danger"
    assert section.look.isEnabled()


def test_after_a_refused_list_nothing_is_called_the_newest(
    make: Make, server: UpdateServer, show: Show, qtbot: QtBot
) -> None:
    section = section_of(make(), show)
    server.announce(server.release("0.1.0"))
    press(section.look)
    qtbot.waitUntil(lambda: section.state_row.title.text() == "This is the newest version")
    server.tamper("0.1.0", "0.3.0")
    qtbot.waitUntil(section.look.isEnabled)
    press(section.look)
    qtbot.waitUntil(lambda: section.state_row.title.text() == "No newer version is known")


def test_offline_the_button_says_why_it_is_off(make: Make, show: Show, qtbot: QtBot) -> None:
    context = make()
    section = section_of(context, show)
    context.settings.update(network=Network(offline=True))
    qtbot.waitUntil(lambda: not section.look.isEnabled())
    assert "Offline" in section.look.toolTip()


def test_a_version_is_downloaded_and_installed_when_the_window_has_closed(
    make: Make, server: UpdateServer, commands: list[list[str]], qtbot: QtBot
) -> None:
    context = make()
    context.settings.update(updates=Updates(look=True))
    server.announce(server.release("0.2.0"))
    frame = Frame(context.settings, load_tokens())
    qtbot.addWidget(frame)
    frame.show()
    page = SettingsPage(context)
    frame.fill(page)
    page.show_section("updates")
    section = page.section("updates")
    assert isinstance(section, UpdatesSection)
    qtbot.waitUntil(section.look.isVisible)
    press(section.look)
    qtbot.waitUntil(lambda: section.act.isVisible() and section.act.text() == "Download")
    press(section.act)
    qtbot.waitUntil(lambda: section.act.isVisible() and section.act.text() == "Install and restart")
    press(section.act)
    qtbot.waitUntil(lambda: not frame.isVisible())
    assert commands == []
    context.program_updates.replacement.finish()
    (command,) = commands
    assert command[-1] == "corral"  # it starts again
    page.deleteLater()


def test_while_something_runs_it_is_installed_at_the_end_and_may_be_given_up(
    make: Make,
    server: UpdateServer,
    show: Show,
    commands: list[list[str]],
    writers: Writers,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(AppContext, "is_busy", lambda _self: True)
    context = make()
    release = server.release("0.2.0")
    server.announce(release)
    section = section_of(context, show)
    press(section.look)
    qtbot.waitUntil(section.act.isVisible)
    press(section.act)
    qtbot.waitUntil(lambda: section.act.isVisible() and section.act.text() == "Install at the end")
    press(section.act)
    qtbot.waitUntil(section.cancel.isVisible)
    assert section.offer_row.sentence.text() == "It is installed when Corral ends"
    assert section.window().isVisible()
    press(section.cancel)
    assert not section.cancel.isEnabled()
    qtbot.waitUntil(section.act.isVisible)
    assert section.act.isEnabled()
    assert MAIN not in writers
    context.program_updates.replacement.finish()
    assert commands == []


def test_what_waited_for_an_answer_can_be_installed_at_once_when_that_has_ended(
    make: Make,
    server: UpdateServer,
    show: Show,
    commands: list[list[str]],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = ["an answer"]
    monkeypatch.setattr(AppContext, "is_busy", lambda _self: bool(busy))
    context = make()
    server.announce(server.release("0.2.0"))
    section = section_of(context, show)
    press(section.look)
    qtbot.waitUntil(section.act.isVisible)
    press(section.act)
    qtbot.waitUntil(lambda: section.act.isVisible() and section.act.text() == "Install at the end")
    press(section.act)
    qtbot.waitUntil(section.cancel.isVisible)
    assert not section.act.isVisible()
    busy.clear()
    qtbot.waitUntil(section.act.isVisible)
    assert section.act.text() == "Install and restart"
    press(section.act)
    replacement = context.program_updates.replacement
    qtbot.waitUntil(lambda: replacement.planned is not None and replacement.planned.restart)
    replacement.finish()
    (command,) = commands
    assert command[-1] == "corral"  # it starts again


def test_where_nothing_opens_packages_the_command_is_shown_and_copied(
    make: Make,
    server: UpdateServer,
    show: Show,
    commands: list[list[str]],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(way_of, "__defaults__", (lambda _name: None,))
    context = make()
    server.announce(server.release("0.2.0"))
    section = section_of(context, show)
    press(section.look)
    qtbot.waitUntil(section.act.isVisible)
    press(section.act)
    qtbot.waitUntil(lambda: section.act.isVisible() and section.act.text() == "Copy command")
    (file,) = context.paths.program_updates.glob("corral-*")
    assert f"sudo apt install {file}" in section.offer_row.sentence.text()
    press(section.act)
    assert QApplication.clipboard().text() == f"sudo apt install {file}"
    context.program_updates.replacement.finish()
    assert commands == []


def test_a_chat_that_began_while_the_package_was_checked_is_not_cut_off(
    make: Make,
    server: UpdateServer,
    show: Show,
    commands: list[list[str]],
    writers: Writers,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy: list[object] = []
    monkeypatch.setattr(AppContext, "is_busy", lambda _self: bool(busy))
    context = make()
    server.announce(server.release("0.2.0"))
    section = section_of(context, show)
    press(section.look)
    qtbot.waitUntil(section.act.isVisible)
    press(section.act)
    qtbot.waitUntil(lambda: section.act.isVisible() and section.act.text() == "Install and restart")
    replacement = context.program_updates.replacement
    replacement.changed.connect(lambda: busy.append("an answer"))
    press(section.act)
    qtbot.waitUntil(lambda: replacement.planned is not None and not replacement.planned.restart)
    words = section.offer_row.sentence
    qtbot.waitUntil(lambda: words.text() == "It is installed when Corral ends")
    assert section.window().isVisible()
    assert MAIN not in writers
    replacement.finish()
    (command,) = commands
    assert command[-1] != "corral"  # it is not started again by itself


def test_a_download_can_be_stopped_and_goes_on_where_it_was(
    make: Make, server: UpdateServer, show: Show, qtbot: QtBot
) -> None:
    section = section_of(make(), show)
    server.announce(server.release("0.2.0"))
    server.fault("/corral-0.2.0.deb", origin="cdn", stall_after=1)
    press(section.look)
    qtbot.waitUntil(section.act.isVisible)
    press(section.act)
    qtbot.waitUntil(lambda: section.bar.isVisible() and section.bar.value() > 0)
    assert "models and chats go on" in section.offer_row.sentence.text()
    press(section.stop)
    qtbot.waitUntil(section.act.isVisible)
    assert section.act.text() == "Download"
    server.faults.clear()
    press(section.act)
    qtbot.waitUntil(lambda: section.act.text() == "Install and restart")


@pytest.mark.parametrize(
    ("program", "words"),
    [(SOURCE, "git pull"), (Program("flatpak", "linux", "x86_64"), "flatpak update")],
)
def test_what_cannot_replace_itself_says_how_it_is_updated(
    program: Program, words: str, make: Make, server: UpdateServer, show: Show, qtbot: QtBot
) -> None:
    section = section_of(make(program), show)
    server.announce(server.release("0.2.0"))
    press(section.look)
    qtbot.waitUntil(section.page.isVisible)
    assert words in section.offer_row.sentence.text()
    assert not section.act.isVisible()


def test_this_checkout_says_that_it_cannot_look(context: AppContext, show: Show) -> None:
    section = section_of(context, show)
    assert section.state_row.title.text() == "New versions cannot be looked for"
    assert not section.look.isEnabled()
    assert not section.agree.isEnabled()


@pytest.mark.usefixtures("english")
def test_what_could_not_be_noted_is_told_and_can_be_tried_again(
    make: Make, show: Show, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_shelf: UpdateShelf, _change: object) -> None:
        raise StorageError("The disk is full")

    context = make()
    told: list[AppError] = []
    monkeypatch.setattr(context.notifier, "error", told.append)
    section = section_of(context, show)
    monkeypatch.setattr(UpdateShelf, "change", refuse)
    section.cancel.clicked.emit()
    assert not section.offer_row.isEnabled()
    qtbot.waitUntil(lambda: bool(told))
    assert told[0].title == "The disk is full"
    assert section.offer_row.isEnabled()


def older_chats(context: AppContext) -> None:
    """As if this program had met chats of an earlier version and copied them."""
    from app.core.data_backup import back_up

    folder = context.paths.data
    context.store.create(title="Now")
    old = folder / "old"
    old.mkdir()
    with closing(sqlite3.connect(old / "conversations.db")) as connection:
        connection.executescript("".join(schema.MIGRATIONS[:2]) + "; PRAGMA user_version = 2;")
    assert back_up(old) is not None
    (old / "backups").rename(folder / "backups")


def test_going_back_asks_says_what_becomes_of_the_chats_and_fetches(
    make: Make, server: UpdateServer, show: Show, commands: list[list[str]], qtbot: QtBot
) -> None:
    context = make(version="0.2.0")
    older_chats(context)
    server.announce(server.release("0.2.0"), previous=server.release("0.1.0", schema=2))
    section = section_of(context, show)
    press(section.look)
    qtbot.waitUntil(section.go_back.isVisible)
    assert section.back_row.title.text() == "Corral 0.1.0"
    assert "With the chats of" in section.back_row.sentence.text()
    press(section.go_back)
    question = section.window().findChild(Overlay)
    assert question is not None
    section._answered(True)
    replacement = context.program_updates.replacement
    qtbot.waitUntil(lambda: replacement.planned is not None)
    planned = replacement.planned
    assert planned is not None
    assert planned.kept is not None
    assert planned.kept.release.version == "0.1.0"
    assert planned.backup is not None
    assert planned.backup.schema == 2
    replacement.cancel()
    assert commands == []


def test_a_copy_of_the_data_is_put_back_at_the_end(
    make: Make, show: Show, writers: Writers, qtbot: QtBot, english: None
) -> None:
    context = make()
    older_chats(context)
    section = section_of(context, show)
    qtbot.waitUntil(lambda: section.copies is not None)
    assert section.copies is not None
    (row,) = section.copies.rows
    assert "0 chats" in row.sentence.text()
    (copy,) = context.program_updates.replacement.backups()
    section.copies.chosen.emit(copy)
    replacement = context.program_updates.replacement
    assert not section.copies.isEnabled()
    qtbot.waitUntil(lambda: replacement.planned is not None)
    planned = replacement.planned
    assert planned is not None
    assert planned.backup == copy
    assert MAIN not in writers
    qtbot.waitUntil(section.copies.isEnabled)
    context.program_updates.replacement.cancel()


def test_a_copy_of_what_was_replaced_says_so_and_can_be_deleted(
    make: Make, show: Show, qtbot: QtBot, english: None
) -> None:
    context = make()
    older_chats(context)
    replacement = context.program_updates.replacement
    (old,) = replacement.backups()
    replaced = restore(context.paths.data, old)
    section = section_of(context, show)
    qtbot.waitUntil(lambda: section.copies is not None)
    assert section.copies is not None
    sentences = [row.sentence.text() for row in section.copies.rows]
    assert [each.endswith("when another copy was put back") for each in sentences] == [True, False]
    (button,) = section.copies.deletes
    assert replaced is not None
    press(button)
    assert section.window().findChild(Overlay) is not None
    section.copies._delete_answered(replaced, True)
    qtbot.waitUntil(lambda: section.copies is not None and not section.copies.deletes)
    assert replacement.backups() == (old,)


def test_a_package_that_changed_on_the_disk_is_refused_and_can_be_fetched_anew(
    make: Make, server: UpdateServer, show: Show, qtbot: QtBot
) -> None:
    context = make()
    server.announce(server.release("0.2.0"))
    section = section_of(context, show)
    press(section.look)
    qtbot.waitUntil(section.act.isVisible)
    press(section.act)
    qtbot.waitUntil(lambda: section.act.isVisible() and section.act.text() == "Install and restart")
    (file,) = context.paths.program_updates.glob("corral-*")
    file.write_bytes(b"something else")
    press(section.act)
    qtbot.waitUntil(lambda: "has changed on the disk" in section.offer_row.sentence.text())
    assert section.act.text() == "Download"
    assert section.window().isVisible()
    assert context.program_updates.replacement.planned is None


def test_the_installer_starts_when_everything_has_ended(
    qapp: QApplication,
    server: UpdateServer,
    monkeypatch: pytest.MonkeyPatch,
    corral_home: Path,
) -> None:
    monkeypatch.setattr(program_updates, "load_source", lambda: server.source)
    monkeypatch.setattr(program_updates, "this_program", lambda: PROGRAM)
    owner = QObject()
    settings = SettingsStore(app_paths().settings_file)
    icons = make_look(qapp, settings)
    icons.theme.setParent(owner)
    context = assemble(app_paths(), settings, icons, parent=owner)
    journal = context.paths.conversations.with_name("conversations.db-wal")
    open_at_start: list[bool] = []

    def start(_command: list[str], _output: Path) -> None:
        open_at_start.append(journal.exists())

    monkeypatch.setattr(update_replacement, "start_installer", start)
    context.store.create(title="A chat")
    assert journal.exists()
    release = server.release("99.0")
    context.program_updates.fetch(release)
    context.program_updates.replacement.install(release)
    close_context(context)
    assert open_at_start == [False]
    owner.deleteLater()


# The strip above the pages


@pytest.fixture
def main(make: Make, show: Show) -> tuple[AppContext, MainWindow]:
    context = make()
    context.settings.update(models=Models(starter_seen=True))
    window = MainWindow(context)
    show(window)
    return context, window


Main = tuple[AppContext, MainWindow]


def test_the_question_is_asked_once_and_no_is_an_answer(main: Main, server: UpdateServer) -> None:
    context, window = main
    watch = UpdateWatch(context, window)
    watch.look()
    assert watch.strip is not None
    watch.strip.closed.emit()
    assert context.settings.current.updates.look is False
    assert window.notices == []
    watch.look()
    assert watch.strip is None
    assert server.log.entries() == []


def test_who_agrees_is_told_of_a_new_version_and_shown_what_is_new(
    main: Main, server: UpdateServer, qtbot: QtBot
) -> None:
    context, window = main
    server.announce(server.release("0.2.0"))
    watch = UpdateWatch(context, window)
    watch.look()
    assert watch.strip is not None
    watch.strip.action_chosen.emit()
    assert context.settings.current.updates.look is True
    qtbot.waitUntil(lambda: watch.strip is not None)
    assert watch.strip.label.text() == "Corral 0.2.0 is there"
    qtbot.waitUntil(watch.strip.action.isVisible)
    watch.strip.action.setFocus()
    press(watch.strip.action)
    assert window.rail.buttons["settings"].hasFocus()  # where the person is now
    page = window.current_page
    assert isinstance(page, SettingsPage)
    assert page.heading.text() == "Updates"
    watch.offer()
    assert watch.strip is None  # once for each start


def test_an_offer_waits_for_a_quiet_moment(
    main: Main, server: UpdateServer, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, window = main
    busy = [True]
    monkeypatch.setattr(AppContext, "is_busy", lambda _self: busy[0])
    context.settings.update(updates=Updates(look=True))
    server.announce(server.release("0.2.0"))
    watch = UpdateWatch(context, window)
    with qtbot.waitCallback() as looked:
        context.bridge.on(context.program_updates.changed, looked)
        watch.look()
    assert watch.strip is None
    busy[0] = False
    watch.look()
    qtbot.waitUntil(lambda: watch.strip is not None)


def test_offline_and_on_the_first_day_nothing_is_asked(main: Main, server: UpdateServer) -> None:
    context, window = main
    watch = UpdateWatch(context, window)
    context.settings.update(network=Network(offline=True))
    watch.look()
    context.settings.update(network=Network(), models=Models(starter_seen=False))
    watch.look()
    assert watch.strip is None
    assert server.log.entries(path=LIST) == []


def test_the_download_of_a_model_goes_on_beside_that_of_a_version(
    make: Make, server: UpdateServer, starter_file: Path, qtbot: QtBot
) -> None:
    context = make()
    release = server.release("0.2.0")
    assert not context.is_busy()
    with LocalHub() as hub:
        hub.add("owner/model", {"model-Q4_0.gguf": starter_file}, tags=["gguf"])
        allowance = Allowance()
        hub.fault("model-Q4_0.gguf", origin="cdn", allowance=allowance)
        allowance.grant(4_000_000)
        context.settings.update(network=Network(endpoint=hub.url))
        context.downloads.start()
        (variant,) = context.hub.detail("owner/model").variants
        item = context.downloads.add(
            DownloadRequest("owner/model", "main", "Model", "Q4_0", variant.files)
        )

        def now() -> DownloadItem:
            return next(each for each in context.downloads.items() if each.id == item.id)

        qtbot.waitUntil(lambda: now().done > 0)
        child = context.downloads.child_pid
        assert context.is_busy()
        assert context.program_updates.fetch(release)
        assert (now().state, context.downloads.child_pid) == ("running", child)
        allowance.grant(math.inf)
        qtbot.waitUntil(lambda: now().state == "done")
        assert not context.is_busy()


def test_a_model_that_loads_or_answers_is_busy(context: AppContext) -> None:
    def runtime(state: str, idle: float) -> ModelRuntime:
        loaded = SimpleNamespace(state=state, engine=SimpleNamespace(idle_seconds=idle))
        return cast("ModelRuntime", SimpleNamespace(loaded=lambda: (loaded,)))

    assert replace(context, runtime=runtime("loading", 7)).is_busy()
    assert replace(context, runtime=runtime("ready", 0)).is_busy()
    assert not replace(context, runtime=runtime("ready", 7)).is_busy()


def test_who_reads_about_a_new_version_is_not_told_of_it_above_the_page(
    main: Main, server: UpdateServer, qtbot: QtBot
) -> None:
    context, window = main
    server.announce(server.release("0.2.0"))
    watch = UpdateWatch(context, window)
    window.open_page("settings", {"section": "updates"})
    page = window.current_page
    assert isinstance(page, SettingsPage)
    section = page.section("updates")
    assert isinstance(section, UpdatesSection)
    qtbot.waitUntil(section.look.isVisible)
    press(section.look)
    qtbot.waitUntil(section.act.isVisible)
    watch.offer()
    assert watch.strip is None


def test_a_version_that_has_come_says_so(
    main: Main, server: UpdateServer, make: Make, writers: Writers, qtbot: QtBot
) -> None:
    context, window = main
    release = server.release(__version__)
    memory = context.paths.program_updates / "memory.json"
    memory.parent.mkdir(parents=True)
    memory.write_bytes(msgspec.json.encode(UpdateMemory(installing=release.version)))
    watch = UpdateWatch(context, window)
    qtbot.waitUntil(lambda: watch.strip is not None)
    assert watch.strip is not None
    assert MAIN not in writers
    assert watch.strip.label.text() == f"This is Corral {__version__} now"
    watch.strip.closed.emit()
    assert window.notices == []
    again = make()
    again_watch = UpdateWatch(again, window)
    qtbot.waitUntil(again_watch._timer.isActive)  # it has looked
    assert again_watch.strip is None  # told once
