"""All that a model's header says, as text: one line a value."""

from collections import Counter

from app.core.gguf_types import TENSOR_TYPES, GgufArray, GgufHeader

LONGEST = 200
"""Characters of a value that are shown; a template has its own place."""
_MOST = 12
"""Values of an array that are shown."""


def header_values(header: GgufHeader) -> tuple[tuple[str, str], ...]:
    """Every key of the header with its value, then what the tensors are stored as."""
    told = [(key, value_text(value)) for key, value in sorted(header.metadata.items())]
    return (*told, *_tensors(header))


def value_text(value: object) -> str:
    """A value in one line, cut where it is long."""
    if isinstance(value, GgufArray):
        shown = "" if value.values is None else ", ".join(map(str, value.values[:_MOST]))
        more = f"{value.count:,} values"
        if value.values is None or not shown:
            return more
        return shown if value.count <= _MOST else f"{shown}, … ({more})"
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _tensors(header: GgufHeader) -> list[tuple[str, str]]:
    counts = Counter(
        TENSOR_TYPES[each.type].name if each.type in TENSOR_TYPES else str(each.type)
        for each in header.tensors
    )
    return [(f"tensors of type {name}", f"{count:,}") for name, count in counts.most_common()]
