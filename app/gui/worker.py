"""Work off the GUI thread: the only place in the window that starts threads."""

import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.core.errors import AppError

T = TypeVar("T")
log = logging.getLogger(__name__)

POOL_SIZE = 4
DRAIN_INTERVAL_MS = 30


class UnexpectedError(AppError):
    """A defect of the program; the report holds what is needed to find it."""

    code = "unexpected"


class CancelFlag:
    """Set by the window, asked by the work."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the work to stop."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether the work was asked to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but wake up when asked to stop; True when that happened."""
        return self._event.wait(seconds)


class TokenBuffer(Generic[T]):
    """Where a thread leaves items for the GUI thread to fetch in one go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: list[T] = []

    def append(self, item: T) -> None:
        """Leave one item; any thread."""
        with self._lock:
            self._items.append(item)

    def drain(self) -> list[T]:
        """Take everything that was left, in order."""
        with self._lock:
            items, self._items = self._items, []
        return items


class Later(Generic[T]):
    """A value that a thread begins to work out at once; asking for it waits."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._outcome: list[T] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="later", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._outcome.append(self._work())
        except Exception as error:  # noqa: BLE001  # raised again where the value is asked for
            self._error = error

    def get(self) -> T:
        """The value; raises what the work raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._outcome[0]


class Callback:
    """A callable that is let go when the object it belongs to dies.

    What it belongs to is the object of a method, also of one with its first arguments filled in.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self._first: tuple[object, ...] = ()
        self._keywords: dict[str, object] = {}
        if isinstance(function, partial) and isinstance(_owner(function.func), QObject):
            self._first, self._keywords = function.args, function.keywords
            function = function.func
        owned = isinstance(_owner(function), QObject)
        self._strong = None if owned else function
        self._weak = weakref.WeakMethod(function) if owned else None

    def __call__(self, *args: object) -> bool:
        """Call it; False when there is nobody left to call."""
        function = self._strong if self._weak is None else self._weak()
        if function is None:
            return False
        owner = _owner(function)
        if isinstance(owner, QObject) and not shiboken6.isValid(owner):
            return False
        function(*self._first, *args, **self._keywords)
        return True


class Task:
    """One piece of work under way. After `cancel` neither `done` nor `failed` is called."""

    def __init__(
        self,
        work: Callable[[], object],
        done: Callable[[Any], object] | None,
        failed: Callable[[AppError], object] | None,
        cancel: CancelFlag,
    ) -> None:
        self.work = work
        self.done = Callback(done) if done else None
        self.failed = Callback(failed) if failed else None
        self.flag = cancel
        self.finished = False
        """True once the outcome was delivered in the GUI thread, or dropped after a cancel."""

    def cancel(self) -> None:
        """Forget the outcome and ask the work to stop."""
        self.flag.set()


