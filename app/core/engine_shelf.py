"""Which engine runs a model: the newest or the chosen one, unless another is known to do better.

After a load that failed it says what to try next: the most cautious code for the processor where
the best one does not suit it, and the engine that loaded this model before.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.core.engine_record import EngineRecord
from app.core.errors import EngineDied
from app.core.installed_engines import (
    AUTOMATIC,
    InstalledEngine,
    in_order,
    installed_engines,
)
from backends.errors import (
    BackendError,
    BadLoadSetting,
    LoadCancelled,
    ModelFileMissing,
    OutOfMemory,
)

log = logging.getLogger(__name__)

WRONG_PROCESSOR = "wrong_processor"
"""`EngineDied.cause` of an instruction that the processor does not have."""

_NOT_THE_ENGINES_FAULT = (BadLoadSetting, LoadCancelled, ModelFileMissing, OutOfMemory)


@dataclass(frozen=True)
class EngineChoice:
    """An engine and how it is run."""

    engine: InstalledEngine
    code: str = ""
    """Its code for the processor; "" is the best."""
    instead_of: str = ""
    """Id of an engine that could not load this model."""
    why: str = ""
    """Why that one could not, in a sentence."""
    note: str = ""
    """What a person should know of this choice; a sentence or two."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What tells a child of it."""
        return self.engine.environment(self.code)


class EngineShelf:
    """The installed engines and what was learned of them. Thread-safe."""

    def __init__(
        self,
        places: Iterable[Path] = (),
        record: EngineRecord | None = None,
        find: Callable[[Iterable[Path]], tuple[InstalledEngine, ...]] = installed_engines,
    ) -> None:
        """`places` are folders of engines; `record` None learns for this run only."""
        self._places = tuple(places)
        self._record = record or EngineRecord()
        self._find = find

    def engines(self) -> tuple[InstalledEngine, ...]:
        """All that can be used now, the best first; looks anew, a few milliseconds."""
        return self._find(self._places)

    def forget(self, engine_id: str) -> None:
        """What was learned of an engine that is replaced or gone does not count any more."""
        self._record.forget(engine_id)

    def is_passed_over(self, model_id: str) -> bool:
        """Whether some engine could not load a model that another one loads. Quick."""
        return bool(self._record.passed_over(model_id))

    def models_passed(self, engine_id: str) -> Mapping[str, str]:
        """Why an engine is passed over, in sentences by the model's id; "" is unknown. Quick."""
        return self._record.models_passed(engine_id)

    def choose(
        self, model_id: str, code: str = AUTOMATIC, wanted: str = AUTOMATIC
    ) -> EngineChoice | None:
        """What shall run a model; None where there is no engine.

        `code` and `wanted` are the person's settings: the code for the processor, and the key of
        the engine.
        """
        engines = in_order(self.engines(), wanted)
        passed_over = self._record.passed_over(model_id)
        usable = [each for each in engines if each.id not in passed_over] or [*engines]
        if engines and engines[0].id in passed_over:
            served = self._record.last_served(model_id)
            usable.sort(key=lambda each: each.id != served)
        if not usable:
            return None
        chosen = usable[0]
        notes = []
        if wanted not in (AUTOMATIC, engines[0].key):
            notes.append(gone(wanted, chosen))
        if chosen.id != engines[0].id:
            why = self._record.reason(model_id, engines[0].id)
            notes.append(_fell_back(engines[0], chosen, why))
        return EngineChoice(chosen, self._code(chosen, code), note=" ".join(notes))

    def after_failure(
        self, model_id: str, failed: EngineChoice, error: Exception, code: str = AUTOMATIC
    ) -> EngineChoice | None:
        """What to try after a load failed with `error`; None where nothing else may help."""
        cautious = next(iter(failed.engine.variants), "")
        if is_wrong_processor(error) and cautious != failed.code:
            self._record.note_crashed(failed.engine.id)
            return EngineChoice(
                failed.engine, cautious, failed.instead_of, failed.why, _too_bold(cautious)
            )
        served = self._record.last_served(model_id)
        if served in (None, failed.engine.id) or not _is_engines_fault(error):
            return None
        earlier = next((each for each in self.engines() if each.id == served), None)
        if earlier is None:
            return None
        log.warning("%s cannot load %s: %s", failed.engine.id, model_id, error)
        why = _sentence(error)
        note = _fell_back(failed.engine, earlier, why)
        return EngineChoice(earlier, self._code(earlier, code), failed.engine.id, why, note)

    def note_loaded(self, model_id: str, choice: EngineChoice) -> None:
        """A model was loaded: its next load begins with the same engine."""
        if choice.instead_of:
            self._record.note_passed_over(model_id, choice.instead_of, choice.why)
        self._record.note_served(model_id, choice.engine.id)

    def note_death(self, choice: EngineChoice, error: EngineDied) -> None:
        """The engine of a loaded model ended by itself."""
        if is_wrong_processor(error) and choice.code != next(iter(choice.engine.variants), ""):
            self._record.note_crashed(choice.engine.id)

    def _code(self, engine: InstalledEngine, wanted: str) -> str:
        if wanted in engine.variants:
            return wanted
        return engine.variants[0] if engine.variants and self._record.crashed(engine.id) else ""


def is_wrong_processor(error: Exception) -> bool:
    """Whether an engine ended at an instruction that the processor does not have."""
    return isinstance(error, EngineDied) and error.cause == WRONG_PROCESSOR


def _is_engines_fault(error: Exception) -> bool:
    """Whether another engine may load what this one did not."""
    if isinstance(error, EngineDied):
        return not error.for_memory
    return isinstance(error, BackendError) and not isinstance(error, _NOT_THE_ENGINES_FAULT)


def gone(wanted: str, instead: InstalledEngine) -> str:
    """What to say where the engine that was chosen is not there."""
    return f"The engine that was chosen, {wanted}, is not installed, so {instead.name} runs."


def _fell_back(newer: InstalledEngine, earlier: InstalledEngine, why: str) -> str:
    told = (
        f"The engine {newer.name} could not load this model, so {earlier.name} runs it, "
        "with which it loaded before."
    )
    return f"{told} What went wrong: {why}" if why else told


def _sentence(error: Exception) -> str:
    """What went wrong, without what to do: that is done already."""
    told = error.message if isinstance(error, BackendError) else f"{error}"
    return told if told.endswith(".") else f"{told}."


def _too_bold(code: str) -> str:
    return (
        "The engine's best code for this processor used an instruction that it does not have, so "
        f"the most cautious one ({code}) runs, which is slower. The settings can name another."
    )
