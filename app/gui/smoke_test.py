"""`corral --smoke-test`: tries the window out after a build, on a screen or offscreen.

The real program starts; once its window was painted and the library scanned, every page is shown,
a signature is checked, and the window is closed again. Whatever is logged as an error on the way is
a failure.
"""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop

from app.core.update_manifest import verifies

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.gui.application import Program

SECONDS = 60.0
"""How long a step may take."""
PAGES = ("discover", "models", "downloads", "server", "settings", "chat")
LATE = ("PySide6.QtNetwork", "jinja2", "keyring", "openai", "segno", "starlette", "uvicorn")
"""Imported only when they are needed, so that a build without them would fail much later."""
_SLICE_MS = 50


# RFC 8032, 7.1, test 1: the signature of no bytes at all.
_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
_SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
    "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)


class ErrorLog(logging.Handler):
    """Keeps what is logged as an error, and from what it came."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record as a line."""
        cause = record.exc_info[1] if record.exc_info else None
        self.lines.append(f"{record.getMessage()}: {cause!r}" if cause else record.getMessage())


class StepTookTooLongError(Exception):
    """A step of the trial did not happen in `SECONDS`."""


class SmokeTest:
    """One trial of a program that was started."""

    def __init__(self, app: QApplication, program: Program) -> None:
        self._app = app
        self._program = program

    def run(self) -> int:
        """Do it all; 0, or 1 after the reasons were written to standard error."""
        errors = ErrorLog()
        root = logging.getLogger()
        root.addHandler(errors)
        try:
            self._visit()
            for name in LATE:
                importlib.import_module(name)
            if not verifies(_PUBLIC, _SIGNATURE, b""):
                errors.lines.append("signatures of new versions cannot be checked")
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
            errors.lines.append(repr(error))
        finally:
            root.removeHandler(errors)
            self._program.window.close()
        for line in errors.lines:
            sys.stderr.write(f"corral: {line}\n")
        return 1 if errors.lines else 0

    def _visit(self) -> None:
        self._wait_until(self._is_filled, "the first paint of the window")
        context, window = self._program.context, self._program.main
        scans: list[object] = []
        context.worker.run(context.library.scan, done=scans.append)
        self._wait_until(lambda: bool(scans), "the scan of the library")
        for page_id in PAGES:
            window.open_page(page_id)
            window.page(page_id).grab()  # painted, even if no screen shows it
            self._app.processEvents()

    def _is_filled(self) -> bool:
        return self._program.window.centralWidget() is not None

    def _wait_until(self, happened: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + SECONDS
        while not happened():
            if time.monotonic() > end:
                raise StepTookTooLongError(f"{what} did not happen within {SECONDS:.0f} seconds")
            self._app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, _SLICE_MS)
