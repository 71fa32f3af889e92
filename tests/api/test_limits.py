"""Too much, too deep, too slow: what the server bears, and that others notice nothing of it."""

import asyncio
import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.server import ServerState

from app.api import body as bodies
from app.api.body import DEEPEST, parse_json, too_deep, too_many
from app.api.connection import Connection, most_connections
from app.api.errors import ApiError
from backends.types import LoadConfig
from tests.api.raw_http import connected, read_answer
from tests.api.serving import STARTER, Serving, free_port, serving

CHAT = "/v1/chat/completions"
LONG: dict[str, Any] = {"text": "word " * 40_000, "context_length": 65_536}
"""An answer of 10 MB as a stream, which no buffer of a system takes."""


@pytest.fixture
def wide() -> Iterator[Serving]:
    """A server of this test's own whose models may answer at length."""
    with serving(load=LoadConfig(context_length=65_536)) as running:
        yield running


def ask(**more: Any) -> dict[str, Any]:
    return {
        "model": STARTER,
        "messages": [{"role": "user", "content": "x"}],
        "max_tokens": 1,
        **more,
    }


def head(path: str = CHAT, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_body_that_says_that_it_is_too_large_is_not_read(shared: Serving) -> None:
    with connected(shared) as sock:
        sock.sendall(head(CHAT, f"Content-Length: {bodies.USUAL_LIMIT + 1}"))
        assert read_answer(sock)[0] == 413


def test_a_body_that_does_not_say_so_is_read_up_to_the_limit(
    shared: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies.read_body, "__defaults__", (1024,))
    monkeypatch.setattr(bodies.read_json, "__defaults__", (1024,))
    with connected(shared) as sock:
        sock.sendall(head(CHAT, "Transfer-Encoding: chunked"))
        sock.sendall(b"800\r\n" + b" " * 0x800 + b"\r\n")
        assert read_answer(sock)[0] == 413


def test_too_many_headers_are_refused(shared: Serving) -> None:
    with connected(shared) as sock:
        sock.sendall(head(CHAT, *(f"X-{i}: 1" for i in range(100))))
        assert read_answer(sock)[0] == 431
    with connected(shared) as sock:
        sock.sendall(head(CHAT, "X: " + "x" * 200_000))
        assert read_answer(sock)[0] == 400


def test_depth_is_counted_outside_of_strings() -> None:
    def nested(levels: int, inner: bytes = b"1") -> bytes:
        return b'{"a":[' * (levels // 2) + inner + b"]}" * (levels // 2)

    assert not too_deep(nested(DEEPEST))
    assert too_deep(nested(DEEPEST + 2))
    assert too_deep(b"[" * 10_000)
    assert not too_deep(nested(DEEPEST, b'"' + b"[{" * 500 + b'\\"]"'))
    assert not too_deep(b"[" + b"[],{}," * 10_000 + b"1]")
    with pytest.raises(ApiError, match="levels deep"):
        parse_json(nested(5_000), dict)


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 101 + b'"' + b'\\"' * 8_000_000,
        b'"' * 8_000_001 + b"[" * 101,
        b"[" + b"[]," * 8_000_000,
        b"[" * 8_000_000,
        b"{}" * 8_000_000 + b"[" * 101,
        b'{"a":"' + b"\\" * 16_000_001,
    ],
    ids=["open string", "quotes", "many", "deep", "objects", "backslashes"],
)
def test_json_made_to_take_long_does_not(bomb: bytes) -> None:
    """Time grows with the length, and only with that: a second of processor time is plenty."""
    began = time.process_time()
    with pytest.raises(ApiError):
        parse_json(bomb, dict[str, Any])
    assert time.process_time() - began < 6


def test_very_many_values_are_refused_and_very_long_texts_are_not() -> None:
    many = b"[" + b"1," * bodies.MOST_VALUES + b"1]"
    assert too_many(many)
    with pytest.raises(ApiError, match="values"):
        parse_json(many, list[int])
    assert not too_many(b'["' + b"," * (bodies.MOST_VALUES + 2) + b'"]')


