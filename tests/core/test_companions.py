"""What can be loaded beside a model, and what it takes of the memory."""

import struct
from pathlib import Path

import pytest
from msgspec.structs import replace

from app.core.companions import check_adapter, check_mlx_adapter, companions_of
from app.core.draft_memory import read_draft
from app.core.errors import ModelError
from app.core.gguf import read_header
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.load_plan import plan_load
from app.core.memory import estimate
from app.core.projectors import check_projector
from app.core.runtime import ModelRuntime
from app.core.settings import Settings, SettingsStore
from backends.llamacpp.engine import LlamaCppBackend
from backends.llamacpp.library import log
from backends.llamacpp.memory_log import memory_use
from backends.types import ChatMessage, GenerationRequest, KVType, LoadConfig, SamplingParams
from tests.backends.contract import finish_of, text_of
from tests.backends.llamacpp import tiny_projector
from tests.core.broken_gguf import ARRAY, EMBEDDING, STRING, U32, Model, array, tiny_model

HARDWARE = HardwareSurvey("Test CPU", 4, 8, (), 16 * 10**9)
ENOUGH = MemorySnapshot(8 * 10**9, 8 * 10**9)


def local(path: Path, model: Model, *, size: int) -> LocalModel:
    path.write_bytes(model.data())
    return LocalModel(id=path.stem, name=path.stem, path=path, files=(path,), size=size)


def with_tokens(*, last: str) -> Model:
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(255)), last]
    return tiny_model().set_raw("tokenizer.ggml.tokens", ARRAY, array(STRING, tokens))


def write_adapter(path: Path, *, architecture: str = "llama", kind: str = "lora") -> Path:
    model = Model().set("general.architecture", STRING, architecture)
    model.set("general.type", STRING, "adapter").set("adapter.type", STRING, kind)
    path.write_bytes(model.data())
    return path


def test_smaller_models_with_the_same_vocabulary_can_guess_ahead(tmp_path: Path) -> None:
    large = local(tmp_path / "large.gguf", tiny_model(), size=1000)
    small = local(tmp_path / "small.gguf", tiny_model(), size=10)
    middle = local(tmp_path / "middle.gguf", tiny_model(), size=100)
    other_words = local(tmp_path / "words.gguf", with_tokens(last="word"), size=10)
    recurrent = tiny_model()
    for key, value in (("inner_size", 64), ("state_size", 16), ("conv_kernel", 4)):
        recurrent.set(f"llama.ssm.{key}", U32, value)
    recurrent.set("llama.full_attention_interval", U32, 4)
    keeps_state = local(tmp_path / "state.gguf", recurrent, size=10)
    away = replace(small, id="away", path=tmp_path / "away.gguf")
    models = (large, middle, small, other_words, keeps_state, away)
    header = read_header(large.path)
    assert companions_of(large, header, models).drafts == (small, middle)
    assert companions_of(small, header, models).drafts == ()
    assert companions_of(large, read_header(keeps_state.path), models).drafts == ()


def test_models_of_mlx_guess_ahead_for_their_own_architecture(tmp_path: Path) -> None:
    large = LocalModel("l", "Large", tmp_path, (), 1000, architecture="qwen3", format="mlx")
    small = replace(large, id="s", size=10)
    other = replace(small, id="o", architecture="llama")
    gguf = replace(small, id="g", format="gguf")
    header = read_header(tiny_model().data())
    assert companions_of(large, header, (large, other, gguf, small)).drafts == (small,)


def test_projectors_beside_a_model_are_offered_and_others_refused(tmp_path: Path) -> None:
    model = local(tmp_path / "model.gguf", tiny_model(), size=1000)
    eyes = [
        tiny_projector.write(tmp_path / f"mmproj-{name}.gguf", embedding_length=EMBEDDING)
        for name in ("a", "b")
    ]
    wide = tiny_projector.write(tmp_path / "mmproj-wide.gguf", embedding_length=64)
    model = replace(model, files=(model.path, *eyes, wide))
    header = read_header(model.path)
    found = companions_of(model, header, ())
    assert found.projectors == tuple(str(path) for path in eyes)
    assert found.projector == ""  # of two, none is taken by itself
    check_projector(eyes[0], header)
    with pytest.raises(ModelError, match="belongs to another model"):
        check_projector(wide, header)
    with pytest.raises(ModelError, match="is no projector"):
        check_projector(model.path, header)


def test_a_file_that_is_no_adapter_of_the_model_is_refused(tmp_path: Path) -> None:
    header = read_header(tiny_model().data())
    check_adapter(write_adapter(tmp_path / "good.gguf"), header)
    other = write_adapter(tmp_path / "qwen.gguf", architecture="qwen3")
    with pytest.raises(ModelError, match="architecture “qwen3”"):
        check_adapter(other, header)
    vector = write_adapter(tmp_path / "vector.gguf", kind="control_vector")
    (tmp_path / "text.gguf").write_text("no model", encoding="utf-8")
    for wrong in (vector, tmp_path / "text.gguf", tmp_path / "away.gguf"):
        with pytest.raises(ModelError, match="is not a LoRA adapter"):
            check_adapter(wrong, header)


