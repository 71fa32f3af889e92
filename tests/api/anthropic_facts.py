"""What Anthropic's published description of its API says of answers and events, in our own words.

Fields that must be there with the types and words that they may have; what is not named here is
optional. Read on 2026-11-28 from the official client.
"""

from typing import Any

from tests.api.shapes import Maybe

USAGE = {
    "input_tokens": int,
    "output_tokens": int,
    "cache_creation_input_tokens": Maybe(int),
    "cache_read_input_tokens": Maybe(int),
    "output_tokens_details": Maybe({"thinking_tokens": int}),
    "service_tier": Maybe({"standard", "priority", "batch"}),
}
STOP = {
    *("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"),
    "model_context_window_exceeded",
}
TEXT = {"type": {"text"}, "text": str}
THINKING = {"type": {"thinking"}, "thinking": str, "signature": str}
TOOL_USE = {"type": {"tool_use"}, "id": str, "name": str, "input": dict}
BLOCK = (TEXT, THINKING, TOOL_USE)
MESSAGE = {
    "id": str,
    "type": {"message"},
    "role": {"assistant"},
    "model": str,
    "content": [BLOCK],
    "stop_reason": Maybe(STOP),
    "stop_sequence": Maybe(str),
    "usage": USAGE,
}
_PIECE = (
    {"type": {"text_delta"}, "text": str},
    {"type": {"thinking_delta"}, "thinking": str},
    {"type": {"signature_delta"}, "signature": str},
    {"type": {"input_json_delta"}, "partial_json": str},
)
EVENTS: dict[str, Any] = {
    "message_start": {"message": MESSAGE},
    "content_block_start": {"index": int, "content_block": BLOCK},
    "content_block_delta": {"index": int, "delta": _PIECE},
    "content_block_stop": {"index": int},
    "message_delta": {
        "delta": {"stop_reason": Maybe(STOP), "stop_sequence": Maybe(str)},
        "usage": {"output_tokens": int},
    },
    "message_stop": {},
    "ping": {},
    "error": {"error": {"type": str, "message": str}},
}
MODEL = {
    "id": str,
    "type": {"model"},
    "display_name": str,
    "created_at": str,
    "lifecycle": {"active", "deprecated", "retired"},
}
MODELS = {"data": [MODEL], "has_more": bool, "first_id": Maybe(str), "last_id": Maybe(str)}
ERROR = {
    "type": {"error"},
    "error": {
        "type": {
            *("invalid_request_error", "authentication_error", "billing_error"),
            *("permission_error", "not_found_error", "request_too_large", "rate_limit_error"),
            *("timeout_error", "api_error", "overloaded_error"),
        },
        "message": str,
    },
    "request_id": Maybe(str),
}
