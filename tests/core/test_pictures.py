"""Pictures of messages: kept once, told to the model that sees, erased with the last reference."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.core import kept_pictures
from app.core.chat import ChatService
from app.core.chat_prompt import IN_PLACE_OF_PICTURE, newest_pictures, prompt_from
from app.core.conversation_store import ConversationStore
from app.core.conversations import Message, Picture
from app.core.errors import ConversationError, ModelError, StorageError
from app.core.library_types import LocalModel
from app.core.model_sight import sight_of
from app.core.pictures import MAX_PICTURES, PictureError, check_together, checked_size, read_picture
from app.core.presets import PresetStore
from app.core.runtime import ModelRuntime
from app.core.settings import SettingsStore
from app.gui.chat_branch import branch_off
from backends.types import Finish, LoadConfig, SamplingParams, Usage
from tests.backends.llamacpp import tiny_projector
from tests.backends.llamacpp.pictures import png, png_of_size

RED, BLUE = png(1), png(2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConversationStore]:
    store = ConversationStore(tmp_path / "conversations.db")
    yield store
    store.close()


def keep(store: ConversationStore, data: bytes = RED) -> Picture:
    return store.keep_picture(data, 40, 30)


def kept(store: ConversationStore) -> int:
    with closing(sqlite3.connect(store.database_path)) as other:
        return int(other.execute("SELECT count(*) FROM pictures").fetchone()[0])


def pictured(store: ConversationStore, *pictures: Picture) -> Message:
    chat = store.create()
    return store.append(chat.id, "user", "look", None, pictures=pictures)


# In the database


def test_the_pictures_of_a_message_come_back_after_a_restart(
    store: ConversationStore, tmp_path: Path
) -> None:
    message = pictured(store, keep(store, RED), keep(store, BLUE))
    store.close()
    again = ConversationStore(tmp_path / "conversations.db")
    (found,) = again.path(message.conversation_id)
    assert [again.picture(each.id) for each in found.pictures] == [RED, BLUE]
    assert found.pictures[0] == Picture(found.pictures[0].id, 40, 30, len(RED))
    again.close()


def test_the_same_picture_is_kept_once(store: ConversationStore) -> None:
    assert keep(store) == keep(store)
    assert kept(store) == 1


def test_an_edited_message_and_a_copied_chat_keep_their_pictures(store: ConversationStore) -> None:
    message = pictured(store, keep(store))
    edited = store.edit_message(message.id, "look again")
    copy = store.duplicate(message.conversation_id)
    branch = branch_off(store, message.conversation_id, edited.id)
    assert edited.pictures == message.pictures
    for chat in (copy, branch):
        assert store.path(chat.id)[0].pictures == message.pictures


def test_what_is_attached_and_not_sent_survives_until_a_message_takes_its_place(
    store: ConversationStore,
) -> None:
    chat, picture = store.create(), keep(store)
    store.update(chat.id, draft="see", draft_pictures=(picture,))
    assert store.get(chat.id).draft_pictures == (picture,)
    store.update(chat.id, title="other")
    assert store.get(chat.id).draft_pictures == (picture,)
    store.append(chat.id, "user", "see", None, pictures=(picture,), empties_draft=True)
    assert store.get(chat.id).draft_pictures == ()


def test_erasing_a_chat_erases_the_pictures_that_only_it_had(store: ConversationStore) -> None:
    both, own = keep(store, RED), keep(store, BLUE)
    stays, goes = pictured(store, both), pictured(store, both, own)
    store.delete(goes.conversation_id)
    assert kept(store) == 2
    assert store.purge_trash(older_than_days=0) == 1
    assert store.picture(both.id) == RED
    with pytest.raises(ConversationError):
        store.picture(own.id)
    store.delete(stays.conversation_id)
    store.purge_trash(older_than_days=0)
    assert kept(store) == 0


def test_a_picture_in_a_draft_is_not_erased_with_a_message_that_had_it(
    store: ConversationStore,
) -> None:
    picture = keep(store)
    gone, drafting = pictured(store, picture), store.create()
    store.update(drafting.id, draft_pictures=(picture,))
    store.delete(gone.conversation_id)
    store.purge_trash(older_than_days=0)
    assert store.picture(picture.id) == RED


def test_a_picture_that_was_never_sent_is_erased_after_a_month(
    store: ConversationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store)
    store.purge_trash(older_than_days=0)
    assert kept(store) == 1
    later = time.time() + kept_pictures.ORPHAN_SECONDS + 1
    monkeypatch.setattr("app.core.kept_pictures.time.time", lambda: later)
    store.purge_trash()
    assert kept(store) == 0


def test_a_damaged_list_of_pictures_harms_nothing_else(store: ConversationStore) -> None:
    message = pictured(store, keep(store))
    with closing(sqlite3.connect(store.database_path)) as other, other:
        other.execute("UPDATE messages SET pictures = '[{oops'")
    assert store.message(message.id).pictures == ()
    store.delete(message.conversation_id)
    assert store.purge_trash(older_than_days=0) == 1


def test_pictures_are_saved_from_a_damaged_database(
    store: ConversationStore, tmp_path: Path
) -> None:
    message = pictured(store, keep(store))
    store.close()
    path = tmp_path / "conversations.db"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DROP TABLE messages_index")
    again = ConversationStore(path)
    assert again.problem is not None
    (found,) = again.path(message.conversation_id)
    assert again.picture(found.pictures[0].id) == RED
    again.close()


# What may be attached


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 and more", "PNG, JPEG, GIF or BMP"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (png_of_size(60_000, 60_000), "too large"),
        (png_of_size(0, 5), "empty"),
    ],
)
def test_a_file_that_engines_cannot_read_is_refused_by_what_is_in_it(
    data: bytes, words: str
) -> None:
    with pytest.raises(PictureError, match=words):
        checked_size(data, "photo.png")


def test_a_file_of_more_than_20_mb_is_not_even_read(tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(PictureError, match="20 MB"):
        read_picture(large)
    with pytest.raises(StorageError):
        read_picture(tmp_path / "none.png")


def test_a_message_has_so_many_pictures_and_bytes_at_most() -> None:
    check_together([Picture("a", 1, 1, 2**20)] * 16)
    with pytest.raises(PictureError, match="at most 16"):
        check_together([Picture("a", 1, 1, 1)] * 17)
    with pytest.raises(PictureError, match="40 MB"):
        check_together([Picture("a", 1, 1, 15 * 2**20)] * 3)


# What the model is told


def asked(number: int, *pictures: Picture, text: str = "") -> Message:
    return Message(number, 1, None, "user", text, 0.0, pictures=pictures)


def test_pictures_of_joined_messages_are_joined() -> None:
    a, b = Picture("a", 1, 1, 1), Picture("b", 1, 1, 1)
    prompt = prompt_from("", [asked(1, a, text="one"), asked(2, b)], "two", [a])
    assert [turn.message.content for turn in prompt.turns] == ["one\n\ntwo"]
    assert prompt.pictures == (a, b, a)


def test_the_oldest_pictures_are_left_out_when_not_all_can_be_sent() -> None:
    answer = Message(0, 1, None, "assistant", "ok", 0.0)
    history = []
    for number in range(MAX_PICTURES + 2):
        history += [asked(number, Picture(str(number), 1, 1, 1)), answer]
    prompt = newest_pictures(prompt_from("", history))
    assert [picture.id for picture in prompt.pictures] == [str(n) for n in range(2, 66)]
    assert prompt.turns[0].message.content == IN_PLACE_OF_PICTURE
    assert "oldest pictures" in prompt.notes[0]
    large = [asked(1, Picture("a", 1, 1, 30 * 2**20)), answer, asked(2, Picture("b", 1, 1, 2**24))]
    assert [p.id for p in newest_pictures(prompt_from("", large)).pictures] == ["b"]
    assert newest_pictures(prompt_from("", large[1:])).notes == ()


# Whether a model sees


def test_a_model_on_disk_says_whether_it_may_see(tmp_path: Path) -> None:
    def model(name: str, **fields: object) -> LocalModel:
        path = tmp_path / f"{name}.gguf"
        return LocalModel(id=name, name=name, path=path, files=(path,), size=1, **fields)  # type: ignore[arg-type]  # any field

    assert sight_of(model("SmolLM2"), None, None) == "blind"
    assert sight_of(model("SmolLM2"), None, LoadConfig(projector="p.gguf")) == "unknown"
    assert sight_of(model("SmolVLM 500M"), None, None) == "no_projector"
    assert sight_of(model("Qwen2.5 VL 3B"), None, None) == "no_projector"
    seeing = frozenset({"vision"})
    assert sight_of(model("SmolVLM", capabilities=seeing), None, None) == "unknown"
    assert sight_of(model("any", source="remote", format="remote"), None, None) == "unknown"
    assert sight_of(model("SmolVLM", format="mlx"), None, None) == "blind"


# With the real engine; the projector is random, so only tokens and text are looked at


class Desk:
    """A chat service with SmolLM2 and a random projector beside it."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.projector = tiny_projector.write(folder / "mmproj.gguf")
        settings = SettingsStore(folder / "settings.json")
        self.store = ConversationStore(folder / "conversations.db")
        self.runtime = ModelRuntime(settings)
        presets = PresetStore(folder / "presets")
        self.chat = ChatService(self.store, self.runtime, presets, settings)
        self.model = LocalModel(id="m", name="SmolLM2", path=model, files=(model,), size=1)

    def load(self, projector: str) -> None:
        self.runtime.load(self.model, LoadConfig(context_length=512, projector=projector))

    def ask(self, chat: int, text: str, *pictures: Picture) -> tuple[Message, Usage]:
        run = self.chat.send(chat, text, pictures)
        finish = list(run.events())[-1]
        assert isinstance(finish, Finish)
        return self.store.message(run.assistant_message.id), finish.usage

    def new_chat(self) -> int:
        sampling = SamplingParams(temperature=0, max_tokens=4)
        return self.store.create(preset_id="blank", sampling=sampling).id


