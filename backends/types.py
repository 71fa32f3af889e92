"""What goes into an engine and what comes out of it.

Every type here crosses the pipe between the program and an engine child as one JSON line, so
all of them are plain, frozen and know how to be encoded by `msgspec`.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

Role = Literal["system", "user", "assistant", "tool"]
KVType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
FinishReason = Literal[
    "stop", "stop_string", "length", "context", "tool_calls", "cancelled", "error"
]
DeltaKind = Literal["text", "reasoning"]
ContextPolicy = Literal["drop_oldest", "stop", "truncate_middle"]
"""What happens to a conversation longer than the context.

`drop_oldest` leaves out whole oldest turns and keeps the system prompt, `truncate_middle` keeps
the first exchange as well, `stop` refuses the prompt and ends an answer with reason `context`.
"""


class ToolCall(Struct, frozen=True):
    """A call of a tool by the model."""

    id: str
    name: str
    arguments: str
    """A JSON object as text."""


class Tool(Struct, frozen=True, omit_defaults=True):
    """A function that the model may call."""

    name: str
    description: str = ""
    parameters: str = '{"type": "object", "properties": {}}'
    """JSON Schema of the arguments, as text."""


class NamedTool(Struct, frozen=True, tag="tool"):
    """The choice of one tool that must be called."""

    name: str


ToolChoice = Literal["auto", "none", "required"] | NamedTool


class ChatMessage(Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation as an engine sees it."""

    role: Role
    content: str
    reasoning: str = ""
    """The model's own reasoning of an earlier turn; the chat template decides what it keeps."""
    tool_calls: tuple[ToolCall, ...] = ()
    """What the assistant called in this turn."""
    tool_call_id: str = ""
    """Of a turn of role `tool`: the call it answers."""
    name: str = ""
    """Of a turn of role `tool`: the tool's name."""
    images: tuple[bytes, ...] = ()
    """Encoded picture files (PNG, JPEG, …), which the model sees before the text."""


class SamplingParams(Struct, frozen=True, omit_defaults=True):
    """How the next token is chosen. Ranges are checked when decoded or by `msgspec.convert`."""

    temperature: Annotated[float, Meta(ge=0, le=5)] = 0.8
    """0 always takes the likeliest token."""
    top_p: Annotated[float, Meta(ge=0, le=1)] = 0.95
    top_k: Annotated[int, Meta(ge=0, le=1000)] = 40
    """0 switches it off."""
    min_p: Annotated[float, Meta(ge=0, le=1)] = 0.05
    repeat_penalty: Annotated[float, Meta(ge=0.5, le=3)] = 1.1
    """1 switches it off."""
    repeat_window: Annotated[int, Meta(ge=0, le=1_000_000)] = 64
    """Tokens of the answer that the three penalties look back on."""
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] = 0.0
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] = 0.0
    typical_p: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Locally typical sampling (Meister et al. 2022); 1 switches it off."""
    top_n_sigma: Annotated[float, Meta(ge=0, le=100)] = 0.0
    """Keeps tokens within so many standard deviations of the largest logit; 0 is off."""
    xtc_probability: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """How often the likeliest tokens above `xtc_threshold` are left out; 0 is off."""
    xtc_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.1
    dry_multiplier: Annotated[float, Meta(ge=0, le=10)] = 0.0
    """Strength of the penalty on repeated sequences (DRY); 0 is off."""
    dry_base: Annotated[float, Meta(ge=1, le=10)] = 1.75
    dry_allowed_length: Annotated[int, Meta(ge=0, le=1000)] = 2
    """Repeated sequences up to this many tokens cost nothing."""
    dry_window: Annotated[int, Meta(ge=-1, le=1_000_000)] = -1
    """Tokens DRY looks back on; -1 is the whole context."""
    dry_breakers: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=40)], ...], Meta(max_length=32)
    ] = ("\n", ":", '"', "*")
    """Texts that end a repeated sequence."""
    mirostat: Literal[0, 1, 2] = 0
    """Version of Mirostat (Basu et al. 2021), which replaces top-k and the like; 0 is off."""
    mirostat_tau: Annotated[float, Meta(ge=0, le=20)] = 5.0
    """Target surprise in bits."""
    mirostat_eta: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """Learning rate."""
    dynamic_temperature: Annotated[float, Meta(ge=0, le=5)] = 0.0
    """The temperature varies by so much to both sides with the entropy; 0 is off."""
    dynamic_temperature_exponent: Annotated[float, Meta(ge=0, le=10)] = 1.0
    logit_bias: Annotated[
        tuple[tuple[Annotated[int, Meta(ge=0)], Annotated[float, Meta(ge=-100, le=100)]], ...],
        Meta(max_length=1024),
    ] = ()
    """Token ids and what is added to their logits; -100 forbids a token."""
    ignore_eos: bool = False
    """Never choose a token that ends the answer."""
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    """Tell the log-probability of every token, and of so many alternatives; None tells none."""
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    """Tokens of the answer at most; None until the context is full."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 2)] | None = None
    """None draws a new seed for every answer."""
    stop: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=16)
    ] = ()
    """Strings that end the answer; they are not part of it."""


