"""The server's page and settings in the real window, over the real server."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication
from pytestqt.qtbot import QtBot

from app.__main__ import make_server
from app.core import start_at_login
from app.core.paths import app_paths
from app.core.settings import Server, SettingsStore
from app.gui import server_phone, server_switch
from app.gui.application import Program
from app.gui.controls.segments import Segments
from app.gui.server_page import ServerPage
from app.gui.server_phone import PhonePanel
from app.gui.server_requests import STATE, TOKENS, RequestsModel
from app.gui.server_tokens import NewTokenPanel
from app.gui.settings_page import SettingsPage
from app.gui.settings_server import ServerSection
from tests.api.serving import STARTER, free_port

pytestmark = pytest.mark.gui
WAIT = 60_000


@pytest.fixture
def program(qapp: QApplication, qtbot: QtBot) -> Iterator[Program]:
    """A window whose server is off, on a port of its own."""
    SettingsStore(app_paths().settings_file).update(server=Server(port=free_port()))
    program = Program(qapp, app_paths(), make_server=make_server)
    program.start()
    qtbot.waitExposed(program.window)
    yield program
    program.close()
    program.window.close()
    program.window.deleteLater()
    program.deleteLater()


@pytest.fixture
def page(program: Program, qtbot: QtBot) -> ServerPage:
    program.main.open_page("server")
    page = program.main.page("server")
    assert isinstance(page, ServerPage)
    return page


def switched_on(page: ServerPage, program: Program, qtbot: QtBot) -> str:
    """The address, once it answers."""
    qtbot.mouseClick(page.switch.on, Qt.MouseButton.LeftButton)
    server = program.context.server
    assert server is not None
    qtbot.waitUntil(lambda: bool(server.addresses), timeout=WAIT)
    qtbot.waitUntil(lambda: page.switch.state.text() == "Running", timeout=WAIT)
    return server.addresses[0]


def ask(address: str, path: str, key: str = "") -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx2.get(address + path, headers=headers, timeout=60, trust_env=False)


def test_the_switch_begins_and_ends_the_server(
    page: ServerPage, program: Program, qtbot: QtBot
) -> None:
    address = switched_on(page, program, qtbot)
    assert page.switch.address.text() == address
    assert ask(address, "/v1/models").json()["data"]
    page.switch.copy.click()
    assert QGuiApplication.clipboard().text() == address
    qtbot.mouseClick(page.switch.on, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.switch.state.text() == "Off", timeout=WAIT)
    with pytest.raises(httpx2.ConnectError):
        ask(address, "/v1/models")


def test_a_port_that_is_taken_is_named(page: ServerPage, program: Program, qtbot: QtBot) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        page.switch.port.setFocus()
        page.switch.port.selectAll()
        qtbot.keyClicks(page.switch.port, str(port))
        qtbot.keyClick(page.switch.port, Qt.Key.Key_Return)
        assert program.context.settings.current.server.port == port
        qtbot.mouseClick(page.switch.on, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: page.switch.state.text() == "Cannot run", timeout=WAIT)
        assert str(port) in page.switch.problem.text()


def test_requests_are_listed_as_they_come(page: ServerPage, program: Program, qtbot: QtBot) -> None:
    address = switched_on(page, program, qtbot)
    body = {
        "model": STARTER,
        "messages": [{"role": "user", "content": "Say hi"}],
        "max_tokens": 4,
    }
    answer = httpx2.post(f"{address}/v1/chat/completions", json=body, timeout=60, trust_env=False)
    assert answer.status_code == 200
    ask(address, "/v1/models/nobody")
    rows = page.table.rows
    qtbot.waitUntil(lambda: rows.rowCount() >= 2 and "404" in _cell(rows, 0, STATE), timeout=WAIT)
    assert _cell(rows, 1, STATE) == "200 Done"
    assert _cell(rows, 1, TOKENS).endswith("/ 4")
    qtbot.waitUntil(lambda: "SmolLM2" in page.switch.loaded.text(), timeout=WAIT)
    page.clear.click()
    assert rows.rowCount() == 0


def _cell(rows: RequestsModel, row: int, column: int) -> str:
    return str(rows.data(rows.index(row, column)))


def test_a_token_is_shown_once_and_can_be_taken_back(
    page: ServerPage, program: Program, qtbot: QtBot
) -> None:
    address = switched_on(page, program, qtbot)
    qtbot.mouseClick(page.switch.need_token, Qt.MouseButton.LeftButton)
    assert ask(address, "/v1/models").status_code == 401
    page.tokens.new.click()
    panel = program.window.findChild(NewTokenPanel)
    assert panel is not None
    assert not panel.proceed.isEnabled()
    qtbot.keyClicks(panel.name, "Editor")
    panel.proceed.click()
    qtbot.waitUntil(lambda: bool(panel.secret.text()), timeout=WAIT)
    secret = panel.secret.text()
    panel.dismiss()
    assert ask(address, "/v1/models", secret).status_code == 200
    assert secret not in app_paths().tokens_file.read_text()
    [token] = program.context.access.all()
    qtbot.waitUntil(lambda: list(page.tokens.rows) == [token.id], timeout=WAIT)
    page.tokens._revoke(token, True)
    qtbot.waitUntil(lambda: not page.tokens.rows, timeout=WAIT)
    assert ask(address, "/v1/models", secret).status_code == 401


def test_snippets_name_address_and_model(page: ServerPage, program: Program, qtbot: QtBot) -> None:
    address = switched_on(page, program, qtbot)
    for title in ("curl", "Python", "JavaScript"):
        page.connect_card._show(title)
        assert address in page.connect_card.code.text()
        assert "SmolLM2" in page.connect_card.code.text()
    for title, chip in page.connect_card.programs.items():
        chip.click()
        assert address in page.connect_card.text(), title
        assert chip.isChecked()
    page.connect_card.copy.click()
    assert QGuiApplication.clipboard().text() == page.connect_card.text()


def test_programs_on_a_sharing_computer_need_neither_its_lan_address_nor_a_token(
    page: ServerPage, program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = switched_on(page, program, qtbot)
    server = program.context.server
    assert server is not None
    everywhere = own.replace("127.0.0.1", "0.0.0.0")
    monkeypatch.setattr(server_switch, "lan_addresses", lambda: ("192.168.7.7",))
    monkeypatch.setattr(type(server), "addresses", property(lambda _: (everywhere,)))
    page.refresh()
    card = page.connect_card
    shared = own.replace("127.0.0.1", "192.168.7.7")
    titles = ["curl", "Python", "JavaScript", *card.programs]
    for title in titles:
        card._show(title)
        assert own in card.text(), title
        assert "YOUR_TOKEN" not in card.text(), title
        assert not card.note.isVisible()
    assert card.place.isVisible()
    _choose(card.place, 1, qtbot)
    for title in titles:
        card._show(title)
        assert shared in card.text(), title
        assert "YOUR_TOKEN" in card.text(), title
        assert "YOUR_TOKEN" in card.note.text()
        assert card.note.isVisible()
        assert ("by hand" in card.note.text()) == (title == "Open WebUI")
    monkeypatch.undo()
    page.refresh()
    assert not card.place.isVisible()
    assert own in card.text()


def _choose(segments: Segments, index: int, qtbot: QtBot) -> None:
    button = segments.findChildren(QAbstractButton)[index]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_one_way_to_connect_is_lit(page: ServerPage) -> None:
    card = page.connect_card

    def lit() -> list[str]:
        segments = card.language.findChildren(QAbstractButton)
        return [each.text() for each in (*segments, *card.programs.values()) if each.isChecked()]

    assert lit() == ["curl"]
    card.programs["Claude Code"].click()
    assert lit() == ["Claude Code"]
    card.language.findChildren(QAbstractButton)[1].click()
    assert lit() == ["Python"]


def test_the_phones_code_carries_address_and_token(
    page: ServerPage, program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (server_phone, server_switch):
        monkeypatch.setattr(module, "lan_addresses", lambda: ("192.168.7.7",))
    # "Everywhere" is this computer alone here: nothing is to listen to the network in a test.
    monkeypatch.setattr(server_phone, "EVERYWHERE", "127.0.0.1")
    page.phone.click()
    panel = program.window.findChild(PhonePanel)
    assert panel is not None
    panel.proceed.click()
    qtbot.waitUntil(lambda: bool(panel.link()), timeout=WAIT)
    address, _, secret = panel.link().partition("/#token=")
    port = program.context.settings.current.server.port
    assert address == f"http://192.168.7.7:{port}"
    token = program.context.access.check(secret)
    assert token is not None
    assert token.scopes == ("chat",)
    qtbot.waitUntil(lambda: panel.panel.rect().contains(panel.code.geometry()), timeout=WAIT)
    assert panel.cancel.geometry().top() > panel.code.geometry().bottom()
    panel.dismiss()


def test_the_phones_panel_says_what_a_certificate_changes(
    page: ServerPage, program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_phone, "lan_addresses", lambda: ("192.168.7.7",))
    page.phone.click()
    panel = program.window.findChild(PhonePanel)
    assert panel is not None
    assert panel.plain.isVisible()
    for words in ("not encrypted", "cannot be installed"):
        assert words in panel.plain.text()
    with qtbot.waitSignal(page.open_page) as opened:
        panel.encrypt.click()
    assert opened.args == ["settings", {"section": "server"}]
    wanted = replace(program.context.settings.current.server, certificate="/a.pem")
    program.context.settings.update(server=wanted)
    encrypted = PhonePanel(program.context, program.window)
    encrypted.begin()
    assert not encrypted.plain.isVisible()
    assert not encrypted.encrypt.isVisible()
    encrypted.dismiss()


@pytest.fixture
def section(program: Program) -> ServerSection:
    program.main.open_page("settings", {"section": "server"})
    settings = program.main.page("settings")
    assert isinstance(settings, SettingsPage)
    return next(each for each in settings.sections if isinstance(each, ServerSection))


def test_origins_are_checked(section: ServerSection, program: Program, qtbot: QtBot) -> None:
    section.origins.setText("example.org")
    section.origins.editingFinished.emit()
    assert section.origins.is_wrong()
    assert not program.context.settings.current.server.origins
    section.origins.setText("https://example.org:8443, http://other.example/")
    section.origins.editingFinished.emit()
    assert not section.origins.is_wrong()
    wanted = ("https://example.org:8443", "http://other.example")
    assert program.context.settings.current.server.origins == wanted


def test_starting_at_login_is_entered_with_the_system(
    section: ServerSection, program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = app_paths().data.parent / "person"
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    qtbot.mouseClick(section.login, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: program.context.settings.current.server.at_login, timeout=WAIT)
    assert program.context.settings.current.server.in_tray
    assert start_at_login.starts_at_login(home)
    qtbot.mouseClick(section.login, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not program.context.settings.current.server.at_login, timeout=WAIT)
    assert not start_at_login.starts_at_login(home)


def test_a_window_put_away_comes_back_and_quits(program: Program, qtbot: QtBot) -> None:
    frame = program.window
    frame.keeps_running = lambda: True  # as with a tray, which this screen has not
    with qtbot.waitSignal(frame.put_away):
        frame.close()
    assert not frame.isVisible()
    frame.bring_back()
    assert frame.isVisible()
    with qtbot.waitSignal(frame.closing):
        frame.quit()
    assert not frame.isVisible()
