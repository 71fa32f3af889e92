"""Servers for tests: one of a module's own for questions that change nothing, one of a test's."""

from collections.abc import Iterator

import pytest

from app.core.paths import app_paths
from tests.api.serving import Serving, serving


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that the tests of a module share, so that its model is loaded once."""
    home = tmp_path_factory.mktemp("server")
    with serving(app_paths({"CORRAL_HOME": str(home)})) as running:
        running.warm()
        yield running


@pytest.fixture
def alone() -> Iterator[Serving]:
    """A server of this test's own."""
    with serving() as running:
        yield running
