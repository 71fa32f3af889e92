"""The pieces of a streamed answer as servers send them, with the freedoms they take.

Read by msgspec from what the client hands over, so that anything else is an error at once.
"""

from typing import Any

import msgspec
from msgspec import Struct


class FunctionPiece(Struct):
    """Of a tool call: the name as a rule first and once, the arguments bit by bit."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    """An object where a server forgets that it is to be text."""


class CallPiece(Struct):
    """A piece of one tool call."""

    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None


class DeltaPiece(Struct):
    """What is new in the message."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    """Reasoning in the words of DeepSeek, llama.cpp and most others."""
    reasoning: str | None = None
    """The same in the words of vLLM and Ollama."""
    tool_calls: list[CallPiece] | None = None


class Alternative(Struct):
    """A token and its log-probability; only llama.cpp's server tells ids."""

    token: str
    logprob: float
    id: int = -1


class Chosen(Alternative):
    """The token that was chosen."""

    top_logprobs: list[Alternative] | None = None


class Logprobs(Struct):
    """Of the tokens in this piece."""

    content: list[Chosen] | None = None


class Choice(Struct):
    """The one answer that was asked for."""

    delta: DeltaPiece | None = None
    text: str | None = None
    """Of a text completion."""
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class PromptDetails(Struct):
    """Part of the prompt's tokens."""

    cached_tokens: int | None = None


class CompletionDetails(Struct):
    """Part of the answer's tokens."""

    reasoning_tokens: int | None = None


class UsagePiece(Struct):
    """Tokens so far."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class PromptProgress(Struct):
    """llama.cpp's server: how much of the prompt is processed."""

    total: int
    cache: int
    processed: int


class Timings(Struct):
    """llama.cpp's server: tokens so far."""

    cache_n: int = 0
    prompt_n: int = 0
    predicted_n: int = 0


class Chunk(Struct):
    """One event of the stream."""

    choices: list[Choice] | None = None
    usage: UsagePiece | None = None
    prompt_progress: PromptProgress | None = None
    timings: Timings | None = None


def read_chunk(raw: object) -> Chunk:
    """The event that the client hands over. Raises `ValueError` where it is none."""
    return msgspec.convert(raw, Chunk)
