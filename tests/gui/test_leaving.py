"""Closing the window while the program is at work for somebody."""

import signal
import sys
import time
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.downloads import DownloadManager
from app.core.paths import app_paths
from app.gui.application import Program
from app.gui.controls.labels import Label
from app.gui.question import Question
from app.gui.signals import EndSignals
from tests.gui.test_downloads_page import item

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
    signals = EndSignals(lambda sure: program.window.quit(sure=sure))
    yield
    signals.close()


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
