"""The note in the drawer of My models: which engine runs a model that the usual one cannot load."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.core.library_types import LocalModel
from app.gui.controls.strip import Strip

if TYPE_CHECKING:
    from app.gui.context import AppContext


class EngineNote(QObject):
    """Fills a strip for one model at a time; the disk is asked off the GUI thread."""

    def __init__(self, context: AppContext, strip: Strip, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._strip = context, strip
        self._model_id = ""

    def show_model(self, model: LocalModel) -> None:
        """Another model is in the drawer, or the same in another state."""
        if model.id != self._model_id:
            self._strip.say("")
        self._model_id = model.id
        loaded = self._context.runtime.get(model.id)
        if loaded is not None and loaded.choice is not None:
            self._strip.say(loaded.choice.note)
        elif self._context.runtime.engines.is_passed_over(model.id):
            self._context.worker.run(
                note_of, self._context, model.id, done=partial(self._say, model.id)
            )
        else:
            self._strip.say("")

    def _say(self, model_id: str, note: str) -> None:
        if model_id == self._model_id:
            self._strip.say(note)


def note_of(context: AppContext, model_id: str) -> str:
    """What is to be said of the engine that the next load would take. Touches the disk."""
    engine = context.settings.current.engine
    choice = context.runtime.engines.choose(model_id, engine.cpu_code, engine.engine)
    return choice.note if choice is not None else ""
