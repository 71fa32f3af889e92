"""Events of the core reach the window in its own thread."""

import threading

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.core.events import EventHook
from app.gui.bridge import Bridge
from tests.timing import PATIENCE


class Receiver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[object, threading.Thread]] = []

    def take(self, value: object) -> None:
        self.calls.append((value, threading.current_thread()))


def _fire(hook: EventHook[[int]], count: int) -> None:
    def fire() -> None:
        for number in range(count):
            hook(number)

    thread = threading.Thread(target=fire)
    thread.start()
    thread.join(PATIENCE)


def test_calls_arrive_in_order_in_the_gui_thread(qtbot: QtBot) -> None:
    bridge, receiver, hook = Bridge(), Receiver(), EventHook[[int]]()
    bridge.on(hook, receiver.take)
    _fire(hook, 100)
    assert receiver.calls == []
    qtbot.waitUntil(lambda: len(receiver.calls) == 100)
    assert [value for value, _ in receiver.calls] == list(range(100))
    assert {thread for _, thread in receiver.calls} == {threading.main_thread()}


def test_a_dead_receiver_is_let_go(qtbot: QtBot) -> None:
    bridge, receiver, hook = Bridge(), Receiver(), EventHook[[int]]()
    other: list[int] = []
    bridge.on(hook, receiver.take)
    bridge.on(hook, other.append)
    calls = receiver.calls
    with qtbot.waitSignal(receiver.destroyed):
        receiver.deleteLater()
    _fire(hook, 3)
    qtbot.waitUntil(lambda: other == [0, 1, 2])
    assert calls == []


def test_returned_function_ends_one_listener(qtbot: QtBot) -> None:
    bridge, hook = Bridge(), EventHook[[int]]()
    first: list[int] = []
    second: list[int] = []
    stop = bridge.on(hook, first.append)
    bridge.on(hook, second.append)
    stop()
    hook(1)
    qtbot.waitUntil(lambda: second == [1])
    assert first == []


def test_close_ends_all(qtbot: QtBot) -> None:
    bridge, hook = Bridge(), EventHook[[int]]()
    received: list[int] = []
    bridge.on(hook, received.append)
    bridge.close()
    hook(1)
    qtbot.wait(1)
    assert received == []
