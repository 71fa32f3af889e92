"""`/api/chat`, `/api/generate` and embeddings, asked by the official client and by hand."""

import base64
import json
import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ollama
import pytest

from app.core.request_log import RequestRecord
from tests.api.serving import STARTER, Serving

EXACT: dict[str, Any] = {"temperature": 0, "num_predict": 8, "seed": 1}
QUESTION = [{"role": "user", "content": "Say hi"}]
PNG = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
    )
).decode()


@pytest.fixture
def client(shared: Serving) -> Iterator[ollama.Client]:
    with ollama.Client(host=shared.url, trust_env=False) as client:
        yield client


@pytest.fixture
def own(alone: Serving) -> Iterator[ollama.Client]:
    """A client of a server of the test's own."""
    with ollama.Client(host=alone.url, trust_env=False) as client:
        yield client


def refused(call: Any, *arguments: Any, **fields: Any) -> ollama.ResponseError:
    with pytest.raises(ollama.ResponseError) as caught:
        call(*arguments, **fields)
    return caught.value


def test_a_chat_is_answered_with_counts_and_durations(client: ollama.Client) -> None:
    answer = client.chat(STARTER, QUESTION, options=EXACT)
    assert answer.model == STARTER
    assert answer.message.role == "assistant"
    assert answer.message.content
    assert answer.done
    assert answer.done_reason == "length"
    assert answer.eval_count == 8
    assert answer.prompt_eval_count
    assert answer.prompt_eval_duration is not None
    assert answer.eval_duration is not None
    assert answer.total_duration is not None
    assert answer.created_at is not None
    assert answer.created_at.endswith("Z")
    assert answer.total_duration >= answer.eval_duration > 0


def test_the_lines_of_a_chat_join_to_the_same_answer(client: ollama.Client) -> None:
    whole = client.chat(STARTER, QUESTION, options=EXACT)
    lines = list(client.chat(STARTER, QUESTION, options=EXACT, stream=True))
    assert "".join(line.message.content or "" for line in lines) == whole.message.content != ""
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1].eval_count == 8
    assert lines[-1].message.content == ""
    assert lines[0].eval_count is None


def test_a_prompt_is_answered_and_its_context_goes_on(client: ollama.Client) -> None:
    told = {"temperature": 0, "num_predict": 24}
    first = client.generate(STARTER, "Say the word banana.", options=told)
    assert first.response
    assert first.context
    alone = client.generate(STARTER, "Go on.", options=told)
    again = client.generate(STARTER, "Go on.", context=first.context, options=told)
    by_chat = client.chat(
        STARTER,
        [
            {"role": "user", "content": "Say the word banana."},
            {"role": "assistant", "content": first.response},
            {"role": "user", "content": "Go on."},
        ],
        options=told,
    )
    assert again.prompt_eval_count == by_chat.prompt_eval_count
    assert again.response == by_chat.message.content
    assert (alone.prompt_eval_count or 0) < (again.prompt_eval_count or 0)


def test_a_context_of_another_server_is_refused(client: ollama.Client) -> None:
    assert refused(client.generate, STARTER, "x", context=[1, 2, 3]).status_code == 400


def test_lines_of_a_generated_text_end_with_its_context(client: ollama.Client) -> None:
    lines = list(client.generate(STARTER, "Say hi", options=EXACT, stream=True))
    assert "".join(line.response or "" for line in lines)
    assert lines[-1].context
    assert all(line.context is None for line in lines[:-1])


def test_a_raw_prompt_meets_no_template(client: ollama.Client) -> None:
    plain = client.generate(STARTER, "The capital of France is", raw=True, options=EXACT)
    assert "Paris" in (plain.response or "")
    assert plain.context is None
    assert (plain.prompt_eval_count or 99) < 10
    wrong = refused(client.generate, STARTER, "x", raw=True, system="y")
    assert (wrong.status_code, wrong.error) == (
        400,
        "raw mode does not support template, system, or context",
    )


def test_the_system_prompt_of_a_request_is_told(client: ollama.Client) -> None:
    short = client.generate(STARTER, "Hi", system="Be brief.", options=EXACT)
    longer = client.generate(STARTER, "Hi", system="Be brief. " * 20, options=EXACT)
    assert (longer.prompt_eval_count or 0) > (short.prompt_eval_count or 0) + 30


