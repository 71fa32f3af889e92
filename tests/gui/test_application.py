"""The program as a whole: frame first, then the rest; an end that loses nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.errors import StorageError
from app.core.handover import Handover
from app.core.paths import app_paths
from app.core.settings import SettingsStore
from app.gui.application import Program, has_display
from app.gui.controls.buttons import IconButton
from app.gui.frame import Frame, first_scheme
from app.gui.icons import Icons
from app.gui.main_window import MainWindow
from app.gui.start_failure import StartFailure
from app.gui.tokens import load_tokens
from tests.timing import PATIENCE


@pytest.fixture
def program(qapp: QApplication, qtbot: QtBot) -> Iterator[Program]:
    program = Program(qapp, app_paths())
    yield program
    program.window.close()
    program.close()
    program.window.deleteLater()
    program.deleteLater()


def test_frame_is_painted_first_and_then_filled(program: Program, qtbot: QtBot) -> None:
    with qtbot.waitSignal(program.window.first_painted):
        program.start()
    qtbot.waitUntil(lambda: program.window.centralWidget() is not None)
    assert program.window.centralWidget() is program.main


def test_frame_has_the_grounds_of_the_theme(program: Program) -> None:
    picture = program.window.grab().toImage()
    theme = program.context.theme
    assert picture.pixelColor(10, 300) == theme.color("rail")
    assert picture.pixelColor(500, 300) == theme.color("canvas")


def test_frame_keeps_its_size(program: Program, qapp: QApplication) -> None:
    program.window.show()
    program.window.resize(1100, 720)
    program.window.close()
    again = Program(qapp, app_paths())
    assert again.window.height() == 720
    again.close()
    again.window.deleteLater()


def test_closing_twice_is_harmless(program: Program) -> None:
    program.furnish()
    program.close()
    program.close()


def test_closing_before_it_was_filled(qapp: QApplication) -> None:
    program = Program(qapp, app_paths())
    program.start()
    program.window.close()
    program.close()
    program.furnish()
    assert program.window.centralWidget() is None
    program.window.deleteLater()


def test_a_broken_settings_file_is_told_of(qapp: QApplication, qtbot: QtBot) -> None:
    paths = app_paths()
    paths.settings_file.parent.mkdir(parents=True)
    paths.settings_file.write_text("{broken", encoding="utf-8")
    program = Program(qapp, paths)
    program.start()
    qtbot.waitUntil(lambda: program.window.centralWidget() is not None)
    [notice] = program.main.notices
    qtbot.waitUntil(notice.isVisible)
    assert "damaged" in notice.label.text()
    assert "offline" in notice.label.text()
    program.main.open_page("settings")
    program.context.notifier.toast("Another note")
    assert notice.isVisible()
    close = notice.findChildren(IconButton)[-1]
    QTest.mouseClick(close, Qt.MouseButton.LeftButton)
    assert program.main.notices == []
    program.window.close()
    program.close()
    program.window.deleteLater()


def test_a_data_folder_in_the_way_is_told_in_the_window(program: Program, qtbot: QtBot) -> None:
    data = app_paths().data
    data.write_bytes(b"a file where the folder should be")
    program.start()
    qtbot.waitUntil(lambda: isinstance(program.window.centralWidget(), StartFailure))
    page = program.window.centralWidget()
    assert isinstance(page, StartFailure)
    assert page.card.isVisible()
    assert page.card.title.text() == "The chats cannot be opened"
    assert [button.text() for button in page.card.buttons] == ["Try again", "Open folder"]
    page.card.buttons[0].click()  # in vain
    qtbot.waitUntil(lambda: program.window.centralWidget() is not page)
    again = program.window.centralWidget()
    assert isinstance(again, StartFailure)
    data.unlink()
    again.card.buttons[0].click()
    qtbot.waitUntil(lambda: isinstance(program.window.centralWidget(), MainWindow))
    assert program.window.centralWidget() is program.main


def test_after_a_start_in_vain_the_data_is_used_once(program: Program, qtbot: QtBot) -> None:
    """Else no copy could be put back: another Corral would seem to run."""
    chats = app_paths().conversations
    chats.mkdir(parents=True)
    program.start()
    qtbot.waitUntil(lambda: isinstance(program.window.centralWidget(), StartFailure))
    chats.rmdir()
    page = program.window.centralWidget()
    assert isinstance(page, StartFailure)
    page.card.buttons[0].click()
    qtbot.waitUntil(lambda: isinstance(program.window.centralWidget(), MainWindow))
    assert program.context.data_use.is_alone()


def test_what_comes_while_the_window_is_opening_waits_for_it(
    qapp: QApplication, qtbot: QtBot, corral_home: Path
) -> None:
    handover, later = Handover(app_paths()), Handover(app_paths())
    assert handover.claim()
    assert not later.claim()
    assert later.pass_on([str(corral_home / "model.gguf")])
    program = Program(qapp, app_paths(), handover=handover)
    program.start()
    qtbot.waitUntil(lambda: isinstance(program.window.centralWidget(), MainWindow))
    assert program.main.open_requests is not None
    assert program.main.open_requests.panel is not None
    program.window.close()
    program.close()
    handover.close()
    program.window.deleteLater()


def test_the_window_closes_where_nothing_can_be_written(
    qapp: QApplication, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    paths = app_paths()
    paths.data.write_bytes(b"a file where the folder should be")
    program = Program(qapp, paths)
    program.start()
    qtbot.waitUntil(lambda: program.window.centralWidget() is not None)
    assert program.window.close()
    assert "the place of the window is not kept" in caplog.text
    program.close()
    program.window.deleteLater()


def test_a_full_window_closes_where_settings_cannot_be_written(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.start()
    qtbot.waitUntil(lambda: program.window.centralWidget() is not None)

    def refuse(_: SettingsStore, **__: object) -> None:
        raise StorageError("The disk is full")

    monkeypatch.setattr(SettingsStore, "update", refuse)
    assert program.window.close()


def test_a_defect_before_the_window_is_filled_is_told(program: Program) -> None:
    program.report(ZeroDivisionError("planted"))
    page = program.window.centralWidget()
    assert isinstance(page, StartFailure)
    assert page.card.title.text() == "Corral could not start"
    assert "planted" in page.card.detail.toPlainText()


def test_the_nearest_folder_that_is_there_is_opened(
    icons: Icons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    page = StartFailure(icons, StorageError("No disk"), tmp_path / "gone" / "data")
    page.card.buttons[1].click()
    assert opened == [str(tmp_path)]
    page.deleteLater()


def test_defect_in_a_slot_is_reported_and_the_program_goes_on(program: Program) -> None:
    program.furnish()
    program.window.show()
    program.report(ZeroDivisionError("planted"))
    report = program.context.notifier.shown_report()
    assert report is not None
    assert "planted" in report.details.toPlainText()
    QTest.keyClick(report.close_button, Qt.Key.Key_Space)
    assert not report.isVisible()


def test_a_setting_that_cannot_be_stored_is_no_defect(program: Program) -> None:
    program.furnish()
    notifier = program.context.notifier
    program.report(StorageError("The settings could not be written", "The disk is full."))
    assert notifier.shown_report() is None
    toast = notifier.shown_toast()
    assert toast is not None
    assert toast.accessibleName() == "The settings could not be written. The disk is full."


@pytest.mark.parametrize("choice", ["dark", "light"])
def test_first_scheme_is_the_chosen_one(qapp: QApplication, tmp_path: Path, choice: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(f'{{"version": 1, "appearance": {{"theme": "{choice}"}}}}', encoding="utf-8")
    assert first_scheme(SettingsStore(file)) == choice


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_first_scheme_on_windows_is_the_desktops(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    """There the palette is light on a dark desktop, too, and the window would flash."""

    class Hints:
        """Stands for what Windows tells Qt."""

        colorScheme = staticmethod(lambda: Qt.ColorScheme[theme.capitalize()])

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(QGuiApplication, "styleHints", lambda: Hints())
    assert first_scheme(SettingsStore(tmp_path / "settings.json")) == theme


def test_frame_fits_on_a_small_screen(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1080 pixels shown at 150 %, less the task bar."""

    class Screen:
        """Stands for such a screen."""

        availableSize = staticmethod(lambda: QSize(1280, 672))

    monkeypatch.setattr(Frame, "screen", lambda self: Screen())
    frame = Frame(SettingsStore(tmp_path / "settings.json"), load_tokens())
    assert frame.height() <= 672 - 31, "Windows' title bar has 31 pixels"
    assert frame.minimumHeight() <= frame.height()
    frame.deleteLater()


@pytest.mark.skipif(sys.platform != "linux", reason="only there a display can be missing")
def test_display_is_looked_for() -> None:
    assert not has_display({})
    assert has_display({"DISPLAY": ":0"})
    assert has_display({"QT_QPA_PLATFORM": "offscreen"})


def test_without_a_display_it_says_how_to_go_on(corral_home: Path) -> None:
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-m", "app"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 1
    assert "corral run" in done.stderr


_WINDOW = """
import sys
from PySide6.QtCore import QTimer
from app.gui import application

def tell(self):
    furnish(self)
    print("ready", flush=True)

furnish = application.Program.furnish
application.Program.furnish = tell
sys.exit(application.main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to send there")
def test_a_request_of_the_system_to_end_is_followed_in_order(corral_home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _WINDOW],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.wait(PATIENCE) == 0
    process.stdout.close()
    settings = SettingsStore(app_paths().settings_file).current
    assert settings.window.geometry


def test_first_paint_needs_little() -> None:
    """What the frame does not need is not imported before it is painted."""
    code = "import sys, app.gui.application; print(list(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    parts = ("app.core.hub", "app.core.runtime", "app.gui.main_window", "app.gui.controls")
    for module in (*parts, "app.api", "jinja2", "plistlib", "starlette", "uvicorn"):
        assert f"'{module}'" not in done.stdout
