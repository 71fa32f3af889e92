"""Loaded models: one engine child for each."""

import copy
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from msgspec import structs

from app.core.engine import EngineProcess
from app.core.engine_errors import refusal
from app.core.engine_link import EngineClosed
from app.core.engine_shelf import EngineChoice, EngineShelf
from app.core.errors import AppError, EngineDied, ModelError
from app.core.estimate_corrections import EstimateCorrections
from app.core.events import EventHook
from app.core.graphics import offload_apis
from app.core.hardware import (
    HardwareSurvey,
    MemorySnapshot,
    current_gpus,
    memory_snapshot,
    survey,
)
from app.core.idle_watch import IdleWatch
from app.core.library_types import LocalModel
from app.core.load_plan import (
    LoadPlan,
    NotEnoughMemory,
    check_settings,
    chosen_config,
    plan_load,
)
from app.core.loaded_model import LoadedModel, LoadStopped, stopped
from app.core.model_opener import ModelOpener
from app.core.remotes import RemoteStore
from app.core.room import Held, without
from app.core.settings import Settings, SettingsStore
from backends.errors import BackendError
from backends.types import LoadConfig

__all__ = ["LoadStopped", "LoadedModel", "ModelRuntime", "NotEnoughMemory", "backend_for"]

EjectReason = Literal["idle", "room"]
"""Why the program itself ejected a model: nobody used it, or another one needed its memory."""

LONGEST_TTL = 10 * 365 * 86_400.0
"""Seconds without use; more than clocks and calendars count with is for good."""
_JUDGED = ("llamacpp", "mlx")
"""Engines that take memory of this computer, so that a load is judged first."""

log = logging.getLogger(__name__)


def backend_for(model: LocalModel) -> str:
    """Name of the engine that runs `model`."""
    if model.is_remote:
        return "remote"
    if model.path.suffix == ".scripted":
        return "scripted"
    return "mlx" if model.format == "mlx" else "llamacpp"


