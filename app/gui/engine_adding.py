"""Adding an engine: read it, ask, unpack it, with progress and a way to break it off."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.checksums import Broken
from app.core.engine_adding import add_engine
from app.core.engine_packs import SUFFIX, EnginePack, read_pack
from app.core.errors import AppError
from app.core.installed_engines import InstalledEngine, engine_places
from app.core.update_source import load_source
from app.gui.engine_words import question_text, question_title
from app.gui.formatting import error_words
from app.gui.library_progress import Progress
from app.gui.worker import CancelFlag
from backends.engine_folder import MANIFEST

if TYPE_CHECKING:
    from app.gui.context import AppContext


class EngineAdding(QObject):
    """One engine at a time."""

    reading = Signal()
    """A file is looked at."""
    unpacking = Signal()
    """It is to be added, and can be broken off."""
    moved = Signal(float)
    """The fraction that is unpacked."""
    added = Signal(object)
    """The InstalledEngine."""
    ended = Signal(str)
    """Nothing was added; why, "" where the person did not want it."""

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._window = window
        self.busy = False
        """Whether one is being read or unpacked."""
        self._stop: CancelFlag | None = None
        """Ends the unpacking that is under way."""
        self._progress = Progress(self)
        self._progress.moved.connect(self.moved)

    def browse(self) -> None:
        """Ask for a file; engine.json stands for its folder."""
        dialog = QFileDialog(self._window, self.tr("Add an engine"), str(Path.home()))
        dialog.setNameFilter(self.tr("Engines (%1)").replace("%1", f"*{SUFFIX} {MANIFEST}"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda text: self.begin(Path(text)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def begin(self, path: Path, *, ask: bool = False) -> None:
        """Look at a file; `ask` also where Corral's makers vouch for it."""
        if self.busy:
            return
        self.busy = True
        self.reading.emit()
        self._context.worker.run(
            _read, path, done=partial(self._read, ask=ask), failed=self._failed
        )

    def stop(self) -> None:
        """Break off what is unpacked."""
        if self._stop is not None:
            self._stop.set()

    def _read(self, pack: EnginePack, *, ask: bool) -> None:
        if pack.signed and not ask:
            self._answered(pack, yes=True)
            return
        self._context.notifier.confirm(
            question_title(pack),
            question_text(pack),
            self.tr("Add"),
            lambda yes: self._answered(pack, yes=yes),
            danger=not pack.signed,
        )

    def _answered(self, pack: EnginePack, *, yes: bool) -> None:
        if not yes:
            self._end("")
            return
        closed, report = self._progress.begin(), self._progress.report
        stop = self._stop = CancelFlag()
        self.unpacking.emit()
        places, runtime = engine_places(self._context.paths), self._context.runtime

        def work() -> InstalledEngine:
            engine = add_engine(pack, places, report, lambda: stop.is_set() or closed.is_set())
            runtime.engines.forget(engine.id)
            runtime.look_at_engines()
            return engine

        self._context.worker.run(work, done=self._added, failed=self._failed, cancel=closed)

    def _added(self, engine: InstalledEngine) -> None:
        self._settle()
        self.added.emit(engine)

    def _failed(self, error: AppError) -> None:
        self._end("" if isinstance(error, Broken) else error_words(error))

    def _end(self, why: str) -> None:
        self._settle()
        self.ended.emit(why)

    def _settle(self) -> None:
        self._progress.end()
        self._stop = None
        self.busy = False


def _read(path: Path) -> EnginePack:
    folder = path.parent if path.name == MANIFEST else path
    return read_pack(folder, load_source().by_id())
