"""A tiny model, made once; nothing here runs where MLX is not installed."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from backends.mlx.engine import MlxBackend

if importlib.util.find_spec("mlx") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama of two layers with random weights; read-only."""
    from tests.backends.mlx.tiny_mlx import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("mlx") / "tiny")


@pytest.fixture
def engine() -> "Iterator[MlxBackend]":
    from backends.mlx.engine import MlxBackend

    backend = MlxBackend()
    yield backend
    backend.unload()
