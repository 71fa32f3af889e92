"""The rows of the chat list: conversations in dated groups, or what a search found."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import IntEnum
from typing import Any, Literal

from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QDate,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTime,
    Signal,
)

from app.core.conversations import Conversation, SearchHit
from app.core.markdown_line import plain_line
from app.gui.controls.list_view import RowRole

Index = QModelIndex | QPersistentModelIndex
Mood = Literal["", "working", "failed"]


class ChatRole(IntEnum):
    """What only this list knows, beside `RowRole`."""

    MESSAGE_ID = RowRole.VALUE + 32
    """The message that a search found, or None."""
    PINNED = MESSAGE_ID + 1


TONES = {"working": "accent", "failed": "danger"}


@dataclass(frozen=True)
class Group:
    """A title between rows; cannot be selected."""

    title: str
    icon: str = ""


@dataclass(frozen=True)
class Row:
    """One conversation."""

    conversation: Conversation
    second_line: str
    time: str
    mood: Mood = ""
    message_id: int | None = None


def _key(row: Group | Row) -> tuple[object, ...]:
    """What makes a row the same one when the list is read anew."""
    if isinstance(row, Group):
        return (row.title,)
    return row.conversation.id, row.message_id


translate = QCoreApplication.translate


def group_title(day: datetime.date, today: datetime.date) -> str:
    """The dated group that a day belongs to."""
    age = (today - day).days
    if age <= 0:
        return translate("ChatList", "Today")
    if age == 1:
        return translate("ChatList", "Yesterday")
    if age <= 7:
        return translate("ChatList", "Previous 7 days")
    if age <= 30:
        return translate("ChatList", "Previous 30 days")
    return QLocale().toString(QDate(day.year, day.month, day.day), "MMMM yyyy")


def short_time(moment: datetime.datetime, today: datetime.date) -> str:
    """Clock today and yesterday, week day this week, else the date."""
    age = (today - moment.date()).days
    if age <= 1:
        clock = QTime(moment.hour, moment.minute)
        return QLocale().toString(clock, QLocale.FormatType.ShortFormat)
    day = QDate(moment.year, moment.month, moment.day)
    if age < 7:
        return QLocale().toString(day, "ddd")
    return QLocale().toString(day, "d MMM" if moment.year == today.year else "d MMM yyyy")


class ChatListModel(QAbstractListModel):
    """Adapter over the conversations that the store lists."""

    renamed = Signal(int, str)
    """Conversation id and the title that the person typed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Group | Row] = []
        self._conversations: dict[int, Conversation] = {}
        self._notes: dict[int, tuple[str, Mood]] = {}
        self._hits: Sequence[SearchHit] | None = None

    def show(self, conversations: Iterable[Conversation]) -> None:
        """Take over the store's list; a search stays in force."""
        self._conversations = {each.id: each for each in conversations}
        self._rebuild()

    def show_hits(self, hits: Sequence[SearchHit] | None) -> None:
        """Show only what a search found; None shows everything again."""
        self._hits = hits
        self._rebuild()

    def note(self, conversation_id: int, text: str, mood: Mood) -> None:
        """Say what goes on in a conversation on its second line; "" takes it back."""
        if text:
            self._notes[conversation_id] = (text, mood)
        else:
            self._notes.pop(conversation_id, None)
        row = self.row_of(conversation_id)
        if row is not None:
            old = self._rows[row]
            assert isinstance(old, Row)
            self._update(row, self._row(old.conversation, datetime.date.today()))

    def row_of(self, conversation_id: int) -> int | None:
        """The first row that shows a conversation."""
        for number, row in enumerate(self._rows):
            if isinstance(row, Row) and row.conversation.id == conversation_id:
                return number
        return None

    def conversation_at(self, index: Index) -> Conversation | None:
        """The conversation of a row; None for group titles."""
        row = self._rows[index.row()] if index.isValid() else None
        return row.conversation if isinstance(row, Row) else None

    def _rebuild(self) -> None:
        """Only rows that come or go are told: what is edited or chosen in the others stays."""
        today = datetime.date.today()
        rows = self._found(today) if self._hits is not None else self._grouped(today)
        before, after = [_key(row) for row in self._rows], [_key(row) for row in rows]
        changes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        for tag, start, end, new_start, new_end in reversed(changes):
            if tag != "equal":
                self._remove(start, end)
                self._insert(start, rows[new_start:new_end])
        for number, row in enumerate(rows):
            self._update(number, row)

    def _remove(self, start: int, end: int) -> None:
        if end > start:
            self.beginRemoveRows(QModelIndex(), start, end - 1)
            del self._rows[start:end]
            self.endRemoveRows()

    def _insert(self, start: int, rows: Sequence[Group | Row]) -> None:
        if rows:
            self.beginInsertRows(QModelIndex(), start, start + len(rows) - 1)
            self._rows[start:start] = rows
            self.endInsertRows()

    def _update(self, number: int, row: Group | Row) -> None:
        if self._rows[number] != row:
            self._rows[number] = row
            index = self.index(number)
            self.dataChanged.emit(index, index)

    def _grouped(self, today: datetime.date) -> list[Group | Row]:
        newest = sorted(self._conversations.values(), key=lambda each: -each.updated)
        rows: list[Group | Row] = []
        pinned = [each for each in newest if each.pinned]
        if pinned:
            rows.append(Group(translate("ChatList", "Pinned"), "pin"))
            rows += [self._row(each, today) for each in pinned]
        title = ""
        for each in newest:
            if each.pinned:
                continue
            day = datetime.datetime.fromtimestamp(each.updated).date()
            if (wanted := group_title(day, today)) != title:
                title = wanted
                rows.append(Group(title))
            rows.append(self._row(each, today))
        return rows

    def _found(self, today: datetime.date) -> list[Group | Row]:
        rows: list[Group | Row] = []
        for hit in self._hits or ():
            conversation = self._conversations.get(hit.conversation_id)
            if conversation is not None:
                time = short_time(datetime.datetime.fromtimestamp(conversation.updated), today)
                of_title = hit.message_id is None  # which is no Markdown
                snippet = hit.snippet if of_title else plain_line(hit.snippet)
                rows.append(Row(conversation, snippet, time, "", hit.message_id))
        return rows

    def _row(self, conversation: Conversation, today: datetime.date) -> Row:
        text, mood = self._notes.get(conversation.id, (conversation.preview, ""))
        time = short_time(datetime.datetime.fromtimestamp(conversation.updated), today)
        return Row(
            conversation, text, translate("ChatList", "now") if mood == "working" else time, mood
        )

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        """Groups and conversations."""
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Groups cannot be chosen; titles of conversations can be edited in place."""
        if self.conversation_at(index) is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What the delegate paints."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if isinstance(row, Group):
            group: dict[int, object] = {
                Qt.ItemDataRole.DisplayRole: row.title,
                RowRole.KIND: "group",
                RowRole.ICON: row.icon,
            }
            return group.get(role)
        title = " ".join(row.conversation.title.split()) or translate("ChatList", "New chat")
        values: dict[int, object] = {
            Qt.ItemDataRole.DisplayRole: title,
            Qt.ItemDataRole.EditRole: row.conversation.title,
            Qt.ItemDataRole.AccessibleTextRole: f"{title}. {row.second_line}. {row.time}",
            RowRole.KIND: "row",
            RowRole.VALUE: row.conversation.id,
            RowRole.SECOND: row.second_line,
            RowRole.SECOND_TONE: TONES.get(row.mood),
            RowRole.SIDE: row.time,
            ChatRole.MESSAGE_ID: row.message_id,
            ChatRole.PINNED: row.conversation.pinned,
        }
        return values.get(role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """A title typed in place is told by `renamed`; the store's answer changes the row."""
        conversation = self.conversation_at(index)
        title = str(value).strip()
        if conversation is None or role != Qt.ItemDataRole.EditRole or not title:
            return False
        if title != conversation.title:
            self.renamed.emit(conversation.id, title)
        return True
