"""Bring models in and keep the disk tidy: other programs, imports, duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.duplicates import Duplicate, Linked, find_duplicates, link_duplicates
from app.core.errors import AppError
from app.core.library_programs import FoundProgram, use_programs
from app.core.library_types import LocalModel
from app.gui import formatting
from app.gui.duplicates_question import DuplicatesQuestion
from app.gui.import_panel import ImportPanel
from app.gui.library_progress import Progress
from app.gui.worker import Task

if TYPE_CHECKING:
    from app.gui.context import AppContext


class LibraryUpkeep(QObject):
    """Looks off the GUI thread, asks, then does it."""

    working = Signal(str)
    """What is going on; "" when it is over. `cancel` ends it."""
    imported = Signal(object)
    """A LocalModel that was taken up."""
    changed = Signal()

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._window = window
        self._task: Task | None = None
        self._progress = Progress(self)
        self._progress.moved.connect(self._moved)

    def cancel(self) -> None:
        """Break off what is going on."""
        if self._task is not None:
            self._task.cancel()
        self._end()

    def _end(self) -> None:
        self._task = None
        self._progress.end()
        self.working.emit("")

    def _failed(self, error: AppError) -> None:
        self._end()
        self._context.notifier.error(error)

    # Other programs

    def look_for_programs(self) -> None:
        """Find models of other programs, and ask once whether to use them."""
        if self._task is not None:
            return
        self.working.emit(self.tr("Looking for models of other programs"))
        self._task = self._context.worker.run(
            self._context.library.find_programs, done=self._programs_found, failed=self._failed
        )

    def _programs_found(self, found: Sequence[FoundProgram]) -> None:
        self._end()
        if not found:
            self._context.notifier.toast(self.tr("No further models of other programs were found"))
            return
        self._context.notifier.confirm(
            self.tr("Use the models of other programs?"),
            programs_words(found),
            self.tr("Use them"),
            lambda yes: self._use(found) if yes else None,
        )

    def _use(self, found: Sequence[FoundProgram]) -> None:
        context = self._context

        def work() -> None:
            use_programs(context.settings, found)
            context.library.scan()

        self.working.emit(self.tr("Reading the models"))
        self._task = context.worker.run(work, done=partial(self._used, found), failed=self._failed)

    def _used(self, found: Sequence[FoundProgram], _: None) -> None:
        self._end()
        programs = ", ".join(dict.fromkeys(each.program for each in found))
        words = self.tr("The models of %1 are in the list now").replace("%1", programs)
        self._context.notifier.toast(words)
        self.changed.emit()

    # Importing

    def choose_files(self) -> None:
        """Ask for files, then show what importing them would do."""
        dialog = QFileDialog(self._window, self.tr("Import model files"), str(Path.home()))
        dialog.setNameFilter(self.tr("Models (*.gguf)"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        self._open(dialog)

    def choose_folder(self) -> None:
        """Ask for a folder, then show what importing its models would do."""
        dialog = QFileDialog(self._window, self.tr("Import a folder of models"), str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._open(dialog)

    def _open(self, dialog: QFileDialog) -> None:
        dialog.filesSelected.connect(lambda texts: self.ask_import([Path(each) for each in texts]))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_import(self, paths: Sequence[Path]) -> None:
        """Show what importing files and folders would do."""
        panel = ImportPanel(self._context, self._window.window(), paths, self._imported)
        panel.ask()

    def _imported(self, models: Sequence[LocalModel]) -> None:
        self.changed.emit()
        if models:
            self.imported.emit(models[0])

    # Duplicates

    def find_duplicates(self) -> None:
        """Look for files that are on a disk more than once."""
        if self._task is not None:
            return
        self._moved(0.0)
        cancel = self._progress.begin()
        library, report = self._context.library, self._progress.report
        self._task = self._context.worker.run(
            lambda: find_duplicates(library.models(), library.records, report, cancel.is_set),
            done=self._duplicates_found,
            failed=self._failed,
            cancel=cancel,
        )

    def _moved(self, fraction: float) -> None:
        text = self.tr("Comparing files of the same size, %1")
        self.working.emit(text.replace("%1", formatting.percent(fraction)))

    def _duplicates_found(self, found: Sequence[Duplicate]) -> None:
        self._end()
        worth = [each for each in found if each.freed(also_theirs=True)]
        if not worth:
            self._context.notifier.toast(self.tr("There is nothing to link: no file is twice here"))
            return
        window = self._window.window()
        DuplicatesQuestion(self._context.icons, window, worth, partial(self._link, worth)).ask()

    def _link(self, found: Sequence[Duplicate], also_theirs: bool) -> None:
        library = self._context.library
        cancel, report = self._progress.begin(), self._progress.report

        def work() -> Linked:
            library.keep_names(copy.listed for each in found for copy in each.copies)
            try:
                return link_duplicates(
                    found, library.records, report, cancel.is_set, also_theirs=also_theirs
                )
            finally:
                library.scan()

        self.working.emit(self.tr("Linking"))
        self._task = self._context.worker.run(
            work, done=self._linked, failed=self._failed, cancel=cancel
        )

    def _linked(self, linked: Linked) -> None:
        self._end()
        if linked.freed or not linked.problems:
            self._context.notifier.toast(
                self.tr("%1 are free now").replace("%1", formatting.file_size(linked.freed))
            )
        for problem in linked.problems[:1]:  # the log has all of them
            self._context.notifier.error(problem)
        self.changed.emit()


def _tr(text: str) -> str:
    return QCoreApplication.translate("library", text)


def programs_words(found: Sequence[FoundProgram]) -> str:
    """What was found, and what using it means."""
    totals: dict[str, tuple[int, int]] = {}
    for each in found:
        count, size = totals.get(each.program, (0, 0))
        totals[each.program] = (count + each.count, size + each.size)
    parts = []
    for program, (count, size) in totals.items():
        words = _tr("%1 has 1 model (%2)") if count == 1 else _tr("%1 has %3 models (%2)")
        words = words.replace("%1", program).replace("%2", formatting.file_size(size))
        parts.append(words.replace("%3", formatting.number(count)))
    rest = _tr("Corral can use them where they lie. Nothing of them is moved, changed or deleted.")
    return f"{', '.join(parts)}. {rest}"
