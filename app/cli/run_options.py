"""What `corral run` is told besides the prompt: sampling, load settings, form of the answer."""

import json
import os
from argparse import Namespace
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from app.cli.option_values import meant_name, objection, read_value
from app.core.errors import AppError, NotFoundError
from app.core.library import ModelLibrary
from backends.types import (
    Constraint,
    GbnfGrammar,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    LoadConfig,
    ModelInfo,
    ReasoningOptions,
    RegularExpression,
    SamplingParams,
)

Values = TypeVar("Values", SamplingParams, LoadConfig)

Effort = Literal["low", "medium", "high"]
REASONING = ("on", "off", "low", "medium", "high")
"""What a person can say of it."""


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
    return with_pairs(msgspec.structs.replace(standard, **given), arguments.set, "--set")


def load_config(saved: LoadConfig, arguments: Namespace) -> LoadConfig:
    """The settings saved for a model with those of the command line. Raises `OptionError`."""
    if arguments.context is not None:
        saved = msgspec.structs.replace(saved, context_length=arguments.context)
    named = {"gpu_layers": _layers(arguments), "slots": getattr(arguments, "parallel", None)}
    given = {name: value for name, value in named.items() if value is not None}
    saved = msgspec.structs.replace(saved, **given)
    return with_pairs(saved, arguments.load, "--load", _whole_paths)


def _layers(arguments: Namespace) -> int | None:
    """Layers on the graphics card for `--gpu`: none, all, or as many as fit for a share."""
    share: float | None = getattr(arguments, "gpu", None)
    if share is None:
        return None
    if 0 < share < 1:
        count: int | None = arguments.layer_count
        return round(share * count) if count else None
    return 1000 if share else 0


def with_draft_model(pairs: Sequence[str], library: ModelLibrary) -> list[str]:
    """The pairs of `--load`, with the path of a draft model that is called by its name.

    Raises `OptionError` for one that is neither a file nor a model of the library.
    """
    return [_draft_path(pair, library) for pair in pairs]


def _draft_path(pair: str, library: ModelLibrary) -> str:
    name, _, text = pair.partition("=")
    if name.strip().replace("-", "_") != "draft_model" or not text:
        return pair
    if Path(text).expanduser().exists():
        return pair
    refusal = OptionError(
        f"There is no draft model {text}",
        "draft_model needs a file, or a model on this computer as “corral ls” shows it.",
    )
    try:
        found = library.find(text)
    except NotFoundError:
        raise refusal from None
    if found.is_remote:
        raise refusal
    return f"draft_model={found.path}"


def reasoning(arguments: Namespace) -> ReasoningOptions:
    """Whether and how long the model thinks first."""
    word: str | None = arguments.reasoning
    if arguments.think is not None:
        word = {"true": "on", "false": "off"}.get(arguments.think, arguments.think)
    return reasoning_of(word, arguments.reasoning_tokens)


def reasoning_of(word: str | None, budget: int | None = None) -> ReasoningOptions:
    """The options that one of `REASONING` stands for; None leaves it to the model."""
    effort: Effort | None = None
    mode: Literal["default", "on", "off"] = "default"
    match word:
        case "on" | "off":
            mode = word
        case "low" | "medium" | "high":
            mode, effort = "on", word
    return ReasoningOptions(mode, effort, budget)


def without_effect(asked: ReasoningOptions, info: ModelInfo) -> str:
    """What of the reasoning options the loaded model does not offer; "" where it offers all."""
    missing = []
    if asked.mode != "default" and asked.effort is None and not info.reasoning_switch:
        missing.append(f"--reasoning {asked.mode}")
    if asked.effort is not None and not info.reasoning_effort:
        missing.append(f"--reasoning {asked.effort}")
    if asked.budget is not None and not info.reasoning:
        missing.append("--reasoning-tokens")
    if not missing:
        return ""
    makes = "makes" if len(missing) == 1 else "make"
    return f"{' and '.join(missing)} {makes} no difference: this model does not offer that."


def constraint(arguments: Namespace) -> Constraint | None:
    """What the answer must be. Raises `OptionError` for a file that cannot be used."""
    if arguments.regex is not None:
        return RegularExpression(arguments.regex)
    if arguments.schema is not None:
        return JsonSchema(_checked_schema(_read(arguments.schema), arguments.schema))
    if arguments.grammar is not None:
        text = _read(arguments.grammar)
        return LarkGrammar(text) if Path(arguments.grammar).suffix == ".lark" else GbnfGrammar(text)
    if arguments.format is not None and arguments.format != "json":
        return JsonSchema(_checked_schema(arguments.format, "--format"))
    return JsonObject() if arguments.json or arguments.format else None


def _checked_schema(text: str, name: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        raise OptionError(f"{name} is not JSON", str(error)) from error
    except RecursionError as error:
        raise OptionError(f"{name} is nested too deeply") from error
    return text


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "It is not UTF-8 text"
        raise OptionError(f"{name} cannot be read", str(reason)) from error


def with_pairs(
    values: Values,
    pairs: Sequence[str],
    option: str,
    mended: Callable[[Values, Container[str]], Values] = lambda values, _names: values,
) -> Values:
    """`values` with NAME=VALUE pairs put in; `mended` sees to those. Raises `OptionError`.

    `option` is how a person gave them, for the error.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(type(values))}
    raw: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in fields:
            meant = "" if name in fields else meant_name(name, list(fields))
            question = f"Did you mean {meant}? " if meant else ""
            raise OptionError(
                f"{option} {pair} is not understood",
                f"There are: {', '.join(sorted(fields))}.",
                f"{question}Write {option} NAME=VALUE.",
            )
        raw[name] = read_value(text, fields[name].type)
        if why := objection(name, raw[name], fields[name].type):
            raise OptionError(f"A value of {option} cannot be used", why)
    changed = msgspec.convert({**msgspec.to_builtins(values), **raw}, type(values))
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
