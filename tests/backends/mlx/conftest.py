"""A tiny model, made once; nothing here runs where MLX is not installed."""

from pathlib import Path

import pytest

pytest.importorskip("mlx.core", reason="MLX is not installed on this system")

from tests.backends.mlx.tiny_mlx import write_tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama of two layers with random weights; read-only."""
    return write_tiny_model(tmp_path_factory.mktemp("mlx") / "tiny")
