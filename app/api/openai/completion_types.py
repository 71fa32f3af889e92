"""Types of `/v1/completions`, request and answer, as OpenAI documents them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.openai.chat_types import StreamOptions, TokenUsage


class CompletionRequest(Struct, kw_only=True):
    """Body of a completion. Fields that are not here are ignored."""

    model: str
    prompt: str | list[str | int | list[int]]
    """A text or several; tokens are refused, as each model numbers its own."""
    suffix: str | None = None
    max_tokens: int | None = 16
    """OpenAI's default."""
    n: int | None = None
    best_of: int | None = None
    echo: bool | None = None
    logprobs: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    ttl: Annotated[int, Meta(ge=1)] | None = None
    """LM Studio's: seconds without use after which the model is ejected."""


class CompletionLogprobs(Struct):
    """Log-probabilities, one entry for each token."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]
    """Where each token begins in the text."""


class CompletionChoice(Struct):
    """One of the texts, or a piece of it."""

    text: str
    index: int
    finish_reason: Literal["stop", "length"] | None = None
    logprobs: CompletionLogprobs | None = None


class Completion(Struct):
    """The answer, or an event of a stream."""

    id: str
    created: int
    model: str
    choices: list[CompletionChoice]
    object: Literal["text_completion"] = "text_completion"
    system_fingerprint: str = "corral"
    usage: TokenUsage | UnsetType | None = UNSET
