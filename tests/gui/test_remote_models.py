"""Models on servers in the window: settings, picker, chat."""

from collections.abc import Callable, Iterator

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.core.library_types import LocalModel
from app.core.settings import RemoteEndpoint
from app.gui.chat_page import ChatPage
from app.gui.context import AppContext
from app.gui.controls.list_view import RowRole
from app.gui.library_rows import LibraryRow, second_line
from app.gui.model_picker import ModelPicker
from app.gui.model_picker_list import PickerRole
from app.gui.models_page import ModelsPage
from app.gui.notify import Notifier
from app.gui.remote_editor import RemoteEditor
from app.gui.settings_page import SettingsPage
from app.gui.settings_remote import RemoteSection
from tests.backends.remote.scripted_server import ScriptedServer, end, text
from tests.core.memory_keyring import MemoryKeyring, password_store
from tests.gui.test_accessibility import operated, spoken_name

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton
KEY = "sk-corral-gui-55aa"
LOAD_MS = 60_000


@pytest.fixture
def passwords() -> Iterator[MemoryKeyring]:
    with password_store() as store:
        yield store


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(models=("alpha", "org/beta")) as server:
        server.says(text("Good "), text("day"), end())
        yield server


@pytest.fixture
def section(context: AppContext, show: Show, passwords: MemoryKeyring) -> RemoteSection:
    page = SettingsPage(context)
    page.resize(1264, 840)
    show(page)
    page.open_with({"section": "remote"})
    section = page.section("remote")
    assert isinstance(section, RemoteSection)
    return section


def opened(section: RemoteSection) -> RemoteEditor:
    QTest.mouseClick(section.add_button, CLICK)
    assert section.editor is not None
    return section.editor


def connect(editor: RemoteEditor, address: str, qtbot: QtBot, key: str = "") -> None:
    QTest.keyClicks(editor.name, "Lab")
    QTest.keyClicks(editor.address, address)
    QTest.keyClicks(editor.key, key)
    QTest.mouseClick(editor.proceed, CLICK)
    qtbot.waitUntil(lambda: editor.status.text() not in ("", "Asking…"), timeout=LOAD_MS)


def endpoints(context: AppContext) -> tuple[RemoteEndpoint, ...]:
    return context.settings.current.remote.endpoints


def add(context: AppContext, address: str, *models: str) -> tuple[LocalModel, ...]:
    context.remotes.add("Lab", address, models=models)
    return tuple(each for each in context.library.models() if each.is_remote)


# Settings


def test_a_server_is_added_with_chosen_models_and_its_key(
    section: RemoteSection, context: AppContext, server: ScriptedServer, passwords: MemoryKeyring,
    qtbot: QtBot,
) -> None:  # fmt: skip
    editor = opened(section)
    assert not editor.proceed.isEnabled()
    connect(editor, server.url, qtbot, KEY)
    assert list(editor.boxes) == ["alpha", "org/beta"]
    assert editor.proceed.text() == "Add server"
    assert not editor.proceed.isEnabled()
    editor.boxes["org/beta"].click()
    QTest.mouseClick(editor.proceed, CLICK)
    qtbot.waitUntil(lambda: bool(endpoints(context)))
    (added,) = endpoints(context)
    assert (added.name, added.models, added.key) == ("Lab", ("org/beta",), "keyring")
    assert list(passwords.entries.values()) == [KEY]
    qtbot.waitUntil(lambda: "lab" in section.rows)
    assert "1 model · key in the password store" in section.rows["lab"].sentence.text()
    qtbot.waitUntil(lambda: section.editor is None)


def test_a_wrong_address_and_a_refusal_are_told_in_place(
    section: RemoteSection, server: ScriptedServer, qtbot: QtBot
) -> None:
    editor = opened(section)
    connect(editor, "lab", qtbot)
    assert editor.address.is_wrong()
    assert editor.status.property("role") == "danger"
    editor.address.clear()
    QTest.keyClicks(editor.address, server.url)
    assert not editor.address.is_wrong()
    server.list_status = 401
    QTest.mouseClick(editor.proceed, CLICK)
    qtbot.waitUntil(lambda: "does not accept" in editor.status.text(), timeout=LOAD_MS)
    assert editor.proceed.text() == "Connect"
    editor.dismiss()


