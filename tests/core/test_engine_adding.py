"""Engines come and go as a whole: what fails or is broken off leaves nothing behind."""

import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core import engine_adding
from app.core.checksums import Broken
from app.core.engine import EngineProcess
from app.core.engine_adding import add_engine, folders_in_use, remove_engine
from app.core.engine_list import engine_entries, entry_named
from app.core.engine_packs import EnginePack, read_pack
from app.core.errors import EngineError, NotFoundError, StorageError
from backends.engine_folder import check_files, read_manifest
from tests.engine_folders import write_engine
from tests.engine_packs import sign, tampered, trusted, write_pack

LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="the engines are made of Linux libraries"
)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Beside the program, and the person's own."""
    return tmp_path / "program" / "engines", tmp_path / "data" / "engines"


def add(
    pack: EnginePack,
    places: tuple[Path, Path],
    progress: Callable[[int, int], object] = lambda done, of: None,
    cancelled: Callable[[], bool] = lambda: False,
    trial: Callable[[Path], object] = lambda folder: None,
) -> str:
    return add_engine(pack, places, progress, cancelled, trial).id


def left(places: tuple[Path, Path]) -> list[str]:
    """What lies in the person's data, but for the lock."""
    own = places[1].parent
    found = [each.relative_to(own).as_posix() for each in own.rglob("*")] if own.exists() else []
    return sorted(each for each in found if not each.endswith(".lock"))


def test_an_engine_is_added_with_every_file_and_told_how_far_it_is(
    tmp_path: Path, places: tuple[Path, Path]
) -> None:
    pack = read_pack(write_pack(tmp_path, "9.1"), {})
    told: list[tuple[int, int]] = []
    tried: list[Path] = []
    id_ = add(pack, places, lambda done, of: told.append((done, of)), trial=tried.append)
    folder = places[1] / id_
    check_files(folder, read_manifest(folder), contents=True)
    assert told[-1] == (len(b"not really"), pack.size)
    assert tried
    assert tried[0].parent == places[1].parent, "tried where nobody looks for engines yet"
    assert left(places) == sorted(
        f"engines{rest}" for rest in ("", f"/{id_}", f"/{id_}/engine.json", f"/{id_}/libllama.so")
    )


def test_a_folder_is_copied_and_stays(tmp_path: Path, places: tuple[Path, Path]) -> None:
    folder = write_engine(tmp_path, "9.1")
    assert (places[1] / add(read_pack(folder, {}), places)).is_dir()
    assert read_manifest(folder).version == "9.1"


def test_a_file_that_is_not_what_the_list_says_leaves_nothing(
    tmp_path: Path, places: tuple[Path, Path]
) -> None:
    evil = tampered(
        write_pack(tmp_path),
        lambda member, data: (member, data[::-1] if "lib" in member.filename else data),
    )
    with pytest.raises(EngineError, match=r"libllama\.so is not what its list says"):
        add(read_pack(evil, {}), places)
    assert left(places) == []


