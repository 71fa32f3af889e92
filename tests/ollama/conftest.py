"""Registries to ask: our own, and Debian's where it is installed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from app.core.paths import AppPaths, app_paths
from app.core.settings import SettingsStore
from tests.ollama.docker_registry import docker_registry, installed
from tests.ollama.images import Image, push
from tests.ollama.local_registry import LocalRegistry


class Peer(NamedTuple):
    """A registry, by its address and a way to fill it."""

    url: str
    add: Callable[[str, str, Image], None]


@pytest.fixture
def registry() -> Iterator[LocalRegistry]:
    """Our own, with a CDN behind it and faults on demand."""
    with LocalRegistry() as registry:
        yield registry


@pytest.fixture(scope="session")
def docker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    """Debian's registry, for all tests; None where it is not installed."""
    if not installed():
        yield None
        return
    with docker_registry(tmp_path_factory.mktemp("docker-registry")) as url:
        yield url


@pytest.fixture(params=["own", "docker-registry"])
def peer(request: pytest.FixtureRequest, docker_url: str | None) -> Peer:
    """Each registry in turn: the same journey must work with all."""
    if request.param == "own":
        own: LocalRegistry = request.getfixturevalue("registry")
        return Peer(own.url, own.add)
    if docker_url is None:
        pytest.skip("docker-registry is not here (packaging/docker_registry.py fetches it)")
    url = docker_url
    return Peer(url, lambda model, tag, image: push(url, model, tag, image))


@pytest.fixture
def paths(corral_home: Path) -> AppPaths:
    return app_paths()


@pytest.fixture
def settings(paths: AppPaths) -> SettingsStore:
    return SettingsStore(paths.settings_file)
