"""The memory estimate against figures that llama.cpp itself reported."""

import pytest

from app.core.gguf import read_header
from app.core.gguf_types import GgufArray, GgufHeader, MetadataValue
from app.core.hardware import Gpu, HardwareSurvey, MemorySnapshot
from app.core.memory import (
    Fit,
    MemoryEstimate,
    compute_buffer_bytes,
    default_config,
    estimate,
    estimate_from_size,
    kv_cache_bytes,
    verdict,
    windowed_layers,
)
from app.core.settings import Engine
from backends.types import KVType, LoadConfig
from tests.core.broken_gguf import tiny_model

MIB = 1024**2
GB = 10**9


def header_of(architecture: str, vocabulary: int, **hyper: MetadataValue) -> GgufHeader:
    metadata: dict[str, MetadataValue] = {"general.architecture": architecture}
    for key, value in hyper.items():
        metadata[f"{architecture}.{key.replace('__', '.')}"] = value
    metadata["tokenizer.ggml.tokens"] = GgufArray(type=8, count=vocabulary, values=None)
    return GgufHeader(
        version=3, metadata=metadata, tensor_count=0, tensors=(), data_offset=0, complete=True
    )


SMOLLM2 = header_of(
    "llama",
    49_152,
    block_count=30,
    context_length=8192,
    embedding_length=576,
    attention__head_count=9,
    attention__head_count_kv=3,
)
GEMMA3 = header_of(
    "gemma3",
    262_144,
    block_count=18,
    context_length=32_768,
    embedding_length=640,
    attention__head_count=4,
    attention__head_count_kv=1,
    attention__key_length=256,
    attention__value_length=256,
    attention__sliding_window=512,
)


