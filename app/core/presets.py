"""Presets: a system prompt and sampling values under a name, built-in ones and the person's own."""

import logging
import re
import threading
import uuid
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from app.core.errors import AppError, SettingsError
from app.core.events import EventHook
from app.core.files import set_aside, storage_error, write_atomically
from app.core.paths import resource
from app.core.settings import LANGUAGES, Settings
from backends.types import SamplingParams

log = logging.getLogger(__name__)

VARIABLES = ("date", "user", "language")
"""Names that may stand in double braces in a system prompt."""

BUILT_IN = (
    "general",
    "coder",
    "writer",
    "translator",
    "french-tutor",
    "summariser",
    "brainstorm",
    "strict-json",
    "socratic",
    "blank",
)
"""Ids of the built-in presets, in the order they are shown."""

FORMAT_VERSION = 1
MAX_FILE_BYTES = 1_000_000

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_VARIABLE = re.compile(r"\{\{[ \t]*(date|user|language)[ \t]*\}\}")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


class ExampleMessage(Struct, frozen=True):
    """A message that every chat with a preset begins with, as if it had been written."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Meta(max_length=100_000)]


MAX_MESSAGES = 200

Messages = Annotated[tuple[ExampleMessage, ...], Meta(max_length=MAX_MESSAGES)]


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
    messages: Messages = ()
    """What a chat begins with, after the system prompt: examples of how to answer."""


class _PresetFile(Struct, frozen=True):
    """A preset as it is stored and exchanged; unknown keys are ignored."""

    corral_preset: int
    """Version of this format; also tells that the file is a preset."""
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    icon: Annotated[str, Meta(pattern="^[a-z0-9-]{1,64}$")] = "message-square"
    description: Annotated[str, Meta(max_length=300)] = ""
    system_prompt: Annotated[str, Meta(max_length=100_000)] = ""
    sampling: SamplingParams = SamplingParams()
    model: str | None = None
    messages: Messages = ()


class PresetStore:
    """All presets. Safe to use from any thread; calls that change or exchange one touch the disk.

    `folder` holds the person's own and the changed built-in ones, `built_in` the shipped ones.
    """

    def __init__(self, folder: Path, built_in: Path | None = None) -> None:
        self.changed: EventHook[[]] = EventHook()
        self._folder = folder
        self._lock = threading.RLock()
        shipped = resource("presets") if built_in is None else built_in
        self._shipped = {name: _read(shipped / f"{name}.json", name, True) for name in BUILT_IN}
        self._stored, self.problems = read_folder(folder)

    def list(self) -> tuple[Preset, ...]:
        """Built-in presets in their shipped order, then the person's own by name; quick."""
        with self._lock:
            built_in = [self._stored.get(name, shipped) for name, shipped in self._shipped.items()]
            own = [preset for preset in self._stored.values() if not preset.built_in]
        return (*built_in, *sorted(own, key=lambda preset: (preset.name.casefold(), preset.id)))

    def get(self, preset_id: str) -> Preset:
        """The preset with this id; quick. Raises `SettingsError` if there is none."""
        preset = self.find(preset_id)
        if preset is None:
            raise SettingsError("This preset is gone", hint="Choose another preset.")
        return preset

    def find(self, preset_id: str | None) -> Preset | None:
        """The preset with this id, or None; quick."""
        if preset_id is None:
            return None
        with self._lock:
            return self._stored.get(preset_id) or self._shipped.get(preset_id)

    def is_changed(self, preset_id: str) -> bool:
        """Whether this is a built-in preset that the person has changed; quick."""
        with self._lock:
            return preset_id in self._shipped and preset_id in self._stored

    def save(self, preset: Preset) -> Preset:
        """Store `preset` under its id; a built-in one is kept as a change that can be restored.

        Raises `SettingsError` for a value that is not valid, `StorageError` if it cannot be
        written; what was stored before is then untouched.
        """
        if not _ID.fullmatch(preset.id):
            raise SettingsError("This preset has no valid id", f"{preset.id!r} cannot be stored.")
        preset = _checked(msgspec.structs.replace(preset, built_in=preset.id in self._shipped))
        if preset == self._shipped.get(preset.id):
            return self.restore(preset.id)
        with self._lock:
            write_atomically(self._file(preset.id), encoded(preset))
            self._stored[preset.id] = preset
        self.changed()
        return preset

    def create(
        self,
        name: str,
        *,
        icon: str = "message-square",
        description: str = "",
        system_prompt: str = "",
        sampling: SamplingParams | None = None,
        model: str | None = None,
        messages: tuple[ExampleMessage, ...] = (),
    ) -> Preset:
        """Make and store a preset of the person's own; its name is made unique."""
        with self._lock:
            return self.save(
                Preset(
                    id=_new_id(name),
                    name=self._unique_name(name),
                    icon=icon,
                    description=description,
                    system_prompt=system_prompt,
                    sampling=sampling or SamplingParams(),
                    model=model,
                    messages=messages,
                )
            )

    def duplicate(self, preset_id: str) -> Preset:
        """A copy of any preset, as one of the person's own."""
        return self._add_copy(self.get(preset_id))

    def delete(self, preset_id: str) -> Preset:
        """Delete a preset of the person's own; `save` of the answer undoes it.

        Raises `SettingsError` for a built-in one.
        """
        with self._lock:
            preset = self.get(preset_id)
            if preset.built_in:
                raise SettingsError(
                    "Built-in presets cannot be deleted", hint="Restore it to undo its changes."
                )
            self._forget(preset_id)
        self.changed()
        return preset

    def restore(self, preset_id: str) -> Preset:
        """Undo all changes of a built-in preset. Raises `SettingsError` for any other."""
        with self._lock:
            if preset_id not in self._shipped:
                raise SettingsError("Only built-in presets can be restored")
            was_changed = self.is_changed(preset_id)
            self._forget(preset_id)
        if was_changed:
            self.changed()
        return self._shipped[preset_id]

    def import_json(self, path: Path) -> Preset:
        """Add the preset that `export_json` wrote to `path`, as one of the person's own.

        Raises `SettingsError` that says what is wrong with the file, or `StorageError`.
        """
        return self._add_copy(_read(path, "imported", False))

    def export_json(self, preset_id: str, path: Path) -> None:
        """Write a preset to `path` for another computer or person."""
        write_atomically(path, encoded(self.get(preset_id)))

    def _add_copy(self, preset: Preset) -> Preset:
        with self._lock:
            return self.save(
                msgspec.structs.replace(
                    preset, id=_new_id(preset.name), name=self._unique_name(preset.name)
                )
            )

    def _file(self, preset_id: str) -> Path:
        return self._folder / f"{preset_id}.json"

    def _forget(self, preset_id: str) -> None:
        try:
            self._file(preset_id).unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(
                "The preset could not be deleted", self._file(preset_id), error
            ) from error
        self._stored.pop(preset_id, None)

    def _unique_name(self, name: str) -> str:
        """`name`, or "name 2", "name 3" … if presets have it already."""
        base = name.strip()[:76]
        taken = {preset.name.casefold() for preset in self.list()}
        candidate, number = base, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{base} {number}"
        return candidate


