"""How the installed form for Windows is put together: each step that needs no Windows."""

import importlib.util
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtGui import QImageReader

from tests.packaging.scripts import ROOT, load_script

WINDOWS = ROOT / "packaging" / "windows"
VERSION = "1.2.3"


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(WINDOWS / "steps"))


@pytest.fixture
def embedded_python(on_path: None) -> ModuleType:
    return load_script("windows/steps/embedded_python")


@pytest.fixture
def wheels(on_path: None) -> ModuleType:
    return load_script("windows/steps/locked_wheels")


@pytest.fixture
def trim(on_path: None) -> ModuleType:
    return load_script("windows/steps/trim_libraries")


@pytest.fixture
def imports(on_path: None) -> ModuleType:
    return load_script("windows/steps/pe_imports")


@pytest.fixture
def user_path() -> ModuleType:
    return load_script("windows/program/corral_user_path")


@pytest.fixture(scope="session")
def windows_program() -> Path:
    """A real program for Windows, which pip brings along everywhere."""
    spec = importlib.util.find_spec("pip")
    if spec is None or spec.origin is None:
        pytest.skip("pip is not here")
    return Path(spec.origin).parent / "_vendor" / "distlib" / "t64.exe"


def test_what_is_not_used_is_not_fetched(wheels: ModuleType) -> None:
    unused = "hf-xet==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
    unused += "setuptools==4 \\\n    --hash=sha256:5\n"
    lock = f"a==1 \\\n    --hash=sha256:1\n{unused}z==4"
    assert wheels.wanted_requirements(lock) == "a==1 \\\n    --hash=sha256:1\nz==4\n"


def test_a_wheel_is_unpacked_with_its_licence_and_without_its_programs(
    wheels: ModuleType, tmp_path: Path
) -> None:
    names = (
        *("a/__init__.py", "a/data.json", "a-1.data/scripts/a.exe", "a-1.dist-info/METADATA"),
        *("a-1.dist-info/licenses/LICENSE", "a-1.dist-info/LICENCE.txt", "a-1.dist-info/RECORD"),
        *("a-1.dist-info/entry_points.txt", "a-1.dist-info/direct_url.json"),
    )
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        for name in names:
            archive.writestr(name, "")
    wheels.unpack(tmp_path / "a.whl", tmp_path / "lib")
    found = {
        path.relative_to(tmp_path / "lib").as_posix()
        for path in (tmp_path / "lib").rglob("*")
        if path.is_file()
    }
    assert found == {
        *("a/__init__.py", "a/data.json", "a-1.dist-info/METADATA"),
        *("a-1.dist-info/licenses/LICENSE", "a-1.dist-info/LICENCE.txt"),
        "a-1.dist-info/entry_points.txt",
    }


