"""The scripts that build engines and check them, without a compiler."""

import json
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from backends import engine_folder
from tests.engine_folders import write_engine, write_manifest
from tests.packaging.scripts import ROOT, load_script

SCRIPTS = ROOT / "packaging" / "engine"
MORE = {"accelerator": "", "compiler": "usual"}


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.fixture
def check(on_path: None) -> ModuleType:
    return load_script("engine/check")


@pytest.fixture
def build(on_path: None) -> ModuleType:
    return load_script("engine/build")


@pytest.fixture
def source(on_path: None) -> ModuleType:
    return load_script("engine/engine_source")


@pytest.fixture
def targets(on_path: None) -> ModuleType:
    return load_script("engine/engine_targets")


def test_engines_are_built_from_the_version_that_corral_is_tested_with(
    source: ModuleType,
) -> None:
    version = source.pinned_version()
    pinned = (ROOT / "packaging" / "constraints.txt").read_text("utf-8").splitlines()
    assert f"llama-cpp-python=={version}" in pinned
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert any(each.startswith(f"llama-cpp-python=={version};") for each in project["dependencies"])
    assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", source.REQUIREMENT.read_text("utf-8"))


def test_the_program_reads_what_the_build_writes(
    build: ModuleType, source: ModuleType, targets: ModuleType, tmp_path: Path
) -> None:
    assert build.MANIFEST == engine_folder.MANIFEST
    assert build.BINDING == engine_folder.BINDING
    assert build.INTERFACE == engine_folder.INTERFACE
    system, machine = engine_folder.this_system()
    target = next(
        each
        for each in targets.TARGETS.values()
        if (each.system, each.machine, each.accelerator) == (system, machine, "")
        or (system == "macos" and each.machine == machine)
    )
    folder, unpacked = tmp_path / "engine", tmp_path / "source"
    folder.mkdir()
    for name in target.libraries:
        (folder / name).write_bytes(name.encode())
    commit = unpacked / ".git/modules/vendor/llama.cpp/HEAD"
    commit.parent.mkdir(parents=True)
    commit.write_text("0123456789abcdef\n")
    build.write_manifest(target, source.Source("1.2.3", tmp_path / "none", unpacked), folder)
    manifest = engine_folder.read_manifest(folder)
    engine_folder.check_files(folder, manifest, contents=True)
    assert manifest.id == f"llama.cpp-1.2.3-{target.name}"
    assert (manifest.commit, manifest.variants) == ("012345678", target.variants)


def test_every_target_can_be_shown_without_building_it(targets: ModuleType, tmp_path: Path) -> None:
    for name, target in targets.TARGETS.items():
        command = [sys.executable, str(SCRIPTS / "build.py"), "--target", name, "--dry-run"]
        done = subprocess.run(
            [*command, "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")],
            capture_output=True,
            text=True,
            check=True,
        )
        said = done.stdout
        assert "GGML_CPU_ALL_VARIANTS=ON" in said
        assert all(library in said for library in target.libraries)
        assert ("GGML_CUDA=ON" in said) == (target.accelerator == "cuda")
        assert ("muse-unaligned-vector-move" in said) == (target.compiler == "mingw")
        assert ("GGML_OPENMP=OFF" in said) == (target.system != "linux")
        crosses = name == "linux-aarch64" and platform.machine() != "aarch64"
        assert ("aarch64.cmake" in said) == crosses
        assert ("aarch64-linux-gnu-strip" in said) == crosses
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "out").exists()


def engine(tmp_path: Path, **changed: Any) -> Path:
    return write_engine(tmp_path, **(MORE | {"system": "linux"} | changed))


def file_faults(check: ModuleType, folder: Path) -> list[str]:
    manifest = json.loads((folder / "engine.json").read_text("utf-8"))
    return list(check.file_faults(folder, manifest))


def test_a_whole_folder_has_no_faults(check: ModuleType, tmp_path: Path) -> None:
    assert file_faults(check, engine(tmp_path)) == []


def test_every_fault_of_the_files_is_told(check: ModuleType, tmp_path: Path) -> None:
    folder = engine(tmp_path, variants=["zen4"])
    (folder / "twin.so").write_bytes(b"not really")
    manifest = json.loads((folder / "engine.json").read_text("utf-8"))
    del manifest["files"], manifest["sizes"]
    write_manifest(folder, manifest)
    (folder / "more.txt").touch()
    (folder / "libllama.so").write_bytes(b"other")
    found = file_faults(check, folder)
    assert "more.txt is not on the list" in found
    assert "libllama.so is not what the list says" in found
    assert "there is no code for zen4" in found
    (folder / "libllama.so").write_bytes(b"not really")
    assert "twin.so is the same as libllama.so" in file_faults(check, folder)
    (folder / "libllama.so").unlink()
    assert "libllama.so is missing" in file_faults(check, folder)


def test_symbols_of_newer_systems_are_seen(check: ModuleType) -> None:
    said = "0x0010: Name: GLIBC_2.38  Flags: none\n Name: GLIBC_2.4 Name: GLIBCXX_3.4.29\n"
    assert check.too_new(said, check.NEWEST) == {"GLIBC_2.38"}
    assert check.too_new("Name: GLIBCXX_3.4.30", check.NEWEST) == {"GLIBCXX_3.4.30"}


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("   1000:\tvmovaps %ymm0,0x20(%rsp)", 1),
        ("   1000:\tvmovdqa64 (%rax),%zmm3", 1),
        ("   1000:\tvmovups %ymm0,0x20(%rsp)", 0),
        ("   1000:\tvmovaps %ymm0,%ymm1", 0),
        ("   1000:\tvmovaps %xmm0,0x20(%rsp)", 0),
    ],
)
def test_moves_that_need_an_aligned_stack_are_counted(
    check: ModuleType, line: str, count: int
) -> None:
    assert check.aligned_moves(line) == count


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("readelf"), reason="looks into Linux libraries"
)
def test_a_library_that_needs_a_strange_one_is_found(check: ModuleType, tmp_path: Path) -> None:
    folder = engine(tmp_path, binding="")
    fault = "libllama.so needs libggml-base.so.0"
    assert fault not in check.faults(folder)
    (folder / "libggml-base.so.0").unlink()
    assert fault in check.faults(folder)
