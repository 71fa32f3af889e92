"""Importing: what a plan says, what each way does to the files, that nothing is half done."""

import errno
import os
import re
import signal
from io import FileIO
from pathlib import Path
from typing import Any, cast

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from app.core import file_copies, library_import
from app.core.checksums import Broken
from app.core.errors import ModelError, NotFoundError, StorageError
from app.core.library import ModelLibrary
from app.core.library_import import ImportPlan, Way, import_models, plan_import
from app.core.other_programs import ProgramFolder
from app.core.paths import AppPaths, app_paths
from app.core.safe_names import safe_segment
from app.core.settings import SettingsStore
from app.core.transfer_names import check_names
from app.core.transfer_parts import Part, lock_path, part_bytes, part_path
from tests.core.broken_gguf import STRING, U16, tiny_model
from tests.core.model_stores import hub_file, ollama_model, put, tiny

COMMIT = "c" * 40


def never() -> bool:
    return False


def nothing(_: int, __: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def paths() -> AppPaths:
    return app_paths()


@pytest.fixture
def library(paths: AppPaths) -> ModelLibrary:
    return ModelLibrary(paths, SettingsStore(paths.settings_file))


def planned(library: ModelLibrary, *sources: Path, way: Way | None = None) -> ImportPlan:
    return plan_import(sources, library.folder, way, programs=())


def do(library: ModelLibrary, plan: ImportPlan) -> list[str]:
    return [model.id for model in import_models(library, plan, nothing, never)]


def test_a_plan_changes_nothing_and_says_everything(library: ModelLibrary, tmp_path: Path) -> None:
    path = put(tmp_path / "shelf" / "maker" / "Tiny-GGUF" / "tiny-Q8_0.gguf", tiny())
    before = sorted(tmp_path.rglob("*"))
    (item,) = planned(library, tmp_path / "shelf").items
    target = library.folder / "maker" / "Tiny-GGUF" / "tiny-Q8_0.gguf"
    assert item.files == ((path, target),)
    assert (item.name, item.way, item.problem) == ("Tiny", "link", "")
    assert item.size == len(tiny())
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("way", ["link", "copy", "move"])
def test_each_way_does_what_it_says(library: ModelLibrary, tmp_path: Path, way: Way) -> None:
    path = put(tmp_path / "elsewhere" / "own model-Q8_0.gguf", tiny())
    inode = path.stat().st_ino
    told: list[tuple[int, int]] = []
    plan = planned(library, path, way=way)
    (model,) = import_models(library, plan, lambda done, of: told.append((done, of)), never)
    assert model.id == "imported/own model-Q8_0/own model-Q8_0"
    assert not model.read_only
    assert model.path.read_bytes() == tiny()
    assert (model.path.stat().st_ino == inode) == (way != "copy")
    assert path.exists() == (way != "move")
    assert told[-1] == (len(tiny()), len(tiny()))
    assert library.folder in model.path.parents


def test_what_a_kill_left_of_a_copy_is_no_model_and_in_nobodys_way(
    library: ModelLibrary, tmp_path: Path
) -> None:
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    put(library.folder / "imported" / "a-Q8_0" / "a-Q8_0.gguf.importing.part", b"half")
    assert [model for model in library.scan() if model.source == "corral"] == []
    (model,) = import_models(library, planned(library, path, way="copy"), nothing, never)
    assert model.path.read_bytes() == tiny()
    assert [each.name for each in model.path.parent.iterdir()] == ["a-Q8_0.gguf"]


def test_a_split_model_and_its_projector_come_along(library: ModelLibrary, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    for number in (0, 1):
        part = tiny_model().set("split.count", U16, 2).set("split.no", U16, number)
        put(folder / f"Big-Q8_0-0000{number + 1}-of-00002.gguf", part.data())
    projector = put(folder / "mmproj-F16.gguf", tiny())
    (model,) = import_models(library, planned(library, folder, way="move"), nothing, never)
    assert [path.name for path in model.files] == [
        "Big-Q8_0-00001-of-00002.gguf",
        "Big-Q8_0-00002-of-00002.gguf",
        "mmproj-F16.gguf",
    ]
    assert projector.exists(), "another model may need it"
    assert [path.name for path in folder.iterdir()] == ["mmproj-F16.gguf"]


def test_blobs_and_snapshots_become_named_files(library: ModelLibrary, tmp_path: Path) -> None:
    ollama, hub = tmp_path / "ollama", tmp_path / "hub"
    blob = ollama_model(ollama, "registry.ollama.ai/library/llama3.2/1b", tiny("one"))
    link = hub_file(hub, "maker/Tiny-GGUF", COMMIT, "tiny-Q8_0.gguf", tiny("two"))
    first, second = do(library, planned(library, ollama, hub))
    assert {first, second} == {
        "imported/llama3.2-1b/llama3.2-1b",
        "maker/Tiny-GGUF/tiny-Q8_0",
    }
    for model_id, source in (
        ("imported/llama3.2-1b/llama3.2-1b", blob),
        ("maker/Tiny-GGUF/tiny-Q8_0", link.resolve()),
    ):
        path = library.get(model_id).path
        assert not path.is_symlink()
        assert path.samefile(source)


def test_an_mlx_folder_brings_only_data(library: ModelLibrary, tmp_path: Path) -> None:
    folder = tmp_path / "X-4bit"
    for name in ("config.json", "model.safetensors", "evil.py", "weights.bin", "data.pkl"):
        put(folder / name, b"{}")
    (item,) = planned(library, folder).items
    assert [target.name for _, target in item.files] == ["config.json", "model.safetensors"]
    do(library, planned(library, folder))
    assert sorted(path.name for path in (library.folder / "imported" / "X-4bit").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_what_stays_where_it_is_says_why(
    library: ModelLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "a" / "one-Q8_0.gguf", tiny())
    broken = put(tmp_path / "a" / "two-Q8_0.gguf", tiny()[:-4000])
    do(library, planned(library, path))
    problems = {item.name: item.problem for item in planned(library, tmp_path / "a").items}
    assert "is there already" in problems["One"]
    assert problems["Two"]
    inside = planned(library, library.folder / "imported" / "one-Q8_0" / "one-Q8_0.gguf")
    assert "already" in inside.items[0].problem
    plan = plan_import([path], library.folder, "move", [ProgramFolder("Ollama", tmp_path / "a")])
    assert "It belongs to Ollama" in plan.items[0].problem
    monkeypatch.setattr(library_import, "_on", lambda *_: False)
    assert planned(library, broken).items[0].way == "copy"
    other = put(tmp_path / "b" / "three-Q8_0.gguf", tiny())
    assert "another disk" in planned(library, other, way="link").items[0].problem
    assert planned(library, other).needed == len(tiny())
    assert planned(library, other, way="link").possible == ()


def test_two_models_of_one_name_do_not_overwrite_each_other(
    library: ModelLibrary, tmp_path: Path
) -> None:
    one = put(tmp_path / "a" / "same-Q8_0.gguf", tiny("one"))
    two = put(tmp_path / "b" / "same-Q8_0.gguf", tiny("two"))
    first, second = planned(library, one, two).items
    assert not first.problem
    assert "there already" in second.problem


@pytest.mark.parametrize("name", ["model.bin", "model.pkl", "model.pt", "notes.txt", "page.gguf"])
def test_what_is_no_model_is_refused(library: ModelLibrary, tmp_path: Path, name: str) -> None:
    path = put(tmp_path / name, b"\x80\x04 pickle")
    try:
        assert all(item.problem for item in planned(library, path).items)
    except ModelError:
        assert not name.endswith(".gguf")
    with pytest.raises(ModelError, match="no model"):
        planned(library, put(tmp_path / "empty" / "notes.txt", b"x").parent)


def test_a_missing_file_is_told(library: ModelLibrary, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"missing\.gguf is not there") as told:
        planned(library, tmp_path / "missing.gguf")
    assert told.value.exit_code == 3, "as the help of the command says"


def test_a_path_without_a_model_is_named_beside_others(
    library: ModelLibrary, tmp_path: Path
) -> None:
    empty = put(tmp_path / "empty" / "notes.txt", b"x").parent
    good = put(tmp_path / "good-Q8_0.gguf", tiny())
    plan = planned(library, empty, good)
    assert plan.empty == (empty,)
    assert len(plan.possible) == 1


def test_the_whole_folder_of_a_program_is_understood(library: ModelLibrary, tmp_path: Path) -> None:
    ollama_model(tmp_path / "o" / "models", "registry.ollama.ai/library/x/latest", tiny("theirs"))
    hub_file(
        tmp_path / "hf" / "hub", "maker/Tiny-GGUF", "c" * 40, "t-Q8_0.gguf", tiny("hub"), link=False
    )
    plan = planned(library, tmp_path / "o", tmp_path / "hf")
    targets = [item.files[0][1].relative_to(library.folder).as_posix() for item in plan.items]
    assert targets[1] == "maker/Tiny-GGUF/t-Q8_0.gguf"
    assert plan.empty == ()


@pytest.mark.parametrize("way", ["copy", "move"])
def test_breaking_off_leaves_everything_as_it_was(
    library: ModelLibrary, tmp_path: Path, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_copies, "_PIECE", 1000)
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    plan = planned(library, path, way=way)
    calls: list[bool] = []

    def later() -> bool:
        calls.append(True)
        return len(calls) > 2 or way == "move"

    with pytest.raises(Broken):
        import_models(library, plan, nothing, later)
    assert path.read_bytes() == tiny()
    assert not (library.folder / "imported").exists()


def test_a_full_disk_is_told_before_anything_is_done(library: ModelLibrary, tmp_path: Path) -> None:
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    plan = planned(library, path, way="copy")
    small = ImportPlan(plan.folder, plan.items, (), plan.needed, plan.needed - 1)
    with pytest.raises(StorageError, match="free"):
        import_models(library, small, nothing, never)
    assert not library.folder.exists()


def test_a_failure_halfway_leaves_no_half_model(
    library: ModelLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    for number in (0, 1):
        part = tiny_model().set("split.count", U16, 2).set("split.no", U16, number)
        put(folder / f"Big-Q8_0-0000{number + 1}-of-00002.gguf", part.data())
    plan = planned(library, folder, way="move")
    link, count = os.link, [0]

    def failing(old: Path, new: Path) -> None:
        count[0] += 1
        if count[0] == 2:
            raise OSError(28, "No space left on device")
        link(old, new)

    monkeypatch.setattr(os, "link", failing)
    with pytest.raises(StorageError, match="not imported"):
        import_models(library, plan, nothing, never)
    assert len(list(folder.iterdir())) == 2
    assert not (library.folder / "imported").exists()


# What must never be lost


class NearlyFull:
    """A file on a disk that takes less than it is given."""

    def __init__(self, file: FileIO) -> None:
        self._file = file

    def write(self, data: memoryview) -> int:
        return self._file.write(data[: max(1, len(data) // 2)])

    def __enter__(self) -> "NearlyFull":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fileno(self) -> int:
        return self._file.fileno()


def _other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is moved has to be copied, as to another disk."""

    def refuse(old: Path, new: Path) -> None:
        if old.name.endswith(".importing.part"):
            link(old, new)
        else:
            raise OSError(errno.EXDEV, "Invalid cross-device link")

    def refuse_rename(old: Path, new: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    link = os.link
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "replace", refuse_rename)


def test_short_writes_lose_no_byte_of_what_is_moved(
    library: ModelLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _other_disk(monkeypatch)
    opened = Path.open

    def nearly_full(self: Path, mode: str = "r", *args: Any, **others: Any) -> object:
        file = opened(self, mode, *args, **others)
        return NearlyFull(cast("FileIO", file)) if mode == "xb" else file

    monkeypatch.setattr(Path, "open", nearly_full)
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    (model_id,) = do(library, planned(library, path, way="move"))
    assert library.get(model_id).path.read_bytes() == tiny()
    assert not path.exists()


@pytest.mark.skipif(os.name == "nt", reason="the limit is one of POSIX systems")
def test_a_disk_that_ends_within_the_last_piece_leaves_the_original(
    library: ModelLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    _other_disk(monkeypatch)
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny("a", 100_000))
    plan = planned(library, path, way="move")
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size - 50_000, old[1]))
    try:
        with pytest.raises(StorageError, match="not imported"):
            import_models(library, plan, nothing, never)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == tiny("a", 100_000)
    assert not (library.folder / "imported").exists()


@pytest.mark.parametrize("way", ["copy", "move"])
def test_a_source_that_grows_while_it_is_copied_is_no_import(
    library: ModelLibrary, tmp_path: Path, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    _other_disk(monkeypatch)
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    plan = planned(library, path, way=way)
    fsync = os.fsync

    def grow(descriptor: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", grow)
    with pytest.raises(StorageError, match="changed"):
        import_models(library, plan, nothing, never)
    assert path.read_bytes().startswith(tiny())
    assert not (library.folder / "imported").exists()


def test_what_a_link_leads_to_is_never_moved_away(library: ModelLibrary, tmp_path: Path) -> None:
    store = tmp_path / "ollama"
    blob = put(store / "blobs" / f"sha256-{'a' * 64}", tiny())
    theirs, somebodys = tmp_path / "mine" / "theirs.gguf", tmp_path / "mine" / "somebodys.gguf"
    theirs.parent.mkdir()
    theirs.symlink_to(blob)
    somebodys.symlink_to(put(tmp_path / "papers" / "x-Q8_0.gguf", tiny("other")))
    (tmp_path / "shelf").symlink_to(store / "blobs")
    through = tmp_path / "shelf" / "b-Q8_0.gguf"
    put(through, tiny("third"))
    programs = [ProgramFolder("Ollama", store)]
    plan = plan_import([theirs, somebodys, through], library.folder, "move", programs)
    problems = [item.problem for item in plan.items]
    assert "belongs to Ollama" in problems[0]
    assert "is a link" in problems[1]
    assert "belongs to Ollama" in problems[2], "its folder is a link into the store"


def test_a_link_that_appears_after_the_plan_is_not_followed(
    library: ModelLibrary, tmp_path: Path
) -> None:
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    other = put(tmp_path / "other" / "b.gguf", tiny("other"))
    plan = planned(library, path, way="move")
    path.unlink()
    path.symlink_to(other)
    with pytest.raises(StorageError, match="link"):
        import_models(library, plan, nothing, never)
    assert other.read_bytes() == tiny("other")
    assert path.is_symlink()


@pytest.mark.parametrize("way", ["link", "copy", "move"])
@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_after_the_plan_is_not_replaced(
    library: ModelLibrary, tmp_path: Path, way: Way, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    plan = planned(library, path, way=way)
    target = put(plan.items[0].files[0][1], b"the only one")
    if not links:
        _without_links(monkeypatch)
    with pytest.raises(StorageError, match="not imported"):
        import_models(library, plan, nothing, never)
    assert target.read_bytes() == b"the only one"
    assert path.read_bytes() == tiny()
    assert [each.name for each in target.parent.iterdir()] == [target.name]


def _without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that has none, as FAT."""

    def refuse(old: Path, new: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("way", ["copy", "move"])
def test_a_disk_without_links_takes_models_as_well(
    library: ModelLibrary, tmp_path: Path, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_links(monkeypatch)
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    (model_id,) = do(library, planned(library, path, way=way))
    assert library.get(model_id).path.read_bytes() == tiny()
    assert path.exists() == (way == "copy")


def test_a_disk_without_links_says_what_to_do(
    library: ModelLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_links(monkeypatch)
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    with pytest.raises(StorageError) as caught:
        do(library, planned(library, path, way="link"))
    assert caught.value.hint == "Copy the models."


def test_two_files_that_would_get_one_name_stay(library: ModelLibrary, tmp_path: Path) -> None:
    folder = tmp_path / "X-4bit"
    for name in ("config.json", "model.safetensors", "notes é.txt", "notes à.txt"):
        put(folder / name, name.encode())
    (item,) = planned(library, folder, way="move").items
    assert "the same name" in item.problem


def test_names_that_differ_only_in_case_are_one_file_somewhere(
    library: ModelLibrary, tmp_path: Path
) -> None:
    one = put(tmp_path / "a" / "same-Q8_0.gguf", tiny("one"))
    two = put(tmp_path / "b" / "SAME-Q8_0.gguf", tiny("two"))
    assert [bool(item.problem) for item in planned(library, one, two).items] == [False, True]


@pytest.mark.parametrize("way", ["link", "copy", "move"])
def test_a_download_to_the_same_place_keeps_its_bytes(
    library: ModelLibrary, tmp_path: Path, way: Way
) -> None:
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    plan = planned(library, path, way=way)
    target = plan.items[0].files[0][1]
    part = Part(target, "etag", 1000, "commit")
    with part.writer() as write:
        write(0, b"d" * 500)
    with FileLock(lock_path(target)), pytest.raises(StorageError, match="being downloaded"):
        import_models(library, plan, nothing, never)
    assert path.exists()
    assert not target.exists()
    do(library, plan)
    assert target.read_bytes() == tiny()
    assert part_path(target).read_bytes()[:500] == b"d" * 500
    assert part_bytes(target, 1000) == 500


def test_the_models_folder_stays_the_same_while_models_come_in(
    library: ModelLibrary, tmp_path: Path
) -> None:
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    refused: list[str] = []

    def meanwhile(_: int, __: int) -> None:
        with pytest.raises(StorageError, match="imported") as caught:
            library.change_folder(tmp_path / "new", True)
        refused.append(caught.value.hint)

    import_models(library, planned(library, path, way="copy"), meanwhile, never)
    assert refused
    plan = planned(library, put(tmp_path / "elsewhere" / "b-Q8_0.gguf", tiny("b")))
    library.change_folder(tmp_path / "new", True)
    assert (tmp_path / "new" / "imported" / "a-Q8_0" / "a-Q8_0.gguf").read_bytes() == tiny()
    with pytest.raises(StorageError, match="is no models folder"):
        import_models(library, plan, nothing, never)


def test_a_projector_comes_along_with_one_file_and_is_no_mistake_beside_it(
    library: ModelLibrary, tmp_path: Path
) -> None:
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    projector = tiny_model().set("general.architecture", STRING, "clip").data()
    beside = put(tmp_path / "elsewhere" / "mmproj-a-f16.gguf", projector)
    for sources in ([path], [beside, path]):
        plan = planned(library, *sources, way="copy")
        assert plan.empty == ()
        (item,) = plan.items
        assert [source for source, _ in item.companions] == [beside]
    (model,) = import_models(library, plan, nothing, never)
    assert [each.name for each in model.files] == ["a-Q8_0.gguf", "mmproj-a-f16.gguf"]
    assert "vision" in model.capabilities


def test_models_go_to_the_folder_that_was_chosen(library: ModelLibrary, tmp_path: Path) -> None:
    path = put(tmp_path / "elsewhere" / "a-Q8_0.gguf", tiny())
    disk = tmp_path / "disk"
    plan = plan_import([path], disk, "copy", programs=())
    with pytest.raises(StorageError, match="not there"):
        import_models(library, plan, nothing, never)
    assert not disk.exists(), "a drive that is away is not made anew"
    disk.mkdir()
    with pytest.raises(StorageError, match="is no models folder"):
        import_models(library, plan, nothing, never)
    library.own_folders.add(disk)
    (model,) = import_models(library, plan, nothing, never)
    assert model.path == disk / "imported" / "a-Q8_0" / "a-Q8_0.gguf"
    assert (model.source, model.path.read_bytes()) == ("corral", tiny())
    assert not library.folder.exists()


@given(st.text(max_size=300), st.sampled_from(["", ".gguf", ".json"]))
def test_every_text_becomes_a_name_that_is_safe_everywhere(text: str, suffix: str) -> None:
    name = safe_segment(text, suffix)
    check_names([name if suffix else f"{name}/a.gguf"])
    assert name.endswith(suffix)


def test_good_names_stay_as_they_are() -> None:
    for name in ("Llama-3.2-1B-Instruct", "own model (2)", "a_b+c@d=e,f"):
        assert safe_segment(name) == name
    assert safe_segment("llama3.2:1b") == "llama3.2-1b"
    assert re.fullmatch(r"model-con\.gguf", safe_segment("con", ".gguf"))
