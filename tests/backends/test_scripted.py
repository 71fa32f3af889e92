import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from backends.errors import (
    BadRequest,
    EngineFailure,
    ModelFileMissing,
    ModelFileTruncated,
    NotAModelFile,
    PromptTooLong,
)
from backends.scripted import ScriptedBackend
from backends.types import ChatMessage, Delta, LoadConfig, Progress
from tests.backends.scripts import ask, finish_of, text_of, write_script


def loaded(folder: Path, config: LoadConfig | None = None, **fields: Any) -> ScriptedBackend:
    engine = ScriptedBackend()
    engine.load(str(write_script(folder, **fields)), config or LoadConfig(), lambda _: True)
    return engine


def test_it_echoes_as_markdown_and_always_alike(tmp_path: Path) -> None:
    engine = loaded(tmp_path)
    first = list(engine.generate(ask("Hello there")))
    second = list(engine.generate(ask("Hello there")))
    assert text_of(first) == text_of(second)
    assert text_of(first).startswith("## You wrote\n\n> Hello there\n")
    assert "```python" in text_of(first)
    assert finish_of(first).reason == "stop"


def test_a_script_can_fix_the_answer_and_its_length(tmp_path: Path) -> None:
    engine = loaded(tmp_path, text="one two ", tokens=7)
    events = list(engine.generate(ask("x")))
    assert finish_of(events).usage.completion_tokens == 7
    assert text_of(events).startswith("one two one")


def test_words_of_the_message_fix_length_and_speed(tmp_path: Path) -> None:
    engine = loaded(tmp_path)
    started = time.monotonic()
    events = list(engine.generate(ask("go !tokens=20 !rate=20")))
    assert finish_of(events).usage.completion_tokens == 20
    assert time.monotonic() - started >= 0.95
    speed = finish_of(events).usage.tokens_per_second
    assert speed is not None
    assert speed < 100  # without the pace it is many thousands


def test_it_reasons_when_asked_to(tmp_path: Path) -> None:
    events = list(loaded(tmp_path).generate(ask("why !think")))
    kinds = [event.kind for event in events if isinstance(event, Delta)]
    assert kinds == sorted(kinds)  # "reasoning" comes before "text"
    assert set(kinds) == {"reasoning", "text"}


def test_a_prompt_is_processed_in_batches_of_the_wanted_size(tmp_path: Path) -> None:
    engine = loaded(tmp_path, LoadConfig(batch_size=32))
    events = list(engine.generate(ask("word " * 100)))
    steps = [event for event in events if isinstance(event, Progress)]
    assert [step.processed for step in steps][:3] == [0, 32, 64]
    assert (
        steps[-1].processed == steps[-1].total == engine.count_tokens(ask("word " * 100).messages)
    )


def test_the_prefix_of_the_next_turn_is_reused(tmp_path: Path) -> None:
    engine = loaded(tmp_path)
    first = list(engine.generate(ask("Hello")))
    second = finish_of(list(engine.generate(ask("Hello", text_of(first), "And now"))))
    assert second.usage.cached_tokens > finish_of(first).usage.prompt_tokens
    assert second.usage.cached_tokens < second.usage.prompt_tokens
    other = finish_of(list(engine.generate(ask("Something else"))))
    assert other.usage.cached_tokens == 1  # only the mark of the first role is the same


def test_an_answer_is_continued_where_it_stopped(tmp_path: Path) -> None:
    engine = loaded(tmp_path)
    whole = text_of(engine.generate(ask("Hello")))
    start = text_of(engine.generate(ask("Hello", max_tokens=5)))
    request = ask("Hello", start)
    rest = text_of(engine.generate(type(request)("c", request.messages, continue_last=True)))
    assert start + rest == whole


def test_memory_is_held_while_loaded(tmp_path: Path) -> None:
    # Counted by the interpreter: the resident set of a process full of other tests' freed
    # memory need not grow when something is allocated.
    engine = loaded(tmp_path)
    script = str(write_script(tmp_path, memory=50_000_000))
    tracemalloc.start()
    try:
        engine.load(script, LoadConfig(), lambda _: True)
        assert tracemalloc.get_traced_memory()[0] > 50_000_000
        engine.unload()
        assert tracemalloc.get_traced_memory()[0] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{", ModelFileTruncated),
        (b'{"text": "a', ModelFileTruncated),
        (b"GGUF\x03", NotAModelFile),
        (b'{"tokens": "many"}', NotAModelFile),
        (b'{"unknown": 1}', NotAModelFile),
    ],
)
def test_a_broken_script_fails_like_a_broken_model(
    tmp_path: Path, content: bytes, error: type[Exception]
) -> None:
    path = tmp_path / "broken.scripted"
    path.write_bytes(content)
    with pytest.raises(error):
        ScriptedBackend().load(str(path), LoadConfig(), lambda _: True)


def test_only_its_own_files_are_opened(tmp_path: Path) -> None:
    with pytest.raises(ModelFileMissing):
        ScriptedBackend().load(str(tmp_path / "none.scripted"), LoadConfig(), lambda _: True)
    (tmp_path / "model.gguf").write_bytes(b"{}")
    for path in (tmp_path / "model.gguf", tmp_path):
        with pytest.raises(NotAModelFile):
            ScriptedBackend().load(str(path), LoadConfig(), lambda _: True)


def test_requests_it_cannot_answer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="No model"):
        list(ScriptedBackend().generate(ask("x")))
    engine = loaded(tmp_path, LoadConfig(context_length=256))
    with pytest.raises(BadRequest, match="no message"):
        list(engine.generate(ask()))
    unfit = ask("x")
    with pytest.raises(BadRequest, match="assistant"):
        list(engine.generate(type(unfit)("c", unfit.messages, continue_last=True)))
    with pytest.raises(PromptTooLong, match="256"):
        list(engine.generate(ask("word " * 300)))


def test_the_context_ends_an_answer(tmp_path: Path) -> None:
    engine = loaded(tmp_path, LoadConfig(context_length=256))
    finish = finish_of(list(engine.generate(ask("x !tokens=1000"))))
    assert finish.reason == "context"
    assert finish.usage.prompt_tokens + finish.usage.completion_tokens == 256


def test_errors_on_demand_come_in_the_middle_of_the_answer(tmp_path: Path) -> None:
    engine = loaded(tmp_path)
    for word, error in (("!error", EngineFailure), ("!oom", MemoryError)):
        events = engine.generate(ask(word))
        assert [type(next(events)) for _ in range(5)] == [Progress] * 2 + [Delta] * 3
        with pytest.raises(error):
            next(events)
    assert text_of(engine.generate(ask("still here")))


def test_the_system_prompt_shows_in_the_answer(tmp_path: Path) -> None:
    request = ask("x")
    messages = (ChatMessage("system", "Be brief"), *request.messages)
    assert "*Be brief*" in text_of(loaded(tmp_path).generate(type(request)("s", messages)))
