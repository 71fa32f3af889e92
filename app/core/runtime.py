"""Loaded models: one engine child for each."""

import copy
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from msgspec import structs

from app.core.engine import EngineProcess
from app.core.engine_errors import refusal
from app.core.engine_link import EngineClosed
from app.core.errors import AppError, EngineDied, ModelError
from app.core.events import EventHook
from app.core.hardware import HardwareSurvey, MemorySnapshot, memory_snapshot, survey
from app.core.library_types import LocalModel
from app.core.load_plan import (
    LoadPlan,
    NotEnoughMemory,
    check_settings,
    chosen_config,
    plan_load,
)
from app.core.settings import SettingsStore
from backends.errors import BackendError
from backends.types import LoadConfig, ModelInfo

__all__ = ["LoadStopped", "LoadedModel", "ModelRuntime", "NotEnoughMemory", "backend_for"]

LoadState = Literal["loading", "ready", "stopped"]

log = logging.getLogger(__name__)


class LoadStopped(ModelError):
    """The load was cancelled, or the model ejected before it was ready."""

    code: ClassVar[str] = "load_cancelled"


@dataclass(eq=False)
class LoadedModel:
    """A model in an engine of its own. Written by `ModelRuntime` only; read by anybody."""

    model: LocalModel
    config: LoadConfig
    """Settings in force."""
    engine: EngineProcess
    wanted: LoadConfig
    """Settings asked for; what was left open there is filled in in `config`."""
    need: int = 0
    """Bytes it is estimated to take; 0 where nobody knows."""
    state: LoadState = "loading"
    fraction: float = 0.0
    """Loaded part of the file, 0 to 1."""
    info: ModelInfo | None = None
    error: AppError | None = None
    """Why it stopped."""
    settled: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set when it is no longer loading."""

    @property
    def claimed_bytes(self) -> int:
        """What it takes of the memory that the system calls available.

        Its weights, which the system could read again, and while it is loading what is to come.
        """
        coming = self.need - self.engine.resident_bytes if self.state == "loading" else 0
        return self.engine.mapped_bytes + max(0, coming)


def backend_for(model: LocalModel) -> str:
    """Name of the engine that runs `model`."""
    if model.path.suffix == ".scripted":
        return "scripted"
    return "mlx" if model.format == "mlx" else "llamacpp"


class ModelRuntime:
    """Loads, ejects and lists models. Thread-safe.

    Hooks:
        changed: model id; on progress, ready, died, ejected.
        engine_died: a ready model's engine ended by itself; its `error` says why.
    """

    def __init__(
        self,
        settings_store: SettingsStore,
        hardware: HardwareSurvey | None = None,
        *,
        backend_for: Callable[[LocalModel], str] = backend_for,
    ) -> None:
        """`hardware` None is looked up at the first load."""
        self.changed: EventHook[[str]] = EventHook()
        self.engine_died: EventHook[[LoadedModel]] = EventHook()
        self._settings = settings_store
        self._hardware = hardware
        self._backend_for = backend_for
        self._planning = threading.Lock()
        """Held from judging the memory until the load counts in it."""
        self._lock = threading.Lock()
        """Guards what follows, and the state of every `LoadedModel` in it."""
        self._models: dict[str, LoadedModel] = {}
        self._closed = False

    def load(
        self,
        model: LocalModel,
        config: LoadConfig | None = None,
        *,
        on_progress: Callable[[float], object] | None = None,
        force: bool = False,
    ) -> LoadedModel:
        """Load `model` and wait until it is ready.

        A model that is loading or loaded already is returned as it is when `config` is None or
        the same; with another `config` it is ejected and loaded anew. `config` None takes what
        the person set for this model, and what suits this computer. `on_progress` gets the loaded
        fraction in the calling thread.

        Raises:
            NotEnoughMemory: the estimate exceeds free memory and `force` is False.
            LoadStopped: `cancel_load` or `eject` was called meanwhile.
            EngineDied: the engine crashed while loading.
            ModelError: any other reason, with a remedy.
        """
        with self._planning:
            present = self._alive(model.id)
            if present is None or config not in (None, present.wanted, present.config):
                entry = self._plan(model, config, force=force, present=present)
                self._admit(entry, present)
            else:
                entry = present
        if entry is present:
            return self._join(present)
        self.changed(model.id)
        try:
            problem = self._fill(entry, on_progress)
        except BaseException:
            self._drop(entry, LoadStopped("The load was broken off"))
            raise
        if problem is not None:
            self._drop(entry, problem)
            raise problem
        self.changed(model.id)
        return entry

    def cancel_load(self, model_id: str) -> None:
        """Stop a load that is under way; anything else is left alone."""
        entry = self.get(model_id)
        if entry is not None and entry.state == "loading":
            self._remove(entry)

    def eject(self, model_id: str) -> None:
        """End the model's engine, which gives its memory back. Answers end as cancelled."""
        entry = self.get(model_id)
        if entry is not None:
            self._remove(entry)

    def get(self, model_id: str) -> LoadedModel | None:
        """The model if it is loading, ready, or has stopped by itself. Quick."""
        with self._lock:
            return self._models.get(model_id)

    def loaded(self) -> tuple[LoadedModel, ...]:
        """All that are loading or ready, oldest first. Quick."""
        with self._lock:
            return tuple(each for each in self._models.values() if each.state != "stopped")

    def idle(self, seconds: float) -> tuple[LoadedModel, ...]:
        """The ready ones that did nothing for at least `seconds`. Quick."""
        ready = [each for each in self.loaded() if each.state == "ready"]
        return tuple(each for each in ready if each.engine.idle_seconds >= seconds)

    def free_memory(self, besides: str | None = None) -> MemorySnapshot:
        """The main memory that a load is judged by. Quick.

        What loaded and loading models claim counts as taken, but for the model `besides`, an id:
        that is about to be loaded anew.
        """
        memory = memory_snapshot()
        claimed = sum(each.claimed_bytes for each in self.loaded() if each.model.id != besides)
        return structs.replace(memory, available=max(0, memory.available - claimed))

    def close(self) -> None:
        """Eject everything; later loads are refused."""
        with self._lock:
            self._closed = True
            entries = tuple(self._models.values())
        for entry in entries:
            self._remove(entry)

    def _alive(self, model_id: str) -> LoadedModel | None:
        entry = self.get(model_id)
        return None if entry is None or entry.state == "stopped" else entry

    def _plan(
        self,
        model: LocalModel,
        config: LoadConfig | None,
        *,
        force: bool,
        present: LoadedModel | None,
    ) -> LoadedModel:
        settings = self._settings.current
        wanted = chosen_config(model, config, settings)
        backend = self._backend_for(model)
        if backend == "llamacpp":
            if self._hardware is None:
                self._hardware = survey()
            plan = plan_load(
                model,
                wanted,
                settings,
                self._hardware,
                self.free_memory(besides=model.id),
                force=force,
                replaced=None if present is None else present.config,
            )
        else:
            check_settings(wanted)
            plan = LoadPlan(wanted, 0)
        return LoadedModel(model, plan.config, EngineProcess(backend), wanted, plan.need)

    def _admit(self, entry: LoadedModel, present: LoadedModel | None) -> None:
        """Make `entry` the one of its model, in place of `present`."""
        if present is not None:
            self._remove(present)
        entry.engine.died.connect(lambda death: self._on_died(entry, death))
        with self._lock:
            if self._closed:
                raise EngineClosed("The model cannot be loaded", "Corral is closing.")
            self._models[entry.model.id] = entry

    def _fill(
        self, entry: LoadedModel, on_progress: Callable[[float], object] | None
    ) -> ModelError | None:
        """Load the model; what went wrong, if something did."""

        def report(fraction: float) -> bool:
            entry.fraction = fraction
            self.changed(entry.model.id)
            if on_progress is not None:
                on_progress(fraction)
            return True

        try:
            entry.engine.start()
            info = entry.engine.load(str(entry.model.path), entry.config, report)
        except BackendError as error:
            return refusal(error)
        except EngineClosed:
            return _stopped(entry)
        except ModelError as error:
            return error
        with self._lock:
            if self._models.get(entry.model.id) is not entry:
                return _stopped(entry)
            if isinstance(entry.error, EngineDied):
                return entry.error
            entry.info, entry.fraction, entry.state = info, 1.0, "ready"
        entry.settled.set()
        log.info("%s is loaded: %s", entry.model.name, entry.config)
        return None

    def _join(self, entry: LoadedModel) -> LoadedModel:
        """Wait for a load that another thread does."""
        entry.settled.wait()
        if entry.state == "ready":
            return entry
        raise copy.copy(entry.error) if entry.error is not None else _stopped(entry)

    def _remove(self, entry: LoadedModel) -> None:
        self._drop(entry, entry.error)

    def _drop(self, entry: LoadedModel, problem: AppError | None) -> None:
        with self._lock:
            if self._models.get(entry.model.id) is entry:
                del self._models[entry.model.id]
            entry.state = "stopped"
            entry.error = entry.error or problem
        entry.engine.close()
        entry.settled.set()
        self.changed(entry.model.id)

    def _on_died(self, entry: LoadedModel, death: EngineDied) -> None:
        """Keep a ready model that died in sight; a dying load tells its own caller."""
        with self._lock:
            was_ready = entry.state == "ready"
            entry.error = death
            if was_ready:
                entry.state = "stopped"
        if was_ready:
            log.error("%s: %s", entry.model.name, death)
            self.engine_died(entry)
            self.changed(entry.model.id)


def _stopped(entry: LoadedModel) -> LoadStopped:
    return LoadStopped(
        f"{entry.model.name} was not loaded", "The load was cancelled.", "Load it when you want."
    )
