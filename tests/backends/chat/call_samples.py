"""Makes answers with tool calls as the families of models write them, and what they mean.

The writers follow the templates of the families, not the parser.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from backends.chat.families import THINK, ChatFormat, ToolCallStyle
from backends.chat.reasoning import ReasoningMarkers
from backends.chat.tool_calls.styles import syntax_of
from backends.types import Tool

STYLES: tuple[ToolCallStyle, ...] = get_args(ToolCallStyle)
TOOLS = tuple(
    Tool(
        name,
        parameters=json.dumps(
            {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "note": {"type": "string"},
                    "days": {"type": "integer"},
                    "share": {"type": "number"},
                    "sure": {"type": "boolean"},
                    "tags": {"type": "array"},
                    "options": {"type": "object"},
                },
            }
        ),
    )
    for name in ("get_weather", "calendar.add", "f")
)
ENDS_WITH_CALLS = frozenset(
    {
        *("llama4", "mistral_json", "minimax_json", "minimax_xml", "deepseek_v3", "deepseek_v31"),
        *(
            "dsml",
            "phi_functools",
            "phi4_mini",
            "lfm2",
            "kimi_k2",
            "command_r",
            "command_r7b",
            "kimi_k3",
        ),
        *("granite3", "nemotron2", "apertus", "kimi_k3", "minimax_m3"),
    }
)
"""Styles whose last marker ends the answer."""
ONE_CALL = frozenset({"harmony"})
ONLY_AT_START = frozenset({"llama3", "llama4", "functionary32"})
Arguments = dict[str, Any]
Calls = list[tuple[str, Arguments]]


@dataclass(frozen=True)
class Sample:
    style: ToolCallStyle
    format: ChatFormat
    whole: str
    inside: bool
    """The prompt has opened the reasoning."""
    calls: Calls
    text: str
    reasoning: str
    clean: bool
    """Nothing was broken, so that the four above are what must come out."""


def _json(value: Any, rng: random.Random) -> str:
    style = rng.randrange(4)
    return json.dumps(
        value,
        ensure_ascii=style == 0,
        indent=2 if style == 1 else None,
        separators=(",", ":") if style == 2 else None,
    )


def _object(call: tuple[str, Arguments], rng: random.Random, key: str = "arguments") -> str:
    name, arguments = call
    members: dict[str, Any] = {"name": name, key: arguments}
    if rng.random() < 0.15:
        members = {key: arguments, "name": name}
    if rng.random() < 0.1:
        members[key] = json.dumps(arguments)
    return _json(members, rng)


def _list(calls: Calls, rng: random.Random, key: str = "arguments") -> str:
    return "[" + ", ".join(_object(call, rng, key) for call in calls) + "]"


def _xml(
    calls: Calls, begin: str, end: str, tag: str, close: str, edge: str = "", typed: bool = False
) -> str:
    out = ""
    for name, arguments in calls:
        out += begin.format(name) + "\n"
        for key, value in arguments.items():
            is_string = isinstance(value, str)
            text = value if is_string else json.dumps(value)
            kind = f' string="{"true" if is_string else "false"}"' if typed else ""
            out += tag.format(key).replace(">", f"{kind}>") + edge + text + edge + close + "\n"
        out += end + "\n"
    return out


_M3 = "]<]minimax[>["


def _elements(value: Any) -> str:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else (("item", each) for each in value)
        return "".join(f"{_M3}<{k}>{_elements(each)}{_M3}</{k}>" for k, each in pairs)
    return value if isinstance(value, str) else json.dumps(value)


def _kimi3(name: str, arguments: Arguments, index: int) -> str:
    out = f'<|open|>call tool="{name}" index="{index}"<|sep|>'
    for key, value in arguments.items():
        kind = "string" if isinstance(value, str) else "object"
        text = value if isinstance(value, str) else json.dumps(value)
        out += f'<|open|>argument key="{key}" type="{kind}"<|sep|>{text}<|close|>argument<|sep|>'
    return out + "<|close|>call<|sep|>"


def _arg_key(calls: Calls, line: str, suffix: str = "") -> str:
    out = []
    for name, arguments in calls:
        pairs = "".join(
            f"<arg_key{suffix}>{key}</arg_key{suffix}>{line}<arg_value{suffix}>"
            f"{value if isinstance(value, str) else json.dumps(value)}</arg_value{suffix}>{line}"
            for key, value in arguments.items()
        )
        out.append(f"<tool_call{suffix}>{name}{line}{pairs}</tool_call{suffix}>")
    return "\n".join(out)


def _gemma_value(value: Any, quote: str) -> str:
    if isinstance(value, str):
        return f"{quote}{value}{quote}"
    if isinstance(value, list):
        return "[" + ",".join(_gemma_value(part, quote) for part in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{key}:{_gemma_value(part, quote)}" for key, part in value.items())
        return "{" + ",".join(pairs) + "}"
    return json.dumps(value)


def _pythonic(calls: Calls, rng: random.Random) -> str:
    write: Callable[[Any], str] = json.dumps if rng.random() < 0.3 else _python
    written = (
        f"{name}({', '.join(f'{key}={write(value)}' for key, value in arguments.items())})"
        for name, arguments in calls
    )
    return "[" + ", ".join(written) + "]"


def _python(value: Any) -> str:
    """Python's literal, strings in either quotes."""
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
        return '"' + text.replace('"', '\\"') + '"' if "'" in text else f"'{text}'"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_python(k)}: {_python(v)}" for k, v in value.items()) + "}"
    return repr(value)


