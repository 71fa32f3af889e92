"""Guessing ahead changes the speed of an answer, never its text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.chat.prompt_lookup import PromptLookup
from backends.errors import BadLoadSetting, ModelFileMissing
from backends.llamacpp.engine import LlamaCppBackend
from backends.types import ChatMessage, GenerationRequest, LoadConfig, SamplingParams
from tests.backends.contract import finish_of, text_of
from tests.backends.llamacpp import tiny_gguf

POEM = "The cat sat on the mat. The dog sat on the log. The hen sat on the pen."
REPEAT = ChatMessage("user", f"Repeat this text word for word: {POEM}")


@pytest.fixture
def engine() -> Iterator[LlamaCppBackend]:
    engine = LlamaCppBackend()
    yield engine
    engine.unload()


def repeated(temperature: float = 0) -> GenerationRequest:
    sampling = SamplingParams(temperature=temperature, repeat_penalty=1, max_tokens=48, seed=3)
    return GenerationRequest("r", (REPEAT,), sampling)


@pytest.mark.engine
@pytest.mark.parametrize("temperature", [0, 1.2])
def test_prompt_lookup_answers_as_without(
    engine: LlamaCppBackend, smollm2: Path, temperature: float
) -> None:
    plain = LoadConfig(context_length=1024)
    engine.load(str(smollm2), plain, lambda fraction: True)
    expected = text_of(engine.generate(repeated(temperature)))
    engine.load(
        str(smollm2), LoadConfig(context_length=1024, prompt_lookup=True), lambda fraction: True
    )
    events = list(engine.generate(repeated(temperature)))
    usage = finish_of(events).usage
    assert text_of(events) == expected
    assert usage.draft_tokens > 0
    assert usage.accepted_tokens <= usage.draft_tokens
    if temperature == 0:
        assert usage.accepted_tokens > 10


@pytest.mark.engine
def test_a_draft_model_answers_as_without(engine: LlamaCppBackend, smollm2: Path) -> None:
    engine.load(str(smollm2), LoadConfig(context_length=1024), lambda fraction: True)
    expected = text_of(engine.generate(repeated()))
    # The model drafts for itself, so nearly all guesses are right.
    drafting = LoadConfig(context_length=1024, draft_model=str(smollm2), draft_tokens=4)
    engine.load(str(smollm2), drafting, lambda fraction: True)
    events = list(engine.generate(repeated()))
    usage = finish_of(events).usage
    assert text_of(events) == expected
    assert usage.accepted_tokens > usage.draft_tokens * 0.8
    assert usage.accepted_tokens > 10


@pytest.mark.engine
def test_a_draft_model_of_another_family_is_refused(
    engine: LlamaCppBackend, smollm2: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.gguf"
    tiny_gguf.write(other)
    with pytest.raises(BadLoadSetting, match="vocabulary"):
        engine.load(str(smollm2), LoadConfig(draft_model=str(other)), lambda fraction: True)
    with pytest.raises(ModelFileMissing):
        engine.load(
            str(smollm2), LoadConfig(draft_model=str(tmp_path / "gone")), lambda fraction: True
        )
    engine.load(str(smollm2), LoadConfig(context_length=512), lambda fraction: True)


TOKENS = st.lists(st.integers(0, 3), max_size=40)


@given(TOKENS, st.integers(1, 8))
def test_lookup_guesses_what_followed_before(tokens: list[int], limit: int) -> None:
    guesses = PromptLookup(2).draft(tokens, limit)
    assert len(guesses) <= limit
    if guesses:
        wanted = [*tokens[-2:], *guesses]
        assert any(
            tokens[at : at + len(wanted)] == wanted for at in range(len(tokens) - len(wanted) + 1)
        )
    else:
        before = [tokens[at : at + 2] for at in range(len(tokens) - 2)]
        assert tokens[-2:] not in before


@given(TOKENS, TOKENS)
def test_lookup_learns_as_the_answer_grows(tokens: list[int], more: list[int]) -> None:
    grown = PromptLookup(2)
    for end in range(len(tokens), len(tokens) + len(more) + 1):
        guesses = grown.draft([*tokens, *more][:end], 4)
    assert guesses == PromptLookup(2).draft([*tokens, *more], 4)
