"""`corral config`: settings, read and changed."""

import sys
from argparse import Namespace

import msgspec

from app.cli.option_values import objection, read_value
from app.cli.parts import Parts
from app.cli.rendering import print_json
from app.cli.run_options import OptionError
from app.core.setting_names import (
    SettingValue,
    change_setting,
    setting,
    setting_type,
    settings_by_name,
)


def list_(arguments: Namespace) -> int:
    """List all settings or those of a section; a star marks what was changed."""
    with Parts() as parts:
        values = list(settings_by_name(parts.settings.current, arguments.section))
    if arguments.json:
        print_json({each.name: each.value for each in values})
        return 0
    for each in values:
        star = "" if each.value == each.standard else "  *"
        sys.stdout.write(f"{each.name} = {_written(each.value)}{star}\n")
    return 0


def get(arguments: Namespace) -> int:
    """Print one setting: a text as it is, anything else as JSON."""
    with Parts() as parts:
        value = setting(parts.settings.current, arguments.name).value
    sys.stdout.write(f"{value if isinstance(value, str) else _written(value)}\n")
    return 0


def set_(arguments: Namespace) -> int:
    """Change one setting, in the running Corral too."""
    with Parts() as parts:
        known = setting(parts.settings.current, arguments.name)
        wanted = setting_type(known.name)
        value = read_value(arguments.value, wanted)
        if why := objection(known.name, value, wanted):
            raise OptionError("The setting was not changed", why)
        return _changed(parts, known, value)


def unset(arguments: Namespace) -> int:
    """Put one setting at its standard."""
    with Parts() as parts:
        known = setting(parts.settings.current, arguments.name)
        return _changed(parts, known, known.standard)


def _changed(parts: Parts, known: SettingValue, value: object) -> int:
    if parts.running is not None:
        parts.running.change_setting(known.name, value)
    else:
        change_setting(parts.settings, known.name, value)
    sys.stdout.write(f"{known.name} = {_written(value)}\n")
    return 0


def _written(value: object) -> str:
    return msgspec.json.encode(value).decode()
