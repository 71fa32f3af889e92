"""Descriptors, keys, what servers tell of themselves, and every way in which they refuse."""

import contextlib
import json
import logging
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.errors import (
    AccessRefused,
    BackendError,
    BadRequest,
    LoadCancelled,
    ModelNotServed,
    NotAModelFile,
    PromptTooLong,
    ServerBusy,
    ServerProblem,
    ServerUnreachable,
)
from backends.remote.descriptor import clean_address, is_loopback, read_descriptor
from backends.remote.engine import RemoteBackend
from backends.types import (
    ChatMessage,
    Delta,
    EmbeddingRequest,
    GenerationRequest,
    JsonSchema,
    LoadConfig,
    ModelInfo,
    SamplingParams,
)
from tests.backends.contract import QUESTION, finish_of, request, text_of
from tests.backends.remote.scripted_server import ScriptedServer, end, text
from tests.backends.remote.servers import llama_server, write_descriptor
from tests.hub.http_server import TLS

KEY = "sk-corral-4d1c9a7e55"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.says(text("ok"), end())
        yield server


def load(text: str, config: LoadConfig | None = None) -> tuple[RemoteBackend, ModelInfo]:
    backend = RemoteBackend()
    return backend, backend.load(text, config or LoadConfig(), lambda _: True)


def described(url: str, model: str = "m", **more: object) -> str:
    return json.dumps({"base_url": url, "model": model, **more})


HELLO = GenerationRequest("r", (ChatMessage("user", "Hello"),))


# Descriptors


@pytest.mark.parametrize(
    ("typed", "used"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        (" https://example.org/v1/ ", "https://example.org/v1"),
        ("https://example.org/llm/v1", "https://example.org/llm/v1"),
    ],
)
def test_addresses_are_completed(typed: str, used: str) -> None:
    assert clean_address(typed) == used


@pytest.mark.parametrize(
    "typed",
    ["", "example.org", "ftp://example.org", "http://", "http://me:secret@example.org",
     "http://example.org/?key=1", "http://example.org:port"],
)  # fmt: skip
def test_addresses_that_are_none_are_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        clean_address(typed)
    with pytest.raises(NotAModelFile):
        read_descriptor(described(typed))


def test_what_is_on_this_computer() -> None:
    assert is_loopback("http://127.0.0.2:1/v1")
    assert is_loopback("http://[::1]:1/v1")
    assert is_loopback("http://localhost/v1")
    assert not is_loopback("http://192.168.1.5/v1")
    assert not is_loopback("http://localhost.example.org/v1")


def test_a_key_does_not_belong_in_a_file(tmp_path: Path) -> None:
    path = write_descriptor(tmp_path, "http://127.0.0.1:1", api_key=KEY)
    with pytest.raises(NotAModelFile) as caught:
        read_descriptor(str(path))
    assert KEY not in caught.value.detail


def test_offline_nothing_but_this_computer_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(socket.socket, "connect", never)
    with pytest.raises(ServerUnreachable, match="offline"):
        load(described("https://example.org", loopback_only=True))


def test_offline_a_server_on_this_computer_is_used(server: ScriptedServer) -> None:
    backend, _ = load(described(server.url, loopback_only=True))
    assert text_of(backend.generate(HELLO)) == "ok"


# Keys