@pytest.mark.parametrize(
    ("context", "kv_type", "expected"),
    [
        (512, "f16", 512 * 23_040),
        (600, "f16", 768 * 23_040),
        (8192, "f16", 180 * MIB),
        (8192, "q8_0", 180 * MIB * 34 // 64),
        (8192, "q4_0", 180 * MIB * 18 // 64),
        (32_768, "f16", 720 * MIB),
    ],
)
def test_the_kv_cache_is_exact(context: int, kv_type: KVType, expected: int) -> None:
    assert kv_cache_bytes(SMOLLM2, context, LoadConfig(kv_type=kv_type)) == expected


def test_windowed_layers_need_only_their_window() -> None:
    """Gemma 3 270M at 32k: 111 MiB, where all layers in full would take 576 MiB."""
    assert kv_cache_bytes(GEMMA3, 32_768, LoadConfig()) == 111 * MIB
    assert windowed_layers(GEMMA3).count(True) == 15
    assert windowed_layers(SMOLLM2).count(True) == 0
    in_full = header_of(
        "unheard-of",
        262_144,
        block_count=18,
        embedding_length=640,
        attention__head_count=4,
        attention__head_count_kv=1,
        attention__key_length=256,
        attention__value_length=256,
        attention__sliding_window=512,
    )
    assert kv_cache_bytes(in_full, 32_768, LoadConfig()) == 576 * MIB


def test_a_window_is_never_larger_than_the_context() -> None:
    assert kv_cache_bytes(GEMMA3, 512, LoadConfig()) == 18 * 512 * 1024


def test_the_files_own_pattern_counts() -> None:
    pattern = GgufArray(type=7, count=4, values=(True, True, True, False))
    header = header_of(
        "some",
        1000,
        block_count=8,
        attention__sliding_window=256,
        attention__sliding_window_pattern=pattern,
    )
    assert windowed_layers(header) == (True, True, True, False) * 2


def test_heads_per_layer_are_summed() -> None:
    header = header_of(
        "lfm2",
        1000,
        block_count=4,
        embedding_length=1024,
        attention__head_count=16,
        attention__head_count_kv=GgufArray(type=5, count=4, values=(0, 8, 0, 8)),
    )
    assert kv_cache_bytes(header, 1024, LoadConfig()) == 1024 * 16 * (64 + 64) * 2


def test_a_header_that_lies_costs_no_memory() -> None:
    for layers in (2**32 - 1, -5):
        header = header_of(
            "llama",
            1000,
            block_count=layers,
            embedding_length=2**31,
            attention__head_count=1,
            attention__sliding_window=1,
            attention__sliding_window_pattern=4,
        )
        assert len(windowed_layers(header)) <= 512
        assert estimate(header, LoadConfig(), 1000).total > 0


def test_hybrid_models_have_a_cache_in_some_layers_only() -> None:
    """Qwen3.5 9B: 32 layers, 4 KV heads of 256, a cache in 8 of them: 32,768 bytes a token."""
    header = header_of(
        "qwen35",
        248_320,
        block_count=32,
        embedding_length=4096,
        full_attention_interval=4,
        attention__head_count=16,
        attention__head_count_kv=4,
        attention__key_length=256,
        attention__value_length=256,
    )
    assert kv_cache_bytes(header, 8192, LoadConfig()) == 8192 * 32_768


@pytest.mark.parametrize(
    ("header", "context", "config", "reported"),
    [
        (SMOLLM2, 512, LoadConfig(), 98.25),
        (SMOLLM2, 8192, LoadConfig(), 98.25),
        (SMOLLM2, 2048, LoadConfig(flash_attention=True), 102.51),
        (SMOLLM2, 2048, LoadConfig(flash_attention=False), 99.38),
        (SMOLLM2, 8192, LoadConfig(flash_attention=False), 166.38),
        (GEMMA3, 512, LoadConfig(), 514.5),
        (GEMMA3, 512, LoadConfig(batch_size=128), 128.6),
        (SMOLLM2, 512, LoadConfig(batch_size=128), 25.6),
    ],
)
def test_the_compute_buffer_is_within_seven_per_cent(
    header: GgufHeader, context: int, config: LoadConfig, reported: float
) -> None:
    assert compute_buffer_bytes(header, context, config) / MIB == pytest.approx(reported, rel=0.07)


def test_weights_are_the_file_without_its_header() -> None:
    data = tiny_model().data()
    header = read_header(data)
    need = estimate(header, LoadConfig(context_length=512), len(data))
    assert need.weights == len(data) - header.data_offset
    assert need.total == need.weights + need.kv_cache + need.compute + need.overhead
    assert need.kv_cache == 512 * 2 * (16 + 16) * 2


def test_without_a_setting_the_context_is_the_models_but_at_most_8192() -> None:
    config = LoadConfig(context_length=8192)
    assert estimate(SMOLLM2, LoadConfig(), 10**8) == estimate(SMOLLM2, config, 10**8)
    assert estimate(GEMMA3, LoadConfig(), 10**8) == estimate(GEMMA3, config, 10**8)


def test_estimates_without_a_header_are_near_those_of_real_models() -> None:
    """Llama 3.1 8B has 131,072 bytes of KV cache per token, 70B 327,680."""
    eight = estimate_from_size(4_920_739_232, 8_000_000_000, None)
    assert eight.kv_cache == 8192 * 131_072
    exact = estimate_from_size(42_520_398_816, 70_000_000_000, 8192, 327_680)
    guessed = estimate_from_size(42_520_398_816, 70_000_000_000, None)
    assert guessed.total == pytest.approx(exact.total, rel=0.05)
    longer = estimate_from_size(4_920_739_232, 8_000_000_000, 32_768)
    assert longer.kv_cache == 4 * eight.kv_cache
    assert estimate_from_size(10**9, None, 2048).kv_cache < 2048 * 131_072


def _need(total: int) -> MemoryEstimate:
    return MemoryEstimate(weights=total, kv_cache=0, compute=0, overhead=0)


@pytest.mark.parametrize(
    ("need", "fit"),
    [
        (int(8.5 * GB), Fit.FITS),
        (int(8.5 * GB) + 1, Fit.TIGHT),
        (10 * GB, Fit.TIGHT),
        (10 * GB + 1, Fit.TOO_LARGE),
    ],
)
def test_the_verdict_has_its_limits_at_85_and_100_per_cent(need: int, fit: Fit) -> None:
    result = verdict(_need(need), MemorySnapshot(total=16 * GB, available=10 * GB))
    assert (result.fit, result.need, result.free, result.total) == (fit, need, 10 * GB, 16 * GB)


def test_a_graphics_card_counts_where_the_model_fits_it() -> None:
    memory = MemorySnapshot(total=16 * GB, available=4 * GB)
    card = Gpu("Card", memory_total=24 * GB, memory_free=20 * GB)
    assert verdict(_need(10 * GB), memory, card).fit is Fit.FITS
    assert verdict(_need(10 * GB), memory, card).free == 20 * GB
    assert verdict(_need(19 * GB), memory, card).fit is Fit.TOO_LARGE
    assert verdict(_need(10 * GB), memory, Gpu("Card", 24 * GB, None)).fit is Fit.TOO_LARGE


def _hardware(cores: int) -> HardwareSurvey:
    return HardwareSurvey(
        cpu_name="test",
        physical_cores=cores,
        logical_cores=2 * cores,
        cpu_features=(),
        memory_total=16 * GB,
    )


PLENTY = MemorySnapshot(total=64 * GB, available=60 * GB)


def test_threads_are_physical_cores_less_one() -> None:
    for cores, threads in ((1, 1), (2, 1), (8, 7)):
        config = default_config(SMOLLM2, _hardware(cores), Engine(), memory=PLENTY)
        assert config.threads == threads


def test_what_the_settings_say_stays() -> None:
    chosen = Engine(threads=3, default_load=LoadConfig(context_length=2048, kv_type="q8_0"))
    config = default_config(SMOLLM2, _hardware(8), chosen, memory=MemorySnapshot(GB, 0))
    assert (config.threads, config.context_length, config.kv_type) == (3, 2048, "q8_0")


def test_the_context_shrinks_until_the_model_fits() -> None:
    def context(available: int, header: GgufHeader = SMOLLM2) -> int | None:
        memory = MemorySnapshot(total=64 * GB, available=available)
        return default_config(
            header, _hardware(4), Engine(), file_size=98_362_432, memory=memory
        ).context_length

    assert context(60 * GB) == 8192
    assert context(60 * GB, GEMMA3) == 8192
    smaller = context(450 * MIB)
    assert smaller is not None
    assert 512 < smaller < 8192
    assert context(1 * MIB) == 512
