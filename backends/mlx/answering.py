"""From a request to the events of its answer."""

import secrets
import threading
from collections.abc import Sequence

from backends.chat.answer import AnswerText
from backends.chat.context_fit import ContextFit
from backends.chat.prompt import Prompt
from backends.errors import BadRequest, EngineFailure, OutOfMemory
from backends.mlx.failures import computing
from backends.mlx.loaded import Loaded
from backends.mlx.run import Run
from backends.mlx.sampling import check_sampling
from backends.types import ChatMessage, GenerationEvents, GenerationRequest, SamplingParams


def answer(
    loaded: Loaded, request: GenerationRequest, sampling: SamplingParams, cancelled: threading.Event
) -> GenerationEvents:
    """Answer `request` with a loaded model.

    Raises `BadRequest`, `TemplateError`, `PromptTooLong`, `EngineFailure` and `OutOfMemory`.
    """

    def build(messages: Sequence[ChatMessage]) -> Prompt:
        return loaded.prompts.build(messages, continue_last=request.continue_last)

    check_sampling(sampling, loaded.outputs)
    if any(message.images for message in request.messages):
        raise BadRequest("MLX models cannot see pictures here. Use the model's GGUF files.")
    fit = ContextFit(build, request.messages, request.context_policy, loaded.context_length)
    prompt = fit.prompt()
    if fit.cut is not None:
        yield fit.cut
    parser = AnswerText(sampling.stop, loaded.prompts.markers, inside=prompt.inside_reasoning)
    seed = secrets.randbelow(2**32 - 1) if sampling.seed is None else sampling.seed
    with computing():
        sequence, tokens = loaded.conversations.acquire(prompt.tokens, request.conversation)
        try:
            yield from Run(
                loaded, sequence, tokens, fit, parser, sampling, seed, cancelled
            ).events()
        except (EngineFailure, OutOfMemory, RuntimeError, ValueError):
            sequence.truncate(0)  # nobody knows what is in the cache
            raise
        finally:
            loaded.conversations.release(sequence)
