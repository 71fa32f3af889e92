"""Checks settings by their declared ranges, before native code sees them."""

from typing import TypeVar

import msgspec

from backends.errors import BackendError
from backends.types import LoadConfig, SamplingParams

Checked = TypeVar("Checked", LoadConfig, SamplingParams)


def validated(value: Checked, error: type[BackendError]) -> Checked:
    """`value`, its ranges checked; raises an `error` that says what is out of range."""
    try:
        return msgspec.convert(msgspec.to_builtins(value), type(value))
    except msgspec.ValidationError as problem:
        raise error(f"A setting is out of range: {problem}") from None
