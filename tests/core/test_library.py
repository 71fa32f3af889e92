"""The library on real folders: what is found, what it is called, what deleting does."""

import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.core import library_read
from app.core.disk_use import size_of_models
from app.core.errors import ModelError, NotFoundError, StorageError
from app.core.gguf import read_header
from app.core.library import AmbiguousModel, LocalModel, ModelLibrary
from app.core.library_beside import beside, owners
from app.core.library_files import size_to_delete
from app.core.library_found import Found
from app.core.model_names import from_text, model_name
from app.core.paths import AppPaths, app_paths
from app.core.settings import SettingsStore
from backends.types import LoadConfig, SamplingParams
from tests.core.broken_gguf import BROKEN, STRING, U16, U32, tiny_model

TINY = tiny_model().data()


@pytest.fixture
def paths() -> AppPaths:
    return app_paths()


@pytest.fixture
def settings(paths: AppPaths) -> SettingsStore:
    return SettingsStore(paths.settings_file)


@pytest.fixture
def library(paths: AppPaths, settings: SettingsStore) -> ModelLibrary:
    return ModelLibrary(paths, settings)


def put(folder: Path, name: str, data: bytes = TINY) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def own(library: ModelLibrary) -> list[LocalModel]:
    """All but the starter model."""
    return [model for model in library.scan() if model.source != "starter"]


def test_the_installed_starter_model_is_used_in_place(library: ModelLibrary) -> None:
    (model,) = library.scan()
    assert model.name == "SmolLM2 135M Instruct"
    assert (model.source, model.read_only, model.present) == ("starter", True, True)
    assert (model.architecture, model.quantization, model.context_length) == ("llama", "Q4_1", 8192)
    assert model.parameters == 134_515_008
    assert model.size == model.path.stat().st_size == 98_362_432
    assert model.problem is None
    assert model.has_chat_template
    assert library.header(model.id).block_count == 30


def test_a_downloaded_model(library: ModelLibrary, paths: AppPaths) -> None:
    path = put(paths.models, "maker/Tiny-GGUF/Tiny-36K-Chat-Q8_0.gguf")
    (model,) = own(library)
    assert model.id == "maker/Tiny-GGUF/Tiny-36K-Chat-Q8_0"
    assert (model.publisher, model.repo) == ("maker", "maker/Tiny-GGUF")
    assert (model.name, model.quantization) == ("Tiny 36K Chat", "Q8_0")
    assert (model.path, model.files, model.size) == (path, (path,), len(TINY))
    assert model.added == pytest.approx(time.time(), abs=60)
    assert model.source == "corral"
    assert not model.read_only
    assert library.get(model.id) == model
    assert library.models() == library.scan()


def test_flat_files_are_models_too(library: ModelLibrary, paths: AppPaths) -> None:
    put(paths.models, "flat.gguf")
    (model,) = own(library)
    assert (model.id, model.publisher, model.repo) == ("flat", "", None)
    assert model.quantization == "F32"


def test_what_is_no_model_is_not_listed(library: ModelLibrary, paths: AppPaths) -> None:
    folder = paths.models / "maker" / "repo"
    for name in (
        "a.gguf.part",
        "a.gguf.part.json",
        "mmproj-F16.gguf",
        "mtp-a.gguf",
        "a-imatrix.gguf",
        "notes.txt",
        ".hidden/a.gguf",
        "downloading_a/a.gguf",
        "incomplete-a.gguf",
        "._a.gguf",
        "half-00001-of-00002.gguf",
        "half-00002-of-00002.gguf.part",
        "mlx/config.json",
        "mlx/model.safetensors.part",
    ):
        put(folder, name)
    put(folder, "projector.gguf", tiny_model().set("general.architecture", STRING, "clip").data())
    put(folder, "lora.gguf", tiny_model().set("general.type", STRING, "adapter").data())
    assert own(library) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only here can a name be stray bytes")
def test_a_file_whose_name_is_no_text_is_left_out(library: ModelLibrary, paths: AppPaths) -> None:
    put(paths.models, "good.gguf")
    put(paths.models, os.fsdecode(b"bad-\xff.gguf"))
    put(paths.models / os.fsdecode(b"folder-\xff"), "other.gguf")
    assert [model.id for model in own(library)] == ["good"]