def test_the_key_goes_to_the_server_and_nowhere_else(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    backend, _ = load(described(server.url, api_key=KEY))
    list(backend.generate(HELLO))
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {KEY}"}
    assert KEY not in caplog.text
    assert KEY not in repr(read_descriptor(described(server.url, api_key=KEY)))


def test_without_a_key_none_is_made_up(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    backend, _ = load(described(server.url))
    list(backend.generate(HELLO))
    assert not any("authorization" in asked.headers for asked in server.asked)


def test_a_server_that_repeats_the_key_does_not_get_it_into_an_error(
    server: ScriptedServer,
) -> None:
    backend, _ = load(described(server.url, api_key=KEY))
    server.refuses(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})
    with pytest.raises(AccessRefused) as caught:
        list(backend.generate(HELLO))
    assert KEY not in caught.value.message + caught.value.detail
    assert "***" in caught.value.message


def test_a_key_that_no_header_can_carry_is_told(server: ScriptedServer) -> None:
    with pytest.raises(BackendError) as caught:
        load(described(server.url, api_key="schlüssel\n"))
    assert "schlüssel" not in caught.value.message + caught.value.detail


def test_what_is_sent_does_not_follow_to_another_server(server: ScriptedServer) -> None:
    with ScriptedServer() as other:
        backend, _ = load(described(server.url, api_key=KEY))
        server.refuses(307, {}, Location=f"{other.url}/chat/completions")
        with pytest.raises(ServerUnreachable, match="sends on to"):
            list(backend.generate(HELLO))
        assert other.asked == []


# What servers tell


def test_a_model_that_is_not_there_is_told_with_those_that_are(server: ScriptedServer) -> None:
    with pytest.raises(ModelNotServed) as caught:
        load(described(server.url, "other"))
    assert "It offers: m" in caught.value.detail


def test_a_server_without_a_list_is_used_as_it_is(server: ScriptedServer) -> None:
    server.list_status = 404
    backend, info = load(described(server.url, "any"))
    assert info.context_length == 8192
    assert info.tools  # who cannot says so when asked
    assert info.vision
    assert text_of(backend.generate(HELLO)) == "ok"


def test_the_context_that_a_person_tells_is_used(server: ScriptedServer) -> None:
    _, info = load(described(server.url, context_length=32_768))
    assert info.context_length == 32_768
    assert info.notes == ()


def test_vllm_tells_its_context_and_counts() -> None:
    with ScriptedServer("vllm") as server:
        server.models[0]["max_model_len"] = 4096
        server.answers["/tokenize"] = lambda body: {"count": 7 * len(body["messages"])}
        backend, info = load(described(server.url))
        assert info.context_length == 4096
        assert backend.count_tokens([QUESTION]) == 7


def test_a_server_that_cannot_count_says_so(server: ScriptedServer) -> None:
    backend, _ = load(described(server.url))
    with pytest.raises(BadRequest, match="does not count"):
        backend.count_tokens([QUESTION])


def test_llama_cpp_tells_slots_and_abilities() -> None:
    with ScriptedServer("llamacpp") as server:
        server.models[0]["meta"] = {"n_ctx": 2048, "n_ctx_train": 8192, "n_vocab": 49152}
        server.models[0]["architecture"] = {"input_modalities": ["text"]}
        server.answers["/props"] = lambda _: {
            "total_slots": 2,
            "chat_template": "{% if enable_thinking %}<think>{% endif %}",
            "chat_template_caps": {"supports_tools": True, "supports_reasoning_effort": False},
        }
        _, info = load(described(server.url))
    assert (info.context_length, info.trained_context_length) == (2048, 8192)
    assert (info.slots, info.vocabulary_size) == (2, 49152)
    assert info.tools
    assert not info.vision
    assert info.reasoning_switch
    assert not info.reasoning_effort


def test_what_no_server_tells_of_reasoning_is_assumed(server: ScriptedServer) -> None:
    _, info = load(described(server.url))
    assert (info.reasoning, info.reasoning_switch, info.reasoning_effort) == (True, True, True)


def test_embeddings_come_in_order_and_normalized(server: ScriptedServer) -> None:
    server.answers["/v1/embeddings"] = lambda body: {
        "object": "list",
        "model": "m",
        "data": [
            {"object": "embedding", "index": at, "embedding": [3.0, 4.0 * at]}
            for at in reversed(range(len(body["input"])))
        ],
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }
    backend, info = load(described(server.url), LoadConfig(embedding=True))
    assert info.embedding_length == 2
    answer = backend.embed(EmbeddingRequest(("a", "b")))
    assert answer.vectors[0] == (1.0, 0.0)
    assert answer.vectors[1] == pytest.approx((0.6, 0.8))
    assert answer.prompt_tokens == 2
    raw = backend.embed(EmbeddingRequest(("a", "b"), normalize=False))
    assert raw.vectors[1] == (3.0, 4.0)


# Refusals


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, {"error": {"message": "bad key"}}, AccessRefused, "bad key"),
        (403, {"detail": "not for you"}, AccessRefused, "not for you"),
        (404, {"error": {"message": "no model m"}}, ModelNotServed, "no model m"),
        (429, {"error": {"message": "slow down"}}, ServerBusy, "slow down"),
        (500, b"<html>oops</html>", ServerProblem, "status 500"),
        (503, {"error": {"message": "Loading model"}}, ServerProblem, "Loading model"),
        (400, {"error": {"message": "top_k is unknown"}}, BadRequest, "top_k is unknown"),
        (422, {"detail": [{"msg": "bad field"}]}, BadRequest, "refuses"),
        (413, {}, PromptTooLong, "too long"),
        (400, {"error": {"code": "context_length_exceeded", "message": "n"}}, PromptTooLong, "n"),
        (400, {"message": "This model's maximum context length is 8"}, PromptTooLong, "maximum"),
    ],
)
def test_refusals_by_status(
    server: ScriptedServer, status: int, body: object, kind: type[BackendError], words: str
) -> None:
    backend, _ = load(described(server.url))
    server.refuses(status, body)
    with pytest.raises(kind, match=words) as caught:
        list(backend.generate(HELLO))
    assert type(caught.value) is kind