def test_a_template_of_a_request_is_refused_unless_it_is_the_models_own(
    client: ollama.Client,
) -> None:
    own = client.show(STARTER).template
    assert own
    same = client.generate(STARTER, "Say hi", template=own, options=EXACT)
    assert same.response == client.generate(STARTER, "Say hi", options=EXACT).response
    wrong = refused(client.generate, STARTER, "x", template="{{ .Prompt }}")
    assert wrong.status_code == 400
    assert "template" in wrong.error


def test_a_suffix_is_refused_by_a_model_that_cannot_insert(client: ollama.Client) -> None:
    wrong = refused(client.generate, "nobody", "def f(", suffix="return 1")
    assert wrong.status_code == 404
    capable = "insert" in (client.show(STARTER).capabilities or [])
    if capable:
        answer = client.generate(STARTER, "def f(", suffix="return 1", options=EXACT)
        assert answer.done
    else:
        wrong = refused(client.generate, STARTER, "def f(", suffix="return 1")
        assert (wrong.status_code, wrong.error) == (400, f"{STARTER} does not support insert")


def test_json_by_a_schema(client: ollama.Client) -> None:
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer"}, "name": {"type": "string", "maxLength": 8}},
        "required": ["age", "name"],
        "additionalProperties": False,
    }
    options = {"temperature": 0, "num_predict": 60}
    answer = client.chat(STARTER, QUESTION, format=schema, options=options)
    value = json.loads(answer.message.content or "")
    assert isinstance(value["age"], int)
    assert isinstance(value["name"], str)


def test_any_json(client: ollama.Client) -> None:
    options = {"temperature": 0, "num_predict": 120}
    question = "List one fruit as JSON with the key fruit."
    answer = client.generate(STARTER, question, format="json", options=options)
    if answer.done_reason == "stop":
        assert isinstance(json.loads(answer.response or ""), dict)
    assert (answer.response or "").lstrip().startswith("{")


def test_a_format_that_is_none_is_refused(shared: Serving) -> None:
    body = {"model": STARTER, "messages": QUESTION, "format": "yaml"}
    with shared.client() as http:
        answer = http.post("/api/chat", json=body)
    assert answer.status_code == 400
    assert "format" in answer.json()["error"]


def test_stop_strings_end_an_answer(client: ollama.Client) -> None:
    count = [{"role": "user", "content": "Count: 1 2 3 4 5 6"}]
    free = client.chat(STARTER, count, options={"temperature": 0, "num_predict": 20})
    text = free.message.content or ""
    stop = text[4:6]
    cut = client.chat(STARTER, count, options={"temperature": 0, "num_predict": 20, "stop": [stop]})
    assert cut.done_reason == "stop"
    assert cut.message.content == text[: text.index(stop)]


def test_unknown_options_are_ignored_and_wrong_ones_named(client: ollama.Client) -> None:
    odd = {**EXACT, "num_keep": 4, "mystery": [1], "top_k": 5000, "repeat_last_n": -1}
    assert client.chat(STARTER, QUESTION, options=odd).done
    wrong = refused(client.chat, STARTER, QUESTION, options={"temperature": "hot"})
    assert (wrong.status_code, wrong.error) == (400, "option “temperature” must be of type float")
    wrong = refused(client.chat, STARTER, QUESTION, options={"stop": [1]})
    assert wrong.status_code == 400


def test_log_probabilities_of_every_token(client: ollama.Client) -> None:
    answer = client.chat(STARTER, QUESTION, options=EXACT, logprobs=True, top_logprobs=3)
    assert answer.logprobs is not None
    assert len(answer.logprobs) == 8
    assert "".join(each.token for each in answer.logprobs) == answer.message.content
    for each in answer.logprobs:
        assert each.logprob <= 0
        assert each.top_logprobs is not None
        assert len(each.top_logprobs) == 3
    wrong = refused(client.chat, STARTER, QUESTION, logprobs=True, top_logprobs=21)
    assert (wrong.status_code, wrong.error) == (400, "top_logprobs must be between 0 and 20")


def weather(city: str) -> str:
    """Tell the weather.

    Args:
        city: where
    """
    return city


def test_tools_are_offered_and_their_results_taken(client: ollama.Client) -> None:
    asked = client.chat(STARTER, QUESTION, tools=[weather], options=EXACT)
    plain = client.chat(STARTER, QUESTION, options=EXACT)
    assert (asked.prompt_eval_count or 0) > (plain.prompt_eval_count or 0) + 20
    called = {"function": {"name": "weather", "arguments": {"city": "Paris"}}}
    messages: list[dict[str, Any]] = [
        *QUESTION,
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "sunny", "tool_name": "weather"},
    ]
    assert client.chat(STARTER, messages, tools=[weather], options=EXACT).done


