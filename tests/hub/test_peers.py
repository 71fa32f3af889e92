"""The same journey through another maker's mirror: `olah`, in front of the local hub.

It does a few things differently from the hub: large files come from its own address, with no
redirect, and it answers the first question with 200. `make peers` installs it into an environment
of its own and names its program in CORRAL_TEST_OLAH.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.download_state import DownloadRequest
from app.core.downloads import DownloadManager
from app.core.hub import HubClient
from app.core.library import ModelLibrary
from app.core.paths import app_paths
from app.core.settings import Network, SettingsStore
from tests.core.test_downloads import model_bytes, state_is, wait_for
from tests.hub.server import LocalHub

PROGRAM = os.environ.get("CORRAL_TEST_OLAH")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAM, reason="`make peers` installs the mirror"),
]
REPO, NAME = "maker/Model-GGUF", "Model-Q4_0.gguf"
SIZE = 40_000_000


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as hub:
        hub.add(REPO, {NAME: model_bytes(3, SIZE), "README.md": b"# A model"}, tags=["gguf"])
        yield hub


@pytest.fixture
def mirror(hub: LocalHub, tmp_path: Path) -> Iterator[str]:
    """The mirror's address."""
    assert PROGRAM is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    upstream, here = hub.url.removeprefix("http://"), f"127.0.0.1:{port}"
    options = {
        "host": "127.0.0.1",
        "port": str(port),
        "hf-scheme": "http",
        "hf-netloc": upstream,
        "hf-lfs-netloc": hub.cdn_url.removeprefix("http://"),
        "mirror-scheme": "http",
        "mirror-netloc": here,
        "mirror-lfs-netloc": here,
        "repos-path": str(tmp_path / "mirror"),
        "log-path": str(tmp_path / "mirror-log"),
    }
    command = [PROGRAM, *(word for name, value in options.items() for word in (f"--{name}", value))]
    with (
        (tmp_path / "mirror.txt").open("wb") as said,
        subprocess.Popen(command, stdout=said, stderr=said, cwd=tmp_path) as process,
    ):
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "mirror.txt").read_text()
                assert time.monotonic() < deadline, "the mirror does not answer"
                time.sleep(0.1)
        yield f"http://{here}"
        process.terminate()


@pytest.mark.timeout(240)
def test_a_model_is_found_downloaded_and_checked_through_the_mirror(
    hub: LocalHub, mirror: str
) -> None:
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    settings.update(network=Network(endpoint=mirror))
    client = HubClient(settings, paths)
    detail = client.detail(REPO)
    assert client.card(REPO, detail.model.sha or "main") == "# A model"
    client.close()
    (variant,) = detail.variants
    assert variant.files[0].sha256 == hub.repositories[REPO].files[NAME].sha256
    library = ModelLibrary(paths, settings)
    manager = DownloadManager(paths, settings, library)
    manager.start()
    try:
        request = DownloadRequest(REPO, detail.model.sha or "main", "Model", "Q4_0", variant.files)
        item = manager.add(request)
        wait_for(manager, item.id, lambda each: each.done > 0)
        manager.pause(item.id)
        manager.resume(item.id)
        done = wait_for(manager, item.id, state_is("done", "failed"))
        assert done.state == "done", done.error
    finally:
        manager.close()
    target = paths.models / "maker" / "Model-GGUF" / NAME
    assert target.read_bytes() == model_bytes(3, SIZE)
