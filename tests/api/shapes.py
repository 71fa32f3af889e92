"""Shapes of JSON, to hold answers against."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Maybe:
    """May be missing or null."""

    shape: Any


def check(value: object, shape: Any, place: str = "$") -> None:
    """Fail where `value` is not of the shape.

    A type, a set of words, a list of one shape, a tuple of which one must fit, a dict of fields.
    """
    match shape:
        case Maybe(inner):
            if value is not None:
                check(value, inner, place)
        case type():
            fits = isinstance(value, shape) and isinstance(value, bool) == (shape is bool)
            assert fits, f"{place}: {value!r} is no {shape.__name__}"
        case set():
            assert value in shape, f"{place}: {value!r} is none of {sorted(shape)}"
        case tuple():
            _check_any(value, shape, place)
        case [inner]:
            assert isinstance(value, list), f"{place}: {value!r} is no list"
            for i, each in enumerate(value):
                check(each, inner, f"{place}[{i}]")
        case dict():
            assert isinstance(value, dict), f"{place}: {value!r} is no object"
            for name, inner in shape.items():
                assert name in value or isinstance(inner, Maybe), f"{place}.{name} is missing"
                check(value.get(name), inner, f"{place}.{name}")
        case _:
            raise AssertionError(f"no shape: {shape!r}")


def _check_any(value: object, shapes: tuple[Any, ...], place: str) -> None:
    problems = []
    for shape in shapes:
        try:
            return check(value, shape, place)
        except (AssertionError, TypeError) as error:
            problems.append(str(error))
    raise AssertionError(f"{place}: nothing fits: {problems}")
