"""Loading MLX folders, and the settings of a load."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import load_model

from backends.errors import BadLoadSetting, BadRequest, LoadCancelled, ModelLoadError, PromptTooLong
from backends.mlx import model
from backends.mlx.engine import MlxBackend
from backends.types import (
    EmbeddingRequest,
    LoadConfig,
    LoraAdapter,
)
from tests.backends.contract import QUESTION, finish_of, request
from tests.backends.mlx.asking import answer, load
from tests.backends.mlx.tiny_mlx import write_tiny_model

# Loading


def test_progress_is_told_while_the_weights_are_read_and_a_cancel_is_heard(
    engine: MlxBackend, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "_PIECE", 200_000)
    told: list[float] = []

    def note(fraction: float) -> bool:
        told.append(fraction)
        return True

    engine.load(str(tiny), LoadConfig(), note)
    assert len(told) > 10
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    with pytest.raises(LoadCancelled):
        engine.load(str(tiny), LoadConfig(), lambda fraction: fraction < 0.5)
    with pytest.raises(BadRequest, match="No model"):
        engine.count_tokens([QUESTION])


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
def test_half_precision_is_computed_in_32_bits_on_a_processor_and_said_so(
    engine: MlxBackend, tmp_path: Path, dtype: mx.Dtype
) -> None:
    info = load(engine, write_tiny_model(tmp_path / "half", dtype=dtype))
    assert (model.IN_32_BITS in info.notes) == (mx.default_device() == mx.cpu)
    assert answer(engine)


@pytest.mark.parametrize("bits", [4, 8])
def test_quantized_weights_answer(engine: MlxBackend, tmp_path: Path, bits: int) -> None:
    assert load(engine, write_tiny_model(tmp_path / "quantized", bits=bits)).notes == ()
    assert answer(engine)


def test_the_context_is_at_most_what_the_model_was_trained_with(
    engine: MlxBackend, tmp_path: Path
) -> None:
    folder = write_tiny_model(tmp_path / "short", max_position_embeddings=512)
    assert load(engine, folder, context_length=None).context_length == 512
    (note,) = load(engine, folder, context_length=600).notes
    assert "512" in note


def test_settings_without_an_effect_are_named(engine: MlxBackend, tiny: Path) -> None:
    settings = {"rope_freq_scale": 0.5, "tensor_split": (1.0, 2.0), "mlock": True, "threads": 2}
    (note,) = load(engine, tiny, **settings).notes
    assert note == "These load settings have no effect with MLX: RoPE, split over GPUs."


@pytest.mark.parametrize("kv_type", ["q8_0", "q4_0"])
def test_a_quantized_kv_cache_is_smaller_and_goes_back_too(
    engine: MlxBackend, tiny: Path, kv_type: str
) -> None:
    load(engine, tiny)
    plain = answer(engine)
    size = _cache_bytes(engine)
    load(engine, tiny, kv_type=kv_type)
    quantized = answer(engine)
    assert _cache_bytes(engine) < size / 2
    assert finish_of(engine.generate(request())).usage.cached_tokens > 0
    assert quantized[:1] == plain[:1]


def _cache_bytes(engine: MlxBackend) -> int:
    assert engine._loaded is not None
    (sequence,) = engine._loaded.conversations._idle
    return sequence.nbytes


@pytest.mark.parametrize("kv_type", ["q5_1", "f32", "iq4_nl"])
def test_other_types_of_the_kv_cache_are_refused(
    engine: MlxBackend, tiny: Path, kv_type: str
) -> None:
    with pytest.raises(BadLoadSetting, match=kv_type):
        load(engine, tiny, kv_type=kv_type)


def test_a_setting_out_of_range_is_refused(engine: MlxBackend, tiny: Path) -> None:
    with pytest.raises(BadLoadSetting, match="slots"):
        load(engine, tiny, slots=0)


# LoRA adapters


def write_adapter(base: Path, folder: Path, size: float) -> Path:
    """An adapter of mlx-lm's form for both layers."""
    folder.mkdir()
    shape = {"rank": 4, "scale": 10.0, "dropout": 0.0, "keys": ["self_attn.q_proj"]}
    network = load_model(base)[0]
    network.freeze()
    linear_to_lora_layers(network, 2, shape)
    named: Any = tree_flatten(network.trainable_parameters())
    drawn = {name: mx.random.normal(value.shape) * size for name, value in named}
    assert drawn
    mx.save_safetensors(str(folder / "adapters.safetensors"), drawn)
    config = {"fine_tune_type": "lora", "num_layers": 2, "lora_parameters": shape}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def test_an_adapter_changes_the_answer_as_strongly_as_it_is_set(
    engine: MlxBackend, tiny: Path, tmp_path: Path
) -> None:
    load(engine, tiny)
    plain = answer(engine)
    adapter = str(write_adapter(tiny, tmp_path / "adapter", 1.0))
    load(engine, tiny, lora=(LoraAdapter(adapter),))
    assert answer(engine) != plain
    load(engine, tiny, lora=(LoraAdapter(adapter, scale=0.0),))
    assert answer(engine) == plain


def test_what_is_no_adapter_is_refused(engine: MlxBackend, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(BadLoadSetting, match="LoRA adapter"):
        load(engine, tiny, lora=(LoraAdapter(str(tmp_path / "gone.gguf")),))
    adapter = write_adapter(tiny, tmp_path / "adapter", 1.0)
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}', encoding="utf-8")
    with pytest.raises(ModelLoadError, match="adapter"):
        load(engine, tiny, lora=(LoraAdapter(str(adapter)),))


# Embeddings


def test_embeddings_are_unit_vectors_that_depend_on_the_text(
    engine: MlxBackend, tiny: Path
) -> None:
    info = load(engine, tiny, embedding=True)
    assert info.embedding_length == 256
    asked = EmbeddingRequest(("The quick brown fox", "What is it?", "The quick brown fox"))
    first, second, again = (np.array(v) for v in engine.embed(asked).vectors)
    assert float(np.linalg.norm(first)) == pytest.approx(1, abs=1e-5)
    assert float(first @ again) == pytest.approx(1, abs=1e-5)
    assert float(first @ second) < 0.99
    (raw,) = engine.embed(EmbeddingRequest(("The quick brown fox",), normalize=False)).vectors
    assert float(np.linalg.norm(raw)) > 1.5
    with pytest.raises(BadRequest, match="embeddings"):
        engine.generate(request())
    with pytest.raises(PromptTooLong):
        engine.embed(EmbeddingRequest(("word " * 5000,)))
    with pytest.raises(BadRequest):
        engine.embed(EmbeddingRequest(()))


def test_poolings_differ_and_the_unknown_one_is_refused(engine: MlxBackend, tiny: Path) -> None:
    vectors = []
    for pooling in ("mean", "cls", "last", None):
        load(engine, tiny, embedding=True, pooling=pooling)
        vectors.append(engine.embed(EmbeddingRequest(("The quick brown fox",))).vectors[0])
    assert vectors[0] == vectors[3]
    assert len(set(vectors)) == 3
    with pytest.raises(BadLoadSetting, match="rank"):
        load(engine, tiny, embedding=True, pooling="rank")


def test_a_chat_model_does_not_embed(engine: MlxBackend, tiny: Path) -> None:
    load(engine, tiny)
    with pytest.raises(BadRequest, match="load it anew for embeddings"):
        engine.embed(EmbeddingRequest(("x",)))
