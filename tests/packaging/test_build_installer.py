"""The dispatcher of builds says what is there and what is not; what the frozen start changes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import build_installer
from tests.packaging.scripts import ROOT


@pytest.mark.parametrize("stage", ["image", "verify"])
def test_a_stage_that_is_not_there_is_refused_in_words(
    stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_installer.main([stage, "--target", "plan9-x86_64"]) == 3
    said = capsys.readouterr().err
    assert f"no stage “{stage}” for plan9-x86_64 yet" in said
    assert "linux" in said


@pytest.mark.parametrize(
    ("platform", "machine", "target"),
    [
        ("linux", "x86_64", "linux-x86_64"),
        ("linux", "aarch64", "linux-aarch64"),
        ("win32", "AMD64", "windows-x86_64"),
        ("darwin", "arm64", "macos-arm64"),
    ],
)
def test_without_a_target_it_builds_for_its_own_computer(
    platform: str, machine: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert build_installer.own_target() == target


def test_the_stages_of_linux_run_in_order_and_a_failing_one_ends_the_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[str] = []

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(Path(words[1]).name)
        assert words[2:4] == ["--target", "linux-x86_64"]
        return subprocess.CompletedProcess(words, 7 if "sign.py" in words[1] else 0)

    monkeypatch.setattr("subprocess.run", run)
    assert build_installer.main(["all", "--target", "linux-x86_64"]) == 7
    assert ran == ["build.py", "freeze.py", "image.py", "sign.py"]


@pytest.mark.skipif(sys.platform != "linux", reason="builds for Linux")
@pytest.mark.parametrize("stage", ["freeze", "image", "sign", "verify"])
def test_a_dry_run_says_what_would_be_done_and_does_nothing(stage: str, tmp_path: Path) -> None:
    command = build_installer.command(stage, "linux-x86_64", dry_run=True)
    assert command is not None
    if stage == "verify":
        (tmp_path / "corral_1-1_amd64.deb").touch()
    if stage in ("sign", "verify"):
        command += ["--out", str(tmp_path)]
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout
    assert sorted(tmp_path.iterdir()) == before


def test_every_stage_has_its_script() -> None:
    for scripts in build_installer.SCRIPTS.values():
        for stage, name in scripts.items():
            assert stage in build_installer.STAGES
            assert (ROOT / "packaging" / name).is_file()


@pytest.mark.parametrize("before", [None, "/usr/local/lib"])
def test_what_the_frozen_program_starts_gets_its_own_libraries(
    before: str | None, tmp_path: Path
) -> None:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
    if before is not None:
        environment["LD_LIBRARY_PATH_ORIG"] = before
    hook = ROOT / "packaging" / "frozen_start.py"
    show = (
        "import json, os, runpy, sys; "
        "runpy.run_path(sys.argv[1]); json.dump({**os.environ}, sys.stdout)"
    )
    command = [sys.executable, "-c", show, str(hook)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    after = json.loads(done.stdout)
    assert after.get("LD_LIBRARY_PATH") == before
    assert after["PYINSTALLER_RESET_ENVIRONMENT"] == "1"
