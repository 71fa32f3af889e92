"""Logging: a file that turns over, the last lines for the log page, and no secrets in either."""

import contextlib
import logging
import re
import sys
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

from msgspec import Struct

from app.core.errors import StorageError
from app.core.files import storage_error
from app.core.paths import AppPaths

FILE_NAME = "corral.log"
FILE_BYTES = 1_000_000
FILE_COUNT = 3
"""Older files kept beside the newest."""
RING_LINES = 2000

OURS = ("app", "backends")

_LAYOUT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_HIDDEN = "***"
_SECRETS = (
    (re.compile(r"\b(hf|api_org)_[A-Za-z0-9]{6,}"), rf"\1_{_HIDDEN}"),
    (re.compile(r"\bcorral-[A-Za-z0-9_-]{20,}"), f"corral-{_HIDDEN}"),
    (
        re.compile(r"\b(bearer|authorization\W{1,5}basic)\s+[^\s'\",;]+", re.IGNORECASE),
        rf"\1 {_HIDDEN}",
    ),
    (re.compile(r"(\w://)[^\s/@'\"]+@"), rf"\1{_HIDDEN}@"),
)
_URL_QUERY = re.compile(r"(https?://[^\s'\"<>?]+)\?([^\s'\"<>]+)", re.IGNORECASE)
_SIGNED = re.compile(
    r"(signature|sig|token|credential|policy|key-pair-id|api_?key|secret)[^&=]*=", re.IGNORECASE
)


class LogLine(Struct, frozen=True):
    """One entry of the log, secrets removed."""

    time: float
    """Unix time, seconds."""
    level: str
    name: str
    text: str
    """The message, with a traceback after it where there is one."""


class RingBuffer(logging.Handler):
    """Keeps the last entries in memory."""

    def __init__(self, lines: int = RING_LINES) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=lines)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one entry."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - a wrong format string must not break who logs
            self.handleError(record)
            return
        self._lines.append(LogLine(record.created, record.levelname, record.name, text))

    def lines(self) -> tuple[LogLine, ...]:
        """The entries, oldest first; quick, from any thread."""
        self.acquire()
        try:
            return tuple(self._lines)
        finally:
            self.release()


class Logs:
    """The logging that `setup` put in force."""

    def __init__(self, file: Path, handlers: list[logging.Handler], ring: RingBuffer) -> None:
        self.file = file
        self.ring = ring
        self.problem: StorageError | None = None
        """Why there is no log file; the rest goes on."""
        self._handlers = handlers
        self._levels = {name: logging.getLogger(name).level for name in OURS}

    def close(self) -> None:
        """Undo `setup`."""
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)


def setup(paths: AppPaths, verbose: bool = False) -> Logs:
    """Log to `paths.logs` and to a ring buffer; `verbose` adds detail and standard error."""
    file = paths.logs / FILE_NAME
    ring = RingBuffer()
    handlers: list[logging.Handler] = [ring]
    logs = Logs(file, handlers, ring)
    try:
        handlers.append(_file_handler(file))
    except OSError as error:
        logs.problem = storage_error("The log cannot be written", file, error)
    if verbose and sys.stderr is not None:  # a frozen window on Windows has none
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(RedactingFormatter("%(message)s" if handler is ring else _LAYOUT))
        logging.getLogger().addHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.DEBUG if verbose else logging.INFO)
    return logs


class LogFile(RotatingFileHandler):
    """The file. A full or vanished disk costs what is logged, and breaks nothing else."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Let an entry go that the disk did not take; a defect in the entry is still shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        """Let go of the file, and of what the disk does not take even now."""
        with contextlib.suppress(OSError):
            super().close()


def _file_handler(file: Path) -> logging.Handler:
    file.parent.mkdir(parents=True, exist_ok=True)
    return LogFile(
        file, maxBytes=FILE_BYTES, backupCount=FILE_COUNT, encoding="utf-8", errors="replace"
    )


class RedactingFormatter(logging.Formatter):
    """Formats an entry, then hides the secrets in it, those of a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole entry as text."""
        return redact(super().format(record))


def redact(text: str) -> str:
    """`text` without hub tokens, authorization headers, passwords in URLs and signed queries."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return _URL_QUERY.sub(_without_signature, text)


def _without_signature(url: re.Match[str]) -> str:
    return f"{url[1]}?{_HIDDEN}" if _SIGNED.search(url[2]) else url[0]
