"""Fetching the registry for tests: once, without rights, and told in a line when it cannot be."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.scripts import ROOT, load_script


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script in a checkout of its own, on a Debian that has no registry."""
    (tmp_path / "packaging").mkdir()
    (tmp_path / "packaging" / "docker_registry.py").write_bytes(
        (ROOT / "packaging" / "docker_registry.py").read_bytes()
    )
    script = load_script("docker_registry", root=tmp_path)
    missing = script.PACKAGE
    monkeypatch.setattr(script.shutil, "which", lambda name: None if name == missing else name)
    return script


def test_it_is_unpacked_beside_the_project_and_not_fetched_again(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], folder: Path) -> None:
        ran.append(command)
        if "download" in command:
            (folder / "docker-registry_1_amd64.deb").touch()
        if command[0] == "dpkg-deb":
            program = Path(command[-1], "usr", "bin", "docker-registry")
            program.parent.mkdir(parents=True)
            program.touch()

    monkeypatch.setattr(script, "run", run)
    assert script.main() == 0
    assert script.PROGRAM.is_file()
    assert [command[0] for command in ran] == ["apt-get", "dpkg-deb"]
    assert script.main() == 0
    assert len(ran) == 2
    assert list(script.FOLDER.parent.iterdir()) == [script.FOLDER]


def test_without_apt_lists_it_fetches_its_own_and_says_why_it_ends(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], folder: Path) -> None:
        ran.append(command)
        raise script.Unavailable("no network")

    monkeypatch.setattr(script, "run", run)
    assert script.main() == 1
    assert "update" in ran[1]
    assert capsys.readouterr().out.splitlines()[1:] == [
        "corral: it is not to be had, and tests that need it are skipped: no network"
    ]
    assert not script.FOLDER.exists()


def test_a_command_that_fails_gives_its_last_error(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(script.Unavailable, match=r"^not found$"):
        script.run(["sh", "-c", "echo 'W: odd' >&2; echo 'E: not found' >&2; exit 100"], tmp_path)