class Worker(QObject):
    """Runs blocking calls on a few threads and brings the outcome to the GUI thread.

    An `AppError` goes to the task's `failed`; without one, to the signal `unhandled`. Any other
    exception is a defect: it is logged, goes to `crashed`, and `failed` gets an
    `UnexpectedError`, so that a page can leave its waiting state.
    """

    unhandled = Signal(object)
    crashed = Signal(object)
    _ended = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None, *, pool_size: int = POOL_SIZE) -> None:
        super().__init__(parent)
        self._queue: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._pool_size = pool_size
        self._threads: list[threading.Thread] = []
        self._pool: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)
        self._tasks: set[Task] = set()
        self._streams: dict[Task, tuple[QTimer, Callable[[], None]]] = {}
        self._closed = False
        self._ended.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        fn: Callable[..., T],
        *args: object,
        done: Callable[[T], object] | None = None,
        failed: Callable[[AppError], object] | None = None,
        cancel: CancelFlag | None = None,
    ) -> Task:
        """Call `fn(*args)` on a thread of the pool. GUI thread only."""
        task = Task(lambda: fn(*args), done, failed, cancel or CancelFlag())
        if self._closed:
            task.finished = True
            return task
        self._tasks.add(task)
        self._queue.put(task)
        if not self._idle.acquire(blocking=False) and len(self._pool) < self._pool_size:
            self._pool.append(self._start(self._serve, f"worker-{len(self._pool)}"))
        return task

    def stream(
        self,
        fn: Callable[..., Iterable[T]],
        *args: object,
        items: Callable[[list[T]], object],
        done: Callable[[None], object] | None = None,
        failed: Callable[[AppError], object] | None = None,
        cancel: CancelFlag | None = None,
        interval_ms: int = DRAIN_INTERVAL_MS,
    ) -> Task:
        """Iterate `fn(*args)` on a thread of its own; `items` gets what came, in batches.

        The iteration is not broken off by `Task.cancel`: what stops it must come from whoever
        made it, and `fn` may look at its flag. The last batch comes before `done` or `failed`.
        """
        buffer: TokenBuffer[T] = TokenBuffer()
        task = Task(lambda: _pour(fn(*args), buffer), done, failed, cancel or CancelFlag())
        if self._closed:
            task.finished = True
            return task
        self._tasks.add(task)
        sink = Callback(items)
        timer = QTimer(self)
        hand_over = partial(_hand_over, buffer, sink)
        timer.timeout.connect(hand_over)
        timer.start(interval_ms)
        self._streams[task] = (timer, hand_over)
        self._start(lambda: self._perform(task), "stream")
        return task

    def set_interval(self, task: Task, interval_ms: int) -> None:
        """Hand a stream's items over less often, for instance while the window is hidden."""
        if task in self._streams:
            self._streams[task][0].setInterval(interval_ms)

    def close(self, deadline: float = 5.0) -> bool:
        """Cancel everything and wait for the threads, `deadline` seconds at most.

        True when all of them ended. Those that did not are daemons and die with the process.
        """
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for timer, _ in self._streams.values():
            timer.stop()
        self._streams.clear()
        for _ in self._pool:
            self._queue.put(None)
        until = time.monotonic() + deadline
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        late = [thread.name for thread in self._threads if thread.is_alive()]
        if late:
            log.warning("threads still busy at close: %s", ", ".join(late))
        return not late

    def _start(self, target: Callable[[], None], name: str) -> threading.Thread:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _serve(self) -> None:
        while (task := self._queue.get()) is not None:
            self._perform(task)
            self._idle.release()

    def _perform(self, task: Task) -> None:
        result: object = None
        error: Exception | None = None
        if not task.flag.is_set():
            try:
                result = task.work()
            except Exception as caught:  # noqa: BLE001  # any outcome is carried to the GUI thread
                error = caught
        if shiboken6.isValid(self):  # not so for a thread that missed the deadline of `close`
            self._ended.emit(task, result, error)

    def _deliver(self, task: Task, result: object, error: Exception | None) -> None:
        self._tasks.discard(task)
        if task in self._streams:
            timer, hand_over = self._streams.pop(task)
            timer.stop()
            timer.deleteLater()
            hand_over()
        task.finished = True
        if error is not None:
            self._tell_failure(task, error)
        elif task.done is not None and not task.flag.is_set():
            task.done(result)

    def _tell_failure(self, task: Task, error: Exception) -> None:
        if isinstance(error, AppError):
            shown = error
        else:
            log.error("unexpected failure in a worker", exc_info=error)
            self.crashed.emit(error)
            shown = UnexpectedError(
                self.tr("Something went wrong inside Corral"), f"{type(error).__name__}: {error}"
            )
        if task.flag.is_set():
            return
        if task.failed is not None:
            task.failed(shown)
        elif shown is error:
            self.unhandled.emit(shown)


def _owner(function: Callable[..., object]) -> object:
    return getattr(function, "__self__", None)


def _pour(source: Iterable[T], buffer: TokenBuffer[T]) -> None:
    for item in source:
        buffer.append(item)


def _hand_over(buffer: TokenBuffer[T], sink: Callback) -> None:
    items = buffer.drain()
    if items:
        sink(items)
