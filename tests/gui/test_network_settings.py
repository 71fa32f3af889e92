"""Mirrors, connection test, log-in, proxy and authorities in the settings."""

import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from app.core.settings import Mirror, Network, Proxy
from app.gui.context import AppContext
from app.gui.controls.fields import TextField
from app.gui.login_panel import LoginPanel
from app.gui.settings_network import NetworkSection
from app.gui.settings_page import SettingsPage
from tests.core.memory_keyring import MemoryKeyring, password_store
from tests.gui.test_accessibility import operated, spoken_name
from tests.hub.http_server import TLS
from tests.hub.proxy import LocalProxy
from tests.hub.server import LocalHub
from tests.ollama.local_registry import LocalRegistry

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton
TOKEN = "hf_goodtoken1234567890"


@pytest.fixture
def passwords() -> Iterator[MemoryKeyring]:
    with password_store() as store:
        yield store


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as hub:
        hub.tokens[TOKEN] = set()
        yield hub


@pytest.fixture
def dead() -> str:
    """An address at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def section(
    context: AppContext, show: Show, hub: LocalHub, dead: str, passwords: MemoryKeyring
) -> NetworkSection:
    network = Network(endpoint=hub.url, send_token_to=hub.url, ollama_registry=dead)
    context.settings.update(network=network)
    page = SettingsPage(context)
    page.resize(1264, 1200)
    show(page)
    page.open_with({"section": "network"})
    section = page.section("network")
    assert isinstance(section, NetworkSection)
    return section


def network(context: AppContext) -> Network:
    return context.settings.current.network


def button(parent: QWidget, name: str) -> QAbstractButton:
    (found,) = [b for b in parent.findChildren(QAbstractButton) if b.accessibleName() == name]
    return found


def write(field: TextField, text: str) -> None:
    field.clear()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def has_mirrors(section: NetworkSection, count: int) -> bool:
    return len(section.mirrors.mirror_rows) == count


# -- mirrors and the test


def test_mirrors_are_added_ordered_allowed_the_log_in_and_removed(
    section: NetworkSection, context: AppContext, qtbot: QtBot
) -> None:
    for number, address in enumerate(("https://one.example/", "https://two.example")):
        QTest.keyClicks(section.mirrors.address, address)
        QTest.mouseClick(section.mirrors.add_button, CLICK)
        qtbot.waitUntil(partial(has_mirrors, section, number + 1))
    assert network(context).mirrors == (
        Mirror("https://one.example"),
        Mirror("https://two.example"),
    )
    QTest.mouseClick(button(section.mirrors, "Ask https://two.example earlier"), CLICK)
    qtbot.waitUntil(lambda: next(iter(section.mirrors.mirror_rows)) == "https://two.example")
    button(section.mirrors, "Send the log-in to https://two.example").click()
    assert network(context).mirrors[0] == Mirror("https://two.example", send_token=True)
    qtbot.waitUntil(lambda: section.mirrors.mirror_rows.keys() == {
        "https://one.example", "https://two.example"
    })  # fmt: skip
    QTest.mouseClick(button(section.mirrors, "Remove https://two.example"), CLICK)
    qtbot.waitUntil(lambda: network(context).mirrors == (Mirror("https://one.example"),))


def test_the_log_in_is_allowed_for_one_address_and_no_other(
    section: NetworkSection, context: AppContext, qtbot: QtBot
) -> None:
    assert section.token.isChecked(), "as the hub of the settings is allowed it"
    write(section.endpoint, "https://one.example")
    qtbot.waitUntil(lambda: not section.token.isChecked())
    section.token.click()
    assert network(context).send_token_to == "https://one.example"
    qtbot.waitUntil(section.token.isChecked)
    write(section.endpoint, "https://two.example")
    assert network(context).endpoint == "https://two.example"
    qtbot.waitUntil(lambda: not section.token.isChecked())
    section.token.click()
    assert network(context).send_token_to == "https://two.example"
    section.token.click()
    assert network(context).send_token_to is None


@pytest.mark.parametrize("address", ["ftp://a.example", "http://a.example", "nothing"])
def test_what_is_no_mirror_is_not_added(
    section: NetworkSection, context: AppContext, address: str
) -> None:
    QTest.keyClicks(section.mirrors.address, address)
    assert not section.mirrors.add_button.isEnabled()
    QTest.keyClick(section.mirrors.address, Qt.Key.Key_Return)
    assert network(context).mirrors == ()


def test_the_test_tells_of_each_hub_what_is_wrong(
    section: NetworkSection, context: AppContext, hub: LocalHub, qtbot: QtBot
) -> None:
    with LocalHub(tls=True) as mirror:
        context.settings.update(network=replace(network(context), mirrors=(Mirror(mirror.url),)))
        qtbot.waitUntil(lambda: mirror.url in section.mirrors.mirror_rows)
        QTest.mouseClick(section.check, CLICK)
        qtbot.waitUntil(lambda: "answers" in section.hub_row.sentence.text())
        assert section.hub_row.sentence.property("role") == "success"
        row = section.mirrors.mirror_rows[mirror.url]
        assert "not trusted" in row.sentence.text()
        assert row.sentence.property("role") == "danger"
        context.settings.update(
            network=replace(network(context), ca_file=str(TLS / "localhost.pem"))
        )
        qtbot.waitUntil(lambda: "answers" not in section.hub_row.sentence.text())
        QTest.mouseClick(section.check, CLICK)
        qtbot.waitUntil(lambda: "answers" in row.sentence.text())


def test_a_click_on_test_or_add_leads_the_keyboard_nowhere_else(
    section: NetworkSection, qtbot: QtBot
) -> None:
    section.check.setFocus(Qt.FocusReason.MouseFocusReason)
    QTest.mouseClick(section.check, CLICK)
    assert not section.check.isEnabled()
    assert section.window().focusWidget() is None
    qtbot.waitUntil(section.check.isEnabled)
    assert section.check.hasFocus()
    assert not section.check.has_ring()
    QTest.keyClicks(section.mirrors.address, "https://one.example")
    section.mirrors.add_button.setFocus(Qt.FocusReason.MouseFocusReason)
    QTest.mouseClick(section.mirrors.add_button, CLICK)
    qtbot.waitUntil(partial(has_mirrors, section, 1))
    assert section.window().focusWidget() is None
    section.mirrors.address.setFocus(Qt.FocusReason.MouseFocusReason)
    QTest.keyClicks(section.mirrors.address, "https://two.example\r")
    qtbot.waitUntil(partial(has_mirrors, section, 2))
    assert section.mirrors.address.hasFocus(), "the next one may be typed"


# -- Ollama's registry


def test_the_test_asks_the_registry_as_well(
    section: NetworkSection, context: AppContext, dead: str, qtbot: QtBot
) -> None:
    row = section.registry.row
    QTest.mouseClick(section.check, CLICK)
    assert row.sentence.text() == "Asking…"
    qtbot.waitUntil(section.check.isEnabled)
    assert "registry is out of reach" in row.sentence.text()
    assert row.sentence.property("role") == "danger"
    assert "The hub answers" in section.hub_row.sentence.text()
    with LocalRegistry() as registry:
        address = registry.url
        context.settings.update(network=replace(network(context), ollama_registry=address))
        qtbot.waitUntil(lambda: "No log-in is sent" in row.sentence.text())
        QTest.mouseClick(section.check, CLICK)
        qtbot.waitUntil(lambda: "The registry answers, within" in row.sentence.text())
    assert row.sentence.property("role") == "success"


def test_the_registry_has_an_address_of_its_own(
    section: NetworkSection, context: AppContext, dead: str
) -> None:
    group = section.registry
    write(group.address, "http://mirror.example")
    assert group.address.is_wrong()
    assert group.row.sentence.property("role") == "danger"
    assert network(context).ollama_registry == dead
    write(group.address, "https://mirror.example")
    assert not group.address.is_wrong()
    assert "No log-in is sent" in group.row.sentence.text()
    assert network(context).ollama_registry == "https://mirror.example"
    write(group.address, "")
    assert network(context).ollama_registry is None


# -- log-in


def opened(section: NetworkSection) -> LoginPanel:
    QTest.mouseClick(section.account.log_in, CLICK)
    assert section.account.panel is not None
    return section.account.panel


def test_logging_in_and_out(
    section: NetworkSection, context: AppContext, passwords: MemoryKeyring, qtbot: QtBot
) -> None:
    assert "Not logged in" in section.account.row.sentence.text()
    panel = opened(section)
    assert panel.token.hasFocus()
    assert panel.token.echoMode() == TextField.EchoMode.Password
    QTest.keyClicks(panel.token, "hf_wrongtoken")
    QTest.keyClick(panel.token, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "does not accept" in panel.status.text())
    assert passwords.entries == {}
    panel.token.clear()
    QTest.keyClicks(panel.token, TOKEN)
    QTest.mouseClick(panel.proceed, CLICK)
    qtbot.waitUntil(lambda: "Logged in as tester" in section.account.row.sentence.text())
    assert "password store" in section.account.row.sentence.text()
    assert list(passwords.entries.values()) == [TOKEN]
    assert section.account.log_in.isHidden()
    QTest.mouseClick(section.account.log_out, CLICK)
    qtbot.waitUntil(lambda: "Not logged in" in section.account.row.sentence.text())
    assert passwords.entries == {}


def test_a_file_is_offered_only_where_there_is_no_password_store(
    section: NetworkSection, context: AppContext, passwords: MemoryKeyring, qtbot: QtBot
) -> None:
    passwords.locked = True
    panel = opened(section)
    QTest.keyClicks(panel.token, TOKEN)
    assert panel.in_file.isHidden()
    QTest.mouseClick(panel.proceed, CLICK)
    qtbot.waitUntil(panel.in_file.isVisible)
    keys = context.paths.data / "keys.json"
    assert not keys.exists()
    panel.in_file.click()
    QTest.mouseClick(panel.proceed, CLICK)
    qtbot.waitUntil(lambda: "in a file" in section.account.row.sentence.text())
    assert keys.exists()


def test_a_token_of_the_environment_is_shown_with_its_name(
    context: AppContext,
    show: Show,
    hub: LocalHub,
    passwords: MemoryKeyring,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    context.settings.update(network=Network(endpoint=hub.url, send_token_to=hub.url))
    section = NetworkSection(context)
    section.show_settings(context.settings.current)
    assert "HF_TOKEN" in section.account.row.sentence.text()
    assert hub.log.entries() == []  # nobody has looked yet
    show(section)
    qtbot.waitUntil(lambda: "Logged in as tester" in section.account.row.sentence.text())
    assert section.account.log_in.isHidden()
    assert section.account.log_out.isHidden()


def test_no_log_in_while_offline(
    section: NetworkSection, context: AppContext, qtbot: QtBot
) -> None:
    context.settings.update(network=replace(network(context), offline=True))
    qtbot.waitUntil(lambda: not section.account.log_in.isEnabled())
    assert section.account.log_in.toolTip()


# -- proxy


def test_a_proxy_is_set_by_hand_and_used(
    section: NetworkSection,
    context: AppContext,
    passwords: MemoryKeyring,
    hub: LocalHub,
    qtbot: QtBot,
) -> None:
    assert not any(row.isVisible() for row in section.proxy.by_hand)
    with LocalProxy("corral", "s3cret") as proxy:
        group = section.proxy
        group.mode.setCurrentIndex(group.mode.findData("manual"))
        group.mode.activated.emit(group.mode.currentIndex())
        qtbot.waitUntil(group.host_row.isVisible)
        write(group.direct, "")
        write(group.host, f"http://{proxy.host}:{proxy.port}")
        qtbot.waitUntil(lambda: network(context).proxy.port == proxy.port)
        assert network(context).proxy.host == proxy.host
        QTest.mouseClick(section.check, CLICK)
        qtbot.waitUntil(lambda: "wants a name" in section.hub_row.sentence.text())
        write(group.user, "corral")
        qtbot.waitUntil(lambda: network(context).proxy.user == "corral")
        write(group.password, "s3cret")
        qtbot.waitUntil(lambda: network(context).proxy.password == "keyring")
        qtbot.waitUntil(lambda: not group.password.text())
        assert "s3cret" not in context.paths.settings_file.read_text()
        QTest.mouseClick(section.check, CLICK)
        qtbot.waitUntil(lambda: "answers" in section.hub_row.sentence.text())
        assert any("/api/models" in each for each in proxy.served)


def test_a_pasted_socks_address_is_taken_apart(
    section: NetworkSection, context: AppContext, qtbot: QtBot
) -> None:
    context.settings.update(network=replace(network(context), proxy=Proxy("manual")))
    qtbot.waitUntil(section.proxy.host_row.isVisible)
    write(section.proxy.host, "socks5h://proxy.example:1080")
    qtbot.waitUntil(lambda: network(context).proxy.host == "proxy.example")
    assert (network(context).proxy.scheme, network(context).proxy.port) == ("socks5", 1080)
    assert section.proxy.scheme.currentText() == "SOCKS5"


def test_a_configuration_script_is_declined(
    section: NetworkSection, context: AppContext, qtbot: QtBot
) -> None:
    assert "PAC" in section.proxy.mode_row.sentence.text()
    context.settings.update(network=replace(network(context), proxy=Proxy("manual")))
    qtbot.waitUntil(section.proxy.host_row.isVisible)
    write(section.proxy.host, "http://wpad.example/wpad.dat")
    assert "PAC" in section.proxy.host_row.sentence.text()
    assert network(context).proxy.host == ""


@pytest.mark.parametrize(
    ("field", "text"), [("host", "two words"), ("port", "70000"), ("direct", "a b, c")]
)
def test_what_is_no_proxy_is_told_and_not_stored(
    section: NetworkSection, context: AppContext, qtbot: QtBot, field: str, text: str
) -> None:
    before = Proxy("manual", host="proxy.example")
    context.settings.update(network=replace(network(context), proxy=before))
    qtbot.waitUntil(section.proxy.host_row.isVisible)
    edited: TextField = getattr(section.proxy, field)
    write(edited, text)
    assert edited.is_wrong()
    assert section.proxy.host_row.sentence.property("role") == "danger"
    assert network(context).proxy == before


def test_without_a_password_store_the_proxys_password_goes_to_a_file_if_the_person_agrees(
    section: NetworkSection, context: AppContext, passwords: MemoryKeyring, qtbot: QtBot
) -> None:
    passwords.locked = True
    wanted = Proxy("manual", host="proxy.example", user="me")
    context.settings.update(network=replace(network(context), proxy=wanted))
    qtbot.waitUntil(section.proxy.host_row.isVisible)
    write(section.proxy.password, "s3cret")
    qtbot.waitUntil(section.proxy.in_file.isVisible)
    assert network(context).proxy.password == "none"
    QTest.mouseClick(section.proxy.in_file, CLICK)
    qtbot.waitUntil(lambda: network(context).proxy.password == "file")


def test_the_search_does_not_bring_back_rows_that_make_no_sense(
    context: AppContext, show: Show
) -> None:
    page = SettingsPage(context)
    show(page)
    QTest.keyClicks(page.search, "name and password")
    section = page.section("network")
    assert isinstance(section, NetworkSection)
    assert not section.proxy.login_row.isVisible()


# -- authorities


def test_a_file_of_authorities_is_used_and_forgotten(
    section: NetworkSection, context: AppContext, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "company.pem"
    file.write_bytes((TLS / "localhost.pem").read_bytes())
    section.certificates.use_file(str(file))
    qtbot.waitUntil(lambda: str(file) in section.certificates.row.sentence.text())
    file.unlink()
    section.show_settings(context.settings.current)
    assert section.certificates.row.sentence.property("role") == "danger"
    QTest.mouseClick(section.certificates.forget, CLICK)
    assert network(context).ca_file is None


def test_every_control_of_the_section_and_the_panel_has_a_name(
    section: NetworkSection, context: AppContext, qtbot: QtBot
) -> None:
    proxy, mirrors = Proxy("manual", host="proxy.example"), (Mirror("https://m.example"),)
    context.settings.update(network=replace(network(context), proxy=proxy, mirrors=mirrors))
    qtbot.waitUntil(section.proxy.host_row.isVisible)
    panel = opened(section)
    for parent in (section, panel):
        for control in operated(parent):
            assert spoken_name(control), control
