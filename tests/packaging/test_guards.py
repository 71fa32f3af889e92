"""The table of guards names what is there; `make guards` takes each of them away."""

import re
from typing import Any

import pytest

from tests.packaging.scripts import load_script

script = load_script("mutate_guards")
TABLE = script.guards()


@pytest.mark.parametrize("guard", TABLE, ids=lambda guard: guard.name)
def test_a_guard_stands_in_its_file_once_and_can_be_taken_away(guard: Any) -> None:
    source = (script.ROOT / guard.file).read_text(encoding="utf-8")
    assert guard.taken_from(source) != source
    assert guard.tests
    for test in guard.tests:
        file, name = test.split("::")
        told = (script.ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\(", told, re.MULTILINE), test


def test_no_guard_stands_in_the_table_twice() -> None:
    assert len({guard.name for guard in TABLE}) == len(TABLE)
    assert len({(guard.file, guard.text, guard.without) for guard in TABLE}) == len(TABLE)
