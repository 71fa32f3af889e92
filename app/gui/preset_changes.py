"""What differs between a preset as it is stored and as it is being edited. No widgets."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import msgspec

from app.core.presets import Preset
from backends.types import SamplingParams


@dataclass(frozen=True)
class Change:
    """One field of a preset or of its sampling values."""

    field: str
    before: Any
    after: Any
    lines: int = 0
    """How many lines of a long text differ."""


def changes(stored: Preset, edited: Preset) -> tuple[Change, ...]:
    """All differences, sampling first as it is what is changed most."""
    found = [
        Change(field.name, before, after)
        for field in msgspec.structs.fields(SamplingParams)
        if (before := getattr(stored.sampling, field.name))
        != (after := getattr(edited.sampling, field.name))
    ]
    for name in ("name", "icon", "model"):
        before, after = getattr(stored, name), getattr(edited, name)
        if before != after:
            found.append(Change(name, before, after))
    if stored.system_prompt != edited.system_prompt:
        lines = changed_lines(stored.system_prompt, edited.system_prompt)
        found.append(Change("system_prompt", stored.system_prompt, edited.system_prompt, lines))
    return tuple(found)


def changed_lines(before: str, after: str) -> int:
    """Lines that were changed, added or removed; at least 1 where the texts differ."""
    matcher = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    count = sum(
        max(end - start, other_end - other_start)
        for kind, start, end, other_start, other_end in matcher.get_opcodes()
        if kind != "equal"
    )
    return max(1, count)
