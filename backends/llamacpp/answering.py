"""From a request to the events of its answer."""

import secrets
import threading
from collections.abc import Sequence

from backends.chat.answer import AnswerText
from backends.chat.context_fit import ContextFit
from backends.chat.prompt import Prompt
from backends.llamacpp.loaded import Loaded
from backends.llamacpp.run import Run
from backends.llamacpp.sampling import SamplerChain
from backends.types import ChatMessage, GenerationEvents, GenerationRequest, SamplingParams


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
    parser = AnswerText(sampling.stop, loaded.prompts.markers, inside=prompt.inside_reasoning)
    seed = secrets.randbelow(2**32 - 1) if sampling.seed is None else sampling.seed
    sampler = SamplerChain(sampling, loaded.model.vocabulary.size, seed)

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
        drafter=loaded.drafter(sequence),
        refit=refit,
        keep_on_disk=request.keep_on_disk,
    )
    yield from loaded.scheduler.events(run)