@pytest.mark.parametrize(
    "text",
    [
        '{"model": "m", "messages": [], "temperature": NaN}',
        '{"model": "m", "messages": [], "temperature": Infinity}',
        '{"model": "m", "messages": [], "temperature": 1e999}',
        '{"model": "m", "messages": [], "seed": ' + "9" * 5000 + "}",
        '{"model": "m", "messages": [], "n": -1}',
        '{"model": "\ud7ff\\ud800", "messages": []}',
        "\x00",
        '{"model": 1}',
        "[]",
        "null",
        "",
        "{",
        "{} {}",
    ],
)
def test_what_is_not_such_json_is_refused(shared: Serving, text: str) -> None:
    with shared.client() as client:
        answer = client.post(CHAT, content=text, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    "more",
    [
        {"n": 0},
        {"n": 17},
        {"n": 2**70},
        {"temperature": -1},
        {"temperature": 1e300},
        {"top_k": -(2**63)},
        {"max_tokens": -2},
        {"max_tokens": 2**63},
        {"top_logprobs": 21, "logprobs": True},
        {"stop": ["x"] * 17},
        {"stop": "x" * 1000},
        {"logit_bias": {str(i): 1 for i in range(1025)}},
        {"logit_bias": {"-1": 1}},
        {"logit_bias": {"9" * 5000: 1}},
        {"logit_bias": {"1": 1e9}},
        {"tools": [{"type": "function", "function": {"name": f"f{i}"}} for i in range(129)]},
        {"messages": [{"role": "user", "content": "x"}] * 10_001},
        {"ttl": -(2**62)},
    ],
    ids=lambda more: str(more)[:40],
)
def test_numbers_have_limits(shared: Serving, more: dict[str, Any]) -> None:
    with shared.client() as client:
        answer = client.post(CHAT, json=ask(**more))
    assert answer.status_code in (400, 413), answer.text


def test_a_body_that_stops_is_given_up(alone: Serving) -> None:
    alone.change(patience=1)
    with connected(alone) as sock:
        sock.sendall(head(CHAT, "Content-Length: 100") + b"{")
        assert read_answer(sock)[0] == 408


