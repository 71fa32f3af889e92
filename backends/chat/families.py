"""Families of chat formats: how a model marks its reasoning and its tool calls.

A model's template names its markers. Many templates share some of them, so the rarest are looked
for first; the markers were read in the templates and parsers that come with llama.cpp.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from backends.chat.reasoning import ReasoningMarkers

ToolCallStyle = Literal[
    "json",
    "hermes",
    "llama3",
    "llama4",
    "mistral_json",
    "mistral_args",
    "functions_xml",
    "seed_xml",
    "minimax_xml",
    "minimax_m3",
    "minimax_json",
    "minicpm_xml",
    "arg_key",
    "arg_key_hy3",
    "deepseek_v3",
    "deepseek_v31",
    "dsml",
    "gemma_function",
    "gemma4",
    "phi_functools",
    "phi4_mini",
    "lfm2",
    "kimi_k2",
    "kimi_k3",
    "atem",
    "harmony",
    "command_r",
    "command_r7b",
    "granite3",
    "nemotron2",
    "apertus",
    "functionary31",
    "functionary32",
    "gigachat",
    "solar",
]
"""How a tool call is written; "json" is the general form that any model can be asked for."""


@dataclass(frozen=True)
class ChatFormat:
    """What the parser of an answer has to know of a family."""

    name: str = ""
    """Such as "llama-3"; empty for an unknown family."""
    tool_style: ToolCallStyle = "json"
    reasoning: ReasoningMarkers | None = None
    """None for a model that does not reason."""
    ignored: tuple[str, ...] = ()
    """Texts around an answer that are not part of it."""
    recipient: str = ""
    """What stands before each text of an answer, `{}` for whom it is for: "user", or a tool."""
    end_tokens: tuple[str, ...] = ()
    """Tokens that end a turn although vocabularies do not say so."""


@dataclass(frozen=True)
class _Sign:
    """A family is recognised by texts in the template."""

    family: ChatFormat
    needs: tuple[str, ...]
    lacks: tuple[str, ...] = ()

    def fits(self, template: str) -> bool:
        return all(text in template for text in self.needs) and not any(
            text in template for text in self.lacks
        )


THINK = ReasoningMarkers("<think>", "</think>")
_COMMON_MARKERS = (
    THINK,
    ReasoningMarkers("[THINK]", "[/THINK]"),
    ReasoningMarkers("<seed:think>", "</seed:think>"),
    ReasoningMarkers("<mm:think>", "</mm:think>"),
    ReasoningMarkers("<|think|>", "<|/think|>"),
    ReasoningMarkers("<|START_THINKING|>", "<|END_THINKING|>"),
    ReasoningMarkers("<|inner_prefix|>", "<|inner_suffix|>"),
)
_HARMONY = ReasoningMarkers("<|channel|>analysis<|message|>", "<|end|>")
_GEMMA4 = ReasoningMarkers("<|channel>thought", "<channel|>")
_KIMI3 = ReasoningMarkers("<|open|>think<|sep|>", "<|close|>think<|sep|>")
_MUSE = ReasoningMarkers(" to=self<|message|>", "<|eom|>")
_HY3 = ReasoningMarkers("<think:opensource>", "</think:opensource>")
_APRIEL = ReasoningMarkers("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]")
_SOLAR = ReasoningMarkers("<|think|>", "<|end|>")

_SIGNS = (
    _Sign(ChatFormat("gpt-oss", "harmony", _HARMONY), ("<|channel|>", "<|start|>")),
    _Sign(
        ChatFormat(
            "muse",
            "atem",
            _MUSE,
            ignored=("<|start|>assistant", "<|message|>", "<|eom|>"),
            recipient=" to={}<|message|>",
        ),
        ("to=self<|message|>",),
    ),
    _Sign(ChatFormat("deepseek-v3.2", "dsml"), ("dsml_token",)),
    _Sign(ChatFormat("gemma-4", "gemma4", _GEMMA4), ("<|tool_call>call:",)),
    _Sign(ChatFormat("functiongemma", "gemma_function"), ("<start_function_call>",)),
    _Sign(ChatFormat("kimi-k2", "kimi_k2"), ("<|tool_calls_section_begin|>",)),
    _Sign(
        ChatFormat(
            "kimi-k3",
            "kimi_k3",
            _KIMI3,
            ignored=(
                "<|open|>response<|sep|>",
                "<|close|>response<|sep|>",
                "<|close|>message<|sep|>",
            ),
        ),
        ("'<|open|>'", "thinking_effort"),
    ),
    _Sign(ChatFormat("hunyuan-3", "arg_key_hy3", _HY3), (":opensource", "<arg_key")),
    _Sign(
        ChatFormat("solar", "solar", _SOLAR, ("<|begin|>assistant", "<|content|>")),
        ("<|tool_call:begin|>",),
    ),
    _Sign(ChatFormat("seed-oss", "seed_xml"), ("<seed:tool_call>",)),
    _Sign(ChatFormat("minimax-m3", "minimax_m3"), ("]<]minimax[>[",)),
    _Sign(ChatFormat("minimax-m2", "minimax_xml"), ("<minimax:tool_call>",)),
    _Sign(ChatFormat("minimax-m1", "minimax_json"), ("<beginning_of_sentence>",)),
    _Sign(ChatFormat("minicpm-5", "minicpm_xml"), ("<function name=",)),
    _Sign(
        ChatFormat("qwen-3.5", "functions_xml"),
        ("<function=", "<parameter=", "<tool_call>", "<|vision_start|>"),
    ),
    _Sign(
        ChatFormat("nemotron-3", "functions_xml"),
        ("<function=", "<parameter=", "<tool_call>", "truncate_history_thinking"),
    ),
    _Sign(ChatFormat("qwen-coder", "functions_xml"), ("<function=", "<parameter=", "<tool_call>")),
    _Sign(ChatFormat("functionary-3.1", "functionary31"), ("<function=", "<|python_tag|>")),
    _Sign(ChatFormat("functionary-3.2", "functionary32"), (">>>${recipient}",)),
    _Sign(
        ChatFormat("glm-4", "arg_key", end_tokens=("<|user|>", "<|observation|>")),
        ("<arg_key>", "[gMASK]<sop>"),
    ),
    _Sign(ChatFormat("glm-like", "arg_key"), ("<arg_key>",)),
    _Sign(ChatFormat("firefunction", "phi_functools"), ("functools[",)),
    _Sign(ChatFormat("phi-4-mini", "phi4_mini"), ("<|tool_call|>", "<|/tool_call|>")),
    _Sign(ChatFormat("mistral-v13", "mistral_args"), ("[TOOL_CALLS]", "[ARGS]")),
    _Sign(ChatFormat("mistral-v7", "mistral_json"), ("[TOOL_CALLS]", "[SYSTEM_PROMPT]")),
    _Sign(ChatFormat("mistral-v3", "mistral_json"), ("[TOOL_CALLS]", "[INST]")),
    _Sign(ChatFormat("deepseek-v3.1", "deepseek_v31"), ("<｜tool▁calls▁begin｜>",), ("```json",)),
    _Sign(ChatFormat("deepseek-v3", "deepseek_v3"), ("<｜tool▁calls▁begin｜>",)),
    _Sign(
        ChatFormat("cohere-2", "command_r7b", ignored=("<|START_TEXT|>", "<|END_TEXT|>")),
        ("<|START_ACTION|>", "<|START_TEXT|>"),
    ),
    _Sign(
        ChatFormat("command-a", "command_r7b", ignored=("<|START_RESPONSE|>", "<|END_RESPONSE|>")),
        ("<|START_ACTION|>",),
    ),
    _Sign(ChatFormat("command-r", "command_r"), ("<|CHATBOT_TOKEN|>",)),
    _Sign(
        ChatFormat("granite-3", "granite3", ignored=("<response>", "</response>")),
        ("<|start_of_role|>", "<|tool_call|>"),
    ),
    _Sign(ChatFormat("granite-4", "hermes"), ("<|start_of_role|>", "<tool_call>")),
    _Sign(ChatFormat("nemotron-2", "nemotron2"), ("<TOOLCALL>",)),
    _Sign(ChatFormat("lfm-2", "lfm2"), ("<|tool_call_start|>",)),
    _Sign(ChatFormat("lfm-2", "lfm2"), ("List of tools: ", "<|im_start|>")),
    _Sign(ChatFormat("apertus", "apertus"), ("<|tools_prefix|>",)),
    _Sign(ChatFormat("gigachat-3", "gigachat"), ("<|role_sep|>",)),
    _Sign(
        ChatFormat("llama-4", "llama4", end_tokens=("<|eot|>", "<|eom|>")),
        ("<|header_start|>",),
    ),
    _Sign(ChatFormat("llama-3.1", "llama3"), ("<|start_header_id|>", "ipython")),
    _Sign(ChatFormat("llama-3"), ("<|start_header_id|>",)),
    _Sign(ChatFormat("gemma-3"), ("<start_of_turn>", "<start_of_image>")),
    _Sign(ChatFormat("gemma-2"), ("<start_of_turn>",)),
    _Sign(ChatFormat("phi-4"), ("<|im_sep|>",)),
    _Sign(ChatFormat("apriel"), ("<|assistant|>", "<tool_calls>")),
    _Sign(ChatFormat("apriel", reasoning=_APRIEL), ("<|begin_assistant|>",)),
    _Sign(ChatFormat("phi-3"), ("<|assistant|>", "<|end|>")),
    _Sign(ChatFormat("llama-2"), ("<<SYS>>",)),
    _Sign(ChatFormat("mistral-v1"), ("[INST]",)),
    _Sign(ChatFormat("smollm-3", "hermes"), ("SmolLM", "/no_think")),
    _Sign(ChatFormat("qwen-3", "hermes"), ("<|im_start|>", "<tool_call>", "enable_thinking")),
    _Sign(ChatFormat("hermes", "hermes"), ("<tool_call>",)),
    _Sign(ChatFormat("chatml"), ("<|im_start|>",)),
)


def detect(template: str, is_token: Callable[[str], bool]) -> ChatFormat:
    """The family of a template; `is_token` says whether a text is one special token.

    Of an unknown family at least the reasoning markers are found.
    """
    family = next((sign.family for sign in _SIGNS if sign.fits(template)), ChatFormat())
    if family.reasoning is not None:
        return family
    return replace(family, reasoning=_common_markers(template, is_token))


def _common_markers(template: str, is_token: Callable[[str], bool]) -> ReasoningMarkers | None:
    """The template writes the close, or both are single tokens.

    A template that only mentions the close marker (to cut old reasoning) is enough: distilled
    models spell the markers with ordinary tokens.
    """
    written = [markers for markers in _COMMON_MARKERS if markers.close in template]
    known = (m for m in _COMMON_MARKERS if is_token(m.open) and is_token(m.close))
    return written[0] if written else next(known, None)
