"""Telling others what happened, without Qt."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")
log = logging.getLogger(__name__)


class EventHook(Generic[P]):
    """A thread-safe list of callables. They run in the thread that calls the hook."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[P, object], ...] = ()

    def connect(self, listener: Callable[P, object]) -> Callable[[], None]:
        """Add a listener; the returned function removes it again."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
        return lambda: self.disconnect(listener)

    def disconnect(self, listener: Callable[P, object]) -> None:
        """Remove a listener; one that is not there is ignored."""
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each != listener)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell every listener; one that raises is logged and does not silence the others."""
        for listener in self._listeners:
            try:
                listener(*args, **kwargs)
            except Exception:
                log.exception("listener %r failed", listener)
