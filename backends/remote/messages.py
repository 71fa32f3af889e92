"""Messages and tools in the words of OpenAI's chat completions."""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from backends.errors import BadRequest
from backends.types import ChatMessage, NamedTool, Tool, ToolChoice

Message = dict[str, Any]

_PICTURES = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)
"""How the files of picture formats begin."""


def chat_messages(messages: Sequence[ChatMessage]) -> list[Message]:
    """The conversation for a request."""
    return [_message(message) for message in messages]


def _message(message: ChatMessage) -> Message:
    turn: Message = {"role": message.role, "content": message.content}
    if message.images:
        text = [{"type": "text", "text": message.content}] if message.content else []
        turn["content"] = [*(_picture(data) for data in message.images), *text]
    if message.role == "tool":
        turn["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        turn["content"] = message.content or None
        turn["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.reasoning:
        # What vLLM and llama-server give to the chat template; others leave it aside.
        turn["reasoning_content"] = message.reasoning
    return turn


def _picture(data: bytes) -> dict[str, Any]:
    kind = next((kind for start, kind in _PICTURES if data.startswith(start)), None)
    if kind is None:
        raise BadRequest("A picture is in none of the formats PNG, JPEG, GIF and WebP")
    encoded = base64.b64encode(data).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{encoded}"}}


def tool_list(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """The tools for a request. Raises `BadRequest` where a schema is no JSON object."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": json_object(tool.parameters, f"The schema of the tool {tool.name}"),
            },
        }
        for tool in tools
    ]


def tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    """Which tool must be called, for a request."""
    if isinstance(choice, NamedTool):
        return {"type": "function", "function": {"name": choice.name}}
    return choice


def json_object(text: str, name: str) -> dict[str, Any]:
    """The JSON object in `text`. Raises `BadRequest`, which calls it `name`."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"{name} is not a JSON object", str(error)) from error
