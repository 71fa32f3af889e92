"""What Ollama's clients are told of models, and how they make, copy, delete, fetch and upload."""

import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import ollama
import pytest
from msgspec import structs

from app.api.model_names import ModelNames
from app.api.ollama import blobs
from app.core.given_names import GivenNames
from app.core.settings import Server
from tests.api.serving import STARTER, Serving, free_port, serving
from tests.core.broken_gguf import STRING, tiny_model
from tests.hub.server import LocalHub
from tests.ollama.images import Image
from tests.ollama.local_registry import LocalRegistry

EXACT: dict[str, Any] = {"temperature": 0, "num_predict": 6}
TAG = f"{STARTER}:q4_1"
ELSEWHERE = "sha256:" + "0" * 64


@pytest.fixture
def client(shared: Serving) -> Iterator[ollama.Client]:
    with ollama.Client(host=shared.url, trust_env=False) as client:
        yield client


@pytest.fixture
def own(alone: Serving) -> Iterator[ollama.Client]:
    """A client of a server of the test's own."""
    with ollama.Client(host=alone.url, trust_env=False) as client:
        yield client


@pytest.fixture
def registry() -> Iterator[LocalRegistry]:
    with LocalRegistry() as registry:
        yield registry


def reach(serving: Serving, registry: LocalRegistry) -> None:
    """Let the program fetch from `registry`."""
    settings = serving.parts.settings
    network = structs.replace(settings.current.network, ollama_registry=registry.url)
    settings.update(network=network)


def refused(call: Callable[..., Any], *arguments: Any, **fields: Any) -> ollama.ResponseError:
    with pytest.raises(ollama.ResponseError) as caught:
        call(*arguments, **fields)
    return caught.value


def names(client: ollama.Client) -> list[str]:
    return [each.model or "" for each in client.list().models]


def test_somebody_is_there(shared: Serving) -> None:
    with shared.client() as http:
        assert http.get("/").text == "Ollama is running"
        assert http.head("/").status_code == 200
        assert http.head("/api/version").status_code == 200
        assert re.fullmatch(r"\d+\.\d+\.\d+", http.get("/api/version").json()["version"])
        assert http.get("/api/status").json()["cloud"]["disabled"] is True
        assert http.head("/api/tags").status_code == 200


def test_the_list_names_every_model(client: ollama.Client) -> None:
    [model] = client.list().models
    assert model.model == TAG
    assert model.size is not None
    assert model.size > 90_000_000
    assert re.fullmatch("[0-9a-f]{64}", model.digest or "")
    assert isinstance(model.modified_at, datetime)
    assert model.details is not None
    assert model.details.family == "llama"
    assert model.details.parameter_size == "134.52M"
    assert model.details.quantization_level == "Q4_1"
    for name in (TAG, STARTER, f"{STARTER}:latest", TAG.upper()):
        assert client.show(name).details == client.show(TAG).details


def test_a_second_copy_takes_no_name_from_the_first(alone: Serving, own: ollama.Client) -> None:
    """Whatever its file's date says, also after a restart: clients keep the names they chose."""
    assert names(own) == [TAG]
    library = alone.parts.library
    [first] = library.models()
    second = alone.parts.paths.models / "me" / "Copy-GGUF" / first.path.name
    second.parent.mkdir(parents=True)
    shutil.copyfile(first.path, second)
    os.utime(second, (1, 1))
    library.scan()
    copy_id = next(model.id for model in library.models() if model.path == second)
    longer = copy_id.lower()
    assert sorted(names(own)) == sorted([TAG, longer])
    again = ModelNames(library, GivenNames(alone.parts.paths.names_file))
    for each in (alone.server._application.work.names, again):
        assert each.tags() == {first.id: TAG, copy_id: longer}
        assert each.find(TAG).id == first.id
        assert each.find(longer).id == copy_id
    library.delete(first.id)
    assert names(own) == [TAG]  # nobody else has it any more
    assert again.find(TAG).id == again.find(longer).id == copy_id


