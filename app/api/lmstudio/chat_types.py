"""Types of `/api/v1/chat`: request, answer, and the events of a stream."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from app.api.lmstudio.errors import LmStudioError


class InputText(Struct, tag="message"):
    """Text of the user."""

    content: str


class PlainInputText(Struct, tag="text"):
    """The same under its older name."""

    content: str


class InputPicture(Struct, tag="image"):
    """A picture as a data URL."""

    data_url: str


class LmStudioChatRequest(Struct):
    """Body of a chat."""

    model: str
    input: str | list[InputText | PlainInputText | InputPicture]
    system_prompt: str | None = None
    integrations: list[Any] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    max_output_tokens: int | None = None
    reasoning: Literal["off", "low", "medium", "high", "on"] | None = None
    context_length: int | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    ttl: float | None = None


class OutputItem(Struct):
    """A part of the answer."""

    type: Literal["message", "reasoning"]
    content: str


class ChatStats(Struct):
    """Tokens and times of an answer. Times are seconds."""

    input_tokens: int
    total_output_tokens: int
    reasoning_output_tokens: int
    tokens_per_second: float
    time_to_first_token_seconds: float
    model_load_time_seconds: float | UnsetType = UNSET


class LmStudioChatAnswer(Struct):
    """The whole answer."""

    model_instance_id: str
    output: list[OutputItem]
    stats: ChatStats
    response_id: str | UnsetType = UNSET


class ChatStart(Struct, tag="chat.start"):
    """A chat has begun."""

    model_instance_id: str


class ModelLoadStart(Struct, tag="model_load.start"):
    """The model is being loaded."""

    model_instance_id: str


class ModelLoadProgress(Struct, tag="model_load.progress"):
    """How much of it is loaded, 0 to 1."""

    model_instance_id: str
    progress: float


class ModelLoadEnd(Struct, tag="model_load.end"):
    """It is loaded."""

    model_instance_id: str
    load_time_seconds: float


class PromptStart(Struct, tag="prompt_processing.start"):
    """The prompt is being processed."""


class PromptProgress(Struct, tag="prompt_processing.progress"):
    """How much of it is processed, 0 to 1."""

    progress: float


class PromptEnd(Struct, tag="prompt_processing.end"):
    """It is processed."""


class ReasoningStart(Struct, tag="reasoning.start"):
    """Reasoning begins."""


class ReasoningDelta(Struct, tag="reasoning.delta"):
    """A piece of it."""

    content: str


class ReasoningEnd(Struct, tag="reasoning.end"):
    """It has ended."""


class MessageStart(Struct, tag="message.start"):
    """The answer's text begins."""


class MessageDelta(Struct, tag="message.delta"):
    """A piece of it."""

    content: str


class MessageEnd(Struct, tag="message.end"):
    """It has ended."""


class ChatProblem(Struct, tag="error"):
    """Something went wrong."""

    error: LmStudioError


class ChatEnd(Struct, tag="chat.end"):
    """The whole answer once more."""

    result: LmStudioChatAnswer


ChatEvent = (
    ChatStart
    | ModelLoadStart
    | ModelLoadProgress
    | ModelLoadEnd
    | PromptStart
    | PromptProgress
    | PromptEnd
    | ReasoningStart
    | ReasoningDelta
    | ReasoningEnd
    | MessageStart
    | MessageDelta
    | MessageEnd
    | ChatProblem
    | ChatEnd
)
