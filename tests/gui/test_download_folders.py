"""Choosing the folder of a download: in Discover, for a link, and in the settings."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from app.core.errors import StorageError
from app.core.link_scheme import opens_links
from app.gui.context import AppContext
from app.gui.controls.menu import Menu
from app.gui.discover_page import DiscoverPage
from app.gui.download_folders import FolderChoice, short_path
from app.gui.open_requests import OpenRequests
from app.gui.settings_downloads import DownloadsSection
from app.gui.settings_page import SettingsPage
from tests.core.broken_gguf import tiny_model
from tests.hub.server import LocalHub

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton
FILE = "Tiny-1B-Q4_K_M.gguf"
WAIT = 10_000
"""Milliseconds that a slow machine gets."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with LocalHub() as hub:
        hub.add("maker/Tiny-1B-GGUF", {FILE: tiny_model().data()})
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder on what stands for another disk."""
    folder = tmp_path / "big disk"
    folder.mkdir()
    return folder


def opened(choice: FolderChoice, qtbot: QtBot) -> Menu:
    qtbot.waitUntil(lambda: choice.menu is not None and choice.menu.isVisible(), timeout=WAIT)
    assert choice.menu is not None
    return choice.menu


def press(menu: Menu, words: str) -> None:
    (action,) = [each for each in menu.actions() if words in each.text()]
    action.trigger()
    menu.close()


def test_a_model_is_downloaded_to_the_folder_chosen_in_discover(
    context: AppContext, show: Show, hub: LocalHub, disk: Path, qtbot: QtBot
) -> None:
    context.library.own_folders.add(disk)
    context.downloads.start()
    page = DiscoverPage(context)
    page.resize(1264, 840)
    context.notifier.attach(page)
    show(page)
    page.open_with({"repo": "maker/Tiny-1B-GGUF", "file": FILE})
    qtbot.waitUntil(page.detail.folder_button.isVisible, timeout=WAIT)
    qtbot.waitUntil(lambda: page.view.detail_of("maker/Tiny-1B-GGUF") is not None, timeout=WAIT)
    with qtbot.waitSignal(page.starter.started, timeout=WAIT):
        QTest.mouseClick(page.detail.folder_button, CLICK)
        menu = opened(page.folder_choice, qtbot)
        assert short_path(context.library.folder) in menu.actions()[0].text()
        assert "free" in menu.actions()[0].text()
        press(menu, disk.name)
    (item,) = context.downloads.items()
    assert item.target == disk / "maker" / "Tiny-1B-GGUF"
    qtbot.waitUntil(lambda: (item.target / FILE).is_file(), timeout=WAIT)


def test_a_folder_that_is_away_cannot_be_chosen(
    context: AppContext, show: Show, disk: Path, qtbot: QtBot
) -> None:
    context.library.own_folders.add(disk)
    shutil.rmtree(disk)
    window = QWidget()
    show(window)
    choice = FolderChoice(context, window)
    choice.ask(window, lambda _: None)
    menu = opened(choice, qtbot)
    (action,) = [each for each in menu.actions() if disk.name in each.text()]
    assert not action.isEnabled()
    assert "not there" in action.text()
    menu.close()


def test_a_link_tells_the_folder_and_lets_it_be_changed(
    context: AppContext, show: Show, hub: LocalHub, disk: Path, qtbot: QtBot
) -> None:
    context.library.own_folders.add(disk)
    window = QWidget()
    window.resize(1264, 840)
    context.notifier.attach(window)
    show(window)
    requests = OpenRequests(context, window)
    requests.open("corral://model/maker/Tiny-1B-GGUF")
    panel = requests.panel
    assert panel is not None
    assert panel.values["Folder"].text() == str(context.library.folder)
    qtbot.waitUntil(panel.answers["download"].isVisible, timeout=WAIT)
    (link,) = [b for b in panel.findChildren(QAbstractButton) if b.text() == "Change…"]
    QTest.mouseClick(link, CLICK)
    press(opened(requests.folder_choice, qtbot), disk.name)
    assert panel.values["Folder"].text() == str(disk)
    with qtbot.waitSignal(requests.starter.started, timeout=WAIT):
        QTest.mouseClick(panel.answers["download"], CLICK)
    assert context.downloads.items()[0].target.is_relative_to(disk)


def test_the_settings_list_the_folders_and_choose_the_standard(
    context: AppContext, show: Show, disk: Path, qtbot: QtBot
) -> None:
    page = SettingsPage(context)
    page.resize(1264, 1200)
    show(page)
    page.open_with({"section": "downloads"})
    section = page.section("downloads")
    assert isinstance(section, DownloadsSection)
    first = context.library.folder
    assert section.folders.folders == (first,)
    section.folders.choice.add(disk, lambda _: None)
    qtbot.waitUntil(lambda: section.folders.folders == (first, disk), timeout=WAIT)
    qtbot.waitUntil(
        lambda: section.folders.folder_rows[disk].sentence.text().endswith("free"), timeout=WAIT
    )
    buttons = section.folders.folder_rows[disk].findChildren(QAbstractButton)
    QTest.mouseClick(next(b for b in buttons if b.text() == "Use as standard"), CLICK)
    qtbot.waitUntil(lambda: section.folders.folders == (disk, first), timeout=WAIT)
    assert context.library.folder == disk
    buttons = section.folders.folder_rows[first].findChildren(QAbstractButton)
    QTest.mouseClick(next(b for b in buttons if "off the list" in b.accessibleName()), CLICK)
    qtbot.waitUntil(lambda: section.folders.folders == (disk,), timeout=WAIT)


@pytest.mark.skipif(sys.platform == "darwin", reason="only a bundle can do so there")
def test_the_settings_have_links_opened_with_corral_and_not_any_more(
    context: AppContext,
    show: Show,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "nothing"))
    page = SettingsPage(context)
    page.resize(1264, 1200)
    show(page)
    page.open_with({"section": "downloads"})
    section = page.section("downloads")
    assert isinstance(section, DownloadsSection)
    assert not section.links.isChecked()
    section.links.click()
    qtbot.waitUntil(opens_links, timeout=WAIT)
    section.links.setChecked(False)
    section.refresh()
    qtbot.waitUntil(section.links.isChecked, timeout=WAIT)
    section.links.click()
    qtbot.waitUntil(lambda: not opens_links(), timeout=WAIT)
    (tmp_path / "config" / "mimeapps.list").unlink()
    (tmp_path / "config" / "mimeapps.list").mkdir()
    section.links.click()
    wrong = section.links_row.sentence
    qtbot.waitUntil(lambda: "not opened with Corral" in wrong.text(), timeout=WAIT)
    assert not section.links.isChecked()


@pytest.mark.skipif(sys.platform == "darwin", reason="only a bundle can do so there")
def test_links_that_an_installed_program_opens_are_shown_so_and_can_be_switched_off(
    context: AppContext,
    show: Show,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "system"))
    entry = tmp_path / "system" / "applications" / "org.corral.Corral.desktop"
    entry.parent.mkdir(parents=True)
    entry.write_text("[Desktop Entry]\nMimeType=x-scheme-handler/corral;application/x-gguf;\n")
    page = SettingsPage(context)
    page.resize(1264, 1200)
    show(page)
    page.open_with({"section": "downloads"})
    section = page.section("downloads")
    assert isinstance(section, DownloadsSection)
    page.activated()
    qtbot.waitUntil(section.links.isChecked, timeout=WAIT)
    section.links.click()
    qtbot.waitUntil(lambda: not opens_links(), timeout=WAIT)
    section.refresh()
    qtbot.waitUntil(lambda: not section.links.isChecked(), timeout=WAIT)


def test_a_folder_whose_models_are_used_in_place_is_refused(
    context: AppContext, disk: Path
) -> None:
    (disk / "a-Q8_0.gguf").write_bytes(tiny_model().data())
    context.library.adopt(disk)
    with pytest.raises(StorageError, match="cannot go to this folder"):
        context.library.own_folders.add(disk)


def test_a_long_path_loses_its_middle() -> None:
    assert short_path(Path("/short/path")) == str(Path("/short/path"))
    shown = short_path(Path("/begin") / ("x" * 80) / "the end")
    assert len(shown) == 64
    assert "begin" in shown
    assert shown.endswith("the end")
