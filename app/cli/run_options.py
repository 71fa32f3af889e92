"""What `corral run` is told besides the prompt: sampling, load settings, form of the answer."""

import json
import os
from argparse import Namespace
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from app.core.errors import AppError
from backends.types import (
    Constraint,
    GbnfGrammar,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    LoadConfig,
    ReasoningOptions,
    RegularExpression,
    SamplingParams,
)

Values = TypeVar("Values", SamplingParams, LoadConfig)

Effort = Literal["low", "medium", "high"]


class OptionError(AppError):
    """An option whose value cannot be used."""

    code = "option"
    exit_code = 2


def sampling(standard: SamplingParams, arguments: Namespace) -> SamplingParams:
    """The values of preset and model with those of the command line. Raises `OptionError`."""
    named = {
        "temperature": arguments.temperature,
        "max_tokens": arguments.max_tokens,
        "seed": arguments.seed,
    }
    given = {name: value for name, value in named.items() if value is not None}
    return _with(msgspec.structs.replace(standard, **given), arguments.set, "--set")


def load_config(saved: LoadConfig, arguments: Namespace) -> LoadConfig:
    """The settings saved for a model with those of the command line. Raises `OptionError`."""
    if arguments.context is not None:
        saved = msgspec.structs.replace(saved, context_length=arguments.context)
    return _with(saved, arguments.load, "--load", _whole_paths)


def reasoning(arguments: Namespace) -> ReasoningOptions:
    """Whether and how long the model thinks first."""
    word: str | None = arguments.reasoning
    effort: Effort | None = None
    mode: Literal["default", "on", "off"] = "default"
    match word:
        case "on" | "off":
            mode = word
        case "low" | "medium" | "high":
            mode, effort = "on", word
    return ReasoningOptions(mode, effort, arguments.reasoning_tokens)


def constraint(arguments: Namespace) -> Constraint | None:
    """What the answer must be. Raises `OptionError` for a file that cannot be used."""
    if arguments.regex is not None:
        return RegularExpression(arguments.regex)
    if arguments.schema is not None:
        text = _read(arguments.schema)
        try:
            json.loads(text)
        except ValueError as error:
            raise OptionError(f"{arguments.schema} is not JSON", str(error)) from error
        except RecursionError as error:
            raise OptionError(f"{arguments.schema} is nested too deeply") from error
        return JsonSchema(text)
    if arguments.grammar is not None:
        text = _read(arguments.grammar)
        return LarkGrammar(text) if Path(arguments.grammar).suffix == ".lark" else GbnfGrammar(text)
    return JsonObject() if arguments.json else None


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "It is not UTF-8 text"
        raise OptionError(f"{name} cannot be read", str(reason)) from error


def _with(
    values: Values,
    pairs: Sequence[str],
    option: str,
    mended: Callable[[Values, Container[str]], Values] = lambda values, _names: values,
) -> Values:
    """`values` with NAME=VALUE pairs put in; `mended` sees to those. Raises `OptionError`."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(type(values))}
    raw: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in fields:
            raise OptionError(
                f"{option} {pair} is not understood",
                f"There are: {', '.join(sorted(fields))}.",
                f"Write {option} NAME=VALUE.",
            )
        raw[name] = _value(text)
    try:
        changed = msgspec.convert({**msgspec.to_builtins(values), **raw}, type(values))
    except msgspec.ValidationError as error:
        raise OptionError(f"A value of {option} cannot be used", str(error)) from error
    return mended(changed, raw)


def _whole_paths(config: LoadConfig, given: Container[str]) -> LoadConfig:
    """Paths that were given from where the person is: the engine is elsewhere.

    Raises `OptionError` for a file that is not there.
    """
    changes: dict[str, object] = {}
    for name in ("draft_model", "projector", "parking_folder"):
        path: str | None = getattr(config, name)
        if name in given and path:
            changes[name] = _whole(path, name, must_exist=name != "parking_folder")
    if "lora" in given:
        changes["lora"] = tuple(
            msgspec.structs.replace(each, path=_whole(each.path, "lora")) for each in config.lora
        )
    return msgspec.structs.replace(config, **changes)


def _whole(path: str, name: str, *, must_exist: bool = True) -> str:
    whole = os.path.abspath(os.path.expanduser(path))
    if must_exist and not Path(whole).exists():
        raise OptionError("A value of --load cannot be used", f"{name}: there is no file {whole}.")
    return whole


def _value(text: str) -> object:
    """JSON where it is some, else the text itself; also where nobody could read the JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
