"""Window figures as JSON lines: first paint, memory, idle work, and the transcript under load.

python packaging/bench_window.py                 all of them
python packaging/bench_window.py probe bare|corral   one window, for the others
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 7
SETTLE_SECONDS = 6
IDLE_SECONDS = 10
MEGABYTE = 1e6


def report(figure: str, value: float, goal: str, met: bool, detail: str) -> None:
    line = {"figure": figure, "value": value, "goal": goal, "met": met, "detail": detail}
    print(json.dumps(line), flush=True)


# The probe: a process of its own that says when its window was painted first.


def probe(kind: str) -> None:
    from PySide6.QtCore import QEvent, QObject, QTimer
    from PySide6.QtWidgets import QApplication, QMainWindow

    class FirstPaint(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                watched.removeEventFilter(self)
                print(time.time(), flush=True)
            return False

    watcher = FirstPaint()
    if kind == "bare":
        app = QApplication(["bare"])
        window = QMainWindow()
        window.resize(1320, 840)
        window.installEventFilter(watcher)
        window.show()
        app.exec()
        return
    from app.core.paths import app_paths
    from app.gui.application import Program

    app = QApplication(["corral"])
    program = Program(app, app_paths())
    program.window.installEventFilter(watcher)
    program.start()
    # The frame is painted before the page in it is made: say also when that is there.
    program.window.first_painted.connect(lambda: QTimer.singleShot(0, say_filled))

    def say_filled() -> None:
        program.main.repaint()
        program.window.resize(1320, 840)  # wide enough for the chat settings on any screen
        program.window.activateWindow()  # idle work is measured where the focus is
        print(time.time(), flush=True)

    app.exec()
    program.close()


def start_probe(kind: str, home: str) -> tuple[subprocess.Popen[str], float, float]:
    """A window in a process of its own, the seconds until its first paint, and its start."""
    environment = {**os.environ, "CORRAL_HOME": home}
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    began = time.time()
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), "probe", kind],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, float(process.stdout.readline()) - began, began


def furnish(home: str) -> None:
    """Make a home whose window opens on the chat with its settings, not on the first page."""
    sys.path.insert(0, str(ROOT))
    from msgspec import structs

    from app.core.paths import app_paths
    from app.core.settings import SettingsStore

    settings = SettingsStore(app_paths({**os.environ, "CORRAL_HOME": home}).settings_file)
    seen = structs.replace(settings.current.models, starter_seen=True)
    opened = structs.replace(settings.current.window, page="chat", inspector_open=True)
    settings.update(models=seen, window=opened)


def end_probe(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate(timeout=20)


def first_paint(home: str) -> None:
    times: dict[str, list[float]] = {"bare": [], "corral": []}
    filled = []
    for _ in range(ROUNDS):
        for kind, seen in times.items():
            process, seconds, began = start_probe(kind, home)
            if kind == "corral":
                assert process.stdout is not None
                filled.append(float(process.stdout.readline()) - began)
            end_probe(process)
            seen.append(seconds)
    bare, corral = (statistics.median(times[kind]) for kind in ("bare", "corral"))
    ratio = round(corral / bare, 2)
    whole = statistics.median(filled)
    detail = (
        f"{corral * 1000:.0f} / {bare * 1000:.0f} ms, median of {ROUNDS} interleaved; "
        f"chat page in place after {whole * 1000:.0f} ms"
    )
    report("first paint / bare QMainWindow", ratio, "<= 1.6", ratio <= 1.6, detail)


def idle(home: str) -> None:
    process, _, _ = start_probe("corral", home)
    time.sleep(SETTLE_SECONDS)
    window = psutil.Process(process.pid)
    before = window.cpu_times()
    time.sleep(IDLE_SECONDS)
    after = window.cpu_times()
    resident = window.memory_info().rss / MEGABYTE
    used = after.user + after.system - before.user - before.system
    end_probe(process)
    report(
        "window without a model, MB resident",
        round(resident),
        "<= 150",
        resident <= 150,
        f"after {SETTLE_SECONDS + IDLE_SECONDS} s",
    )
    share = round(100 * used / IDLE_SECONDS, 2)
    report("window at rest, % of a core", share, "<= 0.2", share <= 0.2, f"over {IDLE_SECONDS} s")


def transcript() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path.insert(0, str(ROOT))  # the load is written down beside its test
    from PySide6.QtWidgets import QApplication

    from app.gui.icons import Icons
    from app.gui.theme import Theme
    from app.gui.transcript import TranscriptView
    from app.gui.worker import Worker
    from tests.gui import transcript_load as load

    app = QApplication(["bench"])
    theme = Theme()
    theme.apply(app)
    worker = Worker()
    view = TranscriptView(theme, Icons(theme), worker)
    view.resize(960, 700)
    view.show()
    load.open_chat(view, load.long_chat(20))  # fonts, highlighter and formulas are warm
    view.set_messages(())
    opened = round(load.open_chat(view, load.long_chat()), 3)
    report("opening 5,000 messages, s of GUI CPU", opened, "<= 0.3", opened <= 0.3, "until painted")
    streamed = load.stream(view)
    block = round(streamed.block_p99_ms, 1)
    detail = (
        f"2,000 tokens into 5,000 messages; worst {streamed.block_max_ms:.1f} ms, "
        f"{streamed.cpu_seconds:.1f} s of GUI CPU in 10 s"
    )
    report("streaming 200 tokens/s, GUI block p99, ms", block, "<= 16", block <= 16, detail)
    worker.close()


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["probe"]:
        probe(arguments[1])
        return
    with tempfile.TemporaryDirectory() as home:
        furnish(home)
        first_paint(home)
        idle(home)
    transcript()


if __name__ == "__main__":
    main(sys.argv[1:])