def test_what_is_loaded_is_told_with_its_end(client: ollama.Client) -> None:
    client.chat(STARTER, [], keep_alive="10m")
    [running] = client.ps().models
    assert running.model == TAG
    assert running.context_length == 2048
    assert running.size
    assert running.expires_at is not None
    left = (running.expires_at - datetime.now(running.expires_at.tzinfo)).total_seconds()
    assert 500 < left <= 600


def test_a_model_is_shown_with_its_header(client: ollama.Client) -> None:
    shown = client.show(STARTER)
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "llama"
    assert shown.modelinfo["llama.context_length"] == 8192
    assert shown.modelinfo["tokenizer.ggml.tokens"] is None
    assert shown.modelinfo["general.parameter_count"] == 134515008
    assert "im_start" in (shown.template or "")
    assert "completion" in (shown.capabilities or [])
    assert (shown.modelfile or "").splitlines()[1] == f"FROM {TAG}"
    assert str(Path.home()) not in (shown.modelfile or "")


def test_all_tokens_are_told_to_who_wants_them(shared: Serving) -> None:
    with shared.client() as http:
        whole = http.post("/api/show", json={"name": STARTER, "verbose": True}).json()
    assert len(whole["model_info"]["tokenizer.ggml.tokens"]) == 49152
    assert whole["tensors"][0]["name"] == "token_embd.weight"
    assert whole["tensors"][0]["type"] == "Q8_0"


def test_a_made_model_answers_as_it_was_made(own: ollama.Client) -> None:
    system = "You are Mario. " * 12
    made = own.create(
        "mario",
        from_=STARTER,
        system=system,
        parameters={"temperature": 0, "num_predict": 3, "num_ctx": 1024, "stop": ["##"]},
        messages=[
            {"role": "user", "content": "Who are you?"},
            {"role": "assistant", "content": "Mario!"},
        ],
    )
    assert made.status == "success"
    assert "mario:latest" in names(own)
    question = [{"role": "user", "content": "Say hi"}]
    answer = own.chat("mario", question)
    assert answer.eval_count == 3
    told = own.chat(
        STARTER,
        [
            {"role": "system", "content": system.strip()},
            {"role": "user", "content": "Who are you?"},
            {"role": "assistant", "content": "Mario!"},
            *question,
        ],
        options={"temperature": 0, "num_predict": 3},
    )
    assert answer.prompt_eval_count == told.prompt_eval_count
    assert answer.message.content == told.message.content
    by_prompt = own.generate("mario", "Say hi")
    assert by_prompt.prompt_eval_count == told.prompt_eval_count
    other = own.chat("mario", [{"role": "system", "content": "Hm."}, *question])
    assert (other.prompt_eval_count or 0) < (answer.prompt_eval_count or 0) - 30
    assert {each.model for each in own.ps().models} == {"mario:latest", TAG}
    shown = own.show("mario:latest")
    assert "Mario" in (shown.modelfile or "")
    lines = (shown.parameters or "").splitlines()
    assert [line.split() for line in lines] == [
        ["temperature", "0.0"],
        ["num_predict", "3"],
        ["stop", '"##"'],
        ["num_ctx", "1024"],
    ]


def test_a_made_model_is_copied_replaced_and_deleted(alone: Serving, own: ollama.Client) -> None:
    own.create("mario:v1", from_=STARTER, system="One.")
    own.create("mario:v1", from_=STARTER, system="Two.", stream=False)
    assert own.copy("mario:v1", "someone/luigi").status == "success"
    assert sorted(names(own)) == ["mario:v1", TAG, "someone/luigi:latest"]
    with alone.client() as http:
        shown = http.post("/api/show", json={"model": "someone/luigi"}).json()
    assert shown["system"] == "Two."
    assert shown["details"]["parent_model"] == TAG
    assert own.delete("mario:v1").status == "success"
    assert own.delete("someone/luigi").status == "success"
    assert names(own) == [TAG]
    assert not [each for each in alone.parts.presets.list() if not each.built_in]
    assert refused(own.delete, "mario:v1").status_code == 404
    assert refused(own.copy, "mario:v1", "x").status_code == 404


