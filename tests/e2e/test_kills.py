"""The whole program is killed while it answers and downloads; what it promised is there after.

What each part keeps is tested in `test_chat_kills` and `test_download_kills`; this is the window
itself, with everything at once.
"""

import hashlib
import json
import random
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.children import SOURCE_ROOT
from app.core.conversation_store import ConversationStore
from app.core.paths import app_paths
from app.core.transfer_wire import Limits
from app.gui import assembly
from tests.gui.chat_desk import Desk, scripted_model
from tests.hub.server import LocalHub
from tests.library_with_scripts import LibraryWithScripts
from tests.timing import PATIENCE

REPO, FILE = "someone/SmolLM2-GGUF", "SmolLM2.Q4_1.gguf"
LONGEST_LIFE = 2.0
"""Seconds to the kill, at most."""
DEADLINE = PATIENCE
"""Seconds for one life."""

Promises = list[dict[str, Any]]


def has_answered(promises: Promises) -> bool:
    """Whether a message was accepted: the life proper begins."""
    return any(promise["kind"] == "user" for promise in promises)


def is_in_full_swing(promises: Promises) -> bool:
    """Whether it has written on an answer, and fetched some of the file."""
    wrote = any(promise["kind"] == "saved" and promise["text"] for promise in promises)
    return wrote and any(promise.get("done", 0) > 0 for promise in promises)


def live_and_die(life: float, begun: Callable[[Promises], bool]) -> Promises:
    """Start the program, kill it some time after it has `begun`; all that it promised."""
    command = [sys.executable, "-m", "tests.e2e.driven_app", REPO]
    promises: Promises = []
    killed = threading.Event()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=SOURCE_ROOT, encoding="utf-8"
    ) as program:
        assert program.stdout is not None
        family: list[psutil.Process] = []

        def kill() -> None:
            family.extend(psutil.Process(program.pid).children(recursive=True))
            killed.set()
            program.kill()

        timer = threading.Timer(life, kill)
        watchdog = threading.Timer(DEADLINE, program.kill)
        watchdog.start()
        for line in program.stdout:
            if not line.endswith("\n"):
                continue
            promises.append(json.loads(line))
            if not timer.is_alive() and not killed.is_set() and begun(promises):
                timer.start()
        watchdog.cancel()
        watchdog.join()
        assert killed.is_set() or timer.is_alive(), f"it ended by itself: {promises}"
        timer.join()
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert alive == [], "children outlived the program"
    return promises


def check_chat(store: ConversationStore, promises: Promises) -> None:
    said: defaultdict[int, str] = defaultdict(str)
    safe: defaultdict[int, str] = defaultdict(str)
    """What another reader of the database has seen of each answer."""
    for promise in promises:
        if promise["kind"] == "user":
            message = store.message(promise["id"])
            assert (message.content, message.state) == (promise["text"], "complete")
        elif promise["kind"] == "delta":
            said[promise["id"]] += promise["text"]
        elif promise["kind"] == "saved":
            safe[promise["id"]] = promise["text"]
    if not said:
        return
    for number, text in said.items():
        message = store.message(number)
        assert message.content.startswith(safe[number])
        assert text.startswith(message.content) or message.content.startswith(text)
        assert message.state in ("complete", "interrupted")
    *others, last = said
    assert all(store.message(number).state == "complete" for number in others)
    assert store.path(store.message(last).conversation_id)[-1].role in ("assistant", "user")


def check_download(promises: Promises, before: int) -> int:
    """It goes on where it was, up to the blocks that were on their way; how far it came."""
    done: list[int] = [promise["done"] for promise in promises if promise["kind"] == "download"]
    if done:
        assert done[0] >= before - Limits().block
        assert max(done) >= done[0]
    return max([*done, 0])


def storm(hub: LocalHub, starter: Path, kills: int, rate: float) -> None:
    chance = random.Random(kills)
    scripted_model("model", tokens_per_second=300)
    hub.add(REPO, {FILE: starter}, tags=["gguf"])
    slow = hub.fault(FILE, origin="cdn", rate=rate)
    history = []
    came = 0
    for number in range(kills):
        # However slow the computer is, the last one comes to write and to fetch something.
        begun = is_in_full_swing if number == kills - 1 else has_answered
        promises = live_and_die(chance.uniform(0.3, LONGEST_LIFE), begun)
        assert not [each for each in promises if each["kind"] == "error"], promises
        with closing(ConversationStore(app_paths().conversations)) as store:
            assert store.problem is None, f"kill {number}"
            check_chat(store, promises)
        came = check_download(promises, came)
        history.append(promises)
    with closing(ConversationStore(app_paths().conversations)) as store:
        for promises in history:
            check_chat(store, promises)
    assert came > 0
    slow.rate = None


def check_reopened(app: QApplication, qtbot: QtBot, hub: LocalHub, starter: Path) -> None:
    """A person opens the window again: the chats are there, the download goes on to its end."""
    desk = Desk(app, qtbot)
    try:
        store = desk.context.store
        desk.until(lambda: len(desk.rows()) == len(store.list()) > 0)
        desk.open_chat(store.list()[0].id)
        desk.until(lambda: len(desk.items()) == len(desk.stored()))
        assert desk.texts() == [message.content for message in desk.stored()]
        assert desk.last().state in ("interrupted", "complete")
        answer = desk.ask("Are you still there? !tokens=20")
        assert answer.finish_reason == "stop"
        items = desk.context.downloads.items
        desk.until(lambda: [item.state for item in items()] == ["done"], timeout=60_000)
        target = app_paths().models / REPO / FILE
        assert digest(target) == digest(starter)
        desk.until(lambda: target in [model.path for model in desk.context.library.models()])
    finally:
        desk.close()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.gui
def test_two_kills(
    qapp: QApplication,
    qtbot: QtBot,
    hub: LocalHub,
    starter_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storm(hub, starter_file, 2, rate=2_000_000)
    monkeypatch.setattr(assembly, "ModelLibrary", LibraryWithScripts)
    check_reopened(qapp, qtbot, hub, starter_file)
    again = hub.log.sent(FILE) - starter_file.stat().st_size
    assert again <= 3 * Limits().block  # two kills, and the first bytes that Discover looks at


@pytest.mark.gui
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_kills(
    qapp: QApplication,
    qtbot: QtBot,
    hub: LocalHub,
    starter_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storm(hub, starter_file, 50, rate=150_000)
    monkeypatch.setattr(assembly, "ModelLibrary", LibraryWithScripts)
    check_reopened(qapp, qtbot, hub, starter_file)
    again = hub.log.sent(FILE) - starter_file.stat().st_size
    assert again <= 51 * Limits().block
