"""Types of LM Studio's first interface, `/api/v0`: OpenAI's with more to tell."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from app.api.openai.chat_types import StreamOptions


class ModelRow(Struct):
    """A model."""

    id: str
    type: Literal["llm", "vlm", "embeddings"]
    publisher: str
    arch: str
    compatibility_type: str
    quantization: str
    state: Literal["loaded", "not-loaded"]
    max_context_length: int
    object: Literal["model"] = "model"
    loaded_context_length: int | UnsetType = UNSET
    capabilities: list[str] | UnsetType = UNSET


class ModelRows(Struct):
    """All models."""

    data: list[ModelRow]
    object: Literal["list"] = "list"


class Stats(Struct):
    """What an answer took. Times are seconds."""

    tokens_per_second: float
    time_to_first_token: float
    generation_time: float
    stop_reason: str


class ModelFacts(Struct):
    """What answered."""

    arch: str
    quant: str
    format: str
    context_length: int


class RuntimeFacts(Struct):
    """By which engine."""

    name: str
    version: str
    supported_formats: list[str]


class TextRequest(Struct):
    """Body of a text completion."""

    model: str
    prompt: str
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
    max_tokens: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    ttl: float | None = None


class TextUsage(Struct):
    """Tokens."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: int | UnsetType = UNSET


class TextChoice(Struct):
    """The text."""

    text: str
    finish_reason: str | None = None
    index: int = 0
    logprobs: None = None


class TextAnswer(Struct):
    """A text completion, or a piece of it."""

    id: str
    created: int
    model: str
    choices: list[TextChoice]
    object: Literal["text_completion"] = "text_completion"
    usage: TextUsage | UnsetType = UNSET
    stats: Stats | UnsetType = UNSET
    model_info: ModelFacts | UnsetType = UNSET
    runtime: RuntimeFacts | UnsetType = UNSET


class VectorRequest(Struct):
    """Texts to embed."""

    model: str
    input: str | list[str | int | list[int]]
    """A text or several; tokens are refused, as each model numbers its own."""
    ttl: float | None = None


class VectorRow(Struct):
    """The vector of a text."""

    embedding: list[float]
    index: int
    object: Literal["embedding"] = "embedding"


class VectorAnswer(Struct):
    """All vectors."""

    data: list[VectorRow]
    model: str
    usage: TextUsage
    object: Literal["list"] = "list"


class ChatAnswerMore(Struct):
    """OpenAI's chat completion, with what it took and by what it was made."""

    id: str
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any]
    stats: Stats
    model_info: ModelFacts
    runtime: RuntimeFacts
    object: Literal["chat.completion"] = "chat.completion"
    system_fingerprint: str = field(default="corral")
