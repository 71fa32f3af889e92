"""Timed downloads from the local hub in a process of its own, for benchmarks."""

import http.client
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import psutil

from app.core.children import child_command
from app.core.hub_http import HubAccess
from app.core.transfer_child import TransferChild
from app.core.transfer_wire import Completed, Failed, Fetch, Limits, Moved
from app.core.variants import RepoFile

ROOT = Path(__file__).resolve().parents[2]
REPO, NAME, SIZE = "bench/model", "model.gguf", 300_000_000
SERVE = f"""
import sys
from pathlib import Path
from tests.hub.server import LocalHub
with LocalHub() as hub:
    repository = hub.add(sys.argv[4], {{{NAME!r}: Path(sys.argv[1])}})
    if rate := float(sys.argv[2]):
        hub.fault({NAME!r}, origin="cdn", rate=rate)
    if stall := int(sys.argv[3]):
        hub.fault({NAME!r}, origin="cdn", stall_after=stall)
    print(hub.url, repository.sha, repository.files[{NAME!r}].sha256, flush=True)
    sys.stdin.read()
"""


class Source(NamedTuple):
    """Where the file is, and which one."""

    url: str
    sha: str
    sha256: str
    size: int


@contextmanager
def local_hub(
    folder: Path, size: int = SIZE, *, rate: float = 0, stall_after: int = 0, repo: str = REPO
) -> Iterator[Source]:
    """The local hub in a process of its own, offering one file of random bytes.

    `rate` is bytes a second for each connection; after `stall_after` bytes each falls silent.
    """
    path = folder / NAME
    if not path.exists():
        megabyte = random.Random(1).randbytes(1 << 20)
        with path.open("wb") as file:
            for start in range(0, size, len(megabyte)):
                file.write(megabyte[: size - start])
    command = [sys.executable, "-c", SERVE, str(path), str(rate), str(stall_after), repo]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url, sha, sha256 = process.stdout.readline().split()
            yield Source(url, sha, sha256, size)
        finally:
            process.communicate()  # ends its input, and with it the hub


def plain_read(source: Source) -> float:
    """Seconds for one GET of the file over one connection, thrown away as it comes."""
    started = time.perf_counter()
    address: str | None = f"{source.url}/{REPO}/resolve/{source.sha}/{NAME}"
    size = 0
    while address is not None:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.netloc)
        connection.request("GET", parts._replace(scheme="", netloc="").geturl())
        answer = connection.getresponse()
        size = 0
        while piece := answer.read(1 << 18):
            size += len(piece)
        location = answer.getheader("Location")
        connection.close()
        address = urljoin(address, location) if location else None
    assert size == source.size, f"{size} bytes"
    return time.perf_counter() - started


class Download(NamedTuple):
    """One download by a transfer child of its own. Seconds."""

    fetched: float
    """From the command to the last byte on disk, with asking the hub."""
    verified: float
    """To the final name, with the checksum."""
    cpu: float
    """Processor time of the child for all of it."""


def download(source: Source, folder: Path, limits: Limits | None = None) -> Download:
    child = TransferChild(child_command("--transfer-host"), folder)
    process = psutil.Process(child.pid)
    file = RepoFile(NAME, source.size, sha256=source.sha256)
    access, target = HubAccess(source.url), str(folder / "models")

    def run(name: str, *files: RepoFile) -> tuple[float, float]:
        started = time.perf_counter()
        fetched = 0.0
        child.send(Fetch(name, (access,), REPO, source.sha, files, target, limits or Limits()))
        for reply in child.replies():
            now = time.perf_counter() - started
            if isinstance(reply, Failed):
                raise SystemExit(f"{reply.title}: {reply.message} {reply.detail}")
            if isinstance(reply, Moved) and reply.done == source.size:
                fetched = fetched or now
            if isinstance(reply, Completed):
                return fetched or now, now
        raise SystemExit(f"the transfer child ended: {child.last_words()}")

    try:
        run("warm")  # imports its libraries, once for all downloads
        before = sum(process.cpu_times()[:2])
        fetched, verified = run("download", file)
        return Download(fetched, verified, sum(process.cpu_times()[:2]) - before)
    finally:
        child.close()
