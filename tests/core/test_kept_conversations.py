"""Files of chats that are kept on disk: made by a real engine, gone when nobody wants them."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.core.chat import ChatService
from app.core.conversation_store import ConversationStore
from app.core.errors import StorageError
from app.core.kept_conversations import KeptConversations, engine_name
from app.core.library_types import LocalModel
from app.core.presets import PresetStore
from app.core.runtime import ModelRuntime
from app.core.settings import SettingsStore
from backends import kept_files
from backends.llamacpp.parking import DiskParking
from backends.llamacpp.sequence import SavedSequence
from backends.types import Delta, LoadConfig, SamplingParams


class Desk:
    """A chat with the real model, as after a start of the program."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.store = ConversationStore(folder / "conversations.db")
        self.kept = KeptConversations(folder / "kept", self.store)
        settings = SettingsStore(folder / "settings.json")
        self.runtime = ModelRuntime(settings, kept_conversations=self.kept.folder)
        self.chat = ChatService(self.store, self.runtime, PresetStore(folder / "p"), settings)
        self._model = LocalModel(
            id="smol", name="SmolLM2", path=model, files=(model,), size=model.stat().st_size
        )

    def load(self) -> None:
        self.runtime.load(self._model, LoadConfig(context_length=512))

    def ask(self, chat: int, text: str) -> int:
        """Ask, wait for the answer; tokens of the prompt that were known."""
        for _ in (run := self.chat.send(chat, text)).events():
            pass
        usage = self.store.message(run.assistant_message.id).usage
        assert usage is not None
        return usage.cached_tokens

    def files(self) -> list[Path]:
        return list(kept_files.kept_files(self.kept.folder))

    def finish_engine(self) -> None:
        """End the engine once it has written what it had to."""
        for loaded in self.runtime.loaded():
            loaded.engine.unload()
        self.runtime.close()

    def close(self) -> None:
        self.runtime.close()
        self.store.close()


@pytest.fixture
def home(tmp_path: Path, starter_file: Path) -> Iterator[Desk]:
    with closing(Desk(tmp_path, starter_file)) as desk:
        yield desk


def new_chat(desk: Desk, *, keep: bool) -> int:
    sampling = SamplingParams(temperature=0, max_tokens=4)
    return desk.store.create(preset_id="blank", sampling=sampling, keep_on_disk=keep).id


def test_a_kept_chat_comes_back_after_a_restart(
    home: Desk, tmp_path: Path, starter_file: Path
) -> None:
    home.load()
    kept, other = new_chat(home, keep=True), new_chat(home, keep=False)
    home.ask(kept, "Tell me of the sea and of the ships on it, in many words.")
    home.ask(other, "What is a mountain, and what is a valley between mountains?")
    home.runtime.close()  # a healthy engine writes what it still has to
    assert [path.suffix for path in home.files()] == [kept_files.SUFFIX]
    assert home.kept.size(kept) > 10_000
    assert home.kept.size(other) == 0
    home.store.close()
    with closing(Desk(tmp_path, starter_file)) as again:
        again.load()
        assert again.ask(other, "And?") < 10
        assert again.ask(kept, "And?") > 20


def test_a_chat_in_the_trash_leaves_no_file(home: Desk) -> None:
    home.load()
    chat = new_chat(home, keep=True)
    home.ask(chat, "Hello there")
    home.runtime.close()
    assert home.files()
    home.store.delete(chat)
    assert home.files() == []


def planted(desk: Desk, chat: int) -> Path:
    folder = kept_files.model_folder(desk.kept.folder, "a model")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (kept_files.file_stem(f"chat-{chat}") + kept_files.SUFFIX)
    path.write_bytes(b"state")
    return path


def test_switching_it_off_deletes_the_file_and_only_that(home: Desk) -> None:
    one, two = new_chat(home, keep=True), new_chat(home, keep=True)
    files = [planted(home, one), planted(home, two)]
    home.store.update(one, title="Still kept")
    assert all(path.exists() for path in files)
    home.store.update(one, keep_on_disk=False)
    assert [path.exists() for path in files] == [False, True]


