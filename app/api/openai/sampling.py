"""What OpenAI's operations have in common on the way to the engine."""

from typing import Any, Protocol

from app.api.errors import ApiError
from app.api.openai.chat_types import StreamOptions
from app.api.requests import sampling_with, stop_strings
from backends.types import SamplingParams

DONE = b"data: [DONE]\n\n"
"""The end of a stream."""
MOST_ANSWERS = 16
"""To one request (`n`)."""
MOST_TEXTS = 2048
"""In one request for completions or embeddings."""


class Sampled(Protocol):
    """A request with the fields that all kinds of completions have."""

    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    repeat_penalty: float | None
    presence_penalty: float | None
    frequency_penalty: float | None
    logit_bias: dict[str, float] | None
    seed: int | None
    stop: str | list[str] | None


def common_sampling(
    asked: Sampled,
    base: SamplingParams,
    further: dict[str, Any],
    names: dict[str, str] | None = None,
) -> SamplingParams:
    """`base` with what a request says; `further` and `names` as for `sampling_with`.

    Raises ApiError.
    """
    given = {
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "top_k": asked.top_k,
        "min_p": asked.min_p,
        "repeat_penalty": asked.repeat_penalty,
        "presence_penalty": asked.presence_penalty,
        "frequency_penalty": asked.frequency_penalty,
        "seed": None if asked.seed is None else asked.seed % (2**32 - 1),
        "stop": stop_strings(asked.stop),
        "logit_bias": _bias(asked.logit_bias),
    }
    return sampling_with(base, {**given, **further}, names)


def token_limit(given: int | None) -> int | None:
    """Tokens at most. Clients of LM Studio and llama.cpp write -1 for as many as there is room."""
    return None if given == -1 else given


def answers_wanted(n: int | None) -> int:
    """How many answers (`n`). Raises ApiError."""
    n = 1 if n is None else n
    if not 1 <= n <= MOST_ANSWERS:
        raise ApiError(
            "invalid_request", f"n: Expected a number from 1 to {MOST_ANSWERS}.", param="n"
        )
    return n


def check_stream_options(options: StreamOptions | None, *, stream: bool | None) -> None:
    """Refuse options of a stream where none is wanted, as OpenAI does. Raises ApiError."""
    if options is not None and not stream:
        raise ApiError(
            "invalid_request",
            "stream_options: They need stream to be true.",
            param="stream_options",
        )


def texts_of(given: str | list[str | int | list[int]], param: str) -> list[str]:
    """The texts of a request that may hold one or several. Raises ApiError for tokens."""
    texts = [given] if isinstance(given, str) else given
    if not texts or len(texts) > MOST_TEXTS:
        raise ApiError(
            "invalid_request", f"{param}: Expected 1 to {MOST_TEXTS} texts.", param=param
        )
    words = [text for text in texts if isinstance(text, str)]
    if len(words) < len(texts):
        raise ApiError(
            "unsupported",
            f"{param}: Only texts are taken, no tokens: every model numbers its own.",
            param=param,
        )
    return words


def _bias(bias: dict[str, float] | None) -> tuple[tuple[int, float], ...] | None:
    if not bias:
        return None
    try:
        return tuple((int(token), value) for token, value in bias.items())
    except ValueError:
        raise ApiError(
            "invalid_request", "logit_bias: Its keys must be token ids.", param="logit_bias"
        ) from None
