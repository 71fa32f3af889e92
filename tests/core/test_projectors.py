"""Which projector a model is loaded with when nobody chose one."""

from pathlib import Path

import pytest

from app.core.gguf import read_header
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.load_plan import plan_load
from app.core.projectors import projector_beside
from app.core.runtime import ModelRuntime
from app.core.settings import Settings, SettingsStore
from backends.types import ChatMessage, GenerationRequest, LoadConfig, SamplingParams
from tests.backends.contract import finish_of
from tests.backends.llamacpp import tiny_projector
from tests.backends.llamacpp.pictures import png
from tests.core.broken_gguf import ARRAY, EMBEDDING, I32, Model, array, tiny_model

HARDWARE = HardwareSurvey("Test CPU", 4, 8, (), 16 * 10**9)
ENOUGH = MemorySnapshot(8 * 10**9, 8 * 10**9)


@pytest.fixture
def eyes(tmp_path: Path) -> Path:
    return tiny_projector.write(tmp_path / "mmproj-F16.gguf", embedding_length=EMBEDDING)


def local(folder: Path, *companions: Path, model: Model | None = None) -> LocalModel:
    path = folder / "tiny.gguf"
    path.write_bytes((model or tiny_model()).data())
    size = path.stat().st_size
    return LocalModel(id="tiny", name="Tiny", path=path, files=(path, *companions), size=size)


def beside(model: LocalModel) -> str:
    return projector_beside(model, read_header(model.path))


def test_the_one_that_fits_is_taken(tmp_path: Path, eyes: Path) -> None:
    wide = tiny_projector.write(tmp_path / "mmproj-wide.gguf", embedding_length=64)
    damaged = tmp_path / "mmproj-damaged.gguf"
    damaged.write_bytes(b"GGUF")
    assert beside(local(tmp_path)) == ""
    assert beside(local(tmp_path, wide, damaged)) == ""
    assert beside(local(tmp_path, wide, damaged, eyes)) == str(eyes)


def test_of_two_that_fit_none_is_taken(tmp_path: Path, eyes: Path) -> None:
    other = tiny_projector.write(tmp_path / "mmproj-F32.gguf", embedding_length=EMBEDDING)
    assert beside(local(tmp_path, eyes, other)) == ""


def test_kinds_and_models_that_the_engine_cannot_use_are_left_alone(
    tmp_path: Path, eyes: Path
) -> None:
    model = tiny_model()
    sections = array(I32, [2, 3, 3, 0])
    model.set_raw("llama.rope.dimension_sections", ARRAY, sections)
    assert beside(local(tmp_path, eyes, model=model)) == ""
    eyes.write_bytes(eyes.read_bytes().replace(b"\x03\0\0\0\0\0\0\0mlp", b"\x03\0\0\0\0\0\0\0new"))
    assert beside(local(tmp_path, eyes)) == ""


def test_a_model_is_loaded_with_it_unless_somebody_chose(tmp_path: Path, eyes: Path) -> None:
    model = local(tmp_path, eyes)

    def planned(config: LoadConfig) -> str | None:
        return plan_load(model, config, Settings(), HARDWARE, ENOUGH).config.projector

    assert planned(LoadConfig()) == str(eyes)
    assert planned(LoadConfig(projector="")) == ""
    assert planned(LoadConfig(projector="/elsewhere")) == "/elsewhere"
    plan = plan_load(model, LoadConfig(), Settings(), HARDWARE, ENOUGH)
    alone = plan_load(model, LoadConfig(projector=""), Settings(), HARDWARE, ENOUGH)
    assert plan.need.weights - alone.need.weights == eyes.stat().st_size


@pytest.mark.engine
def test_a_picture_goes_through_the_child_to_a_model_with_a_projector_beside_it(
    corral_home: Path, starter_file: Path, tmp_path: Path
) -> None:
    eyes = tiny_projector.write(tmp_path / "mmproj-F16.gguf")
    size = starter_file.stat().st_size
    model = LocalModel("smol", "SmolLM2", starter_file, (starter_file, eyes), size)
    runtime = ModelRuntime(SettingsStore(corral_home / "settings.json"))
    try:
        loaded = runtime.load(model, LoadConfig(context_length=512))
        assert loaded.info is not None
        assert loaded.info.vision
        sampling = SamplingParams(temperature=0, max_tokens=8, ignore_eos=True)
        usages = [
            finish_of(loaded.engine.generate(GenerationRequest("r", (question,), sampling))).usage
            for question in (
                ChatMessage("user", "What is this?", images=(png(1),)),
                ChatMessage("user", "What is this?"),
            )
        ]
    finally:
        runtime.close()
    assert usages[0].prompt_tokens - usages[1].prompt_tokens == tiny_projector.TOKENS
