"""Download figures as JSON lines: a transfer child against a plain read from the same server."""

import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
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
from app.core.transfer_wire import Completed, Failed, Fetch, Moved
from app.core.variants import RepoFile

ROOT = Path(__file__).resolve().parents[1]
REPO, NAME, SIZE = "bench/model", "model.gguf", 300_000_000
ROUNDS = 3
SERVE = f"""
import sys
from pathlib import Path
from tests.hub.server import LocalHub
with LocalHub() as hub:
    repository = hub.add({REPO!r}, {{{NAME!r}: Path(sys.argv[1])}})
    print(hub.url, repository.sha, repository.files[{NAME!r}].sha256, flush=True)
    sys.stdin.read()
"""


class Source(NamedTuple):
    """Where the file is, and which one."""

    url: str
    sha: str
    sha256: str


@contextmanager
def local_hub(folder: Path) -> Iterator[Source]:
    """The local hub in a process of its own, offering one file of random bytes."""
    path = folder / NAME
    path.write_bytes(random.Random(1).randbytes(1_000_000) * (SIZE // 1_000_000))
    command = [sys.executable, "-c", SERVE, str(path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Source(*process.stdout.readline().split())
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
    assert size == SIZE, f"{size} bytes"
    return time.perf_counter() - started


class Download(NamedTuple):
    """One download by a transfer child of its own. Seconds."""

    fetched: float
    """From the command to the last byte on disk, with asking the hub."""
    verified: float
    """To the final name, with the checksum."""
    cpu: float
    """Processor time of the child for all of it."""


def download(source: Source, folder: Path) -> Download:
    child = TransferChild(child_command("--transfer-host"), folder)
    process = psutil.Process(child.pid)
    file = RepoFile(NAME, SIZE, sha256=source.sha256)
    access, target = HubAccess(source.url), str(folder / "models")

    def run(name: str, *files: RepoFile) -> tuple[float, float]:
        started = time.perf_counter()
        fetched = 0.0
        child.send(Fetch(name, (access,), REPO, source.sha, files, target))
        for reply in child.replies():
            now = time.perf_counter() - started
            if isinstance(reply, Failed):
                raise SystemExit(f"{reply.title}: {reply.message} {reply.detail}")
            if isinstance(reply, Moved) and reply.done == SIZE:
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


def show(figure: str, value: float, detail: str) -> None:
    row = {"figure": figure, "value": value, "goal": "none", "met": True, "detail": detail}
    print(json.dumps(row), flush=True)


def main() -> None:
    plain: list[float] = []
    ours: list[Download] = []
    with tempfile.TemporaryDirectory() as name, local_hub(Path(name)) as source:
        plain_read(source)  # so that the file is in memory
        for number in range(ROUNDS):
            plain.append(plain_read(source))
            with tempfile.TemporaryDirectory(dir=name, prefix=f"{number}-") as folder:
                ours.append(download(source, Path(folder)))
    # Neighbours in time saw the same load.
    ratio = statistics.median(p / o.verified for p, o in zip(plain, ours, strict=True))
    megabytes = SIZE / 1e6
    show(
        "download with checksum / plain read, speed",
        round(ratio, 3),
        f"{megabytes / statistics.median(o.verified for o in ours):.0f} / "
        f"{megabytes / statistics.median(plain):.0f} MB/s; {SIZE // 1_000_000} MB over loopback, "
        f"median of {ROUNDS} interleaved",
    )
    show(
        "processor time of a download, s per GB",
        round(statistics.median(o.cpu for o in ours) / (SIZE / 1e9), 2),
        f"fetching takes {statistics.median(o.fetched for o in ours):.2f} s, "
        f"with checksum {statistics.median(o.verified for o in ours):.2f} s",
    )


if __name__ == "__main__":
    main()
