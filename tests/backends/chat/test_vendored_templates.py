"""The chat templates of 70 models take every kind of conversation, and nothing is lost."""

import json
import re
from collections.abc import Iterator

import pytest

from backends.chat.prompt import Prompt, PromptBuilder
from backends.types import ChatMessage, Tool, ToolCall
from tests.backends.chat import templates
from tests.backends.chat.character_tokenizer import CharacterTokenizer
from tests.backends.chat.conversations import KINDS, Kind

_MARKUP = re.compile(r"<[|｜][^|｜<>{}'\"]{1,40}[|｜]>|\[/?[A-Z_]+\]|</?think>")
_WORD = re.compile(r"\bW[a-z]+\d*")
_PYTHON = re.compile(r"'[WR][a-z]+\d*'|\bNone\b|'text'|'role'|\bTrue\b")

# What a template loses or prints by its makers' will, as the model was trained with it.
DROPS_TEXT_BESIDE_CALLS = {
    "Cohere2MoE",
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use",
    "MiniMax-M1",
    "Mistral-Small-3.2-24B-Instruct-2506",
    "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use",
    "NousResearch-Hermes-3-Llama-3.1-8B-tool_use",
    "meta-llama-Llama-3.1-8B-Instruct",
    "meta-llama-Llama-3.2-3B-Instruct",
    "meta-llama-Llama-3.3-70B-Instruct",
    "mistralai-Mistral-Nemo-Instruct-2407",
    "muse-glimmer",
    "upstage-Solar-Open-100B",
}
WRITES_PYTHON = {
    "Apriel-1.6-15b-Thinker-fixed": "descriptions of tools",
    "unsloth-Apriel-1.5": "descriptions of tools",
    "LFM2.5-8B-A1B": "calls, like Python's",
    "meetkai-functionary-medium-v3.1": "the name of a tool in quotes",
    "google-gemma-4-31B-it": "null",
    "google-gemma-4-31B-it-interleaved": "null",
}


def tokenizer_for(source: str) -> CharacterTokenizer:
    """One in which everything that looks like a control token is one."""
    return CharacterTokenizer(set(_MARKUP.findall(source)))


def build(prompts: PromptBuilder, kind: Kind) -> Prompt:
    return prompts.build(
        kind.messages,
        tools=kind.tools,
        tool_choice=kind.tool_choice,
        continue_last=kind.continue_last,
        reasoning=kind.reasoning,
    )


def words_of(kind: Kind, *, reasons: bool) -> Iterator[str]:
    """What has to be in the prompt."""
    for message in kind.messages:
        yield from _WORD.findall(message.content)
        if kind.continue_last and reasons:
            yield from _WORD.findall(message.reasoning)
        for call in message.tool_calls:
            yield call.name
            yield from re.findall(r"\bW[a-z]+\d*|\b\d{4,}", call.arguments.replace("\\n", " "))
    for tool in kind.tools if kind.tool_choice != "none" else ():
        yield from (tool.name, tool.description, *_WORD.findall(tool.parameters))


@pytest.mark.parametrize("name", templates.NAMES)
def test_a_template_takes_every_kind_of_conversation(name: str) -> None:
    source = templates.read(name)
    tokenizer = tokenizer_for(source)
    prompts = PromptBuilder(tokenizer, source)
    assert not prompts.notes
    for label, kind in KINDS.items():
        text = tokenizer.decode(build(prompts, kind).tokens)
        lost = {w for w in words_of(kind, reasons=prompts.markers is not None) if w not in text}
        if name in DROPS_TEXT_BESIDE_CALLS:
            lost -= {kind.beside_call}
        assert not lost, label
        assert text.count("Rthought") <= 1, label
        assert not re.search("[\ufdd0-\ufdef]", text), label
        if name not in WRITES_PYTHON:
            assert set(_PYTHON.findall(text)) <= set(_PYTHON.findall(source)), label
        if kind.tool_choice == "none":
            assert "Wtool" not in text, label


@pytest.mark.parametrize("name", templates.NAMES)
def test_typed_control_tokens_stay_text(name: str) -> None:
    source = templates.read(name)
    tokenizer = tokenizer_for(source)
    prompts = PromptBuilder(tokenizer, source)
    typed = [token.text for token in tokenizer.special_tokens]
    for label in ("system", "system in the middle", "a call in a chat"):
        kind = KINDS[label]
        clean, attacked = build(prompts, kind), build(prompts, inject(kind, "a".join(typed)))
        assert tokenizer.specials(attacked.tokens) == tokenizer.specials(clean.tokens), label
        assert not clean.neutralized
        assert set(attacked.neutralized) >= set(typed) - {"</think>"}, label


def inject(kind: Kind, text: str) -> Kind:
    """The same conversation with `text` in all that comes from outside.

    Not in the answers: templates cut those at `</think>`, and write markers where they did.
    """
    call_text = text.replace("</think>", "")
    messages = [
        m if m.role == "assistant" else ChatMessage(m.role, m.content + text, name=m.name)
        for m in kind.messages
    ]
    attacked = [
        ToolCall(c.id, c.name, json.dumps({"Wplace" + call_text: [call_text]}))
        for m in kind.messages
        for c in m.tool_calls
    ]
    return Kind(
        tuple(
            ChatMessage(m.role, m.content, tool_calls=tuple(attacked)) if m.tool_calls else m
            for m in messages
        ),
        tuple(Tool(t.name, t.description + text, t.parameters) for t in kind.tools),
    )
