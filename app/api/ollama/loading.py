"""Which model Ollama's client means, and that it is loaded as the request wants it."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.api.errors import ApiError
from app.api.ollama.options import Options, changed_config
from app.api.work import Work
from app.core.errors import AppError
from app.core.library_types import LocalModel
from app.core.load_plan import chosen_config
from app.core.loaded_model import LoadedModel
from backends.types import LoadConfig

_LOOK_SECONDS = 0.05
"""Between two looks whether a model that shall be loaded anew still answers."""


@dataclass(frozen=True)
class Ready:
    """A loaded model, and how long that took."""

    loaded: LoadedModel
    seconds: float


class Loading:
    """Finds, loads and ejects models in the terms of Ollama's requests."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._runtime = work.parts.runtime

    def find(self, name: str, *, exactly: bool = False) -> LocalModel:
        """The model of that name, written in full where it must be `exactly` that one.

        Raises ApiError in Ollama's words, which clients look for.
        """
        if not name.strip():
            raise ApiError("invalid_request", "model is required", param="model")
        try:
            names = self._work.names
            return names.find_exactly(name) if exactly else names.find(name)
        except ApiError as error:
            if error.kind != "model_not_found":
                raise
            raise ApiError(
                "model_not_found", f"model '{name[:200]}' not found", param="model"
            ) from error

    async def ready(
        self,
        model: LocalModel,
        options: Options,
        keep: float | None = None,
        on_progress: Callable[[float], object] | None = None,
    ) -> Ready:
        """The model, loaded so that the options hold; `keep` is what `time_to_live` tells.

        Where it must be loaded anew, those who wait for an answer have it first. Raises like
        `Work.loaded`.
        """
        began = time.monotonic()
        async with self._work.reloading[model.id]:
            await self._settled(model)
            config = self._other_config(model, options)
            if config is not None and (present := self._ready(model.id)) is not None:
                await self._unused(present)
                config = self._other_config(model, options)
            loaded = await self._work.loaded(model, config, ttl=_ttl(keep), on_progress=on_progress)
        return Ready(loaded, time.monotonic() - began)

    async def _settled(self, model: LocalModel) -> None:
        """Wait for a load that is under way, which is not ended for another one."""
        present = self._runtime.get(model.id)
        if present is not None and present.state == "loading":
            with contextlib.suppress(AppError):  # whoever began it is told
                await self._work.loaded(model)

    async def _unused(self, present: LoadedModel) -> None:
        """Wait until nobody is answered any more. Whoever comes next waits behind the load."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)  # it may have been loaded for somebody just now
            if present.state != "ready" or not self._work.is_busy(present):
                return

    def _other_config(self, model: LocalModel, options: Options) -> LoadConfig | None:
        present = self._ready(model.id)
        if present is None:
            base = chosen_config(model, None, self._work.parts.settings.current)
            return changed_config(options, base, model, None)
        if changed_config(options, present.config, model, present.info) is None:
            return None
        return changed_config(options, present.wanted, model, present.info)

    def _ready(self, model_id: str) -> LoadedModel | None:
        present = self._runtime.get(model_id)
        return present if present is not None and present.state == "ready" else None

    async def let_go(self, model_id: str, keep: float | None) -> None:
        """Eject a model that shall not be kept, once it answers nobody else."""
        if keep == 0:
            await self._work.part_with(model_id)


def _ttl(keep: float | None) -> float | None:
    """As the runtime counts: 0 for good. What is not kept at all is ejected behind the answer."""
    if keep is None or keep == 0:
        return None
    return 0.0 if keep < 0 else keep
