"""Checksums that are remembered, models that are verified, duplicates that become one file."""

import hashlib
import os
from pathlib import Path

import pytest

from app.core import duplicates
from app.core.checksums import Broken, verify
from app.core.duplicates import Duplicate, Linked, find_duplicates, link_duplicates
from app.core.file_records import FileRecord, FileRecords, Origin, origin_of
from app.core.library import ModelLibrary
from app.core.library_types import LocalModel
from app.core.paths import AppPaths, app_paths
from app.core.settings import SettingsStore
from app.core.variants import RepoFile
from tests.core.model_stores import ollama_model, put, tiny

BIG = 2 * 1024**2
ORIGIN = Origin("maker/Tiny-GGUF", "d" * 40, None, 1.0)


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


@pytest.fixture
def records(paths: AppPaths) -> FileRecords:
    return FileRecords(paths.model_files_file)


def found_in(library: ModelLibrary) -> tuple[Duplicate, ...]:
    return find_duplicates(library.scan(), library.records, nothing, never)


def link(library: ModelLibrary, *found: Duplicate, also_theirs: bool = False) -> Linked:
    return link_duplicates(found, library.records, nothing, never, also_theirs=also_theirs)


def test_copies_in_the_models_folder_become_one(library: ModelLibrary, paths: AppPaths) -> None:
    data = tiny("same", BIG)
    one = put(paths.models / "a" / "b" / "one-Q8_0.gguf", data)
    two = put(paths.models / "a" / "c" / "two-Q8_0.gguf", data)
    put(paths.models / "a" / "d" / "other-Q8_0.gguf", tiny("ever", BIG))
    (duplicate,) = found_in(library)
    assert {copy.path for copy in duplicate.copies} == {one, two}
    assert duplicate.freed(also_theirs=False) == len(data)
    assert link(library, duplicate) == Linked(len(data), ())
    assert one.samefile(two)
    assert one.read_bytes() == data
    assert found_in(library) == ()
    assert sorted(path.name for path in one.parent.iterdir()) == [one.name]