class LoraAdapter(Struct, frozen=True):
    """A LoRA adapter and how strongly it works."""

    path: str
    scale: Annotated[float, Meta(ge=-10, le=10)] = 1.0


PARKING_SHARE = 0.10
"""Of this computer's main memory: what resting conversations may take if nobody says otherwise."""


class LoadConfig(Struct, frozen=True, omit_defaults=True):
    """How a model is loaded. None always means: chosen for this computer."""

    context_length: Annotated[int, Meta(ge=256, le=10_485_760)] | None = None
    """Tokens that prompt and answer share; None is min(the model's, 8192)."""
    slots: Annotated[int, Meta(ge=1, le=64)] = 4
    """Sequences that share the context: answers at once, and conversations kept at hand."""
    gpu_layers: Annotated[int, Meta(ge=0, le=1000)] | None = None
    """Layers offloaded to the GPU."""
    threads: Annotated[int, Meta(ge=1, le=256)] | None = None
    """None is physical cores - 1, at least 1."""
    batch_size: Annotated[int, Meta(ge=32, le=8192)] = 512
    """Tokens of the prompt processed in one step (n_batch and n_ubatch)."""
    kv_type: KVType = "f16"
    """Type of the KV cache. A quantized one needs flash attention."""
    flash_attention: bool | None = None
    parking_bytes: Annotated[int, Meta(ge=0)] | None = None
    """Main memory for conversations that gave up their slot, at most.

    None is 10 % of this computer's. It is taken only as chats come to rest, and gives way when
    memory is short, so it is no part of what a load is estimated to take.
    """
    parking_folder: str = ""
    """Folder for those that shall be kept on disk; empty keeps none there."""
    mmap: bool = True
    """Map the weights instead of reading them."""
    mlock: bool = False
    """Keep the weights in main memory."""
    numa: Literal["off", "distribute", "isolate", "numactl"] = "off"
    main_gpu: Annotated[int, Meta(ge=0, le=63)] = 0
    """The GPU that is used alone (`split_mode` none) or holds small tensors (row)."""
    split_mode: Literal["none", "layer", "row"] = "layer"
    tensor_split: Annotated[
        tuple[Annotated[float, Meta(ge=0, le=1e6)], ...], Meta(max_length=64)
    ] = ()
    """Share of each GPU; empty divides by free memory."""
    experts_on_cpu: Annotated[int, Meta(ge=0, le=1000)] = 0
    """Of so many layers, from the first on, the experts stay in main memory."""
    offload_kv: bool = True
    """The KV cache of offloaded layers is on the GPU."""
    swa_full: bool = False
    """Keep the whole cache of windowed layers.

    Several times the memory; in return an earlier point of a chat can be gone back to without
    processing its prompt again.
    """
    rope_scaling: Literal["none", "linear", "yarn", "longrope"] | None = None
    """None takes what the model says."""
    rope_freq_base: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    """0 takes the model's."""
    rope_freq_scale: Annotated[float, Meta(ge=0, le=100)] = 0.0
    """0 takes the model's; 0.5 doubles the reach."""
    lora: Annotated[tuple[LoraAdapter, ...], Meta(max_length=16)] = ()
    draft_model: str = ""
    """Path of a small model with the same vocabulary that guesses ahead (speculative decoding)."""
    draft_tokens: Annotated[int, Meta(ge=1, le=64)] = 8
    """Tokens guessed ahead at most."""
    prompt_lookup: bool = False
    """Guess ahead by what stands in the prompt already."""
    projector: str | None = None
    """Path of the file that lets a vision model see; empty is none.

    None is the one that lies beside the model, as the program finds it; an engine takes none then.
    """
    embedding: bool = False
    """Load for embeddings instead of answers."""
    pooling: Literal["mean", "cls", "last", "rank"] | None = None
    """How an embedding is made of those of its tokens.

    None takes what the model says, or the mean.
    """
    rpc_servers: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    """`host:port` of llama.cpp RPC servers that take a part of the layers."""


