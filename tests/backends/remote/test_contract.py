"""The remote engine against a real server, in this process and through the engine child."""

from collections.abc import Iterator

import pytest

from app.core.engine import EngineProcess
from backends.base import Backend
from backends.remote.engine import RemoteBackend
from tests.backends.remote.remote_contract import RemoteContract

pytestmark = pytest.mark.engine


class TestRemote(RemoteContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return RemoteBackend()


class TestRemoteThroughTheChild(RemoteContract):
    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        with EngineProcess("remote") as engine:
            yield engine
