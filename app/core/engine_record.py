"""What is remembered of engines: which one loaded a model last, and which ones failed."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from app.core.errors import StorageError
from app.core.files import locked, write_atomically
from app.core.kept_json import load_json

log = logging.getLogger(__name__)


class _File(Struct, frozen=True):
    version: int = 1
    served: dict[str, str] = {}
    """The engine that loaded a model last, by the model's id."""
    passed_over: dict[str, tuple[str, ...]] = {}
    """Engines that could not load a model that an earlier one loads, by the model's id."""
    reasons: dict[str, dict[str, str]] = {}
    """Why, in a sentence: by the model's id, then the engine's."""
    crashed: tuple[str, ...] = ()
    """Engines whose best code for the processor used an instruction that it does not have."""


class EngineRecord:
    """The record, in one file. Thread-safe.

    A file that is lost costs a fruitless attempt and nothing else; where it cannot be written the
    record holds until the program ends.
    """

    def __init__(self, path: Path | None = None) -> None:
        """`path` None keeps it in memory only."""
        self._path = path
        self._lock = threading.Lock()
        self._file = _read(path)

    def last_served(self, model_id: str) -> str | None:
        """The id of the engine that loaded the model last."""
        return self._file.served.get(model_id)

    def passed_over(self, model_id: str) -> tuple[str, ...]:
        """Ids of engines that cannot load the model though an earlier one can."""
        return self._file.passed_over.get(model_id, ())

    def reason(self, model_id: str, engine_id: str) -> str:
        """Why an engine is passed over for a model; "" where that is not known."""
        return self._file.reasons.get(model_id, {}).get(engine_id, "")

    def models_passed(self, engine_id: str) -> dict[str, str]:
        """Why an engine is passed over, by the id of the model."""
        passed = [each for each, ids in self._file.passed_over.items() if engine_id in ids]
        return {model_id: self.reason(model_id, engine_id) for model_id in passed}

    def crashed(self, engine_id: str) -> bool:
        """Whether its best code for the processor does not suit it."""
        return engine_id in self._file.crashed

    def relied_on(self) -> frozenset[str]:
        """Ids of engines that load a model which another one cannot load."""
        file = self._file
        return frozenset(file.served[each] for each in file.passed_over if each in file.served)

    def note_served(self, model_id: str, engine_id: str) -> None:
        """An engine loaded a model."""
        if self.last_served(model_id) != engine_id:
            self._write(
                lambda file: structs.replace(file, served=file.served | {model_id: engine_id})
            )

    def note_passed_over(self, model_id: str, engine_id: str, why: str = "") -> None:
        """An engine could not load a model, but an earlier one did. `why` is a sentence."""
        found = (*self.passed_over(model_id), engine_id)

        def change(file: _File) -> _File:
            reasons = file.reasons.get(model_id, {}) | {engine_id: why}
            return structs.replace(
                file,
                passed_over=file.passed_over | {model_id: found},
                reasons=file.reasons | {model_id: reasons},
            )

        self._write(change)

    def note_crashed(self, engine_id: str) -> None:
        """An engine used an instruction that the processor does not have."""
        if not self.crashed(engine_id):
            self._write(lambda file: structs.replace(file, crashed=(*file.crashed, engine_id)))

    def forget(self, engine_id: str) -> None:
        """What an engine could not do is no longer known: another one has its id, or it is gone."""

        def change(file: _File) -> _File:
            passed_over = {
                model_id: tuple(each for each in engines if each != engine_id)
                for model_id, engines in file.passed_over.items()
            }
            reasons = {
                model_id: {key: why for key, why in known.items() if key != engine_id}
                for model_id, known in file.reasons.items()
            }
            crashed = tuple(each for each in file.crashed if each != engine_id)
            return structs.replace(file, passed_over=passed_over, reasons=reasons, crashed=crashed)

        if change(self._file) != self._file:
            self._write(change)

    def _write(self, change: Callable[[_File], _File]) -> None:
        with self._lock:
            if self._path is None:
                self._file = change(self._file)
                return
            try:
                with locked(self._path):
                    self._file = change(_read(self._path) if self._path.exists() else self._file)
                    write_atomically(
                        self._path, msgspec.json.format(msgspec.json.encode(self._file))
                    )
            except StorageError as error:
                self._file = change(self._file)
                log.warning("what was learned of engines is not kept: %s", error)


def _read(path: Path | None) -> _File:
    try:
        return (load_json(path, _File) if path else None) or _File()
    except StorageError as error:
        log.warning("what was learned of engines is not known now: %s", error)
        return _File()
