"""Models of other programs: where they are looked for, what they are called, nothing is lost."""

import json
import os
from pathlib import Path

import pytest

from app.core.gguf import read_header
from app.core.library import LocalModel, ModelLibrary
from app.core.library_hub_cache import commit_of
from app.core.library_programs import find_programs, use_programs
from app.core.library_scan import find_models
from app.core.other_programs import ProgramFolder, program_folders, program_of
from app.core.paths import AppPaths, app_paths
from app.core.projectors import check_projector, projectors_beside
from app.core.settings import SettingsStore
from backends.llamacpp.engine import LlamaCppBackend
from backends.types import LoadConfig
from tests.core.broken_gguf import STRING, U32, tiny_model
from tests.core.model_stores import hub_file, ollama_model, put, tiny

COMMIT, OLDER = "b" * 40, "a" * 40
needs_links = pytest.mark.skipif(os.name == "nt", reason="links need a right there")


def paths_of(program: str, folders: tuple[ProgramFolder, ...]) -> list[Path]:
    return [each.path for each in folders if each.program == program]


@pytest.fixture
def paths() -> AppPaths:
    return app_paths()


@pytest.fixture
def settings(paths: AppPaths) -> SettingsStore:
    return SettingsStore(paths.settings_file)


class Shelf:
    """A library beside folders of other programs."""

    def __init__(self, paths: AppPaths, settings: SettingsStore) -> None:
        self.folders: tuple[ProgramFolder, ...] = ()
        self.settings = settings
        self.library = ModelLibrary(paths, settings, program_folders=lambda: self.folders)

    def use(self, program: str, path: Path) -> list[LocalModel]:
        self.folders = (*self.folders, ProgramFolder(program, path))
        use_programs(self.settings, find_programs(self.folders, ()))
        return [model for model in self.library.scan() if model.source == "folder"]


@pytest.fixture
def shelf(paths: AppPaths, settings: SettingsStore) -> Shelf:
    return Shelf(paths, settings)


def test_every_program_is_looked_for_where_its_settings_say(tmp_path: Path) -> None:
    home = tmp_path / "home"
    put(home / ".lmstudio-home-pointer", str(tmp_path / "studio").encode())
    chosen = {"downloadsFolder": str(tmp_path / "big" / "models")}
    put(tmp_path / "studio" / "settings.json", json.dumps(chosen).encode())
    put(home / ".lmstudio" / "settings.json", b"[" * 100_000)
    env = {"OLLAMA_MODELS": str(tmp_path / "ollama"), "HF_HOME": str(tmp_path / "hf")}
    folders = program_folders(env, home, "linux")
    assert paths_of("LM Studio", folders)[:2] == [
        tmp_path / "big" / "models",
        tmp_path / "studio" / "models",
    ]
    assert paths_of("Ollama", folders)[:2] == [tmp_path / "ollama", home / ".ollama" / "models"]
    assert paths_of("Hugging Face", folders) == [tmp_path / "hf" / "hub"]
    assert paths_of("llama.cpp", folders) == [home / ".cache" / "llama.cpp"]
    assert paths_of("Jan", folders)[0] == home / ".local/share/Jan/data/llamacpp/models"
    assert paths_of("GPT4All", folders)[0] == home / ".local/share/nomic.ai/GPT4All"


@pytest.mark.parametrize(
    ("platform", "env", "program", "path"),
    [
        ("darwin", {}, "llama.cpp", "Library/Caches/llama.cpp"),
        ("darwin", {}, "GPT4All", "Library/Application Support/nomic.ai/GPT4All"),
        ("darwin", {}, "Jan", "Library/Application Support/Jan/data/llamacpp/models"),
        ("win32", {}, "GPT4All", "AppData/Local/nomic.ai/GPT4All"),
        ("win32", {}, "Jan", "AppData/Roaming/Jan/data/llamacpp/models"),
        ("linux", {"HF_HUB_CACHE": "relative"}, "Hugging Face", ".cache/huggingface/hub"),
    ],
)
def test_the_usual_places_of_each_system(
    tmp_path: Path, platform: str, env: dict[str, str], program: str, path: str
) -> None:
    assert tmp_path / path in paths_of(program, program_folders(env, tmp_path, platform))


