"""How llama.cpp lays out its buffers: KV cache, recurrent state, compute buffer, weights.

All sizes are bytes. Checked against the sizes that llama.cpp logs; `packaging/bench_memory.py`
repeats that.
"""

from collections.abc import Sequence

from app.core.gguf_types import GgufArray, GgufHeader
from backends.types import KVType, LoadConfig

MAX_LAYERS = 512
"""More than this no engine takes (LLAMA_MAX_LAYERS)."""

FLOAT = 4
"""Bytes of an f32, which all intermediate results are."""

KV_BYTES: dict[KVType, float] = {
    "f32": 4.0,
    "f16": 2.0,
    "bf16": 2.0,
    "q8_0": 34 / 32,
    "q5_1": 24 / 32,
    "q5_0": 22 / 32,
    "q4_1": 20 / 32,
    "q4_0": 18 / 32,
    "iq4_nl": 18 / 32,
}
"""Bytes per number in the KV cache (block size / elements, ggml-common.h)."""

UNQUANTIZED: frozenset[KVType] = frozenset({"f32", "f16", "bf16"})
"""Types of the KV cache that work without flash attention."""


def layer_count(header: GgufHeader) -> int:
    """Layers of the model; a header fresh from the hub may announce any number."""
    return min(max(header.block_count or 0, 0), MAX_LAYERS)


def per_layer(value: int | Sequence[int] | None, layers: int) -> tuple[int, ...]:
    """A hyper-parameter that is one number for all layers, or one for each; 0 where none is."""
    if value is None or isinstance(value, int):
        return (max(0, value or 0),) * layers
    known = tuple(max(0, each) for each in value[:layers])
    return known + (0,) * (layers - len(known))


def round_up(count: int, step: int = 256) -> int:
    """`count` rounded up to a multiple of `step`: cells come in blocks of 256."""
    return -(-count // step) * step


def window_cells(header: GgufHeader, context: int, config: LoadConfig) -> int:
    """Cells of a windowed layer: a window for each slot and one batch, never above the context.

    With `swa_full` they are as many as the context has (llama.cpp, llama_kv_cache_iswa).
    """
    cells = round_up(context)
    if not header.sliding_window or config.swa_full:
        return cells
    return min(cells, round_up(header.sliding_window * config.slots + config.batch_size))


def kv_layer_bytes(header: GgufHeader, context: int, config: LoadConfig) -> tuple[int, ...]:
    """KV cache of each layer: cells x KV heads x (key length + value length) x bytes.

    All slots share the cells, which are the context rounded up to 256. Hybrid models have a cache
    in every `full_attention_interval`-th layer only. Exact for every type.
    """
    layers = layer_count(header)
    windowed = windowed_layers(header)
    in_window, in_full = window_cells(header, context, config), round_up(context)
    numbers = (header.key_length or 0) + (header.value_length or 0)
    interval = header.hyper_integer("full_attention_interval") or 1
    return tuple(
        round((in_window if windowed[layer] else in_full) * heads * numbers * _kv_bytes(config))
        if (layer + 1) % interval == 0
        else 0
        for layer, heads in enumerate(per_layer(header.head_count_kv, layers))
    )


def _kv_bytes(config: LoadConfig) -> float:
    return KV_BYTES[config.kv_type]


def recurrent_layer_bytes(header: GgufHeader, config: LoadConfig) -> tuple[int, ...]:
    """State of each recurrent layer (Mamba, gated delta nets, short convolutions), for all slots.

    (kernel - 1) x (inner + 2 x groups x state) + state x inner numbers in f32 for each slot
    (llama.cpp, llama_hparams::n_embd_r and n_embd_s).
    """
    layers = layer_count(header)
    interval = header.hyper_integer("full_attention_interval") or 1
    heads = per_layer(header.head_count_kv, layers)
    size = _state_numbers(header) * FLOAT * config.slots
    return tuple(
        size if (layer + 1) % interval or not heads[layer] else 0 for layer in range(layers)
    )


def _state_numbers(header: GgufHeader) -> int:
    shortconv = header.hyper_integer("shortconv.l_cache") or 0
    if shortconv:
        return max(0, shortconv - 1) * (header.embedding_length or 0)
    inner = header.hyper_integer("ssm.inner_size") or 0
    state = header.hyper_integer("ssm.state_size") or 0
    groups = header.hyper_integer("ssm.group_count") or 0
    kernel = header.hyper_integer("ssm.conv_kernel") or 1
    return max(0, max(0, kernel - 1) * (inner + 2 * groups * state) + state * inner)


def kv_cache_bytes(header: GgufHeader, context: int, config: LoadConfig) -> int:
    """KV cache and recurrent state of all layers."""
    return sum(kv_layer_bytes(header, context, config)) + sum(recurrent_layer_bytes(header, config))


_WINDOW_PERIODS = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "olmo2": 4}
"""Every n-th layer sees the whole context. Belongs to the architecture (llama.cpp src/models)."""


