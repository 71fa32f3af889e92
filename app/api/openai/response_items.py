"""From the items of a response's input to the turns that engines take."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import structs

from app.api.errors import ApiError
from app.api.openai.response_types import (
    CallItem,
    CallOutputItem,
    CustomCallItem,
    CustomOutputItem,
    EarlierRefusal,
    EarlierText,
    InputImage,
    InputItem,
    InputPart,
    InputText,
    MessageItem,
    ReasoningItem,
    SearchItem,
)
from app.api.requests import json_text, picture_from_url
from app.api.work import new_id
from backends.types import ChatMessage, ToolCall

Json = dict[str, Any]

_PREFIXES = {
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "web_search_call": "ws_",
    "reasoning": "rs_",
}


def items_of(given: str | list[Json]) -> list[Json]:
    """The input as items with ids, as they are kept. Raises ApiError for an item of no sense."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not given:
        raise ApiError("invalid_request", "input: There must be at least one item.", param="input")
    return [_item(each, f"input[{i}]") for i, each in enumerate(given)]


def turns_of(items: Iterable[Json]) -> tuple[ChatMessage, ...]:
    """The conversation that items make. Raises ApiError."""
    turns = _Turns()
    for i, each in enumerate(items):
        turns.add(_parsed(each, f"input[{i}]"), f"input[{i}]")
    return turns.finish()


def _item(given: Json, place: str) -> Json:
    """An item with its type, its id and its content as a list: as clients read it again."""
    item = {"type": "message", **given}
    parsed = _parsed(item, place)
    if isinstance(parsed, MessageItem) and isinstance(parsed.content, str):
        kind = "output_text" if parsed.role == "assistant" else "input_text"
        part: Json = {"type": kind, "text": parsed.content}
        item["content"] = [{**part, "annotations": []} if kind == "output_text" else part]
    item.setdefault("status", "completed")
    if not isinstance(item.get("id"), str):
        item["id"] = new_id(_PREFIXES.get(item["type"], "msg_"))
    return item


def _parsed(item: Json, place: str) -> InputItem:
    try:
        parsed: InputItem = msgspec.convert(item, InputItem)
    except msgspec.ValidationError as error:
        text, _, at = str(error).partition(" - at `$")
        where = place + at.rstrip("`")
        raise ApiError("invalid_request", f"{where}: {text}.", param=where) from None
    return parsed


class _Turns:
    """Reasoning, text and calls that follow one another are one turn of the assistant."""

    def __init__(self) -> None:
        self._turns: list[ChatMessage] = []
        self._begun: ChatMessage | None = None
        self._names: dict[str, str] = {}

    def add(self, item: InputItem, place: str) -> None:
        match item:
            case ReasoningItem():
                parts = item.content or item.summary
                self._assistant(reasoning="\n".join(part.text for part in parts))
            case CallItem():
                self._call(ToolCall(item.call_id, item.name, item.arguments or "{}"))
            case CustomCallItem():  # models know calls with arguments only
                arguments = json_text({"input": item.input})
                self._call(ToolCall(item.call_id, item.name, arguments))
            case CallOutputItem() | CustomOutputItem():
                self._output(item, place)
            case SearchItem():
                pass
            case MessageItem(role="assistant"):
                self._assistant(text=_read(item.content, place)[0])
            case MessageItem():
                self._close()
                text, pictures = _read(item.content, place)
                if pictures and item.role != "user":
                    raise ApiError(
                        "invalid_request",
                        f"{place}: Only messages of the user may hold pictures.",
                        param=place,
                    )
                role = "system" if item.role == "developer" else item.role
                self._turns.append(ChatMessage(role, text, images=pictures))

    def finish(self) -> tuple[ChatMessage, ...]:
        self._close()
        return tuple(self._turns)

    def _assistant(self, *, text: str = "", reasoning: str = "") -> None:
        begun = self._begun
        if begun is None or begun.content or begun.tool_calls or reasoning:
            self._close()
            begun = ChatMessage("assistant", "")
        self._begun = structs.replace(begun, content=text, reasoning=reasoning or begun.reasoning)

    def _call(self, call: ToolCall) -> None:
        begun = self._begun or ChatMessage("assistant", "")
        self._names[call.id] = call.name
        self._begun = structs.replace(begun, tool_calls=(*begun.tool_calls, call))

    def _output(self, item: CallOutputItem | CustomOutputItem, place: str) -> None:
        if item.call_id not in self._names:
            raise ApiError(
                "invalid_request",
                f"{place}: No call before it has the id “{item.call_id}”.",
                param=place,
            )
        self._close()
        text, pictures = _read(item.output, place)
        name = self._names[item.call_id]
        self._turns.append(ChatMessage("tool", text, tool_call_id=item.call_id, name=name))
        if pictures:  # a tool's turn cannot hold them
            self._turns.append(ChatMessage("user", "", images=pictures))

    def _close(self) -> None:
        if self._begun is not None:
            self._turns.append(self._begun)
            self._begun = None


def _read(content: str | Sequence[InputPart], place: str) -> tuple[str, tuple[bytes, ...]]:
    """Text and pictures of a content."""
    if isinstance(content, str):
        return content, ()
    texts: list[str] = []
    pictures: list[bytes] = []
    for i, part in enumerate(content):
        match part:
            case InputText() | EarlierText():
                texts.append(part.text)
            case EarlierRefusal():
                texts.append(part.refusal)
            case InputImage():
                where = f"{place}.content[{i}].image_url"
                pictures.append(picture_from_url(part.image_url or "", where))
    return "\n".join(texts), tuple(pictures)
