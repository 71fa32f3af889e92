"""What is published beside the packages of a release."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

from app import __version__
from app.core.update_manifest import Form
from tests.packaging.scripts import ROOT, load_script

PAGE = "https://example.org/corral/releases"
BUILT = (
    "corral_0.1.0-1_amd64.deb",
    "corral_0.1.0-1_arm64.deb",
    "corral-0.1.0-linux-x86_64.tar.zst",
    "corral-0.1.0-linux-aarch64.tar.zst",
    "Corral-Setup.exe",
    "Corral-0.1.0-arm64.dmg",
    "Corral-0.1.0-x86_64.dmg",
)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "packaging")
    module = load_script("release_files")
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(
        f"# Changelog\n\n## [Unreleased]\n\n## [{__version__}] - today\n\n- New.\n"
    )
    monkeypatch.setattr(module, "CHANGELOG", changelog)
    monkeypatch.setattr(module, "commit_day", lambda: "2026-01-31")
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    for name in BUILT:
        (made / name).write_bytes(name.encode())
    return made


def publish(script: ModuleType, folder: Path, tag: str = f"v{__version__}") -> int:
    code: int = script.main([str(folder), "--tag", tag, "--page", PAGE])
    return code


def test_a_release_is_described_with_addresses_checksums_and_notes(
    script: ModuleType, folder: Path
) -> None:
    assert publish(script, folder) == 0
    said = json.loads((folder / "RELEASE.json").read_text())
    assert said["version"] == __version__
    assert {each["file"] for each in said["packages"]} == set(BUILT)
    kinds = {(each["system"], each["machine"], each["form"]) for each in said["packages"]}
    assert {machine for _, machine, _ in kinds} == {"x86_64", "arm64"}
    assert {form for _, _, form in kinds} <= set(get_args(Form))
    assert len(kinds) == len(BUILT)
    for each in said["packages"]:
        assert each["url"] == f"{PAGE}/download/v{__version__}/{each['file']}"
    assert (folder / said["notes"]["en"]).read_text() == "- New.\n"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {line.split("  ")[1]: line.split("  ")[0] for line in lines}
    assert sums == {name: hashlib.sha256(name.encode()).hexdigest() for name in BUILT}


@pytest.mark.skipif(sys.platform != "linux", reason="sha256sum is Linux's")
def test_the_checksums_are_what_sha256sum_checks(script: ModuleType, folder: Path) -> None:
    assert publish(script, folder) == 0
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_a_release_that_lacks_a_package_is_not_published(
    script: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "Corral-Setup.exe").unlink()
    before = sorted(folder.iterdir())
    assert publish(script, folder) == 1
    assert "there is no Corral-Setup.exe" in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_a_tag_that_is_not_the_version_is_not_published(
    script: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(script, folder, "v9.9") == 1
    assert "the tag v9.9 is not the version" in capsys.readouterr().err


def test_a_version_without_a_part_in_the_changelog_is_not_published(
    script: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.CHANGELOG.write_text("# Changelog\n\n## [Unreleased]\n")
    assert publish(script, folder) == 1
    assert "CHANGELOG.md has no part for" in capsys.readouterr().err


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A program that answers like an installed Corral, by a script."""
    program = tmp_path / "corral.py"
    program.write_text(
        "import sys\n"
        f"print('corral {__version__}') if '--version' in sys.argv else None\n"
        'print(\'[{"id": "m", "name": "M"}]\') if \'ls\' in sys.argv else None\n'
        "print('Hello.') if 'run' in sys.argv else None\n"
    )
    return program


def test_an_installed_program_is_tried(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = load_script("try_installed")
    assert script.main([sys.executable, str(installed)]) == 0
    said = capsys.readouterr().out
    assert f"pass  corral {__version__}" in said
    assert "pass  every page of the window" in said


def test_a_program_that_fails_or_is_another_version_is_found_out(
    installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load_script("try_installed")
    other = tmp_path / "other.py"
    other.write_text("print('corral 0.0')")
    assert script.main([sys.executable, str(other)]) == 1
    assert "says “corral 0.0”" in capsys.readouterr().err
    other.write_text(installed.read_text() + "sys.exit('--smoke-test' in sys.argv)\n")
    assert script.main([sys.executable, str(other)]) == 1
    assert "--smoke-test" in capsys.readouterr().err


def test_whether_a_tag_can_be_released_is_known_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = load_script("release_files")
    changelog = tmp_path / "CHANGELOG.md"
    monkeypatch.setattr(files, "CHANGELOG", changelog)
    changelog.write_text("## [Unreleased]\n\n- Something\n", encoding="utf-8")
    assert files.main(["--tag", f"v{__version__}"]) == 1
    assert f"no part for {__version__}" in capsys.readouterr().err
    changelog.write_text(f"## [{__version__}]\n\n- Something\n", encoding="utf-8")
    assert files.main(["--tag", f"v{__version__}"]) == 0
    assert files.main(["--tag", "v99"]) == 1
    assert "not the version" in capsys.readouterr().err
