"""From a `GenerationRequest` to the body of a chat completion.

OpenAI's own fields go by their names. llama.cpp's server and vLLM get the usual samplers beyond
them always: their own defaults are others, and what the person sees is to be in force. Servers of
unknown kind get those that differ from Corral's defaults; many refuse fields they do not know, and
are then asked once more without (`LeftOut`). OpenAI has none of them, and its own models refuse
even some of the standard fields: there those at their defaults are left out, and all when refused.

Stop strings are not sent. OpenAI takes at most four, and no server but vLLM says whether an answer
ended by itself or at one, so they are looked for here, and the connection is cut at the first.
"""

from collections.abc import Mapping
from typing import Any, Literal

from backends.errors import BadConstraint, BadRequest
from backends.remote.messages import chat_messages, json_object, tool_choice, tool_list
from backends.remote.reasoning import ServerKind, reasoning_fields
from backends.types import (
    Constraint,
    GbnfGrammar,
    GenerationRequest,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    RegularExpression,
    SamplingParams,
)

Body = dict[str, Any]
LeftOut = frozenset[Literal["reasoning", "sampling"]]
"""Kinds of settings that a server has refused and is not told."""
NOTHING_LEFT_OUT: LeftOut = frozenset()

_STANDARD = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed")
_LLAMACPP: Mapping[str, str] = {
    "top_k": "top_k",
    "min_p": "min_p",
    "repeat_penalty": "repeat_penalty",
    "repeat_window": "repeat_last_n",
    "typical_p": "typical_p",
    "top_n_sigma": "top_n_sigma",
    "xtc_probability": "xtc_probability",
    "xtc_threshold": "xtc_threshold",
    "dry_multiplier": "dry_multiplier",
    "dry_base": "dry_base",
    "dry_allowed_length": "dry_allowed_length",
    "dry_window": "dry_penalty_last_n",
    "dry_breakers": "dry_sequence_breakers",
    "mirostat": "mirostat",
    "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
    "dynamic_temperature": "dynatemp_range",
    "dynamic_temperature_exponent": "dynatemp_exponent",
    "ignore_eos": "ignore_eos",
}
_VLLM: Mapping[str, str] = {
    "top_k": "top_k",
    "min_p": "min_p",
    "repeat_penalty": "repetition_penalty",
    "ignore_eos": "ignore_eos",
}
_NAMES: Mapping[ServerKind, Mapping[str, str]] = {
    "llamacpp": _LLAMACPP,
    "vllm": _VLLM,
    "openai": {},
    "other": _LLAMACPP,
}
_ALWAYS = ("top_k", "min_p", "repeat_penalty", "repeat_window")
"""Sent to every server that is known to have them."""
_DEFAULTS = SamplingParams()


def request_body(
    request: GenerationRequest,
    model: str,
    kind: ServerKind,
    context_length: int,
    *,
    left_out: LeftOut = NOTHING_LEFT_OUT,
) -> Body:
    """The body of a streamed chat completion; of a text completion for `request.prompt`.

    `context_length` is the model's, in tokens. Of what is `left_out`, only that is sent which
    no server refuses.

    Raises `BadRequest` for what the server cannot do.
    """
    plain = "sampling" in left_out
    body: Body = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        **_limits(request.sampling, kind),
        **_standard(request.sampling, kind, plain=plain),
        **({} if plain else _extras(request.sampling, kind, context_length)),
        **_reports(kind),
    }
    if request.prompt is not None:
        body["prompt"] = request.prompt
        if body.pop("top_logprobs", None) is not None:  # here one number says both
            body["logprobs"] = request.sampling.logprobs
        if request.sampling.max_tokens is None and kind != "llamacpp":
            raise BadRequest("This server continues a text only up to a given number of tokens")
    else:
        _check_messages(request)
        body["messages"] = chat_messages(request.messages)
        body |= _tools(request)
        body |= reasoning_fields(request.reasoning, kind, plain="reasoning" in left_out)
        if request.continue_last:
            body |= _continuing(kind)
            if request.constraint is not None:
                raise BadRequest(
                    "A server cannot continue an answer that must keep to a form: it would begin "
                    "the form anew. Let it be answered anew, or switch the form off."
                )
    return body | _constraint(request.constraint, kind)


def _check_messages(request: GenerationRequest) -> None:
    if not request.messages:
        raise BadRequest("There is no message to answer.")
    if request.continue_last and request.messages[-1].role != "assistant":
        raise BadRequest("Only an answer of the assistant can be continued.")


def _limits(sampling: SamplingParams, kind: ServerKind) -> Body:
    body: Body = {}
    if sampling.max_tokens is not None:
        # OpenAI's newer models know only the second name, everybody else the first one.
        body["max_completion_tokens" if kind == "openai" else "max_tokens"] = sampling.max_tokens
    if sampling.logit_bias:
        body["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias}
    if sampling.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": sampling.logprobs}
    return body


def _standard(sampling: SamplingParams, kind: ServerKind, *, plain: bool) -> Body:
    if kind == "openai" and plain:
        return {}
    values = {name: getattr(sampling, name) for name in _STANDARD}
    if kind == "openai":
        values = {n: value for n, value in values.items() if value != getattr(_DEFAULTS, n)}
    return {name: value for name, value in values.items() if value is not None}


def _extras(sampling: SamplingParams, kind: ServerKind, context_length: int) -> Body:
    body: Body = {}
    for name, theirs in _NAMES[kind].items():
        value = getattr(sampling, name)
        known = name in _ALWAYS and kind != "other"
        if known or value != getattr(_DEFAULTS, name):
            body[theirs] = value
    if "dry_multiplier" in body and sampling.dry_window < 0:
        body["dry_penalty_last_n"] = context_length  # newer servers know no -1 for the whole
    return body


def _reports(kind: ServerKind) -> Body:
    """What makes a server tell its counts while it answers."""
    match kind:
        case "llamacpp":
            return {"return_progress": True, "timings_per_token": True}
        case "vllm":
            return {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}
        case _:
            return {}


def _tools(request: GenerationRequest) -> Body:
    if not request.tools:
        return {}
    return {
        "tools": tool_list(request.tools),
        "tool_choice": tool_choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tool_calls,
    }


def _continuing(kind: ServerKind) -> Body:
    match kind:
        case "llamacpp":  # it continues an answer that stands last
            return {}
        case "vllm":
            return {"continue_final_message": True, "add_generation_prompt": False}
        case _:
            raise BadRequest("This server cannot continue an answer; it can only begin a new one")


def _constraint(constraint: Constraint | None, kind: ServerKind) -> Body:
    match constraint:
        case None:
            return {}
        case JsonObject():
            return {"response_format": {"type": "json_object"}}
        case JsonSchema(schema=text):
            schema = json_object(text, "The schema of the answer")
            form = {"name": "answer", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": form}}
        case GbnfGrammar(grammar=grammar) if kind == "llamacpp":
            return {"grammar": grammar}
        case RegularExpression(pattern=pattern) if kind == "vllm":
            return {"structured_outputs": {"regex": pattern}}
        case GbnfGrammar(grammar=grammar) | LarkGrammar(grammar=grammar) if kind == "vllm":
            return {"structured_outputs": {"grammar": grammar}}
        case _:
            kind_of_it = type(constraint).__struct_config__.tag
            raise BadConstraint(f"This server cannot hold an answer to a constraint: {kind_of_it}")