def fill_variables(text: str, *, user: str, language: str, today: date) -> str:
    """`text` with `{{date}}`, `{{user}}` and `{{language}}` filled; other braces stay as typed.

    The date is written as "23 November 2026". Without a name, `{{user}}` is "the user": what
    fits a sentence told to a model.
    """
    values = {
        "date": f"{today.day} {_MONTHS[today.month - 1]} {today.year}",
        "user": user.strip() or "the user",
        "language": language,
    }
    return _VARIABLE.sub(lambda match: values[match[1]], text)


def fill_for_person(text: str, settings: Settings, today: date) -> str:
    """`text` with its variables filled by what the person has set."""
    return fill_variables(
        text,
        user=settings.chat.user_name,
        language=LANGUAGES[settings.appearance.language],
        today=today,
    ).strip()


def _new_id(name: str) -> str:
    """An id that is also a safe file name on every system, made from the name and chance."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:40].rstrip("-") or "preset"
    return f"{slug}-{uuid.uuid4().hex[:8]}"


def encoded(preset: Preset) -> bytes:
    """The content of a preset's file."""
    values = msgspec.structs.asdict(preset)
    del values["id"], values["built_in"]
    stored = _PresetFile(corral_preset=FORMAT_VERSION, **values)
    return msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n"


def _checked(preset: Preset) -> Preset:
    """`preset` with every value in its range; raises `SettingsError`."""
    try:
        return msgspec.convert(msgspec.to_builtins(preset), Preset)
    except msgspec.ValidationError as error:
        raise SettingsError(
            "This preset has a value that is not valid", f"{error}.", "Correct it and save again."
        ) from error


def read_folder(folder: Path) -> tuple[dict[str, Preset], tuple[AppError, ...]]:
    """The presets stored in `folder`, and what was wrong with the files that were set aside."""
    presets: dict[str, Preset] = {}
    problems: list[AppError] = []
    for path in sorted(folder.glob("*.json")):
        if not _ID.fullmatch(path.stem):
            log.info("%s is not named like a stored preset", path)
            continue
        try:
            presets[path.stem] = _read(path, path.stem, path.stem in BUILT_IN)
        except SettingsError as error:
            problems.append(_set_aside(path, error))
        except AppError as error:
            problems.append(error)
    return presets, tuple(problems)


def _set_aside(path: Path, error: SettingsError) -> AppError:
    log.warning("%s: %s (%s)", path, error, error.detail)
    try:
        kept = set_aside(path)
    except AppError as failure:
        return failure
    return SettingsError(
        error.title,
        f"{error.message} It was kept as {kept.name}.",
        "The other presets are not affected.",
        error.detail,
    )


def _read(path: Path, preset_id: str, built_in: bool) -> Preset:
    """The preset in a file. Raises `SettingsError` for its content, `StorageError` otherwise."""
    name = path.name
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise storage_error(f"The preset {name} could not be read", path, error) from error
    if len(data) > MAX_FILE_BYTES:
        raise SettingsError(f"{name} is not a preset", "It is larger than 1 MB.")
    try:
        raw = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise SettingsError(f"{name} is not a preset", "It is not JSON.", "", str(error)) from error
    version = raw.get("corral_preset")
    if not isinstance(version, int):
        raise SettingsError(
            f"{name} is not a preset of Corral",
            'It has no number "corral_preset".',
            "Choose a file that was exported from Corral.",
        )
    if version > FORMAT_VERSION:
        raise SettingsError(
            f"{name} was made by a newer Corral",
            f"Its format is {version}; this Corral reads {FORMAT_VERSION}.",
            "Update Corral, then try again.",
        )
    try:
        stored = msgspec.convert(raw, _PresetFile)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"The preset {name} has a value that is not valid",
            f"{error}.",
            "Correct the file or export the preset again.",
        ) from error
    values = msgspec.structs.asdict(stored)
    del values["corral_preset"]
    return Preset(id=preset_id, built_in=built_in, **values)
