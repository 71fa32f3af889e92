"""Bounds on what may be sent as a constraint."""

import pytest

from backends.constraints.limits import MAX_REPETITION, check_repetition, largest_repetition
from backends.errors import BadRequest


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("", 1),
        ("abc*d+", 1),
        ("a{3}", 3),
        ("a{3,}", 3),
        ("a{3,7}b{2}", 7),
        ("(a{30}b){20}", 600),
        ("((a{3}){4}b|c{50}){5}", 250),
        ("(a{30})b{20}", 30),
        ("(a{30})+{2}", 60),
        (r"\{9999\}", 1),
        (r"[{9999}]{4}", 4),
        (r"\x{9999}\p{5}a{2}", 2),
        ("a{b}", 1),
        ("x)a{5}", 5),
        ("a{99999999999999999999999}", 999999999999),
    ],
)
def test_counted_repetitions_are_multiplied_where_they_nest(pattern: str, count: int) -> None:
    assert largest_repetition(pattern) == count


def test_a_pattern_of_many_repetitions_is_refused_with_the_number() -> None:
    check_repetition(f"a{{{MAX_REPETITION}}}", "The pattern")
    with pytest.raises(BadRequest, match="up to 1,000,000 times"):
        check_repetition("(a{1000}){1000}", "The pattern")
