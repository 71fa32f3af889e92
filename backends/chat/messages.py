"""Fits a conversation to what a chat template can take, so that no text is lost."""

import hashlib
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from backends.chat.families import ChatFormat
from backends.chat.template import Message
from backends.chat.tool_text import write_call, write_result
from backends.chat.traits import TemplateTraits, value_kind
from backends.chat.turns import Call, Turn

_NEUTRAL = "…"
"""Content of a turn that is there only because a template wants one."""


def fit(turns: Sequence[Turn], traits: TemplateTraits, chat_format: ChatFormat) -> list[Message]:
    """The conversation as dictionaries that a template with these traits renders whole."""
    kept = [t for t in turns if t.content or t.reasoning or t.calls or t.role in ("user", "tool")]
    fitted = _fit_roles(_fit_calls(list(_paired(kept)), traits, chat_format), traits)
    return [_to_dict(turn, traits) for turn in fitted]


# Calls and results


def _paired(turns: Iterable[Turn]) -> Iterator[Turn]:
    """Every result names the call it answers; one without a call is a text of the user."""
    open_calls: list[Call] = []
    for number, turn in enumerate(turns):
        if turn.role == "tool":
            fits = [c for c in open_calls if turn.call_id in ("", c.id)]
            if not fits:
                open_calls = []
                yield Turn("user", write_result(turn.content))
                continue
            open_calls.remove(fits[0])
            yield replace(turn, call_id=fits[0].id, name=turn.name or fits[0].name)
        else:
            calls = tuple(
                replace(call, id=call.id or f"call_{number}_{n}")
                for n, call in enumerate(turn.calls)
            )
            open_calls = list(calls)
            yield replace(turn, calls=calls)


def _fit_calls(
    turns: Sequence[Turn], traits: TemplateTraits, chat_format: ChatFormat
) -> list[Turn]:
    if traits.calls == "none":
        return [_written_out(turn, chat_format) for turn in turns]
    if not traits.parallel:
        turns = list(_one_by_one(turns))
    if traits.short_ids:
        turns = [_with_ids(turn, _short_id) for turn in turns]
    if not traits.text_and_call:
        turns = [part for turn in turns for part in _text_apart(turn)]
    elif not traits.thought_text_and_call:
        turns = [_with_one_thought(turn) for turn in turns]
    return list(turns)


def _written_out(turn: Turn, chat_format: ChatFormat) -> Turn:
    """Calls and results as text, for a template that does not render them."""
    if turn.role == "tool":
        return Turn("user", write_result(turn.content))
    calls = [write_call(call, chat_format.tool_style) for call in turn.calls]
    content = "\n".join(text for text in (turn.content, *calls) if text)
    return replace(turn, content=content, calls=())


def _one_by_one(turns: Iterable[Turn]) -> Iterator[Turn]:
    """Two calls in one turn become call, result, call, result."""
    waiting = deque(turns)
    while waiting:
        turn = waiting.popleft()
        if len(turn.calls) < 2:
            yield turn
            continue
        results = []
        while waiting and waiting[0].role == "tool":
            results.append(waiting.popleft())
        for n, call in enumerate(turn.calls):
            yield replace(turn if n == 0 else Turn("assistant", ""), calls=(call,))
            result = next((result for result in results if result.call_id == call.id), None)
            if result is not None:
                results.remove(result)
                yield result


def _with_ids(turn: Turn, rewrite: Callable[[str], str]) -> Turn:
    calls = tuple(replace(call, id=rewrite(call.id)) for call in turn.calls)
    return replace(turn, calls=calls, call_id=rewrite(turn.call_id) if turn.call_id else "")


def _short_id(call_id: str) -> str:
    """Nine letters and digits, always the same for one id."""
    if re.fullmatch(r"[A-Za-z0-9]{9}", call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:9]


def _text_apart(turn: Turn) -> list[Turn]:
    """What is said before a call gets a turn of its own."""
    if not (turn.calls and turn.content):
        return [turn]
    return [replace(turn, calls=()), Turn("assistant", "", calls=turn.calls)]


