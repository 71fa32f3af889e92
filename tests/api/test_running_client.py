"""The running program as its own commands ask it: like an engine of their own."""

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import __version__
from app.core.errors import EngineDied, ModelError, NotFoundError, StorageError
from app.core.ollama_recipe import Recipe
from app.core.running import RunningCorral
from app.core.running_client import NotRunning, RunningClient, RunningEngine
from app.core.running_wire import GenerateRequest
from backends.errors import BackendError, PromptTooLong
from backends.types import Delta, Finish, LoadConfig
from tests.api.serving import STARTER, Serving, free_port
from tests.backends.scripts import ask, finish_of, text_of
from tests.core.model_stores import put, tiny

LORA = [{"path": "/etc/passwd"}]
ASKED = {"id": "1", "messages": [{"role": "user", "content": "Hi"}]}


def client_of(serving: Serving) -> RunningClient:
    server = serving.server
    found = RunningCorral(
        os.getpid(), 0.0, server.own_address, server.own_secret, __version__, window=False
    )
    return RunningClient(found)


@pytest.fixture
def client(alone: Serving) -> Iterator[RunningClient]:
    with client_of(alone) as client:
        yield client


def test_a_load_tells_how_far_it_is_and_what_was_loaded(shared: Serving) -> None:
    shared.scripted("slow")
    fractions: list[float] = []
    with client_of(shared) as client:
        step = client.load("slow", on_progress=fractions.append)
        assert step.id == "slow"
        assert step.info is not None
        assert fractions
        assert [row.id for row in client.status().loaded if row.id == "slow"]
        client.unload("slow")
        assert not [row.id for row in client.status().loaded if row.id == "slow"]


def test_events_are_those_of_the_engine(alone: Serving, client: RunningClient) -> None:
    model = alone.scripted(text="Fine, thanks.")
    engine = RunningEngine(client, model, None, None)
    events = list(engine.generate(ask("How are you?")))
    assert text_of(events) == "Fine, thanks."
    assert finish_of(events).reason == "stop"
    assert engine.count_tokens(ask("How are you?").messages) > 0


def test_leaving_early_cancels_the_answer(alone: Serving, client: RunningClient) -> None:
    model = alone.scripted(text="word " * 5000)
    events = client.generate(GenerateRequest(model, ask("Go on.")))
    next(events)
    events.close()
    after = client.generate(GenerateRequest(model, ask("Hello", max_tokens=1)))
    assert isinstance(list(after)[-1], Finish)


def test_one_client_does_not_end_the_answer_of_another(
    alone: Serving, client: RunningClient
) -> None:
    """Also not where it gives its request the same name: that of a chat is easily guessed."""
    model = alone.scripted(tokens=60, tokens_per_second=60)
    mine = client.generate(GenerateRequest(model, ask("One two three", id="chat-1")))
    next(mine)
    with client_of(alone) as other:
        events = other.generate(GenerateRequest(model, ask("One two three", id="chat-1")))
        next(events)
        events.close()
    assert finish_of(mine).usage.completion_tokens == 60


def test_what_an_engine_refuses_is_the_same_error(alone: Serving, client: RunningClient) -> None:
    model = alone.scripted(context_length=256)
    with pytest.raises(PromptTooLong) as told:
        list(client.generate(GenerateRequest(model, ask("word " * 400))))
    assert told.value.message


def test_a_dead_engine_is_told_as_such(alone: Serving, client: RunningClient) -> None:
    model = alone.scripted()
    with pytest.raises(EngineDied) as told:
        list(client.generate(GenerateRequest(model, ask("!abort"))))
    assert told.value.hint


def test_what_is_not_there_is_not_found(client: RunningClient) -> None:
    with pytest.raises(NotFoundError):
        client.load("nothing-like-it")
    with pytest.raises(NotFoundError):
        client.change_setting("server.nothing", 1)


def test_a_model_that_has_just_arrived_is_found(
    alone: Serving, client: RunningClient, starter_file: Path
) -> None:
    folder = alone.parts.paths.models / "maker" / "fresh"
    folder.mkdir(parents=True)
    shutil.copy(starter_file, folder / "fresh.gguf")
    assert client.load("maker/fresh/fresh").id == "maker/fresh/fresh"


def test_a_bad_load_setting_is_refused(alone: Serving, client: RunningClient) -> None:
    with pytest.raises((ModelError, BackendError)):
        client.load(STARTER, LoadConfig(kv_type="q8_0", flash_attention=False))


