"""Work off the GUI thread: outcomes, failures, streams, the end."""

import logging
import sys
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from app.core.errors import AppError
from app.gui.worker import CancelFlag, Later, TokenBuffer, UnexpectedError, Worker
from tests.timing import PATIENCE


@pytest.fixture
def worker(qtbot: QtBot) -> Iterator[Worker]:
    worker = Worker()
    yield worker
    assert worker.close(5)


class Receiver(QObject):
    """Notes what it is told, and in which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[object] = []
        self.threads: set[threading.Thread] = set()

    def take(self, value: object) -> None:
        self.values.append(value)
        self.threads.add(threading.current_thread())

    def take_for(self, name: str, value: object) -> None:
        self.values.append((name, value))


def test_outcome_comes_to_the_gui_thread(worker: Worker, qtbot: QtBot) -> None:
    receiver = Receiver()
    task = worker.run(threading.current_thread, done=receiver.take)
    qtbot.waitUntil(lambda: task.finished)
    assert receiver.threads == {threading.main_thread()}
    assert receiver.values[0] is not threading.main_thread()


def test_expected_failure_goes_to_failed(worker: Worker, qtbot: QtBot) -> None:
    receiver = Receiver()

    def work() -> None:
        raise AppError("The disk is full")

    task = worker.run(work, done=lambda _: pytest.fail("not done"), failed=receiver.take)
    qtbot.waitUntil(lambda: task.finished)
    assert [error.title for error in receiver.values if isinstance(error, AppError)] == [
        "The disk is full"
    ]


def test_expected_failure_without_failed_is_unhandled(worker: Worker, qtbot: QtBot) -> None:
    def work() -> None:
        raise AppError("The disk is full")

    with qtbot.waitSignal(worker.unhandled) as signal:
        worker.run(work)
    assert signal.args is not None
    assert signal.args[0].title == "The disk is full"


def test_defect_is_logged_reported_and_ends_the_waiting(
    worker: Worker, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()

    def work() -> None:
        raise ZeroDivisionError("planted")

    with qtbot.waitSignal(worker.crashed), caplog.at_level(logging.ERROR):
        worker.run(work, failed=receiver.take)
    assert isinstance(receiver.values[0], UnexpectedError)
    assert "planted" in caplog.text


def test_cancelled_task_tells_nobody(worker: Worker, qtbot: QtBot) -> None:
    flag, began = CancelFlag(), threading.Event()

    def work() -> str:
        began.set()
        flag.wait(PATIENCE)
        return "too late"

    task = worker.run(work, done=lambda _: pytest.fail("not done"), cancel=flag)
    assert began.wait(PATIENCE)
    task.cancel()
    qtbot.waitUntil(lambda: task.finished)


def test_receiver_that_died_is_left_alone(worker: Worker, qtbot: QtBot) -> None:
    receiver, go = Receiver(), threading.Event()
    task = worker.run(lambda: go.wait(PATIENCE), done=receiver.take)
    values = receiver.values
    receiver.deleteLater()
    qtbot.wait(1)
    go.set()
    qtbot.waitUntil(lambda: task.finished)
    assert values == []


def test_a_receiver_with_arguments_filled_in_that_died_is_left_alone(
    worker: Worker, qtbot: QtBot
) -> None:
    receiver, go = Receiver(), threading.Event()
    values = receiver.values
    crashes: list[object] = []
    worker.crashed.connect(crashes.append)
    task = worker.run(lambda: go.wait(PATIENCE), done=partial(receiver.take_for, "a row"))
    receiver.deleteLater()
    qtbot.wait(1)
    go.set()
    qtbot.waitUntil(lambda: task.finished)
    alive = Receiver()
    task = worker.run(lambda: 1, done=partial(alive.take_for, "a row"))
    qtbot.waitUntil(lambda: task.finished)
    assert (values, alive.values, crashes) == ([], [("a row", 1)], [])


def test_more_tasks_than_threads_all_end(worker: Worker, qtbot: QtBot) -> None:
    receiver = Receiver()
    for number in range(50):
        worker.run(lambda value: value * value, number, done=receiver.take)
    qtbot.waitUntil(lambda: len(receiver.values) == 50)
    assert sorted(receiver.values, key=str) == sorted((n * n for n in range(50)), key=str)


def test_a_waiting_task_does_not_hold_up_the_others(worker: Worker, qtbot: QtBot) -> None:
    go = threading.Event()
    slow = worker.run(go.wait, 10)
    quick = worker.run(lambda: 1)
    qtbot.waitUntil(lambda: quick.finished)
    assert not slow.finished
    go.set()
    qtbot.waitUntil(lambda: slow.finished)


def test_stream_comes_in_order_and_whole_before_done(worker: Worker, qtbot: QtBot) -> None:
    batches: list[list[int]] = []
    at_the_end: list[int] = []

    def note_end(_: None) -> None:
        at_the_end.append(sum(len(batch) for batch in batches))

    task = worker.stream(range, 1000, items=batches.append, done=note_end)
    qtbot.waitUntil(lambda: task.finished)
    assert [item for batch in batches for item in batch] == list(range(1000))
    assert at_the_end == [1000]


def test_stream_that_fails_keeps_what_came_before(worker: Worker, qtbot: QtBot) -> None:
    def tokens() -> Iterator[str]:
        yield "half an "
        yield "answer"
        raise AppError("The engine stopped")

    received: list[str] = []
    errors: list[AppError] = []
    task = worker.stream(tokens, items=received.extend, failed=errors.append)
    qtbot.waitUntil(lambda: task.finished)
    assert "".join(received) == "half an answer"
    assert errors[0].title == "The engine stopped"


def test_close_joins_and_later_work_is_refused(qtbot: QtBot) -> None:
    worker = Worker()
    flag = CancelFlag()
    worker.run(flag.wait, 30, cancel=flag)
    assert worker.close(5)
    assert worker.run(lambda: 1, done=lambda _: pytest.fail("closed")).finished


def test_close_gives_up_at_its_deadline(qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    worker, go = Worker(), threading.Event()
    worker.run(go.wait, 30)
    with caplog.at_level(logging.WARNING):
        assert not worker.close(0.05)
    assert "still busy" in caplog.text
    go.set()
    # A thread that holds the last reference would destroy the worker outside the GUI thread.
    assert worker.close(30)


def test_buffer_loses_nothing_between_threads() -> None:
    buffer: TokenBuffer[int] = TokenBuffer()

    def write() -> None:
        for number in range(2000):
            buffer.append(number)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    received: list[int] = []
    while any(writer.is_alive() for writer in writers):
        received += buffer.drain()
    received += buffer.drain()
    assert sorted(received) == sorted(list(range(2000)) * 3)


def test_later_gives_its_value_or_its_error() -> None:
    assert Later(lambda: 7).get() == 7

    def fail() -> int:
        raise AppError("No")

    with pytest.raises(AppError, match="No"):
        Later(fail).get()


def test_qt_keeps_the_count_of_references(qtbot: QtBot) -> None:
    """PySide6 6.12.0 takes a reference too many off None on Python 3.11 and dies of it."""
    timer = QTimer()
    before = sys.getrefcount(None)
    for _ in range(100):
        timer.start(1000)
        timer.stop()
    assert abs(sys.getrefcount(None) - before) < 50
