"""Servers in the settings, their keys, and their models in library and runtime."""

import json
import logging
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from app.core.chat import ChatService
from app.core.conversation_store import ConversationStore
from app.core.errors import ModelError, NotFoundError, SettingsError, StorageError
from app.core.keys import SERVICE, KeyStore, NoKeyring
from app.core.library import ModelLibrary
from app.core.library_types import LocalModel
from app.core.logs import setup
from app.core.paths import AppPaths, app_paths
from app.core.presets import PresetStore
from app.core.remotes import RemoteStore, remote_models
from app.core.runtime import ModelRuntime
from app.core.settings import SettingsStore
from tests.backends.contract import text_of
from tests.backends.remote.scripted_server import ScriptedServer, end, text
from tests.backends.scripts import ask
from tests.core.memory_keyring import MemoryKeyring, password_store

KEY = "sk-corral-7f3b20c9d1"


@pytest.fixture
def paths(corral_home: Path) -> AppPaths:
    return app_paths()


@pytest.fixture
def settings(paths: AppPaths) -> SettingsStore:
    return SettingsStore(paths.settings_file)


@pytest.fixture
def passwords() -> Iterator[MemoryKeyring]:
    with password_store() as store:
        yield store


@pytest.fixture
def remotes(settings: SettingsStore, paths: AppPaths, passwords: MemoryKeyring) -> RemoteStore:
    return RemoteStore(settings, KeyStore(paths))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(models=("m", "org/big:8b")) as server:
        server.says(text("Good day"), end())
        yield server


@pytest.fixture
def runtime(settings: SettingsStore, remotes: RemoteStore) -> Iterator[ModelRuntime]:
    runtime = ModelRuntime(settings, remotes=remotes)
    yield runtime
    runtime.close()


def go_offline(settings: SettingsStore) -> None:
    settings.update(network=msgspec.structs.replace(settings.current.network, offline=True))


def listed(settings: SettingsStore) -> tuple[LocalModel, ...]:
    return remote_models(settings.current.remote)


# Servers and keys


def test_a_server_is_added_found_again_and_removed_with_its_key(
    remotes: RemoteStore, settings: SettingsStore, paths: AppPaths, passwords: MemoryKeyring
) -> None:
    added = remotes.add("My Lab", "https://lab.example.org", KEY, models=("m",))
    assert added.id == "my-lab"
    assert added.base_url == "https://lab.example.org/v1"
    assert list(passwords.entries.values()) == [KEY]
    assert next(iter(passwords.entries))[0] == SERVICE
    assert SettingsStore(paths.settings_file).current.remote.endpoints == (added,)
    assert remotes.add("My lab", "https://other.example.org").id == "my-lab-2"
    remotes.remove(added.id)
    assert passwords.entries == {}
    assert [each.id for each in settings.current.remote.endpoints] == ["my-lab-2"]
    with pytest.raises(NotFoundError):
        remotes.remove(added.id)


def test_a_key_is_never_written_to_a_file_of_ours(
    remotes: RemoteStore, runtime: ModelRuntime, server: ScriptedServer, settings: SettingsStore,
    corral_home: Path, paths: AppPaths,
) -> None:  # fmt: skip
    """Nor to a log, a command line or an environment."""
    logs = setup(paths, verbose=True)
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        remotes.add("Lab", server.url, KEY, models=("m",))
        loaded = runtime.load(listed(settings)[0])
        assert text_of(loaded.engine.generate(ask("Hello"))) == "Good day"
        server.refuses(401, {"error": {"message": f"no: {KEY}"}})
        with pytest.raises(Exception, match="does not accept"):
            list(loaded.engine.generate(ask("Hello")))
        child = psutil.Process(loaded.engine.pid)
        assert KEY not in " ".join(child.cmdline())
        assert KEY not in str(child.environ())
        assert KEY not in str(loaded.engine.last_words())
        assert KEY not in str(logs.ring.lines())
    finally:
        logging.getLogger().setLevel(logging.WARNING)
        logs.close()
    assert server.asked[-1].headers["authorization"] == f"Bearer {KEY}"
    files = [path for path in corral_home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" for path in files)
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_without_a_password_store_nothing_is_added(
    settings: SettingsStore, remotes: RemoteStore, passwords: MemoryKeyring
) -> None:
    passwords.locked = True
    with pytest.raises(NoKeyring) as caught:
        remotes.add("Lab", "https://lab.example.org", KEY)
    assert "file that only you" in caught.value.hint
    assert settings.current.remote.endpoints == ()
    assert remotes.add("Lab", "https://lab.example.org").key == "none"


def test_a_person_may_keep_a_key_in_a_file_of_their_own(
    remotes: RemoteStore, paths: AppPaths, settings: SettingsStore, passwords: MemoryKeyring
) -> None:
    added = remotes.add("Lab", "https://lab.example.org", KEY, models=("m",), place="file")
    file = paths.data / "keys.json"
    assert passwords.entries == {}
    assert KEY in file.read_text(encoding="utf-8")
    if sys.platform != "win32":
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert json.loads(remotes.descriptor(listed(settings)[0]))["api_key"] == KEY
    remotes.remove(added.id)
    assert not file.exists()


def test_a_damaged_file_of_keys_is_told(paths: AppPaths) -> None:
    keys = KeyStore(paths)
    keys.put("lab", "https://lab.example.org/v1", KEY, "file")
    (paths.data / "keys.json").write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match="damaged"):
        keys.get("lab", "https://lab.example.org/v1", "file")


