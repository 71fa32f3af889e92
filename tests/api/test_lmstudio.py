"""LM Studio's two interfaces, asked by hand: no client speaks them but plain HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from msgspec import structs

from app.core.settings import Server
from tests.api.serving import STARTER, Serving, free_port, serving
from tests.core.broken_gguf import tiny_model
from tests.hub.server import LocalHub

MODEL = "starter/SmolLM2-135M-Instruct.Q4_1"
QUESTION = [{"role": "user", "content": "Say hi"}]
EXACT: dict[str, Any] = {"temperature": 0, "max_output_tokens": 8}
PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
def http(shared: Serving) -> Iterator[httpx2.Client]:
    with shared.client() as client:
        yield client


@pytest.fixture
def own(alone: Serving) -> Iterator[httpx2.Client]:
    """A client of a server of the test's own."""
    with alone.client() as client:
        yield client


def ask(client: httpx2.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


def events(client: httpx2.Client, path: str, **body: Any) -> list[tuple[str, Any]]:
    """Names and data of a stream's events."""
    answer = client.post(path, json={**body, "stream": True})
    assert answer.status_code == 200, answer.text
    found = []
    for block in answer.text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        data = lines["data"]
        found.append((lines.get("event", ""), data if data == "[DONE]" else json.loads(data)))
    return found


# /api/v1


def test_the_list_tells_what_is_loaded(http: httpx2.Client) -> None:
    [model] = http.get("/api/v1/models").json()["models"]
    assert model["type"] == "llm"
    assert model["key"] == MODEL
    assert model["publisher"] == "HuggingFaceTB"
    assert model["architecture"] == "llama"
    assert model["quantization"] == {"name": "Q4_1", "bits_per_weight": 5.0}
    assert model["params_string"] == "135M"
    assert model["max_context_length"] == 8192
    assert model["format"] == "gguf"
    assert model["capabilities"] == {"vision": False, "trained_for_tool_use": False}
    [instance] = model["loaded_instances"]
    assert instance["id"] == MODEL
    assert instance["config"]["context_length"] == 2048
    assert instance["config"]["parallel"] >= 1


def test_a_model_is_loaded_as_asked_and_unloaded(alone: Serving, own: httpx2.Client) -> None:
    model = alone.scripted(text="hello")
    loaded = ask(
        own, "/api/v1/models/load", model=model, context_length=4096, echo_load_config=True
    )
    assert loaded["type"] == "llm"
    assert loaded["instance_id"] == model
    assert loaded["status"] == "loaded"
    assert loaded["load_time_seconds"] >= 0
    assert loaded["load_config"]["context_length"] == 4096
    assert "load_config" not in ask(own, "/api/v1/models/load", model=model)
    assert ask(own, "/api/v1/models/unload", instance_id=model) == {"instance_id": model}
    assert alone.parts.runtime.get(model) is None
    gone = own.post("/api/v1/models/unload", json={"instance_id": model})
    assert gone.status_code == 404
    assert gone.json()["error"]["type"] == "model_not_found"
    wrong = own.post("/api/v1/models/load", json={"model": model, "context_length": -5})
    assert wrong.status_code == 400


def test_a_message_is_answered_with_what_it_took(http: httpx2.Client) -> None:
    answer = ask(http, "/api/v1/chat", model=STARTER, input="Say hi", **EXACT)
    assert answer["model_instance_id"] == MODEL
    [item] = answer["output"]
    assert item["type"] == "message"
    assert item["content"]
    stats = answer["stats"]
    assert stats["total_output_tokens"] == 8
    assert stats["input_tokens"] > 0
    assert stats["tokens_per_second"] > 0
    assert stats["time_to_first_token_seconds"] > 0
    assert "model_load_time_seconds" not in stats
    assert answer["response_id"].startswith("resp_")


def test_a_stream_tells_every_step_and_ends_with_the_whole_answer(
    alone: Serving, own: httpx2.Client
) -> None:
    model = alone.scripted(text="hello there", load_seconds=0.1)
    came = events(own, "/api/v1/chat", model=model, input="!think", reasoning="on")
    names = [name for name, _ in came]
    assert all(data["type"] == name for name, data in came)
    once = list(dict.fromkeys(names))
    assert once == [
        "chat.start",
        "model_load.start",
        "model_load.progress",
        "model_load.end",
        "prompt_processing.start",
        "prompt_processing.progress",
        "prompt_processing.end",
        "reasoning.start",
        "reasoning.delta",
        "reasoning.end",
        "message.start",
        "message.delta",
        "message.end",
        "chat.end",
    ]
    for name in ("chat.start", "reasoning.end", "message.end", "chat.end"):
        assert names.count(name) == 1
    result = came[-1][1]["result"]
    reasoning, message = result["output"]
    assert message == {"type": "message", "content": "hello there"}
    said = "".join(data["content"] for name, data in came if name == "message.delta")
    assert said == "hello there"
    thought = "".join(data["content"] for name, data in came if name == "reasoning.delta")
    assert reasoning == {"type": "reasoning", "content": thought}
    assert result["stats"]["model_load_time_seconds"] >= 0.1
    again = [name for name, _ in events(own, "/api/v1/chat", model=model, input="x")]
    assert "model_load.start" not in again


def test_a_conversation_goes_on_from_any_of_its_answers(http: httpx2.Client) -> None:
    def say(text: str, **more: Any) -> dict[str, Any]:
        return ask(http, "/api/v1/chat", model=STARTER, input=text, **EXACT, **more)

    first = say("My name is Ada.", system_prompt="Be brief.")
    second = say("Who am I?", previous_response_id=first["response_id"])
    branch = say("Who am I?", previous_response_id=first["response_id"])
    assert branch["output"] == second["output"]
    third = say("And now?", previous_response_id=second["response_id"])
    counts = [each["stats"]["input_tokens"] for each in (first, second, third)]
    assert counts == sorted(set(counts))
    by_chat = http.post(
        "/v1/chat/completions",
        json={
            "model": STARTER,
            "temperature": 0,
            "max_tokens": 8,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "My name is Ada."},
                {"role": "assistant", "content": first["output"][0]["content"]},
                {"role": "user", "content": "Who am I?"},
            ],
        },
    ).json()
    assert by_chat["usage"]["prompt_tokens"] == second["stats"]["input_tokens"]
    assert by_chat["choices"][0]["message"]["content"] == second["output"][0]["content"]
    loose = say("Hi", store=False)
    assert "response_id" not in loose


