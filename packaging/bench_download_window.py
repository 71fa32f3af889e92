"""How long the window is blocked while three downloads run flat out, as a JSON line.

The Downloads page is in view and follows all three; a timer of 5 ms says how late it was called.
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.download_state import DownloadRequest
    from tests.hub.timed import Source

ROOT = Path(__file__).resolve().parents[1]
SIZE = 900 * (1 << 20)
"""Bytes of each file."""
STEP = 0.005
"""Seconds between two calls of the timer."""
SECONDS = 60.0


def main() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path.insert(0, str(ROOT))  # the local hub is one of the tests' own
    from tests.hub.timed import local_hub

    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as hubs:
        os.environ["CORRAL_HOME"] = home
        sources = []
        for number in range(3):
            folder = Path(home) / f"hub{number}"
            folder.mkdir()
            sources.append(hubs.enter_context(local_hub(folder, SIZE, repo=f"bench/m{number}")))
        measure(sources)


def measure(sources: "list[Source]") -> None:
    from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from app.core.paths import app_paths
    from app.core.settings import SettingsStore
    from app.gui.assembly import assemble, close_context, make_look
    from app.gui.downloads_page import DownloadsPage

    app = QApplication(["corral"])
    settings = SettingsStore(app_paths().settings_file)
    owner = QObject()
    context = assemble(app_paths(), settings, make_look(app, settings), parent=owner)
    context.downloads.start()
    page = DownloadsPage(context)
    page.resize(1264, 840)
    page.show()
    page.activated()
    for number, source in enumerate(sources):
        context.downloads.add(request(source, number))
    late: list[float] = []
    clock = QElapsedTimer()
    clock.start()
    last = 0.0

    def tick() -> None:
        nonlocal last
        now = clock.nsecsElapsed() / 1e9
        late.append(max(0.0, now - last - STEP))
        last = now

    timer = QTimer(interval=round(STEP * 1000), timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)

    def look() -> None:
        nonlocal last
        items = context.downloads.items()
        if any(item.done for item in items) and not timer.isActive():
            last = clock.nsecsElapsed() / 1e9
            timer.start()
        if not any(item.state in ("waiting", "running") for item in items):
            app.quit()

    began = time.monotonic()
    looker = QTimer(interval=100)
    looker.timeout.connect(look)
    looker.start()
    QTimer.singleShot(int(SECONDS * 1000), app.quit)
    app.exec()
    seconds = time.monotonic() - began
    whole = all(item.done == SIZE for item in context.downloads.items())
    page.close()
    close_context(context)
    show(sorted(late), 3 * SIZE / 1e6 / seconds, whole=whole)


def request(source: "Source", number: int) -> "DownloadRequest":
    from app.core.download_state import DownloadRequest
    from app.core.variants import RepoFile
    from tests.hub.timed import NAME

    files = (RepoFile(NAME, SIZE, sha256=source.sha256),)
    repo, title = f"bench/m{number}", f"Model {number}"
    return DownloadRequest(repo, source.sha, title, "Q4_0", files, source.url)


def show(late: list[float], speed: float, *, whole: bool) -> None:
    block = round(late[int(len(late) * 0.99)] * 1000, 1)
    row = {
        "figure": "three downloads flat out, GUI block p99, ms",
        "value": block,
        "goal": "<= 16",
        "met": whole and block <= 16,
        "detail": f"{len(late)} calls of a timer, worst {late[-1] * 1000:.0f} ms, {speed:.0f} MB/s",
    }
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
