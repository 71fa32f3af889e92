"""Errors that go from the running program to its commands and are the same there as here."""

from app.core import errors as app_errors
from app.core.errors import AppError
from app.core.load_plan import NotEnoughMemory
from app.core.loaded_model import LoadStopped
from app.core.running_wire import Failure
from backends import errors as engine_errors
from backends.errors import BackendError

_APP = (
    app_errors.SettingsError,
    app_errors.StorageError,
    app_errors.ModelError,
    app_errors.EngineDied,
    app_errors.PromptRefused,
    app_errors.NotFoundError,
    app_errors.ConversationError,
    NotEnoughMemory,
    LoadStopped,
)
_BY_CODE = {kind.code: kind for kind in _APP}
_ENGINE = {
    kind.code: kind
    for kind in vars(engine_errors).values()
    if isinstance(kind, type) and issubclass(kind, BackendError)
}


def failure_of(error: AppError | BackendError) -> Failure:
    """What is told of an error; of one that puts an engine's words into ours, the engine's."""
    cause = error if isinstance(error, BackendError) else error.__cause__
    if isinstance(cause, BackendError):
        return Failure("engine", cause.code, cause.message, detail=cause.detail)
    assert isinstance(error, AppError)
    return Failure("app", error.code, error.title, error.message, error.hint, error.detail)


def error_of(failure: Failure) -> AppError | BackendError:
    """The error that was told. One that is not known here is a plain `ModelError`."""
    if failure.source == "engine":
        kind = _ENGINE.get(failure.code, BackendError)
        return kind(failure.title, failure.detail)
    if failure.source == "server" and failure.code != "model_not_found":
        return app_errors.ModelError("The running Corral refused", failure.title)
    if failure.source == "server":
        return app_errors.NotFoundError(failure.title.rstrip("."))
    known = _BY_CODE.get(failure.code, app_errors.ModelError)
    return known(failure.title, failure.message, failure.hint, failure.detail)
