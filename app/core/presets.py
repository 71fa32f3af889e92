"""Presets: a system prompt and sampling values under a name, built-in ones and the person's own."""

from datetime import date
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from app.core.errors import AppError
from app.core.events import EventHook
from backends.types import SamplingParams

VARIABLES = ("date", "user", "language")
"""Names that may stand in double braces in a system prompt."""


class Preset(Struct, frozen=True):
    """A named way of answering."""

    id: str
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    icon: Annotated[str, Meta(pattern="^[a-z0-9-]{1,64}$")] = "message-square"
    """Name of a Lucide icon."""
    description: Annotated[str, Meta(max_length=300)] = ""
    system_prompt: Annotated[str, Meta(max_length=100_000)] = ""
    """May hold `{{date}}`, `{{user}}` and `{{language}}`."""
    sampling: SamplingParams = SamplingParams()
    model: str | None = None
    """Id of the model a chat with this preset begins with."""
    built_in: bool = False


class PresetStore:
    """All presets, built-in ones first. Safe to use from any thread; all calls but `save`,
    `create`, `duplicate`, `delete`, `restore`, import and export are quick.
    """

    changed: EventHook[[]]
    problems: tuple[AppError, ...]
    """Files that could not be read at the start and were set aside."""

    def __init__(self, folder: Path, built_in: Path | None = None) -> None:
        raise NotImplementedError

    def list(self) -> tuple[Preset, ...]:
        """Built-in presets in their shipped order, then the person's own by name."""
        raise NotImplementedError

    def get(self, preset_id: str) -> Preset:
        """The preset with this id. Raises `SettingsError` if there is none."""
        raise NotImplementedError

    def find(self, preset_id: str | None) -> Preset | None:
        """The preset with this id, or None."""
        raise NotImplementedError

    def is_changed(self, preset_id: str) -> bool:
        """Whether this is a built-in preset that the person has changed."""
        raise NotImplementedError

    def save(self, preset: Preset) -> Preset:
        """Store `preset` under its id; a built-in one is kept as a change that can be restored.

        Raises `SettingsError` for a value out of range, `StorageError` if it cannot be written.
        """
        raise NotImplementedError

    def create(
        self,
        name: str,
        *,
        icon: str = "message-square",
        description: str = "",
        system_prompt: str = "",
        sampling: SamplingParams | None = None,
        model: str | None = None,
    ) -> Preset:
        """Make and store a preset of the person's own; its name is made unique."""
        raise NotImplementedError

    def duplicate(self, preset_id: str) -> Preset:
        """A copy of the person's own of any preset."""
        raise NotImplementedError

    def delete(self, preset_id: str) -> Preset:
        """Delete a preset of the person's own; `save` of the answer undoes it.

        Raises `SettingsError` for a built-in one.
        """
        raise NotImplementedError

    def restore(self, preset_id: str) -> Preset:
        """Undo all changes of a built-in preset."""
        raise NotImplementedError

    def import_json(self, path: Path) -> Preset:
        """Add the preset that `export_json` wrote to `path`, as one of the person's own.

        Raises `SettingsError` that says what is wrong with the file, or `StorageError`.
        """
        raise NotImplementedError

    def export_json(self, preset_id: str, path: Path) -> None:
        """Write a preset to `path` for another computer or person."""
        raise NotImplementedError


def fill_variables(text: str, *, user: str, language: str, today: date) -> str:
    """`text` with `{{date}}`, `{{user}}` and `{{language}}` filled; other braces stay as typed.

    An empty `user` becomes "you"; the date is written as "23 November 2026".
    """
    raise NotImplementedError
