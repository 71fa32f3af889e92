"""What setting up decides: packages, display, tests to run, when to install again."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.scripts import ROOT, load_script

DEBIAN_HERE = shutil.which("dpkg-query") is not None


@pytest.fixture
def bootstrap(tmp_path: Path) -> ModuleType:
    """The script, in a checkout of its own that has nothing set up."""
    (tmp_path / "packaging").mkdir()
    for name in ("packaging/bootstrap.py", "packaging/constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return load_script("bootstrap", root=tmp_path)


@pytest.fixture
def debian(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pretends to be a Debian on which the packages in the list are installed, without root."""
    packages: list[str] = []
    monkeypatch.setattr(bootstrap.sys, "platform", "linux")
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None if name == "c++" else name)
    monkeypatch.setattr(bootstrap, "installed_packages", lambda names: set(packages) & set(names))
    monkeypatch.setattr(bootstrap, "available_name", lambda names: names.split("|")[-1])
    monkeypatch.setattr(bootstrap, "root_command", lambda: None)
    return packages


@pytest.fixture
def installs(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was given to pip, instead of running it."""
    calls: list[tuple[str, ...]] = []
    bootstrap.VENV.mkdir()
    monkeypatch.setattr(bootstrap, "pip", lambda *arguments: calls.append(arguments))
    return calls


def wishes(installs: list[tuple[str, ...]]) -> list[str]:
    """The forms in which Corral itself was asked for."""
    return [call[-1] for call in installs if "-e" in call]


# --- system packages


def test_one_alternative_is_enough(bootstrap: ModuleType, debian: list[str]) -> None:
    debian += ["libold", "plain"]
    assert bootstrap.missing_packages(["libnew|libold", "plain", "absent|gone"]) == ["absent|gone"]


@pytest.mark.skipif(not DEBIAN_HERE, reason="asks Debian's package database, which is not here")
def test_the_package_database_is_read(bootstrap: ModuleType) -> None:
    assert bootstrap.installed_packages(["dpkg", "corral-has-no-such-package"]) == {"dpkg"}


def test_without_root_every_missing_package_is_named_in_one_line(
    bootstrap: ModuleType, debian: list[str]
) -> None:
    debian += [name.split("|")[0] for name in bootstrap.QT_PACKAGES if name != "libegl1"]
    with pytest.raises(SystemExit) as stop:
        bootstrap.install_system_packages(())
    line = str(stop.value)
    assert "\n" not in line
    assert line.endswith("sudo apt-get install g++ libegl1")


def test_without_root_missing_qt_libraries_alone_do_not_stop_the_terminal(
    bootstrap: ModuleType, debian: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    debian += ["g++", *(n.split("|")[0] for n in bootstrap.QT_PACKAGES if n != "libegl1")]
    bootstrap.install_system_packages(())
    assert capsys.readouterr().out.endswith("sudo apt-get install libegl1\n")


def test_nothing_is_said_when_nothing_is_missing(
    bootstrap: ModuleType, debian: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    debian += ["g++", *(n.split("|")[0] for n in bootstrap.QT_PACKAGES)]
    bootstrap.install_system_packages(())
    assert capsys.readouterr().out == ""


def test_freezing_needs_the_library_of_the_systems_python(
    bootstrap: ModuleType, debian: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    debian += ["g++", "binutils", *(n.split("|")[0] for n in bootstrap.QT_PACKAGES)]
    monkeypatch.setattr(bootstrap.sys, "base_prefix", "/usr")
    bootstrap.install_system_packages(("dev",))
    with pytest.raises(SystemExit, match=r"apt-get install libpython3\.\d+$"):
        bootstrap.install_system_packages(("installer",))


def test_an_installer_needs_what_engines_are_built_with(
    bootstrap: ModuleType, debian: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    debian += [*bootstrap.FREEZE_PACKAGES, *(n.split("|")[0] for n in bootstrap.QT_PACKAGES)]
    debian.append("g++")
    here = {"dpkg-query", "c++", "ninja"}
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name if name in here else None)
    bootstrap.install_system_packages(("dev",))
    with pytest.raises(SystemExit, match=r"apt-get install cmake$"):
        bootstrap.install_system_packages(("installer",))


def test_other_systems_are_not_asked_for_debian_packages(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "installed_packages", lambda _names: pytest.fail("asked"))
    for platform in ("win32", "darwin"):
        monkeypatch.setattr(bootstrap.sys, "platform", platform)
        bootstrap.install_system_packages(())


# --- Python packages


def test_packages_are_installed_once(
    bootstrap: ModuleType, installs: list[tuple[str, ...]]
) -> None:
    bootstrap.install_python_packages(())
    assert wishes(installs) == ["."]
    assert installs[-1] == ("--no-deps", bootstrap.STARTER_MODEL)
    bootstrap.install_python_packages(())
    assert wishes(installs) == ["."]


def test_what_tests_need_is_added_and_then_stays(
    bootstrap: ModuleType, installs: list[tuple[str, ...]]
) -> None:
    bootstrap.install_python_packages(())
    bootstrap.install_python_packages(("dev",))
    bootstrap.install_python_packages(("installer",))
    bootstrap.install_python_packages(())
    bootstrap.install_python_packages(("dev",))
    assert wishes(installs) == [".", ".[dev]", ".[dev,installer]"]


@pytest.mark.parametrize("changed", ["pyproject.toml", "packaging/constraints.txt"])
def test_a_change_of_what_is_needed_installs_again(
    bootstrap: ModuleType, installs: list[tuple[str, ...]], changed: str
) -> None:
    bootstrap.install_python_packages(())
    file = bootstrap.ROOT / changed
    file.write_text(file.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    bootstrap.install_python_packages(())
    assert wishes(installs) == [".", "."]


def test_an_interrupted_installation_is_done_again(
    bootstrap: ModuleType, installs: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(bootstrap, "pip", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.install_python_packages(())
    bootstrap.install_python_packages(())
    assert wishes(installs) == ["."]


@pytest.mark.parametrize("note", ["", "[]", '{"wish": 1}', "\N{SNOWMAN}"])
def test_an_unreadable_note_counts_as_nothing_installed(
    bootstrap: ModuleType, tmp_path: Path, note: str
) -> None:
    stamp = tmp_path / "stamp"
    stamp.write_text(note, encoding="utf-8")
    assert bootstrap.installed_extras(stamp, "wish") is None


@pytest.mark.slow
def test_a_half_made_environment_is_made_anew(bootstrap: ModuleType) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bootstrap.VENV], check=True)
    assert not bootstrap.has_module("pip", bootstrap.PYTHON)
    bootstrap.create_venv()
    assert bootstrap.has_module("pip", bootstrap.PYTHON)


def test_a_failing_step_is_named(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_extras: tuple[str, ...]) -> None:
        raise subprocess.CalledProcessError(100, ["apt-get", "update"])

    monkeypatch.setattr(bootstrap, "install_system_packages", broken)
    with pytest.raises(SystemExit, match="setting up stopped at: apt-get update"):
        bootstrap.setup(())


def test_a_failing_installation_names_what_the_engine_needs(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise subprocess.CalledProcessError(1, [str(bootstrap.PYTHON), "-m", "pip"])

    monkeypatch.setattr(bootstrap, "create_venv", broken)
    monkeypatch.setattr(bootstrap, "install_system_packages", lambda _extras: None)
    with pytest.raises(SystemExit) as stop:
        bootstrap.setup(())
    assert bootstrap.COMPILER in str(stop.value)


# --- what is started


@pytest.mark.parametrize(
    ("platform", "environment", "there"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"QT_QPA_PLATFORM": "offscreen"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_a_display_is_recognised(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    environment: dict[str, str],
    there: bool,
) -> None:
    monkeypatch.setattr(bootstrap.sys, "platform", platform)
    assert bootstrap.has_display(environment) is there


def test_without_a_display_it_says_how_to_go_on(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "has_display", lambda: False)
    assert bootstrap.start([]) == 0
    said = capsys.readouterr().out
    assert "no display" in said
    assert "corral run smollm2" in said
    assert "xvfb-run" in said


@pytest.mark.parametrize(
    ("arguments", "selection"),
    [
        ([], ["-m", "not slow", "-n", "auto", "--maxprocesses", "4", "--dist", "worksteal"]),
        (["tests/core", "-q"], ["-m", "not slow", "tests/core", "-q"]),
        (["--maxfail=1"], ["-m", "not slow", "--maxfail=1"]),
        (["-m", "slow"], ["-m", "slow"]),
        (["-mslow"], ["-mslow"]),
    ],
)
def test_long_suites_run_only_when_chosen(
    bootstrap: ModuleType, arguments: list[str], selection: list[str]
) -> None:
    command = bootstrap.test_command(arguments)
    assert command[1:] == ["-m", "pytest", *selection]


@pytest.mark.parametrize(
    ("task", "started"),
    [("test", ["vocabularies.py", "docker_registry.py", "pytest"]), ("setup", [])],
)
def test_test_data_is_fetched_before_the_tests_and_not_otherwise(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, task: str, started: list[str]
) -> None:
    commands: list[list[str]] = []

    def note(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, int("pytest" not in command))

    monkeypatch.setattr(bootstrap, "setup", lambda _extras: None)
    monkeypatch.setattr(bootstrap.subprocess, "run", note)
    assert bootstrap.main([task]) == 0  # although fetching failed
    words = [Path(word).name for command in commands for word in command]
    assert [word for word in words if word in (*bootstrap.TEST_DATA, "pytest")] == started


def test_an_unknown_task_shows_how_it_is_used(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "packaging" / "bootstrap.py", "launch"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert "bootstrap.py run" in done.stdout
