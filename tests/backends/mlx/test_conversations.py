"""Cached conversations, guesses, and the end of the context."""

import itertools
from pathlib import Path

import pytest
from msgspec import structs

from backends.errors import BadLoadSetting, ModelLoadError
from backends.mlx import drafting
from backends.mlx.engine import MlxBackend
from backends.types import (
    ChatMessage,
    ContextCut,
    GenerationEvent,
    Progress,
    SamplingParams,
)
from tests.backends.contract import QUESTION, finish_of, request, text_of
from tests.backends.mlx.asking import GREEDY, answer, load
from tests.backends.mlx.tiny_mlx import write_tiny_model

# Conversations


def test_seeds_repeat_also_beside_other_answers(engine: MlxBackend, tiny: Path) -> None:
    load(engine, tiny)
    seeded = SamplingParams(temperature=1.5, seed=7, max_tokens=20, xtc_probability=0.5)
    alone = answer(engine, seeded)
    other = SamplingParams(temperature=1.5, seed=8, max_tokens=20)
    streams = {
        "a": engine.generate(request(sampling=seeded, id="a")),
        "b": engine.generate(request(sampling=other, id="b")),
    }
    heard: dict[str, list[GenerationEvent]] = {name: [] for name in streams}
    while streams:
        for name, stream in tuple(streams.items()):
            event = next(stream, None)
            if event is None:
                del streams[name]
            else:
                heard[name].append(event)
    assert text_of(heard["a"]) == alone
    assert text_of(heard["b"]) != alone


def test_going_back_to_an_earlier_chat_processes_nothing_again(
    engine: MlxBackend, tiny: Path
) -> None:
    load(engine, tiny, slots=2)

    def cached(text: str) -> int:
        return finish_of(engine.generate(request(ChatMessage("user", text)))).usage.cached_tokens

    first, second, third = ("one " * 50, "two " * 50, "three " * 50)
    assert cached(first) < 20
    assert cached(second) < 20
    assert cached(first) > 50
    assert cached(third) < 20  # and the second one has to give way
    assert cached(first) > 50
    assert cached(second) < 20
    assert engine.stats().cached_tokens < 1024


def test_an_edited_chat_keeps_the_original_and_shares_its_beginning(
    engine: MlxBackend, tiny: Path
) -> None:
    load(engine, tiny)
    long = ChatMessage("user", "one two three " * 30)
    usages = [
        finish_of(engine.generate(request(long, ChatMessage("user", text)))).usage
        for text in ("alpha " * 20, "beta " * 20, "alpha " * 20)
    ]
    assert usages[1].cached_tokens > 100
    assert usages[2].cached_tokens == usages[2].prompt_tokens - 1


def test_idle_conversations_give_way_to_the_limit_of_memory(engine: MlxBackend, tiny: Path) -> None:
    load(engine, tiny, parking_bytes=0)
    for text in ("one", "two"):
        list(engine.generate(request(ChatMessage("user", text * 40))))
    assert engine._loaded is not None
    assert len(engine._loaded.conversations._idle) == 1


def test_windowed_layers_answer_and_start_anew_where_they_cannot_go_back(
    engine: MlxBackend, tmp_path: Path
) -> None:
    kinds = ["sliding_attention", "full_attention"]
    folder = write_tiny_model(tmp_path / "windowed", layer_types=kinds, sliding_window=32)
    info = load(engine, folder, prompt_lookup=True)
    assert info.architecture == "llama"
    long = ChatMessage("user", "one two three " * 30)
    first = list(engine.generate(request(long, sampling=GREEDY)))
    again = list(engine.generate(request(long, sampling=GREEDY)))
    assert text_of(first) == text_of(again)
    assert finish_of(again).usage.cached_tokens == 0
    turns = (long, ChatMessage("assistant", text_of(again)), ChatMessage("user", "And?"))
    assert text_of(engine.generate(request(*turns)))


def test_an_answer_that_fills_the_context_leaves_out_old_turns_and_goes_on(
    engine: MlxBackend, tiny: Path
) -> None:
    load(engine, tiny, context_length=256)
    turns = [
        ChatMessage(role, "one two three four five " * 2)
        for role in ("user", "assistant", "user", "assistant", "user")
    ]
    endless = SamplingParams(temperature=0, ignore_eos=True, max_tokens=150)
    events = list(engine.generate(request(*turns, sampling=endless)))
    assert any(isinstance(event, ContextCut) for event in events)
    assert finish_of(events).reason == "length"
    stopping = structs.replace(request(*turns, sampling=endless), context_policy="stop")
    events = list(engine.generate(stopping))
    assert finish_of(events).reason == "context"
    usage = finish_of(events).usage
    assert usage.prompt_tokens + usage.completion_tokens in (256, 257)


def test_a_long_prompt_tells_its_progress_often(engine: MlxBackend, tiny: Path) -> None:
    load(engine, tiny)
    long = ChatMessage("user", "The quick brown fox. " * 80)
    events = engine.generate(request(long))
    steps = [event for event in events if isinstance(event, Progress)]
    assert len(steps) >= 4
    assert max(b.processed - a.processed for a, b in itertools.pairwise(steps)) <= 512


# Guessing ahead


def test_a_draft_model_changes_nothing_but_the_pace(
    engine: MlxBackend, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "LEAST_PROBABILITY", 0.0)
    load(engine, tiny)
    plain = answer(engine)
    load(engine, tiny, draft_model=str(tiny), draft_tokens=4)
    for _ in range(2):  # the second time with both caches filled
        events = list(engine.generate(request(sampling=GREEDY)))
        usage = finish_of(events).usage
        assert text_of(events) == plain
        assert 0 < usage.accepted_tokens <= usage.draft_tokens
        assert usage.completion_tokens == 24


def test_wrong_guesses_are_taken_back(
    engine: MlxBackend, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "LEAST_PROBABILITY", 0.0)
    load(engine, tiny)
    plain = answer(engine)
    load(engine, tiny, draft_model=str(write_tiny_model(tmp_path / "other", seed=9)))
    events = list(engine.generate(request(sampling=GREEDY)))
    assert text_of(events) == plain
    assert finish_of(events).usage.accepted_tokens < finish_of(events).usage.draft_tokens


def test_guesses_from_the_prompt_change_nothing_but_the_pace(
    engine: MlxBackend, tiny: Path
) -> None:
    load(engine, tiny)
    plain = answer(engine)
    turns = (QUESTION, ChatMessage("assistant", plain), ChatMessage("user", "Again?"))
    expected = text_of(engine.generate(request(*turns, sampling=GREEDY)))
    load(engine, tiny, prompt_lookup=True)
    assert text_of(engine.generate(request(*turns, sampling=GREEDY))) == expected


def test_a_draft_model_of_another_vocabulary_is_refused(
    engine: MlxBackend, tiny: Path, tmp_path: Path
) -> None:
    other = write_tiny_model(tmp_path / "other")
    words = (other / "tokenizer.json").read_text(encoding="utf-8")
    (other / "tokenizer.json").write_text(words.replace("Ġquick", "Ġquack"), encoding="utf-8")
    with pytest.raises((BadLoadSetting, ModelLoadError)):
        load(engine, tiny, draft_model=str(other))
