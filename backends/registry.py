"""Engines by name. An engine's libraries are imported only when it is created."""

from backends.base import Backend
from backends.contacts import Tell
from backends.errors import EngineFailure
from backends.types import EngineBuild


def create(name: str, tell: Tell | None = None) -> Backend:
    """A new engine, holding no model yet. `tell` hears of its connections to other computers.

    Raises:
        BackendError: there is no such engine, or its libraries are missing.
    """
    try:
        match name:
            case "llamacpp":
                from backends.llamacpp.engine import LlamaCppBackend

                return LlamaCppBackend()
            case "mlx":
                from backends.mlx.engine import MlxBackend

                return MlxBackend()
            case "remote":
                from backends.remote.engine import RemoteBackend

                return RemoteBackend(tell)
            case "scripted":
                from backends.scripted import ScriptedBackend

                return ScriptedBackend()
    except (ImportError, OSError, RuntimeError) as error:  # the last: a library does not open
        raise EngineFailure(f"The engine “{name}” is not installed", str(error)) from error
    raise EngineFailure(f"There is no engine “{name}”")


def build_of(name: str) -> EngineBuild | None:
    """Which build of an engine that was created runs in this process, where that can be told.

    Raises:
        EngineFailure: it cannot compute here.
    """
    if name != "llamacpp":
        return None
    from backends.llamacpp.library import engine_build

    return engine_build()
