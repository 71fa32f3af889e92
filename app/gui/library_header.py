"""What the header of the chosen model tells the drawer of My models, and its load settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs
from PySide6.QtCore import QObject

from app.core.auto_fit import default_config
from app.core.companions import companions_of
from app.core.errors import AppError
from app.core.library_types import LocalModel
from app.core.load_plan import remembered_config
from app.gui import formatting
from app.gui.library_defaults import LoadFacts
from app.gui.library_drawer import LibraryDrawer
from app.gui.worker import Task
from backends.types import LoadConfig

if TYPE_CHECKING:
    from app.gui.context import AppContext


class HeaderReader(QObject):
    """Reads one header at a time, off the GUI thread."""

    def __init__(self, context: AppContext, drawer: LibraryDrawer, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._drawer = drawer
        self._shown: LocalModel | None = None
        self._facts: LoadFacts | None = None
        self._task: Task | None = None
        drawer.config_changed.connect(self._config_changed)
        context.bridge.on(context.settings.changed, self._settings_changed)

    def show_model(self, model: LocalModel) -> None:
        """Another model is in the drawer."""
        if self._task is not None:
            self._task.cancel()
        self._shown, self._facts = model, None
        self._show()
        if model.present and not model.problem and model.format == "gguf":
            self._task = self._context.worker.run(
                _load_facts, self._context, model, done=self._read, failed=self._failed
            )

    def _read(self, facts: LoadFacts) -> None:
        self._facts = facts
        self._show()

    def _failed(self, error: AppError) -> None:
        self._drawer.problem.say(formatting.error_words(error))

    def _show(self) -> None:
        if self._shown is not None:
            config = self._context.settings.current.models.load.get(self._shown.id)
            free = self._context.runtime.free_memory(besides=self._shown.id).available
            self._drawer.show_facts(self._shown, self._facts, config, free)

    def _config_changed(self, config: LoadConfig | None) -> None:
        if self._shown is None:
            return
        models = self._context.settings.current.models
        load = {key: value for key, value in models.load.items() if key != self._shown.id}
        if config is not None:
            load[self._shown.id] = remembered_config(config)
        try:
            self._context.settings.update(models=structs.replace(models, load=load))
        except AppError as error:
            self._context.notifier.error(error)
        self._show()

    def _settings_changed(self, _: object) -> None:
        self._show()


def _load_facts(context: AppContext, model: LocalModel) -> LoadFacts:
    """Reads the file and waits for the survey of the hardware."""
    header, hardware = context.library.header(model.id), context.hardware
    engine = context.settings.current.engine
    memory = context.runtime.free_memory(besides=model.id)
    wanted = engine.default_load
    standard = default_config(
        header,
        hardware,
        engine,
        file_size=model.size,
        memory=memory,
        correction=context.runtime.corrections.of(model.id, wanted),
    )
    companions = companions_of(model, header, context.library.models())
    return LoadFacts(header, hardware, standard, model, companions)
