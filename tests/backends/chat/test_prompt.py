"""From conversations to tokens: what `PromptBuilder` makes of templates and options."""

import pytest

from backends.chat.families import THINK
from backends.chat.prompt import Prompt, PromptBuilder
from backends.chat.template import CHATML
from backends.errors import BadRequest, TemplateError
from backends.types import ChatMessage, ReasoningOptions, Tool, ToolCall
from tests.backends.chat import templates
from tests.backends.chat.character_tokenizer import CharacterTokenizer

HELLO = [ChatMessage("user", "Hello")]
TOOL = Tool("weather", "Tells the weather")
CHATML_TOKENS = ("<|im_start|>", "<|im_end|>", "<think>", "</think>")
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


def builder(
    template: str | None, *tokens: str, tool_template: str | None = None
) -> tuple[PromptBuilder, CharacterTokenizer]:
    tokenizer = CharacterTokenizer(tokens or CHATML_TOKENS)
    return PromptBuilder(tokenizer, template, tool_template), tokenizer


def vendored(name: str) -> tuple[PromptBuilder, CharacterTokenizer]:
    return builder(templates.read(name))


def text_of(prompt: Prompt, tokenizer: CharacterTokenizer) -> str:
    return tokenizer.decode(prompt.tokens)


# Tools


def test_tools_that_a_template_ignores_are_in_the_system_prompt() -> None:
    prompts, tokenizer = builder(CHATML)
    prompt = prompts.build([ChatMessage("system", "Be kind."), *HELLO], tools=[TOOL])
    system = text_of(prompt, tokenizer).split("<|im_end|>")[0]
    assert system.startswith("<|im_start|>system\nBe kind.\n\nYou can call")
    assert '"name": "weather", "description": "Tells the weather"' in system
    assert not prompts.tools
    assert prompt.format.tool_style == "json"


def test_tools_are_left_out_where_none_may_be_called() -> None:
    prompts, _ = builder(CHATML)
    without = prompts.build(HELLO)
    assert prompts.build(HELLO, tools=[TOOL], tool_choice="none") == without


def test_a_second_template_is_used_for_tools_only() -> None:
    for_tools = "{% for t in tools %}[{{ t.function.name }} {{ t.function.description }} " + (
        "{{ t.function.parameters | tojson }}]{% endfor %}<tool_call>{{ messages[0].content }}"
    )
    prompts, tokenizer = builder(CHATML, tool_template=for_tools)
    assert text_of(prompts.build(HELLO), tokenizer).startswith("<|im_start|>user")
    prompt = prompts.build(HELLO, tools=[TOOL])
    assert text_of(prompt, tokenizer).startswith("[weather Tells the weather {")
    assert (prompt.format.tool_style, prompts.format.name) == ("hermes", "chatml")
    assert prompts.tools


def test_a_broken_second_template_is_noted_and_not_used() -> None:
    prompts, tokenizer = builder(CHATML, tool_template="{% if %}")
    assert "tools" in prompts.notes[0]
    assert "weather" in text_of(prompts.build(HELLO, tools=[TOOL]), tokenizer)


def test_a_family_keeps_its_style_where_only_its_template_is_short() -> None:
    assert vendored("deepseek-ai-DeepSeek-V3.1")[0].format.tool_style == "deepseek_v31"
    assert vendored("google-gemma-2-2b-it")[0].format.tool_style == "json"


# Reasoning


@pytest.mark.parametrize(
    ("name", "switch", "effort"),
    [
        ("Qwen-Qwen3-0.6B", True, False),
        ("openai-gpt-oss-120b", False, True),
        ("tencent-Hy3", True, True),
        ("upstage-Solar-Open-100B", True, True),
        ("Cohere2MoE", True, False),
        ("MiniMax-M3", True, False),
        ("ByteDance-Seed-OSS", True, False),
        ("google-gemma-4-31B-it", True, False),
        ("deepseek-ai-DeepSeek-V3.1", True, False),
        ("ibm-granite-granite-3.3-2B-Instruct", True, False),
        ("MiniMax-M2", True, False),  # the open marker can be closed
        ("Kimi-K2-Thinking", False, False),
        ("Qwen-Qwen2.5-7B-Instruct", False, False),
        ("mistralai-Ministral-3-14B-Reasoning-2512", False, False),
    ],
)
def test_what_can_be_told_of_reasoning_is_known(name: str, switch: bool, effort: bool) -> None:
    prompts, _ = vendored(name)
    assert (prompts.reasoning_switch, prompts.reasoning_effort) == (switch, effort)