def test_the_model_is_loaded_kept_and_ejected_without_a_prompt(
    alone: Serving, own: ollama.Client
) -> None:
    model = alone.scripted(text="hello there")
    assert own.generate(model, "").done_reason == "load"
    loaded = alone.parts.runtime.get(model)
    assert loaded is not None
    assert loaded.ttl is None
    own.chat(model, [], keep_alive="5m")
    assert loaded.ttl == 300
    own.chat(model, [], keep_alive=-1)
    assert loaded.ttl == 0
    assert own.chat(model, [], keep_alive=0).done_reason == "unload"
    assert alone.parts.runtime.get(model) is None
    answer = own.chat(model, QUESTION, keep_alive=0)
    assert answer.message.content == "hello there"
    assert alone.parts.runtime.get(model) is None
    wrong = refused(own.chat, model, QUESTION, keep_alive="soon")
    assert wrong.status_code == 400


def test_a_larger_context_loads_anew_and_a_smaller_one_does_not(
    alone: Serving, own: ollama.Client
) -> None:
    model = alone.scripted(text="hello", context_length=8192)

    def context_in_force(num_ctx: int) -> int:
        own.chat(model, QUESTION, options={"num_ctx": num_ctx})
        return own.ps().models[0].context_length or 0

    assert context_in_force(1024) == 2048  # the settings' own is larger
    first = alone.parts.runtime.get(model)
    assert context_in_force(4096) == 4096
    assert alone.parts.runtime.get(model) is not first
    second = alone.parts.runtime.get(model)
    assert context_in_force(2048) == 4096
    assert alone.parts.runtime.get(model) is second


def test_reasoning_comes_apart_and_is_left_out_where_nobody_wants_it(
    alone: Serving, own: ollama.Client
) -> None:
    model = alone.scripted(text="hello")
    question = [{"role": "user", "content": "!think"}]
    thought = own.chat(model, question, think="high")
    assert thought.message.thinking
    assert thought.message.thinking not in (thought.message.content or "")
    lines = list(own.chat(model, question, think=True, stream=True))
    assert "".join(line.message.thinking or "" for line in lines) == thought.message.thinking
    assert own.chat(model, question, think=False).message.thinking is None
    assert own.generate(model, "!think", think=True).thinking


def test_a_model_that_does_not_reason_is_not_asked_to(client: ollama.Client) -> None:
    wrong = refused(client.chat, STARTER, QUESTION, think=True)
    assert (wrong.status_code, wrong.error) == (400, f"“{STARTER}” does not support thinking")
    assert client.chat(STARTER, QUESTION, think=False, options=EXACT).done


def test_pictures_are_refused_by_a_model_that_cannot_see(client: ollama.Client) -> None:
    seen = [{"role": "user", "content": "What is this?", "images": [PNG]}]
    assert refused(client.chat, STARTER, seen).status_code == 400
    assert refused(client.generate, STARTER, "What?", images=[PNG]).status_code == 400


def test_a_conversation_that_does_not_fit_is_cut_or_refused(
    shared: Serving, client: ollama.Client
) -> None:
    long = [{"role": "user", "content": "word " * 1500}, {"role": "assistant", "content": "ok"}]
    messages = [*long, *long, {"role": "user", "content": "Say hi"}]
    assert client.chat(STARTER, messages, options=EXACT).done
    body = {"model": STARTER, "messages": messages, "truncate": False, "stream": False}
    with shared.client() as http:
        answer = http.post("/api/chat", json=body)
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_without_a_shift_the_answer_ends_with_the_context(alone: Serving) -> None:
    model = alone.scripted(tokens=5000, context_length=512)
    body = {"model": model, "messages": QUESTION, "shift": False, "stream": False}
    with alone.client() as http:
        answer = http.post("/api/chat", json=body).json()
    assert answer["done_reason"] == "length"
    assert answer["prompt_eval_count"] + answer["eval_count"] == 512


