"""Typed control tokens with the vocabularies of real models.

Harmless chats have exactly the tokens that they would have without any guard, and an attack has
no more control tokens than the same chat without it. Vocabulary files that are not installed are
those of `make vocabularies`; what is not there is skipped.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from backends.chat.control_tokens import dangerous_tokens
from backends.chat.profile import TemplateProfile
from backends.chat.prompt import PromptBuilder
from backends.chat.template import CHATML, ChatTemplate
from backends.chat.turns import to_turn
from backends.types import ChatMessage
from tests.backends.chat import templates
from tests.backends.llamacpp.random_chats import Chats
from tests.backends.llamacpp.small import vocabulary_of
from tests.backends.llamacpp.vocabularies import vocabulary_file

pytestmark = pytest.mark.engine

LLAMA2 = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{{ ' ' + m.content + ' </s>' }}"
    "{% else %}{{ '<s>[INST] ' + m.content + ' [/INST]' }}{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Setup:
    """A template on a vocabulary."""

    template: str
    vocabulary: str
    """Name of a `ggml-vocab-*.gguf`; empty for the starter model's."""

    @property
    def source(self) -> str:
        own = {"chatml": CHATML, "llama-2": LLAMA2}
        return own.get(self.template) or templates.read(self.template)


SETUPS = (
    Setup("chatml", ""),
    Setup("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", ""),  # whose tokens are not in it
    Setup("meta-llama-Llama-3.1-8B-Instruct", "llama-bpe"),
    Setup("meta-llama-Llama-3.2-3B-Instruct", "llama-bpe"),
    Setup("chatml", "qwen2"),
    Setup("Qwen-Qwen3-0.6B", "qwen2"),
    Setup("Qwen3.5-4B", "qwen35"),
    Setup("google-gemma-2-2b-it", "gemma-4"),
    Setup("google-gemma-4-31B-it", "gemma-4"),
    Setup("llama-2", "llama-spm"),
    Setup("microsoft-Phi-3.5-mini-instruct", "phi-3"),
    Setup("CohereForAI-c4ai-command-r-plus-tool_use", "command-r"),
)


def path_of(setup: Setup, starter_file: Path) -> Path:
    return vocabulary_file(setup.vocabulary) if setup.vocabulary else starter_file


def check(setup: Setup, path: Path, count: int) -> None:
    """So many harmless chats, trimmed and not, and so many attacks."""
    with vocabulary_of(path) as vocabulary:
        prompts = PromptBuilder(vocabulary, setup.source)
        bos, eos = vocabulary.text(vocabulary.bos), vocabulary.text(vocabulary.eos)
        template = ChatTemplate(setup.source, bos=bos, eos=eos)
        unguarded = TemplateProfile.of(template, vocabulary)
        chats = Chats(f"{setup.template} {setup.vocabulary}")
        tokens = dangerous_tokens(vocabulary.special_tokens, setup.source)
        dangerous = {token.id for token in tokens}
        literals = [token.text for token in tokens if token.text.isprintable()]

        def ordinary(messages: list[ChatMessage]) -> list[int]:
            rendered = unguarded.render([to_turn(message, str) for message in messages])
            ids = vocabulary.tokenize(rendered, special=True)
            begins = ids[:1] == [vocabulary.bos] or not vocabulary.adds_bos
            return ids if begins else [vocabulary.bos, *ids]

        for number in range(2 * count):
            messages = chats.chat(trimmed=number % 2 == 0)
            assert prompts.build(messages).tokens == ordinary(messages), messages
        for number in range(count):
            messages = chats.chat(trimmed=number % 2 == 0)
            clean = [t for t in prompts.build(messages).tokens if t in dangerous]
            attack = prompts.build(chats.attack(messages, literals))
            assert [t for t in attack.tokens if t in dangerous] == clean, messages
            assert attack.neutralized


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_a_few_chats_and_attacks(setup: Setup, starter_file: Path) -> None:
    check(setup, path_of(setup, starter_file), 15)


@pytest.mark.slow
@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_four_hundred_chats_and_two_hundred_attacks(setup: Setup, starter_file: Path) -> None:
    check(setup, path_of(setup, starter_file), 200)
