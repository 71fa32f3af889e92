"""How a model of Ollama's registry is meant to be run: system prompt, parameters, messages.

Parameters are taken where a sampling value or load setting means the same. Not taken are those that
describe the computer of whoever made the model (`num_gpu`, `num_thread`, `main_gpu`, `numa`): here
Corral chooses for this computer. What is not taken is named, so that a person can be told.
"""

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from app.core.presets import MAX_MESSAGES, ExampleMessage
from backends.types import LoadConfig, SamplingParams

SYSTEM_LIMIT = 100_000
"""Characters, as of every preset."""
_SAMPLING = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "repeat_penalty": "repeat_penalty",
    "repeat_last_n": "repeat_window",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "mirostat": "mirostat",
    "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
    "seed": "seed",
    "num_predict": "max_tokens",
    "stop": "stop",
}
"""Sampling values by the names of Ollama's Modelfile."""
_LOAD = {
    "num_ctx": "context_length",
    "num_batch": "batch_size",
    "use_mmap": "mmap",
    "use_mlock": "mlock",
    "rope_frequency_base": "rope_freq_base",
    "rope_frequency_scale": "rope_freq_scale",
}
PARAMETERS = {ours: theirs for theirs, ours in (*_SAMPLING.items(), *_LOAD.items())}
"""Ollama's names by ours."""
NOT_TAKEN = frozenset(
    (
        *("num_keep", "num_gpu", "main_gpu", "num_thread", "numa", "num_gqa", "draft_num_predict"),
        *("penalize_newline", "tfs_z", "low_vram", "f16_kv", "logits_all", "vocab_only"),
        "embedding_only",
    )
)
"""Parameters of Ollama, today's and earlier ones, that mean nothing here."""
Values = TypeVar("Values", SamplingParams, LoadConfig)
NOT_VALID = " (not valid)"
"""Stands in `Recipe.left_out` behind a parameter whose value it cannot have."""
_WHOLE_CONTEXT = 1_000_000
"""What a window of -1, "all of it", is here."""


class ToldMessage(Struct, frozen=True):
    """A message as the registry has it."""

    role: Literal["system", "user", "assistant"]
    content: str


class Recipe(Struct, frozen=True, omit_defaults=True):
    """What to set up when the model has arrived."""

    name: str
    """For the preset: "llama3.2:1b"."""
    system_prompt: str = ""
    sampling: SamplingParams = SamplingParams()
    load: LoadConfig = LoadConfig()
    messages: tuple[ExampleMessage, ...] = ()
    adapters: tuple[str, ...] = ()
    """File names of LoRA adapters that belong to the model."""
    draft: str = ""
    """File name of the draft model that belongs to it."""
    foreign_template: bool = False
    """The registry has a chat template for it, in Go's language, which is never used."""
    left_out: tuple[str, ...] = ()
    """What of it Corral does not take: names of parameters and kinds of layers."""

    @property
    def makes_preset(self) -> bool:
        """Whether there is anything that a preset would hold."""
        plain = self.sampling == SamplingParams()
        return bool(self.system_prompt or self.messages) or not plain


def with_parameters(recipe: Recipe, parameters: dict[str, Any]) -> Recipe:
    """`recipe` with the parameters that have a counterpart here; the others are named in it."""
    sampling, load, left_out = recipe.sampling, recipe.load, list(recipe.left_out)
    for name, given in parameters.items():
        value = _translated(name, given)
        if value is None:
            continue  # what it says is what happens here anyway
        try:
            if name in _SAMPLING:
                sampling = _with_value(sampling, _SAMPLING[name], value)
            elif name in _LOAD:
                load = _with_value(load, _LOAD[name], value)
            else:
                left_out.append(name[:40])
        except msgspec.ValidationError:
            left_out.append(f"{name}{NOT_VALID}")
    return msgspec.structs.replace(
        recipe, sampling=sampling, load=load, left_out=tuple(dict.fromkeys(left_out))
    )


def _translated(name: str, value: Any) -> Any:
    """A parameter's value as the setting of this program means it; None: as it is by default."""
    if name == "repeat_last_n" and value == -1:
        return _WHOLE_CONTEXT
    if name in ("num_predict", "seed") and isinstance(value, int) and value < 0:
        return None
    if name == "stop" and isinstance(value, str):
        return [value]
    return value


def _with_value(params: Values, field: str, value: Any) -> Values:
    """`params` with one value; raises `msgspec.ValidationError` if it is not valid."""
    raw = {**msgspec.to_builtins(params), field: value}
    return msgspec.convert(raw, type(params), strict=False)


def with_system(recipe: Recipe, text: str) -> Recipe:
    """`recipe` with a system prompt; one that is too long for a preset is left out."""
    if len(text) > SYSTEM_LIMIT:
        left_out = (*recipe.left_out, "system prompt (too long)")
        return msgspec.structs.replace(recipe, left_out=left_out)
    return msgspec.structs.replace(recipe, system_prompt=text.strip())


def with_messages(recipe: Recipe, messages: tuple[ToldMessage, ...]) -> Recipe:
    """`recipe` with the messages that a chat begins with; a system message joins the prompt."""
    told = [message.content for message in messages if message.role == "system"]
    turns = tuple(
        ExampleMessage(message.role, message.content)
        for message in messages
        if message.role != "system"
    )
    if len(turns) > MAX_MESSAGES:
        left_out = (*recipe.left_out, f"messages after the first {MAX_MESSAGES}")
        recipe = msgspec.structs.replace(recipe, left_out=left_out)
    if told:
        joined = "\n\n".join(part for part in (recipe.system_prompt, *told) if part.strip())
        recipe = with_system(recipe, joined)
    return msgspec.structs.replace(recipe, messages=turns[:MAX_MESSAGES])
