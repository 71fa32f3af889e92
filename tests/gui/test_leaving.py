"""Closing the window while the program is at work for somebody."""

import signal
import sys
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core import program_updates, update_replacement
from app.core.downloads import DownloadManager
from app.core.paths import app_paths
from app.gui.application import Program
from app.gui.controls.labels import Label
from app.gui.question import Question
from app.gui.signals import EndSignals
from tests.gui.test_downloads_page import item
from tests.updates.update_server import PROGRAM, UpdateServer

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("english")]


@pytest.fixture
def program(qapp: QApplication, qtbot: QtBot) -> Iterator[Program]:
    program = Program(qapp, app_paths())
    program.start()
    qtbot.waitExposed(program.window)
    program.furnish()
    yield program
    program.window.quit(sure=True)
    program.close()
    program.window.deleteLater()
    program.deleteLater()


def question(program: Program) -> Question:
    (found,) = (q for q in program.window.findChildren(Question) if q.isVisible())
    return found


def test_a_window_at_rest_closes_without_a_question(program: Program) -> None:
    number = program.context.requests.begin(
        time.time(), "127.0.0.1", "", "GET", "/v1/models"
    ).number
    program.context.requests.update(number, status=200, seconds=0.1)
    assert program.window.close()


def test_closing_in_the_middle_of_an_answer_to_another_program_asks(
    program: Program, qtbot: QtBot
) -> None:
    program.context.requests.begin(time.time(), "127.0.0.1", "", "POST", "/v1/chat/completions")
    assert not program.window.close()
    asked = question(program)
    said = [label.text() for label in asked.panel.findChildren(Label)]
    assert any("Another program is being answered" in words for words in said)
    asked.cancel_button.click()
    assert program.window.isVisible()
    assert not program.window.close()
    with qtbot.waitSignal(program.window.closing):
        question(program).answers["quit"].click()
    assert not program.window.isVisible()


@pytest.mark.parametrize("way", ["close", "quit"])
def test_closing_while_a_download_runs_asks_and_a_second_time_means_yes(
    program: Program, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(DownloadManager, "items", lambda _: (item("running"), item("paused")))
    getattr(program.window, way)()
    assert program.window.isVisible()
    assert question(program).panel.accessibleName() == "Quit Corral?"
    program.window.close()
    assert not program.window.isVisible()


def test_what_goes_on_in_the_background_stays_there(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DownloadManager, "items", lambda _: (item("running"),))
    monkeypatch.setattr("app.gui.tray.Tray.is_possible", lambda _: True)
    program.window.close()
    program.window.keeps_running = lambda: True  # as with a tray, which this screen has not
    with qtbot.waitSignal(program.window.put_away):
        question(program).answers["tray"].click()
    assert program.context.settings.current.server.in_tray
    program.window.bring_back()


@pytest.fixture
def signals(program: Program) -> Iterator[None]:
    """Signals reach the window as they do in the running program."""
    hang_up = getattr(signal, "SIGHUP", signal.SIGTERM)
    before = signal.signal(hang_up, signal.SIG_DFL)  # these tests may run below `nohup`
    signals = EndSignals(program.end)
    yield
    signals.close()
    signal.signal(hang_up, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no terminals that hang up")
def test_the_end_of_a_terminal_that_was_to_be_ignored_stays_ignored(qapp: QApplication) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup corral &` does
    try:
        signals = EndSignals(lambda _: None)
        while_open = signal.getsignal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_IGN, signal.SIG_DFL)
        signals.close()
        assert while_open == signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("signals")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_who_logs_out_or_ends_it_by_its_number_is_not_asked(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(DownloadManager, "items", lambda _: (item("running"),))
    with qtbot.waitSignal(program.window.closing):
        signal.raise_signal(getattr(signal, name))
    assert not program.window.isVisible()


@pytest.mark.usefixtures("signals")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
def test_control_c_in_the_middle_of_a_download_asks(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DownloadManager, "items", lambda _: (item("running"),))
    signal.raise_signal(signal.SIGINT)
    qtbot.waitUntil(lambda: any(q.isVisible() for q in program.window.findChildren(Question)))
    assert program.window.isVisible()


def test_the_end_of_the_session_is_held_up_by_no_question_and_no_tray(
    program: Program, qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DownloadManager, "items", lambda _: (item("running"),))
    monkeypatch.setattr("app.gui.tray.Tray.keeps_running", lambda _: True)
    qapp.commitDataRequest.emit(None)
    with qtbot.waitSignal(program.window.closing):
        assert program.window.close()
    assert not program.window.findChildren(Question)


@pytest.fixture
def updatable(monkeypatch: pytest.MonkeyPatch) -> Iterator[UpdateServer]:
    """Programs that begin now can replace themselves with what this server has."""
    monkeypatch.setattr(program_updates, "this_program", lambda: PROGRAM)
    with UpdateServer() as server:
        monkeypatch.setattr(program_updates, "load_source", lambda: server.source)
        yield server


@pytest.mark.parametrize("answer", ["tray", "Cancel"])
def test_who_stays_after_choosing_a_version_ends_it_later_without_a_new_start(
    updatable: UpdateServer,
    program: Program,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    monkeypatch.setattr(DownloadManager, "items", lambda _: (item("running"),))
    monkeypatch.setattr("app.gui.tray.Tray.is_possible", lambda _: True)
    program.window.keeps_running = lambda: True  # as with a tray, which this screen has not
    updates = program.context.program_updates
    release = updatable.release("99.0")
    updates.fetch(release)
    updates.replacement.install(release)
    program.window.quit()
    asked = question(program)
    (asked.cancel_button if answer == "Cancel" else asked.answers[answer]).click()
    planned = updates.replacement
    qtbot.waitUntil(lambda: planned.planned is not None and not planned.planned.restart)
    planned.cancel()
    program.window.bring_back()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "the session", "the screen"])
def test_a_version_that_waits_for_the_end_does_not_come_at_the_end_of_the_session(
    updatable: UpdateServer,
    qapp: QApplication,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    started: list[object] = []
    monkeypatch.setattr(update_replacement, "start_installer", lambda *told: started.append(told))
    monkeypatch.setattr(update_replacement, "start_detached", lambda *told: started.append(told))
    program = Program(qapp, app_paths())
    program.start()
    program.furnish()
    signals = EndSignals(program.end)
    updates = program.context.program_updates
    release = updatable.release("99.0")
    updates.fetch(release)
    updates.replacement.install(release, restart=False)
    if name == "the screen":
        QTimer.singleShot(0, lambda: qapp.exit(1))  # as Qt does when it is gone
        assert program.run() == 1
    elif name == "the session":
        qapp.commitDataRequest.emit(None)
        assert program.window.close()
    else:
        with qtbot.waitSignal(program.window.closing):
            signal.raise_signal(getattr(signal, name))
    program.close()
    signals.close()
    assert len(started) == (1 if name == "SIGINT" else 0)
    after = Program(qapp, app_paths())
    after.start()
    after.furnish()
    updates = after.context.program_updates
    if name == "SIGINT":  # it was begun, and this is not the version that was to come
        qtbot.waitUntil(lambda: updates.state().problem is not None)
        assert updates.replacement.planned is None
    else:
        qtbot.waitUntil(lambda: updates.replacement.planned is not None)
    after.window.quit(sure=True)
    after.close()
    assert len(started) == 1
    for each in (program, after):
        each.window.deleteLater()
        each.deleteLater()
