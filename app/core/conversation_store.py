"""ConversationStore: all conversations in one SQLite database."""

from pathlib import Path

from msgspec import UNSET, UnsetType

from app.core.conversations import Conversation, Message, MessageFinish, MessageState, SearchHit
from app.core.errors import AppError
from app.core.events import EventHook
from backends.types import Role, SamplingParams, Usage


class ConversationStore:
    """Reads and writes conversations. Safe to use from any thread; every call may block for disk.

    A call that writes returns when its change is on the disk. Unknown ids raise
    `ConversationError`.
    """

    changed: EventHook[[int]]
    """Gets the id of a conversation after it changed, in the thread that changed it.
    Not called for the growing text of a running answer.
    """
    problem: AppError | None
    """What was wrong with the database at the start, and what was kept."""

    def __init__(self, path: Path) -> None:
        raise NotImplementedError

    def create(
        self,
        *,
        title: str = "",
        preset_id: str | None = None,
        model_id: str | None = None,
        system_prompt: str | None = None,
        sampling: SamplingParams | None = None,
    ) -> Conversation:
        """A new, empty conversation."""
        raise NotImplementedError

    def get(self, conversation_id: int) -> Conversation:
        """The conversation with this id, in the trash or not."""
        raise NotImplementedError

    def list(self) -> tuple[Conversation, ...]:
        """All that are not in the trash, newest first; pinning is left to the view."""
        raise NotImplementedError

    def trash(self) -> tuple[Conversation, ...]:
        """Deleted conversations, last deleted first."""
        raise NotImplementedError

    def search(self, text: str, limit: int = 200) -> tuple[SearchHit, ...]:
        """Where all words of `text` occur, as beginnings of words: titles, then messages."""
        raise NotImplementedError

    def update(
        self,
        conversation_id: int,
        *,
        title: str | UnsetType = UNSET,
        auto_title: bool | UnsetType = UNSET,
        pinned: bool | UnsetType = UNSET,
        preset_id: str | UnsetType | None = UNSET,
        system_prompt: str | UnsetType | None = UNSET,
        sampling: SamplingParams | UnsetType | None = UNSET,
        model_id: str | UnsetType | None = UNSET,
        draft: str | UnsetType = UNSET,
    ) -> Conversation:
        """Change the fields given. A title set here is no longer automatic, unless said so."""
        raise NotImplementedError

    def duplicate(self, conversation_id: int) -> Conversation:
        """A copy with all messages and versions."""
        raise NotImplementedError

    def delete(self, conversation_id: int) -> None:
        """Put a conversation in the trash."""
        raise NotImplementedError

    def restore(self, conversation_id: int) -> None:
        """Take a conversation out of the trash."""
        raise NotImplementedError

    def purge_trash(self, older_than_days: float = 30) -> int:
        """Erase what has been in the trash for longer; answers how many conversations."""
        raise NotImplementedError

    def path(self, conversation_id: int) -> tuple[Message, ...]:
        """The branch that is shown, first message to last."""
        raise NotImplementedError

    def message(self, message_id: int) -> Message:
        """One message that is not deleted."""
        raise NotImplementedError

    def siblings(self, message_id: int) -> tuple[Message, ...]:
        """All versions of a message, itself included, in order of making."""
        raise NotImplementedError

    def append(
        self,
        conversation_id: int,
        role: Role,
        content: str,
        parent_id: int | None,
        *,
        reasoning: str = "",
        model: str | None = None,
        state: MessageState = "complete",
        finish_reason: MessageFinish | None = None,
        usage: Usage | None = None,
    ) -> Message:
        """Add a message after `parent_id` (None: a first one) and show its branch."""
        raise NotImplementedError

    def update_message(
        self,
        message_id: int,
        *,
        content: str | UnsetType = UNSET,
        reasoning: str | UnsetType = UNSET,
        state: MessageState | UnsetType = UNSET,
        finish_reason: MessageFinish | UnsetType | None = UNSET,
        usage: Usage | UnsetType | None = UNSET,
    ) -> Message:
        """Change a message in place: the end of a running answer."""
        raise NotImplementedError

    def save_soon(self, message_id: int, content: str, reasoning: str) -> None:
        """Have the growing text of an answer on the disk within half a second; quick."""
        raise NotImplementedError

    def edit_message(self, message_id: int, content: str) -> Message:
        """A new version of a message with other text, shown in its place, nothing after it."""
        raise NotImplementedError

    def delete_message(self, message_id: int) -> None:
        """Delete a message and all that follows it; `restore_message` undoes it."""
        raise NotImplementedError

    def restore_message(self, message_id: int) -> Message:
        """Undo `delete_message`."""
        raise NotImplementedError

    def select_version(self, message_id: int) -> tuple[Message, ...]:
        """Show this version and the branch after it; answers the new path."""
        raise NotImplementedError

    def reveal(self, message_id: int) -> tuple[Message, ...]:
        """Show the branch a message is on, for a search hit; answers the new path."""
        raise NotImplementedError

    def recover(self) -> int:
        """Mark running answers of processes that are gone as interrupted; done at opening."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what is waiting and close the database; a second call does nothing."""
        raise NotImplementedError
