"""From a request to the events of its answer."""

import secrets
import threading
from collections.abc import Callable, Sequence

from backends.chat.answer import AnswerParser
from backends.chat.families import ChatFormat
from backends.chat.prompt import Prompt
from backends.constraints.reasoning_first import ReasoningFirst
from backends.constraints.token_constraint import TokenConstraint, not_enforced_note
from backends.llamacpp.candidates import logits_row
from backends.llamacpp.context_fit import ContextFit
from backends.llamacpp.loaded import Loaded
from backends.llamacpp.run import Run
from backends.llamacpp.sampling import SamplerChain
from backends.logprobs import token_logprob
from backends.types import (
    ChatMessage,
    GenerationEvents,
    GenerationRequest,
    SamplingParams,
    TokenLogprob,
)


def answer(
    loaded: Loaded, request: GenerationRequest, sampling: SamplingParams, cancelled: threading.Event
) -> GenerationEvents:
    """Answer `request` with a loaded model.

    Raises `BadRequest`, `TemplateError`, `PromptTooLong` and `EngineFailure`.
    """

    def build(messages: Sequence[ChatMessage]) -> Prompt:
        return loaded.prompts.build(messages, continue_last=request.continue_last)

    fit = ContextFit(build, request.messages, request.context_policy, loaded.context.length)
    prompt = fit.prompt()
    if fit.cut is not None:
        yield fit.cut
    constraint = _constraint(loaded, request, prompt)
    if constraint is not None and (note := not_enforced_note(constraint)) is not None:
        yield note
    parser = AnswerParser(
        ChatFormat(reasoning=loaded.prompts.markers),
        stops=sampling.stop,
        inside_reasoning=prompt.inside_reasoning,
    )
    seed = secrets.randbelow(2**32 - 1) if sampling.seed is None else sampling.seed
    sampler = SamplerChain(
        sampling,
        loaded.model.vocabulary,
        seed=seed,
        context_length=loaded.context.length,
        prompt=prompt.tokens,
    )

    def refit(room: int) -> list[int] | None:
        shorter = fit.shorter(room)
        if shorter is None:
            return None
        if fit.cut is not None:
            run.events.append(fit.cut)
        return shorter.tokens

    sequence, tokens = loaded.slots.acquire(prompt.tokens, request.conversation)
    run = Run(
        sequence=sequence,
        prompt=tokens,
        sampler=sampler,
        parser=parser,
        cancelled=cancelled,
        limit=sampling.max_tokens,
        constraint=constraint,
        drafter=loaded.drafter(sequence),
        refit=refit,
        keep_on_disk=request.keep_on_disk,
        logprobs=_logprobs(loaded, sampling),
    )
    yield from loaded.scheduler.events(run)


def _constraint(
    loaded: Loaded, request: GenerationRequest, prompt: Prompt
) -> TokenConstraint | None:
    if request.constraint is None:
        return None
    constraint = loaded.constraints.make(request.constraint)
    markers, vocabulary = loaded.prompts.markers, loaded.model.vocabulary
    if markers is None or prompt.inside_reasoning or request.reasoning.mode == "off":
        return constraint
    if not vocabulary.is_special_text(markers.open):
        return constraint
    (opening,) = vocabulary.tokenize(markers.open, special=True)
    return ReasoningFirst(constraint, opening)


def _logprobs(
    loaded: Loaded, sampling: SamplingParams
) -> Callable[[int, int], TokenLogprob] | None:
    count, vocabulary = sampling.logprobs, loaded.model.vocabulary
    if count is None:
        return None

    def logprob(index: int, token: int) -> TokenLogprob:
        logits = logits_row(loaded.context.handle, index, vocabulary.size)
        return token_logprob(logits, token, count, vocabulary)

    return logprob
