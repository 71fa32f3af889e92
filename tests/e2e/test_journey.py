"""The whole journey in the real window: find a model, download it, load it, chat, come back."""

import hashlib
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.paths import app_paths
from app.gui.controls.slider import ValueSlider
from app.gui.discover_page import DiscoverPage
from app.gui.downloads_page import DownloadsPage
from app.gui.downloads_row import DownloadRow
from app.gui.message_item import MessageItem
from tests.gui.chat_desk import Desk, buttons_of
from tests.hub.server import LocalHub

REPO = "someone/SmolLM2-135M-Instruct-GGUF"
FILE = "SmolLM2-135M-Instruct-Q4_1.gguf"
MODEL = f"{REPO}/{FILE.removesuffix('.gguf')}"
CARD = b"---\nlicence: apache-2.0\n---\n# SmolLM2\n\nA small model."
PRESET = "Coder"
GENERATION_MS = 40_000


def find_and_download(desk: Desk) -> None:
    """Search the hub, choose the model, press Download."""
    page = desk.window.page("discover")
    assert isinstance(page, DiscoverPage)
    browser = page.browser
    (on_the_hub,) = buttons_of(browser.head.scope, "All on the hub")
    desk.click(on_the_hub)
    desk.qtbot.keyClicks(browser.head.search, "smollm2")
    desk.until(lambda: any(repo == REPO for repo in listed(page)))
    row = listed(page).index(REPO)
    place = browser.list.visualRect(browser.list.list_model().index(row)).center()
    desk.qtbot.mouseClick(browser.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    desk.until(lambda: (line := page.detail.table.chosen_line()) and line.repo == REPO)
    assert page.detail.main_button.text().startswith("Download")
    desk.click(page.detail.main_button)


def listed(page: DiscoverPage) -> list[str]:
    return [getattr(row, "repo", "") for row in page.browser.list.list_model().rows()]


def wait_for_download(desk: Desk) -> DownloadRow:
    """Watch it on the page of downloads until it is done."""
    desk.click(desk.window.rail.buttons["downloads"])
    page = desk.window.page("downloads")
    assert isinstance(page, DownloadsPage)
    desk.until(lambda: page.findChildren(DownloadRow))
    (row,) = page.findChildren(DownloadRow)
    desk.until(lambda: row.item.state == "done" and row.chat_button.isVisible())
    return row


def choose_preset(desk: Desk, name: str) -> None:
    desk.click(desk.page.header.preset)
    popover = desk.page.presets.popover
    desk.until(popover.isVisible)
    model = popover.view.model()
    names = [model.index(row, 0).data() for row in range(model.rowCount())]
    place = popover.view.visualRect(model.index(names.index(name), 0)).center()
    desk.qtbot.mouseClick(popover.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    desk.until(lambda: name in desk.page.header.preset.accessibleName())


def set_temperature_to_nothing(desk: Desk) -> None:
    sliders = desk.page.inspector.findChildren(ValueSlider)
    temperature = next(each for each in sliders if each.label.text() == "Temperature")
    desk.qtbot.keyClick(temperature.slider, Qt.Key.Key_Home)
    assert temperature.value() == 0


def ask(desk: Desk, text: str) -> MessageItem:
    before = len(desk.items())
    desk.send(text)
    desk.until(lambda: len(desk.items()) == before + 2, GENERATION_MS)
    desk.until(lambda: desk.last().state != "streaming", GENERATION_MS)
    return desk.settled()


def cached_and_prompt(item: MessageItem) -> tuple[int, int]:
    assert item.usage is not None
    return item.usage.cached_tokens, item.usage.prompt_tokens


@pytest.mark.engine
@pytest.mark.gui
@pytest.mark.timeout(180)
def test_from_search_to_an_answer_and_back_after_a_restart(
    qapp: QApplication, qtbot: QtBot, hub: LocalHub, starter_file: Path
) -> None:
    hub.add(REPO, {FILE: starter_file, "README.md": CARD}, tags=["gguf"], downloads=10)
    desk = Desk(qapp, qtbot, "discover")
    try:
        find_and_download(desk)
        row = wait_for_download(desk)
        file = app_paths().models / REPO / FILE
        assert digest(file) == digest(starter_file)

        desk.click(row.chat_button)
        assert desk.window.current_page is desk.page
        desk.until(lambda: "ready" in desk.page.header.model.accessibleName(), GENERATION_MS)
        choose_preset(desk, PRESET)
        set_temperature_to_nothing(desk)
        answer = ask(desk, "What is the capital of France?")
        assert "Paris" in answer.text
        assert answer.finish_reason == "stop"
        conversation = desk.page.conversation
        assert conversation is not None
        assert (conversation.preset_id, conversation.model_id) == ("coder", MODEL)
        before = desk.stored()
        assert [message.role for message in before] == ["user", "assistant"]
    finally:
        desk.close()

    desk = Desk(qapp, qtbot, None)
    try:
        desk.until(lambda: len(desk.items()) == 2)
        assert desk.page.conversation is not None
        assert desk.page.conversation.id == conversation.id
        assert desk.stored() == before
        assert PRESET in desk.page.header.preset.accessibleName()

        second = ask(desk, "And of Italy?")
        cached, prompt = cached_and_prompt(second)
        assert cached == 0  # a new engine has all of it to read
        third = ask(desk, "And of Spain?")
        cached, longer = cached_and_prompt(third)
        assert prompt <= cached < longer
        assert [message.content for message in desk.stored()[:2]] == [
            message.content for message in before
        ]
        assert len(desk.stored()) == 6
    finally:
        desk.close()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
