"""What the server takes only a part of: a model that a window uses as well, ports that are free."""

import contextlib
import json
import socket
import threading
import time

import httpx2
import pytest

from app.api import server as module
from app.core.settings import Server
from backends.types import ChatMessage, Delta, GenerationRequest, LoadConfig
from tests.api.serving import free_port, serving

CHAT = "/v1/chat/completions"


def test_beside_a_window_one_slot_is_left_to_it() -> None:
    """Programs take all slots but one, so that a chat in the window never waits behind them."""
    with serving(load=LoadConfig(context_length=65_536, slots=2), window=True) as running:
        model = running.scripted(text="word " * 40_000, tokens_per_second=50)
        loaded = running.parts.runtime.load(running.parts.library.find(model))
        assert loaded.info is not None
        assert loaded.info.slots == 2
        asked = {
            "model": model,
            "messages": [{"role": "user", "content": "x"}],
            "stream": True,
            "max_tokens": 60_000,
        }
        came, lines = threading.Event(), running.server._application.work.lines

        def second() -> None:
            with (
                running.client() as client,
                client.stream("POST", CHAT, json=asked) as answer,
                contextlib.suppress(httpx2.TransportError),
            ):
                words = answer.iter_lines()
                next(text for text in words if "word" in text)
                came.set()

        other = threading.Thread(target=second)
        with running.client() as client, client.stream("POST", CHAT, json=asked) as answer:
            words = answer.iter_lines()
            next(text for text in words if "word" in text)
            other.start()
            deadline = time.monotonic() + 60
            while not lines()[model].waiting and time.monotonic() < deadline:
                came.wait(0.02)
            assert lines()[model].waiting == 1
            request = GenerationRequest("window-1", (ChatMessage("user", "x"),))
            events = loaded.engine.generate(request)
            assert any(isinstance(event, Delta) for event in events)
            events.close()
            assert not came.is_set()
        assert came.wait(60)  # its turn came when the first one left
        other.join(30)


def test_the_usual_ports_are_answered_where_they_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    free, taken = free_port(), socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(module, "OLLAMA_PORT", free)
    monkeypatch.setattr(module, "LMSTUDIO_PORT", taken.getsockname()[1])
    wanted = Server(on=True, port=free_port(), ollama_port=True, lmstudio_port=True)
    with taken, serving(server=wanted) as running, running.client() as client:
        assert running.server.refused_ports == (taken.getsockname()[1],)
        assert running.server.problem is None
        answer = client.get(f"http://127.0.0.1:{free}/api/version")
        assert json.loads(answer.text)["version"]
        assert client.get("/v1/models").status_code == 200
