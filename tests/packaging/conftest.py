"""What the long tests of setting up and building share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.packaging.debian import Machine, why_impossible


@pytest.fixture(scope="session")
def bare_debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A fresh Debian 12 that no test changes."""
    if reason := why_impossible():
        pytest.skip(reason)
    machine = Machine.install(tmp_path_factory.mktemp("debian") / "bare")
    yield machine
    machine.remove()


@pytest.fixture(scope="module")
def new_machine(
    bare_debian: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Machine]]:
    """Makes copies of the fresh machine; they are gone after the module's tests."""
    made: list[Machine] = []

    def make() -> Machine:
        folder: Path = tmp_path_factory.mktemp("machine") / "root"
        made.append(bare_debian.copy(folder))
        return made[-1]

    yield make
    for machine in made:
        machine.remove()