def test_ollamas_models_have_the_names_that_its_manifests_give(
    shelf: Shelf, tmp_path: Path
) -> None:
    root = tmp_path / "ollama"
    blob = ollama_model(root, "registry.ollama.ai/library/llama3.2/1b", tiny("one"))
    ollama_model(root, "registry.ollama.ai/library/llama3.2/latest", tiny("two"))
    ollama_model(root, "registry.ollama.ai/maker/fine/latest", tiny("three"))
    ollama_model(root, "hf.co/maker/Tiny-GGUF/Q8_0", tiny("four"))
    models = {model.name: model for model in shelf.use("Ollama", root)}
    assert set(models) == {"llama3.2:1b", "llama3.2", "maker/fine", "hf.co/maker/Tiny-GGUF:Q8_0"}
    first = models["llama3.2:1b"]
    assert (first.path, first.program, first.read_only) == (blob, "Ollama", True)
    assert first.architecture == "llama"
    assert models["hf.co/maker/Tiny-GGUF:Q8_0"].repo == "maker/Tiny-GGUF"
    assert shelf.library.find("llama3.2:1b") == first
    record = shelf.library.records.of(blob)
    assert record is not None
    assert blob.name == f"sha256-{record.sha256}"
    assert (record.told_by, record.checked) == ("name", 0.0)


def test_an_id_in_ollamas_store_outlives_an_update(shelf: Shelf, tmp_path: Path) -> None:
    root, name = tmp_path / "ollama", "registry.ollama.ai/library/llama3.2/1b"
    ollama_model(root, name, tiny("one"))
    (before,) = shelf.use("Ollama", root)
    ollama_model(root, name, tiny("another"))
    (after,) = [model for model in shelf.library.scan() if model.source == "folder"]
    assert after.id == before.id
    assert after.path != before.path


