"""MLX models in library and runtime."""

import json
import platform
import sys
from pathlib import Path

import pytest

from app.core.errors import ModelError
from app.core.hardware import HardwareSurvey
from app.core.library import ModelLibrary
from app.core.memory import estimate
from app.core.mlx_header import read_mlx_header
from app.core.mlx_support import runs_mlx
from app.core.paths import app_paths
from app.core.runtime import ModelRuntime
from app.core.settings import SettingsStore
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
        finish = finish_of(loaded.engine.generate(ask("Hello", max_tokens=5, temperature=0)))
        assert finish.usage.completion_tokens == 5
    finally:
        runtime.close()