def test_answers_are_kept_for_the_token_that_asked() -> None:
    with serving(server=Server(on=True, port=free_port(), require_token=True)) as running:
        model = running.scripted(text="hello")
        _, one = running.parts.tokens.issue("one", ["chat"])
        _, other = running.parts.tokens.issue("other", ["chat"])

        def say(secret: str, **more: Any) -> Any:
            with running.client(authorization=f"Bearer {secret}") as client:
                return client.post("/api/v1/chat", json={"model": model, "input": "x", **more})

        answer_id = say(one).json()["response_id"]
        assert say(one, previous_response_id=answer_id).status_code == 200
        stolen = say(other, previous_response_id=answer_id)
        assert stolen.status_code == 404
        assert stolen.json()["error"]["param"] == "previous_response_id"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"model": "nobody", "input": "x"}, 404, "model_not_found"),
        ({"input": "x"}, 400, "invalid_request"),
        ({"model": STARTER}, 400, "invalid_request"),
        ({"model": STARTER, "input": ""}, 400, "invalid_request"),
        ({"model": STARTER, "input": []}, 400, "invalid_request"),
        ({"model": STARTER, "input": [{"type": "sound"}]}, 400, "invalid_request"),
        ({"model": STARTER, "input": "x", "temperature": "hot"}, 400, "invalid_request"),
        ({"model": STARTER, "input": "x", "reasoning": "high"}, 400, "invalid_request"),
        ({"model": STARTER, "input": "x", "integrations": ["mcp/a"]}, 400, "not_implemented"),
        ({"model": STARTER, "input": [{"type": "image", "data_url": PNG}]}, 400, "invalid_request"),
        (
            {"model": STARTER, "input": [{"type": "image", "data_url": "http://127.0.0.1/x"}]},
            400,
            "invalid_request",
        ),
        (
            {"model": STARTER, "input": "x", "previous_response_id": "resp_" + "0" * 48},
            404,
            "invalid_request",
        ),
        (
            {"model": STARTER, "input": "x", "previous_response_id": "../../settings"},
            404,
            "invalid_request",
        ),
    ],
)
def test_what_cannot_be_answered_is_an_error_in_lm_studios_form(
    http: httpx2.Client, body: dict[str, Any], status: int, kind: str
) -> None:
    answer = http.post("/api/v1/chat", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["type"] == kind
    assert answer.json()["error"]["message"]


def test_an_error_within_a_stream_is_an_event_before_the_end(http: httpx2.Client) -> None:
    came = events(http, "/api/v1/chat", model=STARTER, input="x", reasoning="high")
    assert [name for name, _ in came] == ["chat.start", "error", "chat.end"]
    assert came[1][1]["error"]["param"] == "reasoning"
    assert "response_id" not in came[-1][1]["result"]


def test_all_operations_are_documented(http: httpx2.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    assert "post" in paths["/api/v1/chat"]
    assert "get" in paths["/api/v0/models/{model}"]
    assert "delete" in paths["/api/delete"]


def test_unknown_paths_are_not_found(http: httpx2.Client) -> None:
    for path in ("/api/v1/nothing", "/api/v0/nothing", "/api/v1/models/download/status/job_x"):
        answer = http.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"]["message"]


def test_a_model_is_downloaded(alone: Serving, own: httpx2.Client) -> None:
    with LocalHub() as hub:
        hub.add("me/tiny-GGUF", {"tiny-F32.gguf": tiny_model().data()}, tags=["gguf"])
        network = structs.replace(alone.parts.settings.current.network, endpoint=hub.url)
        alone.parts.settings.update(network=network)
        job = ask(own, "/api/v1/models/download", model="me/tiny-GGUF", quantization="F32")
        assert job["status"] in ("downloading", "completed")
        assert job["job_id"].startswith("job_")
        assert job["total_size_bytes"] > 1000
        items = alone.parts.downloads.items
        alone.wait_for_downloads(lambda: [each.state for each in items()] == ["done"])
        status = own.get(f"/api/v1/models/download/status/{job['job_id']}").json()
        assert status["status"] == "completed"
        assert status["downloaded_bytes"] == status["total_size_bytes"] == job["total_size_bytes"]
        assert status["completed_at"].endswith("Z")
        again = ask(own, "/api/v1/models/download", model=f"{hub.url}/me/tiny-GGUF")
        assert again == {"status": "already_downloaded"}
        for wrong in ({"model": "me/nothing"}, {"model": "me/tiny-GGUF", "quantization": "Q9"}):
            gone = own.post("/api/v1/models/download", json=wrong)
            assert gone.status_code == 404
            assert gone.json()["error"]["type"] == "model_not_found"
    assert own.post("/api/v1/models/download", json={"model": "just words"}).status_code == 400


# /api/v0


def test_the_first_interface_lists_models(http: httpx2.Client) -> None:
    [row] = http.get("/api/v0/models").json()["data"]
    assert row == {
        "id": MODEL,
        "object": "model",
        "type": "llm",
        "publisher": "HuggingFaceTB",
        "arch": "llama",
        "compatibility_type": "gguf",
        "quantization": "Q4_1",
        "state": "loaded",
        "max_context_length": 8192,
        "loaded_context_length": 2048,
    }
    assert http.get(f"/api/v0/models/{STARTER}").json() == row
    assert http.get("/api/v0/models/nobody").status_code == 404


def test_the_first_interface_tells_what_a_chat_took(http: httpx2.Client) -> None:
    body = {"model": STARTER, "messages": QUESTION, "temperature": 0}
    answer = ask(http, "/api/v0/chat/completions", **body, max_tokens=6)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] == 6
    assert answer["stats"]["stop_reason"] == "maxPredictedTokensReached"
    assert answer["stats"]["tokens_per_second"] > 0
    assert answer["model_info"] == {
        "arch": "llama",
        "quant": "Q4_1",
        "format": "gguf",
        "context_length": 2048,
    }
    assert answer["runtime"]["supported_formats"] == ["gguf"]
    *chunks, last, done = events(http, "/api/v0/chat/completions", **body, max_tokens=6)
    assert done[1] == "[DONE]"
    text = "".join(data["choices"][0]["delta"].get("content", "") for _, data in chunks)
    assert text == answer["choices"][0]["message"]["content"]
    assert last[1]["stats"]["stop_reason"] == "maxPredictedTokensReached"
    assert last[1]["choices"][0]["finish_reason"] == "length"


def test_the_first_interface_tells_a_model_what_its_maker_wants(
    own: httpx2.Client,
) -> None:
    made = {"model": "pirate", "from": STARTER, "system": "Talk like a pirate.", "stream": False}
    assert own.post("/api/create", json=made).status_code == 200
    body = {"model": "pirate", "messages": QUESTION, "max_tokens": 1}
    first = ask(own, "/api/v0/chat/completions", **body)
    usual = ask(own, "/v1/chat/completions", **body)
    assert first["usage"]["prompt_tokens"] == usual["usage"]["prompt_tokens"]


@pytest.mark.parametrize("given", [[], [""], ["x"] * 2049])
def test_the_first_interface_embeds_no_nothing_and_not_too_much(
    http: httpx2.Client, given: list[str]
) -> None:
    answer = http.post("/api/v0/embeddings", json={"model": STARTER, "input": given})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input"


def test_a_limit_of_minus_one_is_none(alone: Serving, own: httpx2.Client) -> None:
    model = alone.scripted(text="hello")
    answer = ask(own, "/api/v0/chat/completions", model=model, messages=QUESTION, max_tokens=-1)
    assert answer["stats"]["stop_reason"] == "eosFound"


def test_the_first_interface_continues_texts(http: httpx2.Client) -> None:
    body = {"model": STARTER, "prompt": "The capital of France is", "temperature": 0}
    answer = ask(http, "/api/v0/completions", **body, max_tokens=4)
    assert answer["object"] == "text_completion"
    assert "Paris" in answer["choices"][0]["text"]
    assert answer["usage"]["completion_tokens"] == 4
    assert answer["stats"]["stop_reason"] == "maxPredictedTokensReached"
    *pieces, last, done = events(http, "/api/v0/completions", **body, max_tokens=4)
    assert done[1] == "[DONE]"
    assert "".join(d["choices"][0]["text"] for _, d in pieces) == answer["choices"][0]["text"]
    assert last[1]["stats"]["generation_time"] > 0
    cut = ask(http, "/api/v0/completions", **body, max_tokens=9, stop="Paris")
    assert "Paris" not in cut["choices"][0]["text"]
    assert cut["stats"]["stop_reason"] == "stopStringFound"


def test_the_first_interface_embeds_texts(shared: Serving, http: httpx2.Client) -> None:
    answer = ask(http, "/api/v0/embeddings", model=STARTER, input=["a cat", "a dog"])
    assert [row["index"] for row in answer["data"]] == [0, 1]
    assert len(answer["data"][0]["embedding"]) == 576
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > 0
    ask(http, "/api/v1/models/unload", instance_id=f"{MODEL}#embeddings")
    assert shared.parts.runtime.get(f"{MODEL}#embeddings") is None


def test_what_is_kept_of_chats_takes_no_more_than_so_many_bytes(
    alone: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.response_store.MOST_BYTES", 2000)
    model = alone.scripted(text="fine")
    with alone.client() as client:
        first, second, _ = (
            ask(client, "/api/v1/chat", model=model, input=letter * 1500)["response_id"]
            for letter in "abc"
        )
        body = {"model": model, "input": "x"}
        for gone in (first, second):
            answer = client.post("/api/v1/chat", json={**body, "previous_response_id": gone})
            assert answer.status_code == 404


def test_an_answer_that_cannot_be_kept_is_an_answer_still(alone: Serving) -> None:
    alone.parts.paths.server_dir.mkdir(parents=True)
    (alone.parts.paths.server_dir / "lmstudio.db").write_bytes(b"no database" * 1000)
    model = alone.scripted(text="fine")
    with alone.client() as client:
        answer = ask(client, "/api/v1/chat", model=model, input="x")
    assert answer["output"][0]["content"] == "fine"
    assert "response_id" not in answer
