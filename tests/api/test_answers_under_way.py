"""Answers under way: who waits for them in a line, who reads none, what the server changes."""

import asyncio
import json
import socket
from collections.abc import Iterator

import httpx2
import pytest

from app.api.line import WaitingLine
from backends.types import LoadConfig
from tests.api.raw_http import connected
from tests.api.serving import Serving, serving
from tests.api.test_limits import CHAT, LONG, ask, head


@pytest.fixture
def wide() -> Iterator[Serving]:
    """A server of this test's own whose models may answer at length."""
    with serving(load=LoadConfig(context_length=65_536)) as running:
        yield running


def test_clients_take_turns_in_the_line() -> None:
    async def order() -> str:
        line, served = WaitingLine(1, 10), []

        async def asked(client: str) -> None:
            await line.enter(client)
            served.append(client)
            line.leave()

        await line.enter("first")
        waiting = [asyncio.ensure_future(asked(client)) for client in "aaabc"]
        await asyncio.sleep(0)
        assert line.waiting == 5
        line.leave()
        await asyncio.gather(*waiting)
        return "".join(served)

    assert asyncio.run(order()) == "abcaa"


def test_who_reads_nothing_of_an_answer_is_given_up(wide: Serving) -> None:
    wide.change(patience=1)
    model = wide.scripted(**LONG)
    body = json.dumps(ask(model=model, max_tokens=60_000, stream=True)).encode()
    with connected(wide) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(head(CHAT, f"Content-Length: {len(body)}") + body)
        given_up = wide.ended(lambda record: record.status == 499)
    assert given_up.path == CHAT


def test_an_answer_goes_on_while_the_server_listens_anew(alone: Serving) -> None:
    model = alone.scripted(text="word " * 60, tokens_per_second=20)
    body = ask(model=model, max_tokens=60, stream=True)
    with alone.client() as client, client.stream("POST", CHAT, json=body) as answer:
        lines = answer.iter_lines()
        begun = next(line for line in lines if "word" in line)
        with alone.listening_changes() as changed:
            alone.change(lmstudio_port=True)
            changed()
        with alone.client() as other:
            assert other.get("/v1/models").status_code == 200
        rest = [begun, *lines]
    assert sum("word" in line for line in rest) == 60
    assert rest[-2:] == ["data: [DONE]", ""]
    assert alone.ended(lambda record: record.path == CHAT).status == 200


def test_an_answer_of_before_ends_when_the_server_is_switched_off(wide: Serving) -> None:
    model = wide.scripted(text="word " * 60_000, tokens_per_second=100)
    body = ask(model=model, max_tokens=60_000, stream=True)
    with wide.client() as client, client.stream("POST", CHAT, json=body) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if "word" in line)
        for changes in ({"lmstudio_port": True}, {"on": False}):
            with wide.listening_changes() as changed:
                wide.change(**changes)
                changed()
        with pytest.raises(httpx2.TransportError):
            list(lines)
    assert wide.ended(lambda record: record.path == CHAT).status == 499
