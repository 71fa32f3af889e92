"""Killed at any moment, a download ends whole: SIGKILL for the transfer child and for the app.

A model of 98 MB (in the short runs one of 24 MB) comes from the local hub at a speed that leaves
time for killing. Whatever
happens, its checksum is right at the end, each kill costs at most one block of bytes fetched
again, and nothing unfinished is ever listed as a model.
"""

import contextlib
import hashlib
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest

from app.core.children import child_environment
from app.core.download_state import DownloadRequest
from app.core.downloads import DownloadManager
from app.core.library import ModelLibrary
from app.core.paths import app_paths
from app.core.settings import SettingsStore
from app.core.transfer_wire import Limits
from app.core.variants import RepoFile
from tests.core.broken_gguf import tiny_model
from tests.hub.faults import Allowance
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

REPO, NAME = "smol/lm", "SmolLM2.Q4_1.gguf"
BLOCK = 4_000_000
SEED = int(os.environ.get("CORRAL_TEST_SEED", "20261123"))


@pytest.fixture
def hub(starter_file: Path) -> Iterator[LocalHub]:
    with LocalHub() as hub:
        hub.add(REPO, {NAME: starter_file}, tags=["gguf"])
        yield hub


@pytest.fixture
def small_hub() -> Iterator[LocalHub]:
    tiny = tiny_model().data()
    with LocalHub() as hub:
        hub.add(REPO, {NAME: tiny + bytes(24_000_000 - len(tiny))}, tags=["gguf"])
        yield hub


class SlowHub:
    """Sends the file so slowly that kills hit it on its way, and never whole before the last one.

    Each life of the program is granted an equal share of the file.
    """

    def __init__(self, hub: LocalHub, kills: int) -> None:
        self._share = hub.repositories[REPO].files[NAME].size / (kills + 1)
        self._allowance = Allowance()
        rate = 2_500_000 if kills < 10 else 1_000_000
        hub.fault(NAME, origin="cdn", rate=rate, allowance=self._allowance)

    def begin_life(self, kills_left: int) -> None:
        """Grant the next share, or all that is left."""
        self._allowance.grant(self._share if kills_left else math.inf)


class Watch:
    """Looks at the models folder all the time, for a model that is listed but not whole."""

    def __init__(self, hub: LocalHub) -> None:
        paths = app_paths()
        self._file = hub.repositories[REPO].files[NAME]
        self._library = ModelLibrary(paths, SettingsStore(paths.settings_file))
        self.target = paths.models / "smol" / "lm" / NAME
        self.liars: list[str] = []

    def look(self) -> None:
        for model in self._library.scan():
            if model.source == "corral" and not self.whole():
                self.liars.append(str(model))

    def whole(self) -> bool:
        if not self.target.exists():
            return False
        return hashlib.sha256(self.target.read_bytes()).hexdigest() == self._file.sha256


def check_end(hub: LocalHub, watch: Watch, kills: int) -> None:
    assert watch.whole()
    watch.look()
    assert watch.liars == []
    size = hub.repositories[REPO].files[NAME].size
    again = hub.log.sent(NAME) - size
    assert again <= kills * BLOCK
    assert sorted(path.name for path in watch.target.parent.iterdir()) == [NAME]


def kill_the_child(hub: LocalHub, kills: int) -> None:
    chance = random.Random(SEED)
    slow = SlowHub(hub, kills)
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    file = hub.repositories[REPO].files[NAME]
    manager = DownloadManager(
        paths,
        settings,
        ModelLibrary(paths, settings),
        env={"HF_ENDPOINT": hub.url},
        limits=Limits(block=BLOCK, first_wait=0.05),
    )
    watch = Watch(hub)
    changed = threading.Event()
    manager.changed.connect(lambda _item: changed.set())
    manager.start()
    try:
        manager.add(
            DownloadRequest(
                REPO,
                hub.repositories[REPO].sha,
                "SmolLM2",
                "Q4_1",
                (RepoFile(NAME, file.size, sha256=file.sha256),),
            )
        )
        slow.begin_life(kills)
        left, next_kill = kills, time.monotonic() + chance.uniform(0, 1.5)
        deadline = time.monotonic() + 100
        while manager.items()[0].state != "done":
            assert time.monotonic() < deadline, manager.items()
            changed.wait(0.05)
            changed.clear()
            if manager.items()[0].state == "failed":
                manager.resume(manager.items()[0].id)  # killed thrice before the first byte
            pid = manager.child_pid
            if left and pid is not None and time.monotonic() >= next_kill:
                psutil.Process(pid).kill()
                left, next_kill = left - 1, time.monotonic() + chance.uniform(0.05, 1.5)
                slow.begin_life(left)
                watch.look()
        assert left == 0
    finally:
        manager.close()
    check_end(hub, watch, kills)


