"""The scripted engine keeps the contract, in this process and through its child."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.engine import EngineProcess
from backends.base import Backend
from backends.scripted import ScriptedBackend
from tests.backends.contract import BackendContract
from tests.backends.scripts import write_script


class ScriptedContract(BackendContract):
    @pytest.fixture
    def model(self, tmp_path: Path) -> Path:
        return write_script(tmp_path, tokens_per_second=300, prompt_tokens_per_second=300)

    @pytest.fixture
    def garbage(self, tmp_path: Path) -> Path:
        path = tmp_path / "garbage.scripted"
        path.write_bytes(bytes(range(256)))
        return path

    @pytest.fixture
    def truncated(self, tmp_path: Path) -> Path:
        path = tmp_path / "truncated.scripted"
        path.write_text('{"text": "it ends in the', encoding="utf-8")
        return path

    @pytest.fixture
    def long_text(self) -> str:
        return "word " * 400


class TestInThisProcess(ScriptedContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return ScriptedBackend()


class TestThroughTheChild(ScriptedContract):
    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        with EngineProcess("scripted") as engine:
            yield engine
