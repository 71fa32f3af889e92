"""A hub that fails in every way: Discover says what happened, Retry works, the program goes on."""

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.controls.empty_state import EmptyState
from app.gui.discover_page import DiscoverPage
from tests.gui.chat_desk import Desk, buttons_of
from tests.hub.server import LocalHub

pytestmark = pytest.mark.gui

REPO = "someone/model-GGUF"
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "not logged in": ({"status": 401}, "401"),
    "forbidden": ({"status": 403}, "403"),
    "not found": ({"status": 404}, "404"),
    "too many requests": ({"status": 429, "headers": {"Retry-After": "30"}}, "429"),
    "down": ({"status": 503}, "503"),
    "garbage": ({"body": b"\x00\xff{[garbage"}, ""),
    "another form": ({"body": b'{"models": 5}'}, ""),
    "a web page": ({"body": b"<!doctype html><html>Log in here</html>"}, ""),
    "200 MB": ({"huge": 200_000_000}, ""),
    "cut off": ({"drop_after": 10}, ""),
    "silence": ({"stall_after": 0}, ""),
}


@pytest.fixture
def desk(qapp: QApplication, qtbot: QtBot, hub: LocalHub) -> Iterator[Desk]:
    hub.add(REPO, {"model.Q4_0.gguf": b"x", "README.md": b"# A model"}, tags=["gguf"])
    desk = Desk(qapp, qtbot, "discover")
    yield desk
    desk.close()


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=FAULTS)
def test_a_failing_list_is_told_and_retry_brings_it(
    desk: Desk, hub: LocalHub, fault: dict[str, Any], words: str
) -> None:
    page = desk.window.page("discover")
    assert isinstance(page, DiscoverPage)
    browser = page.browser
    hub.fault("/api/models", **fault)
    (on_the_hub,) = buttons_of(browser.head.scope, "All on the hub")
    desk.click(on_the_hub)
    (empty,) = browser.findChildren(EmptyState)
    desk.until(lambda: empty.isVisible() and empty.button.text() == "Try again", timeout=60_000)
    said = f"{empty.title.text()}. {empty.sentence.text()}"
    assert said.endswith(".")
    assert words in said
    assert "Traceback" not in said
    assert not browser.strip.isVisible()

    hub.faults.clear()
    desk.click(empty.button)
    rows = browser.list.list_model().rows
    desk.until(lambda: [getattr(row, "repo", "") for row in rows()] == [REPO])
    assert not empty.isVisible()
    desk.window.open_page("settings")
    desk.until(desk.window.page("settings").isVisible)
