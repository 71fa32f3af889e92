"""What MLX and mlx-lm raise, as the errors of this program."""

from collections.abc import Iterator
from contextlib import contextmanager

from backends.errors import (
    BackendError,
    EngineFailure,
    ModelLoadError,
    OutOfMemory,
    UnknownArchitecture,
)

_NO_MEMORY = (
    "unable to allocate",
    "insufficient memory",
    "out of memory",
    "maximum allowed buffer",
)


@contextmanager
def loading(what: str = "The model") -> Iterator[None]:
    """Turn what goes wrong inside into a `ModelLoadError` that names `what`."""
    try:
        yield
    except (BackendError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  # foreign code on foreign files: anything
        if _is_shortage(error):
            raise OutOfMemory(f"{what} does not fit into memory.", str(error)) from None
        if isinstance(error, ValueError) and isinstance(error.__cause__, ImportError):
            raise UnknownArchitecture(
                f"{what} is of a kind that this version of MLX cannot run.", str(error)
            ) from None
        raise ModelLoadError(
            f"{what} could not be loaded: its files do not fit together.",
            f"{type(error).__name__}: {error}",
        ) from None


@contextmanager
def computing() -> Iterator[None]:
    """Turn what MLX raises inside into an `EngineFailure`, or `OutOfMemory`."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if _is_shortage(error):
            raise OutOfMemory("There is not enough memory to go on.", str(error)) from None
        raise EngineFailure("MLX failed while it was computing.", str(error)) from None


def _is_shortage(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _NO_MEMORY)
