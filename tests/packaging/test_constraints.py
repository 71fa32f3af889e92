"""The pinned versions are complete, and they are the ones the tests run with."""

import re
from importlib import metadata
from types import ModuleType

import pytest

from tests.packaging.scripts import load_script

LINE = re.compile(r"([a-z0-9-]+)==([0-9][0-9A-Za-z.]*)")


@pytest.fixture(scope="module")
def pin() -> ModuleType:
    return load_script("pin")


@pytest.fixture(scope="module")
def pinned(pin: ModuleType) -> dict[str, str]:
    """Name and version of every line; a line of another form fails."""
    lines = pin.CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            match = LINE.fullmatch(line)
            assert match, line
            found[match[1]] = match[2]
    return found


def test_everything_that_is_needed_here_is_pinned(pin: ModuleType, pinned: dict[str, str]) -> None:
    assert pin.versions("corral", ("dev",)).keys() <= pinned.keys()


def test_the_pinned_versions_are_the_tested_ones(pinned: dict[str, str]) -> None:
    here = {
        d.metadata["Name"].lower().replace("_", "-"): d.version for d in metadata.distributions()
    }
    different = {
        name: (version, here[name])
        for name, version in pinned.items()
        if name in here and here[name] != version
    }
    assert different == {}


def test_requirements_of_requirements_and_extras_are_followed(pin: ModuleType) -> None:
    without, with_dev = pin.versions("corral"), pin.versions("corral", ("dev",))
    assert "markupsafe" in without  # jinja2 needs it
    assert "pytest" not in without
    assert "pluggy" in with_dev  # pytest needs it


def test_what_is_left_out_is_left_out_with_what_only_it_needs(pin: ModuleType) -> None:
    all_of_them = pin.versions("corral")
    fewer = pin.versions("corral", without={"jinja2", "llama-cpp-python"})
    assert {"jinja2", "markupsafe"} <= all_of_them.keys() - fewer.keys()