def windowed_layers(header: GgufHeader) -> tuple[bool, ...]:
    """Which layers look back over a sliding window only.

    From the file's own `sliding_window_pattern` where it has one, else from the architecture. An
    unknown one counts as full attention, which overstates.
    """
    layers = layer_count(header)
    pattern = header.hyper("attention.sliding_window_pattern")
    period = pattern if isinstance(pattern, int) else _WINDOW_PERIODS.get(header.architecture)
    if header.sliding_window is None:
        return (False,) * layers
    if isinstance(pattern, GgufArray) and pattern.values:
        flags = [bool(value) for value in pattern.values]
        return tuple(flags[layer % len(flags)] for layer in range(layers))
    if not period or isinstance(period, bool):
        return (False,) * layers
    return tuple(layer % period < period - 1 for layer in range(layers))


def logits_bytes(header: GgufHeader, config: LoadConfig, batch: int) -> int:
    """The end of the graph: the logits of a whole batch and two or three rows of its width."""
    rows = 2 if config.kv_type in UNQUANTIZED else 3
    width = header.embedding_length or 0
    return batch * FLOAT * ((header.vocabulary_size or 0) + rows * width)


def layer_compute_bytes(header: GgufHeader, context: int, config: LoadConfig, batch: int) -> int:
    """The largest layer of the graph: attention or feed-forward, and the masks of both caches.

    Flash attention keeps its mask in f16 and no scores; without it the scores of every head and a
    mask lie there in f32. It is on unless it was switched off: llama.cpp's "auto" finds it on
    every CPU.
    """
    layers = layer_count(header)
    width = header.embedding_length or 0
    head = header.key_length or 0
    heads = max(per_layer(header.head_count, layers), default=0)
    kv_heads = max(per_layer(header.head_count_kv, layers), default=0)
    cells = round_up(context)
    masks = cells + (window_cells(header, context, config) if header.sliding_window else 0)
    feed = 3 * _feed_forward_length(header) + 4 * width
    attention = 2 * width + 3 * heads * head + 2 * kv_heads * head
    if config.flash_attention is False:
        attention += heads * cells
        mask_bytes = masks * FLOAT
    else:
        mask_bytes = masks * 2
    return batch * (mask_bytes + FLOAT * max(feed, attention))


def _feed_forward_length(header: GgufHeader) -> int:
    """Numbers in the middle of a feed-forward layer; of all experts that work on one token."""
    dense = max(per_layer(header.feed_forward_length, layer_count(header)), default=0)
    used = header.hyper_integer("expert_used_count") or 0
    expert = header.hyper_integer("expert_feed_forward_length") or (dense if used else 0)
    return max(dense, used * expert)


def output_bytes(header: GgufHeader, config: LoadConfig) -> int:
    """Logits that are handed out: one row for each slot."""
    return (header.vocabulary_size or 0) * FLOAT * config.slots


def batch_tokens(context: int, config: LoadConfig) -> int:
    """Tokens of one step: the batch size, but no more than the context has."""
    return min(config.batch_size, round_up(context))


def compute_buffer_bytes(header: GgufHeader, context: int, config: LoadConfig) -> int:
    """All intermediate results of one batch: its largest moment, and the logits handed out."""
    batch = batch_tokens(context, config)
    layers = layer_compute_bytes(header, context, config, batch)
    return max(layers, logits_bytes(header, config, batch)) + output_bytes(header, config)
