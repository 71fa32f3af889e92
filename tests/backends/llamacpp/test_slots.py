"""Several conversations in one engine: side by side, parked and brought back, cut when too long."""

import threading
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from backends.errors import PromptTooLong
from backends.llamacpp.engine import LlamaCppBackend
from backends.llamacpp.parking import DiskParking
from backends.llamacpp.sequence import SavedSequence
from backends.llamacpp.slots import SMALL
from backends.types import (
    ChatMessage,
    ContextCut,
    ContextPolicy,
    Delta,
    Finish,
    GenerationEvent,
    GenerationEvents,
    GenerationRequest,
    LoadConfig,
    Progress,
    SamplingParams,
)
from tests.backends.contract import QUESTION, finish_of, text_of

pytestmark = pytest.mark.engine

QUESTIONS = (
    "What is the capital of France?",
    "Name three colours.",
    "How many days has a week?",
    "What do cows eat?",
)


def load(engine: LlamaCppBackend, model: Path, **settings: object) -> LlamaCppBackend:
    config = LoadConfig(**{"context_length": 2048, **settings})  # type: ignore[arg-type]  # any field
    engine.load(str(model), config, lambda fraction: True)
    return engine


@pytest.fixture
def engine() -> Iterator[LlamaCppBackend]:
    engine = LlamaCppBackend()
    yield engine
    engine.unload()


def ask(
    text: str,
    name: str = "r",
    *,
    conversation: str = "",
    tokens: int = 24,
    before: tuple[ChatMessage, ...] = (),
    policy: ContextPolicy = "drop_oldest",
    keep_on_disk: bool = False,
) -> GenerationRequest:
    return GenerationRequest(
        id=name,
        messages=(*before, ChatMessage("user", text)),
        sampling=SamplingParams(temperature=0, repeat_penalty=1, max_tokens=tokens),
        conversation=conversation,
        context_policy=policy,
        keep_on_disk=keep_on_disk,
    )


def in_turn(answers: dict[str, GenerationEvents]) -> dict[str, list[GenerationEvent]]:
    """Advance answers as the host does: one event of each, round and round."""
    heard: dict[str, list[GenerationEvent]] = {name: [] for name in answers}
    while answers:
        for name, events in list(answers.items()):
            event = next(events, None)
            if event is None:
                del answers[name]
            else:
                heard[name].append(event)
    return heard


def story(number: int, words: int = 70) -> str:
    return f"Story {number}. " + " ".join(f"word{number * 7 + n}" for n in range(words))


def cached(engine: LlamaCppBackend, request: GenerationRequest) -> tuple[int, int]:
    usage = finish_of(engine.generate(request)).usage
    return usage.cached_tokens, usage.prompt_tokens


# Side by side


def test_answers_side_by_side_are_as_alone(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2)
    # The template's system turn is cached, so that the batches stay below 64 tokens: llama.cpp
    # computes larger ones by another kernel, with other rounding.
    list(engine.generate(ask("Hello", tokens=1)))
    together = in_turn({text: engine.generate(ask(text, text)) for text in QUESTIONS})
    alone = {text: text_of(engine.generate(ask(text))) for text in QUESTIONS}
    assert {text: text_of(events) for text, events in together.items()} == alone
    assert all(finish_of(events).reason in ("stop", "length") for events in together.values())


def test_a_long_prompt_does_not_stall_a_running_answer(
    engine: LlamaCppBackend, smollm2: Path
) -> None:
    load(engine, smollm2)
    running = engine.generate(ask("Count from one to a hundred.", "running", tokens=200))
    while not isinstance(next(running), Delta):
        pass
    reading = engine.generate(ask(story(1, 200), "reading", tokens=1))
    tokens_meanwhile = 0
    while True:
        step = next(reading)
        if isinstance(step, Finish):
            break
        event = next(running, None)
        tokens_meanwhile += isinstance(event, Delta) and event.tokens
    running.close()  # type: ignore[attr-defined]  # a generator
    assert finish_of([step]).usage.prompt_tokens > 600
    assert tokens_meanwhile > 10


def test_a_short_question_does_not_wait_until_a_long_prompt_is_read(
    engine: LlamaCppBackend, smollm2: Path
) -> None:
    load(engine, smollm2, context_length=8192)
    long = engine.generate(ask(story(1, 500), "long", tokens=1))
    step = next(long)
    while not (isinstance(step, Progress) and step.processed > step.cached):
        step = next(long)
    assert step.processed < step.total / 2
    short = engine.generate(ask("Hello", "short", tokens=1))
    first = []
    for name, events in cycle({"short": short, "long": long}.items()):
        if isinstance(next(events), Delta):
            first.append(name)
            break
    assert first == ["short"]
    assert in_turn({"long": long})["long"]  # and the long one is read to its end


