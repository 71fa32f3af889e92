"""The styles of tool calls, by name."""

from dataclasses import dataclass

from backends.chat.families import ToolCallStyle
from backends.chat.reader import Parse, Reader
from backends.chat.tool_calls import harmony
from backends.chat.tool_calls.calls import Calls, Syntax
from backends.chat.tool_calls.functionary import FunctionaryCalls
from backends.chat.tool_calls.gemma import GemmaCalls
from backends.chat.tool_calls.json_calls import JsonCalls
from backends.chat.tool_calls.minimax import MiniMaxCalls
from backends.chat.tool_calls.named_json import (
    NamedJsonCalls,
    kimi_name,
    mistral_name,
    solar_name,
)
from backends.chat.tool_calls.pythonic import PythonicCalls
from backends.chat.tool_calls.tagged import TaggedCalls


@dataclass(frozen=True)
class _BareOrMarked:
    """One form behind markers, and another one without any at the start of an answer."""

    marked: Syntax
    unmarked: Syntax
    bare: bool = True

    @property
    def opens(self) -> tuple[str, ...]:
        return self.marked.opens

    @property
    def spoken(self) -> tuple[str, ...]:
        return self.marked.spoken

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        yield from (self.marked if opened else self.unmarked).read(reader, calls, opened)


_HERMES = JsonCalls(("<tool_call>",), ("</tool_call>",))
_MISTRAL_LIST = JsonCalls(("[TOOL_CALLS]",), one_group=True)
_MISTRAL = NamedJsonCalls(
    begins=("[TOOL_CALLS]",),
    name_ends=("[ARGS]", "{"),
    in_header=("[CALL_ID]",),
    named=mistral_name,
    or_json=_MISTRAL_LIST,
)
_DEEPSEEK = NamedJsonCalls(
    sections=("<｜tool▁calls▁begin｜>",),
    begins=("<｜tool▁call▁begin｜>",),
    name_ends=("<｜tool▁sep｜>",),
    ends=("<｜tool▁call▁end｜>",),
    section_ends=("<｜tool▁calls▁end｜>",),
    kind_first="function",
    fences=("```json", "```"),
)


def _arg_key(suffix: str = "") -> TaggedCalls:
    return TaggedCalls(
        sections=(f"<tool_call{suffix}>",),
        function="",
        name_ends=("\n",),
        function_end=f"</tool_call{suffix}>",
        key=f"<arg_key{suffix}>",
        key_end=f"</arg_key{suffix}>",
        value=f"<arg_value{suffix}>",
        value_end=f"</arg_value{suffix}>",
    )


