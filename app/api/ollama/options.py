"""The `options` of a request: sampling values, and settings of the load.

Unknown ones are ignored; one of another type is refused, both as Ollama does. A sampling value that
no engine takes is brought into range where the nearest one means the same.
"""

from typing import Any, Literal

from msgspec import structs

from app.api.errors import ApiError
from app.core.library_types import LocalModel
from backends.types import LoadConfig, ModelInfo

_INTEGERS = (
    "num_keep",
    "seed",
    "num_predict",
    "top_k",
    "repeat_last_n",
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "draft_num_predict",
)
_NUMBERS = (
    "top_p",
    "min_p",
    "typical_p",
    "temperature",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
)
_WHOLE_CONTEXT = 1_000_000
"""Tokens that stand for all of them."""
_SEEDS = 2**32 - 1

Options = dict[str, Any]


def checked(options: dict[str, Any] | None) -> Options:
    """The options that are known, each of its type. Raises ApiError."""
    found: Options = {}
    for name, value in (options or {}).items():
        if value is None:
            continue
        if name in _INTEGERS:
            found[name] = _integer(name, value)
        elif name in _NUMBERS:
            found[name] = _number(name, value)
        elif name == "use_mmap":
            if not isinstance(value, bool):
                raise _wrong(name, "boolean")
            found[name] = value
        elif name == "stop":
            found[name] = _stops(value)
    return found


def sampling_values(options: Options) -> dict[str, Any]:
    """The options that are sampling values, under the names that engines know."""
    values: dict[str, Any] = {name: options[name] for name in _NUMBERS if name in options}
    if "top_k" in options:
        values["top_k"] = min(max(options["top_k"], 0), 1000)
    if "repeat_last_n" in options:
        window = options["repeat_last_n"]
        values["repeat_window"] = _WHOLE_CONTEXT if window < 0 else min(window, _WHOLE_CONTEXT)
    if options.get("num_predict", 0) > 0:
        values["max_tokens"] = min(options["num_predict"], _WHOLE_CONTEXT)
    if options.get("seed", -1) >= 0:
        values["seed"] = options["seed"] % _SEEDS
    if "stop" in options:
        values["stop"] = tuple(text for text in options["stop"] if text)
    return values


def changed_config(
    options: Options, base: LoadConfig, model: LocalModel, info: ModelInfo | None
) -> LoadConfig | None:
    """How the model must be loaded for these options; None where it may stay as it is.

    `base` is how it is loaded or would be, `info` what is known of it once it is. A smaller context
    than that in force needs no other load. Raises ApiError.
    """
    changes: dict[str, Any] = {}
    if context := options.get("num_ctx"):
        wanted = min(max(context, 256), model.context_length or context)
        in_force = info.context_length if info is not None else base.context_length or 0
        if wanted > in_force or (info is None and base.context_length is None):
            changes["context_length"] = wanted
    if options.get("num_gpu", -1) >= 0:
        changes["gpu_layers"] = min(options["num_gpu"], 1000)
    if options.get("num_thread", 0) > 0:
        changes["threads"] = min(options["num_thread"], 256)
    if options.get("num_batch", 0) > 0:
        changes["batch_size"] = min(max(options["num_batch"], 32), 8192)
    if options.get("main_gpu", -1) >= 0:
        changes["main_gpu"] = min(options["main_gpu"], 63)
    if "use_mmap" in options:
        changes["mmap"] = options["use_mmap"]
    if base.draft_model and options.get("draft_num_predict", 0) > 0:
        changes["draft_tokens"] = min(options["draft_num_predict"], 64)
    changed = structs.replace(base, **changes)
    return None if changed == base else changed


def _integer(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, "integer")
    try:
        return int(value)
    except (ValueError, OverflowError):
        raise _wrong(name, "integer") from None


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, "float")
    return float(value)


def _stops(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _wrong("stop", "array of strings")
    return value


def _wrong(name: str, kind: Literal["integer", "float", "boolean", "array of strings"]) -> ApiError:
    return ApiError("invalid_request", f"option “{name}” must be of type {kind}", param="options")