class JsonObject(Struct, frozen=True, tag="json_object"):
    """The answer is some JSON object."""


class JsonSchema(Struct, frozen=True, tag="json_schema"):
    """The answer is JSON that a schema allows."""

    schema: str
    """JSON Schema, as text."""


class RegularExpression(Struct, frozen=True, tag="regex"):
    """The whole answer matches a regular expression."""

    pattern: str


class LarkGrammar(Struct, frozen=True, tag="lark"):
    """The answer is a sentence of a Lark grammar (llguidance's dialect)."""

    grammar: str


class GbnfGrammar(Struct, frozen=True, tag="gbnf"):
    """The answer is a sentence of a GBNF grammar (llama.cpp's)."""

    grammar: str


Constraint = JsonObject | JsonSchema | RegularExpression | LarkGrammar | GbnfGrammar


class ReasoningOptions(Struct, frozen=True, omit_defaults=True):
    """Whether and how long a model reasons before it answers, where its template can tell it."""

    mode: Literal["default", "on", "off"] = "default"
    effort: Literal["low", "medium", "high"] | None = None
    budget: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    """Tokens of reasoning at most; then it is closed and the answer begins."""


class GenerationRequest(Struct, frozen=True, omit_defaults=True):
    """One answer asked of a loaded model."""

    id: str
    """Chosen by the caller, unique among the running requests of one engine."""
    messages: tuple[ChatMessage, ...]
    sampling: SamplingParams = SamplingParams()
    continue_last: bool = False
    """Continue the last message, which must be the assistant's, instead of answering it."""
    prompt: str | None = None
    """Continue this text as it is, without a chat template; `messages` is empty then."""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    """The model may call several tools in one answer."""
    constraint: Constraint | None = None
    """What the text after the reasoning must be."""
    reasoning: ReasoningOptions = ReasoningOptions()
    context_policy: ContextPolicy = "drop_oldest"
    conversation: str = ""
    """Requests of one conversation carry the same name; it helps to find its cache again."""
    keep_on_disk: bool = False
    """The conversation's cache may be written to `LoadConfig.parking_folder`."""


class EmbeddingRequest(Struct, frozen=True, omit_defaults=True):
    """Embeddings asked of a model that was loaded for them."""

    texts: tuple[str, ...]
    normalize: bool = True
    """Scale each vector to length 1."""


class Embeddings(Struct, frozen=True):
    """One vector for each text, in order."""

    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int