_SYNTAXES: dict[ToolCallStyle, Syntax] = {
    "json": _BareOrMarked(
        _HERMES,
        JsonCalls(bare=True, closes=("```",), fences=("```json", "```tool_call", "```")),
    ),
    "hermes": _HERMES,
    "llama3": _BareOrMarked(
        PythonicCalls("<|python_tag|>", "<|eom_id|>", suffix=".call"), JsonCalls(bare=True)
    ),
    "llama4": PythonicCalls("<|python_start|>", "<|python_end|>", bare=True),
    "mistral_json": _MISTRAL,
    "mistral_args": _MISTRAL,
    "functions_xml": TaggedCalls(("<tool_call>",), ("</tool_call>",), lines=True),
    "seed_xml": TaggedCalls(("<seed:tool_call>",), ("</seed:tool_call>",)),
    "minimax_xml": TaggedCalls(
        ("<minimax:tool_call>",),
        ("</minimax:tool_call>",),
        one_group=True,
        function='<invoke name="',
        function_end="</invoke>",
        key='<parameter name="',
    ),
    "minimax_m3": MiniMaxCalls(),
    "minimax_json": JsonCalls(("<tool_calls>",), ("</tool_calls>",), one_group=True),
    "minicpm_xml": TaggedCalls(
        function='<function name="', key='<param name="', value_end="</param>"
    ),
    "arg_key": _arg_key(),
    "arg_key_hy3": _arg_key(":opensource"),
    "deepseek_v3": _DEEPSEEK,
    "deepseek_v31": _DEEPSEEK,
    "dsml": TaggedCalls(
        ("<｜DSML｜function_calls>", "<｜DSML｜tool_calls>"),
        ("</｜DSML｜function_calls>", "</｜DSML｜tool_calls>"),
        one_group=True,
        function='<｜DSML｜invoke name="',
        function_end="</｜DSML｜invoke>",
        key='<｜DSML｜parameter name="',
        value_end="</｜DSML｜parameter>",
    ),
    "gemma_function": GemmaCalls("<start_function_call>", "<end_function_call>", "<escape>"),
    "gemma4": GemmaCalls("<|tool_call>", "<tool_call|>", '<|"|>'),
    "phi_functools": JsonCalls(("functools",), list_only=True, one_group=True),
    "phi4_mini": JsonCalls(("<|tool_call|>",), ("<|/tool_call|>",), one_group=True),
    "lfm2": PythonicCalls("<|tool_call_start|>", "<|tool_call_end|>"),
    "kimi_k2": NamedJsonCalls(
        sections=("<|tool_calls_section_begin|>",),
        begins=("<|tool_call_begin|>",),
        name_ends=("<|tool_call_argument_begin|>",),
        ends=("<|tool_call_end|>",),
        section_ends=("<|tool_calls_section_end|>",),
        named=kimi_name,
    ),
    "kimi_k3": TaggedCalls(
        ("<|open|>tools<|sep|>",),
        ("<|close|>tools<|sep|>",),
        one_group=True,
        function='<|open|>call tool="',
        name_ends=("<|sep|>",),
        function_end="<|close|>call<|sep|>",
        key='<|open|>argument key="',
        key_end="<|sep|>",
        value_end="<|close|>argument<|sep|>",
    ),
    "atem": TaggedCalls(
        ("<atem:function_calls>",),
        ("</atem:function_calls>",),
        function='<atem:invoke name="',
        function_end="</atem:invoke>",
        key='<atem:parameter name="',
        value_end="</atem:parameter>",
    ),
    "harmony": harmony.HarmonyCall(""),
    "command_r": JsonCalls(
        ("Action:",), ("```",), ("```json", "```"), one_group=True, no_tool="directly-answer"
    ),
    "command_r7b": JsonCalls(("<|START_ACTION|>",), ("<|END_ACTION|>",), one_group=True),
    "granite3": JsonCalls(("<|tool_call|>",), one_group=True),
    "nemotron2": JsonCalls(("<TOOLCALL>",), ("</TOOLCALL>",), one_group=True),
    "apertus": JsonCalls(
        ("<|tools_prefix|>",), ("<|tools_suffix|>",), one_group=True, name_is_key=True
    ),
    "functionary31": NamedJsonCalls(
        begins=("<function=",), name_ends=(">",), ends=("</function>",)
    ),
    "functionary32": FunctionaryCalls(),
    "gigachat": JsonCalls(("<|function_call|>", "function call<|role_sep|>")),
    "solar": NamedJsonCalls(
        begins=("<|tool_call:begin|>",),
        name_ends=("<|tool_call:args|>",),
        ends=("<|tool_call:end|>",),
        in_header=("<|tool_call:name|>",),
        named=solar_name,
    ),
}


def syntax_of(style: ToolCallStyle) -> Syntax:
    """How calls of this style are read."""
    return _SYNTAXES[style]


def spoken(style: ToolCallStyle) -> tuple[str, ...]:
    """Texts of a style that hold control tokens, as a whole or as parts.

    The tokenizer must give the text of these tokens, and no message may smuggle them in.
    """
    return tuple(text for text in syntax_of(style).spoken if set(text) & set("<[｜"))
