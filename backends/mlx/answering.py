"""From a request to the events of its answer."""

import secrets
import threading

from backends.chat.answer_plan import plan_answer
from backends.errors import BadRequest, EngineFailure, OutOfMemory
from backends.mlx.failures import computing
from backends.mlx.loaded import Loaded
from backends.mlx.run import Run
from backends.mlx.sampling import check_sampling
from backends.types import Finish, GenerationEvents, GenerationRequest, SamplingParams, Usage


def answer(
    loaded: Loaded, request: GenerationRequest, sampling: SamplingParams, cancelled: threading.Event
) -> GenerationEvents:
    """Answer `request` with a loaded model.

    Raises `BadRequest`, `TemplateError`, `PromptTooLong`, `EngineFailure` and `OutOfMemory`.
    """
    check_sampling(sampling, loaded.outputs)
    if any(message.images for message in request.messages):
        raise BadRequest("MLX models cannot see pictures here. Use the model's GGUF files.")
    plan = plan_answer(request, sampling, loaded.prompts, loaded.vocabulary, loaded.context_length)
    yield from plan.foreword
    constraint = yield from loaded.constraints.for_answer(
        plan, cancelled, lambda: loaded.conversations.running > 0
    )
    if constraint is None and plan.constraint is not None:
        yield Finish("cancelled", Usage(len(plan.prompt.tokens)))
        return
    if constraint is not None and constraint.finished:  # an answer that is complete already
        constraint.close()
        yield Finish("stop", Usage(len(plan.prompt.tokens)))
        return
    seed = secrets.randbelow(2**32 - 1) if sampling.seed is None else sampling.seed
    with computing():
        sequence, tokens = loaded.conversations.acquire(plan.prompt.tokens, request.conversation)
        try:
            run = Run(loaded, sequence, tokens, plan, sampling, seed, cancelled, constraint)
            yield from run.events()
        except (EngineFailure, OutOfMemory, RuntimeError, ValueError):
            sequence.truncate(0)  # nobody knows what is in the cache
            raise
        finally:
            loaded.conversations.release(sequence)