def test_a_cancel_ends_one_answer_and_the_others_go_on(
    engine: LlamaCppBackend, smollm2: Path
) -> None:
    load(engine, smollm2)
    expected = text_of(engine.generate(ask(QUESTIONS[0])))
    answers = {text: engine.generate(ask(text, text)) for text in QUESTIONS[:2]}
    next(answers[QUESTIONS[1]])
    engine.cancel(QUESTIONS[1])
    heard = in_turn(answers)
    assert finish_of(heard[QUESTIONS[1]]).reason == "cancelled"
    assert text_of(heard[QUESTIONS[0]]) == expected


def test_answers_wait_for_room_and_are_whole(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2)
    tasks = ("Write a long story of a cat.", "Write a long story of a dog.", "Count to a thousand.")
    requests = {text: ask(text, text, tokens=150, policy="stop") for text in tasks}
    list(engine.generate(ask("Hello", tokens=1)))
    alone = {text: text_of(engine.generate(request)) for text, request in requests.items()}
    # Each takes some 190 tokens; this cache does not hold all three.
    load(engine, smollm2, context_length=384)
    list(engine.generate(ask("Hello", tokens=1)))
    heard = in_turn({text: engine.generate(request) for text, request in requests.items()})
    assert {text: text_of(events) for text, events in heard.items()} == alone
    assert all(finish_of(events).reason != "context" for events in heard.values())


# The cache of conversations


def test_going_back_to_an_earlier_chat_processes_nothing_again(
    engine: LlamaCppBackend, smollm2: Path
) -> None:
    load(engine, smollm2, context_length=4096)
    for number in range(4):
        assert cached(engine, ask(story(number), tokens=2))[0] < 60
    for number in range(4):
        held, prompt = cached(engine, ask(story(number), tokens=2))
        assert held == prompt - 1


def test_a_fifth_chat_is_parked_and_brought_back(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2, context_length=4096)
    list(engine.generate(ask(story(0))))
    expected = text_of(engine.generate(ask(story(0))))
    for number in range(1, 6):
        list(engine.generate(ask(story(number), tokens=2)))
    assert engine.stats().parked >= 2
    assert engine.stats().parked_bytes > 1_000_000
    events = list(engine.generate(ask(story(0))))
    usage = finish_of(events).usage
    assert usage.cached_tokens == usage.prompt_tokens - 1
    assert text_of(events) == expected


def test_without_memory_for_it_nothing_is_parked(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2, parking_bytes=0, slots=1)
    list(engine.generate(ask(story(0), tokens=2)))
    list(engine.generate(ask(story(1), tokens=2)))
    assert engine.stats().parked == 0
    assert cached(engine, ask(story(0), tokens=2))[0] < 60


def test_one_slot_parks_what_another_chat_displaces(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2, slots=1)
    list(engine.generate(ask(story(0), tokens=2)))
    list(engine.generate(ask(story(1), tokens=2)))
    held, prompt = cached(engine, ask(story(0), tokens=2))
    assert held == prompt - 1


def test_a_system_prompt_is_shared_by_new_chats(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2)
    system = (ChatMessage("system", story(9, 100)),)
    list(engine.generate(ask("One?", before=system, tokens=2)))
    held, prompt = cached(engine, ask("Two?", before=system, tokens=2))
    assert prompt - 20 < held < prompt
    # The first chat has lost nothing by that.
    held, prompt = cached(engine, ask("One?", before=system, tokens=2))
    assert held >= prompt - 1 - SMALL


def test_a_conversation_survives_the_engine_on_disk(
    engine: LlamaCppBackend, smollm2: Path, tmp_path: Path
) -> None:
    request = ask(story(3), conversation="chat 3", keep_on_disk=True)
    load(engine, smollm2, parking_folder=str(tmp_path))
    list(engine.generate(request))
    expected = text_of(engine.generate(request))
    list(engine.generate(ask(story(4), conversation="chat 4")))
    engine.unload()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 1
    load(engine, smollm2, parking_folder=str(tmp_path))
    events = list(engine.generate(request))
    assert finish_of(events).usage.cached_tokens == finish_of(events).usage.prompt_tokens - 1
    assert text_of(events) == expected


def test_a_conversation_in_memory_is_not_looked_for_on_disk(
    engine: LlamaCppBackend, smollm2: Path, tmp_path: Path
) -> None:
    load(engine, smollm2, parking_folder=str(tmp_path), slots=1)
    assert engine._loaded is not None
    disk, looked_for = engine._loaded.disk, list[str]()
    assert disk is not None
    find = disk.find

    def counted(conversation: str) -> SavedSequence | None:
        looked_for.append(conversation)
        return find(conversation)

    disk.find = counted  # type: ignore[method-assign]  # to count
    for name in ("a", "a", "b", "a"):  # in its slot, then parked, then back
        number = ord(name)
        request = ask(story(number), conversation=name, keep_on_disk=True, tokens=2)
        list(engine.generate(request))
    assert looked_for == ["a", "b"]


