"""Where a command's models are loaded: in the running Corral, or in this process.

Both are asked the same way and answer the same, so a command need not know which it is.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from app.cli.parts import Parts
from app.core.engine_errors import refusal
from app.core.library_types import LocalModel
from app.core.load_plan import chosen_config
from app.core.running_client import RunningClient, RunningEngine
from backends.errors import BackendError
from backends.types import (
    ChatMessage,
    GenerationEvent,
    GenerationRequest,
    LoadConfig,
    ModelInfo,
    Usage,
)


class AnswerEngine(Protocol):
    """A loaded model, as a chat uses it."""

    def generate(self, request: GenerationRequest) -> Generator[GenerationEvent, None, None]:
        """Events of one answer; closing the iterator early cancels it.

        Raises `BackendError` or `ModelError`.
        """

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the whole prompt. Raises like `generate`."""


@dataclass(frozen=True)
class AnsweringModel:
    """A model that is loaded and answers."""

    model: LocalModel
    engine: AnswerEngine
    info: ModelInfo | None
    warning: str = ""
    """A sentence about memory that is short, for a person."""
    answered: Callable[[Usage], object] = lambda _: None
    """To be told what each answer took."""


class ModelHost(Protocol):
    """Loads models and ejects them."""

    def load(
        self,
        model: LocalModel,
        change: Callable[[LoadConfig], LoadConfig],
        *,
        force: bool,
        ttl: float | None,
        on_progress: Callable[[float], object],
    ) -> AnsweringModel:
        """Load a model, with the settings that are in force for it as `change` makes them.

        Raises as `ModelRuntime.load`.
        """

    def unload(self, model: LocalModel) -> None:
        """Eject a model; one that is not loaded is left alone."""


class ChildModels:
    """Models in children of this process; they end with it, so `ttl` is of no matter."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def load(
        self,
        model: LocalModel,
        change: Callable[[LoadConfig], LoadConfig],
        *,
        force: bool,
        ttl: float | None,
        on_progress: Callable[[float], object],
    ) -> AnsweringModel:
        """Load a model."""
        config = change(chosen_config(model, None, self._parts.settings.current))
        loaded = self._parts.runtime.load(
            model, config, force=force, ttl=0, on_progress=on_progress
        )
        learn = partial(self._parts.speeds.learn, model, on_gpu=loaded.mostly_on_gpu)
        return AnsweringModel(model, loaded.engine, loaded.info, loaded.warning, learn)

    def unload(self, model: LocalModel) -> None:
        """Eject a model."""
        self._parts.runtime.eject(model.id)


class SharedModels:
    """Models of the running Corral. What it has loaded stays as it is, unless `change` changes."""

    def __init__(self, parts: Parts, client: RunningClient) -> None:
        self._parts, self._client = parts, client

    def load(
        self,
        model: LocalModel,
        change: Callable[[LoadConfig], LoadConfig],
        *,
        force: bool,
        ttl: float | None,
        on_progress: Callable[[float], object],
    ) -> AnsweringModel:
        """Load a model, or share it as it is loaded."""
        chosen = chosen_config(model, None, self._parts.settings.current)
        wanted = change(chosen)
        config = None if wanted == chosen else wanted
        try:
            step = self._client.load(
                model.id, config, ttl=ttl, force=force, on_progress=on_progress
            )
        except BackendError as error:
            raise refusal(error) from error
        engine = RunningEngine(self._client, model.id, config, ttl)
        return AnsweringModel(model, engine, step.info, step.warning)

    def unload(self, model: LocalModel) -> None:
        """Eject a model."""
        self._client.unload(model.id)


def host_of(parts: Parts, *, alone: bool = False) -> ModelHost:
    """The running Corral, if there is one and this command shall not work `alone`."""
    if not alone and parts.running is not None:
        return SharedModels(parts, parts.running)
    return ChildModels(parts)
