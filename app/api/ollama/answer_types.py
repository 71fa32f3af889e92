"""Types of `/api/chat`, `/api/generate` and of embeddings, as Ollama documents them.

What Ollama leaves out of its JSON where it is empty is left out here too (`omit_defaults`).
"""

from typing import Any, Literal

from msgspec import Struct

from app.api.ollama.times import KeepAlive

Json = dict[str, Any]
Think = bool | Literal["low", "medium", "high", "max"]
Format = str | Json


class CalledTool(Struct):
    """What the model calls, with the arguments as an object."""

    name: str
    arguments: Json = {}
    index: int = 0
    """Numbers the calls of one answer."""


class OllamaCall(Struct, omit_defaults=True):
    """A call of a tool."""

    function: CalledTool
    id: str | None = None


class OllamaMessage(Struct, omit_defaults=True):
    """One message of the conversation, asked or answered."""

    role: str
    content: str | None
    thinking: str | None = None
    images: list[str] | None = None
    """base64."""
    tool_calls: list[OllamaCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class AskedMessage(Struct):
    """One message of a request."""

    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    """base64."""
    tool_calls: list[OllamaCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class OllamaFunction(Struct):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: Json | None = None


class OllamaTool(Struct):
    """A tool; functions are the only kind."""

    function: OllamaFunction
    type: str | None = None


class _Asked(Struct, kw_only=True):
    """What both ways to ask have in common."""

    model: str = ""
    stream: bool | None = None
    format: Format | None = None
    keep_alive: KeepAlive | None = None
    options: Json | None = None
    think: Think | None = None
    truncate: bool | None = None
    """False: a conversation that does not fit is refused."""
    shift: bool | None = None
    """False: an answer ends where the context does."""
    logprobs: bool | None = None
    top_logprobs: int | None = None


class OllamaChatRequest(_Asked, kw_only=True):
    """Body of a chat. Without messages the model is loaded, or ejected with keep_alive 0."""

    messages: list[AskedMessage] | None = None
    tools: list[OllamaTool] | None = None


class OllamaGenerateRequest(_Asked, kw_only=True):
    """Body of a completion. Without a prompt the model is loaded, or ejected with keep_alive 0."""

    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    context: list[int] | None = None
    """What an earlier answer returned."""
    raw: bool | None = None
    images: list[str] | None = None


class TokenChoice(Struct, omit_defaults=True):
    """A token, its natural log-probability, its bytes."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class ChosenTokenChoice(TokenChoice, omit_defaults=True):
    """A token of the answer and its likeliest alternatives."""

    top_logprobs: list[TokenChoice] | None = None


class _Answered(Struct, omit_defaults=True, kw_only=True):
    """What both kinds of answers tell; the counts and times only at their end."""

    model: str
    created_at: str
    done: bool
    done_reason: Literal["", "stop", "length", "load", "unload"] = ""
    total_duration: int = 0
    """Nanoseconds, like the other durations."""
    load_duration: int = 0
    prompt_eval_count: int = 0
    prompt_eval_duration: int = 0
    eval_count: int = 0
    eval_duration: int = 0
    logprobs: list[ChosenTokenChoice] | None = None


class OllamaChatAnswer(_Answered, omit_defaults=True, kw_only=True):
    """An answer to a chat, or a line of it."""

    message: OllamaMessage


class OllamaGenerateAnswer(_Answered, omit_defaults=True, kw_only=True):
    """A completion, or a line of it."""

    response: str
    thinking: str = ""
    context: list[int] | None = None
    """Stands for the conversation so far, in a later request."""


class OllamaEmbedRequest(Struct):
    """Texts to embed."""

    model: str = ""
    input: str | list[str] | None = None
    truncate: bool | None = None
    """False: a text that is too long is refused instead of cut."""
    dimensions: int | None = None
    keep_alive: KeepAlive | None = None
    options: Json | None = None


class OllamaEmbedAnswer(Struct, omit_defaults=True):
    """Their vectors, each of length 1."""

    model: str
    embeddings: list[list[float]]
    total_duration: int = 0
    load_duration: int = 0
    prompt_eval_count: int = 0


class OllamaEmbeddingRequest(Struct):
    """A text to embed, in the older form."""

    model: str = ""
    prompt: str | None = None
    keep_alive: KeepAlive | None = None
    options: Json | None = None


class OllamaEmbeddingAnswer(Struct):
    """Its vector."""

    embedding: list[float]
