"""The dispatcher of builds says what is there and what is not; what the frozen start changes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import build_installer
from tests.packaging.scripts import ROOT


@pytest.mark.parametrize("stage", ["image", "sign"])
def test_a_stage_that_is_not_there_is_refused_in_words(
    stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_installer.main([stage]) == 3
    said = capsys.readouterr().err
    assert f"“{stage}” is not built for {sys.platform} yet" in said
    assert "works on: no system" in said


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_freezing_elsewhere_is_refused_in_words(
    platform: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for stage in ("freeze", "all"):
        assert build_installer.main([stage]) == 3
        assert "works on: linux" in capsys.readouterr().err


def test_all_builds_what_there_is_and_names_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built: list[str] = []

    def build(stage: str) -> int:
        built.append(stage)
        return 0

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(build_installer, "build", build)
    assert build_installer.main(["all"]) == 0
    assert built == ["freeze"]
    assert "not there yet: image, sign" in capsys.readouterr().out


def test_a_failing_stage_ends_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(build_installer, "build", lambda _stage: 7)
    assert build_installer.main(["all"]) == 7


def test_every_stage_has_its_script() -> None:
    for scripts in build_installer.STAGES.values():
        for name in scripts.values():
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
