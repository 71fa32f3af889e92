"""What the drawer of My models shows of files, notes and sampling, and keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from msgspec import structs
from PySide6.QtCore import QObject

from app.core.checksums import Cancelled, FileCheck, verify
from app.core.checksums import Progress as Told
from app.core.errors import AppError
from app.core.library_types import LocalModel
from app.core.model_files import ModelFiles, files_of
from app.core.model_updates import is_replaceable
from app.gui.library_drawer import LibraryDrawer
from app.gui.library_progress import Progress
from app.gui.library_template_keeper import TemplateKeeper
from app.gui.name_question import NameQuestion
from app.gui.worker import Task
from backends.types import SamplingParams

if TYPE_CHECKING:
    from app.gui.context import AppContext

T = TypeVar("T")


class ModelKeeper(QObject):
    """Fills the tabs of the drawer for one model at a time, off the GUI thread."""

    def __init__(self, context: AppContext, drawer: LibraryDrawer, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._drawer = drawer
        self._model: LocalModel | None = None
        self._reading: Task | None = None
        self._verifying: Task | None = None
        self._template = TemplateKeeper(context, drawer.template, self)
        self._progress = Progress(self)
        self._progress.moved.connect(drawer.files.show_progress)
        drawer.files.verify_asked.connect(self._verify)
        drawer.files.cancel_asked.connect(self._cancel)
        drawer.files.again_asked.connect(self._fetch_again)
        drawer.sampling.changed.connect(self._sampling_changed)
        drawer.notes.note_changed.connect(self._note)
        drawer.notes.tags_changed.connect(self._tag)
        drawer.notes.variant_asked.connect(lambda: self.ask_variant(self._model))

    def show_model(self, model: LocalModel) -> None:
        """Another model is in the drawer, or the same in another state."""
        if self._model is not None and self._model.id != model.id:
            self._cancel()
        self._model = model
        self._template.show_model(model)
        self._drawer.files.set_replaceable(is_replaceable(model))
        chosen = self._context.settings.current.models.sampling.get(model.id)
        self._drawer.sampling.show_values(chosen)
        if model.present and not model.is_remote:  # a drive that hangs would keep a thread
            self._read(model)
        else:
            self._drawer.show_files(None)

    def flush(self) -> None:
        """Keep what was typed a moment ago."""
        self._drawer.notes.flush()

    # Files

    def _read(self, model: LocalModel) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._drawer.show_files(None)
        self._reading = self._context.worker.run(
            files_of,
            model,
            self._context.library.records,
            done=self._drawer.show_files,
            failed=self._context.notifier.error,
        )

    def _verify(self) -> None:
        model = self._model
        if model is None or self._verifying is not None:
            return
        self._drawer.files.show_progress(0.0)
        cancel = self._progress.begin()
        self._verifying = self._context.worker.run(
            lambda: _verified(self._context, model, self._progress.report, cancel.is_set),
            done=self._verified,
            failed=self._not_verified,
            cancel=cancel,
        )

    def _verified(self, found: tuple[ModelFiles, tuple[FileCheck, ...]]) -> None:
        files, checks = found
        self._end()
        self._drawer.show_files(files)
        self._drawer.files.show_checks(checks)

    def _not_verified(self, error: AppError) -> None:
        self._end()
        self._context.notifier.error(error)

    def _cancel(self) -> None:
        if self._verifying is not None:
            self._verifying.cancel()
            self._end()

    def _end(self) -> None:
        self._verifying = None
        self._progress.end()
        self._drawer.files.show_progress(None)

    def _fetch_again(self) -> None:
        if (model := self._model) is None:
            return
        updates, downloads = self._context.updates, self._context.downloads

        def work() -> None:
            again = updates.again(model)
            downloads.add(again.request, again.root)

        self._context.worker.run(
            work, done=lambda _: self._fetching(model), failed=self._context.notifier.error
        )

    def _fetching(self, model: LocalModel) -> None:
        words = self.tr("%1 is being downloaded again").replace("%1", model.name)
        self._context.notifier.toast(words)

    # What a person says

    def _sampling_changed(self, sampling: SamplingParams | None) -> None:
        if self._model is None:
            return
        settings = self._context.settings
        models = settings.current.models
        kept = _with(models.sampling, self._model.id, sampling)
        try:
            settings.update(models=structs.replace(models, sampling=kept))
        except AppError as error:
            self._context.notifier.error(error)

    def _note(self, model_id: str, text: str) -> None:
        self._run(partial(self._context.library.note, model_id, text))

    def _tag(self, model_id: str, tags: tuple[str, ...]) -> None:
        self._run(partial(self._context.library.tag, model_id, tags))

    def ask_variant(self, model: LocalModel | None) -> None:
        """Ask for the name of a variant of a model, and make it."""
        if model is None:
            return
        name = self.tr("%1, my way").replace("%1", model.name)
        add = self._context.library.add_variant
        question = NameQuestion(
            self._context.icons,
            self._drawer.window(),
            self.tr("Make a variant of “%1”").replace("%1", model.name),
            name,
            lambda text: self._run(partial(add, model.id, text)),
            confirm=self.tr("Make it"),
        )
        question.open(question.field)

    def _run(self, work: Callable[[], object]) -> None:
        self._context.worker.run(work, failed=self._context.notifier.error)


def _with(old: Mapping[str, T], key: str, value: T | None) -> dict[str, T]:
    others = {each: kept for each, kept in old.items() if each != key}
    return others if value is None else {**others, key: value}


def _verified(
    context: AppContext, model: LocalModel, progress: Told, cancelled: Cancelled
) -> tuple[ModelFiles, tuple[FileCheck, ...]]:
    records = context.library.records
    checks = verify(model.files, records, progress, cancelled)
    return files_of(model, records), checks
