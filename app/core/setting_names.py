"""Single settings by name, `section.field`: read, checked, changed."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct, structs

from app.core.errors import NotFoundError, SettingsError
from app.core.settings import SECTIONS, Settings, SettingsStore

HIDDEN_SECTIONS = ("window", "remote")
"""What only the window writes: where it is, and servers whose keys belong to them."""


class SettingValue(Struct, frozen=True):
    """A setting as it is and as it would be if nobody had changed it."""

    name: str
    value: object
    """In JSON's types."""
    standard: object


def section_names() -> tuple[str, ...]:
    """The sections that can be read and changed by name."""
    return tuple(name for name in SECTIONS if name not in HIDDEN_SECTIONS)


def settings_by_name(settings: Settings, section: str | None = None) -> Iterator[SettingValue]:
    """All settings, or those of a section. Raises `NotFoundError` for a section there is not."""
    if section is not None and section not in section_names():
        raise NotFoundError(
            f"There is no section {section}", hint=f"There are: {', '.join(section_names())}."
        )
    for name in section_names() if section is None else (section,):
        here, standard = getattr(settings, name), getattr(Settings(), name)
        for field in here.__struct_fields__:
            yield SettingValue(
                f"{name}.{field}",
                msgspec.to_builtins(getattr(here, field)),
                msgspec.to_builtins(getattr(standard, field)),
            )


def setting(settings: Settings, name: str) -> SettingValue:
    """One setting. Raises `NotFoundError`."""
    section = name.partition(".")[0]
    known = [each for each in settings_by_name(settings) if section in each.name.split(".")]
    for each in known:
        if each.name == name.replace("-", "_"):
            return each
    names = ", ".join(each.name for each in known)
    hint = f"There are: {names}." if names else "“corral config list” shows all."
    raise NotFoundError(f"There is no setting {name}", hint=hint)


def setting_type(name: str) -> Any:
    """The annotated type of a setting that there is."""
    section, _, field = name.replace("-", "_").partition(".")
    fields = structs.fields(type(getattr(Settings(), section)))
    return next(each.type for each in fields if each.name == field)


def change_setting(store: SettingsStore, name: str, value: object) -> None:
    """Put a setting in force and into the file; `value` in JSON's types.

    Raises `NotFoundError` for one there is not, `SettingsError` for a value it cannot have, and
    `StorageError`.
    """
    known = setting(store.current, name)
    section, _, field = known.name.partition(".")
    try:
        converted = msgspec.convert(value, setting_type(known.name))
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name} cannot have this value", f"{error}.") from error
    changed = structs.replace(getattr(store.current, section), **{field: converted})
    store.update(**{section: changed}, meant=(field,) if section == "server" else ())