def _with_one_thought(turn: Turn) -> Turn:
    """What is said before a call joins the reasoning before it."""
    if not (turn.calls and turn.reasoning and turn.content):
        return turn
    return replace(turn, content="", reasoning=_paragraphs(turn.reasoning, turn.content))


# Roles


def _fit_roles(turns: list[Turn], traits: TemplateTraits) -> list[Turn]:
    turns = _merge_systems(turns)
    if [turn.role for turn in turns] == ["system"]:  # nothing would be asked
        return [Turn("user", turns[0].content)]
    if not traits.later_system:
        turns = [
            Turn("user", turn.content) if number and turn.role == "system" else turn
            for number, turn in enumerate(turns)
        ]
    if not traits.system and turns and turns[0].role == "system":
        turns = [Turn("user", turns[0].content), *turns[1:]]
        turns = [_joined(turns[0], turns[1]), *turns[2:]] if _same_role(turns) else turns
    at = 1 if turns and turns[0].role == "system" else 0
    begins_late = not traits.assistant_first and _role_at(turns, at) == "assistant"
    if begins_late or not any(turn.role == "user" for turn in turns):
        turns.insert(at, Turn("user", _NEUTRAL))
    return turns if traits.neighbours else list(_alternating(turns))


def _role_at(turns: Sequence[Turn], at: int) -> str:
    return turns[at].role if at < len(turns) else ""


def _same_role(turns: Sequence[Turn]) -> bool:
    return len(turns) > 1 and turns[0].role == turns[1].role


def _merge_systems(turns: list[Turn]) -> list[Turn]:
    """Several system turns at the start become one."""
    while len(turns) > 1 and turns[0].role == turns[1].role == "system":
        turns = [_joined(turns[0], turns[1]), *turns[2:]]
    return turns


def _alternating(turns: Iterable[Turn]) -> Iterator[Turn]:
    """Neighbours of one role become one turn; a question does not follow a call or its result."""
    last: Turn | None = None
    for turn in turns:
        if last is not None and last.role == turn.role != "tool":
            last = _joined(last, turn)
            continue
        if last is not None:
            yield last
            if turn.role == "user" and (last.role == "tool" or last.calls):
                yield Turn("assistant", _NEUTRAL)
        last = turn
    if last is not None:
        yield last


def _joined(first: Turn, second: Turn) -> Turn:
    return Turn(
        role=first.role,
        content=_paragraphs(first.content, second.content),
        reasoning=_paragraphs(first.reasoning, second.reasoning),
        calls=first.calls + second.calls,
    )


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)


# Dictionaries


def _to_dict(turn: Turn, traits: TemplateTraits) -> Message:
    message: Message = {"role": turn.role, "content": _content(turn, traits)}
    if turn.reasoning and not traits.thinking_parts:
        # The names under which templates look for it; each keeps or drops it by its own rule.
        message |= dict.fromkeys(("reasoning_content", "reasoning", "thinking"), turn.reasoning)
    if turn.calls:
        message["tool_calls"] = [_to_call(call, traits) for call in turn.calls]
    if turn.role == "tool":
        message |= {"tool_call_id": turn.call_id, "name": turn.name}
    return message


def _content(turn: Turn, traits: TemplateTraits) -> str | list[dict[str, str]]:
    if not traits.parts_only and not (traits.thinking_parts and turn.reasoning):
        return turn.content
    parts = []
    if traits.thinking_parts and turn.reasoning:
        parts.append({"type": "thinking", "thinking": turn.reasoning})
    if turn.content:
        parts.append({"type": "text", "text": turn.content})
    return parts


def _to_call(call: Call, traits: TemplateTraits) -> dict[str, Any]:
    arguments: object = call.arguments
    if traits.calls == "text":
        arguments = _json(call.arguments)
    elif traits.json_values:
        arguments = {
            key: _json(value) if value_kind(value) in traits.json_values else value
            for key, value in call.arguments.items()
        }
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
