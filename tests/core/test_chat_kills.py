"""A program that chats is killed at random moments; all it promised must be there afterwards."""

import json
import random
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.core.children import SOURCE_ROOT
from app.core.conversation_store import ConversationStore
from tests.timing import PATIENCE

LONGEST_LIFE = 2.5
"""Seconds from the first promise to the kill, at most."""
DEADLINE = PATIENCE


def live_and_die(folder: Path, seed: int, *, after: str) -> list[dict[str, Any]]:
    """Run the program, kill it some time after a promise of that kind; all that it promised."""
    life = random.Random(seed).uniform(0, LONGEST_LIFE)
    command = [sys.executable, "-m", "tests.core.chat_app", str(folder), str(seed)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=SOURCE_ROOT, encoding="utf-8"
    ) as program:
        assert program.stdout is not None
        promises = [json.loads(program.stdout.readline())]
        while promises[-1]["kind"] != after:
            promises.append(json.loads(program.stdout.readline()))
        timer = threading.Timer(life, program.kill)
        timer.start()
        promises += [json.loads(line) for line in program.stdout if line.endswith("\n")]
        timer.join()
    return promises


def check_engine_is_gone(promises: list[dict[str, Any]]) -> None:
    try:
        psutil.Process(promises[0]["pid"]).wait(DEADLINE)
    except psutil.NoSuchProcess:
        return


def check_promises(store: ConversationStore, promises: list[dict[str, Any]]) -> None:
    said: defaultdict[int, str] = defaultdict(str)
    safe: defaultdict[int, str] = defaultdict(str)
    """What another reader of the database has seen of each answer."""
    ended = set()
    titles: dict[int, str] = {}
    newest_title = 0
    for promise in promises:
        match promise:
            case {"kind": "user", "id": number, "text": text}:
                assert store.message(number).content == text
            case {"kind": "delta", "id": number, "text": text}:
                said[number] += text
            case {"kind": "saved", "id": number, "text": text}:
                assert said[number].startswith(text)
                safe[number] = text
            case {"kind": "done", "id": number, "text": text}:
                message = store.message(number)
                assert (message.content, message.state) == (text, "complete")
                assert text == said[number]
                ended.add(number)
            case {"kind": "title", "id": number, "text": text}:
                titles[number] = text
                newest_title = number
    for number, title in titles.items():
        # The newest may have been set again without a chance to say so.
        assert store.get(number).title == title or number == newest_title
    for number in said.keys() - ended:
        message = store.message(number)
        assert message.state in ("interrupted", "complete")
        assert message.content.startswith(safe[number])
        assert said[number].startswith(message.content) or message.content.startswith(said[number])


def storm(folder: Path, kills: int) -> None:
    history = []
    for seed in range(kills):
        # The last one lives long enough that some text of an answer is saved.
        promises = live_and_die(folder, seed, after="saved" if seed == kills - 1 else "engine")
        check_engine_is_gone(promises)
        with closing(ConversationStore(folder / "conversations.db")) as store:
            assert store.problem is None, f"kill {seed}"
            check_promises(store, promises)
        history.append(promises)
    with closing(ConversationStore(folder / "conversations.db")) as store:
        for promises in history:
            check_promises(store, [p for p in promises if p["kind"] != "title"])


def test_three_kills(tmp_path: Path) -> None:
    storm(tmp_path, 3)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_kills(tmp_path: Path) -> None:
    storm(tmp_path, 50)
