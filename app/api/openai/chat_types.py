"""Types of `/v1/chat/completions`, request and answer, as OpenAI documents them."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Json = dict[str, Any]


class TextPart(Struct, tag="text"):
    """Text within a message."""

    text: str


class RefusalPart(Struct, tag="refusal"):
    """An assistant's refusal within a message."""

    refusal: str


class ImageUrl(Struct):
    """Where a picture is; only data URLs are read."""

    url: str
    detail: str | None = None


class ImagePart(Struct, tag="image_url"):
    """A picture within a message."""

    image_url: ImageUrl


Part = TextPart | RefusalPart | ImagePart


class CalledFunction(Struct):
    """What was called, and the arguments as JSON text."""

    name: str
    arguments: str = "{}"


class Call(Struct):
    """A call of an earlier answer."""

    function: CalledFunction
    id: str = ""
    type: str = "function"


class Message(Struct):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    """Reasoning of an earlier answer, as several servers name it."""
    reasoning: str | None = None


class Function(Struct):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class FunctionTool(Struct):
    """A tool of the only kind that runs at the client."""

    function: Function
    type: Literal["function"] = "function"


class FunctionName(Struct):
    """A function by its name."""

    name: str


class ChosenTool(Struct, tag="function"):
    """The one tool that must be called."""

    function: FunctionName


class AllowedTools(Struct):
    """Which of the tools may be called, and whether one must be."""

    mode: Literal["auto", "required"]
    tools: list[ChosenTool]


class AllowedToolChoice(Struct, tag="allowed_tools"):
    """Some of the tools only."""

    allowed_tools: AllowedTools


class TextFormat(Struct, tag="text"):
    """Any text."""


class JsonFormat(Struct, tag="json_object"):
    """Some JSON object."""


class NamedSchema(Struct):
    """A JSON Schema with a name."""

    name: str = ""
    schema: Json | None = None
    strict: bool | None = None
    description: str | None = None


class SchemaFormat(Struct, tag="json_schema"):
    """JSON by a schema."""

    json_schema: NamedSchema


class StreamOptions(Struct):
    """What a stream shall tell besides."""

    include_usage: bool | None = None


class ReasoningChoice(Struct):
    """OpenRouter's and the Responses API's form of the reasoning effort."""

    effort: str | None = None
    max_tokens: int | None = None
    enabled: bool | None = None


class ChatRequest(Struct):
    """Body of a chat completion. Fields that are not here are ignored."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: Literal["auto", "none", "required"] | ChosenTool | AllowedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | JsonFormat | SchemaFormat | None = None
    reasoning_effort: str | None = None
    reasoning: ReasoningChoice | None = None
    ignore_eos: bool | None = None
    """llama.cpp's: no token that ends the answer is chosen."""
    modalities: list[str] | None = None
    web_search_options: Json | None = None
    functions: list[Json] | None = None
    ttl: Annotated[int, Meta(ge=1)] | None = None
    """LM Studio's: seconds without use after which the model is ejected."""


class TokenChance(Struct):
    """A token, its natural log-probability, its bytes."""

    token: str
    logprob: float
    bytes: list[int]


class ChosenToken(TokenChance):
    """A token of the answer and its likeliest alternatives."""

    top_logprobs: list[TokenChance]


class Logprobs(Struct):
    """Log-probabilities of the text."""

    content: list[ChosenToken]
    refusal: None = None


class AnsweredFunction(Struct):
    """What the model calls."""

    name: str
    arguments: str


class AnsweredCall(Struct):
    """A call in the answer."""

    id: str
    function: AnsweredFunction
    type: Literal["function"] = "function"


class AnswerMessage(Struct):
    """The answer itself."""

    content: str | None
    role: Literal["assistant"] = "assistant"
    refusal: None = None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[AnsweredCall] | UnsetType = UNSET


FinishName = Literal["stop", "length", "tool_calls", "content_filter"]


class Choice(Struct):
    """One of the answers."""

    index: int
    message: AnswerMessage
    finish_reason: FinishName
    logprobs: Logprobs | None = None


class PromptDetails(Struct, frozen=True):
    """Of the tokens of the prompt."""

    cached_tokens: int = 0
    audio_tokens: int = 0


class CompletionDetails(Struct, frozen=True):
    """Of the tokens of the answer."""

    reasoning_tokens: int = 0
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class TokenUsage(Struct):
    """Tokens of the prompt and of all answers."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails = PromptDetails()
    completion_tokens_details: CompletionDetails = CompletionDetails()


class ChatCompletion(Struct):
    """The whole answer."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage
    object: Literal["chat.completion"] = "chat.completion"
    system_fingerprint: str = "corral"
    service_tier: None = None


class FunctionPiece(Struct, omit_defaults=True):
    """A piece of a call."""

    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET


class CallPiece(Struct, omit_defaults=True):
    """A piece of a call; the first one of each has its id and name."""

    index: int
    function: FunctionPiece
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET


class MessagePiece(Struct, omit_defaults=True):
    """What came."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[CallPiece] | UnsetType = UNSET


class ChoicePiece(Struct):
    """What came of one answer."""

    index: int
    delta: MessagePiece
    finish_reason: FinishName | None = None
    logprobs: Logprobs | None = None


class ChatChunk(Struct):
    """One event of a stream."""

    id: str
    created: int
    model: str
    choices: list[ChoicePiece]
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    system_fingerprint: str = "corral"
    usage: TokenUsage | UnsetType | None = UNSET
