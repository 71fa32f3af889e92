"""Load for My models: what `make bench` measures of the window, and a test holds to."""

import time
from dataclasses import dataclass

from PySide6.QtCore import QEventLoop, QObject, QTimer

from app.gui.context import AppContext
from app.gui.models_page import ModelsPage


@dataclass(frozen=True)
class WindowLoad:
    """What listing a library cost the window. Wall-clock time."""

    listed: float
    """Seconds from opening the page until all models stand in the table."""
    block_p99_ms: float
    """Between two looks at the clock of the GUI thread, 1 ms apart at best."""
    block_max_ms: float


class BlockWatch(QObject):
    """Notes how long the GUI thread was busy or kept waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self, interval=1)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        now = time.perf_counter()
        self.blocks.append((now - self._last) * 1000)
        self._last = now

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()


def open_page(context: AppContext, page: ModelsPage, count: int, limit: float) -> WindowLoad:
    """Activate a shown page and wait until `count` models are listed, `limit` seconds at most."""
    loop, watch = QEventLoop(), BlockWatch()
    started = time.perf_counter()
    poll = QTimer(interval=1)
    rows = page.table.table_model()

    def look() -> None:
        if len(rows.rows()) >= count or time.perf_counter() - started > limit:
            loop.quit()

    poll.timeout.connect(look)
    poll.start()
    page.activated()
    loop.exec()
    listed = time.perf_counter() - started
    QTimer.singleShot(300, loop.quit)  # until it is painted, and the disks are looked at
    loop.exec()
    poll.stop()
    watch.stop()
    if len(rows.rows()) < count:
        raise RuntimeError(f"{len(rows.rows())} of {count} models after {limit} s")
    ordered = sorted(watch.blocks)
    return WindowLoad(listed, ordered[int(len(ordered) * 0.99)], ordered[-1])
