"""A real registry: Debian's docker-registry (distribution), started for a test on loopback."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2

from tests.timing import PATIENCE

NAME = "docker-registry"
FETCHED = Path(__file__).resolve().parents[2] / ".cache" / NAME / "usr" / "bin" / NAME
"""Where `packaging/docker_registry.py` puts it, which `make test` runs."""
PROGRAM = os.environ.get("DOCKER_REGISTRY", str(FETCHED) if FETCHED.exists() else NAME)
"""Name or path of the program."""


def installed() -> bool:
    """Whether there is such a program here."""
    return shutil.which(PROGRAM) is not None


@contextlib.contextmanager
def docker_registry(folder: Path, auth: str = "") -> Iterator[str]:
    """Its address, while it runs with its files in `folder`. `auth` is a part of its config."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "config.yml"
    config.write_text(
        "version: 0.1\n"
        "log: {level: error}\n"
        "storage:\n"
        f"  filesystem: {{rootdirectory: {folder / 'blobs'}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n" + auth
    )
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", str(config)], stdout=log, stderr=log)
    try:
        _await_answer(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _await_answer(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Until it listens; each refused connection is one try."""
    transport = httpx2.HTTPTransport(retries=12)  # with growing pauses, about 30 seconds in all
    with httpx2.Client(transport=transport, timeout=10) as client:
        answer = client.get(f"{url}/v2/")
        assert process.poll() is None
        assert answer.status_code in (200, 401)
