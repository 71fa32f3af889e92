"""The chats that the page in the browser keeps here: a database for each token."""

import contextlib
import re
import threading
from dataclasses import dataclass

from app.api.errors import ApiError
from app.core.chat import ChatService
from app.core.conversation_store import ConversationStore
from app.core.local_server import ServerParts

_OWNER = re.compile(r"local|[0-9a-f]{4,64}")


@dataclass(frozen=True)
class History:
    """One owner's chats."""

    owner: str
    store: ConversationStore
    chats: ChatService


class Histories:
    """All owners' chats, each opened when it is asked for first. Safe to use from any thread."""

    def __init__(self, parts: ServerParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._open: dict[str, History] = {}
        self._closed = False

    def of(self, owner: str) -> History:
        """The chats of `owner`, as `owner_of` names it; blocks for the disk.

        Raises ApiError for a name that is none, or once closed; StorageError.
        """
        if not _OWNER.fullmatch(owner):  # it becomes the name of a file
            raise ApiError("forbidden", "The chats of this token cannot be kept.", status=403)
        with self._lock:
            if self._closed:
                raise ApiError("busy", "Corral is ending.")
            history = self._open.get(owner)
            if history is None:
                history = self._open[owner] = self._opened(owner)
            return history

    def close(self) -> None:
        """Close all databases; answers that are still under way are kept as interrupted."""
        with self._lock, contextlib.ExitStack() as closing:
            self._closed = True
            for history in self._open.values():
                closing.callback(history.store.close)
            self._open = {}

    def _opened(self, owner: str) -> History:
        parts = self._parts
        folder = parts.paths.server_dir / "chats"
        store = ConversationStore(folder / f"{owner}.db")
        chats = ChatService(
            store,
            parts.runtime,
            parts.presets,
            parts.settings,
            speeds=parts.speeds,
            name_for_engine=lambda number: f"page-{owner}-{number}",
        )
        return History(owner, store, chats)
