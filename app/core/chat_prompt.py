"""From stored messages to what an engine is told."""

from collections.abc import Sequence

from msgspec import Struct

from app.core.conversations import Message
from app.core.presets import ExampleMessage
from backends.types import ChatMessage, ContextPolicy


class ChatPrompt(Struct, frozen=True):
    """The messages of a request, and where each of them comes from."""

    messages: tuple[ChatMessage, ...]
    origins: tuple[int | None, ...]
    """For each of them the id of the stored message it begins with; None for the system prompt,
    examples and a draft."""


def prompt_from(
    system: str,
    history: Sequence[Message],
    draft: str = "",
    examples: Sequence[ExampleMessage] = (),
) -> ChatPrompt:
    """What an engine is told of `history`: without answers that never got a word.

    `examples` stand between the system prompt and the chat itself.

    Messages of the person that follow each other are made one: many chat templates insist that
    the roles take turns.
    """
    turns: list[tuple[ChatMessage, int | None]] = []
    if system:
        turns.append((ChatMessage("system", system), None))
    turns += [(ChatMessage(each.role, each.content), None) for each in examples]
    for message in history:
        if message.content or message.role != "assistant":
            turn = ChatMessage(message.role, message.content, message.reasoning)
            turns.append((turn, message.id))
    if draft:
        turns.append((ChatMessage("user", draft), None))
    joined: list[tuple[ChatMessage, int | None]] = []
    for turn, origin in turns:
        if joined and turn.role == joined[-1][0].role == "user":
            before, origin = joined.pop()
            turn = ChatMessage("user", f"{before.content}\n\n{turn.content}")
        joined.append((turn, origin))
    return ChatPrompt(tuple(turn for turn, _ in joined), tuple(origin for _, origin in joined))


def always_kept(messages: Sequence[ChatMessage], policy: ContextPolicy) -> tuple[ChatMessage, ...]:
    """What no engine leaves out of `messages`, the last of which is the person's."""
    if policy == "stop":
        return tuple(messages)
    start = 1 if messages[0].role == "system" and len(messages) > 1 else 0
    end = start
    if policy == "truncate_middle":
        asked = (n for n in range(start + 1, len(messages)) if messages[n].role == "user")
        end = next(asked, start)
    return (*messages[:end], messages[-1])
