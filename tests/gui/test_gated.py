"""A model with a licence in Discover: each step, from nobody logged in to the download."""

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.core.settings import Network
from app.gui.context import AppContext
from app.gui.discover_page import DiscoverPage
from tests.core.memory_keyring import MemoryKeyring, password_store
from tests.hub.server import LocalHub

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton
REPO = "owner/gated-GGUF"
TOKEN = "hf_goodtoken1234567890"


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as hub:
        files = {"model-Q4_0.gguf": b"GGUF" + bytes(5000), "README.md": b"# Behind the gate"}
        hub.add(REPO, files, gated="manual", tags=["gguf"])
        hub.add("owner/free-GGUF", files, tags=["gguf"])
        hub.tokens[TOKEN] = set()
        yield hub


@pytest.fixture
def passwords() -> Iterator[MemoryKeyring]:
    with password_store() as store:
        yield store


@pytest.fixture
def page(context: AppContext, show: Show, hub: LocalHub, passwords: MemoryKeyring) -> DiscoverPage:
    context.settings.update(network=Network(endpoint=hub.url, send_token_to=hub.url))
    page = DiscoverPage(context)
    page.resize(1264, 840)
    show(page)
    page.open_with({"repo": REPO})
    return page


def says(page: DiscoverPage, words: str) -> Callable[[], bool]:
    strip = page.detail.gated
    return lambda: strip.isVisible() and words in strip.label.text()


def act(page: DiscoverPage, name: str) -> None:
    assert page.detail.gated.action.text() == name
    QTest.mouseClick(page.detail.gated.action, CLICK)


def test_from_nobody_logged_in_to_an_open_gate(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[QUrl] = []
    monkeypatch.setattr("app.gui.discover_gated.QDesktopServices.openUrl", pages.append)
    qtbot.waitUntil(says(page, "Log in here"))
    act(page, "Log in…")
    panel = page.gated.panel
    assert panel is not None
    QTest.keyClicks(panel.token, TOKEN)
    QTest.mouseClick(panel.proceed, CLICK)
    qtbot.waitUntil(says(page, "accept the licence"))
    act(page, "Open its page")
    assert pages == [QUrl(f"{hub.url}/{REPO}")]
    hub.requests[REPO] = "awaiting"
    act(page, "Check again")
    qtbot.waitUntil(says(page, "not answered yet"))
    hub.tokens[TOKEN].add(REPO)
    act(page, "Check again")
    qtbot.waitUntil(says(page, "may download it"))
    qtbot.waitUntil(lambda: page.detail.card.isVisible())  # it could not be read before


def test_a_refusal_is_said(
    page: DiscoverPage, context: AppContext, hub: LocalHub, qtbot: QtBot
) -> None:
    hub.requests[REPO] = "rejected"
    qtbot.waitUntil(says(page, "Log in here"))
    context.account.log_in(TOKEN)
    qtbot.waitUntil(says(page, "refused"))
    assert page.detail.gated.action.isHidden()


def test_a_withheld_log_in_leads_to_the_settings(
    page: DiscoverPage, context: AppContext, hub: LocalHub, qtbot: QtBot
) -> None:
    context.account.log_in(TOKEN)
    qtbot.waitUntil(says(page, "One step is left"))
    network = context.settings.current.network
    context.settings.update(network=Network(endpoint=hub.url, token=network.token))
    qtbot.waitUntil(says(page, "not sent to this hub"))
    with qtbot.waitSignal(page.open_page) as asked:
        act(page, "Open settings")
    assert asked.args == ["settings", {"section": "network"}]


def test_a_model_without_a_licence_to_accept_says_nothing(page: DiscoverPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(says(page, "Log in here"))
    page.open_with({"repo": "owner/free-GGUF"})
    qtbot.waitUntil(lambda: page.detail.gated.isHidden())


def test_while_offline_nothing_is_asked(
    page: DiscoverPage, context: AppContext, hub: LocalHub, qtbot: QtBot
) -> None:
    context.account.log_in(TOKEN)
    qtbot.waitUntil(says(page, "One step is left"))
    before = len(hub.log.entries(path="/auth-check"))
    network = context.settings.current.network
    context.settings.update(
        network=Network(endpoint=hub.url, token=network.token, send_token_to=hub.url, offline=True)
    )
    qtbot.waitUntil(lambda: page.detail.gated.isHidden())
    assert len(hub.log.entries(path="/auth-check")) == before