def test_a_further_folder_inside_the_models_folder_changes_nothing(
    library: ModelLibrary, paths: AppPaths
) -> None:
    put(paths.models, "maker/repo/a-Q8_0.gguf")
    before = own(library)
    assert library.adopt(paths.models / "maker") == before[0]
    assert own(library) == before


def test_split_parts_are_one_model(library: ModelLibrary, paths: AppPaths) -> None:
    folder = paths.models / "maker" / "repo"
    for number in (0, 1):
        part = tiny_model().set("split.count", U16, 2).set("split.no", U16, number)
        put(folder, f"Big-Q8_0-0000{number + 1}-of-00002.gguf", part.data())
    (model,) = own(library)
    assert model.path.name == "Big-Q8_0-00001-of-00002.gguf"
    assert [path.name[-19:-5] for path in model.files] == ["00001-of-00002", "00002-of-00002"]
    assert model.size == sum(path.stat().st_size for path in model.files)
    assert model.name == "Big"
    assert model.problem is None
    single = read_header(model.path).parameter_count
    assert model.parameters == 2 * (single or 0)
    model.files[1].unlink()
    (model,) = own(library)
    assert "00002-of-00002" in (model.problem or "")


def test_a_projector_goes_with_its_model(library: ModelLibrary, paths: AppPaths) -> None:
    put(paths.models, "maker/repo/Seeing-Q8_0.gguf")
    projector = put(paths.models, "maker/repo/mmproj-F16.gguf")
    (model,) = own(library)
    assert projector in model.files
    assert model.size == len(TINY)
    assert model.disk_size == 2 * len(TINY)
    assert "vision" in model.capabilities


def test_a_shared_projector_counts_for_each_model_and_goes_with_the_last(
    library: ModelLibrary, paths: AppPaths
) -> None:
    small = put(paths.models, "maker/repo/Seeing-Q4_0.gguf")
    put(paths.models, "maker/repo/Seeing-Q8_0.gguf")
    projector = put(paths.models, "maker/repo/mmproj-F16.gguf", TINY + bytes(1000))
    models = own(library)
    both = len(TINY) + projector.stat().st_size
    assert [model.disk_size for model in models] == [both, both]
    assert size_of_models(models) == both + len(TINY)
    first = next(model for model in models if model.path == small)
    assert size_to_delete(first, models) == len(TINY)
    library.delete(first.id, to_trash=False)
    (last,) = own(library)
    assert size_to_delete(last, [last]) == both
    library.delete(last.id, to_trash=False)
    assert not projector.exists()


def test_the_size_of_companions_outlives_the_program(
    library: ModelLibrary, paths: AppPaths, settings: SettingsStore
) -> None:
    put(paths.models, "maker/repo/Seeing-Q8_0.gguf")
    put(paths.models, "maker/repo/mmproj-F16.gguf")
    (model,) = own(library)
    (again,) = own(ModelLibrary(paths, settings))
    assert again.disk_size == model.disk_size == 2 * len(TINY)


def test_capabilities_come_from_the_template_and_header(
    library: ModelLibrary, paths: AppPaths
) -> None:
    model = tiny_model()
    model.set("tokenizer.chat_template", STRING, "{% if tools %}x{% endif %}<think>")
    model.set("llama.pooling_type", U32, 1)
    put(paths.models, "able.gguf", model.data())
    (found,) = own(library)
    assert found.capabilities == {"tools", "reasoning", "embeddings"}
    assert found.has_chat_template


