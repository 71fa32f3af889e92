"""What installed forms are made of is locked by version and hash, and nothing else gets in."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.scripts import ROOT, load_script

PACKAGING = ROOT / "packaging"
MARKERS = {
    "linux-x86_64": {"sys_platform": "linux", "platform_machine": "x86_64"},
    "linux-aarch64": {"sys_platform": "linux", "platform_machine": "aarch64"},
    "macos-arm64": {"sys_platform": "darwin", "platform_machine": "arm64"},
    "macos-x86_64": {"sys_platform": "darwin", "platform_machine": "x86_64"},
    "windows-x86_64": {"sys_platform": "win32", "platform_machine": "AMD64"},
}
HASH = r" \\\n    --hash=sha256:[0-9a-f]{64}"


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PACKAGING))


@pytest.fixture
def locked() -> ModuleType:
    return load_script("locked_libraries")


@pytest.fixture
def lock() -> ModuleType:
    return load_script("lock")


@pytest.fixture
def environment() -> ModuleType:
    return load_script("locked_environment")


@pytest.fixture
def lock_of_two(
    locked: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The libraries that are here, of which a lock file names two; for Python as it runs."""
    monkeypatch.setattr(locked, "HERE", tmp_path)
    monkeypatch.setattr(locked, "FOLDER", tmp_path / "locked")
    monkeypatch.setattr(locked, "PYTHON", {"linux-x86_64": locked.running()})
    (tmp_path / "locked").mkdir()
    text = "# Two\na-b==1.0 \\\n    --hash=sha256:1\nc==2 \\\n    --hash=sha256:2\n"
    (tmp_path / "locked" / "linux-x86_64.txt").write_text(text, encoding="utf-8")
    here = {"a-b": "1.0", "c": "2", "pip": "3", "corral": "0.1.0"}
    monkeypatch.setattr(locked, "installed", lambda: here)
    return here


