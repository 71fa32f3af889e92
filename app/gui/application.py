"""Builds the program's parts once, shows the window, and ends everything in order.

The frame of the window is painted before most parts are even imported; see `Program`.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QLocale, QObject, Qt, Signal
from PySide6.QtGui import QFileOpenEvent, QIcon
from PySide6.QtWidgets import QApplication

from app.core.errors import AppError
from app.core.handover import PATIENCE, SHOW, Handover
from app.core.paths import AppPaths, app_paths, resource
from app.core.settings import SettingsStore
from app.core.start_at_login import IN_TRAY
from app.gui.frame import Frame
from app.gui.session_end import SessionEnd
from app.gui.tokens import load_tokens

if TYPE_CHECKING:
    from app.core.local_server import ServerFactory
    from app.gui.context import AppContext
    from app.gui.icons import Icons
    from app.gui.main_window import MainWindow
    from app.gui.tray import Tray

log = logging.getLogger(__name__)

_NO_DISPLAY = """corral: there is no display to open a window on.
In the terminal:          corral run MODEL
With a virtual display:   xvfb-run corral
"""


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether Qt can be expected to find a screen."""
    if sys.platform != "linux":
        return True
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return any(environment.get(name) for name in names)


class Application(QApplication):
    """Qt's, and told by a Mac what to open."""

    opened = Signal(str)
    """A link, or the path of a file."""

    def event(self, event: QEvent) -> bool:
        """A Mac tells of links and files to open by an event."""
        if isinstance(event, QFileOpenEvent):
            self.opened.emit(event.file() or event.url().toString())
            return True
        return super().event(event)


