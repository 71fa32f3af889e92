"""The MLX engine keeps the contract, in this process and through its child."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.engine import EngineProcess
from backends.base import Backend
from backends.mlx.engine import MlxBackend
from backends.types import LoadConfig, RegularExpression
from tests.backends.contract import BackendContract
from tests.backends.structured_contract import StructuredContract, asked


class MlxContract(BackendContract):
    @pytest.fixture
    def model(self, tiny: Path) -> Path:
        return tiny

    @pytest.fixture
    def garbage(self, tiny: Path, tmp_path: Path) -> Path:
        folder = shutil.copytree(tiny, tmp_path / "garbage")
        (folder / "model.safetensors").write_bytes(b"<!doctype html>" * 1000)
        return folder

    @pytest.fixture
    def truncated(self, tiny: Path, tmp_path: Path) -> Path:
        folder = shutil.copytree(tiny, tmp_path / "truncated")
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        return folder

    @pytest.fixture
    def long_text(self) -> str:
        return "The quick brown fox jumps over the lazy dog. " * 80


@pytest.fixture(scope="module")
def shared(tiny: Path) -> Iterator[MlxBackend]:
    engine = MlxBackend()
    engine.load(str(tiny), LoadConfig(context_length=1024), lambda fraction: True)
    list(engine.generate(asked(constraint=RegularExpression("[0-9]"))))  # starts its thread
    yield engine
    engine.unload()


class TestInThisProcess(MlxContract):
    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        engine = MlxBackend()
        yield engine
        engine.unload()

    @pytest.fixture
    def loaded(self, shared: MlxBackend) -> Backend:
        assert shared._loaded is not None
        shared._loaded.conversations.forget()
        return shared


class TestStructured(StructuredContract):
    @pytest.fixture
    def loaded(self, shared: MlxBackend) -> Backend:
        return shared


@pytest.fixture(scope="class")
def child() -> Iterator[EngineProcess]:
    with EngineProcess("mlx") as engine:
        yield engine


class TestThroughTheChild(MlxContract):
    @pytest.fixture
    def backend(self, child: EngineProcess) -> Iterator[Backend]:
        yield child
        child.unload()
