"""What goes into an engine and what comes out of it.

Every type here crosses the pipe between the program and an engine child as one JSON line, so
all of them are plain, frozen and know how to be encoded by `msgspec`.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

Role = Literal["system", "user", "assistant"]
KVType = Literal["f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]
FinishReason = Literal["stop", "stop_string", "length", "context", "cancelled", "error"]
DeltaKind = Literal["text", "reasoning"]


class ChatMessage(Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation as an engine sees it."""

    role: Role
    content: str
    reasoning: str = ""
    """The model's own reasoning of an earlier turn; the chat template decides what it keeps."""


class SamplingParams(Struct, frozen=True, omit_defaults=True):
    """How the next token is chosen. Ranges are checked when decoded or by `msgspec.convert`."""

    temperature: Annotated[float, Meta(ge=0, le=5)] = 0.8
    """0 always takes the likeliest token."""
    top_p: Annotated[float, Meta(ge=0, le=1)] = 0.95
    top_k: Annotated[int, Meta(ge=0, le=1000)] = 40
    """0 switches it off."""
    min_p: Annotated[float, Meta(ge=0, le=1)] = 0.05
    repeat_penalty: Annotated[float, Meta(ge=0.5, le=3)] = 1.1
    """1 switches it off. Looks at the last 64 tokens."""
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    """Tokens of the answer at most; None until the context is full."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 2)] | None = None
    """None draws a new seed for every answer."""
    stop: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=16)
    ] = ()
    """Strings that end the answer; they are not part of it."""


class LoadConfig(Struct, frozen=True, omit_defaults=True):
    """How a model is loaded. None always means: chosen for this computer."""

    context_length: Annotated[int, Meta(ge=256, le=10_485_760)] | None = None
    """Tokens that prompt and answer share; None is min(the model's, 8192)."""
    gpu_layers: Annotated[int, Meta(ge=0, le=1000)] | None = None
    """Layers offloaded to the GPU."""
    threads: Annotated[int, Meta(ge=1, le=256)] | None = None
    """None is physical cores - 1, at least 1."""
    batch_size: Annotated[int, Meta(ge=32, le=8192)] = 512
    """Tokens of the prompt processed in one step (n_batch and n_ubatch)."""
    kv_type: KVType = "f16"
    """Type of the KV cache. A quantized one needs flash attention."""
    flash_attention: bool | None = None


class GenerationRequest(Struct, frozen=True):
    """One answer asked of a loaded model."""

    id: str
    """Chosen by the caller, unique among the running requests of one engine."""
    messages: tuple[ChatMessage, ...]
    sampling: SamplingParams = SamplingParams()
    continue_last: bool = False
    """Continue the last message, which must be the assistant's, instead of answering it."""


class ModelInfo(Struct, frozen=True):
    """What an engine says of the model it has loaded."""

    architecture: str
    context_length: int
    """Tokens of context in force, after the engine's own rounding."""
    trained_context_length: int
    vocabulary_size: int
    has_chat_template: bool
    reasoning: bool
    """The template or vocabulary has markers for reasoning."""
    gpu_layers: int = 0
    notes: tuple[str, ...] = ()
    """Sentences a person should see, such as a replaced chat template."""


class Usage(Struct, frozen=True):
    """Counts and times of one answer. Times are seconds."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Tokens of the prompt that were in the KV cache already."""
    completion_tokens: int = 0
    time_to_first_token: float | None = None
    """From the start of prompt processing to the first token; None if there was none."""
    tokens_per_second: float | None = None
    """Decode speed after the first token; None below two tokens."""


class LoadProgress(Struct, frozen=True, tag="load_progress"):
    """How much of a model file is loaded, 0 to 1."""

    fraction: float


class Progress(Struct, frozen=True, tag="progress"):
    """How much of the prompt is processed."""

    processed: int
    """Tokens done, the cached ones included."""
    total: int
    cached: int


class Delta(Struct, frozen=True, tag="delta"):
    """A piece of the answer: whole characters only, never half a stop string."""

    text: str
    kind: DeltaKind = "text"
    tokens: int = 1
    """Tokens this piece stands for."""


class Finish(Struct, frozen=True, tag="finish"):
    """The end of an answer; always the last event, also after a cancel."""

    reason: FinishReason
    usage: Usage = Usage()


GenerationEvent = Progress | Delta | Finish
GenerationEvents = Iterator[GenerationEvent]


class EngineStats(Struct, frozen=True):
    """State of a loaded engine, for the log and the window."""

    resident_bytes: int
    """Memory of the engine's process."""
    cached_tokens: int
    """Tokens held in the KV cache."""