def test_the_steps_of_making_are_told(own: ollama.Client) -> None:
    steps = [s.status for s in own.create("a", from_=STARTER, system="x", stream=True)]
    assert steps[-1] == "success"
    odd = own.create("b", from_=STARTER, parameters={"mystery": 1}, stream=True)
    assert "not taken: mystery" in [step.status for step in odd]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": "../../x", "from": STARTER}, 400),
        ({"model": "a b", "from": STARTER}, 400),
        ({"model": "x"}, 400),
        ({"model": "x", "from": "nobody"}, 404),
        ({"model": "x", "from": STARTER, "template": "{{ .Prompt }}"}, 400),
        ({"model": "x", "from": STARTER, "quantize": "q4_0"}, 400),
        ({"model": "x", "from": STARTER, "adapters": {"a": ELSEWHERE}}, 400),
        ({"model": "x", "files": {"a.gguf": "sha256:../../../etc/passwd"}}, 400),
        ({"model": "x", "files": {"a.gguf": ELSEWHERE}}, 400),
        ({"model": "x", "from": STARTER, "messages": [{"role": "tool", "content": ""}]}, 400),
    ],
)
def test_what_cannot_be_made_is_refused(
    shared: Serving, fields: dict[str, Any], status: int
) -> None:
    with shared.client() as http:
        answer = http.post("/api/create", json={**fields, "stream": False})
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert shared.parts.library.find(STARTER)
    assert len(shared.parts.library.models()) == 1


def test_a_name_of_another_model_is_not_taken(own: ollama.Client, alone: Serving) -> None:
    path = alone.parts.paths.models / "real.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(tiny_model().set("general.name", STRING, "Real").data())
    alone.parts.library.scan()
    real = next(each for each in alone.parts.library.models() if each.path == path)
    wrong = refused(own.copy, STARTER, real.name)
    assert (wrong.status_code, wrong.error) == (400, f"{real.name} is the name of another model.")
    assert path.is_file()


def test_the_beginning_of_a_name_deletes_nothing(own: ollama.Client) -> None:
    own.create("mario", from_=STARTER, system="x")
    for name in ("mari", "m", "smollm2", STARTER[:-1]):
        assert refused(own.delete, name).status_code == 404
    assert sorted(names(own)) == ["mario:latest", TAG]
    own.delete("Mario:latest")
    assert names(own) == [TAG]


def test_a_real_model_is_deleted_for_good(alone: Serving, own: ollama.Client) -> None:
    path = alone.parts.paths.models / "someone" / "tiny" / "tiny.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(tiny_model().data())
    alone.parts.library.scan()
    [name] = [each for each in names(own) if each != TAG]
    own.create("child", from_=name, system="x")
    own.delete(name)
    assert not path.exists()
    assert names(own) == [TAG]


def test_a_file_is_uploaded_and_made_a_model_of(
    alone: Serving, own: ollama.Client, tmp_path: Path
) -> None:
    path = tmp_path / "some.gguf"
    path.write_bytes(tiny_model().data())
    digest = own.create_blob(path)
    assert digest == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert own.create_blob(path) == digest
    with alone.client() as http:
        assert http.head(f"/api/blobs/{digest}").status_code == 200
        assert http.head(f"/api/blobs/{ELSEWHERE}").status_code == 404
    folder = alone.parts.library.folder
    assert "another model" in refused(own.create, STARTER, files={"some.gguf": digest}).error
    assert list(folder.rglob("*.gguf")) == []
    made = own.create("fresh:1b", files={"some.gguf": digest}, system="Hello.")
    assert made.status == "success"
    assert "fresh:1b" in names(own)
    assert len(list(folder.rglob("*.gguf"))) == 1
    assert list((alone.parts.paths.server_dir / "blobs").iterdir()) == []
    own.delete("fresh:1b")
    assert names(own) == [TAG]
    assert list(folder.rglob("*.gguf")) == []