def test_a_key_does_not_follow_to_a_changed_address(
    remotes: RemoteStore, settings: SettingsStore
) -> None:
    added = remotes.add("Lab", "https://lab.example.org", KEY, models=("m",))
    moved = msgspec.structs.replace(added, base_url="https://evil.example.org/v1")
    remote = msgspec.structs.replace(settings.current.remote, endpoints=(moved,))
    settings.update(remote=remote)
    with pytest.raises(ModelError, match="key of Lab is gone"):
        remotes.descriptor(listed(settings)[0])


@pytest.mark.parametrize("address", ["", "lab", "ftp://lab", "http://me:secret@lab"])
def test_an_address_that_is_none_is_refused(remotes: RemoteStore, address: str) -> None:
    with pytest.raises(SettingsError):
        remotes.add("Lab", address)
    with pytest.raises(SettingsError):
        remotes.offered(address)


def test_a_server_says_what_it_offers(remotes: RemoteStore, server: ScriptedServer) -> None:
    assert remotes.offered(server.url, KEY) == ("m", "org/big:8b")
    assert server.asked[-1].headers["authorization"] == f"Bearer {KEY}"
    added = remotes.add("Lab", server.url, KEY)
    assert remotes.offered_by(added) == ("m", "org/big:8b")
    server.list_status = 401
    with pytest.raises(ModelError) as caught:
        remotes.offered(server.url)
    assert caught.value.title == "The server of this model refuses access"


# In the library


def test_chosen_models_are_listed_found_and_taken_off(
    remotes: RemoteStore, settings: SettingsStore, paths: AppPaths
) -> None:
    library = ModelLibrary(paths, settings)
    changes: list[int] = []
    library.changed.connect(lambda: changes.append(1))
    added = remotes.add("Lab", "https://lab.example.org", models=("m", "org/big:8b"))
    assert changes
    names = {model.name: model for model in library.models()}
    model = names["big:8b"]
    assert model.is_remote
    assert model.publisher == "Lab"
    assert (model.size, model.files) == (0, ())
    for words in ("remote/lab/org/big:8b", "big:8b", "BIG:8b"):
        assert library.find(words) == model
    assert library.get(model.id) == model
    library.delete(model.id)
    assert [each.name for each in library.models() if each.is_remote] == ["m"]
    remotes.choose_models(added.id, ())
    assert not any(each.is_remote for each in library.models())
    assert settings.current.remote.endpoints[0].name == "Lab"


# In the runtime, through the real child


def test_a_remote_model_is_loaded_asked_and_ejected(
    runtime: ModelRuntime, remotes: RemoteStore, settings: SettingsStore, server: ScriptedServer
) -> None:
    remotes.add("Lab", server.url, KEY, models=("m",))
    (model,) = listed(settings)
    loaded = runtime.load(model)
    assert loaded.state == "ready"
    assert loaded.engine.backend == "remote"
    assert loaded.need is None
    assert text_of(loaded.engine.generate(ask("Hello"))) == "Good day"
    pid = loaded.engine.pid
    assert pid is not None
    runtime.eject(model.id)
    assert not psutil.pid_exists(pid)


def test_a_server_out_of_reach_is_told_with_what_to_do(
    runtime: ModelRuntime, remotes: RemoteStore, settings: SettingsStore
) -> None:
    with ScriptedServer() as server:
        url = server.url
    remotes.add("Lab", url, models=("m",))
    with pytest.raises(ModelError, match="no server is listening") as caught:
        runtime.load(listed(settings)[0])
    assert caught.value.title == "The server of this model cannot be reached"
    assert "address in Settings" in caught.value.hint
    assert runtime.loaded() == ()


def test_offline_other_computers_are_refused_before_an_engine_is_asked(
    runtime: ModelRuntime, remotes: RemoteStore, settings: SettingsStore, server: ScriptedServer
) -> None:
    remotes.add("Far", "https://far.example.org", models=("m",))
    remotes.add("Near", server.url, models=("m",))
    go_offline(settings)
    far, near = listed(settings)
    with pytest.raises(ModelError, match="Corral is offline"):
        runtime.load(far)
    with pytest.raises(ModelError, match="Corral is offline"):
        remotes.offered("https://far.example.org")
    assert text_of(runtime.load(near).engine.generate(ask("Hello"))) == "Good day"


def test_the_offline_switch_ends_what_reaches_other_computers(
    runtime: ModelRuntime, remotes: RemoteStore, settings: SettingsStore, server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    near = remotes.add("Near", server.url, models=("m",))
    runtime.load(listed(settings)[0])
    monkeypatch.setattr("app.core.remotes.is_loopback", lambda _: False)  # as if it were far
    assert [each.state for each in runtime.loaded()] == ["ready"]
    go_offline(settings)
    assert runtime.loaded() == ()
    monkeypatch.undo()
    runtime.load(listed(settings)[0])
    remotes.remove(near.id)
    assert runtime.loaded() == ()


def test_what_is_typed_is_not_sent_to_be_counted(
    runtime: ModelRuntime, remotes: RemoteStore, settings: SettingsStore, paths: AppPaths
) -> None:
    with ScriptedServer("vllm") as server:
        server.answers["/tokenize"] = lambda _: {"count": 5}
        remotes.add("Lab", server.url, models=("m",))
        (model,) = listed(settings)
        runtime.load(model)
        store = ConversationStore(paths.conversations)
        chat = ChatService(store, runtime, PresetStore(paths.presets_dir), settings)
        conversation = store.create(model_id=model.id)
        asked = len(server.asked)
        assert chat.prompt_tokens(conversation.id, "a secret draft") is None
        assert len(server.asked) == asked
        store.close()
