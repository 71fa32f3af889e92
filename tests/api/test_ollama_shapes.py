"""The fields of Ollama's answers, and the small rules of its dialect.

`SHAPES` holds, in our own words, what Ollama's published description (docs/openapi.yaml, August
2026) and its source say that each answer has: the JSON type of each field, and which must be there.
"""

import json
from typing import Any

import msgspec
import pytest

from app.api.errors import ApiError
from app.api.ollama.answering import AnswerPieces
from app.api.ollama.conversation_tokens import from_numbers, to_numbers
from app.api.ollama.options import changed_config, checked, sampling_values
from app.api.ollama.times import time_to_live
from app.core.gguf_types import GgufArray, GgufHeader, MetadataValue
from app.core.infill import infill_in
from app.core.library_types import LocalModel
from backends.types import (
    ChatMessage,
    Delta,
    Finish,
    GenerationEvent,
    LoadConfig,
    SamplingParams,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from tests.api.serving import STARTER, Serving

Kind = type[Any]
STRING: Kind = str
WHOLE: Kind = int
NUMBER: Kind = float
TRUTH: Kind = bool
OBJECT: Kind = dict
LIST: Kind = list

COUNTS = {
    "total_duration": WHOLE,
    "load_duration": WHOLE,
    "prompt_eval_count": WHOLE,
    "prompt_eval_duration": WHOLE,
    "eval_count": WHOLE,
    "eval_duration": WHOLE,
}
DETAILS = {
    "parent_model": STRING,
    "format": STRING,
    "family": STRING,
    "families": LIST,
    "parameter_size": STRING,
    "quantization_level": STRING,
}
LINE = {"model": STRING, "created_at": STRING, "done": TRUTH}
SHAPES: dict[str, dict[str, Kind]] = {
    "chat": {**LINE, "message": OBJECT, "done_reason": STRING, **COUNTS},
    "chat line": {**LINE, "message": OBJECT},
    "message": {"role": STRING, "content": STRING},
    "generate": {**LINE, "response": STRING, "done_reason": STRING, "context": LIST, **COUNTS},
    "generate line": {**LINE, "response": STRING},
    "embed": {
        "model": STRING,
        "embeddings": LIST,
        "total_duration": WHOLE,
        "load_duration": WHOLE,
        "prompt_eval_count": WHOLE,
    },
    "embeddings": {"embedding": LIST},
    "tags": {"models": LIST},
    "tags model": {
        "name": STRING,
        "model": STRING,
        "modified_at": STRING,
        "size": WHOLE,
        "digest": STRING,
        "details": OBJECT,
        "capabilities": LIST,
    },
    "ps": {"models": LIST},
    "ps model": {
        "name": STRING,
        "model": STRING,
        "size": WHOLE,
        "digest": STRING,
        "details": OBJECT,
        "expires_at": STRING,
        "size_vram": WHOLE,
        "context_length": WHOLE,
    },
    "details": DETAILS,
    "show": {
        "modelfile": STRING,
        "template": STRING,
        "details": OBJECT,
        "model_info": OBJECT,
        "capabilities": LIST,
        "modified_at": STRING,
        "license": STRING,
        "tensors": LIST,
    },
    "tensor": {"name": STRING, "type": STRING, "shape": LIST},
    "version": {"version": STRING},
    "token": {"token": STRING, "logprob": NUMBER, "bytes": LIST, "top_logprobs": LIST},
}
BESIDES: dict[str, dict[str, Kind]] = {
    "chat": {"logprobs": LIST},
    "details": {"context_length": WHOLE, "embedding_length": WHOLE},
}
"""Fields that may be there."""


def check(name: str, value: dict[str, Any]) -> None:
    """Fail unless `value` has the fields of that shape, and no others."""
    wanted, besides = SHAPES[name], BESIDES.get(name, {})
    assert wanted.keys() <= value.keys() <= wanted.keys() | besides.keys(), (name, value.keys())
    for key, kind in (*wanted.items(), *besides.items()):
        if key in value:
            fits = isinstance(value[key], (int, float) if kind is NUMBER else kind)
            assert fits, (name, key, value[key])
            assert kind is TRUTH or not isinstance(value[key], bool), (name, key)


@pytest.fixture
def ask(shared: Serving) -> Any:
    """Ask for one JSON answer, or for the lines of a stream."""

    def asked(path: str, body: dict[str, Any] | None = None) -> Any:
        with shared.client() as http:
            answer = http.get(path) if body is None else http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        if "ndjson" in answer.headers["content-type"]:
            return [json.loads(line) for line in answer.text.splitlines()]
        return answer.json()

    return asked


SHORT = {"options": {"temperature": 0, "num_predict": 3}}
CHAT = {"model": STARTER, "messages": [{"role": "user", "content": "Hi"}], **SHORT}
PROMPT = {"model": STARTER, "prompt": "Hi", **SHORT}


def test_chats_have_ollamas_fields(ask: Any) -> None:
    whole = ask("/api/chat", {**CHAT, "stream": False, "logprobs": True, "top_logprobs": 1})
    check("chat", whole)
    check("message", whole["message"])
    check("token", whole["logprobs"][0])
    *lines, last = ask("/api/chat", CHAT)
    assert lines
    for line in lines:
        check("chat line", line)
        check("message", line["message"])
    check("chat", last)


def test_generated_texts_have_ollamas_fields(ask: Any) -> None:
    check("generate", ask("/api/generate", {**PROMPT, "stream": False}))
    *lines, last = ask("/api/generate", PROMPT)
    for line in lines:
        check("generate line", line)
    check("generate", last)


def test_lists_have_ollamas_fields(ask: Any) -> None:
    for path, name in (("/api/tags", "tags"), ("/api/ps", "ps")):
        answer = ask(path)
        check(name, answer)
        assert answer["models"]
        for model in answer["models"]:
            check(f"{name} model", model)
            check("details", model["details"])
    check("version", ask("/api/version"))


def test_a_shown_model_has_ollamas_fields(ask: Any) -> None:
    shown = ask("/api/show", {"model": STARTER})
    check("show", shown)
    check("details", shown["details"])
    check("tensor", shown["tensors"][0])


def test_vectors_have_ollamas_fields(ask: Any) -> None:
    check("embed", ask("/api/embed", {"model": STARTER, "input": "x"}))
    answer = ask("/api/embeddings", {"model": STARTER, "prompt": "x", "keep_alive": 0})
    check("embeddings", answer)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, None),
        (0, 0),
        ("0", 0),
        (90, 90),
        (0.5, 0.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("+10s", 10),
        (-1, -1),
        ("-1m", -1),
        ("1000000h", -1),
        (1e300, -1),
    ],
)
def test_how_long_a_model_is_kept(given: float | str | None, seconds: float | None) -> None:
    assert time_to_live(given) == seconds


