"""Files of chats that are kept on disk: made by a real engine, gone when nobody wants them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.core.chat import ChatService
from app.core.conversation_store import ConversationStore
from app.core.kept_conversations import KeptConversations
from app.core.library_types import LocalModel
from app.core.presets import PresetStore
from app.core.runtime import ModelRuntime
from app.core.settings import SettingsStore
from backends import kept_files
from backends.types import LoadConfig, SamplingParams


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
    home.runtime.close()  # the engine has written what it had to
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
