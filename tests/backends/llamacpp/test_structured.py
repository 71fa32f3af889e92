"""Structured answers of the llama.cpp engine with a real model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.errors import BadRequest
from backends.llamacpp.engine import LlamaCppBackend
from backends.types import GbnfGrammar, JsonObject, LoadConfig, ReasoningOptions
from tests.backends.contract import finish_of, text_of
from tests.backends.llamacpp.test_engine import with_template
from tests.backends.structured_contract import StructuredContract, asked, continued

pytestmark = pytest.mark.engine

THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1] }}"
    "<|im_end|>\n{% endfor %}<|im_start|>assistant\n<think>\n"
)


@pytest.fixture(scope="module")
def shared(smollm2: Path) -> Iterator[LlamaCppBackend]:
    engine = LlamaCppBackend()
    engine.load(str(smollm2), LoadConfig(context_length=1024), lambda fraction: True)
    list(engine.generate(asked(constraint=JsonObject())))  # starts threads that outlive a test
    yield engine
    engine.unload()


class TestStructured(StructuredContract):
    @pytest.fixture
    def loaded(self, shared: LlamaCppBackend) -> LlamaCppBackend:
        return shared

    def test_a_gbnf_grammar_holds(self, loaded: LlamaCppBackend) -> None:
        grammar = GbnfGrammar('root ::= ("red" | "green") " " [0-9] [0-9]')
        answer = text_of(loaded.generate(asked(constraint=grammar)))
        assert answer[:-2] in ("red ", "green ")
        assert answer[-2:].isdigit()

    def test_a_continued_answer_keeps_to_a_gbnf_grammar_as_a_whole(
        self, loaded: LlamaCppBackend
    ) -> None:
        grammar = GbnfGrammar('root ::= ("red" | "green") " " [0-9] [0-9]')
        assert text_of(loaded.generate(continued("gre", grammar))).startswith("en ")
        with pytest.raises(BadRequest, match="does not fit"):
            list(loaded.generate(continued("blue", grammar)))


def test_reasoning_ends_with_its_budget(smollm2: Path, tmp_path: Path) -> None:
    engine = LlamaCppBackend()
    path = with_template(smollm2, tmp_path, THINKING)
    engine.load(str(path), LoadConfig(context_length=1024), lambda fraction: True)
    try:
        events = list(engine.generate(asked(reasoning=ReasoningOptions(budget=4))))
    finally:
        engine.unload()
    assert 4 <= finish_of(events).usage.reasoning_tokens < 40
    assert text_of(events, "reasoning")
    assert text_of(events)
    assert "</think>" not in text_of(events) + text_of(events, "reasoning")
