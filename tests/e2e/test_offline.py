"""The offline switch: no connection is made, whatever is done.

Nothing is replaced here. The local hub would log any request, and the port at which all proxies
are said to be would have a connection waiting.
"""

import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.download_state import DownloadList, DownloadRequest, StoredDownload
from app.core.errors import OfflineError
from app.core.hub import HubQuery
from app.core.paths import app_paths
from app.core.settings import Network, SettingsStore
from app.core.variants import RepoFile
from app.gui.discover_page import DiscoverPage
from tests.gui.chat_desk import Desk, buttons_of
from tests.hub.server import LocalHub

ROOT = Path(__file__).resolve().parents[2]
REPO, FILE = "someone/tiny-GGUF", "tiny-Q4_0.gguf"
PAGES = ("discover", "models", "downloads", "settings", "chat")


@contextmanager
def trap() -> Iterator[socket.socket]:
    """A port that counts who knocks: it listens and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def knocked(server: socket.socket) -> bool:
    return bool(select.select([server], [], [], 0)[0])


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where every connection to another computer would go first."""
    with trap() as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, address)
            monkeypatch.setenv(name.lower(), address)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "127.0.0.1")  # the local hub sees who comes by itself
        yield server


def switch(*, offline: bool) -> None:
    SettingsStore(app_paths().settings_file).update(network=Network(offline=offline))


def corral(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", *words]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=ROOT, timeout=60, check=False
    )


def test_the_command_line_asks_nobody(
    hub: LocalHub, gate: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(REPO, {FILE: b"GGUF" + bytes(1000)}, tags=["gguf"])
    switch(offline=True)
    for endpoint in (hub.url, ""):  # "": the default one, which only a proxy could reach
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        result = corral("get", REPO)
        assert result.returncode == 1
        assert "offline" in result.stderr
        assert corral("ls").returncode == 0
    assert not knocked(gate)
    assert hub.log.entries() == []


def test_without_the_switch_the_same_words_reach_the_proxy(gate: socket.socket) -> None:
    command = [sys.executable, "-m", "app", "get", REPO]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            assert select.select([gate], [], [], 30)[0], "the trap catches nobody"
        finally:
            process.kill()


@pytest.mark.gui
@pytest.mark.parametrize("endpoint", ["the local hub", "the default one"])
def test_the_window_asks_nobody(
    qapp: QApplication,
    qtbot: QtBot,
    hub: LocalHub,
    gate: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
) -> None:
    hub.add(REPO, {FILE: b"GGUF" + bytes(1000)}, tags=["gguf"])
    if endpoint == "the default one":
        monkeypatch.delenv("HF_ENDPOINT")
    DownloadList(app_paths().downloads_file).save((interrupted(),))
    switch(offline=True)
    desk = Desk(qapp, qtbot, None)
    try:
        for name in PAGES:
            desk.window.open_page(name)
        desk.window.open_page("discover")
        page = desk.window.page("discover")
        assert isinstance(page, DiscoverPage)
        for scope in buttons_of(page.browser.head.scope, "All on the hub"):
            desk.click(scope)
        desk.qtbot.keyClicks(page.browser.head.search, REPO)
        desk.qtbot.wait(700)  # whatever begins later than the search would is not waited for
        parts = desk.context
        (item,) = parts.downloads.items()
        assert (item.state, item.waits_for) == ("waiting", "offline")
        for attempt in (
            lambda: parts.hub.search(HubQuery("tiny")),
            lambda: parts.hub.detail(REPO),
            lambda: parts.downloads.resume(item.id),
            lambda: parts.downloads.add(interrupted("other").request),
        ):
            with pytest.raises(OfflineError):
                attempt()
        connections = psutil.Process().net_connections("inet")
        assert [each for each in connections if each.raddr] == []
    finally:
        desk.close()
    assert not knocked(gate)
    assert hub.log.entries() == []


def interrupted(name: str = "first") -> StoredDownload:
    """A download that ran when the program ended."""
    file = RepoFile(FILE, 1004)
    request = DownloadRequest(f"someone/{name}-GGUF", "main", "Tiny", "Q4_0", (file,))
    folder = app_paths().models / "someone" / f"{name}-GGUF"
    return StoredDownload(id=name, request=request, state="running", target=str(folder), added=1.0)