def kill_the_app(hub: LocalHub, kills: int) -> None:
    chance = random.Random(SEED)
    slow = SlowHub(hub, kills)
    watch = Watch(hub)
    environment = {**child_environment(), "HF_ENDPOINT": hub.url}
    command = [sys.executable, "-m", "tests.core.download_app", str(BLOCK)]
    for left in range(kills, -1, -1):
        slow.begin_life(left)
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            if left == 0:
                process.stdout.read()
                assert process.wait(100) == 0
                break
            # Some die before their first word, the others somewhere on the way.
            if chance.random() < 0.8:
                process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0, 1.0))
            family = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait()
            _, alive = psutil.wait_procs(family, timeout=PATIENCE)
            assert alive == [], "the transfer child outlived the app"
        watch.look()
    check_end(hub, watch, kills)


def check_it_lives(
    process: "subprocess.Popen[bytes]", seconds: float, heard: Iterable[bytes], kills: int
) -> None:
    """Fail, with its last words, if the app ends within `seconds`."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        status = process.wait(seconds)
        pytest.fail(f"after {kills} kills it ended with {status}: {list(heard)}")


def kill_or_pause(hub: LocalHub, kills: int) -> None:
    """Each time at random: the app, its child, or both; now and then a pause."""
    chance = random.Random(SEED)
    slow = SlowHub(hub, kills)
    watch = Watch(hub)
    environment = {**child_environment(), "HF_ENDPOINT": hub.url}
    command = [sys.executable, "-m", "tests.core.download_app", str(BLOCK)]
    left = kills
    while True:
        slow.begin_life(left)
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            spoke = chance.random() < 0.9
            if spoke:
                process.stdout.readline()
            heard: deque[bytes] = deque(maxlen=20)
            drain = threading.Thread(target=heard.extend, args=(process.stdout,), daemon=True)
            drain.start()
            while left:
                check_it_lives(process, chance.uniform(0, 1.0), heard, kills - left)
                kind = chance.choice(("app", "app", "child", "both", "pause"))
                family = psutil.Process(process.pid).children(recursive=True)
                if kind == "pause":
                    if spoke or heard:  # before that it does not know the signal, and would die
                        process.send_signal(signal.SIGUSR1)
                    continue
                left -= 1
                if kind != "app":
                    for child in family:
                        with contextlib.suppress(psutil.NoSuchProcess):
                            child.kill()
                if kind != "child":
                    process.kill()
                    process.wait()
                    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
                    assert alive == [], "the transfer child outlived the app"
                    break
                slow.begin_life(left)
            else:
                assert process.wait(100) == 0
                drain.join()
                break
            drain.join()
        if left % 10 == 0:
            watch.look()
        if left == 0:
            slow.begin_life(0)
    check_end(hub, watch, kills)


def test_the_transfer_child_is_killed_three_times(small_hub: LocalHub) -> None:
    kill_the_child(small_hub, 3)


def test_the_app_is_killed_three_times(small_hub: LocalHub) -> None:
    kill_the_app(small_hub, 3)


@pytest.mark.slow
def test_the_transfer_child_is_killed_fifty_times(hub: LocalHub) -> None:
    kill_the_child(hub, 50)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_app_is_killed_fifty_times(hub: LocalHub) -> None:
    kill_the_app(hub, 50)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="pauses come by a signal")
@pytest.mark.timeout(7200)
def test_app_and_child_are_killed_or_paused_at_random(hub: LocalHub) -> None:
    kill_or_pause(hub, int(os.environ.get("CORRAL_TEST_KILLS", "30")))