def test_what_belongs_to_others_stays_unless_the_person_agrees(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    data = tiny("same", BIG)
    theirs = ollama_model(tmp_path / "o", "registry.ollama.ai/library/x/latest", data)
    again = put(tmp_path / "p" / "again-Q8_0.gguf", data)
    ours = put(paths.models / "a" / "b" / "ours-Q8_0.gguf", data)
    library.adopt(tmp_path / "o")
    library.adopt(tmp_path / "p")
    inode = theirs.stat().st_ino
    (duplicate,) = found_in(library)
    assert duplicate.copies[-1].path == ours
    assert duplicate.freed(also_theirs=False) == len(data)
    assert duplicate.freed(also_theirs=True) == 2 * len(data)
    link(library, duplicate)
    assert ours.samefile(duplicate.copies[0].path)
    assert not theirs.samefile(again)
    assert theirs.stat().st_ino == inode
    (left,) = find_duplicates(
        (_copy_of(library, theirs), _copy_of(library, again)), library.records, nothing, never
    )
    link(library, left, also_theirs=True)
    assert theirs.samefile(again)
    assert {path.read_bytes() for path in (theirs, again, ours)} == {data}


def _copy_of(library: ModelLibrary, path: Path) -> LocalModel:
    return LocalModel(
        id=str(path), name=path.name, path=path, files=(path,), size=1, read_only=True
    )


def test_a_file_that_changed_meanwhile_is_not_linked(
    library: ModelLibrary, paths: AppPaths
) -> None:
    data = tiny("same", BIG)
    put(paths.models / "a" / "b" / "one-Q8_0.gguf", data)
    two = put(paths.models / "a" / "c" / "two-Q8_0.gguf", data)
    (duplicate,) = found_in(library)
    path = duplicate.copies[1].path
    path.write_bytes(b"w" + data[1:])
    (problem,) = link(library, duplicate).problems
    assert "changed" in problem.message
    assert path.read_bytes() == b"w" + data[1:]
    assert two.exists()


def test_a_link_that_fails_leaves_the_copy_whole(
    library: ModelLibrary, paths: AppPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny("same", BIG)
    for name in ("one", "two"):
        put(paths.models / "a" / name / f"{name}-Q8_0.gguf", data)
    (duplicate,) = found_in(library)

    def refuse(old: Path, new: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(duplicates, "replace", refuse)
    linked = link(library, duplicate)
    assert linked.freed == 0
    assert "not linked" in linked.problems[0].title
    for copy in duplicate.copies:
        assert copy.path.read_bytes() == data
        assert len(list(copy.path.parent.iterdir())) == 1


def rot(path: Path) -> None:
    """Another bit than there was; neither size nor time tell."""
    stat = path.stat()
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("verified", [True, False])
def test_a_good_copy_is_never_replaced_by_one_that_rotted(
    library: ModelLibrary, paths: AppPaths, verified: bool
) -> None:
    data = tiny("same", BIG)
    for number, name in enumerate(("one", "two", "three")):
        path = put(paths.models / "a" / name / f"{name}-Q8_0.gguf", data)
        os.utime(path, ns=(10**18 + number, 10**18 + number))
    (before,) = found_in(library)
    kept, good = before.copies[0].path, before.copies[1].path
    rot(kept)
    if verified:
        (check,) = verify([kept], library.records, nothing, never)
        assert check.verdict == "wrong"
        (now,) = found_in(library)
        assert kept not in {copy.path for copy in now.copies}, "that it was right once is no more"
    linked = link(library, before)
    assert linked.freed == 0
    assert len(linked.problems) == 2
    assert "damaged" in linked.problems[0].message
    assert good.read_bytes() == data
    assert kept not in {copy.path for each in found_in(library) for copy in each.copies}


def test_one_copy_that_cannot_be_linked_does_not_stop_the_others(
    library: ModelLibrary, paths: AppPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = {"big": tiny("big", 2 * BIG), "small": tiny("small", BIG)}
    for name, data in pairs.items():
        for number in "12":
            put(paths.models / "a" / f"{name}{number}" / f"{name}{number}-Q8_0.gguf", data)
    found = found_in(library)
    assert len(found) == 2
    real = os.link

    def protected(old: Path, new: Path) -> None:
        if "big" in str(old):
            raise PermissionError(1, "Operation not permitted")
        real(old, new)

    monkeypatch.setattr(os, "link", protected)
    linked = link(library, *found)
    assert linked.freed == len(pairs["small"])
    assert "big" in linked.problems[0].title


def test_what_may_not_be_linked_is_neither_kept_nor_counted(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny("same", BIG)
    theirs = ollama_model(tmp_path / "o", "registry.ollama.ai/library/x/latest", data)
    library.adopt(tmp_path / "o")
    ours = [put(paths.models / "a" / name / f"{name}-Q8_0.gguf", data) for name in "bc"]
    monkeypatch.setattr(duplicates, "may_be_linked", lambda path: path != theirs)
    monkeypatch.setattr(os, "access", lambda path, mode: path != theirs.parent)
    (duplicate,) = found_in(library)
    assert duplicate.freed(also_theirs=True) == len(data)
    link(library, duplicate, also_theirs=True)
    assert ours[0].samefile(ours[1])
    assert not theirs.samefile(ours[0])


def test_a_linked_copy_is_known_as_before(library: ModelLibrary, paths: AppPaths) -> None:
    data = tiny("same", BIG)
    old = put(paths.models / "a" / "b" / "old-Q8_0.gguf", data)
    os.utime(old, ns=(10**18, 10**18))
    path = put(paths.models / "maker" / "Tiny-GGUF" / "tiny-Q8_0.gguf", data)
    right, stat = hashlib.sha256(data).hexdigest(), path.stat()
    record = FileRecord(stat.st_size, stat.st_mtime_ns, right, "hub", checked=1.0, origin=ORIGIN)
    library.records.checked(path, record)
    (duplicate,) = found_in(library)
    assert link(library, duplicate).freed
    assert path.samefile(old)
    known = library.records.of(path)
    assert known is not None
    assert (known.origin, known.sha256, known.told_by) == (ORIGIN, right, "hub")


def test_names_of_one_file_and_small_files_are_no_duplicates(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    data = tiny("same", BIG)
    one = put(paths.models / "a" / "b" / "one-Q8_0.gguf", data)
    (tmp_path / "p").mkdir()
    os.link(one, tmp_path / "p" / "linked-Q8_0.gguf")
    put(tmp_path / "p" / "small-Q8_0.gguf", tiny("small"))
    put(paths.models / "a" / "b" / "small-Q8_0.gguf", tiny("small"))
    library.adopt(tmp_path / "p")
    assert found_in(library) == ()


def test_what_a_name_claims_is_read_before_anything_is_linked(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    data = tiny("same", BIG)
    blob = ollama_model(tmp_path / "o", "registry.ollama.ai/library/x/latest", data)
    put(paths.models / "a" / "b" / "ours-Q8_0.gguf", data)
    damaged = bytearray(data)
    damaged[-1] ^= 1
    blob.write_bytes(damaged)
    library.adopt(tmp_path / "o")
    assert found_in(library) == ()


def test_files_are_read_once_and_looking_can_be_broken_off(
    library: ModelLibrary, paths: AppPaths
) -> None:
    for name in ("one", "two"):
        put(paths.models / "a" / name / f"{name}-Q8_0.gguf", tiny("same", BIG))
    with pytest.raises(Broken):
        find_duplicates(library.scan(), library.records, nothing, lambda: True)
    told: list[tuple[int, int]] = []
    find_duplicates(library.models(), library.records, lambda *each: told.append(each), never)
    assert told[-1][0] == told[-1][1] > 2 * BIG
    told.clear()
    assert find_duplicates(library.models(), library.records, lambda *x: told.append(x), never)
    assert told == []


# Verifying


def test_verifying_compares_with_what_the_hub_told(
    library: ModelLibrary, records: FileRecords, paths: AppPaths
) -> None:
    path = put(paths.models / "maker" / "Tiny-GGUF" / "tiny-Q8_0.gguf", tiny())
    right = hashlib.sha256(tiny()).hexdigest()
    library.register([path], ORIGIN, [RepoFile("a.gguf", 1, sha256=right)])
    record = library.records.of(path)
    assert record is not None
    assert (record.sha256, record.told_by, record.origin) == (right, "hub", ORIGIN)
    (check,) = verify([path], records, nothing, never)
    assert (check.verdict, check.sha256) == ("right", right)
    library.register([path], ORIGIN, [RepoFile("a.gguf", 1, sha256="0" * 64)])
    (check,) = verify([path], FileRecords(paths.model_files_file), nothing, never)
    assert (check.verdict, check.expected) == ("wrong", "0" * 64)


@pytest.mark.parametrize("how", ["written", "cut", "rotten"])
def test_a_damaged_download_stays_wrong_however_often_it_is_verified(
    records: FileRecords, paths: AppPaths, how: str
) -> None:
    path = put(paths.models / "maker" / "Tiny-GGUF" / "tiny-Q8_0.gguf", tiny())
    right = hashlib.sha256(tiny()).hexdigest()
    records.downloaded([(path, RepoFile("tiny-Q8_0.gguf", len(tiny()), sha256=right))], ORIGIN)
    if how == "rotten":
        rot(path)
    else:
        path.write_bytes(tiny()[:-1] + b"X" if how == "written" else tiny()[:-4096])
        os.utime(path, ns=(10**18, 10**18))
    for _ in range(2):
        (check,) = verify([path], records, nothing, never)
        assert (check.verdict, check.expected, check.told_by) == ("wrong", right, "hub")
        record = records.of(path)
        assert record is not None
        assert (record.sha256, record.told_by, record.origin) == (right, "hub", ORIGIN)
        assert record.checked == 0
    path.write_bytes(tiny())
    assert [each.verdict for each in verify([path], records, nothing, never)] == ["right"]


def test_verifying_compares_with_git_s_hash_where_the_hub_told_only_that(
    library: ModelLibrary, records: FileRecords, paths: AppPaths
) -> None:
    path = put(paths.models / "maker" / "Tiny-GGUF" / "tiny-Q8_0.gguf", tiny())
    told = hashlib.sha1(b"blob %d\0" % len(tiny()) + tiny()).hexdigest()
    library.register([path], ORIGIN, [RepoFile("tiny-Q8_0.gguf", len(tiny()), blob_sha1=told)])
    record = records.of(path)
    assert record is not None
    assert (record.blob_sha1, record.sha256) == (told, "")
    (check,) = verify([path], records, nothing, never)
    assert (check.verdict, check.sha256) == ("right", hashlib.sha256(tiny()).hexdigest())
    library.register([path], ORIGIN, [RepoFile("tiny-Q8_0.gguf", len(tiny()), blob_sha1="0" * 40)])
    (check,) = verify([path], FileRecords(paths.model_files_file), nothing, never)
    assert (check.verdict, check.expected) == ("wrong", "0" * 40)


def test_verifying_what_nobody_told_of_notes_it_for_the_next_time(
    records: FileRecords, tmp_path: Path
) -> None:
    path = put(tmp_path / "tiny-Q8_0.gguf", tiny())
    assert [check.verdict for check in verify([path], records, nothing, never)] == ["noted"]
    assert [check.verdict for check in verify([path], records, nothing, never)] == ["right"]
    stat = path.stat()
    changed = bytearray(tiny())
    changed[-1] ^= 1
    path.write_bytes(changed)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (check,) = verify([path], records, nothing, never)
    assert check.verdict == "wrong", "bits that rot change neither size nor time"


def test_a_damaged_or_missing_file_is_told(records: FileRecords, tmp_path: Path) -> None:
    path = put(tmp_path / "short-Q8_0.gguf", tiny()[:-4000])
    damaged, gone = verify([path, tmp_path / "missing.gguf"], records, nothing, never)
    assert damaged.verdict == "damaged"
    assert damaged.problem
    assert gone.verdict == "gone"


def test_verifying_tells_how_far_it_is_and_can_be_broken_off(
    records: FileRecords, tmp_path: Path
) -> None:
    path = put(tmp_path / "tiny-Q8_0.gguf", tiny("x", 9 * 1024**2))
    told: list[int] = []
    with pytest.raises(Broken):
        verify([path], records, lambda done, _: told.append(done), lambda: len(told) == 2)
    assert told == [4 * 1024**2, 8 * 1024**2]
    record = records.of(path)
    assert record is not None
    assert record.checked == 0


def test_records_move_and_go_with_their_files(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    path = put(paths.models / "maker" / "Tiny-GGUF" / "tiny-Q8_0.gguf", tiny())
    model = library.register([path], ORIGIN, [RepoFile("a.gguf", 1)])
    library.change_folder(tmp_path / "new", move=True)
    moved = library.get(model.id).path
    record = library.records.of(moved)
    assert record is not None
    assert origin_of(moved, None, record) == ORIGIN
    library.delete(model.id, to_trash=False)
    assert paths.model_files_file.read_bytes() == b"{}"


def test_damaged_records_are_made_anew(paths: AppPaths, tmp_path: Path) -> None:
    path = put(tmp_path / "tiny-Q8_0.gguf", tiny())
    put(paths.model_files_file, b'{"a": 7}')
    records = FileRecords(paths.model_files_file)
    assert [check.verdict for check in verify([path], records, nothing, never)] == ["noted"]
    assert origin_of(path, None, records.of(path)) is None
