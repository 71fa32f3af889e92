"""What is sent to servers of each kind, and what is refused before anything is sent."""

from typing import Any

import pytest

from backends.errors import BadRequest
from backends.remote.reasoning import ServerKind
from backends.remote.request import request_body
from backends.types import (
    ChatMessage,
    Constraint,
    GbnfGrammar,
    GenerationRequest,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    NamedTool,
    ReasoningOptions,
    RegularExpression,
    SamplingParams,
    Tool,
    ToolCall,
)

HELLO = ChatMessage("user", "Hello")
PNG = b"\x89PNG\r\n\x1a\n..."


def body(kind: ServerKind = "other", *messages: ChatMessage, **more: Any) -> dict[str, Any]:
    return request_body(GenerationRequest("r", messages or (HELLO,), **more), "m", kind, 4096)


def test_an_unknown_server_gets_standard_fields_only() -> None:
    sent = body()
    assert sent["messages"] == [{"role": "user", "content": "Hello"}]
    assert sent["model"] == "m"
    assert sent["stream"] is True
    assert sent["temperature"] == 0.8
    assert not {"top_k", "min_p", "repeat_penalty", "seed", "max_tokens"} & set(sent)


def test_samplers_beyond_the_standard_go_out_when_they_were_changed() -> None:
    sent = body(sampling=SamplingParams(top_k=7, mirostat=2))
    assert sent["top_k"] == 7
    assert sent["mirostat"] == 2
    assert "min_p" not in sent


def test_known_servers_get_what_is_in_force_under_their_names() -> None:
    sent = body("llamacpp")
    assert (sent["top_k"], sent["repeat_penalty"], sent["repeat_last_n"]) == (40, 1.1, 64)
    assert sent["return_progress"] is True
    assert "dry_multiplier" not in sent
    sent = body("vllm")
    assert sent["repetition_penalty"] == 1.1
    assert sent["stream_options"]["continuous_usage_stats"] is True
    assert "repeat_last_n" not in sent


def test_dry_over_the_whole_context_is_told_as_a_number() -> None:
    sent = body("llamacpp", sampling=SamplingParams(dry_multiplier=0.8))
    assert sent["dry_penalty_last_n"] == 4096
    assert sent["dry_multiplier"] == 0.8


def test_openai_gets_only_what_was_changed() -> None:
    sent = body("openai", sampling=SamplingParams(max_tokens=9))
    assert not {"temperature", "top_p", "top_k", "max_tokens"} & set(sent)
    assert sent["max_completion_tokens"] == 9
    assert body("openai", sampling=SamplingParams(temperature=0.2))["temperature"] == 0.2


def test_a_plain_request_holds_only_what_every_server_must_know() -> None:
    request = GenerationRequest("r", (HELLO,), SamplingParams(top_k=7, temperature=0.3, seed=1))
    sent = request_body(request, "m", "other", 4096, left_out=frozenset(("sampling",)))
    assert "top_k" not in sent
    assert (sent["temperature"], sent["seed"]) == (0.3, 1)
    sent = request_body(request, "m", "openai", 4096, left_out=frozenset(("sampling",)))
    assert "temperature" not in sent


def test_seed_bias_and_log_probabilities() -> None:
    sampling = SamplingParams(seed=3, logit_bias=((5, -100.0),), logprobs=0)
    sent = body(sampling=sampling)
    assert sent["seed"] == 3
    assert sent["logit_bias"] == {"5": -100.0}
    assert (sent["logprobs"], sent["top_logprobs"]) == (True, 0)


def test_tools_their_calls_and_results() -> None:
    turns = (
        HELLO,
        ChatMessage("assistant", "", "I think", tool_calls=(ToolCall("a", "x", "{}"),)),
        ChatMessage("tool", "42", tool_call_id="a", name="x"),
    )
    schema = '{"type": "object", "properties": {"n": {"type": "integer"}}}'
    tool = Tool("x", "Does x", schema)
    sent = body("other", *turns, tools=(tool,), tool_choice=NamedTool("x"))
    assert sent["tools"][0]["function"]["parameters"]["properties"] == {"n": {"type": "integer"}}
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "x"}}
    called = sent["messages"][1]
    assert called["content"] is None
    assert called["tool_calls"][0]["function"] == {"name": "x", "arguments": "{}"}
    assert called["reasoning_content"] == "I think"
    assert sent["messages"][2] == {"role": "tool", "content": "42", "tool_call_id": "a"}