def test_of_one_conversation_only_the_newest_state_waits_for_the_disk(tmp_path: Path) -> None:
    disk, go_on = DiskParking(tmp_path, "m"), threading.Event()
    disk._writer.submit(go_on.wait)
    for number in range(6):
        disk.put(SavedSequence([number], bytes(1000), "a"))
    disk.put(SavedSequence([7], bytes(1000), "b"))
    assert disk.waiting_bytes() == 2000
    waiting = disk.find("a")
    go_on.set()
    disk.close()
    assert waiting is not None
    assert waiting.tokens == [5]
    assert disk.waiting_bytes() == 0
    written = DiskParking(tmp_path, "m")
    kept = [written.find(name) for name in ("a", "b")]
    written.close()
    assert [each.tokens for each in kept if each] == [[5], [7]]


def test_a_damaged_file_of_a_conversation_is_passed_over(
    engine: LlamaCppBackend, smollm2: Path, tmp_path: Path
) -> None:
    request = ask(story(3), conversation="chat 3", keep_on_disk=True, tokens=2)
    load(engine, smollm2, parking_folder=str(tmp_path))
    list(engine.generate(request))
    engine.unload()
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    data = bytearray(file.read_bytes())
    data[-1000] ^= 0xFF
    file.write_bytes(data)
    load(engine, smollm2, parking_folder=str(tmp_path))
    assert cached(engine, request)[0] == 0


# Longer than the context


def long_chat(turns: int) -> tuple[ChatMessage, ...]:
    messages = [ChatMessage("system", "You are a helpful assistant.")]
    for number in range(turns):
        messages.append(ChatMessage("user", story(number, 15)))
        messages.append(ChatMessage("assistant", f"I read story {number}."))
    return tuple(messages)


def cut_of(events: list[GenerationEvent]) -> ContextCut:
    return next(event for event in events if isinstance(event, ContextCut))


def test_whole_oldest_turns_are_left_out(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2, context_length=1024)
    chat = long_chat(14)
    events = list(engine.generate(ask("And now?", before=chat, tokens=4)))
    cut = cut_of(events)
    assert chat[cut.first_message].role == "user"
    assert cut.left_out == cut.first_message - 1  # the system prompt is kept
    assert isinstance(events[1], Progress)
    assert 500 < finish_of(events).usage.prompt_tokens < 1024


def test_the_next_turns_leave_out_the_same_and_find_their_cache(
    engine: LlamaCppBackend, smollm2: Path
) -> None:
    load(engine, smollm2, context_length=1024)
    chat = long_chat(14)
    first = list(engine.generate(ask("And now?", before=chat, tokens=4)))
    longer = (*chat, ChatMessage("user", "And now?"), ChatMessage("assistant", text_of(first)))
    second = list(engine.generate(ask("And then?", before=longer, tokens=4)))
    assert cut_of(first) == cut_of(second)
    usage = finish_of(second).usage
    assert usage.cached_tokens > usage.prompt_tokens * 0.9


def test_the_middle_is_left_out_if_wished(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2, context_length=1024)
    events = engine.generate(
        ask("And now?", before=long_chat(14), tokens=4, policy="truncate_middle")
    )
    cut = cut_of(list(events))
    assert cut.first_message - cut.left_out == 3  # system prompt and the first exchange are kept


def test_nothing_is_left_out_if_wished(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2, context_length=1024)
    with pytest.raises(PromptTooLong):
        list(engine.generate(ask("And now?", before=long_chat(24), policy="stop")))


def test_an_answer_that_outgrows_the_context_goes_on(
    engine: LlamaCppBackend, smollm2: Path
) -> None:
    load(engine, smollm2, context_length=512)
    endless = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=250, ignore_eos=True)
    request = GenerationRequest(
        id="r",
        messages=(*long_chat(4), ChatMessage("user", "Count from one to a thousand.")),
        sampling=endless,
    )
    events = list(engine.generate(request))
    cuts = [number for number, event in enumerate(events) if isinstance(event, ContextCut)]
    assert any(isinstance(event, Delta) for event in events[: cuts[-1]])
    assert any(isinstance(event, Delta) for event in events[cuts[-1] :])
    assert finish_of(events).reason == "length"
    assert finish_of(events).usage.completion_tokens == 250


def test_a_single_message_too_long_is_refused(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2, context_length=512)
    with pytest.raises(PromptTooLong):
        list(engine.generate(ask(story(1, 300))))
    assert text_of(engine.generate(ask(QUESTION.content)))