def test_a_body_that_trickles_is_given_up(alone: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SLOWEST", 1e9)
    monkeypatch.setattr(bodies, "longest_pause", lambda _: 0.3)
    with connected(alone) as sock:
        sock.sendall(head(CHAT, "Transfer-Encoding: chunked"))
        sock.settimeout(0.05)
        for _ in range(400):
            sock.sendall(b"1\r\n \r\n")
            with contextlib.suppress(TimeoutError):
                assert sock.recv(12) == b"HTTP/1.1 408"
                return
    pytest.fail("it may go on for ever")


def test_a_head_that_does_not_end_is_given_up(
    alone: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "pause", 0.3)
    with connected(alone) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: local")
        assert read_answer(sock) == (0, b"")
    with connected(alone) as sock:  # and the same behind a first request
        sock.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_answer(sock)[0] == 200
        sock.sendall(b"GET / HTTP/1.1\r\nHost: local")
        assert read_answer(sock) == (0, b"")


def test_connections_are_not_without_number(
    alone: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.connection.MOST_CONNECTIONS", 3)
    with contextlib.ExitStack() as held:
        for _ in range(3):
            sock = held.enter_context(connected(alone))
            sock.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_answer(sock)[0] == 200
        with connected(alone) as one_more:
            with contextlib.suppress(ConnectionError):  # it is closed, maybe already
                one_more.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_answer(one_more) == (0, b"")
        with alone.own_client() as own:
            assert own.get("/corral/v1/status").status_code == 200


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
@pytest.mark.parametrize(("allowed", "most"), [(256, 128), (1024, 512), (10**6, 512), (-1, 512)])
def test_connections_leave_files_to_the_rest_of_the_program(
    monkeypatch: pytest.MonkeyPatch, allowed: int, most: int
) -> None:
    monkeypatch.setattr("resource.RLIM_INFINITY", -1)
    monkeypatch.setattr("resource.getrlimit", lambda _: (allowed, allowed))
    assert most_connections() == most


@pytest.mark.parametrize("what", ["files", "a stream"])
def test_a_client_that_takes_nothing_is_given_up(
    wide: Serving, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(Connection, "pause", 0.3)
    wide.change(patience=1)
    gone, lost = threading.Event(), Connection.connection_lost

    def let_go(connection: Connection, error: Exception | None) -> None:
        lost(connection, error)
        gone.set()

    monkeypatch.setattr(Connection, "connection_lost", let_go)
    asked = b"GET /web/highlight.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 64
    if what == "a stream":
        messages = [{"role": "user", "content": "x"}]
        body = {"model": wide.scripted(**LONG), "messages": messages, "stream": True}
        content = json.dumps(body).encode()
        asked = head(CHAT, f"Content-Length: {len(content)}") + content
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", int(wide.url.rpartition(":")[2])))
        sock.sendall(asked)
        assert sock.recv(12) == b"HTTP/1.1 200"
        assert gone.wait(20)  # it is there still, but holds nothing


def test_a_client_that_takes_slowly_is_waited_for() -> None:
    sizes = iter([900, 500, 100, 100])
    transport = Mock(spec=asyncio.Transport, get_write_buffer_size=lambda: next(sizes))
    loop = Mock(spec=asyncio.AbstractEventLoop)
    connection = Connection(
        uvicorn.Config(Mock(), log_config=None, factory=True), ServerState(), {}, loop
    )
    connection.transport, connection.flow = transport, FlowControl(transport)
    connection.pause_writing()
    for _ in range(2):
        _, look, waited = loop.call_later.call_args.args
        look(waited)
        assert not transport.abort.called
    _, look, waited = loop.call_later.call_args.args
    look(waited)
    assert transport.abort.called


@pytest.mark.slow
def test_sixty_stalled_clients_do_not_block_another(wide: Serving) -> None:
    model = wide.scripted(**LONG)
    quick = wide.scripted("quick", text="done")
    asked = json.dumps(
        {"model": model, "messages": [{"role": "user", "content": "x"}], "stream": True}
    ).encode()
    with contextlib.ExitStack() as held:
        for _ in range(20):
            held.enter_context(connected(wide)).sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHo")
        for _ in range(20):
            held.enter_context(connected(wide)).sendall(head(CHAT, "Content-Length: 99") + b"{")
        for _ in range(20):
            sock = held.enter_context(connected(wide))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(head(CHAT, f"Content-Length: {len(asked)}") + asked)
        with wide.client() as client:
            body = {"model": model, "messages": [{"role": "user", "content": "!error"}]}
            client.post(CHAT, json=body)  # its turn came, whatever became of it
            body = {"model": quick, "messages": [{"role": "user", "content": "x"}]}
            assert client.get("/v1/models").status_code == 200
            assert client.post(CHAT, json=body).status_code == 200


def test_a_port_that_becomes_free_is_taken_with_the_next_change(alone: Serving) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        with alone.listening_changes() as changed:
            alone.change(port=port)
            changed()
        assert alone.server.problem is not None
        assert alone.server.addresses == ()
    with alone.listening_changes() as changed:
        alone.change(queue=7)
        changed()
    assert alone.server.problem is None
    assert alone.url.endswith(f":{port}")


def test_a_server_ends_while_it_answers(wide: Serving) -> None:
    model = wide.scripted(**LONG)
    asked = json.dumps(
        {"model": model, "messages": [{"role": "user", "content": "x"}], "stream": True}
    ).encode()
    with contextlib.ExitStack() as held:
        for _ in range(5):
            sock = held.enter_context(connected(wide))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(head(CHAT, f"Content-Length: {len(asked)}") + asked)
        assert sock.recv(12) == b"HTTP/1.1 200"
        wide.server.close()
    loaded = wide.parts.runtime.get(model)
    assert loaded is not None
    assert loaded.engine.stats().running == 0
