"""Models and requests for the scripted engine."""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from backends.types import (
    ChatMessage,
    Delta,
    Finish,
    GenerationEvent,
    GenerationRequest,
    SamplingParams,
)

_ids = itertools.count(1)


def write_script(folder: Path, name: str = "model", **fields: Any) -> Path:
    """A model file for the scripted engine; `fields` are those of `backends.scripted.Script`."""
    path = folder / f"{name}.scripted"
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


def ask(*texts: str, id: str | None = None, **sampling: Any) -> GenerationRequest:
    """A request whose messages are the person's and the assistant's in turn."""
    roles = itertools.cycle(("user", "assistant"))
    return GenerationRequest(
        id or f"request-{next(_ids)}",
        tuple(ChatMessage(role, text) for role, text in zip(roles, texts, strict=False)),  # type: ignore[arg-type]  # cycle() widens the literals
        SamplingParams(**sampling),
    )


def text_of(events: Iterable[GenerationEvent]) -> str:
    """The answer in `events`."""
    return "".join(event.text for event in events if isinstance(event, Delta))


def finish_of(events: Iterable[GenerationEvent]) -> Finish:
    """The last of `events`, which must be the only `Finish`."""
    *others, last = events
    assert isinstance(last, Finish)
    assert not any(isinstance(event, Finish) for event in others)
    return last
