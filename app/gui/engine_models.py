"""Which models run with an engine, and which it could not load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.gui.context import AppContext

Running = Mapping[str, Sequence[str]]
"""Names of the models that run now, by the key of their engine."""


def running_models(context: AppContext) -> Running:
    """The models that run now, by the key of their engine. Quick."""
    found: dict[str, list[str]] = {}
    for loaded in context.runtime.loaded():
        if loaded.choice is not None:
            found.setdefault(loaded.choice.engine.key, []).append(loaded.model.name)
    return found


def passed_models(context: AppContext, engine_id: str) -> Mapping[str, str]:
    """Why an engine could not load models that another one runs, by their names. Quick."""
    names = {model.id: model.name for model in context.library.models()}
    names |= {loaded.model.id: loaded.model.name for loaded in context.runtime.loaded()}
    passed = context.runtime.engines.models_passed(engine_id)
    return {names[model_id]: why for model_id, why in passed.items() if model_id in names}
