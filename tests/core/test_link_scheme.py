"""corral:// links: what is written, and that the system reads it so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.errors import StorageError
from app.core.link_scheme import opens_links, set_opens_links

COMMAND = ("/opt/Cor ral/corral", "100%")


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def choices(tmp_path: Path) -> Path:
    file = tmp_path / ".config" / "mimeapps.list"
    file.parent.mkdir()
    return file


def test_an_entry_names_the_scheme_and_is_the_choice(tmp_path: Path, choices: Path) -> None:
    assert not opens_links(tmp_path)
    set_opens_links(True, COMMAND, tmp_path)
    set_opens_links(True, COMMAND, tmp_path)
    assert opens_links(tmp_path)
    entry = tmp_path / ".local" / "share" / "applications" / "corral-links.desktop"
    lines = entry.read_text().splitlines()
    assert 'Exec="/opt/Cor ral/corral" "100%%" %u' in lines
    assert "MimeType=x-scheme-handler/corral;" in lines
    assert choices.read_text() == (
        "[Default Applications]\nx-scheme-handler/corral=corral-links.desktop\n"
    )
    set_opens_links(False, COMMAND, tmp_path)
    set_opens_links(False, COMMAND, tmp_path)
    assert not opens_links(tmp_path)
    assert not entry.exists()


def test_what_else_is_in_the_persons_list_stays(tmp_path: Path, choices: Path) -> None:
    before = (
        "# mine\n[Added Associations]\nx-scheme-handler/corral=other.desktop;\n\n"
        "[Default Applications]\ntext/html=browser.desktop\n"
    )
    choices.write_text(before)
    set_opens_links(True, COMMAND, tmp_path)
    assert "x-scheme-handler/corral=other.desktop;\n" in choices.read_text()
    assert "text/html=browser.desktop\n" in choices.read_text()
    assert opens_links(tmp_path)
    set_opens_links(False, COMMAND, tmp_path)
    assert choices.read_text() == before


def test_another_program_of_the_persons_choice_is_not_taken_off(
    tmp_path: Path, choices: Path
) -> None:
    set_opens_links(True, COMMAND, tmp_path)
    chosen = "[Default Applications]\nx-scheme-handler/corral=other.desktop\n"
    choices.write_text(chosen)
    assert not opens_links(tmp_path)
    set_opens_links(False, COMMAND, tmp_path)
    assert choices.read_text() == chosen


def test_a_list_that_cannot_be_read_is_not_written_over(tmp_path: Path, choices: Path) -> None:
    choices.write_bytes(b"\xff\xfe")
    with pytest.raises(StorageError, match="cannot be read"):
        set_opens_links(True, COMMAND, tmp_path)
    assert choices.read_bytes() == b"\xff\xfe"


@pytest.mark.skipif(shutil.which("gio") is None, reason="needs gio")
def test_the_system_itself_reads_it_so(tmp_path: Path, choices: Path) -> None:
    command = (sys.executable, "-P", "-m", "app")
    set_opens_links(True, command, tmp_path)
    environment = {**os.environ, "HOME": str(tmp_path)}
    told = subprocess.run(
        ["gio", "mime", "x-scheme-handler/corral"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "corral-links.desktop" in told.stdout.splitlines()[0]
    if shutil.which("desktop-file-validate"):
        entry = tmp_path / ".local" / "share" / "applications" / "corral-links.desktop"
        subprocess.run(["desktop-file-validate", str(entry)], check=True)