class ModelRuntime:
    """Loads, ejects and lists models. Thread-safe.

    Hooks:
        changed: model id; on progress, ready, died, ejected.
        engine_died: a ready model's engine ended by itself; its `error` says why.
        put_away: the program ejected a model of its own accord; the model and an `EjectReason`.
    """

    def __init__(
        self,
        settings_store: SettingsStore,
        hardware: HardwareSurvey | None = None,
        *,
        corrections: EstimateCorrections | None = None,
        backend_for: Callable[[LocalModel], str] = backend_for,
        remotes: RemoteStore | None = None,
        kept_conversations: Path | None = None,
        engines: EngineShelf | None = None,
    ) -> None:
        """`hardware` None is looked up at the first load.

        `corrections` is what loads on this computer taught; None begins anew. `remotes` knows how
        to reach servers. `kept_conversations` is the folder for chats that shall be kept on disk;
        without it none are. `engines` are those installed; None is the best one, always.
        """
        self.changed: EventHook[[str]] = EventHook()
        self.engine_died: EventHook[[LoadedModel]] = EventHook()
        self.put_away: EventHook[[LoadedModel, EjectReason]] = EventHook()
        self.corrections = corrections or EstimateCorrections()
        self._settings = settings_store
        self._hardware = hardware
        self._looks_itself = hardware is None
        self._gpus = hardware.usable_gpus if hardware is not None else ()
        self._backend_for = backend_for
        self._surveying = threading.Lock()
        self._remotes = remotes
        self._opener = ModelOpener(remotes, kept_conversations)
        self.engines = engines or EngineShelf()
        """The installed engines and what was learned of them."""
        self._planning = threading.Lock()
        """Held from judging the memory until the load counts in it."""
        self._lock = threading.Lock()
        """Guards what follows, and the state of every `LoadedModel` in it."""
        self._models: dict[str, LoadedModel] = {}
        self._closed = False
        self._watch = IdleWatch(self._eject_idle)
        settings_store.changed.connect(self._settings_changed)

    def load(
        self,
        model: LocalModel,
        config: LoadConfig | None = None,
        *,
        on_progress: Callable[[float], object] | None = None,
        force: bool = False,
        ttl: float | None = None,
    ) -> LoadedModel:
        """Load `model` and wait until it is ready.

        A model that is loading or loaded already is returned as it is when `config` is None or
        the same; with another `config` it is ejected and loaded anew. `config` None takes what
        the person set for this model, and what suits this computer. `on_progress` gets the loaded
        fraction in the calling thread. `ttl` is the seconds without use after which it is ejected:
        0 never, as more than `LONGEST_TTL`, None as the settings say. Where memory is short, idle
        models are ejected first, longest idle first, unless the settings forbid it.

        Raises:
            NotEnoughMemory: the guard rails refuse the estimate and `force` is False.
            LoadStopped: `cancel_load` or `eject` was called meanwhile.
            EngineDied: the engine crashed while loading.
            ModelError: any other reason, with a remedy.
        """
        if ttl is not None and ttl > LONGEST_TTL:
            ttl = 0.0
        with self._planning:
            present = self._alive(model.id)
            if present is None or not (config is None or present.runs_with(config)):
                entry, plan = self._plan(model, config, force=force, present=present)
                entry.ttl = ttl
                self._admit(entry, present)
            else:
                entry, plan = present, None
                entry.ttl = entry.ttl if ttl is None else ttl
        if entry is present:
            self._watch.wake()
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
        self._learn(entry, plan)
        self.changed(model.id)
        self._watch.wake()
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

    def held(self) -> tuple[Held, ...]:
        """What the ready models on this computer would give back, longest idle first. Quick."""
        here = [each for each in self.idle(0) if not each.model.is_remote]
        return tuple(each.held for each in self._by_idleness(here))

    def hardware(self) -> HardwareSurvey:
        """What this computer has; the first call looks and takes as long as `survey`."""
        with self._surveying:
            if self._hardware is None:
                self._hardware = survey()
                self._gpus = self._hardware.usable_gpus
            return self._hardware

    def look_at_engines(self) -> None:
        """Engines came, went or were chosen: cards may be in reach that were not. Milliseconds."""
        if not self._looks_itself or self._hardware is None:
            return
        offload = offload_apis()
        with self._surveying:
            if offload != self._hardware.offload:
                self._hardware = structs.replace(self._hardware, offload=offload)
                self._gpus = self._hardware.usable_gpus

    def free_memory(
        self, besides: str | None = None, *, look_at_gpus: bool = False
    ) -> MemorySnapshot:
        """The memory that a load is judged by. Quick unless it shall `look_at_gpus` anew.

        What loaded and loading models claim counts as taken, but for the model `besides`, an id:
        that is about to be loaded anew. Apple's GPU may use a part of main memory only.
        """
        if look_at_gpus:
            self._gpus = current_gpus(self.hardware())
        hardware = self._hardware
        memory = memory_snapshot()
        claimed = sum(each.claimed_bytes for each in self.loaded() if each.model.id != besides)
        available = max(0, memory.available - claimed)
        if hardware is not None and hardware.unified_limit:
            available = min(available, hardware.unified_limit)
        return structs.replace(memory, available=available, gpus=self._gpus)

    def close(self) -> None:
        """Eject everything; later loads are refused."""
        self._settings.changed.disconnect(self._settings_changed)
        self._watch.close()
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
    ) -> tuple[LoadedModel, LoadPlan | None]:
        """What will be loaded and how; idle models that are in its way are ejected."""
        settings = self._settings.current
        wanted = chosen_config(model, config, settings)
        backend = self._backend_for(model)
        if backend not in _JUDGED:
            check_settings(wanted)
            return LoadedModel(model, wanted, self._opener.engine(backend, None), wanted), None
        self.look_at_engines()
        hardware = self.hardware()
        memory = self.free_memory(besides=model.id, look_at_gpus=True)
        if present is not None:
            memory = without(memory, replace(present.held, claimed=0))
        plan = plan_load(
            model,
            wanted,
            settings,
            hardware,
            memory,
            force=force,
            held=[each for each in self._spare(settings) if each.model_id != model.id],
            correction=self.corrections.of(model.id, wanted),
        )
        for other in plan.ejected:
            self._put_away(other, "room")
        choice = None
        if backend == "llamacpp":
            choice = self.engines.choose(model.id, settings.engine.cpu_code, settings.engine.engine)
        engine = self._opener.engine(backend, choice)
        entry = LoadedModel(model, plan.config, engine, wanted, plan.need, plan.warning, choice)
        return entry, plan

    def _spare(self, settings: Settings) -> tuple[Held, ...]:
        """Models that may be ejected for another one: those that do nothing now."""
        if not settings.engine.make_room:
            return ()
        here = [each for each in self.idle(0) if not each.model.is_remote]
        idle = [each for each in here if each.engine.idle_seconds > 0]
        return tuple(each.held for each in self._by_idleness(idle))

    @staticmethod
    def _by_idleness(models: Iterable[LoadedModel]) -> list[LoadedModel]:
        """The longest idle first."""
        return sorted(models, key=lambda each: each.engine.idle_seconds, reverse=True)

    def _put_away(self, model_id: str, reason: EjectReason) -> None:
        entry = self.get(model_id)
        if entry is not None:
            log.info("%s is ejected (%s)", entry.model.name, reason)
            self._remove(entry)
            self.put_away(entry, reason)

    def _learn(self, entry: LoadedModel, plan: LoadPlan | None) -> None:
        """Keep what the load really took, where the engine tells it."""
        measured = entry.info.memory if entry.info is not None else None
        if plan is not None and measured is not None:
            self.corrections.learn(entry.model.id, entry.wanted, plan.formula, measured)

    def _eject_idle(self) -> float | None:
        """Eject what nobody used for its time to live; seconds until the next one may be due."""
        waits = []
        for entry in self.loaded():
            ttl = self._ttl(entry)
            if entry.state != "ready" or not ttl:
                continue
            left = ttl - entry.engine.idle_seconds
            if left > 0:
                waits.append(left)
            else:
                self._put_away(entry.model.id, "idle")
        return min(waits, default=None)

    def _ttl(self, entry: LoadedModel) -> float:
        minutes = self._settings.current.engine.idle_minutes
        return minutes * 60.0 if entry.ttl is None else entry.ttl

    def _settings_changed(self, _: Settings) -> None:
        for entry in self.loaded():
            # Offline, or the server was removed: nothing may reach it any more.
            if entry.model.is_remote and self._remotes and not self._remotes.allows(entry.model):
                self._remove(entry)
        if self.loaded():  # with none of them there is nothing to watch
            self._watch.wake()

    def _admit(self, entry: LoadedModel, present: LoadedModel | None) -> None:
        """Make `entry` the one of its model, in place of `present`."""
        if present is not None:
            self._remove(present)
        self._watch_over(entry, entry.engine)
        with self._lock:
            if self._closed:
                raise EngineClosed("The model cannot be loaded", "Corral is closing.")
            self._models[entry.model.id] = entry

    def _watch_over(self, entry: LoadedModel, engine: EngineProcess) -> None:
        engine.died.connect(lambda death: self._on_died(entry, engine, death))

    def _fill(
        self, entry: LoadedModel, on_progress: Callable[[float], object] | None
    ) -> ModelError | None:
        """Load the model, with another engine if one fails; what went wrong, if something did."""
        code = self._settings.current.engine.cpu_code
        while (problem := self._attempt(entry, on_progress)) is not None:
            failed = entry.choice
            other = failed and self.engines.after_failure(entry.model.id, failed, problem, code)
            if other is None:
                return refusal(problem) if isinstance(problem, BackendError) else problem
            if not self._change_engine(entry, other):
                return stopped(entry)
        return None

    def _change_engine(self, entry: LoadedModel, choice: EngineChoice) -> bool:
        """Give a model whose load failed another engine; False where nobody wants it any more."""
        failed, engine = entry.engine, self._opener.engine(entry.engine.backend, choice)
        failed.close()
        self._watch_over(entry, engine)
        with self._lock:
            if self._models.get(entry.model.id) is not entry:
                return False
            entry.engine, entry.choice, entry.error = engine, choice, None
        return True

    def _attempt(
        self, entry: LoadedModel, on_progress: Callable[[float], object] | None
    ) -> BackendError | ModelError | None:
        """Load the model with the engine it has; what went wrong, if something did."""

        def report(fraction: float) -> bool:
            entry.fraction = fraction
            self.changed(entry.model.id)
            if on_progress is not None:
                on_progress(fraction)
            return True

        try:
            info = self._opener.open(entry, report)
        except EngineClosed:
            return stopped(entry)
        except (BackendError, ModelError) as error:
            return error
        with self._lock:
            if self._models.get(entry.model.id) is not entry:
                return stopped(entry)
            if isinstance(entry.error, EngineDied):
                return entry.error
            entry.info, entry.fraction, entry.state = info, 1.0, "ready"
        if entry.choice is not None:
            self.engines.note_loaded(entry.model.id, entry.choice)
        entry.settled.set()
        log.info("%s is loaded: %s, %s", entry.model.name, entry.engine.build, entry.config)
        return None

    def _join(self, entry: LoadedModel) -> LoadedModel:
        """Wait for a load that another thread does."""
        entry.settled.wait()
        if entry.state == "ready":
            return entry
        raise copy.copy(entry.error) if entry.error is not None else stopped(entry)

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
        if self._watch.running:
            self._watch.wake()
        self.changed(entry.model.id)

    def _on_died(self, entry: LoadedModel, engine: EngineProcess, death: EngineDied) -> None:
        """Keep a ready model that died in sight; a dying load tells its own caller."""
        if entry.choice is not None:
            self.engines.note_death(entry.choice, death)
        with self._lock:
            if entry.engine is not engine:  # another one has taken its place
                return
            was_ready = entry.state == "ready"
            entry.error = death
            if was_ready:
                entry.state = "stopped"
        if was_ready:
            log.error("%s: %s", entry.model.name, death)
            self.engine_died(entry)
            self.changed(entry.model.id)