def write(style: ToolCallStyle, calls: Calls, rng: random.Random) -> str:
    """The calls as a family writes them."""
    blank = rng.choice(["", "\n"])
    args = [json.dumps(arguments, ensure_ascii=False) for _, arguments in calls]
    names = [name for name, _ in calls]
    named = list(zip(names, args, strict=True))
    match style:
        case "json" | "hermes":
            return "\n".join(
                f"<tool_call>{blank}{_object(call, rng)}{blank}</tool_call>" for call in calls
            )
        case "llama3":
            return "; ".join(_object(call, rng, "parameters") for call in calls)
        case "llama4":
            return _pythonic(calls, rng)
        case "mistral_json":
            return "[TOOL_CALLS]" + _list(calls, rng)
        case "mistral_args":
            return "".join(
                f"[TOOL_CALLS]{name}{rng.choice(['', '[CALL_ID]abc123DEF'])}[ARGS]{text}"
                for name, text in named
            )
        case "functions_xml":
            body = [
                _xml([c], "<function={}>", "</function>", "<parameter={}>", "</parameter>", "\n")
                for c in calls
            ]
            return "\n".join(f"<tool_call>\n{text}</tool_call>" for text in body)
        case "seed_xml":
            body = [
                _xml([c], "<function={}>", "</function>", "<parameter={}>", "</parameter>")
                for c in calls
            ]
            return "\n".join(f"<seed:tool_call>\n{text}</seed:tool_call>" for text in body)
        case "minimax_xml":
            tag = '<parameter name="{}">'
            body_text = _xml(calls, '<invoke name="{}">', "</invoke>", tag, "</parameter>")
            return f"<minimax:tool_call>\n{body_text}</minimax:tool_call>"
        case "minimax_m3":
            body_text = "\n".join(
                f'{_M3}<invoke name="{name}">{_elements(arguments)}{_M3}</invoke>'
                for name, arguments in calls
            )
            return f"{_M3}<tool_call>\n{body_text}\n{_M3}</tool_call>"
        case "minimax_json":
            lines = "\n".join(json.dumps({"name": n, "arguments": a}) for n, a in calls)
            return f"<tool_calls>\n{lines}\n</tool_calls>"
        case "minicpm_xml":
            return _xml(
                calls, '<function name="{}">', "</function>", '<param name="{}">', "</param>"
            )
        case "arg_key":
            return _arg_key(calls, blank)
        case "arg_key_hy3":
            return _arg_key(calls, blank, ":opensource")
        case "deepseek_v3" | "deepseek_v31":
            body_text = "\n".join(
                f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{text}\n```"
                "<｜tool▁call▁end｜>"
                if style == "deepseek_v3"
                else f"<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{text}<｜tool▁call▁end｜>"
                for name, text in named
            )
            return f"<｜tool▁calls▁begin｜>{body_text}<｜tool▁calls▁end｜>"
        case "dsml":
            group = rng.choice(["function_calls", "tool_calls"])
            body_text = _xml(
                calls,
                '<｜DSML｜invoke name="{}">',
                "</｜DSML｜invoke>",
                '<｜DSML｜parameter name="{}">',
                "</｜DSML｜parameter>",
                typed=True,
            )
            return f"<｜DSML｜{group}>\n{body_text}</｜DSML｜{group}>"
        case "gemma_function":
            return "".join(
                f"<start_function_call>call:{n}{_gemma_value(a, '<escape>')}<end_function_call>"
                for n, a in calls
            )
        case "gemma4":
            return "".join(
                f"<|tool_call>call:{n}{_gemma_value(a, '<|' + chr(34) + '|>')}<tool_call|>"
                for n, a in calls
            )
        case "phi_functools":
            return "functools" + _list(calls, rng)
        case "phi4_mini":
            return f"<|tool_call|>{_list(calls, rng)}<|/tool_call|>"
        case "lfm2":
            return f"<|tool_call_start|>{_pythonic(calls, rng)}<|tool_call_end|>"
        case "kimi_k2":
            body_text = "".join(
                f"<|tool_call_begin|>functions.{name}:{number}<|tool_call_argument_begin|>{text}"
                "<|tool_call_end|>"
                for number, (name, text) in enumerate(named)
            )
            return f"<|tool_calls_section_begin|>{body_text}<|tool_calls_section_end|>"
        case "kimi_k3":
            body_text = "".join(_kimi3(*call, index) for index, call in enumerate(calls, 1))
            return f"<|open|>tools<|sep|>{body_text}<|close|>tools<|sep|>"
        case "atem":
            body = [
                _xml(
                    [c],
                    '<atem:invoke name="{}">',
                    "</atem:invoke>",
                    '<atem:parameter name="{}">',
                    "</atem:parameter>",
                )
                for c in calls
            ]
            return "\n".join(f"<atem:function_calls>\n{t}</atem:function_calls>" for t in body)
        case "harmony":
            name, text = named[0]
            if rng.random() < 0.5:
                return f" to=functions.{name}<|channel|>commentary json<|message|>{text}"
            constrain = rng.choice(["", " <|constrain|>json"])
            return f"<|channel|>commentary to=functions.{name}{constrain}<|message|>{text}"
        case "command_r" | "command_r7b":
            listed = [{"tool_name": n, "parameters": a} for n, a in calls]
            if style == "command_r":
                return f"Action:{blank}```json\n{_json(listed, rng)}\n```"
            numbered = [{"tool_call_id": str(i), **call} for i, call in enumerate(listed)]
            return f"<|START_ACTION|>{_json(numbered, rng)}<|END_ACTION|>"
        case "granite3":
            return "<|tool_call|>" + _list(calls, rng)
        case "nemotron2":
            return f"<TOOLCALL>{_list(calls, rng)}</TOOLCALL>"
        case "apertus":
            return f"<|tools_prefix|>{_json([{n: a} for n, a in calls], rng)}<|tools_suffix|>"
        case "functionary31":
            return "\n".join(f"<function={name}>{text}</function>" for name, text in named)
        case "functionary32":
            return ">>>".join(f"{name}\n{text}" for name, text in named)
        case "gigachat":
            return "\n".join(
                f"<|function_call|>{json.dumps({'name': n, 'arguments': a})}" for n, a in calls
            )
        case "solar":
            return "".join(
                f"<|tool_call:begin|>id{i}<|tool_call:name|>{name}<|tool_call:args|>{text}"
                "<|tool_call:end|>"
                for i, (name, text) in enumerate(named)
            )


_WORDS = (
    *("Oslo", "Zürich", "東京", "a b", "🦙🎉", '"', "'", "\\", "\n", "x{y}", "[1]", ",", "</", "<"),
    "",
)
_TEXTS = (
    "Let me look.",
    "I call a tool – mañana 🦙",
    "1 < 2 and a[0] > {b}",
    "first\n\nsecond </a>",
    "`<` [TOOL",
)
_VALUE_ENDS = ("</parameter>", "</param>", "</arg_value>", "</arg_value:opensource>")


_RAW = ("arg_key", "dsml", "gemma", "kimi_k3", "atem", "minimax_m3")
"""Styles in which strings stand as they are."""


def _string(style: ToolCallStyle, rng: random.Random) -> str:
    words = [rng.choice(_WORDS) for _ in range(rng.randint(0, 4))]
    raw = style.endswith("xml") or style.startswith(_RAW)
    if not raw and rng.random() < 0.4:
        words.append(rng.choice(syntax_of(style).spoken or ("{",)))
    text = "".join(words)
    return text.strip() if raw and rng.random() < 0.5 else text


def _arguments(style: ToolCallStyle, rng: random.Random) -> Arguments:
    deep = {"a": [1, {"b": None, "ü": [[], {}]}], "c": "d"}
    plain: list[Any] = [[], ["x", 2, None], [{"k": [True]}]]
    values: Arguments = {
        "city": _string(style, rng),
        "note": _string(style, rng),
        "days": rng.choice([0, -3, 12345678901234567890]),
        "share": rng.choice([0.5, -1.25e-7, 3]),
        "sure": rng.choice([True, False, None]),
        "tags": rng.choice(plain),
        "options": rng.choice([{}, {"k": 1}, deep]),
    }
    if style == "minimax_m3":  # has no form for empty lists and objects further inside
        values["tags"] = rng.choice([[], ["x", 2, None], [{"k": [True, "y"]}]])
        values["options"] = rng.choice([{}, {"k": 1}, {"a": [1, {"b": None, "ü": "z"}]}])
    keys = rng.sample(sorted(values), rng.randint(0, 4))
    return {key: values[key] for key in keys}


def format_of(style: ToolCallStyle, *, reasons: bool) -> ChatFormat:
    markers: ReasoningMarkers | None = THINK if reasons else None
    if style == "gemma4" and reasons:
        markers = ReasoningMarkers("<|channel>thought", "<channel|>")
    if style == "harmony":
        markers = ReasoningMarkers("<|channel|>analysis<|message|>", "<|end|>")
    return ChatFormat(style, style, markers)


def _with_reasoning(
    style: ToolCallStyle, format: ChatFormat, rng: random.Random
) -> tuple[str, str, bool]:
    """What is written, what it means, and whether the prompt has opened it."""
    markers = format.reasoning
    if markers is None or style == "functionary32" or rng.random() < 0.3:
        return "", "", False
    thought = rng.choice(["hm", "First:\n- 1 < 2\n\nThen 🦙", "use <tool_call> or [TOOL or {"])
    if style == "harmony":
        return f"{markers.open}{thought}<|end|><|start|>assistant", thought, False
    inside = rng.random() < 0.5
    opening = "" if inside else markers.open
    return f"{opening}\n{thought}\n{markers.close}\n\n", thought, inside


def make(style: ToolCallStyle, seed: int) -> Sample:
    """One sample; every third is broken in some way."""
    rng = random.Random(f"{style} {seed}")
    format = format_of(style, reasons=seed % 4 == 0)
    reasoned, thought, inside = _with_reasoning(style, format, rng)
    count = 0 if rng.random() < 0.1 else 1 if style in ONE_CALL else rng.choice([1, 1, 2, 3])
    calls: Calls = [(rng.choice(TOOLS).name, _arguments(style, rng)) for _ in range(count)]
    said = rng.choice(_TEXTS) if rng.random() < 0.4 or not calls else ""
    if calls and style in ONLY_AT_START:
        said = ""
    before = said + (rng.choice(["", " ", "\n\n"]) if said and calls else "")
    after = rng.choice(_TEXTS) if calls and style != "harmony" and rng.random() < 0.2 else ""
    if style == "functionary32":
        before, after = f"all\n{before}" if not calls else "", ""
    if style == "harmony" and said:
        channel = "commentary" if calls else "final"
        before = f"<|channel|>{channel}<|message|>{said}"
        before += "<|end|><|start|>assistant" if calls else ""
    whole = reasoned + before + (write(style, calls, rng) if calls else "")
    whole += f"\n{after}" if after else ""
    shown = said + ("" if calls and style in ENDS_WITH_CALLS else after)
    clean = seed % 3 != 0
    return Sample(
        style,
        format,
        whole if clean else _broken(whole, style, rng),
        inside,
        calls,
        shown,
        thought,
        clean,
    )


def _broken(whole: str, style: ToolCallStyle, rng: random.Random) -> str:
    at = rng.randrange(len(whole) + 1)
    marks = syntax_of(style).spoken or ("{",)
    match rng.randrange(4):
        case 0:
            return whole[:at]
        case 1:
            return whole[:at] + whole[at + rng.randint(1, 3) :]
        case 2:
            return whole[:at] + rng.choice(["'", '"', "}", "]", ",", "\\", "x", "\n"]) + whole[at:]
        case _:
            return whole[:at] + rng.choice(marks) + whole[at:]
