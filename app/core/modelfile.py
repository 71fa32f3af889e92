"""Ollama's Modelfile: read as a recipe for a model of one's own, and written of one.

The form is that of Ollama's documentation: an instruction at the start of each line, `#` begins a
comment, and a value may stand between quotes or, over several lines, between three of them.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from app.core.errors import AppError
from app.core.ollama_recipe import (
    NOT_TAKEN,
    NOT_VALID,
    PARAMETERS,
    Recipe,
    ToldMessage,
    with_messages,
    with_parameters,
    with_system,
)
from backends.types import LoadConfig, LoraAdapter, SamplingParams

_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)(?:[ \t]+(.*)|[ \t]*)", re.DOTALL)
_FENCE = '"""'
_KNOWN = ("from", "parameter", "template", "system", "adapter", "license", "message", "requires")


class ModelfileError(AppError):
    """A Modelfile that is not understood, or asks for what is not possible here."""

    code = "modelfile"


class Modelfile(Struct, frozen=True):
    """What a Modelfile says."""

    base: str
    """Name, or path, of the model that it starts from."""
    recipe: Recipe
    template: str = ""
    """The chat template it wants."""
    license: str = ""


def read_modelfile(text: str, name: str, folder: Path) -> Modelfile:
    """What `text` says of a model called `name`; paths of adapters are seen from `folder`.

    Raises `ModelfileError`.
    """
    texts: dict[str, str] = {}
    parameters: dict[str, object] = {}
    told: list[ToldMessage] = []
    adapters: list[LoraAdapter] = []
    for number, instruction, value in _instructions(text):
        match instruction:
            case "parameter":
                _add_parameter(parameters, value, number)
            case "message":
                told.append(_message(value, number))
            case "adapter":
                adapters.append(_adapter(value, folder, number))
            case "license" if "license" in texts:  # a model may stand under several
                texts["license"] += f"\n\n{value}"
            case _:
                texts[instruction] = value
    if not texts.get("from"):
        raise ModelfileError(
            "The Modelfile names no model", "It has no line that begins with FROM."
        )
    recipe = with_system(
        Recipe(name, load=LoadConfig(lora=tuple(adapters))), texts.get("system", "")
    )
    recipe = with_messages(with_parameters(recipe, parameters), tuple(told))
    return Modelfile(texts["from"], recipe, texts.get("template", ""), texts.get("license", ""))


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Number of the first line, name in small letters and value of each instruction."""
    lines = text.removeprefix("\ufeff").splitlines()
    at = 0
    while at < len(lines):
        number, line = at + 1, lines[at]
        at += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _INSTRUCTION.fullmatch(line)
        name = found[1].lower() if found else ""
        if found is None or name not in _KNOWN:
            known = ", ".join(each.upper() for each in _KNOWN)
            raise ModelfileError(
                f"Line {number} of the Modelfile is not understood",
                f"“{line.strip()[:60]}” begins with none of {known}.",
            )
        value = found[2] or ""
        opening = value.find(_FENCE)
        if opening >= 0:
            while value.count(_FENCE) < 2:
                if at == len(lines):
                    raise ModelfileError(
                        f"A text of the Modelfile has no end: it begins in line {number}",
                        f"It needs {_FENCE} where it ends.",
                    )
                value += "\n" + lines[at]
                at += 1
            inner = value[opening + 3 : value.rindex(_FENCE)]
            value = value[:opening] + inner
        yield number, name, _unquoted(value.strip())


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1].replace('\\"', '"') if quoted else text


def _add_parameter(parameters: dict[str, object], value: str, number: int) -> None:
    name, _, text = value.partition(" ")
    if not text.strip():
        raise ModelfileError(
            f"Line {number} of the Modelfile sets no value", "Write PARAMETER NAME VALUE."
        )
    if name not in (*PARAMETERS.values(), *NOT_TAKEN):
        known = ", ".join(sorted(PARAMETERS.values()))
        raise ModelfileError(
            f"Line {number} of the Modelfile sets “{name[:40]}”, which no model has",
            f"There are: {known}.",
        )
    given = _value(_unquoted(text.strip()))
    if f"{name}{NOT_VALID}" in with_parameters(Recipe(""), {name: given}).left_out:
        raise ModelfileError(
            f"Line {number} of the Modelfile gives {name} a value that it cannot have",
            f"“{text.strip()[:60]}” is none.",
        )
    if name == "stop":  # each line adds one
        earlier = parameters.get("stop", [])
        assert isinstance(earlier, list)
        parameters["stop"] = [*earlier, str(given)]
    else:
        parameters[name] = given


def _value(text: str) -> object:
    try:
        return msgspec.json.decode(text.encode(), type=int | float | bool)
    except msgspec.DecodeError:
        return text


def _message(value: str, number: int) -> ToldMessage:
    role, _, content = value.partition(" ")
    if role not in ("system", "user", "assistant"):
        raise ModelfileError(
            f"Line {number} of the Modelfile has no role",
            "A message is the system's, the user's or the assistant's.",
            "Write MESSAGE user TEXT.",
        )
    return ToldMessage(role, _unquoted(content.strip()))  # type: ignore[arg-type]  # checked above


def _adapter(value: str, folder: Path, number: int) -> LoraAdapter:
    path = (folder / Path(value).expanduser()).absolute()
    if not path.is_file():
        raise ModelfileError(
            f"Line {number} of the Modelfile names no adapter", f"There is no file {path}."
        )
    return LoraAdapter(str(path))


def write_modelfile(base: str, recipe: Recipe, template: str = "", license_text: str = "") -> str:
    """The Modelfile that makes such a model of `base`."""
    lines = [f"FROM {base}"]
    if template:
        lines.append(f"TEMPLATE {_quoted(template)}")
    if recipe.system_prompt:
        lines.append(f"SYSTEM {_quoted(recipe.system_prompt)}")
    lines += [f"PARAMETER {name} {value}" for name, value in parameters_of(recipe)]
    lines += [f"ADAPTER {each.path}" for each in recipe.load.lora]
    lines += [f"MESSAGE {each.role} {_quoted(each.content)}" for each in recipe.messages]
    if license_text:
        lines.append(f"LICENSE {_quoted(license_text)}")
    return "\n".join(lines) + "\n"


def parameters_of(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """What a recipe sets, by Ollama's names; a value that is the standard is not told."""
    pairs: tuple[tuple[SamplingParams | LoadConfig, SamplingParams | LoadConfig], ...] = (
        (recipe.sampling, SamplingParams()),
        (recipe.load, LoadConfig()),
    )
    for values, standard in pairs:
        for name in values.__struct_fields__:
            value = getattr(values, name)
            if name not in PARAMETERS or value == getattr(standard, name):
                continue
            for each in value if isinstance(value, tuple) else (value,):
                yield PARAMETERS[name], _written(each)


def _written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else msgspec.json.encode(value).decode()


def _quoted(text: str) -> str:
    return f"{_FENCE}{text}{_FENCE}" if "\n" in text or '"' in text else f'"{text}"'