def test_a_pause_is_told_in_seconds(server: ScriptedServer) -> None:
    backend, _ = load(described(server.url))
    server.refuses(429, {}, Retry_After="17")
    with pytest.raises(ServerBusy, match="in 17 seconds"):
        list(backend.generate(HELLO))


def test_nobody_listening_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(ServerUnreachable, match="no server is listening there"):
        load(described(f"http://127.0.0.1:{port}"))


def test_a_name_without_a_computer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ServerUnreachable, match=r"no computer called nowhere\.invalid"):
        load(described("http://nowhere.invalid"))


def test_a_certificate_that_is_not_trusted_is_told() -> None:
    with ScriptedServer() as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        with pytest.raises(ServerUnreachable, match="is not trusted"):
            load(described(f"https://localhost:{server.server_address[1]}"))


def test_plain_http_behind_an_https_address_is_told(server: ScriptedServer) -> None:
    with pytest.raises(ServerUnreachable, match="may speak plain http"):
        load(described(server.url.replace("http:", "https:")))


def test_something_that_is_no_model_server_is_told(server: ScriptedServer) -> None:
    server.models = "a web page"
    with pytest.raises(ServerProblem, match="not the protocol"):
        load(described(server.url))


def test_a_load_of_a_silent_server_can_be_cancelled() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, contextlib.ExitStack() as callers:
        silent.settimeout(5)

        def when_called(_: float) -> bool:
            callers.enter_context(silent.accept()[0])
            return False

        with pytest.raises(LoadCancelled):
            RemoteBackend().load(
                described(f"http://127.0.0.1:{silent.getsockname()[1]}"), LoadConfig(), when_called
            )


# llama.cpp's own server


@pytest.mark.engine
def test_a_real_server_continues_an_answer(model: Path) -> None:
    backend, _ = load(str(model))
    turns = (ChatMessage("user", "Count from 1 to 20."), ChatMessage("assistant", "1, 2, 3,"))
    events = list(backend.generate(request(*turns, continue_last=True)))
    assert text_of(events).lstrip().startswith("4")


@pytest.mark.engine
def test_a_real_server_holds_an_answer_to_a_schema(model: Path) -> None:
    backend, _ = load(str(model))
    schema = '{"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, '
    schema += '"required": ["city"], "additionalProperties": false}'
    ask = GenerationRequest(
        "r",
        (QUESTION,),
        SamplingParams(temperature=0, max_tokens=60),
        constraint=JsonSchema(schema),
    )
    assert set(json.loads(text_of(backend.generate(ask)))) == {"city"}


@pytest.mark.engine
def test_a_real_server_continues_a_text(model: Path) -> None:
    backend, _ = load(str(model))
    sampling = SamplingParams(temperature=0, logprobs=1, max_tokens=5)
    events = list(backend.generate(GenerationRequest("r", (), sampling, prompt="One, two, three,")))
    assert "four" in text_of(events)
    assert finish_of(events).usage.completion_tokens == 5
    assert sum(len(event.logprobs) for event in events if isinstance(event, Delta)) == 5


@pytest.mark.engine
def test_a_real_server_tells_log_probabilities_and_hears_a_hang_up(model: Path) -> None:
    backend, _ = load(str(model))
    sampling = SamplingParams(temperature=0, logprobs=2, max_tokens=4)
    events = list(backend.generate(GenerationRequest("r", (QUESTION,), sampling)))
    chosen = [each for e in events if isinstance(e, Delta) for each in e.logprobs]
    assert len(chosen) == 4
    assert all(each.token >= 0 and len(each.alternatives) == 2 for each in chosen)
    assert "".join(each.text for each in chosen) == text_of(events)
    assert finish_of(events).reason == "length"


@pytest.mark.engine
def test_a_real_server_embeds(starter_file: Path, tmp_path: Path) -> None:
    with llama_server(starter_file, "embeddings") as url:
        backend, info = load(str(write_descriptor(tmp_path, url)), LoadConfig(embedding=True))
        assert info.embedding_length == 576
        one, same, other = backend.embed(
            EmbeddingRequest(("A cat sleeps.", "A cat sleeps.", "Stock prices fell."))
        ).vectors
    near = sum(a * b for a, b in zip(one, same, strict=True))
    far = sum(a * b for a, b in zip(one, other, strict=True))
    assert near == pytest.approx(1, abs=0.01)
    assert far < near
