"""MLX models in library and runtime."""

import json
import platform
import sys
from pathlib import Path

import pytest
from msgspec import structs

from app.core.architecture import Architecture, architecture_of
from app.core.engine import EngineProcess
from app.core.errors import ModelError
from app.core.graphics import Gpu
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library import ModelLibrary
from app.core.library_types import LocalModel
from app.core.load_plan import NotEnoughMemory, plan_load
from app.core.loaded_model import LoadedModel
from app.core.memory import GuardRails, MemoryEstimate, estimate
from app.core.mlx_header import header_of_config, read_mlx_header
from app.core.mlx_support import runs_mlx
from app.core.paths import app_paths
from app.core.room import Held
from app.core.runtime import ModelRuntime
from app.core.settings import Engine, Settings, SettingsStore
from backends.types import LoadConfig
from tests.backends.scripts import ask, finish_of

HARDWARE = HardwareSurvey("Test CPU", 4, 8, (), 16 * 10**9)


def test_an_mlx_model_is_estimated_by_its_config(tmp_path: Path) -> None:
    shape = {"num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2}
    config = {"model_type": "qwen3", "hidden_size": 512, "head_dim": 128, "text_config": shape}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    need = estimate(read_mlx_header(tmp_path), LoadConfig(context_length=1024), 10**6)
    assert need.kv_cache == 1024 * 4 * 2 * (128 + 128) * 2
    assert need.weights == 10**6
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        read_mlx_header(tmp_path)


def test_a_config_tells_how_a_model_is_built() -> None:
    text = {"num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4}
    config = {
        "model_type": "qwen3_moe",
        "text_config": text,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "vocab_size": True,
        "hidden_size": "wide",
        "sliding_window": 4096,
        "use_sliding_window": False,
    }
    header = header_of_config(config)
    assert header is not None
    assert architecture_of(header) == Architecture(
        "qwen3_moe", layers=48, heads=32, kv_heads=4, experts=128, experts_used=8
    )
    header = header_of_config({**config, "use_sliding_window": True})
    assert header is not None
    assert header.sliding_window == 4096
    assert header_of_config({"num_hidden_layers": 4}) is None


@pytest.mark.parametrize(
    ("system", "machine", "wish", "expected"),
    [
        ("darwin", "arm64", "", True),
        ("darwin", "arm64", "0", False),
        ("darwin", "x86_64", "", False),
        ("linux", "aarch64", "", False),
        ("linux", "x86_64", "1", True),
    ],
)
def test_mlx_is_for_apple_silicon_unless_somebody_wishes_otherwise(
    system: str, machine: str, wish: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setenv("CORRAL_MLX", wish)
    assert runs_mlx() is expected


# Memory

SHAPE = {
    "model_type": "qwen3",
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "hidden_size": 512,
    "head_dim": 128,
    "vocab_size": 1000,
    "max_position_embeddings": 4096,
}
SIZE = 2 * 10**9


@pytest.fixture
def repository(corral_home: Path, monkeypatch: pytest.MonkeyPatch) -> LocalModel:
    """A model of two files that are large and, on the disk, empty."""
    monkeypatch.setenv("CORRAL_MLX", "1")
    folder = app_paths().models / "me" / "large-mlx"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(SHAPE), encoding="utf-8")
    for number in (1, 2):
        with (folder / f"model-0000{number}-of-00002.safetensors").open("wb") as file:
            file.truncate(SIZE // 2)
    library = ModelLibrary(app_paths(), SettingsStore(corral_home / "settings.json"))
    return next(model for model in library.scan() if model.format == "mlx")


def computer(free: int, total: int = 64 * 10**9) -> MemorySnapshot:
    return MemorySnapshot(total, free)


def test_an_mlx_model_larger_than_memory_is_refused_before_an_engine_starts(
    repository: LocalModel, corral_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.runtime.memory_snapshot", lambda: computer(10**9, 8 * 10**9))
    monkeypatch.setattr(EngineProcess, "start", lambda engine: pytest.fail("an engine started"))
    runtime = ModelRuntime(SettingsStore(corral_home / "settings.json"), HARDWARE)
    try:
        with pytest.raises(NotEnoughMemory) as caught:
            runtime.load(repository)
    finally:
        runtime.close()
    assert "2.0 GB for the model" in caught.value.message
    assert "1.0 GB free of 8.0 GB" in caught.value.message
    assert caught.value.verdict is not None
    assert caught.value.verdict.need > SIZE


@pytest.mark.parametrize(
    ("rails", "share", "refused"),
    [("strict", 0.9, True), ("strict", 0.8, False), ("relaxed", 1.1, True), ("off", 1.1, False)],
)
def test_guard_rails_and_force_hold_for_mlx_models(
    repository: LocalModel, rails: GuardRails, share: float, refused: bool
) -> None:
    config = LoadConfig(context_length=2048)
    settings = Settings(engine=Engine(guard_rails=rails))
    need = plan_load(repository, config, settings, HARDWARE, computer(60 * 10**9)).need
    assert need.kv_cache == 2048 * 4 * 2 * (128 + 128) * 2
    assert SIZE <= need.weights < SIZE + 10**4
    little = computer(round(need.total / share))
    if refused:
        with pytest.raises(NotEnoughMemory):
            plan_load(repository, config, settings, HARDWARE, little)
        forced = plan_load(repository, config, settings, HARDWARE, little, force=True)
        assert bool(forced.warning) is (share > 1)
    else:
        plan = plan_load(repository, config, settings, HARDWARE, little)
        assert bool(plan.warning) is (rails == "off")


def test_an_mlx_model_has_no_use_for_the_memory_of_a_graphics_card(
    repository: LocalModel,
) -> None:
    card = Gpu("Card", 24 * 10**9, 24 * 10**9)
    memory = structs.replace(computer(10**9), gpus=(card,))
    with pytest.raises(NotEnoughMemory):
        plan_load(repository, LoadConfig(), Settings(), HARDWARE, memory)
    plenty = structs.replace(computer(8 * 10**9), gpus=(card,))
    plan = plan_load(repository, LoadConfig(), Settings(), HARDWARE, plenty)
    assert plan.need.on_gpu == 0
    assert plan.config.context_length == 4096


def test_idle_models_are_ejected_for_an_mlx_model(repository: LocalModel) -> None:
    idle = Held("idle", "Idle", MemoryEstimate(0, 0, 0, 4 * 10**9))
    little = computer(10**9)
    plan = plan_load(repository, LoadConfig(), Settings(), HARDWARE, little, held=[idle])
    assert plan.ejected == ("idle",)


def test_an_mlx_model_gives_back_its_weights_even_where_the_system_does_not_tell_them(
    repository: LocalModel,
) -> None:
    need = plan_load(repository, LoadConfig(), Settings(), HARDWARE, computer(60 * 10**9)).need
    engine = EngineProcess("mlx")  # not started: nothing is told of its memory
    loaded = LoadedModel(repository, LoadConfig(), engine, LoadConfig(), need, state="ready")
    assert loaded.held.returned == need.weights


def test_a_listed_mlx_model_is_loaded_and_answers(
    corral_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlx.core", reason="MLX is not installed on this system")
    from tests.backends.mlx.tiny_mlx import write_tiny_model

    monkeypatch.setenv("CORRAL_MLX", "1")
    settings = SettingsStore(corral_home / "settings.json")
    library = ModelLibrary(app_paths(), settings)
    write_tiny_model(app_paths().models / "me" / "tiny-mlx")
    model = next(model for model in library.scan() if model.format == "mlx")
    runtime = ModelRuntime(settings, HARDWARE)
    try:
        loaded = runtime.load(model)
        assert loaded.info is not None
        assert loaded.info.architecture == "llama"
        assert loaded.need is not None
        assert loaded.need.weights == model.size
        finish = finish_of(loaded.engine.generate(ask("Hello", max_tokens=5, temperature=0)))
        assert finish.usage.completion_tokens == 5
    finally:
        runtime.close()