class Program(QObject):
    """The running window and its parts.

    `start` shows the frame of the window; once that is painted, `furnish` makes the parts of the
    program and fills the frame. Then begins what takes longer than a blink, on other threads.
    Where the parts cannot be made, as without the data folder, the frame says why.
    """

    def __init__(
        self,
        app: QApplication,
        paths: AppPaths,
        *,
        handover: Handover | None = None,
        wanted: Sequence[str] = (),
        make_server: ServerFactory | None = None,
    ) -> None:
        """`wanted` is asked about once the window is there, then what comes by `handover`."""
        super().__init__()
        self._handover = handover
        self._make_server = make_server
        self._wanted = list(wanted)
        self._app = app
        self._paths = paths
        self._settings = SettingsStore(paths.settings_file)
        self._tokens = load_tokens()
        self._icons: Icons | None = None
        self._context: AppContext | None = None
        self._main: MainWindow | None = None
        self._closed = False
        self._tray: Tray | None = None
        self.session = SessionEnd(app, self)
        self.window = Frame(self._settings, self._tokens)

    @property
    def context(self) -> AppContext:
        """The parts of the program; made now if they are not yet.

        Raises:
            AppError: a file or folder is in the way, such as the database of chats.
        """
        if self._context is None:
            from app.gui.assembly import assemble

            owner = QObject(self)
            try:
                self._context = assemble(
                    self._paths,
                    self._settings,
                    self._look(),
                    parent=owner,
                    make_server=self._make_server,
                )
            except BaseException:
                owner.deleteLater()
                raise
        return self._context

    def _look(self) -> Icons:
        """The dress of the application; put on once."""
        if self._icons is None:
            from app.gui.assembly import make_look

            self._icons = make_look(self._app, self._settings, self._tokens)
            self._icons.theme.setParent(self)
        return self._icons

    @property
    def main(self) -> MainWindow:
        """What fills the frame; made now if it is not yet."""
        self.furnish()
        assert self._main is not None
        return self._main

    def start(self, *, in_tray: bool = False) -> None:
        """Show the frame; it is filled when it was painted.

        `in_tray` begins without a window, where there is a tray to open it from.
        """
        self.window.first_painted.connect(self.furnish)
        self._hear_later_starts()
        if in_tray:
            self.furnish()
            if self._tray is not None and self._tray.keeps_running():
                QApplication.setQuitOnLastWindowClosed(False)
                return
        self.window.show()

    def _hear_later_starts(self) -> None:
        """Also while the window is not filled yet, or cannot be: they wait for it."""
        if self._handover is not None and self._handover.claim():
            from app.gui.inbox import Inbox

            inbox = Inbox(self._handover, self)
            inbox.came.connect(self.open_later)
            inbox.show_asked.connect(self.window.bring_back)
            inbox.begin()

    def furnish(self) -> None:
        """Fill the frame, and begin what takes longer; a second call does nothing."""
        if self._closed or self._main is not None:
            return
        from app.gui.translation import install_translation

        language = self._settings.current.appearance.language
        install_translation(self._app, resource("translations"), language)
        try:
            context = self.context
        except AppError as error:
            log.error("the program could not start: %s", error)
            self._show_failure(error)
            return
        self._fill(context)

    def _fill(self, context: AppContext) -> None:
        from app.gui.downloads_watch import DownloadsWatch
        from app.gui.leaving import Leaving
        from app.gui.main_window import MainWindow
        from app.gui.tray import Tray
        from app.gui.update_watch import UpdateWatch

        self._main = MainWindow(context)
        DownloadsWatch(context, self._main)
        UpdateWatch(context, self._main)
        self.window.fill(self._main)
        self.window.closing.connect(self._main.leave)
        self._tray = Tray(context, self)
        self._tray.open_asked.connect(self.window.bring_back)
        self._tray.quit_asked.connect(self.window.quit)
        self.window.keeps_running = self._keeps_running
        leaving = Leaving(context, self.window, self._tray, self.session)
        self.window.asks_first = leaving.asks_first
        context.worker.run(context.library.scan, done=self._scanned)
        context.worker.run(context.gate.warm)
        context.worker.run(context.downloads.start)
        if context.server is not None:
            context.worker.run(context.server.start)
        problems = (
            context.settings.problem,
            context.store.problem,
            context.library.problem,
            *context.presets.problems,
        )
        for problem in problems:
            if problem is not None:
                self._main.keep_in_view(problem)
        for text in self._wanted:
            self._main.ask_to_open(text)

    def open_later(self, text: str) -> None:
        """Ask about a link or file now, or once the window is there."""
        if self._main is not None:
            self._main.ask_to_open(text)
        else:
            self._wanted.append(text)

    def _keeps_running(self) -> bool:
        tray = self._tray
        return tray is not None and tray.keeps_running() and not self.session.is_near()

    def _show_failure(self, error: AppError) -> None:
        from app.gui.start_failure import StartFailure

        page = StartFailure(self._look(), error, self._paths.data)
        # Queued, as the page that asks is then replaced.
        page.again.connect(self.furnish, Qt.ConnectionType.QueuedConnection)
        self.window.fill(page)
        page.setFocus()

    def _scanned(self, _: object) -> None:
        self.main.library_scanned()

    def run(self) -> int:
        """Go on until somebody ends it; answers the exit status."""
        status = self._app.exec()
        if status:  # Qt ends by itself when the screen is gone, and the session with it
            self.session.announce()
        return status

    def end(self, must: bool) -> None:
        """End, as a signal asks; `must`: with the session, so that nobody can be asked."""
        if must:
            self.session.announce()
        self.window.quit(sure=must)

    def close(self) -> None:
        """End everything; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._tray is not None:
            self._tray.close()
        if self._context is not None:
            from app.gui.assembly import close_context

            close_context(self._context, session_ends=self.session.is_near())

    def report(self, error: BaseException) -> None:
        """What nobody caught in the GUI thread: tell the person and go on.

        An `AppError`, such as a full disk, is no defect and has words of its own.
        """
        if self._main is not None:
            notifier = self.context.notifier
            if isinstance(error, AppError):
                notifier.error(error)
            else:
                notifier.report(error)
            return
        self._show_failure(
            AppError(
                self.tr("Corral could not start"),
                self.tr("There is a defect in it. Your chats and models are as they were."),
                self.tr("Try again. If it stays, send the last lines to the makers of Corral."),
                "".join(traceback.format_exception(error)),
            )
        )


def _is_done_by_another(argv: Sequence[str], wanted: list[str], handover: Handover) -> bool:
    """Whether a window that is there already does what this start was asked for."""
    if "--smoke-test" in argv or handover.claim():
        return False
    return handover.pass_on(wanted or ([] if IN_TRAY in argv else [SHOW]), PATIENCE)


def main(argv: Sequence[str] = (), make_server: ServerFactory | None = None) -> int:
    """Run the window until it is closed; answers the exit status.

    `make_server` makes the local server that runs beside the window; None runs none.
    """
    if not has_display():
        sys.stderr.write(_NO_DISPLAY)
        return 1
    paths = app_paths()
    wanted = [word for word in argv if not word.startswith("-")]
    handover = Handover(paths)
    if _is_done_by_another(argv, wanted, handover):
        return 0
    app = Application(["corral", *(word for word in argv if word.startswith("-"))])
    app.setApplicationName("Corral")
    app.setDesktopFileName("org.corral.Corral")
    if QLocale.system().language() == QLocale.Language.C:
        # "C" groups no thousands; British English does, and counts 24 hours.
        QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    app.setWindowIcon(QIcon(str(resource("brand/app-icon.svg"))))
    program = Program(app, paths, handover=handover, wanted=wanted, make_server=make_server)
    app.opened.connect(program.open_later)
    program.start(in_tray=IN_TRAY in argv)
    from app.gui.garbage import GarbageCollection
    from app.gui.logging_hooks import LoggingHooks
    from app.gui.signals import EndSignals

    garbage = GarbageCollection()
    hooks = LoggingHooks(paths, program.report)
    signals = EndSignals(program.end)
    try:
        if "--smoke-test" in argv:
            from app.gui.smoke_test import SmokeTest

            return SmokeTest(app, program).run()
        return program.run()
    finally:
        program.close()
        garbage.close()
        handover.close()
        signals.close()
        hooks.close()