def test_an_mlx_folder_is_listed(
    library: ModelLibrary, paths: AppPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORRAL_MLX", "1")
    folder = paths.models / "mlx-community" / "Qwen3-0.6B-4bit"
    config = {
        "model_type": "qwen3",
        "max_position_embeddings": 40_960,
        "quantization": {"bits": 4, "group_size": 64},
    }
    put(folder, "config.json", msgspec.json.encode(config))
    put(folder, "model.safetensors", b"x" * 1000)
    (model,) = own(library)
    assert (model.format, model.path, model.name) == ("mlx", folder, "Qwen3 0.6B 4bit")
    assert (model.architecture, model.quantization) == ("qwen3", "4bit")
    assert model.context_length == 40_960
    assert model.repo == "mlx-community/Qwen3-0.6B-4bit"
    assert model.problem is None
    assert library.header(model.id).context_length == 40_960
    monkeypatch.setenv("CORRAL_MLX", "0")
    assert "Apple silicon" in (own(library)[0].problem or "")
    put(folder, "config.json", msgspec.json.encode({"auto_map": {"AutoModel": "evil.Model"}}))
    assert "code of its own" in (own(library)[0].problem or "")
    put(folder, "config.json", b"[" * 100_000)
    assert own(library)[0].architecture == ""


def test_broken_files_are_listed_with_their_problem(library: ModelLibrary, paths: AppPaths) -> None:
    shown = [broken for broken in BROKEN if broken.name not in ("projector", "adapter")]
    for broken in BROKEN:
        put(paths.models / "maker" / "broken", f"{broken.name}.gguf", broken.content())
    models = {model.path.stem: model for model in own(library)}
    assert set(models) == {broken.name for broken in shown}
    for broken in shown:
        assert broken.words in (models[broken.name].problem or ""), broken.name


def test_a_rescan_reads_only_what_changed(
    library: ModelLibrary,
    paths: AppPaths,
    settings: SettingsStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(500):
        put(paths.models, f"maker/repo-{number}/model-{number}-Q8_0.gguf", TINY)
    assert len(own(library)) == 500
    read: list[Path] = []
    real = read_header

    def counted(path: Path) -> object:
        read.append(path)
        return real(path)

    monkeypatch.setattr(library_read, "read_header", counted)
    again = ModelLibrary(paths, settings)
    assert len(own(again)) == 500
    assert read == []
    changed = paths.models / "maker" / "repo-7" / "model-7-Q8_0.gguf"
    other = tiny_model().set("llama.context_length", U32, 1024).data()
    changed.write_bytes(other)
    os.utime(changed, (1, 1))
    found = {model.path: model for model in own(again)}
    assert read == [changed]
    assert found[changed].context_length == 1024


def test_a_lost_or_damaged_index_is_made_again(
    library: ModelLibrary, paths: AppPaths, settings: SettingsStore
) -> None:
    put(paths.models, "a.gguf")
    before = library.scan()
    index = paths.cache / "library.json"
    for damage in (b"", b"{}", b'{"version": 99}', b"\xff\xfe", b'{"known": {"a": 1}}'):
        index.write_bytes(damage)
        assert ModelLibrary(paths, settings).scan() == before


def test_changes_are_told_once(library: ModelLibrary, paths: AppPaths) -> None:
    told: list[int] = []
    library.changed.connect(lambda: told.append(len(library.models())))
    library.scan()
    library.scan()
    put(paths.models, "a.gguf")
    library.scan()
    assert told == [1, 2]


def test_register_takes_up_a_download(library: ModelLibrary, paths: AppPaths) -> None:
    path = put(paths.models, "maker/repo/a-Q8_0.gguf")
    assert library.register([path]).id == "maker/repo/a-Q8_0"
    with pytest.raises(ModelError):
        library.register([paths.models / "maker" / "repo" / "other.gguf"])


def test_a_further_folder_is_used_in_place(
    library: ModelLibrary, settings: SettingsStore, tmp_path: Path
) -> None:
    shared = tmp_path / "lm-studio" / "models"
    path = put(shared, "maker/repo/a-Q8_0.gguf")
    model = library.adopt(shared)
    assert settings.current.models.extra_folders == (str(shared),)
    assert (model.path, model.source, model.read_only) == (path, "folder", True)
    assert (model.publisher, model.repo) == ("maker", "maker/repo")
    assert library.adopt(shared) == model
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ModelError, match="no model"):
        library.adopt(empty)


def test_one_file_is_adopted_and_forgotten_but_never_deleted(
    library: ModelLibrary, paths: AppPaths, settings: SettingsStore, tmp_path: Path
) -> None:
    path = put(tmp_path / "elsewhere", "a-Q8_0.gguf")
    model = library.adopt(path)
    assert model.read_only
    assert library.adopt(path) == model
    assert ModelLibrary(paths, settings).scan() == library.models()
    library.delete(model.id)
    assert path.exists()
    assert model not in library.models()
    assert model not in ModelLibrary(paths, settings).scan()
    assert library.adopt(path) == model


def test_forgetting_the_starter_model_lasts(
    library: ModelLibrary, paths: AppPaths, settings: SettingsStore
) -> None:
    (starter,) = library.scan()
    library.delete(starter.id)
    assert library.models() == ()
    assert starter.path.exists()
    assert ModelLibrary(paths, settings).scan() == ()
    assert library.adopt(starter.path) == starter


def test_adopting_what_is_no_model_is_refused(library: ModelLibrary, tmp_path: Path) -> None:
    for path in (put(tmp_path, "page.gguf", b"<html>"), tmp_path / "missing.gguf"):
        with pytest.raises(ModelError):
            library.adopt(path)
    assert len(library.scan()) == 1


def test_the_same_file_by_two_names_is_shown_once(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    path = put(paths.models, "maker/repo/a-Q8_0.gguf")
    twin = tmp_path / "other" / "twin.gguf"
    twin.parent.mkdir()
    os.link(path, twin)
    with pytest.raises(ModelError, match="already"):
        library.adopt(twin)
    assert [model.path for model in own(library)] == [path]


def test_a_drive_that_is_away(library: ModelLibrary, tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    put(drive, "maker/repo/a-Q8_0.gguf")
    model = library.adopt(drive)
    drive.rename(tmp_path / "unplugged")
    (away,) = own(library)
    assert (away.id, away.name, away.present) == (model.id, model.name, False)
    assert "not connected" in (away.problem or "")
    (tmp_path / "unplugged").rename(drive)
    assert own(library) == [model]


def test_the_models_folder_on_a_drive_that_is_away(library: ModelLibrary, tmp_path: Path) -> None:
    library.change_folder(tmp_path / "drive" / "models")
    put(library.folder, "maker/repo/a-Q8_0.gguf")
    (model,) = own(library)
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    (away,) = own(library)
    assert not away.present
    with pytest.raises(ModelError, match="cannot be deleted now"):
        library.delete(model.id)


def _trash(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A trash of the test's own in place of the system's."""
    folder.mkdir()
    monkeypatch.setattr("send2trash.send2trash", lambda path: shutil.move(path, folder))


def test_deleting_moves_to_the_trash(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _trash(monkeypatch, tmp_path / "trash")
    put(paths.models, "maker/repo/a-Q8_0.gguf")
    put(paths.models, "maker/repo/b-Q4_0.gguf")
    projector = put(paths.models, "maker/repo/mmproj-F16.gguf")
    library.scan()
    library.delete("maker/repo/a-Q8_0")
    assert (tmp_path / "trash" / "a-Q8_0.gguf").exists()
    assert projector.exists()
    assert [model.name for model in library.models()] == ["B", "SmolLM2 135M Instruct"]
    library.delete("maker/repo/b-Q4_0")
    assert not projector.exists()
    assert paths.models.is_dir()
    assert not (paths.models / "maker").exists()


def test_without_a_trash_the_error_says_what_to_do(
    library: ModelLibrary, paths: AppPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OSError("no trash on this drive")

    path = put(paths.models, "maker/repo/a-Q8_0.gguf")
    library.scan()
    monkeypatch.setattr("send2trash.send2trash", refuse)
    with pytest.raises(StorageError, match="Nothing was deleted") as caught:
        library.delete("maker/repo/a-Q8_0")
    assert "no trash on this drive" in caught.value.message
    assert "for good" in caught.value.hint
    assert path.exists()
    library.delete("maker/repo/a-Q8_0", to_trash=False)
    assert not path.exists()
    with pytest.raises(NotFoundError):
        library.delete("maker/repo/a-Q8_0")


def test_another_folder_with_the_models_moved(
    library: ModelLibrary, paths: AppPaths, settings: SettingsStore, tmp_path: Path
) -> None:
    put(paths.models, "maker/repo/a-Q8_0.gguf")
    library.scan()
    library.change_folder(tmp_path / "new", move=True)
    assert settings.current.models.folder == str(tmp_path / "new")
    (model,) = own(library)
    assert model.path == tmp_path / "new" / "maker" / "repo" / "a-Q8_0.gguf"
    assert model.id == "maker/repo/a-Q8_0"
    assert not (paths.models / "maker").exists()
    library.change_folder(tmp_path / "new")
    library.change_folder(tmp_path / "empty")
    assert own(library) == []


def test_a_move_that_fails_changes_nothing(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        put(paths.models, f"maker/repo/{name}-Q8_0.gguf")
    before = own(library)
    put(tmp_path / "taken", "maker/repo/b-Q8_0.gguf", b"somebody else's")
    with pytest.raises(StorageError, match="is there already"):
        library.change_folder(tmp_path / "taken", move=True)
    with pytest.raises(StorageError):
        library.change_folder(put(tmp_path, "a-file"), move=True)
    real = os.link

    def fail_on_b(source: Path, target: Path) -> None:
        if source.name.startswith("b") and tmp_path / "new" in target.parents:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "link", fail_on_b)
    with pytest.raises(StorageError, match="No space left"):
        library.change_folder(tmp_path / "new", move=True)
    assert own(library) == before
    assert not list((tmp_path / "new").rglob("*.gguf"))


@pytest.fixture
def several(library: ModelLibrary, paths: AppPaths) -> ModelLibrary:
    for name in ("Q4_0", "Q8_0"):
        put(paths.models, f"maker/Tiny-GGUF/Tiny-36K-{name}.gguf")
    put(paths.models, "maker/Small-1B-GGUF/Small-1B-Q8_0.gguf")
    library.scan()
    return library


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("maker/Small-1B-GGUF/Small-1B-Q8_0", "Small-1B-Q8_0"),
        ("Small 1B", "Small-1B-Q8_0"),
        ("small_1b", "Small-1B-Q8_0"),
        ("maker/Small-1B-GGUF", "Small-1B-Q8_0"),
        ("maker/small-1b", "Small-1B-Q8_0"),
        ("Small-1B-Q8_0.gguf", "Small-1B-Q8_0"),
        ("sma", "Small-1B-Q8_0"),
        ("maker/Tiny-GGUF:Q8_0", "Tiny-36K-Q8_0"),
        ("maker/tiny-gguf:q4_0", "Tiny-36K-Q4_0"),
        ("tiny:q4_0", "Tiny-36K-Q4_0"),
        ("Tiny-36K-Q4_0", "Tiny-36K-Q4_0"),
        ("smollm2", "SmolLM2-135M-Instruct.Q4_1"),
    ],
)
def test_finding_a_model_by_what_people_write(several: ModelLibrary, text: str, file: str) -> None:
    assert several.find(text).path.stem == file


@pytest.mark.parametrize("text", ["smollm2", "SmolLM2 135M Instruct", "smollm2:Q4_1"])
def test_a_downloaded_copy_goes_before_the_starter_model(
    several: ModelLibrary, paths: AppPaths, text: str
) -> None:
    starter = several.find("smollm2")
    name = "maker/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf"
    copy = put(paths.models, name, starter.path.read_bytes())
    several.scan()
    assert several.find(text).path == copy
    assert several.find(starter.id).path == starter.path


def test_for_what_cannot_be_undone_a_whole_name_is_wanted(
    several: ModelLibrary, paths: AppPaths
) -> None:
    starter = several.find("smollm2")
    assert several.find("SmolLM2 135M Instruct", whole=True) == starter
    assert several.find("maker/tiny-gguf:q4_0", whole=True).path.stem == "Tiny-36K-Q4_0"
    with pytest.raises(NotFoundError) as caught:
        several.find("smollm2", whole=True)
    assert starter.id in caught.value.message
    name = "maker/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf"
    put(paths.models, name, starter.path.read_bytes())
    several.scan()
    with pytest.raises(AmbiguousModel):
        several.find("SmolLM2 135M Instruct", whole=True)


@pytest.mark.parametrize("text", ["tiny", "Tiny 36K", "maker/Tiny-GGUF", "sm"])
def test_several_candidates_are_listed(several: ModelLibrary, text: str) -> None:
    with pytest.raises(AmbiguousModel) as caught:
        several.find(text)
    assert len(caught.value.choices) == 2
    assert all(choice in caught.value.message for choice in caught.value.choices)


@pytest.mark.parametrize("text", ["", "  ", "nothing", "maker/Tiny-GGUF:Q2_K", ":", "tiny:"])
def test_a_name_that_fits_nothing(several: ModelLibrary, text: str) -> None:
    with pytest.raises(NotFoundError):
        several.find(text)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("llama-3.2-1b-instruct-q4_k_m.gguf", "Llama 3.2 1B Instruct"),
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "Llama 3.1 8B Instruct"),
        ("google_gemma-3-12b-it-qat-Q4_0.gguf", "Gemma 3 12B it QAT"),
        ("Qwen_Qwen3-30B-A3B-Instruct-2507-Q4_K_M.gguf", "Qwen3 30B A3B Instruct 2507"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2 135M Instruct"),
        ("smollm2-1.7b-instruct-q4_k_m.gguf", "SmolLM2 1.7B Instruct"),
        ("gpt-oss-20b-MXFP4.gguf", "gpt-oss 20B"),
        ("qwen2-1_5b-instruct-q4_0.gguf", "Qwen2 1.5B Instruct"),
        ("Mistral-7B-Instruct-v0.3.fp16.gguf", "Mistral 7B Instruct v0.3"),
        ("phi-4-Q4_K_M.gguf", "Phi 4"),
        ("Qwen3-235B-A22B-Q4_K_M-00001-of-00005.gguf", "Qwen3 235B A22B"),
        ("SmallThinker-21B-A3B-Instruct.Q3_K.gguf", "SmallThinker 21B A3B Instruct"),
        ("ggml-model-Q2_K.gguf", "Some Repo"),
        ("Q8_0.gguf", "Some Repo"),
    ],
)
def test_names_for_people(file: str, name: str) -> None:
    assert model_name(Path("/models/maker/some-repo-GGUF") / file, None) == name


def test_a_silent_file_name_is_named_by_its_header() -> None:
    header = read_header(TINY)
    assert model_name(Path("/models/maker/repo/ggml-model-f16.gguf"), header) == "Tiny Test Model"
    assert model_name(Path("/models/maker/repo/tiny-test-model-q8_0.gguf"), header) == (
        "Tiny Test Model"
    )
    assert from_text("") == ""


def _split_model(folder: Path) -> list[Path]:
    parts = []
    for number in (0, 1):
        part = tiny_model().set("split.count", U16, 2).set("split.no", U16, number)
        parts.append(put(folder, f"Big-Q8_0-0000{number + 1}-of-00002.gguf", part.data()))
    return parts


def test_any_part_of_a_split_model_stands_for_it(library: ModelLibrary, tmp_path: Path) -> None:
    parts = _split_model(tmp_path / "elsewhere")
    model = library.adopt(parts[1])
    assert (model.path, model.files) == (parts[0], tuple(parts))
    assert model.problem is None


def test_a_split_model_deleted_in_half_says_what_is_gone(
    library: ModelLibrary, paths: AppPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = _split_model(paths.models)
    library.scan()
    real = Path.unlink

    def fail_on_second(self: Path, missing_ok: bool = False) -> None:
        if self == parts[1]:
            raise PermissionError(13, "Permission denied")
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", fail_on_second)
    with pytest.raises(StorageError) as caught:
        library.delete("Big-Q8_0-00001-of-00002", to_trash=False)
    assert f"Deleted before that: {parts[0].name}" in caught.value.message
    assert "Permission denied" in caught.value.message


def test_an_mlx_folder_is_adopted_registered_and_deleted_whole(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    for root in (tmp_path / "elsewhere", paths.models / "mlx-community"):
        put(root / "X-4bit", "config.json", b"{}")
        put(root / "X-4bit", "model.safetensors", b"x")
    adopted = library.adopt(tmp_path / "elsewhere" / "X-4bit")
    assert (adopted.format, adopted.read_only) == ("mlx", True)
    folder = paths.models / "mlx-community" / "X-4bit"
    model = library.register([folder / "config.json", folder / "model.safetensors"])
    assert model.path == folder
    library.delete(model.id, to_trash=False)
    assert not folder.exists()
    assert adopted.path.exists()
    assert [each.id for each in own(library)] == [adopted.id]


def test_two_programs_leave_each_others_choices_alone(
    paths: AppPaths, settings: SettingsStore, tmp_path: Path
) -> None:
    first, second = ModelLibrary(paths, settings), ModelLibrary(paths, settings)
    one = first.adopt(put(tmp_path / "elsewhere", "one-Q8_0.gguf"))
    two = second.adopt(put(tmp_path / "elsewhere", "two-Q8_0.gguf"))
    assert own(ModelLibrary(paths, settings)) == [one, two]
    first.delete(one.id)
    assert own(ModelLibrary(paths, settings)) == [two]


def test_damaged_choices_are_set_aside(
    library: ModelLibrary, paths: AppPaths, settings: SettingsStore, tmp_path: Path
) -> None:
    library.adopt(put(tmp_path / "elsewhere", "a-Q8_0.gguf"))
    (paths.data / "library.json").write_bytes(b'{"adopted": 7}')
    again = ModelLibrary(paths, settings)
    assert own(again) == []
    assert again.problem is not None
    [aside] = paths.data.glob("library.json.broken-*")
    assert aside.name in again.problem.message
    assert ModelLibrary(paths, settings).problem is None


def test_deleting_an_mlx_model_leaves_what_else_lies_in_its_folder(
    library: ModelLibrary, paths: AppPaths
) -> None:
    neighbours = [
        put(paths.models, "maker/Tiny-GGUF/tiny.gguf"),
        put(paths.models, "flat.gguf"),
        put(paths.models, "notes/read me.txt", b"mine"),
    ]
    put(paths.models, "config.json", b"{}")
    weights = put(paths.models, "model.safetensors", b"x")
    model = next(model for model in own(library) if model.format == "mlx")
    library.delete("flat", to_trash=False)
    assert not neighbours.pop(1).exists()
    library.delete(model.id, to_trash=False)
    assert not weights.exists()
    assert all(path.exists() for path in neighbours)


def test_a_folder_that_the_system_cannot_even_look_at(
    library: ModelLibrary, settings: SettingsStore, paths: AppPaths
) -> None:
    impossible = "/" + "x" * 300  # "File name too long", as a lost network drive says other things
    models = msgspec.structs.replace(settings.current.models, extra_folders=(impossible,))
    settings.update(models=models)
    put(paths.models, "good.gguf")
    assert [model.id for model in own(library)] == ["good"]
    paths.data.joinpath("library.json").write_bytes(
        msgspec.json.encode({"adopted": [f"{impossible}/model.gguf"]})
    )
    assert [model.id for model in own(ModelLibrary(paths, settings))] == ["good"]


def test_an_adopted_folder_that_may_not_be_read_hides_no_other_model(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(paths.models, "good.gguf")
    folder = tmp_path / "elsewhere" / "X-4bit"
    put(folder, "config.json", b"{}")
    put(folder, "model.safetensors", b"x")
    library.adopt(folder)
    assert len(own(library)) == 2
    iterdir = Path.iterdir

    def refused(self: Path) -> Iterator[Path]:
        if self == folder:
            raise PermissionError(errno.EACCES, "Permission denied")
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", refused)
    assert [model.id for model in own(library)] == ["good"]
    monkeypatch.undo()
    assert len(own(library)) == 2


def test_a_file_that_vanishes_during_the_scan_hides_no_other_model(
    library: ModelLibrary, paths: AppPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(paths.models, "good.gguf")
    doomed = put(paths.models, "doomed.gguf")
    read = library_read.read_model

    def read_and_lose(found: Found) -> LocalModel | None:
        model = read(found)
        if found.path == doomed:
            doomed.unlink()
        return model

    monkeypatch.setattr("app.core.library_scanner.read_model", read_and_lose)
    assert [model.id for model in own(library)] == ["good"]


def test_a_variant_is_the_same_file_with_a_name_and_settings_of_its_own(
    library: ModelLibrary, paths: AppPaths, settings: SettingsStore
) -> None:
    put(paths.models, "maker/repo/a-Q8_0.gguf")
    (base,) = own(library)
    load, sampling = LoadConfig(context_length=512), SamplingParams(temperature=0.1)
    models = msgspec.structs.replace(
        settings.current.models, load={base.id: load}, sampling={base.id: sampling}
    )
    settings.update(models=models)
    variant = library.add_variant(base.id, "  Precise  one ")
    assert (variant.name, variant.variant_of) == ("Precise one", base.id)
    assert variant.files == base.files
    assert settings.current.models.load == {base.id: load, variant.id: load}
    assert settings.current.models.sampling[variant.id] == sampling
    again = library.add_variant(variant.id, "Precise one")
    assert again.variant_of == base.id
    assert again.id != variant.id
    library.rename_variant(again.id, "Wild one")
    library.rename_variant(base.id, "not a variant")
    assert {each.name for each in own(library)} == {"A", "Precise one", "Wild one"}
    assert library.find("a") == library.find("a-Q8_0") == library.find("maker/repo") == base
    assert library.find("precise") == variant
    assert {each.name for each in own(ModelLibrary(paths, settings))} == {
        "A",
        "Precise one",
        "Wild one",
    }
    library.delete(again.id)
    assert base.path.exists()
    assert {each.name for each in own(library)} == {"A", "Precise one"}
    library.delete(base.id, to_trash=False)
    assert not base.path.exists()
    assert own(library) == []
    put(paths.models, "maker/repo/a-Q8_0.gguf")
    assert [each.id for each in own(library)] == [base.id]


def test_notes_and_tags_stay_with_a_model(
    library: ModelLibrary, paths: AppPaths, settings: SettingsStore
) -> None:
    put(paths.models, "a.gguf")
    (model,) = own(library)
    told: list[int] = []
    library.changed.connect(lambda: told.append(1))
    library.note(model.id, " good at rhymes\n")
    library.tag(model.id, ["poetry ", "poetry", "", " two  words"])
    assert told == [1, 1]
    noted = library.get(model.id)
    assert (noted.notes, noted.tags) == ("good at rhymes", ("poetry", "two words"))
    assert own(ModelLibrary(paths, settings)) == [noted]
    library.note(model.id, "")
    library.tag(model.id, [])
    assert own(library) == [model]


def test_the_models_folder_changes_though_there_is_nothing_to_move(
    library: ModelLibrary, tmp_path: Path
) -> None:
    library.change_folder(tmp_path / "new", move=True)
    assert library.folder == tmp_path / "new"


def test_a_folder_whose_first_model_is_listed_already_is_adopted(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    path = put(paths.models, "maker/repo/a-Q8_0.gguf")
    other = put(tmp_path / "shelf", "b-Q8_0.gguf")
    os.link(path, tmp_path / "shelf" / "a-Q8_0.gguf")
    assert library.adopt(tmp_path / "shelf").path == other


def test_a_projector_comes_with_a_model_that_is_named_by_itself(
    library: ModelLibrary, tmp_path: Path
) -> None:
    folder = tmp_path / "Downloads"
    seeing = put(folder, "Gemma-3-4b-it-Q4_0.gguf")
    put(folder, "Gemma-3-4b-Q4_0.gguf")
    own = put(folder, "mmproj-gemma-3-4b-it-f16.gguf", TINY + bytes(10))
    model = library.adopt(seeing)
    assert model.files == (seeing, own)
    assert "vision" in model.capabilities
    assert model.disk_size == 2 * len(TINY) + 10
    own.unlink()
    assert library.scan()
    assert library.get(model.id).files == (seeing,)


@pytest.mark.parametrize(
    ("model", "others", "expected"),
    [
        ("A-Q4_0.gguf", ["mmproj-F16.gguf"], ["mmproj-F16.gguf"]),
        ("A-Q4_0.gguf", ["mmproj-a-f16.gguf", "mmproj-b-f16.gguf"], ["mmproj-a-f16.gguf"]),
        ("B-Q8_0.gguf", ["mmproj-a-f16.gguf", "B.mmproj-Q8_0.gguf"], ["B.mmproj-Q8_0.gguf"]),
        ("A-Q8_0.gguf", ["mmproj-other-model.gguf"], ["mmproj-other-model.gguf"]),
        ("A-it-Q8_0-00001-of-00002.gguf", ["mmproj-A-it.gguf"], ["mmproj-A-it.gguf"]),
        ("A-Q4_0.gguf", ["mmproj-A-it.gguf"], []),
        ("A-Q4_0.gguf", ["ollama-draft-x.gguf"], ["ollama-draft-x.gguf"]),
    ],
)
def test_a_projector_goes_with_the_model_it_is_called_after(
    model: str, others: list[str], expected: list[str]
) -> None:
    models = ["A-Q4_0.gguf", "A-Q8_0.gguf", "B-Q8_0.gguf", "A-it-Q8_0-00001-of-00002.gguf"]
    assert list(beside(model, owners(others, models))) == expected