def test_what_an_earlier_run_left_behind_is_deleted_at_the_start(home: Desk) -> None:
    wanted = planted(home, new_chat(home, keep=True))
    orphans = [planted(home, 99), planted(home, new_chat(home, keep=False))]
    partial = orphans[0].with_suffix(kept_files.PARTIAL_SUFFIX)
    partial.write_bytes(b"half")
    KeptConversations(home.kept.folder, home.store)
    assert wanted.exists()
    assert not any(path.exists() for path in (*orphans, partial))


# Files that come late


@pytest.mark.parametrize("way", ["trash", "off"])
def test_a_chat_that_is_given_up_while_it_answers_leaves_no_file(home: Desk, way: str) -> None:
    home.load()
    chat = new_chat(home, keep=True)
    given_up = False
    for event in home.chat.send(chat, "Hello there").events():
        if isinstance(event, Delta) and not given_up:
            given_up = True
            give_up(home, chat, way)
    home.finish_engine()
    assert given_up
    assert home.files() == []


def give_up(desk: Desk, chat: int, way: str) -> None:
    if way == "trash":
        desk.store.delete(chat)
    else:
        desk.store.update(chat, keep_on_disk=False)


def state_of(chat: int) -> SavedSequence:
    return SavedSequence([1, 2, 3], b"state", engine_name(chat))


@pytest.mark.parametrize("way", ["trash", "off"])
def test_what_waits_to_be_written_is_not_written_for_a_chat_given_up(home: Desk, way: str) -> None:
    chat, other = new_chat(home, keep=True), new_chat(home, keep=True)
    disk, go_on = DiskParking(home.kept.folder, "m"), threading.Event()
    disk._writer.submit(go_on.wait)
    disk.put(state_of(chat))
    disk.put(state_of(other))
    give_up(home, chat, way)
    go_on.set()
    disk.close()
    assert [path.stem for path in home.files()] == [kept_files.file_stem(engine_name(other))]


def test_a_file_that_gets_its_name_behind_the_deletion_is_deleted_by_the_engine(
    home: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, named = new_chat(home, keep=True), os.replace

    def late(source: Path, target: Path) -> None:
        words = source.read_bytes()
        home.store.delete(chat)
        source.write_bytes(words)
        named(source, target)

    monkeypatch.setattr(os, "replace", late)
    disk = DiskParking(home.kept.folder, "m")
    disk.put(state_of(chat))
    disk.close()
    assert home.files() == []


def test_a_chat_that_is_wanted_again_is_kept_again(home: Desk) -> None:
    chat = new_chat(home, keep=True)
    home.store.delete(chat)
    home.store.restore(chat)
    disk = DiskParking(home.kept.folder, "m")
    disk.put(state_of(chat))
    disk.close()
    assert home.kept.size(chat) > 0


def test_marks_of_an_earlier_run_are_gone_after_the_start(home: Desk) -> None:
    home.store.delete(new_chat(home, keep=True))
    assert list(home.kept.folder.iterdir())
    KeptConversations(home.kept.folder, home.store)
    assert list(home.kept.folder.iterdir()) == []


# A store that cannot tell


def test_a_store_that_is_closed_or_fails_deletes_nothing(
    home: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = new_chat(home, keep=True)
    path = planted(home, chat)
    answer = home.store.append(chat, "assistant", "x", None, state="streaming")
    write = home.store._database.write

    def full(_job: object) -> None:
        raise StorageError("The chat could not be saved", "The disk is full.")

    monkeypatch.setattr(home.store._database, "write", full)
    with pytest.raises(StorageError):
        home.store.update_message(answer.id, content="xy", state="complete", retry=True)
    monkeypatch.setattr(home.store._database, "write", write)
    home.store.close()  # what could not be written is, and told, now
    home.store.changed(chat)
    home.kept.tidy()
    assert path.exists()


def test_a_file_that_vanishes_meanwhile_has_no_size(
    home: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = new_chat(home, keep=True)
    path = planted(home, chat)
    path.with_suffix(kept_files.PARTIAL_SUFFIX).write_bytes(b"half of it")
    assert home.kept.size(chat) == len(b"state")
    found = list(kept_files.kept_files(home.kept.folder))
    monkeypatch.setattr(kept_files, "kept_files", lambda _folder: found)
    path.unlink()
    assert home.kept.size(chat) == 0
