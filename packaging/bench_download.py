"""Download figures as JSON lines: a transfer child against a plain read from the same server."""

import json
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the local hub is one of the tests' own

from tests.hub.timed import SIZE, Download, download, local_hub, plain_read  # noqa: E402

ROUNDS = 3


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
