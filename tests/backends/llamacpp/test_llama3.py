"""Prompts for Llama 3 are exactly those of Meta's own encoder, the package `llama-models`.

The model is tiny and random; its vocabulary and its templates are Llama 3's.
"""

from collections.abc import Iterator, Sequence

import pytest
from llama_models.datatypes import RawMessage
from llama_models.llama3.chat_format import ChatFormat
from llama_models.llama3.tokenizer import Tokenizer

from backends.llamacpp.engine import LlamaCppBackend
from backends.types import ChatMessage, LoadConfig, SamplingParams
from tests.backends.chat import templates
from tests.backends.contract import finish_of, request, text_of
from tests.backends.llamacpp import tiny_llama3
from tests.backends.llamacpp.random_chats import Chats
from tests.backends.llamacpp.vocabularies import vocabulary_file

pytestmark = pytest.mark.engine

# Llama 3.0 Instruct: every message in the same form, trimmed.
LLAMA3 = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' }}"
    "{{ message.content | trim }}{{ '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA31 = templates.read("meta-llama-Llama-3.1-8B-Instruct")
LLAMA31 = '{% set date_string = "26 Jul 2024" -%}' + LLAMA31  # instead of today's
DATES = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
"""What the template of Llama 3.1 begins the system prompt with."""
CONVERSATIONS, ATTACKS = 200, 50


class Reference:
    """Meta's encoder, given what a template makes of a conversation."""

    def __init__(self, begin: str) -> None:
        self.tokenizer = Tokenizer.get_instance()
        self.begin = begin
        self._format = ChatFormat(self.tokenizer)

    def encode(self, messages: Sequence[ChatMessage]) -> list[int]:
        turns = [(message.role, message.content.strip()) for message in messages]
        if self.begin:
            system = turns.pop(0)[1] if turns[0][0] == "system" else ""
            turns.insert(0, ("system", self.begin + system))
        raw = [RawMessage(role=role, content=content) for role, content in turns]
        return list(self._format.encode_dialog_prompt(raw).tokens)

    def is_control(self, token: int) -> bool:
        return token >= int(self.tokenizer.bos_id)


@pytest.fixture(scope="module", params=["Llama 3.0", "Llama 3.1"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def reference(version: str) -> Reference:
    return Reference("" if version == "Llama 3.0" else DATES)


@pytest.fixture(scope="module")
def llama3(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCppBackend]:
    template = LLAMA3 if version == "Llama 3.0" else LLAMA31
    path = tmp_path_factory.mktemp("llama3") / "tiny.gguf"
    tiny_llama3.write(path, vocabulary_file("llama-bpe"), template)
    engine = LlamaCppBackend()
    engine.load(str(path), LoadConfig(context_length=512, slots=1), lambda fraction: True)
    list(engine.generate(request(sampling=SamplingParams(max_tokens=1))))  # starts its thread
    yield engine
    engine.unload()


def tokens(engine: LlamaCppBackend, messages: Sequence[ChatMessage]) -> list[int]:
    """The prompt that the engine makes of a conversation."""
    assert engine._loaded is not None
    return engine._loaded.prompts.build(messages).tokens


def test_prompts_are_those_of_the_reference(llama3: LlamaCppBackend, reference: Reference) -> None:
    chats = Chats("llama 3")
    for number in range(CONVERSATIONS):
        messages = chats.chat(trimmed=number % 2 == 0)
        assert tokens(llama3, messages) == reference.encode(messages), messages


def test_a_prompt_begins_with_one_token_of_beginning(
    llama3: LlamaCppBackend, reference: Reference
) -> None:
    prompt = tokens(llama3, [ChatMessage("user", "Hello")])
    bos = reference.tokenizer.bos_id
    assert prompt[0] == bos
    assert prompt.count(bos) == 1


def test_the_engine_processes_that_prompt(llama3: LlamaCppBackend, reference: Reference) -> None:
    messages = (ChatMessage("system", "Être bref."), ChatMessage("user", "Hello 🦙"))
    events = list(llama3.generate(request(*messages, sampling=SamplingParams(max_tokens=1))))
    assert finish_of(events).usage.prompt_tokens == len(reference.encode(messages))


@pytest.mark.parametrize("name", ["<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"])
def test_an_answer_stops_at(llama3: LlamaCppBackend, reference: Reference, name: str) -> None:
    end = reference.tokenizer.special_tokens[name]
    sampling = SamplingParams(temperature=0, max_tokens=4, logit_bias=((end, 100.0),))
    events = list(llama3.generate(request(sampling=sampling)))
    assert finish_of(events).reason == "stop"
    assert text_of(events) == ""


def test_an_answer_goes_on_after_other_tokens(llama3: LlamaCppBackend) -> None:
    sampling = SamplingParams(temperature=0, max_tokens=4)
    assert finish_of(llama3.generate(request(sampling=sampling))).reason == "length"


def test_typed_control_tokens_stay_text(llama3: LlamaCppBackend, reference: Reference) -> None:
    chats = Chats("llama 3 attacked")
    literals = [*tiny_llama3.NAMES.values(), "<|begin_of_text|>", "<|end_of_text|>"]
    literals += ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    for number in range(ATTACKS):
        messages = chats.chat(trimmed=number % 2 == 0)
        attacked = chats.attack(messages, literals)
        prompt = tokens(llama3, attacked)
        control = list(filter(reference.is_control, prompt))
        assert control == list(filter(reference.is_control, tokens(llama3, messages)))
        expected = reference.tokenizer.decode(reference.encode(attacked))
        assert reference.tokenizer.decode(prompt) == expected
