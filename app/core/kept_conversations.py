"""KeptConversations: files of chats whose cache is kept on disk, as long as that is wanted."""

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

from app.core.conversation_store import ConversationStore
from app.core.errors import AppError
from backends import kept_files

log = logging.getLogger(__name__)


def engine_name(conversation_id: int) -> str:
    """What engines call a conversation."""
    return f"chat-{conversation_id}"


class KeptConversations:
    """Deletes what an engine kept of a chat as soon as nobody wants it: no trash keeps its words.

    That is when the chat is in the trash, erased, or its switch was turned off. A mark tells the
    engine, which may be about to write; see `backends.kept_files`.
    """

    def __init__(self, folder: Path, store: ConversationStore) -> None:
        """Follow `store`, and delete what an earlier run left behind."""
        self.folder = folder
        self._store = store
        self._lock = threading.Lock()
        """Chats change in any thread; the newest state is to be the last one that is followed."""
        self._wanted: frozenset[int] = frozenset()
        self.tidy()
        _delete(folder.glob(f"*{kept_files.UNWANTED_SUFFIX}"))  # those engines are gone
        store.changed.connect(self._follow)

    def size(self, conversation_id: int) -> int:
        """Bytes on disk for one chat; what is just being written does not count."""
        return sum(
            _size(path) for path in self._files(conversation_id) if path.suffix == kept_files.SUFFIX
        )

    def tidy(self) -> None:
        """Delete all that nobody wants. Does nothing if the store cannot tell."""
        with self._lock:
            if not self._look():
                return
            stems = {kept_files.file_stem(engine_name(each)) for each in self._wanted}
            files = kept_files.kept_files(self.folder)
            _delete([path for path in files if path.stem not in stems])

    def _follow(self, _conversation_id: int) -> None:
        with self._lock:
            before = self._wanted
            if not self._look():
                return
            for conversation_id in before - self._wanted:
                self._forbid(conversation_id)
            for conversation_id in self._wanted - before:
                _delete([self._mark(conversation_id)])

    def _look(self) -> bool:
        """Ask the store what is wanted. One that cannot tell does not mean that nothing is."""
        try:
            self._wanted = self._store.kept_on_disk()
        except AppError as error:
            log.info("nobody knows which kept conversations are wanted: %s", error)
            return False
        return True

    def _forbid(self, conversation_id: int) -> None:
        mark = self._mark(conversation_id)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            mark.touch()
        except OSError as error:
            log.warning("%s could not be made: %s", mark, error)
        _delete(self._files(conversation_id))  # behind the mark: nothing comes after this

    def _mark(self, conversation_id: int) -> Path:
        return kept_files.unwanted_mark(self.folder, engine_name(conversation_id))

    def _files(self, conversation_id: int) -> list[Path]:
        stem = kept_files.file_stem(engine_name(conversation_id))
        return [path for path in kept_files.kept_files(self.folder) if path.stem == stem]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # deleted meanwhile
        return 0


def _delete(files: Iterable[Path]) -> None:
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s could not be deleted: %s", path, error)