@pytest.mark.parametrize(
    ("name", "default", "on", "off"),
    [
        # Where the prompt ends: inside the reasoning or not.
        ("Qwen-Qwen3-0.6B", False, False, False),
        ("Qwen3.5-4B", True, True, False),
        ("deepseek-ai-DeepSeek-V3.1", False, True, False),
        ("tencent-Hy3", False, True, False),
        ("Cohere2MoE", True, True, False),
        ("NVIDIA-Nemotron-Nano-v2", True, True, False),
        ("Apriel-1.6-15b-Thinker-fixed", True, True, False),
        ("openai-gpt-oss-120b", False, False, False),
    ],
)
def test_the_state_in_which_an_answer_begins(name: str, default: bool, on: bool, off: bool) -> None:
    prompts, tokenizer = vendored(name)
    made = {
        mode: prompts.build(HELLO, reasoning=ReasoningOptions(mode))
        for mode in ("default", "on", "off")
    }
    inside = {mode: prompt.inside_reasoning for mode, prompt in made.items()}
    assert inside == {"default": default, "on": on, "off": off}
    markers = prompts.markers
    assert markers is not None
    if on or default:
        assert text_of(made["off"], tokenizer).rstrip().endswith(markers.close)


def test_the_three_modes_differ_where_the_template_tells_them_apart() -> None:
    prompts, tokenizer = vendored("google-gemma-4-31B-it")
    by_default = text_of(prompts.build(HELLO), tokenizer)
    on = text_of(prompts.build(HELLO, reasoning=ReasoningOptions("on")), tokenizer)
    assert "<|think|>" not in by_default
    assert "<|think|>" in on


def test_efforts_reach_the_template() -> None:
    prompts, tokenizer = vendored("openai-gpt-oss-120b")
    low = prompts.build(HELLO, reasoning=ReasoningOptions(effort="low"))
    assert "Reasoning: low" in text_of(low, tokenizer)
    hunyuan, tokenizer = vendored("tencent-Hy3")  # raises on an effort it does not know
    medium = hunyuan.build(HELLO, reasoning=ReasoningOptions(effort="medium"))
    assert medium.tokens == hunyuan.build(HELLO).tokens


def test_the_budget_reaches_the_template_that_knows_one() -> None:
    prompts, tokenizer = vendored("ByteDance-Seed-OSS")
    prompt = prompts.build(HELLO, reasoning=ReasoningOptions(budget=512))
    assert "within 512 tokens" in text_of(prompt, tokenizer)


def test_an_opened_reasoning_is_closed_where_there_is_no_switch() -> None:
    prompts, tokenizer = builder(THINKING)
    off = prompts.build(HELLO, reasoning=ReasoningOptions("off"))
    assert text_of(off, tokenizer).endswith("<think>\n\n</think>\n\n")
    assert not off.inside_reasoning
    assert prompts.build(HELLO).inside_reasoning


# A begun answer


@pytest.mark.parametrize(
    ("template", "content", "reasoning", "ending", "inside"),
    [
        (THINKING, "", "hm", "<think>\nhm", True),
        (THINKING, "So", "hm", "<think>\nhm\n</think>\n\nSo", False),
        (CHATML, "So", "", "assistant\nSo", False),
        (CHATML, "", "hm", "assistant\n<think>\nhm", True),
    ],
)
def test_a_begun_answer_goes_on_where_it_was(
    template: str, content: str, reasoning: str, ending: str, inside: bool
) -> None:
    prompts, tokenizer = builder(template)
    begun = [*HELLO, ChatMessage("assistant", content, reasoning)]
    prompt = prompts.build(begun, continue_last=True)
    assert text_of(prompt, tokenizer).endswith(ending)
    assert prompt.inside_reasoning is inside


@pytest.mark.parametrize(
    "last",
    [ChatMessage("user", "x"), ChatMessage("assistant", "", tool_calls=(ToolCall("", "f", ""),))],
)
def test_only_a_text_of_the_assistant_can_be_continued(last: ChatMessage) -> None:
    prompts, _ = builder(CHATML)
    with pytest.raises(BadRequest, match="continued"):
        prompts.build([*HELLO, last], continue_last=True)


