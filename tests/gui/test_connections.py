"""The list of connections in the settings."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.core.hub import HubQuery
from app.core.settings import Network
from app.gui.connection_rows import amount, purpose_words
from app.gui.context import AppContext
from app.gui.controls.list_view import RowRole
from app.gui.settings_connections import ConnectionsSection
from app.gui.settings_page import SettingsPage
from backends.contacts import Contact
from tests.hub.server import LocalHub

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton


@pytest.fixture
def page(context: AppContext, show: Show) -> SettingsPage:
    page = SettingsPage(context)
    page.resize(1264, 840)
    show(page)
    return page


def opened(page: SettingsPage) -> ConnectionsSection:
    page.open_with({"section": "connections"})
    section = page.section("connections")
    assert isinstance(section, ConnectionsSection)
    return section


def rows(section: ConnectionsSection) -> list[tuple[str, str, str]]:
    model = section.list.model()
    indexes = [model.index(number, 0) for number in range(model.rowCount())]
    return [
        (index.data(), index.data(RowRole.SECOND), index.data(RowRole.SIDE)) for index in indexes
    ]


def test_what_the_hub_was_asked_appears_by_itself(
    page: SettingsPage, context: AppContext, qtbot: QtBot
) -> None:
    section = opened(page)
    qtbot.waitUntil(lambda: section.nothing.isVisible())
    with LocalHub() as hub:
        context.settings.update(network=Network(endpoint=hub.url))
        context.hub.search(HubQuery("llama"))
        qtbot.waitUntil(lambda: len(rows(section)) == 1)
        ((host, second, side),) = rows(section)
        assert host == f"{hub.url.removeprefix('http://')}, on this computer"
        assert second.startswith("Search for “llama” · ")
        assert second.endswith("1 request")
        assert " out, " in side


def test_entries_are_told_in_words_and_filtered_by_purpose(
    page: SettingsPage, context: AppContext, qtbot: QtBot
) -> None:
    for contact in (
        Contact("hub.example", "search", "llama", 1, 1, 500, 20_000),
        Contact("cdn.example", "download", "owner/name", 4, 12, 4000, 3_000_000_000),
        Contact("dead.example", "test", "", 1, problem="ConnectError"),
    ):
        context.ledger.record(contact)
    section = opened(page)
    qtbot.waitUntil(lambda: len(rows(section)) == 3)
    assert "to 2 hosts on other computers" in section.summary.text()
    assert "3.0 GB in" in section.summary.text()
    assert rows(section)[0][2] == "No connection"
    section.purpose.setCurrentIndex(section.purpose.findData("download"))
    section.purpose.activated.emit(section.purpose.currentIndex())
    ((host, second, side),) = rows(section)
    assert (host, side) == ("cdn.example", "4 kB out, 3.0 GB in")
    assert second.startswith("Download of owner/name · ")
    section.purpose.setCurrentIndex(section.purpose.findData("log-in"))
    section.purpose.activated.emit(section.purpose.currentIndex())
    assert section.nothing.isVisible()


def test_the_list_is_cleared_after_a_question(
    page: SettingsPage, context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.ledger.record(Contact("hub.example", "search", "llama", 1, 1, 500, 20_000))
    section = opened(page)
    qtbot.waitUntil(lambda: len(rows(section)) == 1)
    answers: list[Callable[[bool], object]] = []

    def confirm(*words: object, **_: object) -> None:
        answer = words[3]
        assert callable(answer)
        answers.append(answer)

    monkeypatch.setattr(context.notifier, "confirm", confirm)
    QTest.mouseClick(section.clear, CLICK)
    answers[0](False)
    assert len(context.ledger.entries()) == 1
    answers[0](True)
    qtbot.waitUntil(lambda: context.ledger.entries() == ())
    qtbot.waitUntil(lambda: section.nothing.isVisible())
    assert not section.clear.isEnabled()


def test_offline_is_said_above_the_list(
    page: SettingsPage, context: AppContext, qtbot: QtBot
) -> None:
    section = opened(page)
    assert not section.offline.isVisible()
    context.settings.update(network=replace(context.settings.current.network, offline=True))
    qtbot.waitUntil(section.offline.isVisible)


def test_the_section_is_found_by_what_it_is_about(page: SettingsPage) -> None:
    QTest.keyClicks(page.search, "privacy bytes")
    assert isinstance(page.stack.currentWidget(), ConnectionsSection)


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1500, "2 kB"), (2_600_000, "3 MB")]
)
def test_amounts(size: int, words: str) -> None:
    assert amount(size).replace("\u00a0", " ") == words


def test_an_unknown_purpose_is_shown_as_it_is() -> None:
    assert purpose_words("something new") == "something new"


def test_where_all_failed_the_sum_denies_no_entry(
    page: SettingsPage, context: AppContext, qtbot: QtBot
) -> None:
    section = opened(page)
    context.ledger.record(Contact("gone.example", "test", problem="ConnectError"))
    qtbot.waitUntil(lambda: len(rows(section)) == 1)
    assert section.summary.text() == "Nothing went to another computer: 1 attempt failed."
    context.ledger.record(Contact("gone.example", "search", "tiny", problem="ConnectError"))
    qtbot.waitUntil(lambda: len(rows(section)) == 2)
    assert section.summary.text() == "Nothing went to another computer: 2 attempts failed."
