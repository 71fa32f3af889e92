"""The memory estimate against figures that llama.cpp itself reported."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from app.core.auto_fit import default_config
from app.core.gguf import read_header
from app.core.gguf_types import GgufArray, GgufHeader, MetadataValue
from app.core.hardware import Gpu, HardwareSurvey, MemorySnapshot
from app.core.memory import (
    Fit,
    GuardRails,
    MemoryEstimate,
    estimate,
    estimate_from_size,
    refused,
    spread,
    verdict,
)
from app.core.memory_formulas import compute_buffer_bytes, kv_cache_bytes, windowed_layers
from app.core.settings import Engine
from backends.types import KVType, LoadConfig, LoraAdapter
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
    assert kv_cache_bytes(GEMMA3, 32_768, LoadConfig(slots=1)) == 111 * MIB
    assert kv_cache_bytes(GEMMA3, 32_768, LoadConfig(swa_full=True)) == 576 * MIB
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


@pytest.mark.parametrize(
    ("slots", "batch", "context", "cells"),
    [
        (1, 512, 8192, 1024),
        (2, 512, 8192, 1536),
        (4, 512, 8192, 2560),
        (4, 128, 8192, 2304),
        (4, 2048, 8192, 4096),
        (8, 512, 8192, 4608),
        (16, 512, 8192, 8192),
        (4, 512, 2048, 2048),
    ],
)
def test_every_slot_needs_a_window_and_all_share_one_batch(
    slots: int, batch: int, context: int, cells: int
) -> None:
    """Cells that llama.cpp reported for Gemma 3 270M with n_seq_max slots and a unified cache."""
    config = LoadConfig(slots=slots, batch_size=batch)
    full, windowed = 3 * context * 1024, 15 * cells * 1024
    assert kv_cache_bytes(GEMMA3, context, config) == full + windowed


@pytest.mark.parametrize(
    ("kv_type", "reported"),
    [("f32", 99.0), ("bf16", 49.5), ("q8_0", 26.30), ("q5_1", 18.56), ("iq4_nl", 13.92)],
)
def test_every_type_of_cache_has_its_size(kv_type: KVType, reported: float) -> None:
    """MiB that llama.cpp reported for Gemma 3 270M with 4,096 tokens."""
    config = LoadConfig(kv_type=kv_type)
    assert kv_cache_bytes(GEMMA3, 4096, config) / MIB == pytest.approx(reported, abs=0.01)


def test_every_slot_has_a_recurrent_state() -> None:
    """Qwen3.5 9B: of 32 layers 24 hold a state of 32 x 128 x 128 numbers and 3 columns."""
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
        ssm__conv_kernel=4,
        ssm__inner_size=4096,
        ssm__state_size=128,
        ssm__group_count=16,
    )
    state = (3 * (4096 + 2 * 16 * 128) + 128 * 4096) * 4
    cache = 8192 * 32_768
    for slots in (1, 4):
        config = LoadConfig(slots=slots)
        assert kv_cache_bytes(header, 8192, config) == cache + 24 * slots * state


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
        (SMOLLM2, 8192, LoadConfig(kv_type="q8_0"), 99.38),
        (SMOLLM2, 131_072, LoadConfig(kv_type="q4_0"), 140.42),
        (SMOLLM2, 131_072, LoadConfig(kv_type="q4_0", batch_size=2048), 561.59),
        (SMOLLM2, 2048, LoadConfig(flash_attention=False), 99.38),
        (SMOLLM2, 8192, LoadConfig(flash_attention=False), 166.38),
        (SMOLLM2, 65_536, LoadConfig(flash_attention=False), 1286.38),
        (SMOLLM2, 512, LoadConfig(batch_size=128), 24.56),
        (SMOLLM2, 32_768, LoadConfig(batch_size=2048), 393.01),
        (GEMMA3, 512, LoadConfig(), 514.5),
        (GEMMA3, 512, LoadConfig(batch_size=128), 128.6),
        (GEMMA3, 65_536, LoadConfig(flash_attention=False), 654.76),
        (GEMMA3, 8192, LoadConfig(batch_size=2048), 2058.01),
    ],
)
def test_the_compute_buffer_is_within_five_per_cent(
    header: GgufHeader, context: int, config: LoadConfig, reported: float
) -> None:
    """MiB that llama.cpp reported, without the logits that are handed out."""
    handed_out = (header.vocabulary_size or 0) * 4 * config.slots
    found = compute_buffer_bytes(header, context, config) - handed_out
    assert found / MIB == pytest.approx(reported, rel=0.05)


@pytest.mark.parametrize(
    ("width", "heads", "head", "feed", "context", "kv_type", "reported"),
    [
        (32, 2, 16, 8192, 4096, "f16", 53.02),
        (256, 4, 64, 4096, 4096, "f16", 30.77),
        (256, 4, 64, 4096, 65_536, "f16", 90.77),
        (256, 4, 64, 4096, 4096, "q8_0", 30.33),
        (1024, 8, 64, 64, 4096, "f16", 12.77),
        (1024, 8, 64, 64, 65_536, "f16", 72.77),
    ],
)
def test_wide_layers_and_long_masks_count_where_the_vocabulary_is_small(
    width: int,
    heads: int,
    head: int,
    feed: int,
    context: int,
    kv_type: KVType,
    reported: float,
) -> None:
    """MiB that llama.cpp reported for random models with 382 tokens and a window of 32."""
    header = header_of(
        "gemma3",
        382,
        block_count=6,
        embedding_length=width,
        feed_forward_length=feed,
        attention__head_count=heads,
        attention__head_count_kv=1,
        attention__key_length=head,
        attention__value_length=head,
        attention__sliding_window=32,
    )
    found = compute_buffer_bytes(header, context, LoadConfig(kv_type=kv_type))
    assert found / MIB == pytest.approx(reported, rel=0.1)


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


def test_main_memory_and_graphics_cards_are_judged_apart() -> None:
    card = Gpu("Card", memory_total=24 * GB, memory_free=20 * GB)
    memory = MemorySnapshot(total=16 * GB, available=4 * GB, gpus=(card,))

    def judge(total: int, on_gpu: int, cards: bool = True) -> tuple[Fit, int, bool]:
        need = MemoryEstimate(total, 0, 0, 0, on_gpu)
        found = verdict(need, memory if cards else replace(memory, gpus=()))
        return found.fit, found.free, found.gpu

    assert judge(10 * GB, 9 * GB) == (Fit.FITS, 20 * GB, True)
    assert judge(20 * GB, 19 * GB) == (Fit.TIGHT, 20 * GB, True)
    assert judge(22 * GB, 21 * GB) == (Fit.TOO_LARGE, 20 * GB, True)
    assert judge(14 * GB, 9 * GB) == (Fit.TOO_LARGE, 4 * GB, False)
    assert judge(10 * GB, 9 * GB, cards=False) == (Fit.TOO_LARGE, 4 * GB, False)


def test_a_card_that_does_not_tell_what_is_free_counts_three_quarters() -> None:
    assert Gpu("Card", 24 * GB, None).available == 18 * GB


@pytest.mark.parametrize(
    ("rails", "refuses"),
    [("off", []), ("relaxed", [Fit.TOO_LARGE]), ("strict", [Fit.TIGHT, Fit.TOO_LARGE])],
)
def test_guard_rails_refuse_more_the_stricter_they_are(
    rails: GuardRails, refuses: list[Fit]
) -> None:
    assert [fit for fit in Fit if refused(fit, rails)] == refuses


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


def test_files_that_are_loaded_beside_the_model_count(tmp_path: Path) -> None:
    for name, size in (("draft", 1000), ("mmproj", 200), ("lora", 30)):
        (tmp_path / name).write_bytes(bytes(size))
    config = LoadConfig(
        draft_model=str(tmp_path / "draft"),
        projector=str(tmp_path / "mmproj"),
        lora=(LoraAdapter(str(tmp_path / "lora")), LoraAdapter(str(tmp_path / "away"))),
    )
    with_them = estimate(SMOLLM2, config, 10**8)
    assert with_them.weights == estimate(SMOLLM2, LoadConfig(), 10**8).weights + 1230


def test_a_model_that_is_not_here_yet_may_lie_on_a_card_as_far_as_it_goes() -> None:
    card = Gpu("Card", memory_total=24 * GB, memory_free=20 * GB)
    memory = MemorySnapshot(total=16 * GB, available=4 * GB, gpus=(card,))
    for size, fit in ((19 * GB, Fit.FITS), (20.9 * GB, Fit.TIGHT), (22 * GB, Fit.TOO_LARGE)):
        assert verdict(spread(_need(int(size)), memory), memory).fit is fit
    alone = replace(memory, gpus=())
    assert verdict(spread(_need(5 * GB), alone), alone).fit is Fit.TOO_LARGE


@pytest.mark.parametrize(("slots", "reported"), [(1, 0.03), (4, 0.11)])
def test_a_recurrent_model_has_a_state_for_each_slot_and_no_cache(
    slots: int, reported: float
) -> None:
    """MiB that llama.cpp reported for a random Mamba."""
    header = header_of(
        "mamba",
        382,
        block_count=3,
        embedding_length=64,
        attention__head_count=0,
        ssm__conv_kernel=4,
        ssm__inner_size=128,
        ssm__state_size=16,
    )
    for context in (512, 8192):
        found = kv_cache_bytes(header, context, LoadConfig(slots=slots)) / MIB
        assert found == pytest.approx(reported, abs=0.005)
