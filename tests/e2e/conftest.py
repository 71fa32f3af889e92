"""What the tests of the whole program share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.server import LocalHub


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks, and what the offscreen platform says it cannot do."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support"))


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    """The program's name, as the application sets it."""
    return ["corral"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """The hub on loopback that the program talks to."""
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub
