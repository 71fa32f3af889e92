"""The settings page: every setting takes effect at once and follows changes from elsewhere."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.core.checksums import Broken, Cancelled, Progress
from app.core.errors import StorageError
from app.core.settings import Engine, Settings, SettingsStore
from app.gui.context import AppContext
from app.gui.controls.list_view import RowRole
from app.gui.licences_panel import LicencesPanel
from app.gui.notify import Notifier
from app.gui.settings_general import GeneralSection
from app.gui.settings_more import AboutSection, ChatSection, FoldersSection
from app.gui.settings_network import NetworkSection
from app.gui.settings_page import SettingsPage
from backends.types import LoadConfig

Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton


@pytest.fixture
def page(context: AppContext, show: Show) -> SettingsPage:
    page = SettingsPage(context)
    page.resize(1264, 840)
    show(page)
    page.activated()
    return page


@pytest.fixture
def general(page: SettingsPage) -> GeneralSection:
    section = page.section("general")
    assert isinstance(section, GeneralSection)
    return section


@pytest.fixture
def stored(context: AppContext) -> Callable[[], Settings]:
    """The settings as another start of the program would read them."""
    return lambda: SettingsStore(context.paths.settings_file).current


Stored = Callable[[], Settings]


def test_theme_is_chosen_by_picture_and_arrows(general: GeneralSection, stored: Stored) -> None:
    QTest.mouseClick(general.theme.tiles["light"], CLICK)
    assert stored().appearance.theme == "light"
    general.theme.tiles["light"].setFocus()
    QTest.keyClick(general.theme.tiles["light"], Qt.Key.Key_Right)
    assert stored().appearance.theme == "dark"


def test_text_size(general: GeneralSection, stored: Stored) -> None:
    general.text_size.field.setFocus()
    QTest.keyClick(general.text_size.field, Qt.Key.Key_Up)
    assert stored().appearance.font_size == 16
    assert general.text_size.field.text() == "16 px"


def test_offline(general: GeneralSection, stored: Stored) -> None:
    QTest.mouseClick(general.offline, CLICK)
    assert stored().network.offline


def test_offline_is_not_shown_where_it_could_not_be_stored(
    general: GeneralSection, context: AppContext, qtbot: QtBot
) -> None:
    file = context.paths.settings_file
    file.unlink(missing_ok=True)
    (file / "in the way").mkdir(parents=True)
    with qtbot.captureExceptions() as errors:
        QTest.mouseClick(general.offline, CLICK)
    assert [error[0] for error in errors] == [StorageError]
    assert not general.offline.isChecked()


def test_threads_standard_is_stored_as_no_choice(
    general: GeneralSection, context: AppContext, stored: Stored
) -> None:
    standard = max(1, context.hardware.physical_cores - 1)
    other = 2 if standard == 1 else 1
    general.threads.field.selectAll()
    general.threads.field.setFocus()
    QTest.keyClicks(general.threads.field, str(other))
    assert stored().engine.threads == other
    general.threads.reset_value()
    assert stored().engine.threads is None


def test_changes_from_elsewhere_are_shown(
    general: GeneralSection, context: AppContext, qtbot: QtBot
) -> None:
    settings = context.settings.current
    context.settings.update(
        appearance=replace(settings.appearance, theme="dark", font_size=20),
        network=replace(settings.network, offline=True),
    )
    qtbot.waitUntil(general.offline.isChecked)
    assert general.theme.tiles["dark"].isChecked()
    assert general.text_size.value() == 20


def test_room_on_the_disk_is_told(general: GeneralSection, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "free" in general.folder_row.sentence.text())


def test_models_folder_is_changed(
    general: GeneralSection, context: AppContext, tmp_path: Path, qtbot: QtBot, stored: Stored
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    general.choose_folder(str(folder))
    qtbot.waitUntil(lambda: general.folder.label.text() == str(folder))
    assert stored().models.folder == str(folder)
    qtbot.waitUntil(general.change_folder.isEnabled)


def test_a_folder_that_cannot_be_used_is_refused_in_place(
    general: GeneralSection, context: AppContext, tmp_path: Path, qtbot: QtBot, stored: Stored
) -> None:
    file = tmp_path / "a file"
    file.write_text("no folder", encoding="utf-8")
    general.choose_folder(str(file))
    qtbot.waitUntil(general.change_folder.isEnabled)
    assert general.folder_row.sentence.property("role") == "danger"
    assert stored().models.folder is None


def test_data_is_shown_in_the_file_manager(
    general: GeneralSection, context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    button = general.data_row.findChildren(QWidget)[-1]
    for each in general.data_row.findChildren(QWidget):
        if each.inherits("QPushButton"):
            button = each
    QTest.mouseClick(button, CLICK)
    assert [Path(url.toLocalFile()) for url in opened] == [context.paths.data]


def test_memory_settings(
    general: GeneralSection, stored: Stored, context: AppContext, qtbot: QtBot
) -> None:
    group = general.memory
    assert group.rails.current() == 1
    group.rails.setFocus()
    QTest.keyClick(group.rails, Qt.Key.Key_Right)
    assert stored().engine.guard_rails == "strict"
    qtbot.waitUntil(lambda: "85 %" in group.rails_row.sentence.text())
    group.idle.setCurrentIndex(group.idle.findData(0))
    group.idle.activated.emit(group.idle.currentIndex())
    assert stored().engine.idle_minutes == 0
    QTest.mouseClick(group.room, CLICK)
    assert not stored().engine.make_room
    engine = replace(context.settings.current.engine, idle_minutes=90, guard_rails="off")
    context.settings.update(engine=engine)
    general.show_settings(context.settings.current)
    assert group.idle.currentText() == "After 90 minutes"
    assert group.rails.current() == 0


def test_memory_for_resting_chats(
    general: GeneralSection, stored: Stored, context: AppContext
) -> None:
    row, standard = general.memory.resting, round(context.hardware.memory_total / 10**10, 1)
    assert row.value() == standard
    sentence = general.memory.resting_row.sentence.text()
    assert f"Usually {standard:.1f} GB" in sentence
    assert "next load" in sentence
    row.field.setFocus()
    row.field.selectAll()
    QTest.keyClicks(row.field, "0")
    assert stored().engine.default_load.parking_bytes == 0
    general.show_settings(context.settings.current)
    assert row.value() == 0
    row.field.selectAll()
    QTest.keyClicks(row.field, "0.7")
    assert stored().engine.default_load.parking_bytes == 700_000_000
    row.reset_value()
    assert stored().engine.default_load.parking_bytes is None
    large = LoadConfig(parking_bytes=context.hardware.memory_total)
    general.show_settings(Settings(engine=Engine(default_load=large)))
    assert row.value() == context.hardware.memory_total / 10**9
    assert stored().engine.default_load.parking_bytes is None


def test_chat_settings(page: SettingsPage, context: AppContext, stored: Stored) -> None:
    section = page.section("chat")
    assert isinstance(section, ChatSection)
    page.show_section("chat")
    section.name.setFocus()
    QTest.keyClicks(section.name, "Ada")
    QTest.keyClick(section.name, Qt.Key.Key_Return)
    assert stored().chat.user_name == "Ada"
    section.preset.setCurrentIndex(section.preset.findData("coder"))
    section.preset.activated.emit(section.preset.currentIndex())
    assert stored().chat.default_preset == "coder"
    QTest.mouseClick(section.enter, CLICK)
    assert not stored().chat.enter_sends
    assert section.outgrown.currentData() == "drop_oldest"
    section.outgrown.setCurrentIndex(section.outgrown.findData("stop"))
    section.outgrown.activated.emit(section.outgrown.currentIndex())
    assert stored().chat.context_policy == "stop"


def test_folders_used_in_place(
    page: SettingsPage, tmp_path: Path, qtbot: QtBot, stored: Stored
) -> None:
    section = page.section("models")
    assert isinstance(section, FoldersSection)
    page.show_section("models")
    section.use_folder(str(tmp_path))
    assert stored().models.extra_folders == (str(tmp_path),)

    def labels() -> list[str]:
        return [label.text() for label in section.findChildren(QLabel)]

    qtbot.waitUntil(lambda: str(tmp_path) in labels())
    forget = [
        each
        for each in section.findChildren(QWidget)
        if each.accessibleName() == f"Forget {tmp_path}"
    ]
    QTest.mouseClick(forget[0], CLICK)
    assert stored().models.extra_folders == ()


def test_folders_of_known_programs_are_called_by_them(
    page: SettingsPage, corral_home: Path, qtbot: QtBot
) -> None:
    section = page.section("models")
    assert isinstance(section, FoldersSection)
    page.show_section("models")
    section.use_folder(str(corral_home / "person" / ".ollama" / "models"))
    qtbot.waitUntil(lambda: "Ollama" in {each.text() for each in section.findChildren(QLabel)})


@pytest.fixture
def network(page: SettingsPage) -> NetworkSection:
    section = page.section("network")
    assert isinstance(section, NetworkSection)
    page.show_section("network")
    section.endpoint.setFocus()
    return section


def test_hub_address(network: NetworkSection, stored: Stored) -> None:
    QTest.keyClicks(network.endpoint, "https://hub.example.org")
    QTest.keyClick(network.endpoint, Qt.Key.Key_Return)
    assert stored().network.endpoint == "https://hub.example.org"


def test_the_address_from_the_environment_is_shown(
    context: AppContext, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example.org")
    section = NetworkSection(context)
    show(section)
    section.show_settings(context.settings.current)
    assert section.endpoint.placeholderText() == "https://mirror.example.org"
    assert "HF_ENDPOINT" in section.hub_row.sentence.text()
    network = replace(context.settings.current.network, endpoint="https://hub.example.org")
    section.show_settings(replace(context.settings.current, network=network))
    assert section.endpoint.text() == "https://hub.example.org"
    assert "HF_ENDPOINT" not in section.hub_row.sentence.text()


def test_wrong_hub_address_is_told_and_not_stored(network: NetworkSection, stored: Stored) -> None:
    QTest.keyClicks(network.endpoint, "ftp://hub")
    assert network.endpoint.is_wrong()
    assert network.hub_row.sentence.property("role") == "danger"
    QTest.keyClick(network.endpoint, Qt.Key.Key_Return)
    assert stored().network.endpoint is None


def test_check_says_what_the_hub_answers(
    network: NetworkSection, context: AppContext, qtbot: QtBot
) -> None:
    settings = context.settings.current
    nobody = "http://127.0.0.1:9"
    context.settings.update(
        network=replace(settings.network, endpoint=nobody, ollama_registry=nobody)
    )
    QTest.mouseClick(network.check, CLICK)
    assert not network.check.isEnabled()
    qtbot.waitUntil(network.check.isEnabled, timeout=15_000)
    assert network.hub_row.sentence.property("role") == "danger"


def test_no_check_while_offline(network: NetworkSection, context: AppContext, qtbot: QtBot) -> None:
    settings = context.settings.current
    context.settings.update(network=replace(settings.network, offline=True))
    qtbot.waitUntil(lambda: not network.check.isEnabled())
    assert network.check.toolTip()


def test_search_finds_rows_and_says_when_there_is_none(page: SettingsPage) -> None:
    page.find_in_page()
    QTest.keyClicks(page.search, "theme")
    general = page.section("general")
    assert isinstance(general, GeneralSection)
    assert page.stack.currentWidget() is general
    assert not general.threads_row.isVisible()
    assert page.list.isRowHidden(3)
    page.search.setText("enter sends")
    assert page.stack.currentWidget() is page.section("chat")
    page.search.setText("xyzzy")
    assert page.stack.currentWidget() is page.nothing
    QTest.mouseClick(page.nothing.button, CLICK)
    assert page.search.text() == ""
    page.show_section("general")
    assert general.threads_row.isVisible()


def test_asks_whether_models_move_along(
    general: GeneralSection,
    context: AppContext,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = context.library.folder / "maker" / "repo" / "tiny.gguf"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"GGUF")
    context.library.scan()
    assert [each.source for each in context.library.models() if each.path == model] == ["corral"]
    asked: list[dict[str, str]] = []

    def choose(
        _self: Notifier,
        _title: str,
        _text: str,
        answers: dict[str, str],
        done: Callable[[str | None], object],
    ) -> None:
        asked.append(answers)
        done("move")

    monkeypatch.setattr(Notifier, "choose", choose)
    target = tmp_path / "new"
    target.mkdir()
    general.choose_folder(str(target))
    qtbot.waitUntil(lambda: general.folder.label.text() == str(target))
    assert list(asked[0]) == ["move", "leave"]
    assert (target / "maker" / "repo" / "tiny.gguf").exists()
    assert not model.exists()


def test_moving_the_models_is_told_and_can_be_cancelled(
    general: GeneralSection,
    context: AppContext,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow_move(
        path: Path, move: bool, progress: Progress, cancelled: Cancelled
    ) -> tuple[Path, ...]:
        progress(1, 4)
        while not cancelled():
            threading.Event().wait(0.01)
        raise Broken("The copying was broken off")

    monkeypatch.setattr(context.library, "change_folder", slow_move)
    general._use_folder(tmp_path / "new", move=True)
    qtbot.waitUntil(lambda: "25" in general.folder_row.sentence.text())
    assert general.change_folder.text() == "Cancel"
    general.change_folder.click()
    qtbot.waitUntil(lambda: general.change_folder.text() == "Change…")
    assert general.change_folder.isEnabled()
    assert general.folder_row.sentence.property("role") != "danger"


def test_about_opens_the_licences_of_all_parts(page: SettingsPage, qtbot: QtBot) -> None:
    page.open_with({"section": "about"})
    section = page.section("about")
    assert isinstance(section, AboutSection)
    section.licences_button.click()
    panel = page.window().findChild(LicencesPanel)
    assert isinstance(panel, LicencesPanel)
    assert panel.isVisible()
    words = panel.about_qt.text()
    assert "GNU Lesser General Public License, version 3" in words
    assert "in their place" in words
    assert "download.qt.io" in words
    model = panel.list.model()
    qtbot.waitUntil(lambda: model.rowCount() > 10, timeout=60_000)
    qtbot.waitUntil(lambda: panel.text.toPlainText() != "", timeout=60_000)
    names = [model.index(number, 0).data() for number in range(model.rowCount())]
    qt = next(number for number, name in enumerate(names) if name.startswith("PySide6"))
    panel.list.setCurrentIndex(model.index(qt, 0))
    assert "LGPL-3.0" in model.index(qt, 0).data(RowRole.SECOND)
    with qtbot.waitSignal(panel.closed):
        panel.close_button.click()


def test_sections_that_scroll_begin_where_the_others_do(page: SettingsPage) -> None:
    page.resize(1264, 420)
    places = set()
    for section in page.sections:
        page.open_with({"section": section.section_id})
        QApplication.processEvents()
        places.add(section.holder.mapTo(page, QPoint(0, 0)).x())
    assert len(places) == 1
