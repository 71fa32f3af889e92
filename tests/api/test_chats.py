"""The chats that the page in the browser keeps at the server, asked by hand."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.core.access_tokens import AccessToken
from app.core.conversation_store import ConversationStore
from app.core.paths import AppPaths
from tests.api.serving import STARTER, Serving, serving

BASE = "/corral/v1"


@pytest.fixture(scope="module")
def opened(shared: Serving) -> Serving:
    """The module's server with its chats open, so that no test of many is blamed for that."""
    with shared.client() as client:
        assert client.get(f"{BASE}/chats").json() == []
    return shared


def lines(answer: httpx2.Response) -> Iterator[dict[str, Any]]:
    """The lines of a streamed answer."""
    assert answer.status_code == 200, answer.read()
    for line in answer.iter_lines():
        yield json.loads(line)


def new_chat(client: httpx2.Client, **values: Any) -> int:
    """A chat that was just made; its number."""
    answer = client.post(f"{BASE}/chats", json=values)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def say(client: httpx2.Client, chat: int, text: str) -> list[dict[str, Any]]:
    """All lines of an answer."""
    with client.stream("POST", f"{BASE}/chats/{chat}/messages", json={"text": text}) as answer:
        return list(lines(answer))


def text_of(found: list[dict[str, Any]]) -> str:
    return "".join(each["text"] for each in found if each["type"] == "text")


