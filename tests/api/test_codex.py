"""What Codex sends to `/v1/responses` besides what OpenAI's own client does."""

import json
from typing import Any

import openai

from app.api.openai.response_items import items_of, turns_of
from tests.api.serving import Serving


def test_what_codex_keeps_of_a_conversation_is_read(alone: Serving) -> None:
    client = openai.OpenAI(base_url=f"{alone.url}/v1", api_key="any", max_retries=0)
    parrot = alone.scripted("parrot")
    patch = "*** Begin Patch\n*** Add File: a.txt\n+x\n*** End Patch"
    items: list[dict[str, Any]] = [
        {"role": "user", "content": "Add a file."},
        {"type": "web_search_call", "status": "completed", "action": {"type": "search"}},
        {
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "c1",
            "name": "apply_patch",
            "input": patch,
        },
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "Done."},
        {"role": "user", "content": "Thanks"},
    ]
    first = client.responses.create(model=parrot, input=items)  # type: ignore[arg-type]  # plain dicts, as Codex sends them
    assert "Thanks" in first.output_text
    kept = client.responses.input_items.list(first.id, order="asc").data
    assert [each.type for each in kept][1:4] == [
        "web_search_call",
        "custom_tool_call",
        "custom_tool_call_output",
    ]
    turns = turns_of(items_of(items))
    assert [each.role for each in turns] == ["user", "assistant", "tool", "user"]
    assert json.loads(turns[1].tool_calls[0].arguments) == {"input": patch}
    assert turns[2].name == "apply_patch"
