"""Many clients at once: what they are answered, memory of the server, blocks of a window beside it.

python packaging/load_api.py [minutes]     5 by default; 64 clients, the starter model

Mixed sizes of prompts and answers, whole and streamed; a fifth of them leaves in the middle. The
server runs in a process of its own beside a window (offscreen unless there is a screen).
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = 64
WARM_SECONDS = 20.0
"""After which memory is compared with: the model's buffers are there, caches are filled."""


@dataclass
class Load:
    """What came of it."""

    statuses: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


async def press(url: str, model: str, clients: int, seconds: float, longest: int = 64) -> Load:
    """Ask from `clients` connections for `seconds`; answers of up to `longest` tokens."""
    load, end = Load(), time.monotonic() + seconds
    limits = httpx2.Limits(max_connections=clients)
    async with httpx2.AsyncClient(
        base_url=url, timeout=600, limits=limits, trust_env=False
    ) as client:
        await asyncio.gather(
            *(_one(client, model, random.Random(i), end, longest, load) for i in range(clients))
        )
    return load


async def _one(
    client: httpx2.AsyncClient,
    model: str,
    chance: random.Random,
    end: float,
    longest: int,
    load: Load,
) -> None:
    while time.monotonic() < end:
        text = "Tell me more. " * chance.choice((1, 1, 1, 10, 40))
        body = {
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": chance.randint(1, longest),
            "stream": chance.random() < 0.6,
        }
        leaves = chance.random() < 0.2
        try:
            async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
                if leaves and answer.status_code == 200:
                    load.statuses["left"] += 1
                    continue
                text = (await answer.aread()).decode()
                load.statuses[str(answer.status_code)] += 1
                if answer.status_code >= 500 and answer.status_code != 503:
                    load.problems.append(text[:300])
        except httpx2.TransportError as error:
            load.statuses["broken"] += 1
            load.problems.append(repr(error))


def serve_beside_window() -> None:
    """The process under load: a window with the server; says its address, then its blocks."""
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path.insert(0, str(ROOT))
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from app.core.paths import app_paths
    from app.gui.application import Program
    from tests.api.serving import serving

    app = QApplication(["corral"])
    program = Program(app, app_paths())
    program.start()
    late: list[float] = []
    last = [time.perf_counter()]

    ended = threading.Event()

    def wait() -> None:
        sys.stdin.readline()
        ended.set()

    def tick() -> None:
        if ended.is_set():  # not from the reading thread: Qt would wait for this one there
            app.quit()
        now = time.perf_counter()
        late.append(max(0.0, now - last[0] - 0.005))
        last[0] = now

    timer = QTimer(timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    with (
        tempfile.TemporaryDirectory() as home,
        serving(app_paths({"CORRAL_HOME": home}), window=True) as running,
    ):
        running.warm()
        print(json.dumps({"url": running.url}), flush=True)
        last[0] = time.perf_counter()
        timer.start(5)
        threading.Thread(target=wait, daemon=True).start()
        app.exec()
        timer.stop()
    program.close()
    print(json.dumps({"late": [round(each * 1000, 2) for each in late]}), flush=True)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["serve"]:
        serve_beside_window()
        return 0
    seconds = 60 * float(arguments[0] if arguments else 5)
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "serve"],
            env={**os.environ, "CORRAL_HOME": home},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        memory = psutil.Process(process.pid).memory_info
        model = "smollm2-135m-instruct"
        warm = asyncio.run(press(url, model, CLIENTS, min(WARM_SECONDS, seconds / 2)))
        before = memory().rss
        load = asyncio.run(press(url, model, CLIENTS, seconds))
        growth = memory().rss / before - 1
        told, _ = process.communicate("end\n", timeout=120)
    late = json.loads(told.splitlines()[-1])["late"]
    block = statistics.quantiles(late, n=100)[98]
    problems = warm.problems + load.problems
    for figure, value, goal, met in (
        ("answers that are no 5xx but 503, problems", len(problems), "= 0", not problems),
        ("growth of memory, %", round(100 * growth, 2), "<= 5", growth <= 0.05),
        ("GUI block p99, ms", round(block, 1), "<= 16", block <= 16),
    ):
        print(json.dumps({"figure": figure, "value": value, "goal": goal, "met": met}))
    print(json.dumps({"statuses": load.statuses, "worst block, ms": max(late), "seconds": seconds}))
    for problem in problems[:5]:
        print(problem)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
