"""Conversations that clients go on with by the id of the last answer.

Each answer is a file of its own: whose it is, the answer that it follows, and what was said since.
Ids are made here and checked before they become names of files. Old ones are forgotten.
"""

import contextlib
import logging
import re
import secrets
import time
from pathlib import Path

import msgspec
from msgspec import Struct
from starlette.requests import Request

from app.api.errors import ApiError
from app.core.errors import AppError
from app.core.files import write_atomically
from backends.types import ChatMessage

log = logging.getLogger(__name__)

KEPT = 2000
"""Answers that are kept at most, of all owners together."""
KEPT_SECONDS = 30 * 86_400.0
LONGEST = 1000
"""Answers in one conversation."""
_ID = re.compile(r"resp_[0-9a-f]{48}")


class KeptAnswer(Struct, frozen=True, omit_defaults=True):
    """An answer and what was asked."""

    owner: str
    messages: tuple[ChatMessage, ...]
    """What was said since `previous`."""
    previous: str = ""
    """Id of the answer before; empty at the beginning of a conversation."""


class KeptChats:
    """Keeps them in a folder. All calls but `new_id` touch the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def new_id() -> str:
        """An id that nobody can guess."""
        return f"resp_{secrets.token_hex(24)}"

    def keep(self, answer_id: str, answer: KeptAnswer) -> None:
        """Keep an answer. One that cannot be written is only not there later."""
        try:
            write_atomically(self._path(answer_id), msgspec.json.encode(answer))
        except AppError as error:
            log.warning("an answer is not kept: %s", error)
            return
        self._forget_old()

    def conversation(self, answer_id: str, owner: str) -> tuple[ChatMessage, ...]:
        """All that was said up to this answer. Raises ApiError where it is not this owner's."""
        parts: list[tuple[ChatMessage, ...]] = []
        at = answer_id
        while at and len(parts) < LONGEST:
            answer = self._read(at)
            if answer is None or answer.owner != owner:
                raise ApiError(
                    "not_found",
                    "There is no such previous response: it is too old, or was not kept.",
                    param="previous_response_id",
                )
            parts.append(answer.messages)
            at = answer.previous
        return tuple(message for part in reversed(parts) for message in part)

    def _path(self, answer_id: str) -> Path:
        if not _ID.fullmatch(answer_id):
            raise ApiError(
                "invalid_request",
                "previous_response_id is no id of a response.",
                param="previous_response_id",
            )
        return self._folder / f"{answer_id}.json"

    def _read(self, answer_id: str) -> KeptAnswer | None:
        path = self._path(answer_id)
        try:
            answer = msgspec.json.decode(path.read_bytes(), type=KeptAnswer)
            path.touch()  # a conversation that goes on is young to its first word
        except (OSError, msgspec.DecodeError):
            return None
        return answer

    def _forget_old(self) -> None:
        ages: list[tuple[float, Path]] = []
        for path in self._folder.glob("resp_*.json"):
            with contextlib.suppress(OSError):  # another thread was quicker
                ages.append((path.stat().st_mtime, path))
        ages.sort(reverse=True)
        limit = time.time() - KEPT_SECONDS
        for number, (written, path) in enumerate(ages):
            if number >= KEPT or written < limit:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)


def owner_of(request: Request) -> str:
    """Whose the answers to `request` are: those of a token are seen with that token only."""
    token = request.scope["state"].get("token")
    return "" if token is None else str(token.id)
