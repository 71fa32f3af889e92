"""What an engine's end or refusal means, in words for a person; the rows are in `failure_table`."""

import re
import signal
import sys
from collections.abc import Sequence

from app.core.errors import EngineDied, ModelError, PromptRefused
from app.core.failure_table import (
    BLAMES,
    DEATHS,
    REFUSALS,
    WINDOWS_ABORT,
    WINDOWS_STATUS,
    Blame,
    Failure,
)
from backends import errors

__all__ = ["Blame", "death", "failure_of_death", "failure_of_refusal", "refusal", "telling_line"]

_REST_IS_SAFE = "Other models and all chats are safe."

_TELLING = re.compile(r"assert|error|fail|memory|exception|cannot|unable|illegal", re.IGNORECASE)
_NOT_TELLING = re.compile(r"^\s*(Fatal Python error|File |Thread |Current thread)")
_SEARCHED_LINES = 40
"""Of the last words: what was said long before the end is not its reason."""
MAX_QUOTE = 240
"""Characters of an engine's words inside a sentence."""


def death(status: int, last_words: Sequence[str], blame: Blame | None = None) -> EngineDied:
    """Why a child ended, from its exit status (negative: a signal) and the end of its log.

    `blame` is given when the program itself ended the child.
    """
    failure = failure_of_death(status, last_words, blame)
    why = failure.why.format(end=_end_name(status), status=status)
    quote = telling_line(last_words)
    words = f" Its last words were: “{quote}”." if quote else ""
    detail = "\n".join([*last_words, f"exit status {status}"])
    error = EngineDied(failure.title, f"{why}{words} {_REST_IS_SAFE}", failure.hint, detail)
    error.remedies, error.cause = failure.remedies, failure.name
    return error


def failure_of_death(status: int, last_words: Sequence[str], blame: Blame | None = None) -> Failure:
    """The row of the failure table that explains an end."""
    if blame is not None:
        return next(row for row in BLAMES if row.blame == blame)
    end = _end_name(status)
    known = frozenset().union(*(row.ends for row in DEATHS))
    kind = end if end in known or not end else "other"
    text = "\n".join(last_words[-_SEARCHED_LINES:])
    return next(
        row
        for row in DEATHS
        if (not row.ends or kind in row.ends)
        and (not row.words or re.search(row.words, text, re.IGNORECASE))
    )


def _end_name(status: int) -> str:
    """The signal that ended a process, or what corresponds to it; "" for an exit of its own."""
    if status == WINDOWS_ABORT and sys.platform == "win32":
        return "SIGABRT"
    name = WINDOWS_STATUS.get(status % 2**32, "")
    if name or status >= 0:
        return name
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def telling_line(last_words: Sequence[str]) -> str:
    """The last line that sounds like a reason; empty if none does."""
    for line in reversed(last_words):
        found = _TELLING.search(line)
        if found and not _NOT_TELLING.search(line):
            # A flood without line ends may stand before the reason in the same line.
            return line[max(0, found.start() - MAX_QUOTE // 2) :].strip()[:MAX_QUOTE]
    return ""


def failure_of_refusal(error: errors.BackendError) -> Failure:
    """The row of the failure table that explains what an engine reported."""
    text = f"{error.message}\n{error.detail}"
    for kind in type(error).__mro__:
        for row in REFUSALS:
            if row.error is kind and re.search(row.words, text, re.IGNORECASE):
                return row
    raise AssertionError("every engine error is a BackendError")


def refusal(error: errors.BackendError) -> ModelError:
    """What an engine reported, as an error that can be shown."""
    failure = failure_of_refusal(error)
    message = error.message if error.message.endswith(".") else f"{error.message}."
    shown = PromptRefused if isinstance(error, errors.PromptTooLong) else ModelError
    told = shown(failure.title, message, failure.hint, error.detail)
    told.remedies = failure.remedies
    return told