def test_a_file_that_is_no_model_makes_none(
    alone: Serving, own: ollama.Client, tmp_path: Path
) -> None:
    lying = tiny_model()
    lying.tensors[0].offset = 2**40
    for content in (b"no model at all", lying.data(), tiny_model().data()[:300]):
        path = tmp_path / "some.gguf"
        path.write_bytes(content)
        digest = own.create_blob(path)
        error = refused(own.create, "fresh", files={"some.gguf": digest})
        assert error.error
        assert str(alone.parts.paths.data) not in error.error
    assert not list(alone.parts.library.folder.rglob("*.gguf"))
    assert names(own) == [TAG]


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:abc",
        "sha256:" + "A" * 64,
        "md5:" + "0" * 64,
        "sha256:" + "0" * 63 + "/",
        "sha256:..%2F..%2F" + "0" * 58,
        "..%2f..%2fetc%2fpasswd",
    ],
)
def test_a_digest_that_is_none_is_refused(shared: Serving, digest: str) -> None:
    with shared.client() as http:
        answer = http.post(f"/api/blobs/{digest}", content=b"x")
        if "/" in unquote(digest):  # no operation has such a path
            assert answer.status_code == http.head(f"/api/blobs/{digest}").status_code == 404
        else:
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid digest format")
            assert http.head(f"/api/blobs/{digest}").status_code == 400
    blobs = shared.parts.paths.server_dir / "blobs"
    assert not blobs.exists() or not list(blobs.iterdir())


def test_another_content_than_its_digest_is_not_kept(shared: Serving) -> None:
    with shared.client() as http:
        answer = http.post(f"/api/blobs/{ELSEWHERE}", content=b"something")
    assert answer.status_code == 400
    assert "digest mismatch" in answer.json()["error"]
    assert not list((shared.parts.paths.server_dir / "blobs").iterdir())


def test_a_file_larger_than_allowed_is_not_taken_up(alone: Serving) -> None:
    alone.change(upload_limit=1)
    host, port = alone.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        head = f"POST /api/blobs/{ELSEWHERE} HTTP/1.1\r\nHost: {host}\r\n"
        raw.sendall(f"{head}Content-Length: 1000000001\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_file_that_does_not_say_how_large_it_is_is_taken_up_to_the_limit(
    alone: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "GIGABYTE", 1000)
    alone.change(upload_limit=1)
    with alone.client() as http:
        pieces = iter([b"x" * 800] * 2)  # sent as it comes, without its length
        assert http.post(f"/api/blobs/{ELSEWHERE}", content=pieces).status_code == 413
    assert not list((alone.parts.paths.server_dir / "blobs").iterdir())


def test_a_file_for_which_the_disk_has_no_room_is_not_taken_up(
    alone: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([blobs.KEPT_FREE + 10] * 2 + [0] * 100)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(free)))
    with alone.client() as http:
        assert http.post(f"/api/blobs/{ELSEWHERE}", content=b"x" * 100).status_code == 507
        pieces = iter([b"x" * 5] * 2)  # more than was said, or the disk has been filled meanwhile
        assert http.post(f"/api/blobs/{ELSEWHERE}", content=pieces).status_code == 507
    assert not list((alone.parts.paths.server_dir / "blobs").iterdir())


def test_a_model_of_the_registry_is_pulled_and_answers_by_its_recipe(
    alone: Serving, own: ollama.Client, registry: LocalRegistry, starter_file: Path
) -> None:
    reach(alone, registry)
    content = starter_file.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    image = Image(content, system="You are a pirate.", params={"temperature": 0, "num_predict": 4})
    registry.add("library/tiny", "1b", image)
    steps = list(own.pull("tiny:1b", stream=True))
    assert steps[0].status == "pulling manifest"
    assert steps[-1].status == "success"
    fetched = [step for step in steps if step.digest]
    assert {step.digest for step in fetched} == {digest}
    assert fetched[-1].completed == fetched[-1].total == len(content)
    assert "tiny:1b" in names(own)
    listed = next(each for each in own.list().models if each.model == "tiny:1b")
    assert f"sha256:{listed.digest}" == digest
    answer = own.chat("tiny:1b", [{"role": "user", "content": "Hi"}])
    assert answer.eval_count == 4
    assert own.pull("tiny:1b").status == "success"  # all of it is here
    assert own.pull("tiny:1b", stream=False).status == "success"