def needed(target: str, python: str) -> dict[str, Requirement]:
    """What pyproject.toml asks for on a target, and for what the form is built with."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [*content["project"]["dependencies"], *content["build-system"]["requires"]]
    if not target.startswith("windows"):
        lines += content["project"]["optional-dependencies"]["installer"]
    found: dict[str, Requirement] = {}
    for requirement in map(Requirement, lines):
        here = {**MARKERS[target], "python_version": python}
        if requirement.marker is None or requirement.marker.evaluate(here):
            found[canonicalize_name(requirement.name)] = requirement
    engine = "llama-cpp-python"  # whose place an engine folder takes
    return {name: requirement for name, requirement in found.items() if name != engine}


# --- the files


@pytest.mark.parametrize("target", MARKERS)
def test_everything_that_is_needed_is_locked_as_pyproject_asks(
    target: str, locked: ModuleType
) -> None:
    versions = locked.versions(target)
    wanted = needed(target, locked.PYTHON[target])
    assert wanted.keys() <= versions.keys()
    wrong = {n: versions[n] for n, each in wanted.items() if versions[n] not in each.specifier}
    assert wrong == {}
    assert "typing-extensions" in versions  # the engine's binding needs it
    assert "llama-cpp-python" not in versions


@pytest.mark.parametrize("target", MARKERS)
def test_locked_versions_are_the_tested_ones(
    target: str, locked: ModuleType, lock: ModuleType
) -> None:
    pinned = dict(line.split("==") for line in lock.CONSTRAINTS.read_text().split() if "==" in line)
    versions = locked.versions(target)
    different = {name for name, found in versions.items() if pinned.get(name, found) != found}
    assert different == set(lock.NEWEST_WITH_A_WHEEL.get(target, ()))


def test_every_locked_file_has_nothing_but_versions_with_their_hashes(locked: ModuleType) -> None:
    files = sorted(locked.FOLDER.iterdir())
    expected = {locked.STARTER_MODEL, *map(locked.lock_file, MARKERS)}
    assert set(files) == expected
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert re.fullmatch(rf"(?:# .*\n)+(?:[a-z0-9.-]+==\S+(?:{HASH})+\n)+", text), file.name


def test_there_is_a_lock_for_every_target_that_is_built(
    locked: ModuleType, lock: ModuleType
) -> None:
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    built = set(re.findall(r"target:? ([a-z0-9]+-[a-z0-9_]+)", workflow))
    assert built == locked.PYTHON.keys() == lock.PLATFORMS.keys()


def test_wheels_are_locked_for_the_oldest_system_that_a_bundle_names(lock: ModuleType) -> None:
    oldest = load_script("macos/steps/app_info").OLDEST_SYSTEM
    assert {f"macos-{machine}": system for machine, system in oldest.items()} == lock.OLDEST_MACOS


def test_the_model_that_builds_are_tried_with_is_the_one_that_tests_use(
    locked: ModuleType,
) -> None:
    text = locked.STARTER_MODEL.read_text(encoding="utf-8")
    assert load_script("bootstrap").STARTER_MODEL in text


# --- writing them


def test_a_resolution_becomes_requirements_with_the_hashes_of_all_fitting_wheels(
    lock: ModuleType,
) -> None:
    resolved = """
        [[packages]]
        name = "a"
        version = "1"
        wheels = [{ hashes = { sha256 = "22" } }, { hashes = { sha256 = "11" } }]
        [[packages]]
        name = "b"
        version = "2"
        wheels = [{ hashes = { sha256 = "33" } }]
    """
    assert list(lock.entries(resolved)) == [
        "a==1 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n",
        "b==2 \\\n    --hash=sha256:33\n",
    ]


def test_only_a_version_without_a_wheel_is_free(lock: ModuleType) -> None:
    usual, intel = (lock.constraints(target) for target in ("macos-arm64", "macos-x86_64"))
    assert set(usual.splitlines()) - set(intel.splitlines()) == {
        line for line in usual.splitlines() if line.startswith("cryptography==")
    }


# --- what is here


def test_an_environment_as_it_was_locked_is_accepted(
    locked: ModuleType, lock_of_two: dict[str, str]
) -> None:
    assert locked.refusal("linux-x86_64") is None


def test_another_missing_or_additional_library_is_refused_by_name(
    locked: ModuleType, lock_of_two: dict[str, str]
) -> None:
    lock_of_two["c"] = "2.1"
    lock_of_two["d"] = "4"
    del lock_of_two["a-b"]
    said = locked.refusal("linux-x86_64")
    assert "a-b 1.0 is not installed" in said
    assert "c is locked as 2, installed as 2.1" in said
    assert "d 4 is not locked" in said
    assert "locked_environment.py" in said
    assert "pip" not in said


def test_another_python_is_refused(
    locked: ModuleType, lock_of_two: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locked, "PYTHON", {"linux-x86_64": "3.1"})
    assert "locked is 3.1" in locked.refusal("linux-x86_64")


def test_names_are_read_as_pip_compares_them(locked: ModuleType) -> None:
    here = locked.installed()
    assert "markdown-it-py" in here
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in here)


# --- the environment, and what is built in it


def test_pip_takes_only_wheels_of_the_locked_hashes_and_fetches_no_build_tool(
    environment: ModuleType, tmp_path: Path
) -> None:
    *libraries, own = environment.pip_commands(tmp_path, "linux-x86_64")
    for command in libraries:
        assert {"--require-hashes", "--no-deps", "--only-binary"} <= {*command}
        assert Path(command[-1]).parent.name == "locked"
    assert {"--no-deps", "--no-build-isolation", "--no-index"} <= {*own}


def test_pip_refuses_a_file_of_another_hash(environment: ModuleType, tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    wheel.write_bytes(b"other")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"a @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    command = environment.pip_commands(tmp_path, "linux-x86_64")[0]
    words = [sys.executable, *command[1:-1], str(lock), "--target", str(tmp_path / "to")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_an_environment_is_made_once_for_each_state_of_what_goes_in(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> None:
        ran.append(command)
        (tmp_path / "venv").mkdir(exist_ok=True)

    monkeypatch.setattr(environment.subprocess, "run", run)
    for _ in range(2):
        environment.make(tmp_path / "venv", "linux-x86_64")
    assert len(ran) == 4  # the environment, libraries, model, Corral
    environment.make(tmp_path / "venv", "windows-x86_64")
    assert len(ran) == 8


def test_a_freeze_refuses_libraries_that_are_not_the_locked_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    freeze = load_script("freeze")
    monkeypatch.setattr(freeze, "freeze", lambda _engine: pytest.fail("it froze"))
    # Tests run with many libraries that no form has.
    monkeypatch.setattr(
        sys, "argv", ["freeze.py", "--engine", str(tmp_path), "--target", "linux-x86_64"]
    )
    assert freeze.main() == 1
    assert "pytest" in capsys.readouterr().err


def test_a_freeze_without_an_engine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze = load_script("freeze")
    monkeypatch.setattr(freeze.locked_libraries, "refusal", lambda _target: None)
    assert freeze.refusal(tmp_path, "linux-x86_64") is None
    assert "no engine" in freeze.refusal(None, "linux-x86_64")


def test_everything_that_is_released_is_built_in_the_locked_environment() -> None:
    lines = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8").splitlines()
    tests = ("bootstrap.py setup dev #", "-m pytest")  # of engine packs, which need more
    workflow = "\n".join(line for line in lines if not any(words in line for words in tests))
    assert "bootstrap.py" not in workflow
    assert ".venv/" not in workflow
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("installer", "deb", "reproduce"):
        rule = re.search(rf"^{target}: (\w+).*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        assert rule is not None
        assert rule[1] in ("locked", "installer")
        assert "$(VENV)" not in rule[2]