def test_no_messages_are_refused() -> None:
    with pytest.raises(BadRequest, match="no message"):
        builder(CHATML)[0].build([])


# Control tokens


def test_typed_control_tokens_are_reported() -> None:
    prompts, tokenizer = builder(CHATML)
    typed = "a<|im_end|>b<think>c<|im_end|>"
    prompt = prompts.build([ChatMessage("user", typed)])
    assert prompt.neutralized == ("<|im_end|>", "<think>")
    assert typed in text_of(prompt, tokenizer)
    assert tokenizer.specials(prompt.tokens) == ["<|im_start|>", "<|im_end|>", "<|im_start|>"]
    assert prompts.build(HELLO).neutralized == ()


def test_markers_of_reasoning_and_calls_are_told_to_the_parser() -> None:
    _, tokenizer = builder(CHATML, *CHATML_TOKENS, "<tool_call>", "</tool_call>", "<|other|>")
    assert tokenizer.spoken == {"<think>", "</think>", "<tool_call>", "</tool_call>"}


def test_markers_of_several_tokens_are_told_too() -> None:
    tokens = ("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>")
    _, tokenizer = builder(templates.read("openai-gpt-oss-120b"), *tokens)
    assert {"<|channel|>", "<|message|>", "<|end|>"} <= tokenizer.spoken


# Ends and beginnings


@pytest.mark.parametrize(
    ("name", "tokens", "expected"),
    [
        ("Qwen-Qwen2.5-7B-Instruct", CHATML_TOKENS, ["<|im_end|>"]),
        ("GLM-4.6", ("<|user|>", "<|observation|>"), ["<|observation|>", "<|user|>"]),
        ("openai-gpt-oss-120b", ("<|end|>", "<|start|>", "<|return|>"), []),
        ("mistralai-Mistral-Nemo-Instruct-2407", ("[INST]", "[/INST]"), []),  # </s> ends anyway
    ],
)
def test_the_token_between_two_turns_ends_an_answer(
    name: str, tokens: tuple[str, ...], expected: list[str]
) -> None:
    prompts, tokenizer = builder(templates.read(name), *tokens)
    assert sorted(map(tokenizer.text, prompts.stop_tokens)) == expected


@pytest.mark.parametrize("adds_bos", [False, True])
def test_a_raw_prompt_is_taken_as_it_is(adds_bos: bool) -> None:
    tokenizer = CharacterTokenizer(CHATML_TOKENS, adds_bos=adds_bos)
    prompts = PromptBuilder(tokenizer, THINKING)
    prompt = prompts.raw("Once <|im_end|>")
    assert text_of(prompt, tokenizer) == ("<s>" if adds_bos else "") + "Once <|im_end|>"
    assert tokenizer.specials(prompt.tokens)[-1] == "<|im_end|>"
    assert prompts.raw("<s>Once").tokens[:2] == [
        tokenizer.bos,
        *tokenizer.tokenize("O", special=True),
    ]
    assert (prompt.inside_reasoning, prompt.format.reasoning) == (False, None)


def test_a_template_that_cannot_be_used_is_replaced() -> None:
    prompts, tokenizer = builder("{% for %}")
    assert "standard form" in prompts.notes[0]
    assert text_of(prompts.build(HELLO), tokenizer).startswith("<|im_start|>user")
    assert prompts.markers == THINK  # by the vocabulary


def test_a_template_that_takes_one_question_only_is_used_for_that() -> None:
    prompts, tokenizer = builder(
        "{% if messages | length > 1 %}{{ raise_exception('one') }}{% endif %}"
        "{{ messages[0].content }}"
    )
    assert text_of(prompts.build(HELLO), tokenizer) == "Hello"
    assert prompts.stop_tokens == frozenset()
    with pytest.raises(TemplateError, match="refuses"):
        prompts.build([*HELLO, ChatMessage("assistant", "Hi"), *HELLO])


def test_a_template_that_refuses_everything_raises_the_one_error() -> None:
    prompts, _ = builder("{{ raise_exception('never') }}")
    assert not prompts.reasoning_switch
    with pytest.raises(TemplateError, match="refuses"):
        prompts.build(HELLO)
