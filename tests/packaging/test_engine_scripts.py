"""The scripts that build engines and check them, without a compiler."""

import json
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
from tests.packaging import mac_files
from tests.packaging.mac_files import mach_o
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


def test_pip_understands_how_it_is_asked_for_the_source(source: ModuleType, tmp_path: Path) -> None:
    asked = source.expected_source(tmp_path)
    for command in (source.fetch_command(tmp_path), source.wheel_command(asked, tmp_path)):
        # Words that it does not know are told before the help.
        done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


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
    newest = check.NEWEST["x86_64"]
    assert check.too_new(said, newest) == {"GLIBC_2.38"}
    assert check.too_new("Name: GLIBCXX_3.4.30", newest) == {"GLIBCXX_3.4.30"}
    assert check.too_new(said, check.NEWEST["aarch64"]) == set()


def test_pip_fetches_no_build_tool_for_the_source(source: ModuleType, tmp_path: Path) -> None:
    unpacked = source.expected_source(tmp_path)
    for command in (source.fetch_command(tmp_path), source.wheel_command(unpacked, tmp_path)):
        assert "--no-build-isolation" in command


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


SYSTEM = "/usr/lib/libSystem.B.dylib"


def as_apples_linker_leaves_it(target: Any, folder: Path) -> None:
    """The libraries of a Mac's build, under CMake's names, with links as CMake makes them."""
    folder.mkdir(parents=True)
    needed = {"llama": ("ggml", "ggml-base"), "mtmd": ("llama", "ggml"), "ggml": ("ggml-base",)}
    for file in target.libraries:
        stem, _, ending = file.removeprefix("lib").rpartition(".")
        loads = [f"@rpath/lib{each}.0.dylib" for each in needed.get(stem, ("ggml-base",))]
        if stem == "ggml-base":
            loads = []
        if ending == "dylib":
            content = mach_o(
                *loads, SYSTEM, name=f"@rpath/lib{stem}.0.dylib", rpath="@loader_path", **SIGNED
            )
            (folder / f"lib{stem}.0.0.0.dylib").write_bytes(content)
            (folder / f"lib{stem}.0.dylib").symlink_to(f"lib{stem}.0.0.0.dylib")
            (folder / file).symlink_to(f"lib{stem}.0.dylib")
        else:
            # They differ; what they are made of here is what they load.
            differs = f"/usr/lib/{stem}.dylib"
            content = mach_o(*loads, SYSTEM, differs, rpath="@loader_path", **SIGNED)
            (folder / file).write_bytes(content)


SIGNED: dict[str, Any] = {"signature": b"the linker's"}


@pytest.fixture(scope="module")
def finished_mac_engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished engine for a Mac, made with stand-ins for Apple's tools."""
    work = tmp_path_factory.mktemp("mac")
    folder = work / "engine"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        patch.setenv("PATH", mac_files.put_on_path(work / "tools"))
        target = load_script("engine/engine_targets").TARGETS["macos-arm64"]
        as_apples_linker_leaves_it(target, work / "bin")
        load_script("engine/build").collect(target, work / "bin", folder)
    system = {"system": "macos", "machine": "arm64", "variants": list(target.variants)}
    write_manifest(folder, {**MORE, **system, "accelerator": "metal"})
    return folder


@pytest.fixture
def mac_engine(finished_mac_engine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished_mac_engine, tmp_path / "engine")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
def test_an_engine_for_a_mac_passes_its_own_check(check: ModuleType, mac_engine: Path) -> None:
    assert list(check.faults(mac_engine)) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            mach_o(SYSTEM, name="@rpath/libllama.0.dylib", **SIGNED),
            "libllama.dylib calls itself @rpath/libllama.0.dylib",
        ),
        (
            mach_o("@rpath/libggml.0.dylib", name="@rpath/libllama.dylib", **SIGNED),
            "libllama.dylib needs @rpath/libggml.0.dylib",
        ),
        (
            mach_o("/opt/homebrew/lib/libomp.dylib", name="@rpath/libllama.dylib", **SIGNED),
            "libllama.dylib needs /opt/homebrew/lib/libomp.dylib",
        ),
        (
            mach_o("@rpath/libggml.dylib", name="@rpath/libllama.dylib", **SIGNED),
            "libllama.dylib does not look for the others beside itself",
        ),
        (
            mach_o(SYSTEM, name="@rpath/libllama.dylib"),
            "libllama.dylib is not signed, so arm64 would not load it",
        ),
        (
            mach_o(SYSTEM, name="@rpath/libllama.dylib", machine=mac_files.X86_64, **SIGNED),
            "libllama.dylib is for x86_64",
        ),
        (b"no library", "libllama.dylib is for no Mac"),
    ],
)
def test_every_fault_of_a_macs_library_is_told(
    check: ModuleType, mac_engine: Path, content: bytes, fault: str
) -> None:
    (mac_engine / "libllama.dylib").write_bytes(content)
    assert fault in check.faults(mac_engine)
