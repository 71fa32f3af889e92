"""A drive that does not answer holds one thread of the window, however often it is asked."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.core.library import ModelLibrary
from app.gui import disk_room
from app.gui.context import AppContext
from tests.timing import PATIENCE

pytestmark = pytest.mark.gui


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Until it is set the disk does not answer."""
    answers = threading.Event()

    def free_space(_folder: Path) -> int:
        answers.wait(PATIENCE)
        return 5

    monkeypatch.setattr(disk_room, "free_space", free_space)
    return answers


def test_a_dead_drive_leaves_threads_for_everything_else(
    qtbot: QtBot, context: AppContext, hang: threading.Event
) -> None:
    seen: list[tuple[int | None, object]] = []
    context.disk_room.seen.connect(lambda free, error: seen.append((free, error)))
    for _ in range(20):
        context.disk_room.look()
    answers: list[int] = []
    context.worker.run(lambda: 1, done=answers.append)
    qtbot.waitUntil(lambda: answers == [1], timeout=round(PATIENCE * 500))
    assert seen == []
    hang.set()
    qtbot.waitUntil(lambda: seen == [(5, None)], timeout=round(PATIENCE * 1000))


def test_a_folder_known_to_be_silent_is_not_asked(
    context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent: Callable[[ModelLibrary], frozenset[Path]] = lambda library: frozenset({library.folder})  # noqa: E731
    monkeypatch.setattr(ModelLibrary, "silent_folders", silent)
    seen: list[tuple[int | None, object]] = []
    context.disk_room.seen.connect(lambda free, error: seen.append((free, error)))
    context.disk_room.look()
    ((free, error),) = seen
    assert free is None
    assert "does not answer" in str(error)