def test_another_address_makes_the_offer_void(
    section: RemoteSection, server: ScriptedServer, qtbot: QtBot
) -> None:
    editor = opened(section)
    connect(editor, server.url, qtbot)
    assert editor.boxes
    QTest.keyClicks(editor.address, "x")
    assert editor.boxes == {}
    assert editor.proceed.text() == "Connect"
    editor.dismiss()


def test_without_a_password_store_a_file_is_offered(
    section: RemoteSection, context: AppContext, server: ScriptedServer, passwords: MemoryKeyring,
    qtbot: QtBot,
) -> None:  # fmt: skip
    passwords.locked = True
    editor = opened(section)
    assert not editor.in_file.isVisible()
    connect(editor, server.url, qtbot, KEY)
    editor.boxes["alpha"].click()
    QTest.mouseClick(editor.proceed, CLICK)
    qtbot.waitUntil(editor.in_file.isVisible)
    assert endpoints(context) == ()
    editor.in_file.click()
    QTest.mouseClick(editor.proceed, CLICK)
    qtbot.waitUntil(lambda: bool(endpoints(context)))
    assert endpoints(context)[0].key == "file"
    qtbot.waitUntil(lambda: section.editor is None)


def test_a_server_is_tested_its_models_chosen_anew_and_removed(
    section: RemoteSection, context: AppContext, server: ScriptedServer, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    add(context, server.url, "alpha", "withdrawn")
    qtbot.waitUntil(lambda: "lab" in section.rows)
    QTest.mouseClick(section.tests["lab"], CLICK)
    qtbot.waitUntil(section.tests["lab"].isEnabled, timeout=LOAD_MS)
    assert "does not offer withdrawn" in section.rows["lab"].sentence.text()
    buttons = {each.accessibleName(): each for each in section.findChildren(QWidget)}
    QTest.mouseClick(buttons["Models of Lab"], CLICK)
    editor = section.editor
    assert editor is not None
    qtbot.waitUntil(lambda: bool(editor.boxes), timeout=LOAD_MS)
    assert [name for name, box in editor.boxes.items() if box.isChecked()] == ["alpha", "withdrawn"]
    editor.boxes["withdrawn"].click()
    QTest.mouseClick(editor.proceed, CLICK)
    qtbot.waitUntil(lambda: endpoints(context)[0].models == ("alpha",))
    monkeypatch.setattr(Notifier, "confirm", lambda *args, **_: args[4](True))
    buttons = {each.accessibleName(): each for each in section.findChildren(QWidget)}
    QTest.mouseClick(buttons["Remove Lab"], CLICK)
    qtbot.waitUntil(lambda: endpoints(context) == ())
    qtbot.waitUntil(lambda: section.rows == {} and section.editor is None)


def test_an_address_that_others_can_listen_to_is_marked(
    section: RemoteSection, context: AppContext, qtbot: QtBot
) -> None:
    context.remotes.add("Attic", "http://192.168.1.5:11434")
    context.remotes.add("Here", "http://127.0.0.1:11434")
    qtbot.waitUntil(lambda: len(section.rows) == 2)
    assert section.rows["attic"].sentence.text().endswith("not encrypted")
    assert "encrypted" not in section.rows["here"].sentence.text()


def test_everything_in_the_panel_has_a_name(section: RemoteSection) -> None:
    editor = opened(section)
    assert [each for each in operated(editor) if not spoken_name(each)] == []
    editor.dismiss()


# Picker and lists


@pytest.fixture
def pill(show: Show) -> Iterator[QWidget]:
    window = QWidget()
    window.resize(1000, 700)
    header = QWidget(window)
    header.setGeometry(0, 0, 1000, 52)
    pill = QWidget(header)
    show(window)
    yield pill
    window.close()


def test_the_picker_shows_where_a_model_runs_and_no_settings(
    context: AppContext, pill: QWidget, qtbot: QtBot
) -> None:
    context.library.scan()
    (model,) = add(context, "http://127.0.0.1:9", "alpha")
    picker = ModelPicker(context, pill.window())
    picker.open_under(pill, model.id)
    index = picker.list.currentIndex()
    assert index.data(RowRole.SECOND) == "on Lab"
    assert index.data(PickerRole.REMOTE)
    assert index.data(PickerRole.FIT) is None
    assert "sent there" in picker.pane.note.text()
    assert not picker.pane.form.isVisible()
    assert not picker.pane.card.isVisible()
    assert not picker.pane.remember.isVisible()
    assert picker.pane.load.text() == "Connect"
    with qtbot.waitSignal(picker.use_model) as signal:
        picker.pane.load.click()
    assert signal.args == [model, None, False]


def test_a_server_out_of_reach_is_a_card_with_two_ways_on(
    context: AppContext, show: Show, qtbot: QtBot
) -> None:
    (model,) = add(context, "http://127.0.0.1:9", "alpha")
    page = ChatPage(context)
    page.resize(1264, 840)
    show(page)
    page.open_picker()
    pane = page.picker.pane
    page.picker.pane.show_model(model)
    pane.load.click()
    qtbot.waitUntil(lambda: pane._error is not None, timeout=LOAD_MS)
    assert pane._error is not None
    assert pane._error.title.text() == "The server of this model cannot be reached"
    assert [each.text() for each in pane._error.buttons] == ["Try again", "Open Settings"]
    with qtbot.waitSignal(page.open_page) as signal:
        pane._error.buttons[1].click()
    assert signal.args == ["settings", {"section": "remote"}]


def test_a_remote_model_answers_in_a_chat_and_is_ejected(
    context: AppContext, show: Show, server: ScriptedServer, qtbot: QtBot
) -> None:
    (model,) = add(context, server.url, "alpha")
    page = ChatPage(context)
    page.resize(1264, 840)
    show(page)
    assert "stays on this computer" in page.empty.promise.text()
    page.open_picker()
    page.picker.use_model.emit(model, None, False)
    qtbot.waitUntil(lambda: len(context.runtime.loaded()) == 1, timeout=LOAD_MS)
    qtbot.waitUntil(lambda: context.runtime.loaded()[0].state == "ready", timeout=LOAD_MS)
    qtbot.waitUntil(lambda: "sent to Lab" in page.empty.promise.text())
    QTest.keyClicks(page.pane.composer.field, "Hello")
    typed = len(server.asked)
    QTest.keyClick(page.pane.composer.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.conversation is not None, timeout=LOAD_MS)
    conversation = page.conversation
    assert conversation is not None

    def answer() -> str:
        return "".join(m.content for m in context.store.path(conversation.id)[1:])

    qtbot.waitUntil(lambda: answer() == "Good day", timeout=LOAD_MS)
    assert [each.path for each in server.asked[typed:]] == ["/v1/chat/completions"]
    page.picker.eject.emit(model.id)
    qtbot.waitUntil(lambda: context.runtime.loaded() == (), timeout=LOAD_MS)


def test_a_chat_never_chooses_a_server_by_itself(context: AppContext, show: Show) -> None:
    add(context, "http://127.0.0.1:9", "alpha")
    page = ChatPage(context)
    show(page)
    assert page.model is None
    context.library.scan()
    assert page.model is not None
    assert not page.model.is_remote


def test_my_models_tells_the_server_and_hides_what_is_of_files(
    context: AppContext, show: Show, qtbot: QtBot
) -> None:
    context.library.scan()
    (model,) = add(context, "https://lab.example.org", "org/beta")
    page = ModelsPage(context)
    page.resize(1264, 840)
    show(page)
    page.open_with({"model_id": model.id})
    qtbot.waitUntil(lambda: page.drawer.title.text() == "beta")
    assert not page.drawer.tabs.isVisible()
    assert not page.drawer.folder_button.isVisible()
    assert second_line(LibraryRow(model)).text == "on Lab"
    local = next(each for each in context.library.models() if not each.is_remote)
    page.open_with({"model_id": local.id})
    qtbot.waitUntil(page.drawer.tabs.isVisible)


def test_offline_the_picker_says_why(context: AppContext, show: Show, qtbot: QtBot) -> None:
    (model,) = add(context, "https://lab.example.org", "alpha")
    network = msgspec.structs.replace(context.settings.current.network, offline=True)
    context.settings.update(network=network)
    page = ChatPage(context)
    page.resize(1264, 840)
    show(page)
    page.open_picker()
    page.picker.pane.show_model(model)
    page.picker.pane.load.click()
    qtbot.waitUntil(lambda: page.picker.pane._error is not None, timeout=LOAD_MS)
    assert page.picker.pane._error is not None
    assert page.picker.pane._error.title.text() == "Corral is offline"