def test_a_model_of_the_hub_is_pulled_by_its_address(alone: Serving, own: ollama.Client) -> None:
    with LocalHub() as hub:
        hub.add("me/tiny-GGUF", {"tiny-F32.gguf": tiny_model().data()}, tags=["gguf"])
        network = structs.replace(alone.parts.settings.current.network, endpoint=hub.url)
        alone.parts.settings.update(network=network)
        assert own.pull("hf.co/me/tiny-GGUF:F32").status == "success"
    shown = own.show("hf.co/me/tiny-GGUF:F32")
    assert (shown.details and shown.details.family) == "llama"
    assert own.delete("hf.co/me/tiny-GGUF:F32").status == "success"
    assert names(own) == [TAG]


def test_files_of_which_no_model_was_made_are_deleted_in_the_end(
    shared: Serving, client: ollama.Client, tmp_path: Path
) -> None:
    blobs = shared.parts.paths.server_dir / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    old, young = blobs / ("sha256-" + "1" * 64), blobs / ("sha256-" + "2" * 64)
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    (tmp_path / "new").write_bytes(b"new")
    digest = client.create_blob(tmp_path / "new")
    assert {path.name for path in blobs.iterdir()} == {young.name, digest.replace(":", "-")}
    for path in blobs.iterdir():
        path.unlink()


def test_what_the_registry_does_not_have_is_told(
    alone: Serving, own: ollama.Client, registry: LocalRegistry
) -> None:
    reach(alone, registry)
    assert "9b" in refused(own.pull, "tiny:9b").error
    assert refused(lambda: list(own.pull("tiny:9b", stream=True))).error
    assert refused(own.pull, "../../etc").status_code == 400


def test_a_pull_that_nobody_waits_for_is_paused_and_goes_on_later(
    alone: Serving, own: ollama.Client, registry: LocalRegistry, starter_file: Path
) -> None:
    reach(alone, registry)
    registry.add("library/tiny", "1b", Image(starter_file.read_bytes()))
    alone.parts.settings.update(
        downloads=structs.replace(alone.parts.settings.current.downloads, speed_limit=2_000)
    )
    for step in own.pull("tiny:1b", stream=True):
        if step.digest:
            break
    items = alone.parts.downloads.items
    alone.wait_for_downloads(lambda: [each.state for each in items()] == ["paused"])
    alone.parts.settings.update(
        downloads=structs.replace(alone.parts.settings.current.downloads, speed_limit=0)
    )
    assert own.pull("tiny:1b").status == "success"


def test_one_who_leaves_does_not_stop_a_pull_for_another(
    alone: Serving, own: ollama.Client, registry: LocalRegistry, starter_file: Path
) -> None:
    reach(alone, registry)
    registry.add("library/tiny", "1b", Image(starter_file.read_bytes()))
    settings = alone.parts.settings
    slow = structs.replace(settings.current.downloads, speed_limit=2_000)
    settings.update(downloads=slow)
    first, second = (
        iter(own.pull("tiny:1b", stream=True)),
        iter(own.pull("tiny:1b", stream=True)),
    )
    for steps in (first, second):
        assert next(step for step in steps if step.digest)
    first.close()  # type: ignore[attr-defined]  # it is a generator
    alone.ended(lambda record: record.path == "/api/pull")
    settings.update(downloads=structs.replace(slow, speed_limit=0))
    assert list(second)[-1].status == "success"


def test_nothing_is_published(client: ollama.Client) -> None:
    error = refused(client.push, STARTER)
    assert error.status_code == 400
    assert "publish" in error.error


def test_a_token_for_chats_manages_nothing() -> None:
    with serving(server=Server(on=True, port=free_port(), require_token=True)) as running:
        _, secret = running.parts.tokens.issue("phone", ["chat"])
        with running.client(authorization=f"Bearer {secret}") as http:
            assert http.get("/api/tags").status_code == 200
            for method, path in (
                ("POST", "/api/create"),
                ("POST", "/api/copy"),
                ("POST", "/api/pull"),
                ("DELETE", "/api/delete"),
                ("POST", f"/api/blobs/{ELSEWHERE}"),
            ):
                answer = http.request(method, path, json={"model": "x"})
                assert answer.status_code == 403, path
                assert list(answer.json()) == ["error"]
        with running.client() as http:
            assert http.get("/api/version").status_code == 200
            assert http.get("/api/tags").status_code == 401
            assert json.loads(http.get("/api/tags").text)["error"]
