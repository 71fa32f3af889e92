"""What OpenAI's published description of its API says of answers and events, in our own words.

Fields that must be there with the types and words that they may have; what is not named here is
optional. Read on 2026-11-28 from the description that the official clients are made from.
"""

from typing import Any

from tests.api.shapes import Maybe

NUMBER = (int, float)
TOKEN_CHANCE = {"token": str, "logprob": NUMBER, "bytes": Maybe([int])}
CHOSEN_TOKEN = {**TOKEN_CHANCE, "top_logprobs": [TOKEN_CHANCE]}
LOGPROBS = {"content": Maybe([CHOSEN_TOKEN]), "refusal": Maybe([CHOSEN_TOKEN])}
USAGE = {
    "prompt_tokens": int,
    "completion_tokens": int,
    "total_tokens": int,
    "prompt_tokens_details": Maybe({"cached_tokens": int}),
    "completion_tokens_details": Maybe({"reasoning_tokens": int}),
}
FINISH = {"stop", "length", "tool_calls", "content_filter", "function_call"}
CALL = {"id": str, "type": {"function"}, "function": {"name": str, "arguments": str}}

CHAT_COMPLETION = {
    "id": str,
    "object": {"chat.completion"},
    "created": int,
    "model": str,
    "choices": [
        {
            "index": int,
            "finish_reason": FINISH,
            "logprobs": Maybe(LOGPROBS),
            "message": {
                "role": {"assistant"},
                "content": Maybe(str),
                "refusal": Maybe(str),
                "tool_calls": Maybe([CALL]),
            },
        }
    ],
    "usage": Maybe(USAGE),
    "service_tier": Maybe({"auto", "default", "flex", "scale", "priority"}),
}
CHAT_CHUNK = {
    "id": str,
    "object": {"chat.completion.chunk"},
    "created": int,
    "model": str,
    "choices": [
        {
            "index": int,
            "finish_reason": Maybe(FINISH),
            "logprobs": Maybe(LOGPROBS),
            "delta": {
                "role": Maybe({"developer", "system", "user", "assistant", "tool"}),
                "content": Maybe(str),
                "tool_calls": Maybe(
                    [
                        {
                            "index": int,
                            "id": Maybe(str),
                            "type": Maybe({"function"}),
                            "function": Maybe({"name": Maybe(str), "arguments": Maybe(str)}),
                        }
                    ]
                ),
            },
        }
    ],
    "usage": Maybe(USAGE),
}
COMPLETION = {
    "id": str,
    "object": {"text_completion"},
    "created": int,
    "model": str,
    "choices": [
        {
            "text": str,
            "index": int,
            "finish_reason": Maybe({"stop", "length", "content_filter"}),
            "logprobs": Maybe(
                {
                    "tokens": [str],
                    "token_logprobs": [NUMBER],
                    "top_logprobs": Maybe([dict]),
                    "text_offset": [int],
                }
            ),
        }
    ],
    "usage": Maybe(USAGE),
}
EMBEDDINGS = {
    "object": {"list"},
    "model": str,
    "data": [{"object": {"embedding"}, "index": int, "embedding": [NUMBER]}],
    "usage": {"prompt_tokens": int, "total_tokens": int},
}
MODEL = {"id": str, "object": {"model"}, "created": int, "owned_by": str}
MODELS = {"object": {"list"}, "data": [MODEL]}
ERROR = {"error": {"message": str, "type": str, "param": Maybe(str), "code": Maybe(str)}}

ITEM_STATUS = {"in_progress", "completed", "incomplete"}
OUTPUT_TEXT = {
    "type": {"output_text"},
    "text": str,
    "annotations": [dict],
    "logprobs": Maybe([CHOSEN_TOKEN]),
}
MESSAGE_ITEM = {
    "type": {"message"},
    "id": str,
    "role": {"assistant"},
    "status": ITEM_STATUS,
    "content": [OUTPUT_TEXT],
}
CALL_ITEM = {
    "type": {"function_call"},
    "id": Maybe(str),
    "call_id": str,
    "name": str,
    "arguments": str,
    "status": Maybe(ITEM_STATUS),
}
REASONING_PART = {"type": {"reasoning_text"}, "text": str}
REASONING_ITEM = {
    "type": {"reasoning"},
    "id": str,
    "summary": [{"type": {"summary_text"}, "text": str}],
    "content": Maybe([REASONING_PART]),
    "encrypted_content": Maybe(str),
    "status": Maybe(ITEM_STATUS),
}
ITEM = (MESSAGE_ITEM, CALL_ITEM, REASONING_ITEM)
RESPONSE = {
    "id": str,
    "object": {"response"},
    "created_at": NUMBER,
    "status": {"completed", "failed", "in_progress", "cancelled", "queued", "incomplete"},
    "error": Maybe({"code": {"server_error", "rate_limit_exceeded"}, "message": str}),
    "incomplete_details": Maybe({"reason": {"max_output_tokens", "content_filter"}}),
    "instructions": Maybe(str),
    "model": str,
    "output": [ITEM],
    "parallel_tool_calls": bool,
    "metadata": Maybe(dict),
    "temperature": Maybe(NUMBER),
    "top_p": Maybe(NUMBER),
    "tool_choice": ({"none", "auto", "required"}, dict),
    "tools": [{"type": {"function"}, "name": str, "parameters": Maybe(dict)}],
    "text": Maybe({"format": {"type": {"text", "json_object", "json_schema"}}}),
    "truncation": Maybe({"auto", "disabled"}),
    "usage": Maybe(
        {
            "input_tokens": int,
            "input_tokens_details": {"cached_tokens": int},
            "output_tokens": int,
            "output_tokens_details": {"reasoning_tokens": int},
            "total_tokens": int,
        }
    ),
}
_WITH_RESPONSE = {"sequence_number": int, "response": RESPONSE}
_WITH_ITEM = {"sequence_number": int, "output_index": int, "item": ITEM}
_OF_ITEM = {"sequence_number": int, "output_index": int, "item_id": str}
_OF_PART = {**_OF_ITEM, "content_index": int}
_PART = {**_OF_PART, "part": (OUTPUT_TEXT, REASONING_PART)}
RESPONSE_EVENTS: dict[str, Any] = {
    "response.created": _WITH_RESPONSE,
    "response.in_progress": _WITH_RESPONSE,
    "response.completed": _WITH_RESPONSE,
    "response.incomplete": _WITH_RESPONSE,
    "response.failed": _WITH_RESPONSE,
    "response.output_item.added": _WITH_ITEM,
    "response.output_item.done": _WITH_ITEM,
    "response.content_part.added": _PART,
    "response.content_part.done": _PART,
    "response.output_text.delta": {**_OF_PART, "delta": str, "logprobs": [CHOSEN_TOKEN]},
    "response.output_text.done": {**_OF_PART, "text": str, "logprobs": [CHOSEN_TOKEN]},
    "response.reasoning_text.delta": {**_OF_PART, "delta": str},
    "response.reasoning_text.done": {**_OF_PART, "text": str},
    "response.function_call_arguments.delta": {**_OF_ITEM, "delta": str},
    "response.function_call_arguments.done": {**_OF_ITEM, "name": str, "arguments": str},
}
