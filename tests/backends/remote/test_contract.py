"""The remote engine against a real server, through the engine child."""

from collections.abc import Iterator

import pytest

from app.core.engine import EngineProcess
from backends.base import Backend
from tests.backends.remote.remote_contract import RemoteContract

pytestmark = pytest.mark.engine


class TestRemoteThroughTheChild(RemoteContract):
    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        with EngineProcess("remote") as engine:
            yield engine
