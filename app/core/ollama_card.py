"""What Ollama's registry says of a model, as a card; its texts are never read as Markdown."""

import re

from msgspec import structs

from app.core.ollama_manifest import Config
from app.core.ollama_name import OllamaName
from app.core.ollama_recipe import Recipe
from backends.types import LoadConfig, SamplingParams

MESSAGES = 8
"""Of those that a chat begins with, shown at most."""
LICENCE = 20_000
"""Characters of a licence, shown at most."""


def card(name: OllamaName, config: Config, recipe: Recipe, licences: list[str]) -> str:
    """What is known of a model, as Markdown."""
    told = (config.model_family, config.model_type, config.file_type)
    facts = ", ".join(_code(part[:40]) for part in told if part)
    lines = [f"From Ollama’s registry: {_code(name.short)}" + (f" ({facts})." if facts else ".")]
    values = [*_changed_values(recipe.sampling), *_changed_values(recipe.load)]
    if recipe.system_prompt:
        lines += ["## System prompt", _quoted(recipe.system_prompt)]
    if values:
        lines += ["## Parameters", "\n".join(values)]
    if recipe.messages:
        turns = [
            f"**{each.role}**\n\n{_quoted(each.content)}" for each in recipe.messages[:MESSAGES]
        ]
        count = len(recipe.messages)
        lines += [f"## {count} message{'s' * (count != 1)} that a chat begins with", *turns]
    if recipe.left_out:
        lines += ["## Not taken", ", ".join(_code(each) for each in recipe.left_out)]
    for licence in licences:
        lines += ["## Licence", _quoted(licence[:LICENCE])]
    return "\n\n".join(lines)


def _changed_values(params: SamplingParams | LoadConfig) -> list[str]:
    """A line for each value that is not the usual one."""
    usual = type(params)()
    lines = []
    for name, value in structs.asdict(params).items():
        if value != getattr(usual, name):
            each = value if isinstance(value, tuple) else (value,)
            lines.append(f"- {name}: " + ", ".join(_code(str(one)) for one in each))
    return lines


def _code(text: str) -> str:
    """A short text as code, whatever it holds."""
    plain = text.replace("\n", "\\n")
    fence = "`" * (max((len(found) for found in re.findall("`+", plain)), default=0) + 1)
    return f"{fence} {plain} {fence}"


def _quoted(text: str) -> str:
    """A text as it is, never as Markdown: in a fence longer than any within it."""
    longest = max((len(found) for found in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text}\n{fence}"
