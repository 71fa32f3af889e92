"""Carries what the core tells from any thread into the GUI thread."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from app.core.events import EventHook
from app.gui.worker import Callback


class Bridge(QObject):
    """Listens to event hooks for objects of the window."""

    _arrived = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._disconnects: list[Callable[[], None]] = []
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def on(self, hook: EventHook[Any], slot: Callable[..., object]) -> Callable[[], None]:
        """Call `slot` in the GUI thread whenever `hook` fires, in order.

        Ends when the object of a bound method dies, or by the function that is returned.
        """
        callback = Callback(slot)

        def listener(*args: object) -> None:
            self._arrived.emit(callback, args)

        disconnect = hook.connect(listener)
        self._disconnects.append(disconnect)
        owner = getattr(slot, "__self__", None)
        if isinstance(owner, QObject):
            owner.destroyed.connect(lambda: disconnect())
        return disconnect

    def close(self) -> None:
        """Listen to nothing any more."""
        for disconnect in self._disconnects:
            disconnect()
        self._disconnects.clear()

    def _deliver(self, callback: Callback, args: tuple[object, ...]) -> None:
        callback(*args)