def messages(client: httpx2.Client, chat: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{BASE}/chats/{chat}").json()["messages"]
    return found


def with_token(serving: Serving, name: str = "phone", scope: Any = "chat") -> httpx2.Client:
    """A client with a new token."""
    _, secret = serving.parts.tokens.issue(name, (scope,))
    return serving.client(authorization=f"Bearer {secret}")


def test_a_message_is_answered_and_kept(opened: Serving) -> None:
    with opened.client() as client:
        chat = new_chat(client, model=STARTER, preset="blank")
        found = say(client, chat, "Say hi")
        kinds = [each["type"] for each in found]
        assert kinds.index("begun") < kinds.index("text")
        assert kinds[-1] == "ended"
        question, answer = messages(client, chat)
        assert question["content"] == "Say hi"
        assert answer["content"] == text_of(found) != ""
        assert answer == found[-1]["answer"]
        assert answer["state"] == "complete"
        assert answer["completion_tokens"] > 0
        [row] = [each for each in client.get(f"{BASE}/chats").json() if each["id"] == chat]
        assert row["title"] == "Say hi"
        assert not row["answering"]


def test_the_model_knows_what_was_said_before(alone: Serving) -> None:
    model = alone.scripted()
    with alone.client() as client:
        chat = new_chat(client, model=model)
        say(client, chat, "one")
        read = [each for each in say(client, chat, "two") if each["type"] == "reading"][-1]
        assert [each["role"] for each in messages(client, chat)] == ["user", "assistant"] * 2
        alone_read = [
            each
            for each in say(client, new_chat(client, model=model), "two")
            if each["type"] == "reading"
        ][-1]
        assert read["total"] > alone_read["total"]


def test_each_token_has_chats_of_its_own(alone: Serving) -> None:
    model = alone.scripted()
    mine, other = with_token(alone, "mine"), with_token(alone, "other")
    with mine, other, alone.client() as nobody:
        chat = new_chat(mine, model=model)
        say(mine, chat, "secret")
        for client in (other, nobody):
            assert client.get(f"{BASE}/chats").json() == []
            theirs = f"{BASE}/chats/{chat}"
            assert client.get(theirs).status_code == 404
            assert client.delete(theirs).status_code == 404
            assert client.get(f"{theirs}/answer").status_code == 404
            assert client.post(f"{theirs}/messages", json={"text": "x"}).status_code == 404
            assert client.patch(theirs, json={"title": "x"}).status_code == 404
        assert len(messages(mine, chat)) == 2


def test_a_key_that_is_no_token_does_not_read_this_computers_own_chats(alone: Serving) -> None:
    with alone.client() as here, alone.client(authorization="Bearer any") as other:
        chat = new_chat(here)
        assert other.get(f"{BASE}/chats").status_code == 401
        assert other.get(f"{BASE}/chats/{chat}").status_code == 401
        assert other.delete(f"{BASE}/chats/{chat}").status_code == 401
        assert len(here.get(f"{BASE}/chats").json()) == 1


def test_a_token_that_was_taken_back_reads_nothing(alone: Serving) -> None:
    alone.change(require_token=True)
    token, secret = alone.parts.tokens.issue("phone", ("chat",))
    with alone.client(authorization=f"Bearer {secret}") as client:
        new_chat(client)
        alone.parts.tokens.revoke(token.id)
        assert client.get(f"{BASE}/chats").status_code == 401


def test_the_id_of_a_token_never_becomes_a_path(
    alone: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = AccessToken("../../evil", "forged", ("chat",), "", 0.0)
    monkeypatch.setattr(alone.parts.tokens, "check", lambda secret: forged)
    monkeypatch.setattr(alone.parts.tokens, "all", lambda: (forged,))
    with alone.client(authorization="Bearer any") as client:
        assert client.get(f"{BASE}/chats").status_code == 403
    assert not list(alone.parts.paths.data.parent.rglob("*evil*"))


def test_an_answer_goes_on_when_its_client_leaves(alone: Serving) -> None:
    model = alone.scripted(tokens=40, tokens_per_second=40)
    with alone.client() as client:
        chat = new_chat(client, model=model)
        url = f"{BASE}/chats/{chat}"
        with client.stream("POST", f"{url}/messages", json={"text": "a b c"}) as answer:
            for line in lines(answer):
                if line["type"] == "text":
                    break
        assert client.get(url).json()["chat"]["answering"]
        with client.stream("GET", f"{url}/answer") as answer:
            found = list(lines(answer))
        assert found[0]["type"] == "begun"
        assert found[-1]["answer"]["completion_tokens"] == 40
        assert found[-1]["answer"]["content"] == text_of(found)
        with client.stream("GET", f"{url}/answer") as answer:
            assert [each["type"] for each in lines(answer)] == ["ended"]


def test_an_answer_is_stopped_and_what_there_was_is_kept(alone: Serving) -> None:
    model = alone.scripted(tokens=100_000, tokens_per_second=100)
    with alone.client() as client, alone.client() as another:
        chat = new_chat(client, model=model)
        url = f"{BASE}/chats/{chat}"
        with client.stream("POST", f"{url}/messages", json={"text": "a b c"}) as answer:
            source = lines(answer)
            first = next(each for each in source if each["type"] == "text")
            assert another.delete(f"{url}/answer").status_code == 204
            found = [first, *source]
        end = found[-1]["answer"]
        assert end["finish_reason"] == "cancelled"
        assert end["content"] == text_of(found) != ""
        assert messages(client, chat)[-1] == end
        assert another.delete(f"{url}/answer").status_code == 204  # nothing to stop is no error


def test_what_is_stopped_while_the_model_loads_is_not_sent(alone: Serving) -> None:
    model = alone.scripted(load_seconds=30)
    with alone.client() as client, alone.client() as another:
        chat = new_chat(client, model=model)
        url = f"{BASE}/chats/{chat}"
        with client.stream("POST", f"{url}/messages", json={"text": "x"}) as answer:
            source = lines(answer)
            assert next(source)["type"] == "loading"
            assert another.delete(f"{url}/answer").status_code == 204
            *_, last = source
        assert last["type"] == "ended"
        assert last["answer"] is None
        assert messages(client, chat) == []
        alone.parts.runtime.eject(model)


def test_a_chat_has_one_answer_at_a_time(alone: Serving) -> None:
    model = alone.scripted(tokens=100_000, tokens_per_second=50)
    with alone.client() as client, alone.client() as another:
        chat = new_chat(client, model=model)
        url = f"{BASE}/chats/{chat}"
        with client.stream("POST", f"{url}/messages", json={"text": "x"}) as answer:
            next(each for each in lines(answer) if each["type"] == "text")
            refused = another.post(f"{url}/messages", json={"text": "y"})
            assert refused.status_code == 409
            assert another.delete(url).status_code == 204  # stops it
        assert another.get(url).status_code == 404
        restored = another.post(f"{url}/restore")
        assert restored.status_code == 200
        assert [each["role"] for each in messages(another, chat)] == ["user", "assistant"]


def test_one_who_waits_for_a_turn_can_stop(alone: Serving) -> None:
    model = alone.scripted(tokens=100_000, tokens_per_second=50)
    with contextlib.ExitStack() as talks:
        client = talks.enter_context(alone.client())

        def talk(until: str) -> int:
            chat = new_chat(client, model=model)
            own = talks.enter_context(alone.client())
            url = f"{BASE}/chats/{chat}/messages"
            answer = talks.enter_context(own.stream("POST", url, json={"text": "x"}))
            next(each for each in lines(answer) if each["type"] == until)
            return chat

        busy = [talk("text")]
        loaded = alone.parts.runtime.get(model)
        assert loaded is not None
        assert loaded.info is not None
        busy += [talk("text") for _ in range(loaded.info.slots - 1)]
        last = talk("waiting")
        assert client.delete(f"{BASE}/chats/{last}/answer").status_code == 204
        question, answer = messages(client, last)
        assert question["content"] == "x"
        assert (answer["content"], answer["finish_reason"]) == ("", "cancelled")
        for chat in busy:
            assert client.get(f"{BASE}/chats/{chat}").json()["chat"]["answering"]
            client.delete(f"{BASE}/chats/{chat}/answer")


def test_an_engine_that_dies_is_told_of(alone: Serving) -> None:
    model = alone.scripted()
    with alone.client() as client:
        chat = new_chat(client, model=model)
        *_, failed, ended = say(client, chat, "!exit")
        assert failed["type"] == "failed"
        assert failed["message"]
        assert ended["answer"]["state"] == "interrupted"
        assert "again" in text_of(say(client, chat, "again"))


def test_an_answer_is_written_again_as_another_version(alone: Serving) -> None:
    model = alone.scripted()
    with alone.client() as client:
        chat = new_chat(client, model=model)
        first = say(client, chat, "x")[-1]["answer"]
        url = f"{BASE}/chats/{chat}"
        with client.stream("POST", f"{url}/answer", json={"message": first["id"]}) as answer:
            second = list(lines(answer))[-1]["answer"]
        assert (second["version"], second["versions"]) == (2, 2)
        assert messages(client, chat)[-1]["id"] == second["id"]
        shown = client.post(f"{url}/version", json={"message": second["id"], "version": 1}).json()
        assert shown["messages"][-1]["id"] == first["id"]
        nothing = client.post(f"{url}/version", json={"message": second["id"], "version": 3})
        assert nothing.status_code == 404
        other = new_chat(client, model=model)
        foreign = client.post(
            f"{BASE}/chats/{other}/version", json={"message": second["id"], "version": 1}
        )
        assert foreign.status_code == 404


def test_a_chat_is_renamed_and_given_another_model_and_preset(alone: Serving) -> None:
    model = alone.scripted()
    with alone.client() as client:
        chat = new_chat(client)
        url = f"{BASE}/chats/{chat}"
        client.patch(url, json={"title": "Mine"})
        changed = client.patch(url, json={"model": model, "preset": "coder"}).json()
        assert (changed["title"], changed["model"], changed["preset"]) == ("Mine", model, "coder")
        assert client.patch(url, json={"preset": "nobody"}).status_code == 400
        assert client.patch(url, json={"model": "nobody"}).status_code == 404
        assert client.patch(url, json={"title": ""}).status_code == 400


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999999999999", "9" * 5000, "1.5", "٣"])
def test_what_is_no_number_of_a_chat_is_not_found(opened: Serving, number: str) -> None:
    with opened.client() as client:
        assert client.get(f"{BASE}/chats/{number}").status_code == 404


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": " \n"}, {"text": 1}, []])
def test_an_empty_message_is_refused(opened: Serving, body: object) -> None:
    with opened.client() as client:
        chat = new_chat(client)
        refused = client.post(f"{BASE}/chats/{chat}/messages", json=body)
        assert refused.status_code == 400


def test_the_choices_are_models_and_presets(shared: Serving) -> None:
    with shared.client() as client:
        found = client.get(f"{BASE}/choices").json()
    [model] = found["models"]
    assert model["loaded"]
    assert found["model"] == model["id"]
    assert found["preset"] == "general"
    assert {"general", "coder", "blank"} <= {each["id"] for each in found["presets"]}


def test_the_session_tells_whose_token_it_is(alone: Serving) -> None:
    with with_token(alone, "Anna’s phone") as client, alone.client() as nobody:
        assert client.get(f"{BASE}/session").json()["name"] == "Anna’s phone"
        assert nobody.get(f"{BASE}/session").json()["name"] == ""
        alone.change(require_token=True)
        assert nobody.get(f"{BASE}/session").status_code == 401


def test_an_answer_under_way_at_the_end_of_the_program_is_kept(tmp_path: Path) -> None:
    paths = AppPaths(tmp_path / "d", tmp_path / "c", tmp_path / "l", tmp_path / "m")
    with serving(paths) as running:
        model = running.scripted(tokens=100_000, tokens_per_second=100)
        with running.client() as client:
            chat = new_chat(client, model=model)
            url = f"{BASE}/chats/{chat}/messages"
            with client.stream("POST", url, json={"text": "a b c"}) as answer:
                next(each for each in lines(answer) if each["type"] == "text")
    store = ConversationStore(paths.server_dir / "chats" / "local.db")
    try:
        [_, kept] = store.path(chat)
    finally:
        store.close()
    assert kept.content
    assert kept.state == "interrupted"
