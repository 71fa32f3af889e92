"""KeptConversations: files of chats whose cache is kept on disk, as long as that is wanted."""

import logging
from pathlib import Path

from app.core.conversation_store import ConversationStore
from app.core.errors import AppError, ConversationError
from backends import kept_files

log = logging.getLogger(__name__)


def engine_name(conversation_id: int) -> str:
    """What engines call a conversation."""
    return f"chat-{conversation_id}"


class KeptConversations:
    """Deletes what an engine kept of a chat as soon as nobody wants it: no trash keeps its words.

    That is when the chat is in the trash, erased, or its switch was turned off.
    """

    def __init__(self, folder: Path, store: ConversationStore) -> None:
        """Follow `store`, and delete what an earlier run left behind."""
        self.folder = folder
        self._store = store
        store.changed.connect(self._follow)
        self._tidy()

    def size(self, conversation_id: int) -> int:
        """Bytes on disk for one chat."""
        return sum(path.stat().st_size for path in self._files(conversation_id))

    def _follow(self, conversation_id: int) -> None:
        files = self._files(conversation_id)
        if files and not self._is_wanted(conversation_id):
            _delete(files)

    def _is_wanted(self, conversation_id: int) -> bool:
        try:
            conversation = self._store.get(conversation_id)
        except ConversationError:
            return False
        return conversation.keep_on_disk and conversation.deleted is None

    def _files(self, conversation_id: int) -> list[Path]:
        stem = kept_files.file_stem(engine_name(conversation_id))
        return [path for path in kept_files.kept_files(self.folder) if path.stem == stem]

    def _tidy(self) -> None:
        files = list(kept_files.kept_files(self.folder))
        if not files:
            return
        try:
            chats = [each.id for each in self._store.list() if each.keep_on_disk]
        except AppError as error:
            log.warning("the kept conversations could not be tidied: %s", error)
            return
        wanted = {kept_files.file_stem(engine_name(each)) for each in chats}
        _delete([path for path in files if path.stem not in wanted])


def _delete(files: list[Path]) -> None:
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s could not be deleted: %s", path, error)
