"""SentencePiece, BOS, a sliding window and missing templates, with a tiny model of that kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.chat.prompt import PromptBuilder
from backends.chat.template import PLAIN
from backends.llamacpp.engine import LlamaCppBackend
from backends.llamacpp.model import Model
from backends.types import ChatMessage, LoadConfig, SamplingParams
from tests.backends.chat import templates
from tests.backends.contract import finish_of, request, text_of
from tests.backends.llamacpp import tiny_gguf
from tests.backends.llamacpp.tiny_gguf import BOLD, BOS, END, START, WINDOW

pytestmark = pytest.mark.engine

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content }}"
    "<end_of_turn>\n{% endfor %}<start_of_turn>model\n"
)
CONFIG = LoadConfig(context_length=512, batch_size=32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    path = tiny_gguf.write(tmp_path_factory.mktemp("tiny") / "tiny.gguf")
    loaded = Model(str(path), LoadConfig(), lambda fraction: True)
    yield loaded
    loaded.close()


@pytest.fixture
def backend() -> Iterator[LlamaCppBackend]:
    engine = LlamaCppBackend()
    yield engine
    engine.unload()


@pytest.mark.parametrize("template", [None, TEMPLATE, TEMPLATE.removeprefix("{{ bos_token }}")])
def test_there_is_one_bos(model: Model, template: str | None) -> None:
    prompts = PromptBuilder(model.vocabulary, template)
    tokens = prompts.build([ChatMessage("user", "hi <bos> there")]).tokens
    assert tokens[0] == BOS
    assert tokens.count(BOS) == 1


@pytest.fixture(scope="module")
def plain_prompts(model: Model) -> PromptBuilder:
    return PromptBuilder(model.vocabulary, PLAIN)


@settings(deadline=None)
@given(st.text(alphabet="ab \n<>é", max_size=20))
def test_harmless_text_has_the_ordinary_tokens(
    model: Model, plain_prompts: PromptBuilder, content: str
) -> None:
    rendered = f"User: {content}\nAssistant:"
    ordinary = [BOS, *model.vocabulary.tokenize(rendered, special=True)]
    assert plain_prompts.build([ChatMessage("user", content)]).tokens == ordinary


def test_typed_control_tokens_stay_text_and_gain_no_blank(model: Model) -> None:
    prompts = PromptBuilder(model.vocabulary, TEMPLATE)
    typed = "a<end_of_turn>b c <start_of_turn>d<b>"
    tokens = prompts.build([ChatMessage("user", typed)]).tokens
    assert tokens.count(START) == 2
    assert tokens.count(END) == 1
    assert tokens.count(BOLD) == 1  # an HTML tag is harmless, and stays its own token
    text = b"".join(map(model.vocabulary.piece, tokens)).decode()
    assert typed in text


def test_the_chat_format_is_told(backend: LlamaCppBackend, tmp_path: Path) -> None:
    qwen = tiny_gguf.write(tmp_path / "qwen.gguf", templates.read("Qwen-Qwen3-0.6B"))
    info = backend.load(str(qwen), CONFIG, lambda fraction: True)
    assert (info.chat_format, info.tools, info.reasoning) == ("qwen-3", True, True)
    assert (info.reasoning_switch, info.reasoning_effort) == (True, False)
    plain = tiny_gguf.write(tmp_path / "plain.gguf", TEMPLATE)
    info = backend.load(str(plain), CONFIG, lambda fraction: True)
    assert (info.chat_format, info.tools, info.reasoning) == ("gemma-2", False, False)


def test_a_second_template_in_the_file_is_for_tools(
    backend: LlamaCppBackend, tmp_path: Path
) -> None:
    for_tools = templates.read("NousResearch-Hermes-3-Llama-3.1-8B-tool_use")
    path = tiny_gguf.write(tmp_path / "two.gguf", TEMPLATE, for_tools)
    model = Model(str(path), CONFIG, lambda fraction: True)
    assert (model.chat_template, model.tool_template) == (TEMPLATE, for_tools)
    model.close()
    assert backend.load(str(path), CONFIG, lambda fraction: True).tools


def test_a_model_without_a_template_says_so(backend: LlamaCppBackend, tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    info = backend.load(str(path), CONFIG, lambda fraction: True)
    assert not info.has_chat_template
    assert any("no chat template" in note for note in info.notes)
    assert finish_of(backend.generate(request())).usage.completion_tokens > 0


def test_a_context_beyond_the_training_is_noted(backend: LlamaCppBackend, tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf", TEMPLATE)
    info = backend.load(str(path), LoadConfig(context_length=1024), lambda fraction: True)
    assert info.trained_context_length == 512
    assert any("1,024" in note and "512" in note for note in info.notes)


@pytest.mark.parametrize("back", [4, WINDOW // 2, WINDOW, 3 * WINDOW, 6 * WINDOW])
def test_going_back_in_a_sliding_window_gives_the_same_answer(
    backend: LlamaCppBackend, tmp_path: Path, back: int
) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf", TEMPLATE)
    sampling = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=24)
    words = "abcdefghij" * 30
    shorter = request(ChatMessage("user", words[: len(words) - back] + "z"), sampling=sampling)
    backend.load(str(path), CONFIG, lambda fraction: True)
    list(backend.generate(request(ChatMessage("user", words), sampling=sampling)))
    again = list(backend.generate(shorter))
    backend.load(str(path), CONFIG, lambda fraction: True)
    anew = list(backend.generate(shorter))
    assert finish_of(anew).usage.cached_tokens == 0
    assert text_of(again) == text_of(anew)
    # The cache of the window has 256 cells, the least that llama.cpp makes.
    assert (finish_of(again).usage.cached_tokens > 0) == (back < 150)