def test_an_adapter_for_mlx_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a LoRA adapter for MLX"):
        check_mlx_adapter(tmp_path)
    for name in ("adapter_config.json", "adapters.safetensors"):
        (tmp_path / name).write_bytes(b"")
    check_mlx_adapter(tmp_path)


@pytest.mark.engine
@pytest.mark.parametrize(("kv_type", "slots"), [("f16", 4), ("q8_0", 2)])
def test_the_context_of_a_draft_model_is_estimated_as_the_engine_allocates_it(
    starter_file: Path, kv_type: KVType, slots: int
) -> None:
    config = LoadConfig(
        context_length=1024,
        kv_type=kv_type,
        slots=slots,
        draft_model=str(starter_file),
        batch_size=256,
    )
    header, size = read_header(starter_file), starter_file.stat().st_size
    both = estimate(header, config, size)
    single = estimate(header, replace(config, draft_model=""), size)
    engine = LlamaCppBackend()
    try:
        engine.load(str(starter_file), config, lambda fraction: True)
        said = memory_use(log.tail(400))  # of what was made last: the draft model's context
    finally:
        engine.unload()
    assert said is not None
    assert both.kv_cache - single.kv_cache == pytest.approx(said.kv_cache, rel=1e-3)
    assert both.compute - single.compute == pytest.approx(said.compute, rel=0.1)
    assert both.weights - single.weights == size - header.data_offset
    assert both.overhead == single.overhead


@pytest.mark.engine
@pytest.mark.parametrize("drafting", [False, True])
def test_a_model_answers_with_settings_that_few_people_need(
    starter_file: Path, corral_home: Path, drafting: bool
) -> None:
    size = starter_file.stat().st_size
    model = LocalModel("smol", "SmolLM2", starter_file, (starter_file,), size)
    config = LoadConfig(
        context_length=1024,
        slots=2,
        kv_type="q8_0",
        mmap=False,
        prompt_lookup=True,
        draft_model=str(starter_file) if drafting else "",
    )
    poem = "The cat sat on the mat. The dog sat on the log. The hen sat on the pen."
    question = ChatMessage("user", f"Repeat this text word for word: {poem}")
    sampling = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=40)
    runtime = ModelRuntime(SettingsStore(corral_home / "settings.json"))
    try:
        loaded = runtime.load(model, config)
        assert loaded.info is not None
        events = list(loaded.engine.generate(GenerationRequest("r", (question,), sampling)))
    finally:
        runtime.close()
    assert loaded.info.slots == 2
    assert "The cat sat on the mat." in text_of(events)
    assert finish_of(events).usage.accepted_tokens > 5


def test_a_draft_model_goes_onto_the_card_as_the_model_does(tmp_path: Path) -> None:
    model = local(tmp_path / "model.gguf", tiny_model(), size=0)
    header = read_header(model.path)
    size = model.path.stat().st_size
    config = LoadConfig(gpu_layers=2, draft_model=str(model.path))
    both = estimate(header, config, size)
    single = estimate(header, replace(config, draft_model=""), size)
    driver = single.on_gpu - estimate(header, replace(config, gpu_layers=0), size).on_gpu
    assert driver > 0
    assert single.on_gpu < both.on_gpu < 2 * single.on_gpu  # the driver's share counts once
    assert both.in_main < 2 * single.in_main


def test_a_draft_model_makes_the_plan_refuse_what_does_not_fit_and_teaches_nothing_wrong(
    tmp_path: Path,
) -> None:
    model = local(tmp_path / "model.gguf", tiny_model(), size=0)
    model = replace(model, size=model.path.stat().st_size)
    config = LoadConfig(context_length=512, draft_model=str(model.path))
    plan = plan_load(model, config, Settings(), HARDWARE, ENOUGH)
    plain = plan_load(model, replace(config, draft_model=""), Settings(), HARDWARE, ENOUGH)
    assert plan.need.kv_cache == 2 * plain.need.kv_cache
    assert plan.formula == plain.formula  # engines measure the model alone


def test_a_draft_model_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "draft.gguf"
    assert read_draft(path) is None
    path.write_bytes(tiny_model().data())
    first = read_draft(path)
    assert first is not None
    assert read_draft(path) is first
    path.write_bytes(tiny_model().set("llama.context_length", U32, 256).data() + struct.pack("4x"))
    second = read_draft(path)
    assert second is not None
    assert second.header.context_length == 256