def test_pictures_are_data_urls_before_the_text() -> None:
    sent = body("other", ChatMessage("user", "What is it?", images=(PNG,)))
    picture, words = sent["messages"][0]["content"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,iVBORw")
    assert words == {"type": "text", "text": "What is it?"}
    with pytest.raises(BadRequest, match="picture"):
        body("other", ChatMessage("user", "", images=(b"%PDF",)))


@pytest.mark.parametrize(
    ("kind", "constraint", "key"),
    [
        ("other", JsonObject(), "response_format"),
        ("other", JsonSchema('{"type": "object"}'), "response_format"),
        ("llamacpp", GbnfGrammar('root ::= "a"'), "grammar"),
        ("vllm", RegularExpression("a+"), "structured_outputs"),
        ("vllm", LarkGrammar('start: "a"'), "structured_outputs"),
        ("vllm", GbnfGrammar('root ::= "a"'), "structured_outputs"),
    ],
)
def test_constraints_where_the_server_has_them(
    kind: ServerKind, constraint: Constraint, key: str
) -> None:
    assert key in body(kind, constraint=constraint)


@pytest.mark.parametrize(
    ("kind", "constraint"),
    [
        ("other", RegularExpression("a+")),
        ("other", GbnfGrammar("root ::= x")),
        ("llamacpp", RegularExpression("a+")),
        ("llamacpp", LarkGrammar("start: x")),
        ("openai", LarkGrammar("start: x")),
        ("other", JsonSchema("[1, 2]")),
        ("other", JsonSchema("{oops")),
    ],
)
def test_constraints_that_would_not_be_held_are_refused(
    kind: ServerKind, constraint: Constraint
) -> None:
    with pytest.raises(BadRequest):
        body(kind, constraint=constraint)


ON, OFF = ({"enable_thinking": value, "thinking": value} for value in (True, False))


@pytest.mark.parametrize(
    ("kind", "options", "fields"),
    [
        ("llamacpp", ReasoningOptions("off", "low", 9), {"chat_template_kwargs": OFF}),
        ("llamacpp", ReasoningOptions("on"), {"chat_template_kwargs": ON}),
        (
            "llamacpp",
            ReasoningOptions(effort="low", budget=9),
            {"reasoning_effort": "low", "thinking_budget_tokens": 9},
        ),
        ("vllm", ReasoningOptions("off"), {"chat_template_kwargs": OFF}),
        ("vllm", ReasoningOptions(budget=0), {"thinking_token_budget": 0}),
        ("openai", ReasoningOptions(effort="high", budget=9), {"reasoning_effort": "high"}),
        ("other", ReasoningOptions("off", "high"), {"reasoning_effort": "none"}),
        ("other", ReasoningOptions("on"), {"reasoning_effort": "medium"}),
        ("other", ReasoningOptions("on", "low"), {"reasoning_effort": "low"}),
        ("other", ReasoningOptions(budget=0), {"reasoning_effort": "none"}),
        ("other", ReasoningOptions(), {}),
        ("vllm", ReasoningOptions(), {}),
    ],
)
def test_reasoning_in_the_words_of_each_server(
    kind: ServerKind, options: ReasoningOptions, fields: dict[str, Any]
) -> None:
    without = body(kind)
    assert {k: v for k, v in body(kind, reasoning=options).items() if k not in without} == fields


@pytest.mark.parametrize("kind", ["llamacpp", "vllm", "openai", "other"])
def test_a_plain_request_asks_for_no_effort_and_no_budget(kind: ServerKind) -> None:
    request = GenerationRequest("r", (HELLO,), reasoning=ReasoningOptions("on", "low", 9))
    sent = request_body(request, "m", kind, 4096, left_out=frozenset(("reasoning",)))
    assert not {"reasoning_effort", "thinking_budget_tokens", "thinking_token_budget"} & set(sent)


def test_continuing_an_answer_where_the_server_can() -> None:
    turns = (HELLO, ChatMessage("assistant", "Good"))
    assert body("llamacpp", *turns, continue_last=True)["messages"][-1]["content"] == "Good"
    assert body("vllm", *turns, continue_last=True)["continue_final_message"] is True
    with pytest.raises(BadRequest, match="cannot continue"):
        body("other", *turns, continue_last=True)


@pytest.mark.parametrize("kind", ["llamacpp", "vllm"])
def test_an_answer_in_a_form_is_not_continued(kind: ServerKind) -> None:
    turns = (ChatMessage("user", "Hi"), ChatMessage("assistant", '{"a'))
    with pytest.raises(BadRequest, match="cannot continue an answer that must keep to a form"):
        body(kind, *turns, continue_last=True, constraint=JsonObject())


def test_a_text_without_a_limit_is_refused_where_it_would_end_at_once() -> None:
    request = GenerationRequest("r", (), prompt="Once")
    assert request_body(request, "m", "llamacpp", 4096)["prompt"] == "Once"
    with pytest.raises(BadRequest, match="number of tokens"):
        request_body(request, "m", "vllm", 4096)
