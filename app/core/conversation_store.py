"""ConversationStore: all conversations in one SQLite database."""

import logging
import sqlite3
import time
from pathlib import Path

from msgspec import UNSET, UnsetType

from app.core import conversation_rows as rows
from app.core import conversation_search, kept_pictures
from app.core import conversation_upkeep as upkeep
from app.core.conversation_recovery import prepare
from app.core.conversations import (
    Conversation,
    Message,
    MessageFinish,
    MessageState,
    Picture,
    SearchHit,
    preview_from,
)
from app.core.database import Database
from app.core.errors import AppError, ConversationError, StorageError
from app.core.events import EventHook
from backends.types import Constraint, ReasoningOptions, Role, SamplingParams, Usage

log = logging.getLogger(__name__)

TRASH_DAYS = 30.0
_DAY = 86_400.0


class ConversationStore:
    """Reads and writes conversations. Safe to use from any thread; every call may block for disk.

    A call that writes returns when its change is on the disk. Unknown ids raise
    `ConversationError`; `StorageError` says that the disk is full or gone. Opening it recovers
    what a crash left behind and empties the trash of what is over 30 days old.

    Hooks:
        changed: id of a conversation after it changed, in the thread that changed it. Not called
            for the growing text of a running answer.
    """

    def __init__(self, path: Path) -> None:
        self.changed: EventHook[[int]] = EventHook()
        self.problem: AppError | None
        """What was wrong with the database at the start, and what was kept."""
        self.database_path, self.problem = prepare(path)
        self._writer = upkeep.this_process()
        self._database = Database(self.database_path)
        try:
            self.recover()
            self.purge_trash()
        except AppError as error:  # a full disk must not keep anybody from reading
            log.warning("housekeeping failed: %s", error)
            self.problem = self.problem or error

    # Conversations

    def create(
        self,
        *,
        title: str = "",
        preset_id: str | None = None,
        model_id: str | None = None,
        system_prompt: str | None = None,
        sampling: SamplingParams | None = None,
        reasoning: ReasoningOptions | None = None,
        constraint: Constraint | None = None,
        keep_on_disk: bool = False,
    ) -> Conversation:
        """A new, empty conversation."""
        now = time.time()
        values: dict[str, object] = {
            "title": title,
            "auto_title": not title,
            "created": now,
            "updated": now,
            "preset_id": preset_id,
            "model_id": model_id,
            "system_prompt": system_prompt,
            "sampling": sampling,
            "reasoning": reasoning,
            "answer_constraint": constraint,
            "keep_on_disk": keep_on_disk,
        }
        new = self._database.write(
            lambda c: rows.find_conversation(c, rows.insert(c, "conversations", values))
        )
        self.changed(new.id)
        return new

    def get(self, conversation_id: int) -> Conversation:
        """The conversation with this id, in the trash or not."""
        with self._database.read() as connection:
            return rows.find_conversation(connection, conversation_id)

    def list(self) -> tuple[Conversation, ...]:
        """All that are not in the trash, newest first; pinning is left to the view."""
        return self._select("deleted IS NULL ORDER BY updated DESC, id DESC")

    def kept_on_disk(self) -> frozenset[int]:
        """Ids of the conversations, not in the trash, of which engines may keep files."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT id FROM conversations WHERE keep_on_disk AND deleted IS NULL"
            )
            return frozenset(row["id"] for row in found)

    def trash(self) -> tuple[Conversation, ...]:
        """Deleted conversations, last deleted first."""
        return self._select("deleted IS NOT NULL ORDER BY deleted DESC, id DESC")

    def search(self, text: str, limit: int = 200) -> tuple[SearchHit, ...]:
        """Where all words of `text` occur, as beginnings of words: titles, then messages.

        Any text will do. A message may be on a branch that is not shown: see `reveal`.
        """
        with self._database.read() as connection:
            return conversation_search.search(connection, text, limit)

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
        reasoning: ReasoningOptions | UnsetType | None = UNSET,
        constraint: Constraint | UnsetType | None = UNSET,
        keep_on_disk: bool | UnsetType = UNSET,
        model_id: str | UnsetType | None = UNSET,
        draft: str | UnsetType = UNSET,
        draft_pictures: tuple[Picture, ...] | UnsetType = UNSET,
    ) -> Conversation:
        """Change the fields given. A title set here is no longer automatic, unless said so."""
        if title is not UNSET and auto_title is UNSET:
            auto_title = False
        values = _given(
            title=title,
            auto_title=auto_title,
            pinned=pinned,
            preset_id=preset_id,
            system_prompt=system_prompt,
            sampling=sampling,
            reasoning=reasoning,
            answer_constraint=constraint,
            keep_on_disk=keep_on_disk,
            model_id=model_id,
            draft=draft,
            draft_pictures=draft_pictures if draft_pictures is UNSET else draft_pictures or None,
        )

        def job(connection: sqlite3.Connection) -> Conversation:
            rows.update(connection, "conversations", conversation_id, values)
            return rows.find_conversation(connection, conversation_id)

        conversation = self._database.write(job)
        self.changed(conversation_id)
        return conversation

    def duplicate(self, conversation_id: int) -> Conversation:
        """A copy with all messages and versions; an answer still running is copied as it is."""

        def job(connection: sqlite3.Connection) -> Conversation:
            return rows.find_conversation(connection, rows.copy(connection, conversation_id))

        copy = self._database.write(job)
        self.changed(copy.id)
        return copy

    def delete(self, conversation_id: int) -> None:
        """Put a conversation in the trash."""
        self._set_deleted(conversation_id, time.time())

    def restore(self, conversation_id: int) -> None:
        """Take a conversation out of the trash."""
        self._set_deleted(conversation_id, None)

    def purge_trash(self, older_than_days: float = TRASH_DAYS) -> int:
        """Erase what has been in the trash for longer; answers how many conversations.

        Deleted messages go the same way.
        """
        before = time.time() - older_than_days * _DAY
        return self._database.write(lambda c: upkeep.erase_deleted(c, before))

    # Messages

    def path(self, conversation_id: int) -> tuple[Message, ...]:
        """The branch that is shown, first message to last."""
        with self._database.read() as connection:
            return rows.shown_path(connection, conversation_id)

    def message(self, message_id: int) -> Message:
        """One message that is not deleted."""
        with self._database.read() as connection:
            return rows.find_message(connection, message_id)

    def siblings(self, message_id: int) -> tuple[Message, ...]:
        """All versions of a message, itself included, in order of making."""
        with self._database.read() as connection:
            return rows.find_versions(connection, message_id)

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
        pictures: tuple[Picture, ...] = (),
        empties_draft: bool = False,
    ) -> Message:
        """Add a message after `parent_id` (None: a first one) and show its branch.

        With `empties_draft` it takes the place of the draft, in one step.
        """
        now = time.time()
        values: dict[str, object] = {
            "conversation_id": conversation_id,
            "parent_id": parent_id,
            "role": role,
            "content": content,
            "reasoning": reasoning,
            "created": now,
            "model": model,
            "state": state,
            "finish_reason": finish_reason,
            "usage": usage,
            "pictures": pictures or None,
            "writer": self._writer if state == "streaming" else None,
        }

        def job(connection: sqlite3.Connection) -> Message:
            rows.find_conversation(connection, conversation_id)
            if parent_id is not None:
                parent = rows.find_row(connection, parent_id)
                if parent["conversation_id"] != conversation_id:
                    raise ConversationError("This message belongs to another chat")
            message = self._add(connection, values)
            if role == "assistant" and content:
                rows.refresh_preview(connection, conversation_id)
            if empties_draft:
                emptied: dict[str, object] = {"draft": "", "draft_pictures": None}
                rows.update(connection, "conversations", conversation_id, emptied)
            return message

        message = self._database.write(job)
        self.changed(conversation_id)
        return message

    def update_message(
        self,
        message_id: int,
        *,
        content: str | UnsetType = UNSET,
        reasoning: str | UnsetType = UNSET,
        state: MessageState | UnsetType = UNSET,
        finish_reason: MessageFinish | UnsetType | None = UNSET,
        usage: Usage | UnsetType | None = UNSET,
        first_kept: int | UnsetType | None = UNSET,
        notes: tuple[str, ...] | UnsetType = UNSET,
        retry: bool = False,
    ) -> Message:
        """Change a message in place: the end of a running answer, or its beginning anew.

        Of a deleted one, which may yet be restored, it is changed as well before this raises. With
        `retry`, a change that finds no room raises too, but is made as soon as there is some.
        """
        values = _given(
            content=content,
            reasoning=reasoning,
            state=state,
            finish_reason=finish_reason,
            usage=usage,
            first_kept=first_kept,
            notes=notes,
        )
        if state is not UNSET:
            values["writer"] = self._writer if state == "streaming" else None

        def job(connection: sqlite3.Connection) -> Message | ConversationError:
            self._database.forget(message_id)
            rows.update(connection, "messages", message_id, values)
            try:
                message = rows.find_message(connection, message_id)
            except ConversationError as error:
                return error
            summary: dict[str, object] = {"updated": time.time()}
            if message.role == "assistant" and message.state != "streaming":
                summary["preview"] = preview_from(message.content)
            rows.update(connection, "conversations", message.conversation_id, summary)
            return message

        def tell(result: Message | ConversationError) -> None:
            if isinstance(result, Message):
                self.changed(result.conversation_id)

        try:
            result = self._database.write(job)
        except StorageError:
            if retry:
                self._database.write_soon(message_id, job, tell)
            raise
        tell(result)
        if isinstance(result, ConversationError):
            raise result
        return result

    def save_soon(self, message_id: int, content: str, reasoning: str) -> None:
        """Have the growing text of an answer on the disk within half a second; quick."""
        values: dict[str, object] = {"content": content, "reasoning": reasoning}
        self._database.write_soon(
            message_id, lambda c: rows.update(c, "messages", message_id, values)
        )

    def edit_message(self, message_id: int, content: str) -> Message:
        """A new version of a message with other text, shown in its place, nothing after it.

        Its pictures are those of the old version.
        """

        def job(connection: sqlite3.Connection) -> Message:
            old = rows.find_row(connection, message_id)
            values: dict[str, object] = {
                "conversation_id": old["conversation_id"],
                "parent_id": old["parent_id"],
                "role": old["role"],
                "content": content,
                "created": time.time(),
                "model": old["model"],
                "first_kept": old["first_kept"],
                "pictures": old["pictures"],
            }
            message = self._add(connection, values)
            rows.refresh_preview(connection, message.conversation_id)
            return message

        message = self._database.write(job)
        self.changed(message.conversation_id)
        return message

    def delete_message(self, message_id: int) -> None:
        """Delete a message and all that follows it; `restore_message` undoes it."""
        now = time.time()

        def job(connection: sqlite3.Connection) -> int:
            conversation = int(rows.find_row(connection, message_id)["conversation_id"])
            rows.mark_subtree(connection, message_id, None, now)
            rows.refresh_preview(connection, conversation)
            return conversation

        self.changed(self._database.write(job))

    def restore_message(self, message_id: int) -> Message:
        """Undo `delete_message`; what the message answers comes back with it."""

        def job(connection: sqlite3.Connection) -> Message:
            row = connection.execute(
                "SELECT deleted FROM messages WHERE id = ?", (message_id,)
            ).fetchone()
            if row is not None and row["deleted"] is not None:
                rows.mark_subtree(connection, message_id, row["deleted"], None)
            for ancestor in rows.ancestors(connection, message_id):
                rows.update(connection, "messages", ancestor["id"], {"deleted": None})
            message = rows.find_message(connection, message_id)
            rows.refresh_preview(connection, message.conversation_id)
            return message

        message = self._database.write(job)
        self.changed(message.conversation_id)
        return message

    def select_version(self, message_id: int) -> tuple[Message, ...]:
        """Show this version and the branch after it as it was left; answers the new path."""
        return self._show(message_id, ancestors=False)

    def reveal(self, message_id: int) -> tuple[Message, ...]:
        """Show the branch a message is on, for a search hit; answers the new path."""
        return self._show(message_id, ancestors=True)

    # Pictures

    def keep_picture(self, data: bytes, width: int, height: int) -> Picture:
        """Store an encoded picture, so that messages and drafts can refer to it."""
        picture_id = self._database.write(lambda c: kept_pictures.keep(c, data))
        return Picture(picture_id, width, height, len(data))

    def picture(self, picture_id: str) -> bytes:
        """The encoded file of a picture. Raises `ConversationError` if it is gone."""
        with self._database.read() as connection:
            data = kept_pictures.data_of(connection, picture_id)
        if data is None:
            raise ConversationError("This picture is gone", "It is not among the chats any more.")
        return data

    # Beginning and end

    def recover(self) -> int:
        """Mark running answers of processes that are gone as interrupted; answers how many.

        Their text, saved until then, stays. Done at opening.
        """

        return self._database.write(upkeep.interrupt_abandoned)

    def close(self) -> None:
        """Save what is running as interrupted and close; a second call does nothing."""

        try:
            self._database.write(lambda c: upkeep.interrupt_own(c, self._writer))
        except AppError as error:
            log.debug("at closing: %s", error)
        self._database.close()

    def _select(self, condition: str) -> tuple[Conversation, ...]:
        with self._database.read() as connection:
            found = connection.execute(f"SELECT * FROM conversations WHERE {condition}")
            return tuple(rows.conversation_from(row) for row in found)

    def _set_deleted(self, conversation_id: int, when: float | None) -> None:
        def job(connection: sqlite3.Connection) -> None:
            rows.find_conversation(connection, conversation_id)
            rows.update(connection, "conversations", conversation_id, {"deleted": when})

        self._database.write(job)
        self.changed(conversation_id)

    def _add(self, connection: sqlite3.Connection, values: dict[str, object]) -> Message:
        """Insert a message, show it, and note that its conversation moved."""
        message_id = rows.insert(connection, "messages", values)
        row = rows.find_row(connection, message_id)
        rows.choose(connection, row)
        rows.update(
            connection, "conversations", row["conversation_id"], {"updated": row["created"]}
        )
        return rows.find_message(connection, message_id)

    def _show(self, message_id: int, *, ancestors: bool) -> tuple[Message, ...]:
        def job(connection: sqlite3.Connection) -> tuple[Message, ...]:
            row = rows.find_row(connection, message_id)
            for each in rows.ancestors(connection, message_id) if ancestors else (row,):
                rows.choose(connection, each)
            rows.refresh_preview(connection, row["conversation_id"])
            return rows.shown_path(connection, row["conversation_id"])

        path = self._database.write(job)
        self.changed(path[0].conversation_id)
        return path


def _given(**values: object) -> dict[str, object]:
    """The values that were given at all."""
    return {name: value for name, value in values.items() if value is not UNSET}
