"""From a request to the events of its answer."""

import secrets
import threading
from collections.abc import Callable

from backends.chat.answer_plan import plan_answer
from backends.llamacpp.candidates import logits_row
from backends.llamacpp.loaded import Loaded
from backends.llamacpp.run import Run
from backends.llamacpp.sampling import SamplerChain
from backends.logprobs import token_logprob
from backends.types import (
    Finish,
    GenerationEvents,
    GenerationRequest,
    SamplingParams,
    TokenLogprob,
    Usage,
)


def answer(
    loaded: Loaded, request: GenerationRequest, sampling: SamplingParams, cancelled: threading.Event
) -> GenerationEvents:
    """Answer `request` with a loaded model.

    Raises `BadRequest`, `TemplateError`, `PromptTooLong` and `EngineFailure`.
    """
    vocabulary = loaded.model.vocabulary
    plan = plan_answer(request, sampling, loaded.prompts, vocabulary, loaded.context.length)
    yield from plan.foreword
    constraint = yield from loaded.constraints.for_answer(
        plan, cancelled, lambda: loaded.scheduler.running > 0
    )
    if cancelled.is_set():  # perhaps because the model is gone
        if constraint is not None:
            constraint.close()
        yield Finish("cancelled", Usage(len(plan.prompt.tokens)))
        return
    if constraint is not None and constraint.finished:  # an answer that is complete already
        constraint.close()
        yield Finish("stop", Usage(len(plan.prompt.tokens)))
        return
    sampler = SamplerChain(
        sampling,
        vocabulary,
        seed=secrets.randbelow(2**32 - 1) if sampling.seed is None else sampling.seed,
        context_length=loaded.context.length,
        prompt=[token for token in plan.prompt.tokens if token >= 0],
    )
    images = loaded.image_places(request.messages)

    def refit(room: int) -> list[int] | None:
        shorter = plan.fit.shorter(room)
        if shorter is None:
            return None
        if plan.fit.cut is not None:
            run.events.append(plan.fit.cut)
        return shorter.tokens

    def forced() -> list[int]:
        text = plan.parser.take_forced()
        return vocabulary.tokenize(text, special=True) if text else []

    sequence, tokens = loaded.slots.acquire(plan.prompt.tokens, request.conversation)
    run = Run(
        sequence=sequence,
        prompt=tokens,
        sampler=sampler,
        parser=plan.parser,
        cancelled=cancelled,
        limit=sampling.max_tokens,
        constraint=constraint,
        stop_tokens=plan.stop_tokens,
        images=images,
        drafter=loaded.drafter(sequence, sees=bool(images)),
        refit=refit,
        keep_on_disk=request.keep_on_disk,
        logprobs=_logprobs(loaded, sampling),
        forced=forced,
    )
    yield from loaded.scheduler.events(run)


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
