"""Where a model's parts lie, and what is chosen so that it fits."""

import pytest
from msgspec import structs

from app.core.auto_fit import default_config
from app.core.estimate_corrections import Correction
from app.core.gguf_types import GgufArray, GgufHeader, GgufTensor, MetadataValue
from app.core.hardware import Gpu, HardwareSurvey, MemorySnapshot
from app.core.memory import FITS_SHARE, GPU_OVERHEAD, Fit, estimate, verdict
from app.core.memory_split import weight_shares
from app.core.settings import Engine
from backends.types import LoadConfig

GB = 10**9
HARDWARE = HardwareSurvey("test", 8, 16, (), 64 * GB)
F16 = 1


def llama(tensors: tuple[GgufTensor, ...] = (), **more: MetadataValue) -> GgufHeader:
    """Llama 3.1 8B."""
    hyper: dict[str, MetadataValue] = {
        "general.architecture": "llama",
        "llama.block_count": 32,
        "llama.context_length": 131_072,
        "llama.embedding_length": 4096,
        "llama.feed_forward_length": 14_336,
        "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 8,
        "tokenizer.ggml.tokens": GgufArray(type=8, count=128_256, values=None),
        **more,
    }
    return GgufHeader(
        version=3,
        metadata=hyper,
        tensor_count=len(tensors),
        tensors=tensors,
        data_offset=0,
        complete=True,
    )


SIZE = 4_920_000_000


def memory(main: float, *cards: float) -> MemorySnapshot:
    gpus = tuple(Gpu(f"Card {size}", round(size * GB), round(size * GB)) for size in cards)
    return MemorySnapshot(64 * GB, round(main * GB), gpus)


def chosen(space: MemorySnapshot, config: LoadConfig | None = None) -> LoadConfig:
    engine = Engine(default_load=config or LoadConfig())
    return default_config(llama(), HARDWARE, engine, file_size=SIZE, memory=space)


def need(config: LoadConfig) -> tuple[int, int]:
    found = estimate(llama(), config, SIZE)
    return found.on_gpu, found.in_main


def test_a_card_with_room_takes_the_whole_model() -> None:
    config = chosen(memory(8, 24))
    assert (config.gpu_layers, config.context_length) == (33, 8192)
    on_gpu, in_main = need(config)
    assert on_gpu > 0.9 * SIZE
    assert in_main < 1 * GB


def test_a_small_card_takes_as_many_layers_as_fit_and_no_more() -> None:
    space = memory(16, 4)
    config = chosen(space)
    layers = config.gpu_layers
    assert layers is not None
    assert 0 < layers < 33
    assert need(config)[0] <= FITS_SHARE * space.gpu_available
    more = structs.replace(config, gpu_layers=layers + 1)
    assert need(more)[0] > FITS_SHARE * space.gpu_available


def test_a_card_without_room_takes_nothing() -> None:
    config = chosen(memory(16, 0.5))
    assert config.gpu_layers == 0
    assert need(config)[0] == 0


def test_two_cards_count_together() -> None:
    assert chosen(memory(16, 4, 4)).gpu_layers == chosen(memory(16, 8)).gpu_layers


def test_a_card_that_is_used_alone_counts_alone() -> None:
    alone = LoadConfig(split_mode="none", main_gpu=1)
    found = chosen(memory(16, 24, 4), alone)
    assert found.gpu_layers == chosen(memory(16, 4)).gpu_layers


def test_without_a_usable_card_the_layers_are_left_to_the_engine() -> None:
    assert chosen(memory(16)).gpu_layers is None


def test_the_context_shrinks_where_card_and_main_memory_are_both_short() -> None:
    config = chosen(memory(5.2, 2))
    assert config.context_length is not None
    assert config.context_length < 8192
    assert verdict(estimate(llama(), config, SIZE), memory(5.2, 2)).fit is Fit.FITS


def test_layers_and_context_that_a_person_set_stay() -> None:
    config = chosen(memory(5.2, 2), LoadConfig(gpu_layers=5))
    assert config.gpu_layers == 5
    config = chosen(memory(8, 4), LoadConfig(context_length=16_384))
    assert config.context_length == 16_384
    assert config.gpu_layers


def test_what_was_learned_counts() -> None:
    def context(correction: Correction) -> int:
        found = default_config(
            llama(),
            HARDWARE,
            Engine(),
            file_size=SIZE,
            memory=memory(8),
            correction=correction,
        )
        return found.context_length or 0

    assert context(Correction(kv_cache=0.25)) > context(Correction(kv_cache=2.0))


def test_parts_on_the_card_grow_with_the_layers_and_all_is_counted_once() -> None:
    sizes = [need(LoadConfig(context_length=8192, gpu_layers=layers)) for layers in range(34)]
    cards = [on_gpu for on_gpu, _ in sizes]
    assert cards == sorted(cards)
    assert cards[0] == 0
    whole = sum(sizes[0])
    for on_gpu, in_main in sizes[1:]:
        assert on_gpu + in_main >= whole
        assert on_gpu + in_main < whole + 1.5 * GB + GPU_OVERHEAD


def test_a_kv_cache_in_main_memory_is_not_on_the_card() -> None:
    config = LoadConfig(context_length=32_768, gpu_layers=33)
    kept = structs.replace(config, offload_kv=False)
    assert need(config)[0] - need(kept)[0] == estimate(llama(), config, SIZE).kv_cache


def tensor(name: str, numbers: int) -> GgufTensor:
    return GgufTensor(name, (numbers,), F16, 0)


def mixture() -> tuple[GgufTensor, ...]:
    layers = [
        each
        for layer in range(32)
        for each in (
            tensor(f"blk.{layer}.attn_q.weight", 1000),
            tensor(f"blk.{layer}.ffn_up_exps.weight", 9000),
        )
    ]
    return (
        tensor("token_embd.weight", 5000),
        tensor("output.weight", 6000),
        tensor("output_norm.weight", 10),
        *layers,
    )


def test_weights_are_shared_out_by_the_tensors() -> None:
    shares = weight_shares(llama(mixture()), 10**9)
    assert shares.layers == (20_000,) * 32
    assert shares.experts == (18_000,) * 32
    assert (shares.embeddings, shares.output) == (10_000, 12_020)


def test_embeddings_that_are_the_output_too_lie_in_both_places() -> None:
    tied = tuple(each for each in mixture() if each.name != "output.weight")
    shares = weight_shares(llama(tied), 10**9)
    assert shares.output == shares.embeddings + 20


def test_experts_of_the_first_layers_stay_in_main_memory_when_asked() -> None:
    header = llama(mixture())
    size = sum(each.size for each in header.tensors)
    config = LoadConfig(context_length=512, gpu_layers=33)
    all_there = estimate(header, config, size)
    kept = estimate(header, structs.replace(config, experts_on_cpu=10), size)
    assert all_there.on_gpu - kept.on_gpu == pytest.approx(10 * 18_000, abs=1)


def test_a_header_read_in_part_shares_evenly() -> None:
    shares = weight_shares(llama(), SIZE)
    assert len(set(shares.layers)) == 1
    assert sum(shares.layers) + shares.embeddings == pytest.approx(SIZE, rel=0.001)
    assert shares.embeddings == pytest.approx(128_256 * 4096 * 5 / 8, rel=0.01)