def test_a_bomb_writes_no_more_than_it_announced(
    tmp_path: Path, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member that says it is ten bytes long and unpacks to fifty million."""
    pack = write_pack(tmp_path)
    bomb = tmp_path / "bomb.corral-engine"
    with zipfile.ZipFile(pack) as reading, zipfile.ZipFile(bomb, "w") as writing:
        for member in reading.infolist():
            if member.filename == "libllama.so":
                writing.writestr(member, bytes(50_000_000), zipfile.ZIP_DEFLATED)
            else:
                writing.writestr(member, reading.read(member))
    data = bomb.read_bytes()
    told, really = (len(b"not really")).to_bytes(4, "little"), (50_000_000).to_bytes(4, "little")
    bomb.write_bytes(data.replace(really, told))
    written = 0

    def count(done: int, of: int) -> None:
        nonlocal written
        written = done

    with pytest.raises(EngineError, match="damaged, or somebody has changed it"):
        add(read_pack(bomb, {}), places, count)
    assert written <= len(b"not really")
    assert left(places) == []


def test_what_is_broken_off_leaves_nothing(tmp_path: Path, places: tuple[Path, Path]) -> None:
    pack = read_pack(write_pack(tmp_path), {})
    with pytest.raises(Broken):
        add(pack, places, cancelled=lambda: True)
    assert left(places) == []
    told = iter([False, True])  # after the only file, and again when it was tried
    with pytest.raises(Broken):
        add(pack, places, cancelled=lambda: next(told))
    assert left(places) == []
    assert add(pack, places)


def test_what_a_kill_left_is_cleared_away(tmp_path: Path, places: tuple[Path, Path]) -> None:
    (places[1].parent / "engines.adding").mkdir(parents=True)
    (places[1].parent / "engines.adding" / "half.so").touch()
    add(read_pack(write_pack(tmp_path), {}), places)
    assert "engines.adding" not in left(places)


def test_an_engine_that_does_not_start_is_not_added(
    tmp_path: Path, places: tuple[Path, Path]
) -> None:
    pack = read_pack(write_pack(tmp_path), {})  # its library is none
    with pytest.raises(EngineError, match="does not start on this computer"):
        add_engine(pack, places, lambda done, of: None, lambda: False)
    assert left(places) == []


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = read_pack(write_pack(tmp_path), {})
    monkeypatch.setattr(engine_adding, "_SPARE", 10**18)
    with pytest.raises(EngineError, match="There is no room for this engine"):
        add(pack, places)
    assert left(places) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, places: tuple[Path, Path]) -> None:
    places[1].parent.parent.mkdir(exist_ok=True)
    places[1].parent.write_text("in the way")
    with pytest.raises(StorageError):
        add(read_pack(write_pack(tmp_path), {}), places)


def test_one_that_is_there_is_not_added_twice(tmp_path: Path, places: tuple[Path, Path]) -> None:
    pack = read_pack(write_pack(tmp_path / "a", "9.1"), {})
    add(pack, places)
    with pytest.raises(EngineError, match="is installed already"):
        add(pack, places)
    other = read_pack(write_pack(tmp_path / "b", "9.1", commit="fedcba9"), {})
    with pytest.raises(EngineError, match=r"Another .* is installed already"):
        add(other, places)
    shutil.rmtree(places[1])
    write_engine(places[0], "9.1")
    with pytest.raises(EngineError, match="is installed already"):
        add(pack, places)


def test_a_damaged_one_gives_way(tmp_path: Path, places: tuple[Path, Path]) -> None:
    pack = read_pack(write_pack(tmp_path, "9.1"), {})
    folder = places[1] / add(pack, places)
    (folder / "libllama.so").unlink()
    add(pack, places)
    check_files(folder, read_manifest(folder), contents=True)
    assert not [each for each in left(places) if "removing" in each]


def test_who_vouches_is_told_of_an_installed_one_too(
    tmp_path: Path, places: tuple[Path, Path]
) -> None:
    key = Ed25519PrivateKey.generate()
    path = write_pack(tmp_path, "9.1")
    sign(path, key)
    id_ = add(read_pack(path, trusted(key)), places)
    assert entry_named(engine_entries(places, trusted(key)), id_).signed
    assert not entry_named(engine_entries(places, {}), id_).signed
    folder = places[1] / id_
    text = (folder / "engine.json").read_text()
    (folder / "engine.json").write_text(text.replace("0123abc", "fedcba9"))
    assert not entry_named(engine_entries(places, trusted(key)), id_).signed


def test_all_engines_are_listed_with_where_they_are_from_and_what_is_wrong(
    places: tuple[Path, Path],
) -> None:
    write_engine(places[0], "9.1", id="beside")
    write_engine(places[1], "9.2", id="mine", accelerator="cuda")
    write_engine(places[1], "9.1", id="beside")
    write_engine(places[1], "9.0", id="before-old")
    broken = write_engine(places[1], "9.3", id="broken")
    (broken / "libllama.so").unlink()
    entries = engine_entries(places, {})
    assert [(each.key, each.origin) for each in entries] == [
        ("mine", "person"),
        ("beside", "program"),
        ("package", "package"),
        ("before-old", "kept"),
        ("beside", "person"),
        ("broken", "person"),
    ]
    assert [each.removable for each in entries] == [True, False, False, True, True, True]
    assert "lies elsewhere" in entries[4].problem
    assert "libllama.so is missing" in entries[5].problem
    assert not any(each.problem for each in entries[:4])
    with pytest.raises(NotFoundError, match="There is no engine none"):
        entry_named(entries, "none")


def test_what_was_added_is_removed_and_what_came_with_corral_stays(
    places: tuple[Path, Path],
) -> None:
    beside = write_engine(places[0], "9.1", id="beside")
    mine = write_engine(places[1], "9.2", id="mine")
    entries = engine_entries(places, {})
    remove_engine(entry_named(entries, "mine"), places)
    assert not mine.exists()
    assert left(places) == ["engines"]
    for key in ("beside", "package"):
        with pytest.raises(EngineError, match="comes with Corral"):
            remove_engine(entry_named(entries, key), places)
    assert beside.exists()


@LINUX
@pytest.mark.engine
def test_a_real_one_is_tried_added_and_not_removed_while_it_runs(
    tmp_path: Path, places: tuple[Path, Path]
) -> None:
    pack = read_pack(write_pack(tmp_path, "9.1", binding=""), {})
    engine = add_engine(pack, places, lambda done, of: None, lambda: False)
    entry = entry_named(engine_entries(places, {}), engine.id)
    with EngineProcess("llamacpp", environment=dict(engine.environment())):
        assert engine.folder in folders_in_use()
        with pytest.raises(EngineError, match="A model is running with it"):
            remove_engine(entry, places)
        assert engine.folder is not None
        assert engine.folder.is_dir()
    remove_engine(entry, places)
    assert left(places) == ["engines"]