def test_a_file_with_another_checksum_is_refused(
    embedded_python: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "python.zip"
    file.write_bytes(b"")
    with pytest.raises(embedded_python.WrongFile, match=r"python\.zip has the sha256 e3b0c442"):
        embedded_python.checked(file, "0" * 64)


def test_the_official_python_is_pinned_and_of_the_version_that_the_lock_is_for(
    embedded_python: ModuleType,
) -> None:
    pin = embedded_python.read_pin()
    assert re.fullmatch(r"[0-9a-f]{64}", pin.sha256)
    wanted = load_script("locked_libraries").PYTHON["windows-x86_64"]
    assert re.search(rf"/python-{re.escape(wanted)}\.\d+-embed-amd64\.zip$", pin.address)


def test_python_finds_the_libraries_and_nothing_of_the_system(
    embedded_python: ModuleType, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "python.zip", "w") as archive:
        archive.writestr("python.exe", b"MZ")
        archive.writestr("python313._pth", "python313.zip\n.\n#import site\n")
    assert embedded_python.unpack(tmp_path / "python.zip", tmp_path / "python") == "313"
    lines = (tmp_path / "python" / "python313._pth").read_text(encoding="utf-8").splitlines()
    assert lines == ["python313.zip", ".", r"..\lib"]


def test_what_a_program_asks_for_is_read_from_its_file(
    imports: ModuleType, windows_program: Path
) -> None:
    found = imports.imported_names(windows_program)
    assert "kernel32.dll" in found
    assert all(name == name.lower() and name.endswith(".dll") for name in found)


@pytest.mark.parametrize("content", [b"", b"MZ", b"\x7fELF" + bytes(200), b"MZ" + bytes(200)])
def test_what_is_no_program_is_told_apart(
    imports: ModuleType, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.dll").write_bytes(content)
    with pytest.raises(imports.NotPE):
        imports.imported_names(tmp_path / "a.dll")


def write_library(file: Path, *needed: str) -> None:
    """The smallest library for Windows that is linked to others: one section with their names."""
    file.parent.mkdir(parents=True, exist_ok=True)
    names, table = b"", b""
    for name in needed:
        at = 0x1000 + 20 * (len(needed) + 1) + len(names)
        table += struct.pack("<5I", 0, 0, 0, at, 0)
        names += name.encode() + b"\0"
    section = table + bytes(20) + names
    directories = struct.pack("<2I", 0, 0) + struct.pack("<2I", 0x1000, len(table))
    directories += bytes(8 * 14)
    optional = struct.pack("<H106xI", 0x20B, 16) + directories
    header = b"PE\0\0" + struct.pack("<2H12xH2x", 0x8664, 1, len(optional)) + optional
    start = 64 + len(header) + 40
    described = b".data\0\0\0" + struct.pack("<4I16x", len(section), 0x1000, len(section), start)
    file.write_bytes(b"MZ" + bytes(58) + struct.pack("<I", 64) + header + described + section)


def test_of_qt_the_used_modules_stay_with_everything_they_need(
    trim: ModuleType, tmp_path: Path
) -> None:
    qt, shiboken = tmp_path / "PySide6", tmp_path / "shiboken6"
    write_library(qt / "QtGui.pyd", "Qt6Gui.dll", "KERNEL32.dll")
    write_library(qt / "Qt6Gui.dll", "qt6core.DLL")
    write_library(qt / "Qt6Core.dll", "MSVCP140.dll")
    write_library(qt / "msvcp140.dll")
    write_library(qt / "pyside6.abi3.dll", "shiboken6.abi3.dll")
    write_library(shiboken / "shiboken6.abi3.dll")
    write_library(shiboken / "Shiboken.pyd", "shiboken6.abi3.dll")
    write_library(qt / "plugins" / "platforms" / "qwindows.dll", "Qt6Gui.dll")
    kept = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    write_library(qt / "QtQuick.pyd", "Qt6Quick.dll")
    write_library(qt / "Qt6Quick.dll", "Qt6Gui.dll")
    write_library(qt / "opengl32sw.dll")
    write_library(qt / "plugins" / "sqldrivers" / "qsqlite.dll", "Qt6Core.dll")
    (qt / "designer.exe").write_bytes(b"")
    (qt / "qml").mkdir()
    (qt / "QtGui.pyi").write_bytes(b"")
    trim.trim(tmp_path)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == kept
    assert sorted(path.name for path in (qt / "plugins").iterdir()) == ["platforms"]


def test_a_library_that_windows_does_not_have_is_missed(on_path: None, tmp_path: Path) -> None:
    libraries = load_script("windows/steps/windows_libraries")
    write_library(tmp_path / "a.pyd", "b.dll", "KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll")
    assert list(libraries.missing(tmp_path)) == ["a.pyd needs b.dll, which is not there"]
    write_library(tmp_path / "below" / "B.dll")
    assert list(libraries.missing(tmp_path)) == []


def test_the_icon_has_every_size_that_windows_shows(on_path: None, tmp_path: Path) -> None:
    icon = load_script("windows/steps/icon_file")
    icon.draw(ROOT / "resources" / "brand" / "app-icon.svg", tmp_path / "corral.ico")
    reader = QImageReader(str(tmp_path / "corral.ico"))
    assert reader.imageCount() == len(icon.SIZES)
    for number, size in enumerate(icon.SIZES):
        reader.jumpToImage(number)
        image = reader.read()
        assert image.width() == image.height() == size
        assert image.pixelColor(0, 0).alpha() == 0  # the corners are round
        assert image.pixelColor(size // 10, size // 2).name() == "#201f1d"


def test_the_launchers_are_compiled_the_same_each_time(on_path: None, tmp_path: Path) -> None:
    launcher = load_script("windows/steps/launcher_build")
    try:
        launcher.find_program(launcher.COMPILERS[:-1])
    except launcher.NoCompiler as error:
        pytest.skip(str(error))
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        console, window = launcher.build(tmp_path / name, "313", VERSION)
        contents.append((console.read_bytes(), window.read_bytes()))
    assert contents[0] == contents[1]
    subsystems: list[int] = []
    for content in contents[0]:
        (header,) = struct.unpack_from("<I", content, 0x3C)
        subsystems += struct.unpack_from("<H", content, header + 24 + 68)
        for text in ("Corral", VERSION, "python\\python313.dll"):
            assert text.encode("utf-16-le") in content
        assert b"longPathAware" in content
    assert subsystems == [3, 2]  # with a console, and for the desktop


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "C:\\Corral"),
        ("C:\\Tools;%USERPROFILE%\\bin;", "C:\\Tools;%USERPROFILE%\\bin;C:\\Corral"),
        ("C:\\Tools;c:\\corral\\", "C:\\Tools;c:\\corral\\"),
        ('"C:\\Corral";C:\\Tools', '"C:\\Corral";C:\\Tools'),
    ],
)
def test_the_folder_is_put_on_the_path_once(user_path: ModuleType, before: str, after: str) -> None:
    assert user_path.with_folder(before, "C:\\Corral") == after


def test_the_path_is_as_it_was_after_the_folder_is_taken_off(user_path: ModuleType) -> None:
    before = "C:\\Tools;C:\\Corral Tools;%USERPROFILE%\\bin"
    changed = user_path.with_folder(before, "C:\\Corral")
    assert user_path.without_folder(changed, "c:\\corral") == before
    assert user_path.without_folder("C:\\Corral\\", "C:\\Corral") == ""


def test_what_the_launcher_runs_is_corral_told_that_it_is_installed(tmp_path: Path) -> None:
    """Children are then started by the launcher's own name."""
    show = (
        "import sys, corral_start; sys.argv[1:] = ['--version']; corral_start.main(); "
        "from app.core.children import child_command; print(child_command('--engine-host'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", show],
        env={"PYTHONPATH": f"{WINDOWS / 'program'}:{ROOT}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    version, command = done.stdout.splitlines()
    assert re.fullmatch(r"corral \d+\.\d+\.\d+", version)
    assert command == str([sys.executable, "--engine-host"])


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze = load_script("windows/freeze")
    monkeypatch.setattr(freeze, "ROOT", tmp_path)
    monkeypatch.setattr(freeze, "FOLDER", tmp_path / "Corral")
    monkeypatch.setattr(freeze.locked_wheels, "LOCK", tmp_path / "requirements.txt")
    assert freeze.main(["--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "https://www.python.org/ftp/python/3.13" in said
    assert "corral.exe and corralw.exe" in said
    assert not freeze.FOLDER.exists()
