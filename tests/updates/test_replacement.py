"""Another version in this one's place once Corral has ended, and back again with the data.

Real scripts run in a real shell; only the system's own `pkexec` and `apt-get` are stood in for.
"""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec
import psutil
import pytest

from app.core import conversation_schema as schema
from app.core import program_form, update_replacement, update_shelf
from app.core.conversation_store import ConversationStore
from app.core.data_backup import Backup, back_up, backups
from app.core.data_use import DataUse
from app.core.errors import StorageError, UpdateError
from app.core.installed_engines import installed_engines
from app.core.paths import resource
from app.core.program_form import Program, installed_form, this_program
from app.core.running import RunningCorral
from app.core.settings import Engine
from app.core.update_install import install_command, start_installer, way_of
from app.core.update_manifest import Package
from tests.engine_folders import write_engine
from tests.timing import PATIENCE
from tests.updates.conftest import Desk
from tests.updates.update_server import UpdateServer

needs_shell = pytest.mark.skipif(os.name == "nt", reason="scripts for the shell")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have been started at the end."""
    commands: list[list[str]] = []
    monkeypatch.setattr(
        update_replacement, "start_installer", lambda command, _output: commands.append(command)
    )
    return commands


@pytest.fixture(autouse=True)
def again(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What Corral would have been started with when it had ended without an installer."""
    starts: list[object] = []
    monkeypatch.setattr(
        update_replacement, "start_detached", lambda words, _output: starts.append(words)
    )
    return starts


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pkexec` that asks nobody, and an `apt-get` that keeps what it is given."""
    folder = tmp_path / "tools"
    folder.mkdir()
    kept = tmp_path / "installed"
    programs = {
        "pkexec": 'exec "$@"',
        "apt-get": f'echo "$@" > "{kept}.words"; for last; do :; done; cp "$last" "{kept}"',
    }
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return kept


def run(command: list[str]) -> str:
    """Run an install script as if this process had ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait(PATIENCE)
    at = command.index("corral-update") + 1
    command = [*command[:at], str(gone.pid), *command[at + 1 :]]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    return done.stdout


def package_of(path: Path, form: str) -> Package:
    data = path.read_bytes()
    told = {"system": "linux", "machine": "x86_64", "form": form, "url": "https://x.example/p"}
    sizes = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return msgspec.convert({**told, **sizes}, Package)


def older_data(desk: Desk) -> None:
    """Chats as an earlier version wrote them, then brought up to date by this one."""
    path = desk.paths.conversations
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("".join(schema.MIGRATIONS[:2]) + "; PRAGMA user_version = 2;")
        connection.execute(
            "INSERT INTO conversations (title, created, updated) VALUES ('Before', 1, 2)"
        )
        connection.commit()
    with closing(ConversationStore(path)) as store:
        store.create(title="After")


@needs_shell
def test_a_version_is_installed_only_when_corral_has_ended(
    desk: Desk, server: UpdateServer, tools: Path, started: list[list[str]]
) -> None:
    release = server.release("0.2.0")
    server.announce(release)
    with closing(desk.updates()) as updates:
        updates.look()
        updates.fetch(release)
        updates.replacement.install(release)
        assert not tools.exists()
        assert started == []
        updates.replacement.finish()
        (command,) = started
        updates.replacement.finish()
        assert len(started) == 1
    assert command[4:] == [
        str(os.getpid()),
        str(desk.paths.program_updates / "corral-0.2.0-linux-x86_64.deb"),
        release.packages[0].sha256,
        "corral",
    ]
    run([*command[:-1], "echo", "started again"])
    assert tools.read_bytes() == server.packages["/corral-0.2.0.deb"]
    assert "install --yes --allow-downgrades" in tools.with_suffix(".words").read_text()
    with closing(desk.updates("0.2.0")) as updates:
        updates.look_back()
        assert updates.state().problem is None
        assert updates.state().stage == "current"


@needs_shell
@pytest.mark.usefixtures("tools")
def test_what_was_chosen_for_the_end_can_be_given_up(
    desk: Desk, server: UpdateServer, started: list[list[str]]
) -> None:
    release = server.release("0.2.0")
    with closing(desk.updates()) as updates:
        updates.fetch(release)
        updates.replacement.install(release)
        updates.replacement.cancel()
        updates.replacement.finish()
    assert started == []
    with closing(desk.updates()) as updates:
        assert updates.look_back() is None
        assert updates.replacement.planned is None


def test_a_package_that_changed_on_the_disk_is_not_run(
    desk: Desk, server: UpdateServer, started: list[list[str]]
) -> None:
    release = server.release("0.2.0")
    server.announce(release)
    file = desk.paths.program_updates / "corral-0.2.0-linux-x86_64.deb"
    with closing(desk.updates()) as updates:
        updates.look()
        updates.fetch(release)
        file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))
        with pytest.raises(UpdateError, match="has changed on the disk"):
            updates.replacement.install(release)
        assert not file.exists()
        assert updates.state().stage == "offered"
        updates.fetch(release)
        updates.replacement.install(release)
        file.write_bytes(b"something else")
        with pytest.raises(UpdateError, match="has changed on the disk"):
            updates.replacement.finish()
    assert started == []
    with closing(desk.updates()) as next_start:
        problem = next_start.look_back()
        assert problem is not None
        assert "was not installed" in problem.title


@needs_shell
def test_the_script_looks_at_the_package_again(tools: Path, tmp_path: Path) -> None:
    file = tmp_path / "corral.deb"
    file.write_bytes(b"good")
    package = package_of(file, "deb")
    program = Program("deb", "linux", "x86_64", "echo")
    command = [*install_command(program, file, package, restart=True), "started"]
    file.write_bytes(b"evil")
    assert "was not installed" in (said := run(command))
    assert said.endswith("started\n")
    assert not tools.exists()


@needs_shell
def test_a_script_waits_until_corral_has_ended(tools: Path, tmp_path: Path) -> None:
    file = tmp_path / "corral.deb"
    file.write_bytes(b"good")
    program = Program("deb", "linux", "x86_64")
    command = install_command(program, file, package_of(file, "deb"), restart=False)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as corral:
        at = command.index("corral-update") + 1
        command[at] = str(corral.pid)
        with subprocess.Popen(command) as script:
            with pytest.raises(subprocess.TimeoutExpired):
                script.wait(0.5)
            assert not tools.exists()
            corral.communicate(b"\n", PATIENCE)
            assert script.wait(PATIENCE) == 0
    assert tools.read_bytes() == b"good"


@needs_shell
def test_an_installer_goes_on_in_a_session_of_its_own_and_is_logged(tmp_path: Path) -> None:
    output = tmp_path / "logs" / "update.log"
    code = "import os; print(os.getsid(0), 'told')"
    process = start_installer([sys.executable, "-c", code], output)
    assert process.wait(PATIENCE) == 0
    session, told = output.read_text(encoding="utf-8").split()
    assert told == "told"
    assert int(session) != os.getsid(0)


@needs_shell
@pytest.mark.skipif(not shutil.which("zstd"), reason="no zstd here")
def test_a_tar_package_is_installed_by_its_own_script(tmp_path: Path) -> None:
    inside = tmp_path / "corral-0.2.0"
    inside.mkdir()
    script = f'echo "$@" > "{tmp_path}/installed"\ndirname "$0" >> "{tmp_path}/installed"\n'
    (inside / "install.sh").write_text(script, encoding="utf-8")
    with tarfile.open(tmp_path / "corral.tar", "w") as tar:
        tar.add(inside, inside.name)
    subprocess.run(["zstd", "-q", str(tmp_path / "corral.tar")], check=True)
    file = tmp_path / "corral.tar.zst"
    prefix = tmp_path / "prefix"
    (tmp_path / "unpacked.x1Y2z3" / "unpacked").mkdir(parents=True)  # of a run that was killed
    (tmp_path / "unpackedness").mkdir()
    program = Program("tar", "linux", "x86_64", str(prefix / "lib" / "corral" / "corral"))
    command = install_command(program, file, package_of(file, "tar"), restart=False)
    assert run(command) == ""
    said, unpacked = (tmp_path / "installed").read_text(encoding="utf-8").splitlines()
    assert said == f"--prefix {prefix}"
    # /tmp may be in memory or forbid to run anything: it is unpacked beside the package.
    assert Path(unpacked).is_relative_to(tmp_path)
    assert [each.name for each in tmp_path.glob("unpacked*")] == ["unpackedness"]


@needs_shell
@pytest.mark.skipif(sys.platform != "linux", reason="these forms are of Linux")
@pytest.mark.parametrize("form", ["appimage", "deb", "tar"])
def test_a_program_that_ended_unnoticed_by_its_parent_is_not_waited_for(form: str) -> None:
    script = resource(f"updates/{form}.sh").read_text(encoding="utf-8")
    waiting = script[: script.index("done") + len("done")]
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    words = ["/bin/sh", "-c", waiting, "corral-update", str(ended.pid), *"abcd"]
    try:
        assert subprocess.run(words, timeout=PATIENCE, check=False).returncode == 0
    finally:
        ended.wait()


@needs_shell
def test_an_appimage_is_replaced_where_it_lies(tmp_path: Path) -> None:
    program_file, file = tmp_path / "Corral.AppImage", tmp_path / "new"
    program_file.write_text("#!/bin/sh\necho old\n", encoding="utf-8")
    file.write_text("#!/bin/sh\necho new\n", encoding="utf-8")
    program = Program("appimage", "linux", "x86_64", str(program_file))
    command = install_command(program, file, package_of(file, "appimage"), restart=True)
    assert run(command) == "new\n"
    assert program_file.read_text(encoding="utf-8").endswith("echo new\n")


@needs_shell
@pytest.mark.skipif(not shutil.which("zstd"), reason="no zstd here")
def test_a_tar_package_that_changed_is_not_unpacked(tmp_path: Path) -> None:
    inside = tmp_path / "corral-0.2.0"
    inside.mkdir()
    (inside / "install.sh").write_text(f'touch "{tmp_path}/installed"\n', encoding="utf-8")
    with tarfile.open(tmp_path / "corral.tar", "w") as tar:
        tar.add(inside, inside.name)
    file = tmp_path / "corral.tar.zst"
    file.write_bytes(b"what was signed")
    package = package_of(file, "tar")
    subprocess.run(["zstd", "-q", "-f", str(tmp_path / "corral.tar"), "-o", str(file)], check=True)
    program = Program("tar", "linux", "x86_64", str(tmp_path / "lib" / "corral" / "corral"))
    command = [*install_command(program, file, package, restart=False), "echo", "started"]
    said = run(command)
    assert "was not installed" in said
    assert said.endswith("started\n")
    assert not (tmp_path / "installed").exists()


@needs_shell
def test_an_appimage_that_changed_or_cannot_be_copied_replaces_nothing(tmp_path: Path) -> None:
    program_file, file = tmp_path / "Corral.AppImage", tmp_path / "new"
    program_file.write_text("#!/bin/sh\necho old\n", encoding="utf-8")
    program_file.chmod(0o755)
    file.write_text("#!/bin/sh\necho new\n", encoding="utf-8")
    package = package_of(file, "appimage")
    program = Program("appimage", "linux", "x86_64", str(program_file))
    command = install_command(program, file, package, restart=True)
    file.write_text("#!/bin/sh\necho evil\n", encoding="utf-8")
    for _ in range(2):
        said = run(command)
        assert "was not put in place" in said
        assert said.endswith("old\n")
        assert not program_file.with_name("Corral.AppImage.new").exists()
        file.unlink(missing_ok=True)


@needs_shell
def test_an_appimage_is_not_started_again_by_somebody_who_has_quit(tmp_path: Path) -> None:
    program_file, file = tmp_path / "Corral.AppImage", tmp_path / "new"
    file.write_text("#!/bin/sh\necho new\n", encoding="utf-8")
    program = Program("appimage", "linux", "x86_64", str(program_file))
    command = install_command(program, file, package_of(file, "appimage"), restart=False)
    assert run(command) == ""
    assert program_file.read_bytes() == file.read_bytes()


def test_what_cannot_replace_itself_is_not_said_to_be_able_to(tmp_path: Path) -> None:
    own, of_root = tmp_path / "lib" / "corral" / "corral", "/no/such/lib/corral/corral"
    own.parent.mkdir(parents=True)

    def everything(name: str) -> str:
        return name

    def nothing(_name: str) -> None:
        return None

    ways = {
        form: way_of(Program(form, "linux", "x86_64", str(own)), everything)
        for form in ("deb", "tar", "appimage", "flatpak", "nsis", "dmg", "folder", "source")
    }
    assert ways == {
        "deb": "replace",
        "tar": "replace",
        "appimage": "replace",
        "flatpak": "store",
        "nsis": "open",
        "dmg": "open",
        "folder": "none",
        "source": "source",
    }
    assert way_of(Program("tar", "linux", "x86_64", str(own)), nothing) == "none"
    assert way_of(Program("tar", "linux", "x86_64", of_root), everything) == "none"
    assert way_of(Program("appimage", "linux", "x86_64", of_root), everything) == "none"


@pytest.mark.parametrize(
    ("there", "opens", "way"),
    [
        ({"pkexec", "apt-get", "sha256sum"}, False, "replace"),
        ({"apt-get", "sha256sum", "xdg-open"}, True, "open"),
        ({"apt-get", "sha256sum", "xdg-open"}, False, "terminal"),
        ({"apt-get", "sha256sum"}, True, "terminal"),
    ],
)
def test_a_debian_package_is_opened_only_where_something_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: set[str], opens: bool, way: str
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS"):
        monkeypatch.setenv(name, str(tmp_path / name))
    if opens:
        entry = tmp_path / "XDG_DATA_DIRS" / "applications" / "installer.desktop"
        entry.parent.mkdir(parents=True)
        entry.write_text("[Desktop Entry]\nMimeType=application/vnd.debian.binary-package;\n")

    def find(name: str) -> str | None:
        return name if name in there else None

    assert way_of(Program("deb", "linux", "x86_64"), find) == way


def test_how_corral_was_installed_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inherited = {"APPIMAGE": "/a/Other.AppImage", "APPDIR": "/tmp/.mount", "FLATPAK_ID": "other"}
    assert installed_form(inherited) == "source"
    assert this_program({}).executable == ""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    program = tmp_path / "lib" / "corral" / "corral"
    program.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(program))
    assert installed_form({}) == "folder"
    assert installed_form(inherited) == "folder"
    own = {"APPIMAGE": "/a/Corral.AppImage", "APPDIR": str(tmp_path)}
    appimage = this_program(own)
    assert (appimage.form, appimage.executable) == ("appimage", "/a/Corral.AppImage")
    (program.parent / "installed-files").touch()
    assert installed_form({}) == "tar"
    assert this_program({}).executable == str(program)
    listed = tmp_path / "corral.list"
    listed.write_text(f"/.\n{program}\n", encoding="utf-8")
    monkeypatch.setattr(program_form, "_DPKG_LIST", listed)
    assert installed_form({}) == "deb"
    (program.parent / "uninstall-corral.exe").touch()
    assert installed_form({}) == "nsis"
    monkeypatch.setattr(sys, "executable", "/Applications/Corral.app/Contents/MacOS/corral")
    assert installed_form({}) == "dmg"
    monkeypatch.setattr(sys, "executable", "/app/lib/corral/corral")
    assert installed_form(inherited) == "flatpak"


def test_an_installer_that_did_nothing_is_told_of_once(
    desk: Desk, server: UpdateServer, started: list[list[str]]
) -> None:
    release = server.release("0.2.0")
    with closing(desk.updates()) as updates:
        updates.fetch(release)
        updates.replacement.install(release)
        updates.replacement.finish()
    assert len(started) == 1
    log = desk.paths.logs / "update.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("corral: the package was not installed (status 126)\n", encoding="utf-8")
    with closing(desk.updates()) as updates:
        updates.look_back()
        problem = updates.state().problem
        assert problem is not None
        assert "0.2.0 was not installed" in problem.title
        assert "status 126" in problem.detail
    with closing(desk.updates()) as updates:
        updates.look_back()
        assert updates.state().problem is None


def test_nothing_is_replaced_under_another_corral(
    desk: Desk, server: UpdateServer, started: list[list[str]]
) -> None:
    release = server.release("0.2.0")
    command = [sys.executable, "-c", "input()"]
    with (
        closing(desk.updates()) as updates,
        subprocess.Popen(command, stdin=subprocess.PIPE) as other,
    ):
        updates.fetch(release)
        began = psutil.Process(other.pid).create_time()
        running = RunningCorral(other.pid, began, "http://127.0.0.1:1", "x", "0.1.0", window=False)
        desk.paths.running_file.write_bytes(msgspec.json.encode(running))
        with pytest.raises(UpdateError, match=f"process {other.pid}"):
            updates.replacement.install(release)
        other.communicate(b"\n", PATIENCE)
        updates.replacement.install(release)
        updates.replacement.finish()
    assert len(started) == 1


def test_nothing_is_replaced_beside_a_chat_in_a_terminal(
    desk: Desk, server: UpdateServer, started: list[list[str]]
) -> None:
    release = server.release("0.2.0")
    with (
        closing(DataUse(desk.paths)) as use,
        closing(desk.updates(use=use)) as updates,
    ):
        updates.fetch(release)
        with (
            closing(DataUse(desk.paths)),
            pytest.raises(UpdateError, match="a chat in a terminal"),
        ):
            updates.replacement.install(release)
        updates.replacement.install(release)
        updates.replacement.finish()
    assert len(started) == 1


def test_nothing_is_replaced_beside_a_corral_that_began_after_it_was_chosen(
    desk: Desk, server: UpdateServer, started: list[list[str]], again: list[object]
) -> None:
    release = server.release("0.2.0")
    older_data(desk)
    (copy,) = backups(desk.paths.data)
    waits = [sys.executable, "-c", "input()"]
    with (
        closing(desk.updates()) as updates,
        subprocess.Popen(waits, stdin=subprocess.PIPE) as other,
    ):
        updates.fetch(release)
        updates.replacement.install(release, backup=copy)
        began = psutil.Process(other.pid).create_time()
        running = RunningCorral(other.pid, began, "http://127.0.0.1:1", "x", "0.1.0", window=False)
        desk.paths.running_file.write_bytes(msgspec.json.encode(running))
        with pytest.raises(UpdateError, match=f"process {other.pid}"):
            updates.replacement.finish()
        desk.paths.running_file.unlink()
        updates.replacement.restore(copy)
        desk.paths.running_file.write_bytes(msgspec.json.encode(running))
        with pytest.raises(UpdateError, match=f"process {other.pid}"):
            updates.replacement.finish()
        other.communicate(b"\n", PATIENCE)
    assert started == []
    assert again == [(), ()]
    with closing(ConversationStore(desk.paths.conversations)) as store:
        assert {each.title for each in store.list()} == {"Before", "After"}
    with closing(desk.updates()) as updates:
        problem = updates.look_back()
        assert problem is not None
        assert "was not put back" in problem.title
        assert "Another Corral is running" in problem.message


def test_the_engine_of_this_version_is_kept_for_the_next_one_and_not_for_the_one_before(
    desk: Desk, server: UpdateServer, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, own = desk.paths.data / "program", desk.paths.data / "engines"
    write_engine(beside, "9.9", id="of-this-version")
    monkeypatch.setattr(update_replacement, "engine_places", lambda _: (beside, own))
    for version, kept in (("0.0.9", False), ("0.2.0", True)):
        release = server.release(version)
        with closing(desk.updates("0.1.0")) as updates:
            updates.fetch(release)
            updates.replacement.install(release)
            updates.replacement.finish()
        ids = [each.id for each in installed_engines([own])]
        assert ("of-this-version" in ids) == kept
    assert len(started) == 2


def test_an_update_that_fails_takes_no_engine_away(
    desk: Desk, server: UpdateServer, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, own = desk.paths.data / "program", desk.paths.data / "engines"
    monkeypatch.setattr(update_replacement, "engine_places", lambda _: (beside, own))
    write_engine(own, "9.8", id="before-of-the-last")
    write_engine(beside, "9.9", id="of-this")
    release = server.release("0.2.0")
    for _ in range(2):
        with closing(desk.updates("0.1.0")) as updates:
            updates.fetch(release)
            updates.replacement.install(release)
            updates.replacement.finish()
        with closing(desk.updates("0.1.0")) as updates:
            assert updates.look_back() is not None
        assert sorted(path.name for path in own.iterdir()) == [
            "before-of-the-last",
            "before-of-this",
        ]
    with closing(desk.updates("0.1.0")) as updates:
        updates.replacement.install(release)
        updates.replacement.finish()
    (beside / "of-this").rename(desk.paths.data / "gone")
    write_engine(beside, "9.10", id="of-the-next")
    with closing(desk.updates("0.2.0")) as updates:
        assert updates.look_back() is None
    assert [path.name for path in own.iterdir()] == ["before-of-this"]
    assert len(started) == 3


def test_a_kept_engine_that_was_chosen_stays_whatever_comes(
    desk: Desk, server: UpdateServer, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, own = desk.paths.data / "program", desk.paths.data / "engines"
    monkeypatch.setattr(update_replacement, "engine_places", lambda _: (beside, own))
    for engine_id in ("chosen", "another"):
        write_engine(own, "9.8", id=engine_id).rename(own / f"before-{engine_id}")
    write_engine(beside, "9.9", id="of-this")
    desk.settings.update(engine=Engine(engine="chosen"))
    release = server.release("0.2.0")
    with closing(desk.updates("0.1.0")) as updates:
        updates.fetch(release)
        updates.replacement.install(release)
        updates.replacement.finish()
    (beside / "of-this").rename(desk.paths.data / "gone")
    with closing(desk.updates("0.2.0")) as updates:
        assert updates.look_back() is None
    assert sorted(path.name for path in own.iterdir()) == ["before-chosen", "before-of-this"]
    assert len(started) == 1


# The end of the session


def test_a_version_is_not_installed_when_the_session_ends_but_at_the_end_after_it(
    desk: Desk, server: UpdateServer, started: list[list[str]], again: list[object]
) -> None:
    release = server.release("0.2.0")
    for _ in range(2):
        with closing(desk.updates()) as updates:
            assert updates.look_back() is None
            if updates.replacement.planned is None:
                updates.fetch(release)
                updates.replacement.install(release)
            updates.replacement.leave()
            updates.replacement.finish()
        assert started == again == []
    with closing(desk.updates()) as updates:
        assert updates.look_back() is None
        planned = updates.replacement.planned
        assert planned is not None
        assert planned.kept is not None
        assert (planned.kept.release.version, planned.restart) == ("0.2.0", False)
        updates.replacement.finish()
    (command,) = started
    assert command[-1] != "corral"
    with closing(desk.updates()) as updates:
        assert updates.look_back() is not None  # this installer did nothing
        assert updates.replacement.planned is None


def test_what_waits_for_the_end_is_not_forgotten_by_a_crash(
    desk: Desk, server: UpdateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = server.release("0.2.0")
    with closing(desk.updates()) as updates:
        updates.fetch(release)
        updates.replacement.install(release)
    with closing(desk.updates()) as updates:
        assert updates.look_back() is None
        assert updates.replacement.planned is not None

        def full(*_: object) -> None:
            raise StorageError("No room")

        monkeypatch.setattr(update_shelf, "write_atomically", full)
        with pytest.raises(StorageError):
            updates.replacement.install(release)
        assert updates.replacement.planned is None


def test_what_another_version_has_left_for_later_is_not_installed(
    desk: Desk, server: UpdateServer
) -> None:
    release = server.release("0.2.0")
    with closing(desk.updates("0.1.0")) as updates:
        updates.fetch(release)
        updates.replacement.install(release)
    with closing(desk.updates("0.3.0")) as updates:  # installed by hand since
        assert updates.look_back() is None
        assert updates.replacement.planned is None


def test_data_is_not_put_back_at_the_end_of_the_session_and_that_is_told(
    desk: Desk, server: UpdateServer, started: list[list[str]], again: list[object]
) -> None:
    older_data(desk)
    (copy,) = backups(desk.paths.data)
    before = server.release("0.1.0", schema=2)
    with closing(desk.updates("0.2.0")) as updates:
        updates.fetch(before)
        updates.replacement.install(before, backup=copy)
        updates.replacement.leave()
        updates.replacement.finish()
    assert started == again == []
    with closing(desk.updates("0.2.0")) as updates:
        problem = updates.look_back()
        assert problem is not None
        assert f"of {datetime.fromtimestamp(copy.made):%Y-%m-%d %H:%M} was not" in problem.title
        assert "was ended first" in problem.message
        assert "0.1.0 was not installed either" in problem.message
        assert updates.replacement.planned is None
    with closing(ConversationStore(desk.paths.conversations)) as store:
        assert {each.title for each in store.list()} == {"Before", "After"}


# Going back


def test_the_version_before_is_offered_from_the_list_and_from_what_was_kept(
    desk: Desk, server: UpdateServer
) -> None:
    before, now = server.release("0.1.0"), server.release("0.2.0")
    with closing(desk.updates("0.2.0")) as updates:
        assert updates.replacement.going_back() is None
        server.announce(now, previous=before)
        updates.look(now=True)
        back = updates.replacement.going_back()
        assert back is not None
        assert (back.release.version, back.here, back.needs_backup) == ("0.1.0", False, False)
        updates.fetch(before)
        back = updates.replacement.going_back()
        assert back is not None
        assert back.here


def test_who_updates_keeps_the_package_to_go_back_with(desk: Desk, server: UpdateServer) -> None:
    with closing(desk.updates("0.0.9")) as updates:
        updates.fetch(server.release("0.1.0"))
    with closing(desk.updates("0.1.0")) as updates:
        updates.fetch(server.release("0.2.0"))
    with closing(desk.updates("0.2.0")) as updates:
        back = updates.replacement.going_back()
        assert back is not None
        assert (back.release.version, back.here) == ("0.1.0", True)


def test_going_back_puts_the_chats_of_before_back_and_keeps_the_later_ones(
    desk: Desk, server: UpdateServer, started: list[list[str]]
) -> None:
    older_data(desk)
    before = server.release("0.1.0", schema=2)
    server.announce(server.release("0.2.0"), previous=before)
    with closing(desk.updates("0.2.0")) as updates:
        updates.look(now=True)
        back = updates.replacement.going_back()
        assert back is not None
        assert back.needs_backup
        assert back.backup is not None
        updates.fetch(before)
        updates.replacement.install(before, backup=back.backup)
        updates.replacement.finish()
    assert len(started) == 1
    with closing(sqlite3.connect(desk.paths.conversations)) as connection:
        assert schema.version_of(connection) == 2
        assert connection.execute("SELECT title FROM conversations").fetchall() == [("Before",)]
    newest = backups(desk.paths.data)[0]
    assert (newest.schema, newest.chats) == (schema.VERSION, 2)
    with closing(desk.updates("0.2.0")) as not_replaced:  # the password was not given, say
        problem = not_replaced.look_back()
        assert problem is not None
        assert f"the copy of {datetime.fromtimestamp(newest.made):%Y-%m-%d %H:%M}" in problem.hint
        assert not_replaced.look_back() is None


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """There is no room for a copy of the data."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copy2", full)
        yield


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("way", ["a copy alone", "with the version before"])
def test_data_that_could_not_be_put_back_is_told_with_the_reason_and_corral_starts_again(
    desk: Desk, server: UpdateServer, started: list[list[str]], again: list[object], way: str
) -> None:
    before = server.release("0.1.0", schema=2)
    with closing(desk.updates("0.2.0")) as updates:
        with closing(ConversationStore(desk.paths.conversations)) as store:
            store.create(title="Now")
        copy = copy_of_before(desk)
        if way == "a copy alone":
            updates.replacement.restore(copy)
        else:
            updates.fetch(before)
            updates.replacement.install(before, backup=copy)
        with pytest.raises(StorageError):
            updates.replacement.finish()
    assert started == []
    assert again == [()]
    with closing(desk.updates("0.2.0")) as updates:
        problem = updates.look_back()
        assert problem is not None
        assert "was not put back" in problem.title
        assert "No space left on device" in problem.message
        assert ("0.1.0 was not installed either" in problem.message) == (way != "a copy alone")
        assert updates.state().problem is problem
        assert updates.look_back() is None
    with closing(ConversationStore(desk.paths.conversations)) as store:
        assert [each.title for each in store.list()] == ["Now"]


def copy_of_before(desk: Desk) -> Backup:
    """A copy of older chats, as an earlier program made it."""
    old = desk.paths.data / "old"
    old.mkdir()
    with closing(sqlite3.connect(old / "conversations.db")) as connection:
        connection.executescript("".join(schema.MIGRATIONS[:2]) + "; PRAGMA user_version = 2;")
    copy = back_up(old)
    assert copy is not None
    return copy


def test_a_program_that_was_killed_while_it_put_data_back_tells_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Nothing is done after it."""

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(update_replacement, "restore", killed)
    with closing(desk.updates()) as updates:
        updates.replacement.restore(copy_of_before(desk))
        with pytest.raises(Killed):
            updates.replacement.finish()
    with closing(desk.updates()) as updates:
        problem = updates.look_back()
        assert problem is not None
        assert "was not put back" in problem.title
        assert "broke off" in problem.message


def test_why_a_version_was_not_even_begun_is_told_and_not_what_the_one_before_said(
    desk: Desk, server: UpdateServer, again: list[object]
) -> None:
    release = server.release("0.2.0")
    desk.paths.logs.mkdir(parents=True, exist_ok=True)
    (desk.paths.logs / "update.log").write_text("words of long ago", encoding="utf-8")
    with closing(desk.updates()) as updates:
        updates.fetch(release)
        updates.replacement.install(release)
        (file,) = desk.paths.program_updates.glob("corral-*")
        file.write_bytes(b"something else")
        with pytest.raises(UpdateError):
            updates.replacement.finish()
    assert again == [()]
    with closing(desk.updates()) as updates:
        problem = updates.look_back()
        assert problem is not None
        assert "has changed on the disk" in problem.message
        assert problem.detail == ""


def test_without_a_copy_that_it_can_read_that_is_said(desk: Desk, server: UpdateServer) -> None:
    with closing(ConversationStore(desk.paths.conversations)) as store:
        store.create(title="Now")
    server.announce(server.release("0.2.0"), previous=server.release("0.1.0", schema=2))
    with closing(desk.updates("0.2.0")) as updates:
        updates.look(now=True)
        back = updates.replacement.going_back()
        assert back is not None
        assert back.needs_backup
        assert back.backup is None


def test_an_older_program_leaves_newer_chats_alone_and_says_where_they_are(desk: Desk) -> None:
    path = desk.paths.conversations
    with closing(ConversationStore(path)) as store:
        store.create(title="Newer")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = path.read_bytes()
    with closing(ConversationStore(path)) as store:
        assert store.problem is not None
        assert "newer Corral" in store.problem.title
        assert store.list() == ()
        store.create(title="Mine")
    assert path.read_bytes() == before


def test_a_copy_is_put_back_when_corral_has_ended_and_it_starts_again(
    desk: Desk, again: list[object]
) -> None:
    with closing(ConversationStore(desk.paths.conversations)) as store:
        store.create(title="One")
        copy = back_up(desk.paths.data)
        store.create(title="Two")
    assert copy is not None
    with closing(desk.updates()) as updates:
        updates.replacement.restore(copy)
        assert again == []
        updates.replacement.finish()
    assert again == [()]
    with closing(desk.updates()) as updates:
        assert updates.look_back() is None
    with closing(ConversationStore(desk.paths.conversations)) as store:
        assert [each.title for each in store.list()] == ["One"]
