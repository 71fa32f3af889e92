"""How a server is told whether, how hard and how long its model shall reason.

llama.cpp's server and vLLM hand `chat_template_kwargs` to the model's template, whose variable is
called `enable_thinking` or `thinking`. OpenAI, Ollama and most others know `reasoning_effort`
only, with "none" for off. A budget in tokens is `thinking_budget_tokens` for llama.cpp's server
and `thinking_token_budget` for vLLM, which refuses it unless it was started for it; the others
have none.
"""

from collections.abc import Mapping
from typing import Any, Literal

from backends.types import Note, ReasoningOptions

ServerKind = Literal["llamacpp", "vllm", "openai", "other"]
_BUDGETS: Mapping[ServerKind, str] = {
    "llamacpp": "thinking_budget_tokens",
    "vllm": "thinking_token_budget",
}
_DEFAULT_EFFORT = "medium"
"""What “on” means where there are only efforts."""
_GRACE = 16
"""Tokens beyond a budget that no server is blamed for: it may finish a word and close."""


def reasoning_fields(
    options: ReasoningOptions, kind: ServerKind, *, plain: bool = False
) -> dict[str, Any]:
    """The fields of a chat completion. `plain` leaves out what a server may refuse."""
    if kind not in _BUDGETS:
        effort = _effort(options)
        return {"reasoning_effort": effort} if effort and not plain else {}
    fields: dict[str, Any] = {}
    if options.mode != "default":
        on = options.mode == "on"
        fields["chat_template_kwargs"] = {"enable_thinking": on, "thinking": on}
    if options.mode != "off" and not plain:
        if options.effort is not None:
            fields["reasoning_effort"] = options.effort
        if options.budget is not None:
            fields[_BUDGETS[kind]] = options.budget
    return fields


def _effort(options: ReasoningOptions) -> str | None:
    if options.mode == "off" or options.budget == 0:
        return "none"
    return options.effort or (_DEFAULT_EFFORT if options.mode == "on" else None)


def over_budget(options: ReasoningOptions, tokens: int) -> Note | None:
    """What is to be said once a model has reasoned for so many tokens.

    An answer on its way cannot be told to stop reasoning and go on, so it is only said.
    """
    limit = 0 if options.mode == "off" else options.budget
    if limit is None or tokens <= limit + _GRACE:
        return None
    wish = f"hold the reasoning to {limit:,} tokens" if limit else "switch the reasoning off"
    return Note("sampling_left_out", f"The server did not {wish}; the model went on reasoning.")
