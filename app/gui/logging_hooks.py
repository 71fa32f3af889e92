"""Sends to the log what would be lost otherwise: Qt's messages and exceptions in slots."""

import logging
import sys
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QtMsgType, qInstallMessageHandler

from app.core.logs import setup
from app.core.paths import AppPaths

Report = Callable[[BaseException], None]

log = logging.getLogger(__name__)
qt_log = logging.getLogger("qt")
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
}


class LoggingHooks:
    """In force from its making until `close`."""

    def __init__(self, paths: AppPaths, report: Report) -> None:
        self._report = report
        self.logs = setup(paths)
        qInstallMessageHandler(qt_message)
        sys.excepthook = self._unexpected

    def _unexpected(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        log.error("unexpected failure in the window", exc_info=(kind, error, trace))
        self._report(error)

    def close(self) -> None:
        """Undo it all."""
        sys.excepthook = sys.__excepthook__
        qInstallMessageHandler(None)
        self.logs.close()


def qt_message(kind: QtMsgType, context: object, text: str) -> None:
    """One of Qt's own messages."""
    qt_log.log(_LEVELS.get(kind, logging.ERROR), "%s", text)
