"""From Anthropic's messages, made of blocks, to the turns that engines take."""

from dataclasses import dataclass, field

from app.api.anthropic.message_types import (
    Block,
    DocumentBlock,
    MessageParam,
    PictureBlock,
    PictureUrl,
    RedactedThinkingBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from app.api.errors import ApiError
from app.api.requests import json_text, picture_from_base64
from backends.types import ChatMessage, ToolCall


class Conversation:
    """Collects the turns. Every method raises ApiError for what makes no sense."""

    def __init__(self, system: str) -> None:
        self.turns: list[ChatMessage] = [ChatMessage("system", system)] if system else []
        self._names: dict[str, str] = {}
        """Of the tools that were called, by the id of the call."""

    def add(self, message: MessageParam, place: str) -> None:
        """The turns of one message: results of tools are turns of their own, before its text."""
        if not message.content:
            raise ApiError(
                "invalid_request", f"{place}: The message has no content.", param=f"{place}.content"
            )
        if isinstance(message.content, str):
            self.turns.append(ChatMessage(message.role, message.content))
            return
        parts = _Parts()
        for i, block in enumerate(message.content):
            where = f"{place}.content.{i}"
            _check_role(message.role, block, where)
            if isinstance(block, ToolResultBlock):
                self._add_result(block, parts, where)
            else:
                parts.add(block, where)
        self._names |= {call.id: call.name for call in parts.calls}
        if parts:
            self.turns.append(parts.turn(message))

    def _add_result(self, block: ToolResultBlock, parts: "_Parts", where: str) -> None:
        name = self._names.get(block.tool_use_id)
        if name is None:
            raise ApiError(
                "invalid_request",
                f"{where}: No call before it has the id “{block.tool_use_id}”.",
                param=where,
            )
        content = block.content or ""
        within = _Parts()
        for each in [TextBlock(content)] if isinstance(content, str) else content:
            within.add(each, where)
        parts.pictures += within.pictures  # a tool's turn cannot hold them
        text = "\n".join(within.texts)
        self.turns.append(ChatMessage("tool", text, tool_call_id=block.tool_use_id, name=name))


@dataclass
class _Parts:
    """What the blocks of one message hold."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.texts or self.thoughts or self.pictures or self.calls)

    def add(self, block: Block, where: str) -> None:
        match block:
            case TextBlock():
                self.texts.append(block.text)
            case DocumentBlock():
                parts = (block.title, block.context, block.source.data)
                self.texts.append("\n\n".join(part for part in parts if part))
            case PictureBlock():
                self.pictures.append(_picture(block, where))
            case ThinkingBlock():
                self.thoughts.append(block.thinking)
            case ToolUseBlock():
                self.calls.append(ToolCall(block.id, block.name, json_text(block.input)))

    def turn(self, message: MessageParam) -> ChatMessage:
        return ChatMessage(
            message.role,
            "\n".join(self.texts),
            reasoning="\n".join(self.thoughts),
            tool_calls=tuple(self.calls),
            images=tuple(self.pictures),
        )


def _check_role(role: str, block: Block, where: str) -> None:
    of_assistant = isinstance(block, ToolUseBlock | ThinkingBlock | RedactedThinkingBlock)
    of_user = isinstance(block, ToolResultBlock | PictureBlock | DocumentBlock)
    if (of_assistant and role != "assistant") or (of_user and role != "user"):
        raise ApiError(
            "invalid_request",
            f"{where}: A message of role “{role}” cannot hold such a block.",
            param=where,
        )


def _picture(block: PictureBlock, where: str) -> bytes:
    if isinstance(block.source, PictureUrl):
        raise ApiError(
            "invalid_request",
            f"{where}: A picture must come with the request, as base64: this server fetches "
            "nothing.",
            param=where,
        )
    return picture_from_base64(block.source.data, where)