def test_what_is_no_whole_gguf_in_ollamas_store_is_left_out(shelf: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "ollama"
    ollama_model(root, "registry.ollama.ai/library/good/latest", tiny("good"))
    ollama_model(root, "registry.ollama.ai/library/lora/latest", tiny("x"), ("adapter", b"x"))
    put(root / "manifests/registry.ollama.ai/library/broken/latest", b"[" * 100_000)
    escaping = {"layers": [{"mediaType": "application/vnd.ollama.image.model",
                            "digest": "sha256:../../../etc/passwd"}]}  # fmt: skip
    put(root / "manifests/registry.ollama.ai/library/evil/latest", json.dumps(escaping).encode())
    assert [model.name for model in shelf.use("Ollama", root)] == ["good"]


def test_a_projector_in_ollamas_store_is_known_by_its_header(shelf: Shelf, tmp_path: Path) -> None:
    clip = tiny_model().set("general.architecture", STRING, "clip")
    clip.set("clip.projector_type", STRING, "mlp").set("clip.vision.projection_dim", U32, 32)
    root = tmp_path / "ollama"
    ollama_model(
        root, "registry.ollama.ai/library/seeing/latest", tiny(), ("projector", clip.data())
    )
    (model,) = shelf.use("Ollama", root)
    (projector,) = projectors_beside(model, read_header(model.path))
    check_projector(projector, read_header(model.path))
    assert "vision" in model.capabilities


def test_a_real_model_in_ollamas_store_answers(
    starter_file: Path, shelf: Shelf, tmp_path: Path
) -> None:
    root = tmp_path / "ollama"
    blob = ollama_model(root, "registry.ollama.ai/library/smollm2/135m", starter_file.read_bytes())
    (model,) = shelf.use("Ollama", root)
    assert (model.path, model.name, model.quantization) == (blob, "smollm2:135m", "Q4_1")
    backend = LlamaCppBackend()
    try:
        info = backend.load(str(model.path), LoadConfig(context_length=256), lambda _: True)
        assert info.context_length == 256
    finally:
        backend.unload()


def test_names_in_llama_cpps_cache_are_taken_apart(shelf: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "llama.cpp"
    first = "ggml-org_gemma-3-1b-it-GGUF_gemma-3-1b-it-Q4_K_M.gguf"
    second = "some-one_my_odd_repo_tiny_model-Q8_0.gguf"
    for name in (first, second, "plain-Q8_0.gguf"):
        put(root / name, tiny(name))
    put(root / "ggml-org_gemma-3-1b-it-GGUF_mmproj-model-f16.gguf", tiny("projector"))
    put(root / "manifest=some-one=my_odd_repo=latest.json", b"{}")
    models = {model.path.name: model for model in shelf.use("llama.cpp", root)}
    assert models[first].repo == "ggml-org/gemma-3-1b-it-GGUF"
    assert models[first].name == "Gemma 3 1B it"
    assert models[first].quantization == "Q4_K_M"
    assert len(models[first].files) == 2, "with its projector"
    assert models[second].repo == "some-one/my_odd_repo"
    assert models[second].name == "Tiny Model"
    assert len(models[second].files) == 1, "not with that of another repository"
    assert models["plain-Q8_0.gguf"].repo is None


@needs_links
def test_the_hubs_cache_lists_the_newest_commit_of_each_file(shelf: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "hub"
    hub_file(root, "maker/Tiny-GGUF", OLDER, "tiny-Q8_0.gguf", tiny("old"))
    newest = hub_file(root, "maker/Tiny-GGUF", COMMIT, "tiny-Q8_0.gguf", tiny("new"))
    hub_file(root, "maker/Tiny-GGUF", OLDER, "dropped-Q4_0.gguf", tiny("dropped"))
    put(root / "models--maker--Tiny-GGUF" / "refs" / "main", COMMIT.encode())
    put(root / "models--maker--Tiny-GGUF" / "blobs" / "abc.incomplete", b"GGUF")
    dangling = root / "models--maker--Tiny-GGUF" / "snapshots" / COMMIT / "gone.gguf"
    dangling.symlink_to("../../blobs/none")
    models = {model.path.name: model for model in shelf.use("Hugging Face", root)}
    assert set(models) == {"tiny-Q8_0.gguf", "dropped-Q4_0.gguf"}
    model = models["tiny-Q8_0.gguf"]
    assert (model.path, model.repo) == (newest, "maker/Tiny-GGUF")
    assert (model.publisher, model.program) == ("maker", "Hugging Face")
    assert commit_of(model.path) == COMMIT
    record = shelf.library.records.of(model.path)
    assert record is not None
    assert record.sha256 == os.path.basename(os.path.realpath(newest))


def test_of_safetensors_in_the_hubs_cache_only_mlx_models_are_listed(
    shelf: Shelf, tmp_path: Path
) -> None:
    root = tmp_path / "hub"
    for repo, config in (
        ("mlx-community/Qwen3-0.6B-4bit", {"quantization": {"bits": 4}, "model_type": "qwen3"}),
        ("maker/Plain", {"model_type": "llama"}),
    ):
        for name, data in (("config.json", json.dumps(config).encode()), ("m.safetensors", b"x")):
            hub_file(root, repo, COMMIT, name, data, link=False)
    (model,) = shelf.use("Hugging Face", root)
    assert (model.name, model.format) == ("Qwen3 0.6B 4bit", "mlx")
    assert model.id.startswith("Qwen3-0.6B-4bit@")


def test_jans_notes_tell_names_and_files_elsewhere(shelf: Shelf, tmp_path: Path) -> None:
    data = tmp_path / "Jan" / "data"
    root = data / "llamacpp" / "models"
    put(root / "maker" / "one" / "model.gguf", tiny("inside"))
    note = "name: One of Mine\nmodel_path: llamacpp/models/maker/one/model.gguf\nsize_bytes: 7\n"
    put(root / "maker" / "one" / "model.yml", note.encode())
    elsewhere = put(tmp_path / "elsewhere" / "two.gguf", tiny("outside"))
    put(root / "two" / "model.yml", f'model_path: "{elsewhere.as_posix()}"\nname: Two\n'.encode())
    put(root / "three" / "model.yml", b"model_path: /no/such.gguf\n- x\n\xff")
    models = {model.name: model for model in shelf.use("Jan", root)}
    assert set(models) == {"One of Mine", "Two"}
    assert models["Two"].path == elsewhere
    assert models["One of Mine"].program == "Jan"


def test_flat_and_nested_folders_of_the_others(shelf: Shelf, tmp_path: Path) -> None:
    studio, gpt, cpp = tmp_path / "lms" / "models", tmp_path / "GPT4All", tmp_path / "llama.cpp"
    put(studio / "maker" / "A-GGUF" / "a-Q8_0.gguf", tiny("a"))
    put(studio / "maker" / "A-GGUF" / "downloading_b.gguf", tiny("x"))
    put(gpt / "c.Q4_0.gguf", tiny("c"))
    put(gpt / "incomplete-d.gguf", tiny("x"))
    put(cpp / "maker_E_e-Q8_0.gguf", tiny("e"))
    put(cpp / "f.gguf.downloadInProgress", tiny("x"))
    shelf.use("LM Studio", studio)
    shelf.use("GPT4All", gpt)
    models = shelf.use("llama.cpp", cpp)
    assert {(model.program, model.path.name) for model in models} == {
        ("LM Studio", "a-Q8_0.gguf"),
        ("GPT4All", "c.Q4_0.gguf"),
        ("llama.cpp", "maker_E_e-Q8_0.gguf"),
    }


def test_programs_are_offered_once_with_what_they_hold(
    tmp_path: Path, settings: SettingsStore
) -> None:
    root, empty = tmp_path / "ollama", tmp_path / "empty"
    data = tiny("one")
    ollama_model(root, "registry.ollama.ai/library/a/latest", data)
    ollama_model(root, "registry.ollama.ai/library/a/1b", data)
    empty.mkdir()
    folders = [
        ProgramFolder("Ollama", root),
        ProgramFolder("GPT4All", empty),
        ProgramFolder("Jan", tmp_path / "missing"),
        ProgramFolder("MLX", root / "blobs"),
    ]
    (found,) = find_programs(folders, [tmp_path / "corral"])
    assert (found.program, found.path, found.count, found.size) == ("Ollama", root, 1, len(data))
    use_programs(settings, [found])
    assert settings.current.models.extra_folders == (str(root),)
    assert settings.current.models.programs_asked
    assert find_programs(folders, [root]) == ()
    assert program_of(root / "blobs" / "x", folders) == "Ollama"
    assert program_of(tmp_path, folders) == ""


def test_nothing_of_another_program_is_deleted_or_moved(shelf: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "ollama"
    ollama_model(root, "registry.ollama.ai/library/a/latest", tiny("one"))
    before = sorted(path for path in root.rglob("*"))
    (model,) = shelf.use("Ollama", root)
    shelf.library.delete(model.id)
    assert model.id not in {each.id for each in shelf.library.models()}
    shelf.library.change_folder(tmp_path / "new", move=True)
    assert sorted(path for path in root.rglob("*")) == before


def test_a_folder_of_a_program_that_is_away_greys_out(shelf: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "ollama"
    ollama_model(root, "registry.ollama.ai/library/a/latest", tiny("one"))
    (model,) = shelf.use("Ollama", root)
    root.rename(tmp_path / "unplugged")
    away = shelf.library.scan()
    assert [each.present for each in away if each.id == model.id] == [False]
    (tmp_path / "unplugged").rename(root)
    assert model in shelf.library.scan()


def test_a_folder_that_only_looks_like_a_store_is_searched_as_usual(tmp_path: Path) -> None:
    put(tmp_path / "manifests", b"a file")
    path = put(tmp_path / "blobs" / "a-Q8_0.gguf", tiny())
    assert [found.path for found in find_models(tmp_path, "folder")] == [path]