class MemoryUse(Struct, frozen=True):
    """Memory of a loaded model by purpose, in bytes, all devices together."""

    weights: int
    kv_cache: int
    compute: int


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
    slots: int = 1
    """Requests that are answered at once; more wait."""
    tools: bool = False
    """The template has a form for tools; other models are told of them in the system prompt."""
    vision: bool = False
    reasoning_switch: bool = False
    """`ReasoningOptions.mode` makes a difference."""
    reasoning_effort: bool = False
    """`ReasoningOptions.effort` makes a difference."""
    embedding_length: int = 0
    """Numbers of one embedding; 0 where the model is not loaded for them."""
    chat_format: str = ""
    """Family of the chat format, such as "llama-3"; empty where it is not known."""
    memory: MemoryUse | None = None
    """What the engine says it took; None where it does not tell."""


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
    reasoning_tokens: int = 0
    """Tokens of the reasoning, part of `completion_tokens`."""
    draft_tokens: int = 0
    """Tokens guessed ahead."""
    accepted_tokens: int = 0
    """Guesses that were right."""


class LoadProgress(Struct, frozen=True, tag="load_progress"):
    """How much of a model file is loaded, 0 to 1."""

    fraction: float


class Progress(Struct, frozen=True, tag="progress"):
    """How much of the prompt is processed."""

    processed: int
    """Tokens done, the cached ones included."""
    total: int
    cached: int


class ContextCut(Struct, frozen=True, tag="context_cut"):
    """The conversation is longer than the context; a part of it is left out of this prompt."""

    first_message: int
    """Index in the request's messages of the first one that is kept after the gap."""
    left_out: int
    """Number of messages left out."""


class TokenLogprob(Struct, frozen=True):
    """A token with its natural log-probability."""

    token: int
    text: str
    logprob: float
    alternatives: tuple[tuple[int, str, float], ...] = ()
    """Id, text and log-probability of the likeliest tokens at this place."""


class Delta(Struct, frozen=True, tag="delta", omit_defaults=True):
    """A piece of the answer: whole characters only, never half a stop string.

    An empty text says that tokens were made whose text is still held back.
    """

    text: str
    kind: DeltaKind = "text"
    tokens: int = 1
    """Tokens this piece stands for."""
    logprobs: tuple[TokenLogprob, ...] = ()


class ToolCallStart(Struct, frozen=True, tag="tool_call_start"):
    """The model begins to call a tool."""

    index: int
    """Numbers the calls of one answer from 0."""
    id: str
    name: str


class ToolCallDelta(Struct, frozen=True, tag="tool_call_delta"):
    """A piece of the arguments; the pieces of a complete call join to a JSON object."""

    index: int
    arguments: str


class ToolCallEnd(Struct, frozen=True, tag="tool_call_end"):
    """The call is as complete as it will be."""

    index: int
    complete: bool = True
    """False where the answer ended in the middle of the call: it must not be executed."""
    repaired: bool = False
    """The arguments were not valid JSON and were mended: ask a person before executing it."""


NoteCode = Literal[
    "malformed_tool_call",
    "neutralized_control_tokens",
    "spelled_out_markers",
    "schema_not_enforced",
    "unclosed_reasoning",
    "sampling_left_out",
]


class Note(Struct, frozen=True, tag="note"):
    """Something about this answer that a person should know."""

    code: NoteCode
    text: str


class Finish(Struct, frozen=True, tag="finish"):
    """The end of an answer; always the last event, also after a cancel."""

    reason: FinishReason
    usage: Usage = Usage()
    stop: str = ""
    """The stop string that ended it, where one did."""


GenerationEvent = (
    ContextCut | Progress | Delta | ToolCallStart | ToolCallDelta | ToolCallEnd | Note | Finish
)
GenerationEvents = Iterator[GenerationEvent]


class EngineBuild(Struct, frozen=True):
    """Which engine runs in a child, for reports."""

    name: str
    """For people, such as "llama.cpp"."""
    version: str
    commit: str = ""
    """State of its source, where it is known."""
    id: str = ""
    """Of its folder; "" where it is part of the Python packages."""
    cpu_code: str = ""
    """Which of its codes for the processor is in use; "" where there is only one."""


class EngineStats(Struct, frozen=True):
    """State of a loaded engine, for the log and the window."""

    resident_bytes: int
    """Memory of the engine's process."""
    cached_tokens: int
    """Tokens held in the KV cache."""
    running: int = 0
    """Answers under way."""
    parked: int = 0
    """Conversations kept outside the KV cache."""
    parked_bytes: int = 0
