"""What a conversation is: a tree of messages, one branch of which is shown."""

import re
from typing import Literal

from msgspec import Struct

from app.core.markdown_line import plain_line
from backends.types import (
    Constraint,
    FinishReason,
    ReasoningOptions,
    Role,
    SamplingParams,
    Usage,
)

MessageState = Literal["complete", "streaming", "interrupted"]
MessageFinish = FinishReason | Literal["interrupted"]


class Picture(Struct, frozen=True):
    """A picture of a message; the store has the file by its id. Sizes are pixels and bytes."""

    id: str
    """SHA-256 of the encoded file, hexadecimal."""
    width: int
    height: int
    bytes: int


class Message(Struct, frozen=True):
    """One turn. Editing or regenerating makes another version beside it, never changes it."""

    id: int
    conversation_id: int
    parent_id: int | None
    """The message it answers or follows; None for a first one."""
    role: Role
    content: str
    created: float
    """Unix time, seconds."""
    reasoning: str = ""
    model: str | None = None
    """Id of the model that wrote it."""
    finish_reason: MessageFinish | None = None
    """"interrupted": the engine or the program ended before the answer did."""
    state: MessageState = "complete"
    usage: Usage | None = None
    version: int = 1
    """Which of its versions this is, from 1, in order of making."""
    versions: int = 1
    """How many versions there are."""
    first_kept: int | None = None
    """Of an answer: id of the first message the model was told of, where the context was too small
    for all of them; None where it was told all."""
    notes: tuple[str, ...] = ()
    """Sentences about an answer that a person should know."""
    pictures: tuple[Picture, ...] = ()


class Conversation(Struct, frozen=True):
    """A conversation without its messages. Times are Unix seconds."""

    id: int
    title: str
    """Empty until the first message is sent."""
    created: float
    updated: float
    """When a message was added or finished last; lists are ordered by it."""
    auto_title: bool = True
    """The title was made from the first message and may be made again."""
    pinned: bool = False
    preset_id: str | None = None
    """None is the default preset."""
    system_prompt: str | None = None
    """Used in place of the preset's; None is the preset's."""
    sampling: SamplingParams | None = None
    """Used in place of the preset's; None is the preset's."""
    reasoning: ReasoningOptions | None = None
    """None leaves it to the model."""
    constraint: Constraint | None = None
    """What every answer must be; None is anything."""
    keep_on_disk: bool = False
    """The engine may keep what it has computed of this chat in a file."""
    model_id: str | None = None
    preview: str = ""
    """First words of the last answer."""
    draft: str = ""
    """What is typed and not sent."""
    draft_pictures: tuple[Picture, ...] = ()
    """What is attached and not sent."""
    deleted: float | None = None
    """When it was put in the trash; None while it is not there."""


class SearchHit(Struct, frozen=True):
    """One place where a search found something."""

    conversation_id: int
    message_id: int | None
    """None: the title matched."""
    snippet: str
    """The words around the match, on one line."""
    matches: tuple[tuple[int, int], ...] = ()
    """Start and end of each match in `snippet`."""


TITLE_LENGTH = 48
PREVIEW_LENGTH = 120

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s|(?<=[。！？])")


def title_from(text: str) -> str:
    """A title for a chat that begins with `text`: its first sentence, 48 characters at most.

    What a person writes is no Markdown: 2*3*4 stays so.
    """
    line = next((line for line in text.splitlines() if line.strip()), "")
    sentence = _SENTENCE_END.split(" ".join(line.split()), maxsplit=1)[0]
    return _shortened(sentence, TITLE_LENGTH)


def preview_from(text: str) -> str:
    """The first words of an answer on one line, without the commonest Markdown."""
    return _shortened(plain_line(text[: 4 * PREVIEW_LENGTH]), PREVIEW_LENGTH)


def _shortened(text: str, length: int) -> str:
    """`text` cut between words where there are any, with an ellipsis."""
    if len(text) <= length:
        return text
    head = text[: length - 1]
    words = head.rsplit(" ", 1)[0]
    return (words if len(words) > length // 2 else head).rstrip(" ,;:-") + "…"
