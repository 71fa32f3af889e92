"""Adapters that came with a model are loaded with it."""

from pathlib import Path

import pytest

from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_scan import find_models
from app.core.library_types import LocalModel
from app.core.load_plan import plan_load
from app.core.runtime import ModelRuntime
from app.core.settings import Settings, SettingsStore
from backends.types import (
    ChatMessage,
    Delta,
    GenerationRequest,
    LoadConfig,
    LoraAdapter,
    SamplingParams,
)
from tests.backends.llamacpp.test_load_settings import write_adapter
from tests.core.broken_gguf import tiny_model

HARDWARE = HardwareSurvey("Test CPU", 4, 8, (), 16 * 10**9)
ENOUGH = MemorySnapshot(8 * 10**9, 8 * 10**9)


def test_they_are_added_to_the_settings_unless_these_name_them(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny_model().data())
    adapter = tmp_path / "ollama-adapter-1.gguf"
    adapter.write_bytes(tiny_model().data())
    model = LocalModel("tiny", "Tiny", path, (path, adapter), path.stat().st_size)

    def planned(*lora: LoraAdapter) -> tuple[LoraAdapter, ...]:
        return plan_load(model, LoadConfig(lora=lora), Settings(), HARDWARE, ENOUGH).config.lora

    assert planned() == (LoraAdapter(str(adapter)),)
    off = LoraAdapter(str(adapter), 0.0)
    assert planned(off) == (off,)
    other = LoraAdapter("/elsewhere.gguf")
    assert planned(other) == (other, LoraAdapter(str(adapter)))


def test_the_library_lists_them_with_the_model_and_not_by_themselves(tmp_path: Path) -> None:
    for name in ("tiny.gguf", "ollama-adapter-1.gguf", "mmproj-tiny.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    (found,) = find_models(tmp_path, "corral")
    assert found.path.name == "tiny.gguf"
    assert [path.name for path in found.companions] == ["mmproj-tiny.gguf", "ollama-adapter-1.gguf"]


@pytest.mark.engine
def test_a_real_model_answers_otherwise_with_its_adapter(
    corral_home: Path, starter_file: Path, tmp_path: Path
) -> None:
    adapter = write_adapter(tmp_path / "ollama-adapter-1.gguf")
    size = starter_file.stat().st_size
    model = LocalModel("smol", "SmolLM2", starter_file, (starter_file, adapter), size)
    runtime = ModelRuntime(SettingsStore(corral_home / "settings.json"))
    sampling = SamplingParams(temperature=0, max_tokens=12, ignore_eos=True)
    question = GenerationRequest("r", (ChatMessage("user", "Tell me of the sea."),), sampling)
    answers = []
    try:
        for scale in (1.0, 0.0):
            lora = () if scale else (LoraAdapter(str(adapter), scale),)
            loaded = runtime.load(model, LoadConfig(context_length=512, lora=lora))
            events = loaded.engine.generate(question)
            answers.append("".join(each.text for each in events if isinstance(each, Delta)))
            runtime.eject(model.id)
    finally:
        runtime.close()
    assert answers[0] != answers[1]
