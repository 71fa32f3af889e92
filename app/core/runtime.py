"""Loaded models: one engine child for each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from app.core.engine import EngineProcess
from app.core.errors import AppError, ModelError
from app.core.events import EventHook
from app.core.hardware import HardwareSurvey
from app.core.library import LocalModel
from app.core.settings import SettingsStore
from backends.types import LoadConfig, ModelInfo

LoadState = Literal["loading", "ready", "stopped"]


class NotEnoughMemory(ModelError):
    """The estimate says that the model does not fit; `load(force=True)` tries all the same."""

    code: ClassVar[str] = "not_enough_memory"


class LoadStopped(ModelError):
    """The person cancelled the load."""

    code: ClassVar[str] = "load_cancelled"


@dataclass
class LoadedModel:
    """A model in an engine of its own. Written by `ModelRuntime` only; read by anybody."""

    model: LocalModel
    config: LoadConfig
    engine: EngineProcess
    state: LoadState = "loading"
    fraction: float = 0.0
    """Loaded part of the file, 0 to 1."""
    info: ModelInfo | None = None
    error: AppError | None = None
    """Why it stopped."""


def backend_for(model: LocalModel) -> str:
    """Name of the engine that runs `model`."""
    return "scripted" if model.path.suffix == ".scripted" else "llamacpp"


class ModelRuntime:
    """Loads, ejects and lists models. Thread-safe.

    Hooks:
        changed: model id; on progress, ready, died, ejected.
        engine_died: a ready model's engine ended by itself; its `error` says why.
    """

    def __init__(
        self,
        settings_store: SettingsStore,
        hardware: HardwareSurvey,
        *,
        backend_for: Callable[[LocalModel], str] = backend_for,
    ) -> None:
        self.changed: EventHook[[str]] = EventHook()
        self.engine_died: EventHook[[LoadedModel]] = EventHook()

    def load(
        self,
        model: LocalModel,
        config: LoadConfig | None = None,
        *,
        on_progress: Callable[[float], object] | None = None,
        force: bool = False,
    ) -> LoadedModel:
        """Load `model` and wait until it is ready. A model loaded alike already is returned.

        `config` None takes what suits this computer. A different `config` ejects and loads anew.

        Raises:
            NotEnoughMemory: the estimate exceeds free memory and `force` is False.
            LoadStopped: `cancel_load` or `eject` was called meanwhile.
            EngineDied: the engine crashed while loading.
            ModelError: any other reason, with a remedy.
        """
        raise NotImplementedError

    def cancel_load(self, model_id: str) -> None:
        """Stop a load that is under way; anything else is left alone."""
        raise NotImplementedError

    def eject(self, model_id: str) -> None:
        """End the model's engine, which gives its memory back. Answers end as cancelled."""
        raise NotImplementedError

    def get(self, model_id: str) -> LoadedModel | None:
        """The model if it is loading, ready, or has stopped by itself. Quick."""
        raise NotImplementedError

    def loaded(self) -> tuple[LoadedModel, ...]:
        """All that are loading or ready, oldest first. Quick."""
        raise NotImplementedError

    def idle(self, seconds: float) -> tuple[LoadedModel, ...]:
        """The ready ones that did nothing for at least `seconds`. Quick."""
        raise NotImplementedError

    def close(self) -> None:
        """Eject everything; later loads are refused."""
        raise NotImplementedError
