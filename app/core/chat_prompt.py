"""From stored messages to what an engine is told."""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from app.core.conversations import Message, Picture
from app.core.errors import ConversationError
from app.core.pictures import MAX_PICTURES, MAX_TOGETHER
from app.core.presets import ExampleMessage
from backends.types import ChatMessage, ContextPolicy, Role

IN_PLACE_OF_PICTURE = "(A picture that was left out.)"


class Turn(Struct, frozen=True):
    """One message of a request, and where it comes from."""

    message: ChatMessage
    """Without its images, which are read when the request is sent."""
    origin: int | None = None
    """Id of the stored message it begins with; None for the system prompt, examples and a
    draft."""
    pictures: tuple[Picture, ...] = ()


class ChatPrompt(Struct, frozen=True):
    """The messages of a request."""

    turns: tuple[Turn, ...]
    notes: tuple[str, ...] = ()
    """What a person should know of it."""

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """The messages without images."""
        return tuple(turn.message for turn in self.turns)

    @property
    def origins(self) -> tuple[int | None, ...]:
        """For each message the id of the stored one it begins with."""
        return tuple(turn.origin for turn in self.turns)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures of all messages, in order."""
        return tuple(picture for turn in self.turns for picture in turn.pictures)


def prompt_from(
    system: str,
    history: Sequence[Message],
    draft: str = "",
    draft_pictures: Sequence[Picture] = (),
    examples: Sequence[ExampleMessage] = (),
) -> ChatPrompt:
    """What an engine is told of `history`: without answers that never got a word.

    `examples` stand between the system prompt and the chat itself.

    Messages of the person that follow each other are made one: many chat templates insist that
    the roles take turns.
    """
    turns: list[Turn] = []
    if system:
        turns.append(_turn("system", system))
    turns += [_turn(each.role, each.content) for each in examples]
    for message in history:
        if message.content or message.role != "assistant":
            told = ChatMessage(message.role, message.content, message.reasoning)
            turns.append(Turn(told, message.id, message.pictures))
    if draft or draft_pictures:
        turns.append(_turn("user", draft, tuple(draft_pictures)))
    joined: list[Turn] = []
    for turn in turns:
        if joined and turn.message.role == joined[-1].message.role == "user":
            before = joined.pop()
            words = "\n\n".join(filter(None, (before.message.content, turn.message.content)))
            turn = Turn(
                ChatMessage("user", words), before.origin, (*before.pictures, *turn.pictures)
            )
        joined.append(turn)
    return ChatPrompt(tuple(joined))


def _turn(role: Role, text: str, pictures: tuple[Picture, ...] = ()) -> Turn:
    return Turn(ChatMessage(role, text), None, pictures)


def without_pictures(prompt: ChatPrompt, model_name: str) -> ChatPrompt:
    """The prompt for a model that cannot see, with a note if that makes a difference."""
    if not prompt.pictures:
        return prompt
    note = f"The pictures of this chat were left out: {model_name} cannot see them."
    return ChatPrompt(tuple(_with(turn, ()) for turn in prompt.turns), (*prompt.notes, note))


def newest_pictures(prompt: ChatPrompt) -> ChatPrompt:
    """The prompt with no more pictures than can be sent; the oldest are left out, with a note."""
    left, room = MAX_PICTURES, MAX_TOGETHER
    turns: list[Turn] = []
    for turn in reversed(prompt.turns):
        kept: list[Picture] = []
        for picture in reversed(turn.pictures):
            if left < 1 or picture.bytes > room:
                left = 0  # no older one either: what is left out is the beginning
                break
            left, room = left - 1, room - picture.bytes
            kept.insert(0, picture)
        turns.insert(0, _with(turn, tuple(kept)))
    limited = ChatPrompt(tuple(turns), prompt.notes)
    if len(limited.pictures) == len(prompt.pictures):
        return prompt
    note = (
        f"The oldest pictures of this chat were left out: at most {MAX_PICTURES} with "
        f"{MAX_TOGETHER // 2**20} MB together can be sent."
    )
    return replace(limited, notes=(*prompt.notes, note))


def _with(turn: Turn, pictures: tuple[Picture, ...]) -> Turn:
    """The turn with fewer pictures; one that had nothing else says so."""
    if len(pictures) == len(turn.pictures):
        return turn
    empty = not pictures and not turn.message.content
    words = IN_PLACE_OF_PICTURE if empty else turn.message.content
    return Turn(ChatMessage("user", words), turn.origin, pictures)


def with_images(
    prompt: ChatPrompt, read: Callable[[str], bytes]
) -> tuple[tuple[ChatMessage, ...], tuple[str, ...]]:
    """The messages with the files of their pictures, and the prompt's notes.

    A picture that `read` knows no more (`ConversationError`) is left out, with a note.
    """
    messages: list[ChatMessage] = []
    gone = 0
    for turn in prompt.turns:
        images: list[bytes] = []
        for picture in turn.pictures:
            try:
                images.append(read(picture.id))
            except ConversationError:
                gone += 1
        message = turn.message
        if turn.pictures:
            words = message.content or ("" if images else IN_PLACE_OF_PICTURE)
            message = ChatMessage("user", words, images=tuple(images))
        messages.append(message)
    note = "A picture of this chat is gone; the model was not shown it."
    return tuple(messages), (*prompt.notes, note) if gone else prompt.notes


def always_kept(turns: Sequence[Turn], policy: ContextPolicy) -> ChatPrompt:
    """What no engine leaves out of `turns`, the last of which is the person's."""
    if policy == "stop":
        return ChatPrompt(tuple(turns))
    start = 1 if turns[0].message.role == "system" and len(turns) > 1 else 0
    end = start
    if policy == "truncate_middle":
        asked = (n for n in range(start + 1, len(turns)) if turns[n].message.role == "user")
        end = next(asked, start)
    return ChatPrompt((*turns[:end], turns[-1]))