@pytest.fixture
def desk(tmp_path: Path, starter_file: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, starter_file)
    yield desk
    desk.runtime.close()
    desk.store.close()


@pytest.mark.engine
def test_a_model_that_sees_is_sent_the_pictures_and_they_are_counted(desk: Desk) -> None:
    desk.load(str(desk.projector))
    picture = keep(desk.store)
    chat = desk.new_chat()
    bare = desk.chat.prompt_tokens(chat, "What is this?")
    count = desk.chat.prompt_tokens(chat, "What is this?", [picture])
    assert bare is not None
    assert count is not None
    assert count.total - bare.total == tiny_projector.TOKENS
    _, usage = desk.ask(chat, "What is this?", picture)
    assert usage.prompt_tokens == count.total
    assert desk.store.path(chat)[0].pictures == (picture,)
    alone = desk.new_chat()
    desk.ask(alone, "", picture)
    assert desk.store.get(alone).title == "Picture"


@pytest.mark.engine
def test_a_picture_is_sent_for_counting_only_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.load(str(desk.projector))
    picture = keep(desk.store, png(7))
    chat = desk.new_chat()
    first = desk.chat.prompt_tokens(chat, "a", [picture])
    monkeypatch.setattr(desk.store, "picture", lambda _: pytest.fail("it was read again"))
    assert desk.chat.prompt_tokens(chat, "a", [picture]) == first


@pytest.mark.engine
def test_a_model_that_cannot_see_is_sent_no_picture_but_goes_on_with_a_chat_that_has_some(
    desk: Desk,
) -> None:
    desk.load(str(desk.projector))
    picture = keep(desk.store)
    chat = desk.new_chat()
    desk.ask(chat, "", picture)
    desk.runtime.eject("m")
    desk.load("")
    with pytest.raises(ModelError, match="cannot see pictures"):
        desk.chat.send(chat, "And this?", (picture,))
    assert len(desk.store.path(chat)) == 2
    answer, _ = desk.ask(chat, "Go on.")
    assert answer.notes == ("The pictures of this chat were left out: SmolLM2 cannot see them.",)
    told = desk.chat.request_for(chat).messages
    assert told[0].content == IN_PLACE_OF_PICTURE
    assert not any(message.images for message in told)


@pytest.mark.engine
def test_a_picture_that_is_gone_is_left_out_with_a_note(desk: Desk) -> None:
    desk.load(str(desk.projector))
    gone = Picture("0" * 64, 4, 4, 4)
    answer, _ = desk.ask(desk.new_chat(), "What is this?", gone)
    assert answer.notes == ("A picture of this chat is gone; the model was not shown it.",)