@pytest.mark.parametrize("given", ["", "5", "soon", "5 m", "m", "5m!", "--5m"])
def test_what_is_no_duration_is_refused(given: str) -> None:
    with pytest.raises(ApiError):
        time_to_live(given)


def test_options_become_sampling_values() -> None:
    options = checked(
        {
            "seed": -1,
            "num_predict": -2,
            "top_k": 40.0,
            "repeat_last_n": -1,
            "stop": "END",
            "min_p": 0,
            "unknown": {},
            "top_p": None,
        }
    )
    assert sampling_values(options) == {
        "min_p": 0.0,
        "top_k": 40,
        "repeat_window": 1_000_000,
        "stop": ("END",),
    }
    assert sampling_values(checked({"num_predict": 5, "seed": 2**33}))["seed"] < 2**32 - 1
    known = SamplingParams.__struct_fields__
    assert set(sampling_values(checked({"typical_p": 1, "frequency_penalty": 1}))) <= set(known)


@pytest.mark.parametrize(
    "options",
    [{"seed": "1"}, {"top_p": True}, {"use_mmap": 1}, {"stop": [None]}, {"num_ctx": float("inf")}],
)
def test_an_option_of_another_type_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        checked(options)


def test_options_of_the_load_change_only_what_they_say(tmp_path: Any) -> None:
    model = LocalModel("m", "M", tmp_path, (), 1, context_length=8192)
    base = LoadConfig(context_length=4096)
    assert changed_config({"num_ctx": 1024}, base, model, None) is None
    assert changed_config({"num_ctx": 100_000}, base, model, None) == LoadConfig(
        context_length=8192
    )
    assert changed_config({"num_gpu": -1, "num_thread": 0}, base, model, None) is None
    changed = changed_config({"num_gpu": 3, "num_thread": 2, "use_mmap": False}, base, model, None)
    assert changed == LoadConfig(context_length=4096, gpu_layers=3, threads=2, mmap=False)