def test_models_are_made_and_removed(alone: Serving, client: RunningClient) -> None:
    made = client.make("Mario", STARTER, Recipe("mario", system_prompt="You are Mario."))
    assert alone.parts.library.get(made).name == "Mario"
    client.remove(made)
    with pytest.raises(NotFoundError):
        alone.parts.library.get(made)


@pytest.mark.parametrize("name", ["../evil", STARTER, ""])
def test_a_name_that_no_model_can_have_is_the_requests_fault(shared: Serving, name: str) -> None:
    asked = {"name": name, "base": STARTER, "recipe": {"name": "x"}}
    before = len(shared.parts.library.models())
    with shared.own_client() as client:
        assert client.post("/corral/v1/make", json=asked).status_code == 400
    assert len(shared.parts.library.models()) == before


def test_a_model_is_deleted_for_good(
    alone: Serving, client: RunningClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OSError("no trash here")

    monkeypatch.setattr("send2trash.send2trash", refuse)
    path = put(alone.parts.library.folder / "gone.gguf", tiny("Gone"))
    alone.parts.library.scan()
    with pytest.raises(StorageError, match="moved to the trash"):
        client.remove("gone")
    client.remove("gone", for_good=True)
    assert not path.exists()


def test_a_program_that_is_gone_is_told() -> None:
    gone = RunningCorral(
        4711, 0.0, f"http://127.0.0.1:{free_port()}", "x", __version__, window=False
    )
    with RunningClient(gone) as client, pytest.raises(NotRunning, match="4711"):
        client.status()


def test_a_command_is_told_in_plain_words_that_the_running_corral_ended(
    alone: Serving, client: RunningClient
) -> None:
    model = alone.scripted(text="word " * 2000, tokens_per_second=100)
    with contextlib.closing(RunningEngine(client, model, None, None).generate(ask("x"))) as events:
        next(event for event in events if isinstance(event, Delta))
        alone.server.close()
        with pytest.raises(NotRunning, match="The running Corral ended"):
            list(events)


def test_a_connection_that_breaks_is_told_without_the_words_of_a_library() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def break_off() -> None:
            with listening.accept()[0] as sock:
                sock.recv(65536)
                sock.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

        breaking = threading.Thread(target=break_off)
        breaking.start()
        gone = RunningCorral(4711, 0.0, address, "x", __version__, window=False)
        with RunningClient(gone) as client, pytest.raises(NotRunning) as caught:
            list(client.generate(GenerateRequest("m", ask("x"))))
        breaking.join()
    assert "The running Corral ended" in str(caught.value)
    assert "chunked" not in str(caught.value)


def test_another_secret_is_refused(alone: Serving) -> None:
    address = alone.server.own_address
    wrong = RunningCorral(os.getpid(), 0.0, address, "wrong", __version__, window=False)
    with RunningClient(wrong) as client, pytest.raises(ModelError, match="refused"):
        client.shut_down()


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("load", {"model": STARTER, "config": {"draft_model": "/etc/passwd"}}),
        ("load", {"model": STARTER, "config": {"rpc_servers": ["192.0.2.1:50052"]}}),
        ("make", {"name": "x", "base": STARTER, "recipe": {"name": "x", "load": {"lora": LORA}}}),
        ("generate", {"model": STARTER, "request": ASKED, "config": {"context_length": 512}}),
        ("setting", {"name": "network.offline", "value": True}),
    ],
)
def test_files_and_settings_are_not_for_others_to_choose(
    shared: Serving, path: str, asked: dict[str, object]
) -> None:
    _, secret = shared.parts.tokens.issue("a phone", ["chat", "models"])
    with shared.client(authorization=f"Bearer {secret}") as other:
        answer = other.post(f"/corral/v1/{path}", json=asked)
    assert answer.status_code == 403, answer.text


def test_everything_stands_in_the_documentation(shared: Serving) -> None:
    with shared.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    asked = (
        "status",
        "load",
        "unload",
        "generate",
        "count",
        "make",
        "remove",
        "setting",
        "requests",
    )
    assert {f"/corral/v1/{name}" for name in asked} <= set(paths)
    for path, kind in (
        ("/corral/v1/generate", "application/x-ndjson"),
        ("/api/chat", "application/x-ndjson"),
        ("/v1/responses", "text/event-stream"),
    ):
        assert kind in paths[path]["post"]["responses"]["200"]["content"], path
