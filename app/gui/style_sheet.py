"""Fills the placeholders of `resources/style/corral.qss` from the design tokens."""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"@([a-z][a-z0-9-]*)")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace every `@name`; an unknown name is a mistake in the sheet and raises KeyError."""
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)
