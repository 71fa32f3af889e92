"""Builds the program's parts once, shows the window, and ends everything in order."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from types import TracebackType

from PySide6.QtCore import QLocale, QObject, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app.core.logs import Logs, setup
from app.core.paths import AppPaths, app_paths, resource
from app.core.settings import SettingsStore
from app.gui.bridge import Bridge
from app.gui.context import AppContext
from app.gui.icons import Icons
from app.gui.main_window import MainWindow
from app.gui.notify import Notifier
from app.gui.theme import Theme
from app.gui.worker import Later, Worker

log = logging.getLogger(__name__)
qt_log = logging.getLogger("qt")

CLOSE_SECONDS = 5.0
_NO_DISPLAY = """corral: there is no display to open a window on.
In the terminal:          corral run MODEL
With a virtual display:   xvfb-run corral
"""


def has_display(environment: os._Environ[str] | dict[str, str] = os.environ) -> bool:
    """Whether Qt can be expected to find a screen."""
    if sys.platform != "linux":
        return True
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return any(environment.get(name) for name in names)


def build_context(
    app: QApplication, paths: AppPaths, *, parent: QObject | None = None
) -> AppContext:
    """Make every part and connect it to the next. Starts nothing that takes long."""
    from app.core.catalogue import Catalogue
    from app.core.chat import ChatService
    from app.core.conversation_store import ConversationStore
    from app.core.downloads import DownloadManager
    from app.core.hardware import survey
    from app.core.hub import HubClient
    from app.core.library import ModelLibrary
    from app.core.presets import PresetStore
    from app.core.runtime import ModelRuntime

    hardware = Later(survey)
    settings = SettingsStore(paths.settings_file)
    theme = Theme(parent=parent)
    look = settings.current.appearance
    theme.apply(app)
    theme.choose(look.theme, look.font_size)
    icons = Icons(theme)
    worker = Worker(parent)
    notifier = Notifier(icons, parent)
    worker.unhandled.connect(notifier.error)
    worker.crashed.connect(notifier.report)
    store = ConversationStore(paths.conversations)
    presets = PresetStore(paths.presets_dir)
    library = ModelLibrary(paths, settings)
    runtime = ModelRuntime(settings)
    return AppContext(
        paths=paths,
        settings=settings,
        store=store,
        presets=presets,
        chat=ChatService(store, runtime, presets, settings),
        library=library,
        runtime=runtime,
        hub=HubClient(settings, paths),
        catalogue=Catalogue(),
        downloads=DownloadManager(paths, settings, library),
        later_hardware=hardware,
        theme=theme,
        icons=icons,
        worker=worker,
        bridge=Bridge(parent),
        notifier=notifier,
    )


def close_context(context: AppContext) -> None:
    """End everything in order: no more events, engines, work, downloads, then the database.

    Engines go first among those that work, so that threads waiting for a token come back; the
    database goes last, so that what they leave is still kept.
    """
    context.bridge.close()
    for end in (
        context.runtime.close,
        lambda: context.worker.close(CLOSE_SECONDS),
        context.downloads.close,
        context.hub.close,
        context.store.close,
    ):
        try:
            end()
        except Exception:
            log.exception("could not close a part")


class Program(QObject):
    """The running window and its parts."""

    def __init__(self, app: QApplication, paths: AppPaths) -> None:
        super().__init__()
        self.context = build_context(app, paths, parent=self)
        self.window = MainWindow(self.context)
        self._closed = False

    def start(self) -> None:
        """Show the window, then begin what takes longer than a blink."""
        context = self.context
        self.window.open_first_page()
        self.window.show()
        context.worker.run(context.library.scan, done=lambda _: self.window.library_scanned())
        context.worker.run(context.downloads.start)
        context.worker.run(context.store.purge_trash)
        problems = (context.settings.problem, context.store.problem, *context.presets.problems)
        for problem in problems:
            if problem is not None:
                context.notifier.error(problem)

    def close(self) -> None:
        """End everything; a second call does nothing."""
        if not self._closed:
            self._closed = True
            close_context(self.context)

    def report(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """A defect in the GUI thread: log it, tell the person, go on."""
        if issubclass(kind, KeyboardInterrupt):
            self.window.close()
            return
        log.error("unexpected failure in the window", exc_info=(kind, error, trace))
        self.context.notifier.report(error)


def qt_message(kind: QtMsgType, context: object, text: str) -> None:
    """Qt's own messages belong in the log."""
    levels = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.WARNING,
    }
    qt_log.log(levels.get(kind, logging.ERROR), "%s", text)


def main(argv: Sequence[str] = ()) -> int:
    """Run the window until it is closed; answers the exit status."""
    if not has_display():
        sys.stderr.write(_NO_DISPLAY)
        return 1
    paths = app_paths()
    logs: Logs = setup(paths)
    qInstallMessageHandler(qt_message)
    app = QApplication(["corral", *argv])
    app.setApplicationName("Corral")
    app.setDesktopFileName("corral")
    if QLocale.system().language() == QLocale.Language.C:
        # "C" groups no thousands; British English does, and counts 24 hours.
        QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    app.setWindowIcon(QIcon(str(resource("brand/app-icon.svg"))))
    program = Program(app, paths)
    sys.excepthook = program.report
    program.start()
    try:
        return app.exec()
    finally:
        program.close()
        sys.excepthook = sys.__excepthook__
        qInstallMessageHandler(None)
        logs.close()
