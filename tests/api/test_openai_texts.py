"""`/v1/completions` and `/v1/embeddings`, asked by the official client and by hand."""

import base64
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from app.core.paths import app_paths
from tests.api.openai_facts import COMPLETION, EMBEDDINGS, ERROR
from tests.api.serving import STARTER, Serving, serving
from tests.api.shapes import check
from tests.backends.llamacpp import tiny_gguf

TEXT = "The capital of France is"


@pytest.fixture(scope="module")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server whose model is loaded for embeddings."""
    home = tmp_path_factory.mktemp("embedding")
    with serving(app_paths({"CORRAL_HOME": str(home)})) as running:
        running.warm()
        ask = openai.OpenAI(base_url=f"{running.url}/v1", api_key="any", max_retries=0)
        ask.embeddings.create(model=STARTER, input="x")
        yield running


@pytest.fixture
def client(shared: Serving) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{shared.url}/v1", api_key="any", max_retries=0)


@pytest.fixture
def vectors(embedding: Serving) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{embedding.url}/v1", api_key="any", max_retries=0)


# Completions


def test_a_text_is_gone_on_with(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=STARTER, prompt=TEXT, temperature=0, max_tokens=4)
    check(answer.to_dict(), COMPLETION)
    [choice] = answer.choices
    assert choice.text.startswith(" Paris")
    assert choice.finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4


def test_without_a_limit_there_are_sixteen_tokens(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=STARTER, prompt="1 2 3 4 5 6", temperature=0)
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 16


def test_a_limit_of_minus_one_is_none(alone: Serving) -> None:
    """As LM Studio's own examples write it."""
    client = openai.OpenAI(base_url=f"{alone.url}/v1", api_key="any", max_retries=0)
    model = alone.scripted(tokens=40)
    text = client.completions.create(model=model, prompt="Once", max_tokens=-1)
    chat = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Once"}], max_tokens=-1
    )
    for usage in (text.usage, chat.usage):
        assert usage is not None
        assert usage.completion_tokens == 40


def test_a_stream_joins_to_the_same_text(shared: Serving, client: openai.OpenAI) -> None:
    whole = client.completions.create(model=STARTER, prompt=TEXT, temperature=0, max_tokens=8)
    body = {"model": STARTER, "prompt": TEXT, "temperature": 0, "max_tokens": 8, "stream": True}
    with shared.client() as http:
        answer = http.post(
            "/v1/completions", json={**body, "stream_options": {"include_usage": True}}
        )
    *lines, last = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert last == "[DONE]"
    pieces = [json.loads(line) for line in lines]
    for piece in pieces:
        check(piece, COMPLETION)
    assert pieces[-1]["choices"] == []
    assert pieces[-1]["usage"]["completion_tokens"] == 8
    choices = [piece["choices"][0] for piece in pieces[:-1]]
    assert "".join(choice["text"] for choice in choices) == whole.choices[0].text
    assert choices[-1]["finish_reason"] == "length"
    streamed = client.completions.create(
        model=STARTER, prompt=TEXT, temperature=0, max_tokens=8, stream=True
    )
    assert "".join(part.choices[0].text for part in streamed) == whole.choices[0].text


