"""What can be done with the models on this computer: show, delete, adopt, move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.errors import AppError, StorageError
from app.core.library import LocalModel
from app.core.library_files import size_to_delete
from app.core.removal import remove_model
from app.gui import formatting
from app.gui.library_progress import Progress

if TYPE_CHECKING:
    from app.gui.context import AppContext

PathAction = Callable[[Path], object]


class LibraryActions(QObject):
    """Asks what must be asked, then works off the GUI thread. Failures go to the notifier."""

    working = Signal(str)
    """What is going on; "" when it is over."""
    adopted = Signal(object)
    """The LocalModel that was taken up."""
    changed = Signal()
    """Files were deleted or moved."""

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._window = window
        self._goal = Path()
        self._progress = Progress(self)
        self._progress.moved.connect(self._moved)

    def reveal(self, model: LocalModel) -> None:
        """Open a model's folder in the file manager."""
        folder = model.path if model.format == "mlx" else model.path.parent
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def show_folder(self) -> None:
        """Open the models folder in the file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._context.library.folder)))

    # Deleting

    def ask_delete(self, model: LocalModel) -> None:
        """Delete a model to the trash, after a question. One that is read-only is forgotten."""
        if model.is_remote:
            title = self.tr("Take “%1” off the list?")
            text = self.tr("It stays on its server. Settings, Remote models brings it back.")
            confirm = self.tr("Take off the list")
        elif model.variant_of:
            title = self.tr("Take “%1” off the list?")
            text = self.tr("It is a variant: the files of its model stay, its settings are lost.")
            confirm = self.tr("Take off the list")
        elif forgets(model):
            title = self.tr("Take “%1” off the list?")
            text = self.tr(
                "Its files do not belong to Corral and stay where they are. Adding its folder or "
                "file again brings it back."
            )
            confirm = self.tr("Take off the list")
        else:
            title = self.tr("Delete “%1”?")
            gone = size_to_delete(model, self._context.library.models())
            text = self.tr("%1 go to the trash of this computer. Chats with it are kept.")
            text = text.replace("%1", formatting.file_size(gone))
            if gone < model.disk_size:
                text += " " + self.tr("What other models need too, such as a projector, stays.")
            if any(each.variant_of == model.id for each in self._context.library.models()):
                text += " " + self.tr("Its variants go with it.")
            confirm = self.tr("Delete")
        self._context.notifier.confirm(
            title.replace("%1", model.name),
            text,
            confirm,
            lambda yes: self._delete(model) if yes else None,
            danger=not forgets(model),
        )

    def _delete(self, model: LocalModel) -> None:
        context = self._context

        def work() -> None:
            for each in context.library.models():
                if model.id in (each.id, each.variant_of):
                    context.runtime.eject(each.id)
            remove_model(context.library, context.presets, context.settings, model)

        off, gone = self.tr("“%1” is off the list"), self.tr("“%1” is in the trash")
        said = off if forgets(model) else gone
        done = partial(self._deleted, said.replace("%1", model.name))
        context.worker.run(work, done=done, failed=self._failed)

    def _deleted(self, words: str, _: None) -> None:
        self._context.notifier.toast(words)
        self.changed.emit()

    # Taking up models that are elsewhere

    def choose_file(self) -> None:
        """Ask for a GGUF file and use it where it lies."""
        dialog = QFileDialog(self._window, self.tr("Use a model file"), str(Path.home()))
        dialog.setNameFilter(self.tr("Models (*.gguf)"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._open(dialog, self.adopt)

    def choose_folder(self) -> None:
        """Ask for a folder and use the models in it where they lie."""
        dialog = QFileDialog(self._window, self.tr("Use a folder of models"), str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._open(dialog, self.adopt)

    def adopt(self, path: Path) -> None:
        """Use a file or folder of models in place."""
        self.working.emit(self.tr("Looking at %1").replace("%1", str(path)))
        self._context.worker.run(
            self._context.library.adopt, path, done=self._adopted, failed=self._failed
        )

    def _adopted(self, model: LocalModel) -> None:
        self.working.emit("")
        self.adopted.emit(model)

    # The models folder

    def choose_models_folder(self, *, move: bool) -> None:
        """Ask for another models folder."""
        folder = str(self._context.library.folder)
        dialog = QFileDialog(self._window, self.tr("Models folder"), folder)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._open(dialog, partial(self.change_folder, move=move))

    def change_folder(self, path: Path, *, move: bool) -> None:
        """Use another models folder; `move` takes the models along."""
        self._goal = path
        text = self.tr("Moving the models to %1") if move else self.tr("Looking at %1")
        self.working.emit(text.replace("%1", str(path)))
        cancel, report = self._progress.begin(), self._progress.report
        change = self._context.library.change_folder
        self._context.worker.run(
            lambda: change(path, move, report, cancel.is_set),
            done=self._folder_changed,
            failed=self._failed,
            cancel=cancel,
        )

    def _moved(self, fraction: float) -> None:
        text = self.tr("Moving the models to %1, %2").replace("%1", str(self._goal))
        if fraction:
            self.working.emit(text.replace("%2", formatting.percent(fraction)))

    def _folder_changed(self, left: Sequence[Path]) -> None:
        self._progress.end()
        self.working.emit("")
        if left:
            self._context.notifier.error(files_left(left))
        self.changed.emit()

    def _open(self, dialog: QFileDialog, chosen: PathAction) -> None:
        dialog.fileSelected.connect(lambda text: chosen(Path(text)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _failed(self, error: AppError) -> None:
        self._progress.end()
        self.working.emit("")
        self._context.notifier.error(error)


def forgets(model: LocalModel) -> bool:
    """Whether deleting a model only takes it off the list."""
    return model.read_only or not model.present or bool(model.variant_of)


def files_left(files: Sequence[Path]) -> StorageError:
    """What to say of files that a move could not delete in the old folder."""
    tr = partial(QCoreApplication.translate, "library")
    names = ", ".join(path.name for path in files[:4]) + ("…" if len(files) > 4 else "")
    return StorageError(
        tr("The models were moved, but some files stay in the old folder as well"),
        tr("They may be in use: %1.").replace("%1", names),
        tr("Eject those models, then delete the files in %1.").replace("%1", str(files[0].parent)),
    )
