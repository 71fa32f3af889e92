"""The forms of Corral for Linux, made of a small stand-in for the frozen program."""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from app import __version__
from app.__main__ import OPENED
from app.core.start_at_login import quoted
from tests.packaging.scripts import ROOT, load_script

LINUX = ROOT / "packaging" / "linux"
NAME = "org.corral.Corral"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("objdump") is None, reason="builds for Linux"
)


def script(name: str, *arguments: str | Path, epoch: int = 1_700_000_000) -> str:
    """What a script of `packaging/linux` prints."""
    done = subprocess.run(
        [sys.executable, LINUX / f"{name}.py", *arguments],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """What a freeze leaves, with one real library and a program that knows its version."""
    folder = tmp_path / "frozen"
    (folder / "_internal").mkdir(parents=True)
    program = folder / "corral"
    program.write_text(f"#!/bin/sh\necho corral {__version__}\n")
    program.chmod(0o755)
    shutil.copy("/bin/true", folder / "_internal" / "libreal.so")
    return folder


@pytest.fixture
def unpacked(frozen: Path, tmp_path: Path) -> Path:
    """The archive for other distributions, unpacked."""
    script("tarball", "--frozen", frozen, "--out", tmp_path / "out", "--level", "1")
    [archive] = (tmp_path / "out").iterdir()
    subprocess.run(["tar", "-xf", archive, "-C", tmp_path], check=True)
    return next(tmp_path.glob(f"corral-{__version__}-linux-*"))


def install(
    folder: Path, home: Path, *words: str, tools: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run an installing script as somebody whose home is `home`; `tools` are found first."""
    found = os.environ["PATH"] if tools is None else f"{tools}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", folder / "install.sh", *words],
        env={"PATH": found, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


@needs("dpkg-deb")
def test_the_same_files_give_the_same_debian_package(frozen: Path, tmp_path: Path) -> None:
    packages = []
    for name in ("one", "other"):
        out = tmp_path / name
        script("deb", "--frozen", frozen, "--out", out, "--compression", "gzip")
        [package] = out.iterdir()
        packages.append(package.read_bytes())
        (frozen / "_internal" / "libreal.so").touch()
    assert packages[0] == packages[1]


@needs("dpkg-deb")
def test_the_debian_package_declares_what_its_files_need_and_holds_what_a_desktop_reads(
    frozen: Path, tmp_path: Path
) -> None:
    script("deb", "--frozen", frozen, "--out", tmp_path / "out", "--revision", "7")
    [package] = (tmp_path / "out").iterdir()
    fields = subprocess.run(
        ["dpkg-deb", "--field", package], capture_output=True, text=True, check=True
    ).stdout
    assert f"Version: {__version__}-7\n" in fields
    depends = re.search(r"^Depends: (.*)$", fields, re.MULTILINE)
    assert depends is not None
    assert re.fullmatch(r"ca-certificates, libc6 \(>= 2\.\d+\)", depends[1])
    root = tmp_path / "root"
    subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    usr = root / "usr"
    done = subprocess.run([usr / "bin/corral"], capture_output=True, text=True, check=True)
    assert done.stdout == f"corral {__version__}\n"
    for name in (
        f"applications/{NAME}.desktop",
        f"metainfo/{NAME}.metainfo.xml",
        f"mime/packages/{NAME}.xml",
        f"icons/hicolor/16x16/apps/{NAME}.png",
        f"icons/hicolor/512x512/apps/{NAME}.png",
        f"icons/hicolor/scalable/apps/{NAME}.svg",
        "man/man1/corral.1.gz",
        "bash-completion/completions/corral",
        "zsh/vendor-completions/_corral",
        "fish/vendor_completions.d/corral.fish",
        "doc/corral/copyright",
        "doc/corral/changelog.Debian.gz",
        "doc/corral/README.Debian",
    ):
        assert (usr / "share" / name).stat().st_size > 0, name
    assert "README.Debian" in fields  # what stays when it is removed


def test_a_library_that_no_package_is_known_to_bring_stops_the_build(
    frozen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(LINUX)
    import system_libraries

    assert system_libraries.unexpected(frozen) == set()
    monkeypatch.setattr(system_libraries, "SONAMES", frozenset({"libother.so.1"}))
    with pytest.raises(ValueError, match="no package is known to bring"):
        system_libraries.dependencies(frozen)


def test_the_menu_entry_the_kind_of_file_and_the_description_agree() -> None:
    entry = (LINUX / f"{NAME}.desktop").read_text(encoding="utf-8")
    keys = dict(line.split("=", 1) for line in entry.splitlines() if "=" in line)
    kinds = set(keys["MimeType"].strip(";").split(";"))
    files = ElementTree.parse(LINUX / f"{NAME}.mime.xml").findall("{*}mime-type")
    assert kinds == {"x-scheme-handler/corral", *(kind.get("type") for kind in files)}
    patterns = [glob.get("pattern") for kind in files for glob in kind.iterfind("{*}glob")]
    assert patterns == [f"*{ending}" for ending in OPENED]
    component = ElementTree.parse(LINUX / f"{NAME}.metainfo.xml")
    assert {each.text for each in component.iterfind("provides/mediatype")} == kinds
    assert component.findtext("id") == keys["Icon"] == NAME
    assert component.findtext("launchable") == f"{NAME}.desktop"
    application = (ROOT / "app" / "gui" / "application.py").read_text(encoding="utf-8")
    assert f'setDesktopFileName("{NAME}")' in application
    flatpak = json.loads((LINUX / f"{NAME}.flatpak.json").read_text(encoding="utf-8"))
    assert flatpak["id"] == NAME


def test_the_man_page_names_every_command_and_dates_itself_by_the_release() -> None:
    page = script("man_page", epoch=86_400)
    assert '.TH CORRAL 1 "1970-01-02"' in page
    for command in ("run", "get", "ls", "serve", "server start", "completion"):
        assert f".SS corral {command}\n" in page
    assert not [line for line in page.splitlines() if line.startswith("'")]


@needs("zstd")
def test_the_archive_installs_upgrades_and_removes_itself_and_leaves_data_alone(
    unpacked: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home of somebody"
    data = home / ".local/share/Corral/settings.json"
    data.parent.mkdir(parents=True)
    data.write_text("{}")
    done = install(unpacked, home)
    assert done.returncode == 0, done.stderr
    assert f"Corral {__version__} was installed in {home}/.local" in done.stdout
    program = home / ".local/bin/corral"
    assert subprocess.run([program], capture_output=True, check=True).stdout
    entry = (home / f".local/share/applications/{NAME}.desktop").read_text()
    assert f'Exec="{program}" %u' in entry

    gone = unpacked / "lib/corral/_internal/only-in-the-old-version"
    gone.touch()
    assert install(unpacked, home).returncode == 0
    installed = home / ".local/lib/corral/_internal" / gone.name
    assert installed.exists()
    gone.unlink()
    assert install(unpacked, home).returncode == 0
    assert not installed.exists()

    done = install(home / ".local/lib/corral", home, "--uninstall")
    assert done.returncode == 0, done.stderr
    for place in (".local/share/Corral", ".cache/Corral", ".local/state/Corral"):
        assert f" in {home / place}\n" in done.stdout  # what stays
    left = [path for path in home.rglob("*") if path.is_file() and "mime" not in str(path)]
    assert left == [data]


@needs("zstd")
def test_the_archive_is_not_installed_over_a_corral_that_runs(
    unpacked: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert install(unpacked, home).returncode == 0
    running = home / ".local/lib/corral/_internal/waits"
    shutil.copy(shutil.which("cat") or "", running)
    with subprocess.Popen([running], stdin=subprocess.PIPE) as process:
        for words in ((), ("--uninstall",)):
            done = install(unpacked, home, *words)
            assert done.returncode == 1
            assert "Corral is running. Close it" in done.stderr
        assert process.stdin is not None
        process.stdin.close()
    assert (home / ".local/bin/corral").exists()
    command = subprocess.Popen([running], stdin=subprocess.PIPE)  # one in a terminal, soon done
    soon = threading.Timer(1, command.kill)
    soon.start()
    assert install(unpacked, home).returncode == 0
    soon.join()
    command.communicate()


@needs("zstd")
def test_a_corral_that_runs_is_noticed_where_the_home_is_a_link(
    unpacked: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (tmp_path / "disk").mkdir()
    home.symlink_to("disk")
    assert install(unpacked, home).returncode == 0
    running = home / ".local/lib/corral/_internal/waits"
    shutil.copy(shutil.which("cat") or "", running)
    with subprocess.Popen([running], stdin=subprocess.PIPE) as process:
        assert "Corral is running. Close it" in install(unpacked, home).stderr
        assert process.stdin is not None
        process.stdin.close()


@needs("zstd")
def test_an_archive_that_cannot_be_copied_whole_leaves_the_version_before_as_it_was(
    unpacked: Path, tmp_path: Path
) -> None:
    home, tools = tmp_path / "home", tmp_path / "tools"
    tools.mkdir()
    assert install(unpacked, home).returncode == 0
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with (unpacked / "lib/corral/_internal/libreal.so").open("ab") as library:
        library.write(b"of the new version")
    full = (
        f'#!/bin/sh\ncase "$*" in *corral.1.gz*) exit 1 ;; esac\nexec {shutil.which("cp")} "$@"\n'
    )
    (tools / "cp").write_text(full, encoding="utf-8")
    (tools / "cp").chmod(0o755)
    assert install(unpacked, home, tools=tools).returncode != 0
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert install(unpacked, tmp_path / "other", tools=tools).returncode != 0
    assert [path for path in (tmp_path / "other").rglob("*") if path.is_file()] == []


@needs("zstd")
def test_a_file_comes_in_the_place_of_a_folder_of_the_version_before(
    unpacked: Path, tmp_path: Path
) -> None:
    home, parts = tmp_path / "home", unpacked / "lib/corral/_internal"
    installed = home / ".local/lib/corral/_internal"
    for name in ("becomes-file", "becomes-link"):
        (parts / name).mkdir()
        (parts / name / "inside").write_text("old")
    (parts / "still-link").symlink_to("becomes-link")
    assert install(unpacked, home).returncode == 0
    for name in ("becomes-file", "becomes-link"):
        shutil.rmtree(parts / name)
    (parts / "becomes-file").write_text("new")
    (parts / "kept").mkdir()
    (parts / "kept/inside").write_text("new")
    (parts / "becomes-link").symlink_to("kept")
    (parts / "still-link").unlink()
    (parts / "still-link").symlink_to("kept")
    done = install(unpacked, home)
    assert (done.returncode, done.stderr) == (0, "")
    assert (installed / "becomes-file").read_text() == "new"
    for name in ("becomes-link", "still-link"):
        assert os.readlink(installed / name) == "kept"
        assert [each.name for each in (installed / name).iterdir()] == ["inside"]
    assert install(home / ".local/lib/corral", home, "--uninstall").returncode == 0
    assert not installed.exists()


@needs("zstd")
def test_a_folder_of_somebody_else_is_not_replaced_by_a_file(
    unpacked: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "home/.local/bin/corral/their file"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    done = install(unpacked, tmp_path / "home")
    assert done.returncode == 1
    assert "bin/corral is a folder that is not of Corral. Move it away" in done.stderr
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == [theirs]


@needs("zstd")
def test_without_a_home_it_goes_where_it_is_told(unpacked: Path, tmp_path: Path) -> None:
    for words in ((), ("--uninstall",)):
        command = ["sh", unpacked / "install.sh", "--prefix", tmp_path / "here", *words]
        environment = {"PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "here/bin/corral").exists()


@needs("zstd")
def test_a_folder_with_signs_that_mean_something_to_tools_is_as_good_as_any(
    unpacked: Path, tmp_path: Path
) -> None:
    prefix = tmp_path / 'you & me|us $5 `x` "100%"'
    assert install(unpacked, tmp_path, "--prefix", str(prefix)).returncode == 0
    entry = (prefix / f"share/applications/{NAME}.desktop").read_text(encoding="utf-8")
    assert f"Exec={quoted(str(prefix / 'bin/corral'))} %u\n" in entry


@needs("zstd")
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs root")
def test_what_root_installs_is_not_owned_by_who_unpacked_it(unpacked: Path, tmp_path: Path) -> None:
    for path in (unpacked, *unpacked.rglob("*")):
        os.chown(path, 1234, 1234, follow_symlinks=False)
    prefix = tmp_path / "usr local"
    before = os.umask(0o077)  # such as an administrator's
    try:
        assert install(unpacked, tmp_path, "--prefix", str(prefix)).returncode == 0
    finally:
        os.umask(before)
    assert {path.lstat().st_uid for path in prefix.rglob("*")} == {0}
    for path in prefix.rglob("*"):
        wanted = 0o555 if path.is_dir() else 0o444
        assert path.is_symlink() or path.stat().st_mode & wanted == wanted, path


@needs("zstd")
def test_the_archive_says_so_where_the_program_cannot_run(unpacked: Path, tmp_path: Path) -> None:
    (unpacked / "lib/corral/corral").write_text("#!/bin/sh\nexit 1\n")
    done = install(unpacked, tmp_path)
    assert done.returncode == 1
    assert re.search(r"needs glibc 2\.\d+ or newer", done.stderr)
    assert not (tmp_path / ".local").exists()
    (unpacked / "lib/corral/corral").chmod(0o644)  # as if the disk forbade to run anything
    assert "noexec" in install(unpacked, tmp_path).stderr
    (unpacked / "lib/corral/corral").unlink()
    assert "is not beside this script" in install(unpacked, tmp_path).stderr


def test_a_flatpak_keeps_the_files_as_they_are() -> None:
    manifest = json.loads((LINUX / f"{NAME}.flatpak.json").read_text(encoding="utf-8"))
    # Stripped, the program would lose its modules, which lie behind it, and the engine its sums.
    assert manifest["build-options"] == {"no-debuginfo": True, "strip": False}


def test_the_folder_of_an_appimage_starts_the_program_from_anywhere(
    frozen: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "App Dir"
    script("appimage", "--frozen", frozen, "--folder", folder)
    done = subprocess.run(
        [folder / "AppRun", "--version"], cwd="/", capture_output=True, text=True, check=True
    )
    assert done.stdout == f"corral {__version__}\n"
    for name in (f"{NAME}.desktop", f"{NAME}.png", ".DirIcon"):
        assert (folder / name).exists()
    assert "mksquashfs" in script("appimage", "--dry-run")
    assert "flatpak-builder" in script("flatpak", "--dry-run")


def test_checksums_are_written_for_what_people_install_only(tmp_path: Path) -> None:
    (tmp_path / "corral_1-1_amd64.deb").write_bytes(b"package")
    (tmp_path / "notes.txt").write_bytes(b"")
    environment = {**os.environ}
    environment.pop("CORRAL_GPG_KEY", None)
    command = [sys.executable, str(LINUX / "sign.py"), "--out", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "not signed" in done.stdout
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True)
    assert "notes" not in (tmp_path / "SHA256SUMS").read_text()


@needs("cc")
def test_a_folder_of_the_build_machine_is_searched_by_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(LINUX)
    import search_paths

    source = tmp_path / "answer.c"
    source.write_text("#include <math.h>\ndouble answer(double x) { return cos(x); }\n")
    wanted = {"only": ("/srv/build/lib", []), "mixed": ("/srv/lib:$ORIGIN/x", ["$ORIGIN/x"])}
    for name, (searched, left) in wanted.items():
        library = tmp_path / f"{name}.so"
        command = ["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-lm"]
        subprocess.run([*command, f"-Wl,-rpath,{searched}"], check=True)
        assert search_paths.searched_by(library) == searched.split(":")
        assert search_paths.forget_build_machine(library)
        assert search_paths.searched_by(library) == left
        assert b"/srv/" not in library.read_bytes()
        answer = ctypes.CDLL(str(library)).answer
        answer.argtypes, answer.restype = [ctypes.c_double], ctypes.c_double
        assert answer(0.0) == 1.0
        assert not search_paths.forget_build_machine(library)


def test_a_package_gets_its_name_when_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(LINUX))
    import release

    target = tmp_path / "out" / "corral.deb"
    with release.whole(target) as part:
        part.write_bytes(b"all of it")
        assert not target.exists()
    assert target.read_bytes() == b"all of it"

    def interrupted() -> None:
        with release.whole(target) as part:
            part.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in target.parent.iterdir()] == ["corral.deb"]
    assert target.read_bytes() == b"all of it"


def test_nothing_is_packed_of_nothing_and_for_no_other_computer(tmp_path: Path) -> None:
    for name in ("deb", "tarball", "flatpak"):
        command = [sys.executable, str(LINUX / f"{name}.py"), "--frozen", str(tmp_path / "none")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "There is no frozen program in" in done.stderr
    command = [sys.executable, str(LINUX / "image.py"), "--target", "linux-riscv64"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be packed on linux-" in done.stderr


def test_what_would_be_tried_is_said_where_nothing_was_built(tmp_path: Path) -> None:
    said = script("verify", "--dry-run", "--out", tmp_path / "none")
    assert all(ending in said for ending in ("*.deb", "*.tar.zst", "*.AppImage"))


@pytest.mark.parametrize(
    ("said", "maintainer"),
    [("", "The Corral developers <corral@localhost>"), ("X <x@corral.example>",) * 2],
)
def test_who_answers_for_the_package_is_said_by_who_builds_it(
    said: str, maintainer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release workflow hands on a variable that may be empty."""
    monkeypatch.syspath_prepend(LINUX)
    monkeypatch.setenv("CORRAL_MAINTAINER", said)
    deb = load_script("linux/deb")
    assert maintainer == deb.MAINTAINER
