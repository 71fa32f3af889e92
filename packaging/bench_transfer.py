"""Transfer figures as JSON lines: beside two other programs, over slow connections, and stopping.

python packaging/bench_transfer.py [BYTES]

BYTES is the size of the file that is raced with, 4 GiB unless given. aria2c takes part where it
is installed. It compares the sha256 as Corral does; the hub's own library does not.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the local hub is one of the tests' own

from app.core.children import child_command  # noqa: E402
from app.core.hub_http import HubAccess  # noqa: E402
from app.core.transfer_child import TransferChild  # noqa: E402
from app.core.transfer_wire import Fetch, Limits, Moved, Stop, Stopped  # noqa: E402
from app.core.variants import RepoFile  # noqa: E402
from tests.hub.timed import NAME, REPO, Source, download, local_hub, plain_read  # noqa: E402

SIZE = 4 << 30
ROUNDS = 3
MEGABYTE = 1 << 20
SLOW = 8 * MEGABYTE
"""Bytes a second of one connection."""
SLOW_SIZE = 160 * MEGABYTE
CANCELS = 7
LIBRARY = """
import sys
from huggingface_hub import hf_hub_download
repo, name, sha, folder = sys.argv[1:]
hf_hub_download(repo, name, revision=sha, local_dir=folder, token=False)
"""


def show(figure: str, value: float, goal: str, met: bool, detail: str) -> None:
    row = {"figure": figure, "value": value, "goal": goal, "met": met, "detail": detail}
    print(json.dumps(row), flush=True)


def by_library(source: Source, folder: Path) -> float:
    environment = {
        **os.environ,
        "HF_ENDPOINT": source.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    command = [sys.executable, "-c", LIBRARY, REPO, NAME, source.sha, str(folder)]
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True)
    return time.perf_counter() - started


def by_aria2c(source: Source, folder: Path) -> float:
    command = ["aria2c", "--quiet", "--split=4", "--max-connection-per-server=4"]
    command += ["--min-split-size=16M", "--file-allocation=none"]
    command += [f"--checksum=sha-256={source.sha256}", f"--dir={folder}", f"--out={NAME}"]
    started = time.perf_counter()
    address = f"{source.url}/{REPO}/resolve/{source.sha}/{NAME}"
    subprocess.run([*command, address], check=True)
    return time.perf_counter() - started


def race(folder: Path, size: int) -> None:
    """One after the other, several times; neighbours in time see the same load."""
    others: dict[str, Callable[[Source, Path], float]] = {"hf_hub_download": by_library}
    if shutil.which("aria2c"):
        others["aria2c"] = by_aria2c
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in others}
    with local_hub(folder, size) as source:
        plain_read(source)  # so that the file is in memory
        for _ in range(ROUNDS):
            for name, other in others.items():
                with tempfile.TemporaryDirectory(dir=folder) as target:
                    theirs[name].append(other(source, Path(target)))
            with tempfile.TemporaryDirectory(dir=folder) as target:
                ours.append(download(source, Path(target)).verified)
    medians = {name: statistics.median(times) for name, times in theirs.items()}
    fastest = min(medians, key=lambda name: medians[name])
    ratio = statistics.median(t / o for t, o in zip(theirs[fastest], ours, strict=True))
    speeds = {"Corral": statistics.median(ours), **medians}
    words = ", ".join(f"{name} {size / 1e6 / seconds:.0f}" for name, seconds in speeds.items())
    detail = f"{size / 2**30:.1f} GiB over loopback, MB/s: {words}; median of {ROUNDS}"
    show(f"download with sha256 / {fastest}", round(ratio, 2), "≥ 0.9", ratio >= 0.9, detail)


def over_slow_connections(folder: Path) -> None:
    """Four against one, where the server gives each so much."""
    with local_hub(folder, SLOW_SIZE, rate=SLOW) as source:
        seconds = {}
        for count in (1, 4):
            with tempfile.TemporaryDirectory(dir=folder) as target:
                limits = Limits(connections=count)
                seconds[count] = download(source, Path(target), limits).fetched
    ratio = seconds[1] / seconds[4]
    speeds = [SLOW_SIZE / 2**20 / seconds[count] for count in (1, 4)]
    detail = f"{speeds[0]:.1f} and {speeds[1]:.1f} MiB/s at 8 MiB/s each"
    show("four connections / one", round(ratio, 2), "≥ 3.5", ratio >= 3.5, detail)


def stop_once(source: Source, folder: Path) -> float:
    """Milliseconds from the command to the word that no connection is left."""
    child = TransferChild(child_command("--transfer-host"), folder)
    try:
        file = RepoFile(NAME, source.size, sha256=source.sha256)
        access = (HubAccess(source.url),)
        child.send(Fetch("a", access, REPO, source.sha, (file,), str(folder / "models")))
        began = 0.0
        for reply in child.replies():
            if isinstance(reply, Moved) and reply.done > 0 and not began:
                began = time.perf_counter()
                child.send(Stop("a"))
            if isinstance(reply, Stopped):
                return (time.perf_counter() - began) * 1000
        raise SystemExit(f"the transfer child ended: {child.last_words()}")
    finally:
        child.close()


def stopping(folder: Path) -> None:
    """At any speed and stalled, the longest of several."""
    worst: dict[str, float] = {}
    kinds = {"flat out": (0, 0), "8 MiB/s": (SLOW, 0), "1 MiB/s": (MEGABYTE, 0), "stalled": (0, 1)}
    for name, (rate, stall) in kinds.items():
        times = []
        with local_hub(folder, 1 << 30, rate=rate, stall_after=stall * MEGABYTE) as source:
            for _ in range(CANCELS):
                with tempfile.TemporaryDirectory(dir=folder) as target:
                    times.append(stop_once(source, Path(target)))
        worst[name] = max(times)
    longest = max(worst.values())
    detail = ", ".join(f"{name} {value:.0f} ms" for name, value in worst.items())
    detail += f"; longest of {CANCELS} each"
    show("cancel a download, ms", round(longest, 1), "≤ 50", longest <= 50, detail)


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SIZE
    for part in (over_slow_connections, stopping, lambda folder: race(folder, size)):
        with tempfile.TemporaryDirectory() as name:
            part(Path(name))


if __name__ == "__main__":
    main()
