"""Reads what a window says and where its buttons are, as screen readers do: by AT-SPI on D-Bus.

The bus is one of its own, with an abstract address, so that programs in a chroot reach it as well.
Nothing but dbus-daemon is needed for it. The interfaces are those of at-spi2-core's `xml` folder.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from jeepney import DBusAddress, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection

_SETTINGS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:abstract={name}</listen>
<policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*"/><allow eavesdrop="true"/></policy>
</busconfig>
"""
_INTERFACE = "org.a11y.atspi"
_ROOT = "/org/a11y/atspi/accessible/root"
_BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
_ON_SCREEN = 0
"""Positions are asked for in pixels of the screen (`CoordType`)."""
_WITH_TEXT = ("label", "text")
_CHECKED, _ENABLED, _SHOWING = 1 << 4, 1 << 8, 1 << 25
"""Of `StateType`."""


@dataclass(frozen=True)
class Thing:
    """Something that is in view: a label, a button."""

    role: str
    """As AT-SPI names it: "push button", "label"."""
    name: str
    """What stands on it, or what it is called."""
    text: str
    """What is written in it, where it holds a text."""
    x: int
    y: int
    width: int
    height: int
    enabled: bool
    checked: bool

    @property
    def middle(self) -> tuple[int, int]:
        """Where a person would press it."""
        return self.x + self.width // 2, self.y + self.height // 2


class AccessibilityBus:
    """A bus that programs tell what is in their windows. Use as a context manager."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory(prefix="corral-bus-") as folder:
            file = Path(folder) / "bus.conf"
            file.write_text(_SETTINGS.format(name=f"{folder}/bus"), encoding="utf-8")
            command = ["dbus-daemon", f"--config-file={file}", "--nofork", "--print-address=1"]
            self._daemon = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._daemon.stdout is not None
            self.address = self._daemon.stdout.readline().strip()
        self._connection = open_dbus_connection(self.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._daemon.terminate()
        self._daemon.communicate(timeout=10)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to tell of its windows here."""
        return {"AT_SPI_BUS_ADDRESS": self.address}

    def things(self) -> list[Thing]:
        """Everything in view of all programs, the outer before the inner."""
        own = self._connection.unique_name
        names = self._ask(*_BUS, "ListNames")[0]
        programs = [name for name in names if name.startswith(":") and name != own]
        return [thing for name in programs for thing in self._below(name, _ROOT)]

    def _below(self, program: str, path: str) -> Iterator[Thing]:
        where = (program, path)
        accessible = f"{_INTERFACE}.Accessible"
        try:
            ((_, name),) = self._ask(
                *where, "org.freedesktop.DBus.Properties", "Get", "ss", accessible, "Name"
            )
            ((states, _),) = self._ask(*where, accessible, "GetState")
            if path != _ROOT:
                if not states & _SHOWING:
                    return
                (role,) = self._ask(*where, accessible, "GetRoleName")
                ((x, y, width, height),) = self._ask(
                    *where, f"{_INTERFACE}.Component", "GetExtents", "u", _ON_SCREEN
                )
                enabled, checked = bool(states & _ENABLED), bool(states & _CHECKED)
                text = self._text(*where) if role in _WITH_TEXT else ""
                yield Thing(role, name, text, x, y, width, height, enabled, checked)
            (children,) = self._ask(*where, accessible, "GetChildren")
        except LookupError:  # it has gone meanwhile, or its program has
            return
        for _, child in children:
            yield from self._below(program, child)

    def _text(self, program: str, path: str) -> str:
        try:
            (text,) = self._ask(program, path, f"{_INTERFACE}.Text", "GetText", "ii", 0, -1)
        except LookupError:  # a label that is only a name
            return ""
        return str(text)

    def _ask(
        self,
        program: str,
        path: str,
        interface: str,
        method: str,
        signature: str | None = None,
        *words: object,
    ) -> tuple[Any, ...]:
        """The answer to one question. Raises LookupError where there is none."""
        address = DBusAddress(path, bus_name=program, interface=interface)
        message = new_method_call(address, method, signature, words)
        try:
            reply = self._connection.send_and_get_reply(message, timeout=10)
        except TimeoutError as error:
            raise LookupError(method) from error
        if reply.header.message_type is MessageType.error:
            raise LookupError(method)
        body: tuple[Any, ...] = reply.body
        return body