def test_a_begun_answer_is_continued(client: ollama.Client) -> None:
    messages = [
        {"role": "user", "content": "What is the capital of France?"},
        {"role": "assistant", "content": "The capital of France is"},
    ]
    answer = client.chat(STARTER, messages, options=EXACT)
    assert (answer.message.content or "").lstrip().startswith("Paris")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/chat", {"model": "nobody", "messages": QUESTION}, 404),
        ("/api/generate", {"model": "nobody", "prompt": "x"}, 404),
        ("/api/embed", {"model": "nobody", "input": "x"}, 404),
        ("/api/show", {"model": "nobody"}, 404),
        ("/api/chat", {"messages": QUESTION}, 400),
        ("/api/chat", {"model": STARTER, "messages": "hi"}, 400),
        ("/api/chat", {"model": STARTER, "messages": [{"role": "alien", "content": "x"}]}, 400),
        ("/api/chat", {"model": STARTER, "messages": [{"content": "x"}]}, 400),
        ("/api/chat", {"model": STARTER, "messages": QUESTION, "think": "very"}, 400),
        ("/api/chat", {"model": STARTER, "messages": QUESTION, "options": {"num_ctx": True}}, 400),
        ("/api/generate", {"model": STARTER, "prompt": 3}, 400),
        ("/api/generate", {"model": STARTER, "prompt": "x", "images": ["%%"]}, 400),
        ("/api/embed", {"model": STARTER, "input": 3}, 400),
        ("/api/nothing", {}, 404),
    ],
)
def test_what_cannot_be_answered_is_an_error_in_ollamas_form(
    shared: Serving, path: str, body: dict[str, Any], status: int
) -> None:
    with shared.client() as http:
        answer = http.post(path, json=body)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    if body.get("model") == "nobody":
        assert answer.json()["error"] == "model 'nobody' not found"


def test_embeddings_have_length_1_and_tell_texts_apart(client: ollama.Client) -> None:
    texts = ["The cat sleeps.", "A cat is sleeping.", "Stock prices fell sharply today."]
    answer = client.embed(STARTER, texts)
    first, second, third = answer.embeddings

    def product(a: Any, b: Any) -> float:
        return math.fsum(x * y for x, y in zip(a, b, strict=True))

    assert len(first) == 576
    assert math.isclose(product(first, first), 1, abs_tol=1e-3)
    assert product(first, second) > product(first, third)
    assert answer.prompt_eval_count
    assert answer.total_duration
    short = client.embed(STARTER, texts[0], dimensions=64).embeddings[0]
    assert len(short) == 64
    assert math.isclose(product(short, short), 1, abs_tol=1e-3)
    old = client.embeddings(STARTER, texts[0]).embedding
    assert product(old, first) > 0.999
    assert client.embed(STARTER, [], keep_alive=0).embeddings == []


def test_a_text_that_is_too_long_to_embed_is_cut_or_refused(
    client: ollama.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.work.EMBEDDED_AT_ONCE", 512)
    long = "word " * 800
    cut = client.embed(STARTER, ["short", long], keep_alive="1m")
    assert len(cut.embeddings) == 2
    assert 300 < (cut.prompt_eval_count or 0) <= 512 + 8
    assert refused(client.embed, STARTER, long, truncate=False).status_code == 400
    client.embed(STARTER, [], keep_alive=0)


def test_a_load_that_another_request_wants_waits_for_the_answer_under_way(
    alone: Serving, own: ollama.Client
) -> None:
    model = alone.scripted(tokens=40, tokens_per_second=80, context_length=8192)
    lines = own.chat(model, QUESTION, stream=True)
    first = next(lines)
    assert not first.done
    with ThreadPoolExecutor() as pool:
        other = pool.submit(own.chat, model, QUESTION, options={"num_ctx": 4096})
        rest = list(lines)
        assert rest[-1].eval_count == 40
        assert rest[-1].done_reason == "stop"
        assert other.result(30).eval_count == 40
    assert own.ps().models[0].context_length == 4096


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"messages": QUESTION}),
        ("/api/generate", {"prompt": "x"}),
        ("/api/v1/chat", {"input": "x", "stream": True}),
        ("/api/v0/chat/completions", {"messages": QUESTION, "stream": True}),
    ],
)
def test_what_a_client_leaves_is_cancelled(alone: Serving, path: str, body: dict[str, Any]) -> None:
    model = alone.scripted(tokens=100_000, tokens_per_second=50)
    left = threading.Event()

    def look(record: RequestRecord) -> None:
        if record.status == 499:
            left.set()

    alone.parts.log.changed.connect(look)
    with (
        alone.client() as http,
        http.stream("POST", path, json={"model": model, **body}) as answer,
    ):
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        for _ in range(12):
            next(pieces)
    assert left.wait(30)
    loaded = alone.parts.runtime.get(model)
    assert loaded is not None
    assert loaded.engine.stats().running == 0
