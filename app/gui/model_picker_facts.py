"""What the load settings of a model depend on: its header, this computer, what is loaded."""

from dataclasses import dataclass

from app.core.companions import Companions, companions_of
from app.core.gguf_types import GgufHeader
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.room import Held
from app.gui.context import AppContext


@dataclass(frozen=True)
class Facts:
    """What the settings of a model depend on, read off the GUI thread."""

    model: LocalModel
    header: GgufHeader
    hardware: HardwareSurvey
    memory: MemorySnapshot
    held: tuple[Held, ...]
    companions: Companions


class FactReader:
    """Reads facts and keeps the headers it has read. Any thread; blocks."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._headers: dict[tuple[str, int, float], GgufHeader] = {}

    def read(self, model: LocalModel) -> Facts:
        """Everything about one model now. Raises what reading its header raises."""
        runtime, settings = self._context.runtime, self._context.settings.current
        spare = settings.engine.make_room
        held = tuple(each for each in runtime.held() if spare or each.model_id == model.id)
        header = self._header(model)
        memory = runtime.free_memory(look_at_gpus=True)
        companions = companions_of(model, header, self._context.library.models())
        return Facts(model, header, self._context.hardware, memory, held, companions)

    def _header(self, model: LocalModel) -> GgufHeader:
        key = (model.id, model.size, model.added)
        if key not in self._headers:
            self._headers[key] = self._context.library.header(model.id)
        return self._headers[key]
