"""Fetching vocabularies: what is unpacked, that it happens once, and what is said offline."""

import io
import os
import shutil
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.scripts import ROOT, load_script

MODELS = "llama_cpp_python-0.0/vendor/llama.cpp/models"
WANTED = {
    "ggml-vocab-llama-bpe.gguf": b"GGUF",
    "ggml-vocab-llama-bpe.gguf.inp": b"Hello",
    "ggml-vocab-llama-bpe.gguf.out": b" 9906",
}


@pytest.fixture
def vocabularies(tmp_path: Path) -> ModuleType:
    """The script, in a checkout of its own."""
    (tmp_path / "packaging").mkdir()
    for name in ("packaging/vocabularies.py", "packaging/constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return load_script("vocabularies", root=tmp_path)


@pytest.fixture
def downloads(vocabularies: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Versions that were downloaded; instead of pip, a small package is written."""
    versions: list[str] = []

    def download(version: str, folder: Path) -> Path:
        versions.append(version)
        others = {"templates/a.jinja": b"{}", "../../ggml-vocab-up.gguf": b"GGUF"}
        with tarfile.open(folder / "package.tar.gz", "w:gz") as archive:
            for name, data in {**WANTED, **others}.items():
                member = tarfile.TarInfo(f"{MODELS}/{name}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return folder / "package.tar.gz"

    monkeypatch.setattr(vocabularies, "download", download)
    return versions


def test_vocabularies_and_their_test_cases_are_unpacked_and_nothing_else(
    vocabularies: ModuleType, downloads: list[str]
) -> None:
    assert vocabularies.main() == 0
    there = {path.name: path.read_bytes() for path in vocabularies.FOLDER.iterdir()}
    del there[vocabularies.STAMP.name]
    assert there == WANTED
    assert downloads == [vocabularies.pinned_version()]


def test_they_are_fetched_once_for_each_version(
    vocabularies: ModuleType, downloads: list[str]
) -> None:
    for version in ("1.0", "1.0", "2.0", "2.0"):
        pinned = f"a==3\nllama-cpp-python=={version}\nllama-models==4\n"
        vocabularies.CONSTRAINTS.write_text(pinned, encoding="utf-8")
        assert vocabularies.main() == 0
    assert downloads == ["1.0", "2.0"]


def test_an_interrupted_unpacking_is_done_again(
    vocabularies: ModuleType, downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_package: Path, folder: Path) -> int:
        (folder / "ggml-vocab-half.gguf").write_bytes(b"GG")
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(vocabularies, "unpack", interrupted)
        with pytest.raises(KeyboardInterrupt):
            vocabularies.main()
    assert vocabularies.main() == 0
    assert not (vocabularies.FOLDER / "ggml-vocab-half.gguf").exists()


def test_a_package_without_any_is_said(
    vocabularies: ModuleType,
    downloads: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(vocabularies, "unpack", lambda _package, _folder: 0)
    assert vocabularies.main() == 1
    assert "has none any more" in capsys.readouterr().out
    assert not vocabularies.STAMP.exists()


def test_offline_it_says_so_in_one_line(
    vocabularies: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert vocabularies.main() == 1
    last = capsys.readouterr().out.partition("for the tests\n")[2]
    assert last.startswith("corral: they are not to be had")
    assert "No matching distribution" in last
    assert last.count("\n") == 1
    assert not vocabularies.STAMP.exists()
