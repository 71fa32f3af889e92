"""corral:// links: what is written, and that the system reads it so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.errors import StorageError
from app.core.link_scheme import opens_links, set_opens_links

INSTALLED = "org.corral.Corral.desktop"
COMMAND = ("/opt/Cor ral/corral", "100%")


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CURRENT_DESKTOP"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CONFIG_DIRS", "XDG_DATA_DIRS"):
        monkeypatch.setenv(name, str(tmp_path / "system" / name))


@pytest.fixture
def choices(tmp_path: Path) -> Path:
    file = tmp_path / ".config" / "mimeapps.list"
    file.parent.mkdir()
    return file


def install(share: Path, entry: str, types: str, *, cache: bool = False) -> Path:
    """A desktop entry as a package brings it, with the cache that a desktop makes of all."""
    folder = share / "applications"
    folder.mkdir(parents=True, exist_ok=True)
    words = f"[Desktop Entry]\nType=Application\nName=X\nExec=true %u\nMimeType={types}\n"
    (folder / entry).write_text(words)
    if cache:
        lines = "".join(f"{each}={entry};\n" for each in types.split(";") if each)
        (folder / "mimeinfo.cache").write_text(f"[MIME Cache]\n{lines}")
    return folder


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
    install(tmp_path / ".local" / "share", "other.desktop", "text/html;")
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


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("everybody", [True, False])
def test_an_installed_program_opens_links_until_the_person_says_no(
    tmp_path: Path, choices: Path, *, everybody: bool, cache: bool
) -> None:
    system = tmp_path / "system" / "XDG_DATA_DIRS"
    share = system if everybody else tmp_path / ".local" / "share"
    install(share, INSTALLED, "x-scheme-handler/corral;application/x-gguf;", cache=cache)
    assert opens_links(tmp_path)
    set_opens_links(False, COMMAND, tmp_path)
    assert not opens_links(tmp_path)
    assert choices.read_text() == (f"[Removed Associations]\nx-scheme-handler/corral={INSTALLED}\n")
    set_opens_links(True, COMMAND, tmp_path)
    assert opens_links(tmp_path)
    lines = choices.read_text().splitlines()
    assert f"x-scheme-handler/corral={INSTALLED}" in lines[lines.index("[Default Applications]") :]
    own = tmp_path / ".local" / "share" / "applications" / "corral-links.desktop"
    assert not own.exists()  # that of the menu is enough
    set_opens_links(False, COMMAND, tmp_path)
    assert not opens_links(tmp_path)


def test_of_a_program_that_was_removed_no_list_says_that_it_opens_links(
    tmp_path: Path, choices: Path
) -> None:
    folder = install(tmp_path / ".local" / "share", INSTALLED, "x-scheme-handler/corral;")
    set_opens_links(True, COMMAND, tmp_path)
    (folder / INSTALLED).unlink()
    assert not opens_links(tmp_path)


def test_the_choice_of_before_is_in_force_again_afterwards(tmp_path: Path, choices: Path) -> None:
    install(tmp_path / ".local" / "share", "other.desktop", "x-scheme-handler/corral;")
    before = "[Default Applications]\nx-scheme-handler/corral=other.desktop\n"
    choices.write_text(before)
    set_opens_links(True, COMMAND, tmp_path)
    assert opens_links(tmp_path)
    set_opens_links(False, COMMAND, tmp_path)
    assert choices.read_text() == before


def test_a_list_of_the_administrator_that_stays_in_force_is_named(
    tmp_path: Path, choices: Path
) -> None:
    system = tmp_path / "system"
    install(system / "XDG_DATA_DIRS", INSTALLED, "x-scheme-handler/corral;")
    folder = system / "XDG_CONFIG_DIRS"
    folder.mkdir()
    (folder / "mimeapps.list").write_text(
        f"[Default Applications]\nx-scheme-handler/corral={INSTALLED};\n"
    )
    with pytest.raises(StorageError, match="administrator"):
        set_opens_links(False, COMMAND, tmp_path)


def test_a_list_of_the_desktop_that_names_another_program_is_told_of(
    tmp_path: Path, choices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "KDE")
    install(tmp_path / ".local" / "share", "other.desktop", "x-scheme-handler/corral;")
    of_desktop = choices.with_name("kde-mimeapps.list")
    of_desktop.write_text("[Default Applications]\nx-scheme-handler/corral=other.desktop\n")
    with pytest.raises(StorageError, match="names another program") as told:
        set_opens_links(True, COMMAND, tmp_path)
    assert told.value.title == "Links are not opened with Corral"
    of_desktop.unlink()
    assert opens_links(tmp_path)  # nothing else stood in the way


@pytest.mark.skipif(shutil.which("gio") is None, reason="needs gio")
@pytest.mark.parametrize("on", [True, False])
def test_the_system_itself_sees_an_installed_program_as_it_is_told_here(
    tmp_path: Path, choices: Path, *, on: bool
) -> None:
    share = tmp_path / "system" / "XDG_DATA_DIRS"
    install(share, INSTALLED, "x-scheme-handler/corral;", cache=True)
    set_opens_links(on, COMMAND, tmp_path)
    told = subprocess.run(
        ["gio", "mime", "x-scheme-handler/corral"],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (INSTALLED in told.stdout) is on is opens_links(tmp_path)


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