def test_several_prompts_have_their_texts_in_order(client: openai.OpenAI) -> None:
    prompts = ["1, 2, 3,", "a, b, c,"]
    answer = client.completions.create(
        model=STARTER, prompt=prompts, n=2, echo=True, temperature=0, max_tokens=4
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    for choice in answer.choices:
        assert choice.text.startswith(prompts[choice.index // 2])
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 16
    alone = [
        client.completions.create(model=STARTER, prompt=prompt, max_tokens=1).usage
        for prompt in prompts
    ]
    assert answer.usage.prompt_tokens == sum(usage.prompt_tokens for usage in alone if usage)
    streamed: dict[int, str] = {}
    for part in client.completions.create(
        model=STARTER, prompt=prompts, echo=True, temperature=0, max_tokens=4, stream=True
    ):
        for piece in part.choices:
            streamed[piece.index] = streamed.get(piece.index, "") + piece.text
    assert streamed[0].startswith(prompts[0])
    assert streamed[1].startswith(prompts[1])


def test_log_probabilities_have_the_old_form(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=STARTER, prompt=TEXT, temperature=0, max_tokens=4, logprobs=2
    )
    check(answer.to_dict(), COMPLETION)
    [choice] = answer.choices
    told = choice.logprobs
    assert told is not None
    assert told.tokens is not None
    assert told.text_offset is not None
    assert "".join(told.tokens) == choice.text
    assert [choice.text[at:][:1] for at in told.text_offset] == [t[:1] for t in told.tokens]
    assert told.top_logprobs is not None
    assert [len(each) for each in told.top_logprobs] == [2] * 4
    plain = client.completions.create(
        model=STARTER, prompt=TEXT, temperature=0, max_tokens=4, logprobs=0
    )
    assert plain.choices[0].logprobs is not None
    assert plain.choices[0].logprobs.top_logprobs is None


def test_a_gap_is_filled_where_the_model_can(client: openai.OpenAI, alone: Serving) -> None:
    with pytest.raises(openai.BadRequestError, match="fill in the middle"):
        client.completions.create(model=STARTER, prompt="a", suffix="b")
    folder = alone.parts.paths.models
    folder.mkdir(parents=True, exist_ok=True)
    path = tiny_gguf.write(
        folder / "tiny.gguf", fim_pre_token_id=3, fim_suf_token_id=4, fim_mid_token_id=5
    )
    alone.parts.library.scan()
    [model] = [each.id for each in alone.parts.library.models() if each.path == path]
    asker = openai.OpenAI(base_url=f"{alone.url}/v1", api_key="any", max_retries=0)
    filled = asker.completions.create(model=model, prompt="ab", suffix="cd", max_tokens=1)
    plain = asker.completions.create(model=model, prompt="abcd", max_tokens=1)
    assert filled.usage is not None
    assert plain.usage is not None
    # Each marker is one token, as no text of five or more letters would be.
    extra = filled.usage.prompt_tokens - plain.usage.prompt_tokens
    assert 3 <= extra <= 5


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [1, 2, 3]}, "prompt"),
        ({"prompt": [[1, 2], [3]]}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"best_of": 3}, "best_of"),
        ({"echo": True, "logprobs": 1}, "echo"),
        ({"logprobs": 6}, "logprobs"),
        ({"logprobs": -1}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"prompt": ["a"] * 20, "n": 16}, "n"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
    ],
)
def test_a_completion_that_makes_no_sense_is_refused(
    shared: Serving, change: dict[str, Any], param: str
) -> None:
    with shared.client() as http:
        answer = http.post("/v1/completions", json={"model": STARTER, "prompt": "x", **change})
    assert answer.status_code == 400, answer.text
    check(answer.json(), ERROR)
    assert answer.json()["error"]["param"] == param


# Embeddings


def test_texts_become_vectors(embedding: Serving, vectors: openai.OpenAI) -> None:
    told = vectors.embeddings.create(model=STARTER, input=["a cat", "a dog"])
    check(told.to_dict(), EMBEDDINGS)
    assert [row.index for row in told.data] == [0, 1]
    assert all(math.hypot(*row.embedding) == pytest.approx(1, abs=1e-3) for row in told.data)
    alone = vectors.embeddings.create(model=STARTER, input="a cat", encoding_format="float")
    assert alone.data[0].embedding == pytest.approx(told.data[0].embedding, abs=0.02)
    assert 0 < alone.usage.prompt_tokens < told.usage.prompt_tokens


def test_vectors_come_as_base64_too(embedding: Serving) -> None:
    body = {"model": STARTER, "input": "a cat"}
    with embedding.client() as http:
        plain = http.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
        packed = http.post("/v1/embeddings", json={**body, "encoding_format": "base64"})
    data = base64.b64decode(packed.json()["data"][0]["embedding"])
    assert struct.unpack(f"<{len(data) // 4}f", data) == pytest.approx(plain, abs=1e-6)


def test_vectors_may_be_shorter(vectors: openai.OpenAI) -> None:
    whole = vectors.embeddings.create(model=STARTER, input="a cat").data[0].embedding
    short = vectors.embeddings.create(model=STARTER, input="a cat", dimensions=8).data[0].embedding
    assert math.hypot(*short) == pytest.approx(1, abs=1e-3)
    scale = math.hypot(*whole[:8])
    assert short == pytest.approx([value / scale for value in whole[:8]], abs=1e-3)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1, 2]]}, "input"),
        ({"input": 5}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 100_000}, "dimensions"),
    ],
)
def test_embeddings_that_make_no_sense_are_refused(
    embedding: Serving, change: dict[str, Any], param: str
) -> None:
    with embedding.client() as http:
        answer = http.post("/v1/embeddings", json={"model": STARTER, "input": "x", **change})
    assert answer.status_code == 400, answer.text
    check(answer.json(), ERROR)
    assert answer.json()["error"]["param"] == param
