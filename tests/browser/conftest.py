"""A browser and a server of each test's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import Serving, serving
from tests.browser.chromium import Chromium


@pytest.fixture
def alone() -> Iterator[Serving]:
    """A server of this test's own."""
    with serving() as running:
        yield running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    """A browser that has never been anywhere."""
    chromium = Chromium(os.environ["CORRAL_TEST_CHROMIUM"], tmp_path / "profile")
    yield chromium
    chromium.close()
