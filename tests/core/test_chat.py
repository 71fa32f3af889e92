"""ChatService over a real store and real engine children that run the scripted engine."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.core.chat import ChatRun, ChatService
from app.core.conversation_store import ConversationStore
from app.core.conversations import Message
from app.core.errors import ConversationError, EngineDied, ModelError, StorageError
from app.core.library_types import LocalModel
from app.core.model_sampling import sampling_for
from app.core.presets import PresetStore
from app.core.runtime import ModelRuntime
from app.core.settings import Chat, Models, SettingsStore
from app.core.speeds import SpeedBook
from backends.types import (
    ChatMessage,
    ContextPolicy,
    Delta,
    Finish,
    GenerationEvent,
    JsonObject,
    LoadConfig,
    Progress,
    ReasoningOptions,
    SamplingParams,
)
from tests.backends.scripts import write_script
from tests.timing import PATIENCE

DEADLINE = PATIENCE


class Desk:
    """All that a chat needs, with one scripted model loaded."""

    def __init__(self, folder: Path, **script: Any) -> None:
        self.settings = SettingsStore(folder / "settings.json")
        self.presets = PresetStore(folder / "presets")
        self.runtime = ModelRuntime(self.settings)
        self.store = ConversationStore(folder / "conversations.db")
        self.chat = ChatService(
            self.store, self.runtime, self.presets, self.settings, lambda: date(2026, 11, 23)
        )
        path = write_script(folder, "model", **script)
        self.model = LocalModel(id="model", name="Model", path=path, files=(path,), size=1)

    def load(self, config: LoadConfig | None = None) -> None:
        self.runtime.load(self.model, config)

    def close(self) -> None:
        self.runtime.close()
        self.store.close()

    def ask(self, text: str, conversation_id: int | None = None) -> tuple[Message, Message]:
        """A question and its whole answer."""
        if conversation_id is None:
            conversation_id = self.store.create(preset_id="blank").id
        run = self.chat.send(conversation_id, text)
        finish(run)
        return run.user_message, self.store.message(run.assistant_message.id)

    def shown(self, conversation_id: int) -> list[str]:
        return [message.content for message in self.store.path(conversation_id)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.load()
    yield desk
    desk.close()


@pytest.fixture
def own_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """A desk whose engine may die."""
    made: list[Desk] = []

    def make(**script: Any) -> Desk:
        made.append(Desk(tmp_path, **script))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


def finish(run: ChatRun) -> list[GenerationEvent]:
    return list(run.events())


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(e.text for e in events if isinstance(e, Delta) and e.kind == "text")


# Sending


def test_a_message_is_on_the_disk_before_an_engine_sees_it(desk: Desk) -> None:
    chat = desk.store.create()
    run = desk.chat.send(chat.id, "hello")
    with closing(sqlite3.connect(desk.store.database_path)) as other:
        rows = other.execute(
            "SELECT role, content, state FROM messages WHERE conversation_id = ? ORDER BY id",
            (chat.id,),
        ).fetchall()
    assert rows == [("user", "hello", "complete"), ("assistant", "", "streaming")]
    finish(run)


def test_an_answer_is_streamed_and_stored(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "What is it? !think")
    events = finish(run)
    question, answer = desk.store.path(chat.id)

    assert isinstance(events[0], Progress)
    assert isinstance(events[-1], Finish)
    assert question == run.user_message
    assert answer.content == text_of(events) != ""
    assert answer.reasoning.startswith("The person wrote")
    assert (answer.state, answer.finish_reason, answer.model) == ("complete", "stop", "model")
    assert answer.usage == events[-1].usage
    assert run.ended
    assert desk.chat.running(chat.id) is None


def test_the_first_message_names_the_chat_and_empties_the_draft(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    desk.store.update(chat.id, draft="Why is the sky blue? I")
    finish(desk.chat.send(chat.id, "Why is the sky blue? I wonder."))
    finish(desk.chat.send(chat.id, "And the sea?"))
    now = desk.store.get(chat.id)

    assert (now.title, now.auto_title, now.draft) == ("Why is the sky blue?", True, "")
    assert now.model_id == "model"
    assert now.preview.startswith("You wrote And the sea?")


def test_a_message_takes_the_place_of_the_draft_in_one_step(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = desk.store.create(preset_id="blank")
    desk.store.update(chat.id, draft="hello")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.store, "update", killed)
    with pytest.raises(KeyboardInterrupt):
        desk.chat.send(chat.id, "hello")
    assert desk.shown(chat.id) == ["hello"]
    assert desk.store.get(chat.id).draft == ""


def test_a_title_the_person_chose_stays(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    desk.store.update(chat.id, title="Mine")
    finish(desk.chat.send(chat.id, "Something else"))

    assert desk.store.get(chat.id).title == "Mine"


def test_a_conversation_goes_on_and_reuses_its_prefix(desk: Desk) -> None:
    question, first = desk.ask("one")
    _, second = desk.ask("two", question.conversation_id)

    assert desk.shown(question.conversation_id)[::2] == ["one", "two"]
    assert first.usage is not None
    assert second.usage is not None
    assert second.usage.cached_tokens >= first.usage.prompt_tokens


def test_an_empty_message_is_refused(desk: Desk) -> None:
    chat = desk.store.create()
    with pytest.raises(ConversationError):
        desk.chat.send(chat.id, " \n ")
    assert desk.store.path(chat.id) == ()
    assert desk.chat.running(chat.id) is None


def test_without_a_model_nothing_is_stored(own_desk: Callable[..., Desk]) -> None:
    desk = own_desk()
    chat = desk.store.create()
    desk.store.update(chat.id, draft="hello")
    with pytest.raises(ModelError, match="No model is ready"):
        desk.chat.send(chat.id, "hello")

    assert desk.store.path(chat.id) == ()
    assert desk.store.get(chat.id).draft == "hello"
    assert desk.chat.prompt_tokens(chat.id, "hello") is None
    assert desk.chat.running(chat.id) is None


def test_a_chat_is_not_answered_by_another_model(desk: Desk) -> None:
    chat = desk.store.create(model_id="another")
    with pytest.raises(ModelError):
        desk.chat.send(chat.id, "hello")


# What the model is told


def test_the_preset_gives_system_prompt_and_sampling(desk: Desk) -> None:
    desk.settings.update(chat=Chat(user_name="Ada"))
    preset = desk.presets.create(
        "P",
        system_prompt="For {{user}} on {{date}} in {{language}}.\nMore.",
        sampling=SamplingParams(temperature=0, max_tokens=5),
    )
    chat = desk.store.create(preset_id=preset.id)
    request = desk.chat.request_for(chat.id, "hi")
    events = finish(desk.chat.send(chat.id, "hi"))

    assert request.messages == (
        ChatMessage("system", "For Ada on 23 November 2026 in English.\nMore."),
        ChatMessage("user", "hi"),
    )
    assert request.sampling == preset.sampling
    assert events[-1] == Finish("length", events[-1].usage)  # type: ignore[union-attr]
    desk.settings.update(chat=Chat())


def test_what_was_chosen_for_the_model_is_its_standard(desk: Desk) -> None:
    chosen = SamplingParams(temperature=0.25, max_tokens=3)
    chat = desk.store.create()
    finish(desk.chat.send(chat.id, "hi"))
    model_id = desk.store.get(chat.id).model_id
    assert model_id is not None
    desk.settings.update(models=Models(sampling={model_id: chosen}))
    preset = desk.chat.preset_of(chat).sampling
    merged = sampling_for(desk.settings.current, model_id, preset)
    assert merged.max_tokens == 3
    assert desk.chat.request_for(chat.id, "more").sampling == merged
    events = finish(desk.chat.send(chat.id, "more"))
    assert events[-1] == Finish("length", events[-1].usage)  # type: ignore[union-attr]
    desk.settings.update(models=Models())


def test_what_is_set_for_the_chat_wins(desk: Desk) -> None:
    chat = desk.store.create(
        preset_id="coder", system_prompt="Mine {{user}}.", sampling=SamplingParams(seed=7)
    )
    request = desk.chat.request_for(chat.id, "x")

    assert request.messages[0] == ChatMessage("system", "Mine the user.")
    assert request.sampling == SamplingParams(seed=7)


@pytest.mark.parametrize("override", ["", "  \n"])
def test_an_empty_system_prompt_is_not_sent(desk: Desk, override: str) -> None:
    chat = desk.store.create(preset_id="coder", system_prompt=override)

    assert [m.role for m in desk.chat.request_for(chat.id, "x").messages] == ["user"]


def test_a_preset_that_is_gone_falls_back_to_the_default(desk: Desk) -> None:
    desk.settings.update(chat=Chat(default_preset="writer"))
    assert desk.chat.preset_of(desk.store.create(preset_id="gone")).id == "writer"
    desk.settings.update(chat=Chat(default_preset="gone too"))
    assert desk.chat.preset_of(desk.store.create()).id == "general"
    desk.settings.update(chat=Chat())


def test_roles_take_turns_whatever_happened(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    first = desk.store.append(chat.id, "user", "a", None)
    empty = desk.store.append(chat.id, "assistant", "", first.id, state="interrupted")
    desk.store.append(chat.id, "user", "b", empty.id)

    assert desk.chat.request_for(chat.id, "c").messages == (ChatMessage("user", "a\n\nb\n\nc"),)


def test_the_reasoning_of_earlier_turns_is_passed_on(desk: Desk) -> None:
    question, answer = desk.ask("hm !think")
    told = desk.chat.request_for(question.conversation_id, "next").messages[1]

    assert (told.content, told.reasoning) == (answer.content, answer.reasoning)


def test_the_whole_prompt_is_counted(desk: Desk) -> None:
    chat = desk.store.create(preset_id="coder")
    count = desk.chat.prompt_tokens(chat.id, "How long is this?")
    _, answer = desk.ask("How long is this?", chat.id)
    empty = desk.chat.prompt_tokens(chat.id)

    assert count is not None
    assert empty is not None
    assert answer.usage is not None
    assert (count.total, count.context) == (answer.usage.prompt_tokens, 8192)
    assert empty.total > count.total


# Versions


def test_regenerating_makes_another_version(desk: Desk) -> None:
    question, first = desk.ask("again")
    run = desk.chat.regenerate(question.conversation_id, first.id)
    finish(run)
    second = desk.store.message(run.assistant_message.id)

    assert run.user_message.id == question.id
    assert (second.version, second.versions, second.parent_id) == (2, 2, question.id)
    assert desk.store.message(first.id) == desk.store.siblings(second.id)[0]
    assert desk.store.path(question.conversation_id)[-1] == second


def test_regenerating_an_earlier_answer_leaves_the_later_ones_on_their_branch(desk: Desk) -> None:
    question, first = desk.ask("one")
    desk.ask("two", question.conversation_id)
    finish(desk.chat.regenerate(question.conversation_id, first.id))
    assert len(desk.store.path(question.conversation_id)) == 2

    desk.store.select_version(first.id)
    assert len(desk.store.path(question.conversation_id)) == 4


def test_a_message_without_answer_can_be_answered(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    question = desk.store.append(chat.id, "user", "waiting", None)
    finish(desk.chat.regenerate(chat.id, question.id))

    assert desk.store.path(chat.id)[-1].role == "assistant"
    assert desk.store.get(chat.id).title == "waiting"


def test_editing_makes_another_version_and_answers_it(desk: Desk) -> None:
    question, answer = desk.ask("frist")
    run = desk.chat.edit_and_send(question.id, "first")
    finish(run)
    path = desk.store.path(question.conversation_id)

    assert path[0].content == "first"
    assert (path[0].version, path[0].versions) == (2, 2)
    assert path[1].id == run.assistant_message.id
    assert desk.store.get(question.conversation_id).title == "first"
    with pytest.raises(ConversationError):
        desk.chat.edit_and_send(answer.id, "x")


def test_an_answer_is_continued_in_place(desk: Desk) -> None:
    _, whole = desk.ask("Tell me everything.")
    chat = desk.store.create(preset_id="blank", sampling=SamplingParams(max_tokens=4))
    question, part = desk.ask("Tell me everything.", chat.id)
    desk.store.update(chat.id, sampling=None)
    run = desk.chat.continue_(chat.id, part.id)
    assert desk.store.message(part.id).state == "streaming"
    finish(run)
    answer = desk.store.message(part.id)

    assert part.finish_reason == "length"
    assert run.user_message == question
    assert whole.content.startswith(part.content)
    assert answer.content == whole.content
    assert (answer.finish_reason, answer.versions) == ("stop", 1)
    assert answer.usage is not None
    assert whole.usage is not None
    assert answer.usage.completion_tokens == whole.usage.completion_tokens
    with pytest.raises(ConversationError):
        desk.chat.continue_(chat.id, question.id)


def test_an_answer_that_never_began_is_begun(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    question = desk.store.append(chat.id, "user", "q", None)
    empty = desk.store.append(
        chat.id, "assistant", "", question.id, reasoning="stale", state="interrupted"
    )
    finish(desk.chat.continue_(chat.id, empty.id))
    answer = desk.store.message(empty.id)

    assert answer.content != ""
    assert answer.reasoning == ""
    assert answer.state == "complete"


def test_messages_of_other_branches_are_refused(desk: Desk) -> None:
    question, answer = desk.ask("one")
    desk.store.edit_message(question.id, "other")
    attempts: tuple[Callable[[], ChatRun], ...] = (
        lambda: desk.chat.regenerate(question.conversation_id, answer.id),
        lambda: desk.chat.continue_(question.conversation_id, answer.id),
    )
    for begin in attempts:
        with pytest.raises(ConversationError):
            begin()
    assert desk.chat.running(question.conversation_id) is None


# Stopping


def test_a_chat_has_one_answer_at_a_time(desk: Desk) -> None:
    one, other = desk.store.create(preset_id="blank"), desk.store.create(preset_id="blank")
    run = desk.chat.send(one.id, "first")
    assert desk.chat.running(one.id) is run
    attempts: tuple[Callable[[], ChatRun], ...] = (
        lambda: desk.chat.send(one.id, "second"),
        lambda: desk.chat.regenerate(one.id, run.user_message.id),
        lambda: desk.chat.edit_and_send(run.user_message.id, "x"),
    )
    for begin in attempts:
        with pytest.raises(ConversationError, match="answered already"):
            begin()
    finish(desk.chat.send(other.id, "not in the way"))
    run.cancel()
    assert len(desk.store.path(one.id)) == 2
    finish(desk.chat.send(one.id, "now"))


def test_an_answer_is_stopped_in_the_middle(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "long !tokens=5000 !rate=100")
    events: list[GenerationEvent] = []
    for event in run.events():
        events.append(event)
        if isinstance(event, Delta):
            run.cancel()
    answer = desk.store.message(run.assistant_message.id)

    assert events[-1] == Finish("cancelled", events[-1].usage)  # type: ignore[union-attr]
    assert answer.content == text_of(events) != ""
    assert (answer.state, answer.finish_reason) == ("complete", "cancelled")
    run.cancel()


def test_an_answer_nobody_listened_to_can_be_stopped(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "hello")
    run.cancel()
    answer = desk.store.message(run.assistant_message.id)

    assert finish(run) == []
    assert (answer.state, answer.finish_reason) == ("complete", "cancelled")
    assert desk.chat.running(chat.id) is None


def test_a_stop_from_another_thread_is_never_lost(desk: Desk) -> None:
    for _ in range(10):
        chat = desk.store.create(preset_id="blank")
        run = desk.chat.send(chat.id, "long !tokens=100000 !rate=100")
        stopper = threading.Thread(target=run.cancel)
        started = time.monotonic()
        stopper.start()
        finish(run)
        stopper.join()

        assert time.monotonic() - started < PATIENCE  # whole, it would take 1000 seconds
        assert desk.store.message(run.assistant_message.id).finish_reason == "cancelled"


def test_who_stops_listening_stops_the_engine(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "long !tokens=100000 !rate=100")
    events = run.events()
    while not isinstance(next(events), Delta):
        pass
    events.close()  # type: ignore[attr-defined]  # an iterator by contract, a generator in fact
    answer = desk.store.message(run.assistant_message.id)

    assert answer.content != ""
    assert answer.state == "interrupted"
    assert desk.chat.running(chat.id) is None
    desk.ask("the engine is free again")


def seconds_until_saved(desk: Desk) -> float:
    """From the first word of an answer until others can read it on the disk."""
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "long !tokens=100000 !rate=200")
    said, saved = "", ""
    came = took = 0.0
    with closing(sqlite3.connect(desk.store.database_path)) as other:
        for event in run.events():
            if isinstance(event, Delta) and not saved:
                said += event.text
                came = came or time.monotonic()
                query = "SELECT content FROM messages WHERE id = ?"
                saved = other.execute(query, (run.assistant_message.id,)).fetchone()[0]
                took = time.monotonic() - came
                if saved or took > DEADLINE:
                    run.cancel()
    assert saved != ""
    assert said.startswith(saved)
    return took


def test_the_growing_answer_is_on_the_disk_within_a_second(desk: Desk) -> None:
    # The best of some: the computer may be busy with something else for a moment.
    assert min(seconds_until_saved(desk) for _ in range(4)) < 1


def test_a_message_deleted_while_it_is_answered_is_no_error(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "hello")
    desk.store.delete_message(run.user_message.id)
    events = finish(run)

    assert isinstance(events[-1], Finish)
    assert desk.store.path(chat.id) == ()
    assert desk.chat.running(chat.id) is None
    desk.store.restore_message(run.user_message.id)
    answer = desk.store.path(chat.id)[-1]
    assert (answer.content, answer.state) == (text_of(events), "complete")


# Engines that fail


@pytest.mark.parametrize("disaster", ["abort", "exit"])
def test_when_the_engine_dies_the_text_is_kept(
    own_desk: Callable[..., Desk], disaster: str
) -> None:
    desk = own_desk()
    desk.load()
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, f"hello !{disaster}")
    events: list[GenerationEvent] = []
    with pytest.raises(EngineDied) as caught:
        events.extend(run.events())
    answer = desk.store.message(run.assistant_message.id)

    assert caught.value.title
    assert answer.content == text_of(events) != ""
    assert (answer.state, answer.finish_reason) == ("interrupted", "interrupted")
    assert desk.chat.running(chat.id) is None
    with pytest.raises(ModelError, match="No model is ready"):
        desk.chat.send(chat.id, "still there?")
    assert len(desk.store.path(chat.id)) == 2

    desk.load()
    desk.store.edit_message(run.user_message.id, "hello")
    finish(desk.chat.regenerate(chat.id, desk.store.path(chat.id)[-1].id))
    assert desk.store.path(chat.id)[-1].state == "complete"


def test_an_engines_refusal_is_put_into_words(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "hello !error")
    with pytest.raises(ModelError) as caught:
        finish(run)
    answer = desk.store.message(run.assistant_message.id)

    assert not isinstance(caught.value, EngineDied)
    assert caught.value.title
    assert (answer.state, answer.finish_reason) == ("interrupted", "error")
    assert answer.content != ""
    desk.ask("the engine goes on")


def test_a_chat_longer_than_the_context_is_refused_and_kept(own_desk: Callable[..., Desk]) -> None:
    desk = own_desk(context_length=512)
    desk.load()
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "word " * 1000)
    with pytest.raises(ModelError, match="longer than the context"):
        finish(run)
    count = desk.chat.prompt_tokens(chat.id)

    assert len(desk.store.path(chat.id)) == 2
    assert count is not None
    assert count.total > count.context == 512


def test_the_context_policy_says_what_a_long_chat_may_leave_out(
    own_desk: Callable[..., Desk],
) -> None:
    desk = own_desk(context_length=600)
    desk.load()
    chat = desk.store.create(preset_id="blank").id
    for _ in range(2):
        desk.ask("word " * 60, chat)
    draft = "more " * 500
    least: dict[str, int] = {}
    totals: dict[str, int] = {}
    policies: tuple[ContextPolicy, ...] = ("drop_oldest", "truncate_middle", "stop")
    for policy in policies:
        desk.settings.update(chat=Chat(context_policy=policy))
        assert desk.chat.request_for(chat, draft).context_policy == policy
        count = desk.chat.prompt_tokens(chat, draft)
        assert count is not None
        assert count.total > count.context
        assert count.sendable == (count.least < count.context)
        least[policy] = count.least
        totals[policy] = count.total
    assert least["drop_oldest"] < least["truncate_middle"] < least["stop"] == totals["stop"]


def test_ejecting_the_model_ends_its_answers(own_desk: Callable[..., Desk]) -> None:
    desk = own_desk()
    desk.load()
    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "long !tokens=100000 !rate=100")
    events: list[GenerationEvent] = []
    for event in run.events():
        if isinstance(event, Delta) and not text_of(events):
            desk.runtime.eject("model")
        events.append(event)
    answer = desk.store.message(run.assistant_message.id)

    assert isinstance(events[-1], Finish)
    assert (answer.content, answer.finish_reason) == (text_of(events), "cancelled")


def test_an_answer_that_found_the_disk_full_is_stored_when_there_is_room(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.database.RETRY_INTERVAL", 0.1)
    connection = desk.store._database._connection

    def set_pages(most: int) -> None:
        desk.store._database.write(lambda c: None)  # let what waits be done first
        connection.execute(f"PRAGMA max_page_count = {most}")

    chat = desk.store.create(preset_id="blank")
    run = desk.chat.send(chat.id, "long !tokens=20000")
    set_pages(1)  # SQLite takes the pages there are
    events: list[GenerationEvent] = []
    with pytest.raises(StorageError, match="disk is full"):
        events.extend(run.events())
    assert len(text_of(events)) > 10_000
    assert desk.chat.running(chat.id) is None
    told = threading.Event()
    disconnect = desk.store.changed.connect(lambda _id: told.set())
    set_pages(2**30)
    assert told.wait(DEADLINE)
    disconnect()
    answer = desk.store.message(run.assistant_message.id)
    assert answer.content == text_of(events)
    assert (answer.state, answer.finish_reason) == ("complete", "context")  # it was full, too
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 1000


# What the engine tells besides the answer


def test_an_answer_knows_where_the_memory_of_the_model_began(
    own_desk: Callable[..., Desk],
) -> None:
    desk = own_desk()
    desk.load(LoadConfig(context_length=256))
    chat = desk.store.create(preset_id="blank").id
    words = "one two three four five six seven eight nine ten " * 4
    answers = [desk.ask(f"{number} {words} !tokens=20", chat)[1] for number in range(8)]
    asked = [message.id for message in desk.store.path(chat) if message.role == "user"]
    kept = [answer.first_kept for answer in answers]
    assert kept[0] is None
    begins = [each for each in kept if each is not None]
    assert begins
    assert set(begins) <= set(asked[1:])
    assert begins == sorted(begins)
    # More room, and the next answer remembers everything again.
    desk.load(LoadConfig(context_length=8192))
    assert desk.ask("And now? !tokens=2", chat)[1].first_kept is None


def test_an_answer_keeps_what_is_known_of_its_memory_until_the_engine_speaks(
    own_desk: Callable[..., Desk],
) -> None:
    desk = own_desk()
    desk.load(LoadConfig(context_length=256))
    chat = desk.store.create(preset_id="blank").id
    words = "one two three four five six seven eight nine ten " * 8
    answers = [desk.ask(f"{number} {words} !tokens=20", chat)[1] for number in range(4)]
    old = answers[-1]
    assert old.first_kept is not None
    unheard = desk.chat.continue_(chat, old.id)
    assert unheard.first_kept == old.first_kept
    unheard.cancel()
    assert desk.store.message(old.id).first_kept == old.first_kept
    # An answer that the person puts right was still written with that memory.
    assert desk.store.edit_message(old.id, "Put right").first_kept == old.first_kept
    # More room, and what is written from now on is told everything.
    desk.load(LoadConfig(context_length=8192))
    run = desk.chat.continue_(chat, desk.store.path(chat)[-1].id)
    finish(run)
    assert run.first_kept is None
    assert desk.store.message(run.assistant_message.id).first_kept is None


def test_messages_that_were_made_one_count_from_the_first_of_them(
    own_desk: Callable[..., Desk],
) -> None:
    desk = own_desk()
    desk.load(LoadConfig(context_length=256))
    chat = desk.store.create(preset_id="blank").id
    words = "one two three four five six seven eight nine ten " * 12
    old = desk.store.append(chat, "user", words, None)
    silent = desk.store.append(chat, "assistant", "a", old.id)
    first = desk.store.append(chat, "user", "first of two", silent.id)
    empty = desk.store.append(chat, "assistant", "", first.id)
    last = desk.store.append(chat, "user", words, empty.id)
    answer = desk.chat.regenerate(chat, last.id)
    finish(answer)
    assert desk.store.message(answer.assistant_message.id).first_kept == first.id


def test_a_note_is_kept_with_its_answer_once(desk: Desk) -> None:
    _, answer = desk.ask("Is there more? !note !tokens=3")
    assert answer.notes == ("The script says so.",)
    run = desk.chat.continue_(answer.conversation_id, answer.id)
    finish(run)
    assert desk.store.message(answer.id).notes == ("The script says so.",)


def test_the_engine_is_asked_as_the_chat_says(desk: Desk) -> None:
    chat = desk.store.create(preset_id="blank")
    plain = desk.chat.request_for(chat.id, "hello")
    assert (plain.reasoning, plain.constraint, plain.keep_on_disk) == (
        ReasoningOptions(), None, False,
    )  # fmt: skip
    reasoning, constraint = ReasoningOptions("on", "low", 50), JsonObject()
    desk.store.update(chat.id, reasoning=reasoning, constraint=constraint, keep_on_disk=True)
    request = desk.chat.request_for(chat.id, "hello")
    assert (request.reasoning, request.constraint, request.keep_on_disk) == (
        reasoning, constraint, True,
    )  # fmt: skip
    assert request.conversation == f"chat-{chat.id}"


def test_how_fast_an_answer_was_written_is_learned(desk: Desk) -> None:
    book = SpeedBook()
    service = ChatService(desk.store, desk.runtime, desk.presets, desk.settings, speeds=book)
    finish(service.send(desk.store.create(preset_id="blank").id, "short !tokens=5"))
    assert book.expected(desk.model.size, on_gpu=False) is None
    run = service.send(desk.store.create(preset_id="blank").id, "long !tokens=60")
    finish(run)
    assert run.usage is not None
    assert run.usage.tokens_per_second is not None
    expected = book.expected(desk.model.size, on_gpu=False)
    assert expected == pytest.approx(run.usage.tokens_per_second, abs=0.01)