def test_a_conversation_comes_back_from_its_numbers() -> None:
    messages = (ChatMessage("system", "Être bref."), ChatMessage("user", "🙂" * 100))
    numbers = to_numbers(messages, "Ça va.")
    assert all(0 <= number < 2**53 for number in numbers)
    assert from_numbers(numbers) == (*messages, ChatMessage("assistant", "Ça va."))
    assert from_numbers([]) == ()
    for wrong in ([5], numbers[:-1], [*numbers, 1], [*numbers[:2], 2**60, *numbers[3:]], [-1, -1]):
        with pytest.raises(ApiError):
            from_numbers(wrong)


def test_models_fill_in_by_the_tokens_they_have() -> None:
    def header(*tokens: str, **numbers: int) -> GgufHeader:
        metadata: dict[str, MetadataValue] = {
            "tokenizer.ggml.tokens": GgufArray(8, len(tokens), tokens)
        }
        metadata |= {f"tokenizer.ggml.{key}": value for key, value in numbers.items()}
        return GgufHeader(3, metadata, 0, (), 0, True)

    qwen = infill_in(header("a", "<|fim_suffix|>", "<|fim_prefix|>", "<|fim_middle|>"))
    assert qwen is not None
    assert qwen.prompt("A", "B") == "<|fim_prefix|>A<|fim_suffix|>B<|fim_middle|>"
    llama = infill_in(header("▁<PRE>", "▁<SUF>", "▁<MID>"))
    assert llama is not None
    assert llama.prompt("A", "B") == " <PRE>A <SUF>B <MID>"
    codestral = infill_in(header("[SUFFIX]", "[PREFIX]"))
    assert codestral is not None
    assert codestral.prompt("A", "B") == "[SUFFIX]B[PREFIX]A"
    told = infill_in(
        header("x", "P", "S", "M", fim_pre_token_id=1, fim_suf_token_id=2, fim_mid_token_id=3)
    )
    assert told is not None
    assert told.prompt("A", "B") == "PASBM"
    assert infill_in(header("a", "<fim_prefix>")) is None
    assert infill_in(header("x", fim_pre_token_id=7)) is None


def test_calls_of_tools_are_told_whole_with_arguments_as_objects() -> None:
    answer: list[GenerationEvent] = [
        Delta("Let me look."),
        ToolCallStart(0, "a", "weather"),
        ToolCallDelta(0, '{"city": '),
        ToolCallDelta(0, '"Paris"}'),
        ToolCallEnd(0),
        ToolCallStart(1, "b", "time"),
        ToolCallDelta(1, "{}"),
        ToolCallEnd(1),
        ToolCallStart(2, "c", "broken"),
        ToolCallEnd(2, complete=False),
        Finish("tool_calls"),
    ]
    events = AnswerPieces()
    pieces = [piece for event in answer for piece in events.of(event)]
    assert [piece.text for piece in pieces] == ["Let me look.", "", ""]
    calls = [call for piece in pieces for call in piece.calls or ()]
    assert msgspec.to_builtins(calls) == [
        {"function": {"name": "weather", "arguments": {"city": "Paris"}, "index": 0}, "id": "a"},
        {"function": {"name": "time", "arguments": {}, "index": 1}, "id": "b"},
    ]
    assert len(events.answer.tool_calls) == 2
