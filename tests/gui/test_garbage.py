"""Garbage is collected where Qt's objects live."""

import gc
import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from app.gui.garbage import GarbageCollection

pytestmark = pytest.mark.gui


@pytest.fixture
def collecting() -> Iterator[set[int]]:
    """The threads that collected since the test began."""
    threads: set[int] = set()

    def note(_phase: str, _info: dict[str, int]) -> None:
        threads.add(threading.get_ident())

    gc.callbacks.append(note)
    yield threads
    gc.callbacks.remove(note)


def litter() -> None:
    for _ in range(50_000):
        ring: list[object] = []
        ring.append(ring)


def test_threads_collect_nothing_and_the_gui_thread_does(
    qtbot: QtBot, collecting: set[int]
) -> None:
    before = gc.isenabled()
    gc.enable()
    collection = GarbageCollection()
    collecting.clear()
    thread = threading.Thread(target=litter)
    thread.start()
    thread.join()
    assert collecting == set()
    qtbot.waitUntil(lambda: collecting == {threading.get_ident()})
    collection.close()
    assert gc.isenabled()
    if not before:
        gc.disable()
    collection.deleteLater()
