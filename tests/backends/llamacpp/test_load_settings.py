"""Load settings reach llama.cpp, and those that cannot work are refused by name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from backends.errors import BadLoadSetting, ModelFileMissing, ModelFileTruncated, NotAModelFile
from backends.llamacpp.engine import LlamaCppBackend
from backends.llamacpp.library import log
from backends.llamacpp.parameters import ModelParameters, context_parameters
from backends.types import LoadConfig, LoraAdapter
from tests.backends.contract import request, text_of

pytestmark = pytest.mark.engine

SMALL = 512
WIDTH, RANK = 576, 4  # of SmolLM2, of the adapters


@pytest.fixture
def engine() -> Iterator[LlamaCppBackend]:
    engine = LlamaCppBackend()
    yield engine
    engine.unload()


def load(engine: LlamaCppBackend, model: Path, **settings: Any) -> LlamaCppBackend:
    config = LoadConfig(context_length=SMALL, **settings)
    engine.load(str(model), config, lambda fraction: True)
    return engine


def write_adapter(path: Path, **facts: str) -> Path:
    """A random LoRA adapter for the first query projection of SmolLM2."""
    facts = {"architecture": "llama", "type": "adapter", "kind": "lora", "tensor": "attn_q"} | facts
    writer = gguf.GGUFWriter(path, facts["architecture"])
    writer.add_string("general.type", facts["type"])
    writer.add_string("adapter.type", facts["kind"])
    writer.add_float32("adapter.lora.alpha", float(RANK))
    numbers = np.random.default_rng(5)
    for part, shape in (("lora_a", (RANK, WIDTH)), ("lora_b", (WIDTH, RANK))):
        values = numbers.normal(0, 1, shape).astype(np.float32)
        writer.add_tensor(f"blk.0.{facts['tensor']}.weight.{part}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    "settings",
    [
        {"mmap": False},
        {"mlock": True},
        {"slots": 1},
        {"slots": 16},
        {"swa_full": True},
        {"offload_kv": False},
        {"split_mode": "row"},
        {"kv_type": "f32"},
        {"kv_type": "bf16"},
        {"kv_type": "iq4_nl"},
        {"experts_on_cpu": 8},
        {"flash_attention": False},
        {"rope_freq_scale": 1.0},
    ],
    ids=str,
)
def test_a_model_answers_with_every_setting(
    engine: LlamaCppBackend, smollm2: Path, settings: dict[str, Any]
) -> None:
    assert len(text_of(load(engine, smollm2, **settings).generate(request()))) > 5


def test_settings_of_the_context_reach_llama_cpp(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2, rope_scaling="linear", rope_freq_scale=0.5, rope_freq_base=50_000.0)
    lines = [" ".join(line.split()) for line in log.tail(200)]
    assert "llama_context: freq_base = 50000.0" in lines
    assert "llama_context: freq_scale = 0.5" in lines
    params = context_parameters(LoadConfig(slots=7, offload_kv=False, swa_full=True), 4096)
    assert (params.n_seq_max, params.offload_kqv, params.swa_full) == (7, False, True)
    assert params.n_ctx == 4096


def test_settings_of_the_model_reach_llama_cpp() -> None:
    params = ModelParameters(LoadConfig(mmap=False, mlock=True, split_mode="none")).native
    assert params.load_mode == 2  # llama.h: LLAMA_LOAD_MODE_MLOCK
    assert params.split_mode == 0
    assert ModelParameters(LoadConfig(experts_on_cpu=3)).native.tensor_buft_overrides
    assert not ModelParameters(LoadConfig()).native.tensor_buft_overrides


def test_a_split_over_more_gpus_than_there_can_be_is_refused() -> None:
    with pytest.raises(BadLoadSetting, match="GPUs"):
        ModelParameters(LoadConfig(tensor_split=(1.0,) * 64))


def test_rpc_servers_need_a_build_with_them() -> None:
    with pytest.raises(BadLoadSetting, match="RPC"):
        ModelParameters(LoadConfig(rpc_servers=("127.0.0.1:50052",)))


def test_a_lora_adapter_changes_the_answer(
    engine: LlamaCppBackend, smollm2: Path, tmp_path: Path
) -> None:
    adapter = str(write_adapter(tmp_path / "lora.gguf"))
    plain = text_of(load(engine, smollm2).generate(request()))
    load(engine, smollm2, lora=(LoraAdapter(adapter, 0.0),))
    assert text_of(engine.generate(request())) == plain
    load(engine, smollm2, lora=(LoraAdapter(adapter, 1.0),))
    assert text_of(engine.generate(request())) != plain


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"architecture": "gemma"}, "gemma"),
        ({"type": "model"}, "not a LoRA adapter"),
        ({"kind": "control_vector"}, "not a LoRA adapter"),
        ({"tensor": "attn_nothing"}, "does not fit"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(
    engine: LlamaCppBackend, smollm2: Path, tmp_path: Path, facts: dict[str, str], words: str
) -> None:
    adapter = str(write_adapter(tmp_path / "lora.gguf", **facts))
    with pytest.raises(BadLoadSetting, match=words):
        load(engine, smollm2, lora=(LoraAdapter(adapter),))
    assert text_of(load(engine, smollm2).generate(request()))


def test_a_file_that_is_no_adapter_is_refused(
    engine: LlamaCppBackend, smollm2: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadLoadSetting, match="not a LoRA adapter"):
        load(engine, smollm2, lora=(LoraAdapter(str(smollm2)),))
    with pytest.raises(ModelFileMissing):
        load(engine, smollm2, lora=(LoraAdapter(str(tmp_path / "gone.gguf")),))
    page = tmp_path / "page.gguf"
    page.write_bytes(b"<!doctype html>")
    with pytest.raises(NotAModelFile):
        load(engine, smollm2, lora=(LoraAdapter(str(page)),))
    whole = write_adapter(tmp_path / "lora.gguf").read_bytes()
    page.write_bytes(whole[:40])
    with pytest.raises(ModelFileTruncated):
        load(engine, smollm2, lora=(LoraAdapter(str(page)),))
