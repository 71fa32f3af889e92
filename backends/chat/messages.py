"""Fits a conversation to what a chat template can take.

Templates raise on, or silently drop, what their model was not trained on: a system turn, a second
one later, two turns of one role in a row. Each template is tried once with tiny conversations,
and every conversation is then rewritten so that no text is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backends.chat.template import ChatTemplate, Message
from backends.errors import TemplateError
from backends.types import ChatMessage

_PROBE_SECONDS = 0.5
_NEUTRAL_OPENING = "…"


@dataclass(frozen=True)
class TemplateTraits:
    """What a chat template renders without an error and without losing text."""

    system: bool = True
    """A system turn at the start."""
    later_system: bool = True
    """A system turn after other turns."""
    neighbours: bool = True
    """Two turns of the same role in a row."""
    assistant_first: bool = True


def probe(template: ChatTemplate) -> TemplateTraits:
    """Find out by rendering; a template that runs over its time keeps the default traits."""

    def survives(*roles: str) -> bool:
        words = [f"Qx{number}z{role}" for number, role in enumerate(roles)]
        turns = [{"role": role, "content": word} for role, word in zip(roles, words, strict=True)]
        rendered = template.render(turns, seconds=_PROBE_SECONDS)
        return all(word in rendered for word in words)

    def takes(*roles: str) -> bool:
        try:
            return survives(*roles)
        except TemplateError:
            return False

    if not takes("user"):
        return TemplateTraits()
    return TemplateTraits(
        system=takes("system", "user"),
        later_system=takes("user", "assistant", "system", "user"),
        neighbours=takes("user", "user", "assistant", "assistant", "user"),
        assistant_first=takes("assistant", "user"),
    )


def fit(messages: Sequence[ChatMessage], traits: TemplateTraits) -> list[Message]:
    """The conversation as dictionaries that a template with these traits renders whole."""
    turns = _merge_systems([m for m in messages if m.content or m.reasoning or m.role == "user"])
    if not traits.later_system:
        turns = [
            ChatMessage("user", turn.content) if number and turn.role == "system" else turn
            for number, turn in enumerate(turns)
        ]
    if not traits.system and turns and turns[0].role == "system":
        turns = [ChatMessage("user", turns[0].content), *turns[1:]]
        turns = [_joined(turns[0], turns[1]), *turns[2:]] if _same_role(turns) else turns
    if not traits.assistant_first:
        at = 1 if turns and turns[0].role == "system" else 0
        if len(turns) > at and turns[at].role == "assistant":
            turns.insert(at, ChatMessage("user", _NEUTRAL_OPENING))
    if not traits.neighbours:
        turns = _merge_neighbours(turns)
    return [_to_dict(turn) for turn in turns]


def _same_role(turns: Sequence[ChatMessage]) -> bool:
    return len(turns) > 1 and turns[0].role == turns[1].role


def _merge_systems(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Several system turns at the start become one."""
    turns = list(messages)
    while len(turns) > 1 and turns[0].role == turns[1].role == "system":
        turns[:2] = [_joined(turns[0], turns[1])]
    return turns


def _merge_neighbours(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    turns: list[ChatMessage] = []
    for message in messages:
        if turns and turns[-1].role == message.role:
            turns[-1] = _joined(turns[-1], message)
        else:
            turns.append(message)
    return turns


def _joined(first: ChatMessage, second: ChatMessage) -> ChatMessage:
    content = "\n\n".join(part for part in (first.content, second.content) if part)
    reasoning = "\n\n".join(part for part in (first.reasoning, second.reasoning) if part)
    return ChatMessage(first.role, content, reasoning)


def _to_dict(message: ChatMessage) -> Message:
    turn: Message = {"role": message.role, "content": message.content}
    if message.reasoning:
        # The names under which templates look for it; each keeps or drops it by its own rule.
        turn["reasoning_content"] = turn["thinking"] = message.reasoning
    return turn
