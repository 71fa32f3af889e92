"""Folders of engines: what is read, and what is not taken for one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backends.engine_folder import INTERFACE, check_files, read_manifest
from backends.errors import EngineFailure
from tests.engine_folders import write_engine


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    return write_engine(tmp_path, "0.4.1", variants=("plain", "fast"), commit="cafe123")


def test_a_whole_engine_says_what_it_is(engine: Path) -> None:
    manifest = read_manifest(engine)
    check_files(engine, manifest, contents=True)
    assert (manifest.version, manifest.commit) == ("0.4.1", "cafe123")
    assert manifest.variants == ("plain", "fast")


def _add(folder: Path) -> None:
    (folder / "libggml-blas.so").write_bytes(b"planted")


def _add_below(folder: Path) -> None:
    (folder / "binding").mkdir()
    (folder / "binding" / "ctypes.py").write_text("planted")


def _remove(folder: Path) -> None:
    (folder / "libllama.so").unlink()


def _cut(folder: Path) -> None:
    (folder / "libllama.so").write_bytes(b"not")


def _link(folder: Path) -> None:
    library = folder / "libllama.so"
    target = folder.parent / "elsewhere"
    library.rename(target)
    library.symlink_to(target)


@pytest.mark.parametrize("damage", [_add, _add_below, _remove, _cut, _link])
def test_a_folder_that_holds_something_else_is_refused(
    engine: Path, damage: Callable[[Path], None]
) -> None:
    damage(engine)
    with pytest.raises(EngineFailure, match="is damaged"):
        check_files(engine, read_manifest(engine))


def test_another_content_of_the_same_length_is_seen_when_files_are_read(engine: Path) -> None:
    (engine / "libllama.so").write_bytes(b"not really"[::-1])
    manifest = read_manifest(engine)
    check_files(engine, manifest)
    with pytest.raises(EngineFailure, match=r"libllama\.so was changed"):
        check_files(engine, manifest, contents=True)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"machine": "mips"}, "another computer"),
        ({"system": "plan9"}, "another computer"),
        ({"interface": INTERFACE + 1}, "another version of Corral"),
        ({"commit": 7}, "is damaged"),
        ({"engine": "whisper.cpp"}, "is damaged"),
    ],
)
def test_an_engine_that_cannot_be_used_here_is_refused_in_words(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(EngineFailure, match=words):
        read_manifest(write_engine(tmp_path, **changed))


def test_an_empty_folder_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineFailure, match="There is no engine"):
        read_manifest(tmp_path)
