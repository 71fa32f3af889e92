"""What a request asks of an engine: the prompt, how its answer is read, what it must be.

Shared by all engines that render and parse by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backends.chat.answer import AnswerParser
from backends.chat.context_fit import ContextFit
from backends.chat.prompt import Prompt, PromptBuilder
from backends.chat.tokenizer import Tokenizer
from backends.chat.tool_calls.forced import ForcedCall, force_call
from backends.errors import BadRequest
from backends.types import (
    ChatMessage,
    Constraint,
    ContextPolicy,
    GenerationEvent,
    GenerationRequest,
    NamedTool,
    Note,
    SamplingParams,
)


@dataclass(frozen=True)
class AnswerPlan:
    """The way from one request to its answer."""

    fit: ContextFit[Prompt]
    """Gives shorter prompts when the answer outgrows the context."""
    prompt: Prompt
    parser: AnswerParser
    constraint: Constraint | None
    """What the answer behind its reasoning must be."""
    begun: str
    """What of that is there already, where an answer is continued."""
    opening: int | None
    """The token by which the model may open a reasoning before the constraint holds."""
    foreword: tuple[GenerationEvent, ...]
    """What is to be told before the answer."""
    stop_tokens: frozenset[int]
    """Tokens that end the answer, besides those of which the vocabulary says so."""


def plan_answer(
    request: GenerationRequest,
    sampling: SamplingParams,
    prompts: PromptBuilder,
    vocabulary: Tokenizer,
    context_length: int,
) -> AnswerPlan:
    """Plan the answer to `request`. `context_length` is in tokens, prompt and answer together.

    Raises `BadRequest`, `TemplateError` and `PromptTooLong`.
    """
    raw = request.prompt
    if raw is not None and (request.messages or request.tools):
        raise BadRequest("A raw prompt goes without messages and tools.")
    tools = () if request.tool_choice == "none" else request.tools
    forced = _forced_call(request, prompts, vocabulary)

    def build(messages: Sequence[ChatMessage]) -> Prompt:
        if raw is not None:
            return prompts.raw(raw)
        return prompts.build(
            messages,
            tools=request.tools,
            tool_choice=request.tool_choice,
            continue_last=request.continue_last,
            reasoning=request.reasoning,
        )

    continued = request.continue_last and raw is None and not forced
    policy: ContextPolicy = "stop" if raw is not None else request.context_policy
    fit = ContextFit(build, request.messages, policy, context_length)
    prompt = fit.prompt()
    if raw is not None and not prompt.tokens:  # of a model whose texts begin with no token
        raise BadRequest("The prompt is empty. Give it some text to go on from.")
    parser = AnswerParser(
        prompt.format,
        tools=tools,
        stops=sampling.stop,
        inside_reasoning=prompt.inside_reasoning,
        parallel=request.parallel_tool_calls,
        budget=request.reasoning.budget,
        forced_call=forced,
    )
    return AnswerPlan(
        fit=fit,
        prompt=prompt,
        parser=parser,
        constraint=forced.constraint if forced else request.constraint,
        begun=request.messages[-1].content if continued else "",
        opening=None if forced else _opening(request, prompt, vocabulary),
        foreword=_foreword(fit, prompt),
        stop_tokens=frozenset() if raw is not None else prompts.stop_tokens,
    )


def _forced_call(
    request: GenerationRequest, prompts: PromptBuilder, vocabulary: Tokenizer
) -> ForcedCall | None:
    choice = request.tool_choice
    if choice in ("auto", "none"):
        return None

    def token_id(text: str) -> int | None:
        found = vocabulary.tokenize(text, special=True)
        return found[0] if len(found) == 1 and vocabulary.is_special_text(text) else None

    if request.constraint is not None:
        raise BadRequest("An answer cannot be a forced tool call and follow a constraint as well.")
    named = choice if isinstance(choice, NamedTool) else None
    return force_call(prompts.format.tool_style, request.tools, named, token_id)


def _opening(request: GenerationRequest, prompt: Prompt, vocabulary: Tokenizer) -> int | None:
    """The token by which this model opens its reasoning, if it may still do so."""
    markers = prompt.format.reasoning
    if markers is None or prompt.inside_reasoning or request.reasoning.mode == "off":
        return None
    if request.continue_last and request.messages[-1].content:  # it is in the midst of its answer
        return None
    if not vocabulary.is_special_text(markers.open):
        return None
    (opening,) = vocabulary.tokenize(markers.open, special=True)
    return opening


def _foreword(fit: ContextFit[Prompt], prompt: Prompt) -> tuple[GenerationEvent, ...]:
    events: list[GenerationEvent] = [fit.cut] if fit.cut is not None else []
    if prompt.neutralized:
        words = ", ".join(prompt.neutralized[:5])
        events.append(
            Note(
                "neutralized_control_tokens",
                f"The chat contains texts that would steer this model ({words}). It reads them as "
                "plain text.",
            )
        )
    if prompt.spelled_out:
        words = ", ".join(prompt.spelled_out[:5])
        events.append(
            Note(
                "spelled_out_markers",
                f"The chat contains texts by which this model tells turns apart ({words}). It has "
                "no control tokens for them and may take them for the real ones.",
            )
        )
    return tuple(events)
