"""A real server for remote models, one for the whole session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.remote.servers import llama_server, write_descriptor


@pytest.fixture(scope="session")
def server_url(starter_file: Path) -> Iterator[str]:
    """Address of llama.cpp's server with the starter model."""
    with llama_server(starter_file) as url:
        yield url


@pytest.fixture
def model(server_url: str, tmp_path: Path) -> Path:
    """A descriptor of the model on it."""
    return write_descriptor(tmp_path, server_url)


@pytest.fixture
def garbage(tmp_path: Path) -> Path:
    path = tmp_path / "garbage.remote"
    path.write_bytes(b"<!doctype html>" * 1000)
    return path


@pytest.fixture
def truncated(model: Path) -> Path:
    path = model.with_name("truncated.remote")
    path.write_bytes(model.read_bytes()[:-5])
    return path


@pytest.fixture
def long_text() -> str:
    return "The quick brown fox jumps over the lazy dog. " * 60
