"""What tests of the window share: a themed application and a fresh set of real parts."""

import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QObject, QTimer, SignalInstance
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from pytestqt.wait_signal import SignalBlocker

from app.core.paths import app_paths
from app.core.settings import SettingsStore
from app.gui.assembly import assemble, close_context, make_look
from app.gui.context import AppContext
from app.gui.icons import Icons
from app.gui.theme import Theme


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the offscreen platform says it cannot do is no fault of the window."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support"))


PATIENCE_MS = 60_000
"""Wait for what a busy machine may be slow with: a file that is written, a child that starts."""


class PatientBot(QtBot):
    """A `qtbot` that waits longer, unless it is told how long."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = PATIENCE_MS) -> None:
        """Wait until `callback` is true or raises no assertion."""
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(
        self,
        signal: SignalInstance,
        *,
        timeout: int = PATIENCE_MS,
        raising: bool | None = None,
        check_params_cb: Callable[..., bool] | None = None,
    ) -> SignalBlocker:
        """Wait until `signal` is emitted within the block."""
        return super().waitSignal(
            signal, timeout=timeout, raising=raising, check_params_cb=check_params_cb
        )


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> PatientBot:
    """The plugin's, with more patience."""
    return PatientBot(request)


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    """The program's name, as the application sets it."""
    return ["corral"]


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    """The light theme, in force."""
    theme = Theme()
    theme.apply(qapp)
    theme.choose("light")
    yield theme
    theme.deleteLater()


@pytest.fixture
def icons(theme: Theme) -> Icons:
    """Icons of the theme."""
    return Icons(theme)


@pytest.fixture
def context(qapp: QApplication, corral_home: Path) -> Iterator[AppContext]:
    """All parts of the program, real ones, in this test's own home; closed afterwards."""
    owner = QObject()
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    icons = make_look(qapp, settings)
    icons.theme.setParent(owner)
    icons.theme.choose("light")
    context = assemble(paths, settings, icons, parent=owner)
    yield context
    for widget in QApplication.topLevelWidgets():
        widget.close()
    close_context(context)
    owner.deleteLater()


@pytest.fixture
def show(qtbot: QtBot) -> Callable[[QWidget], QWidget]:
    """Show a widget and wait until it is; it is closed after the test."""

    def shown(widget: QWidget) -> QWidget:
        qtbot.addWidget(widget)
        widget.show()
        qtbot.waitExposed(widget)
        widget.activateWindow()
        return widget

    return shown


@pytest.fixture
def english() -> Iterator[None]:
    """Numbers and dates as they are written in Britain, whatever the computer is set to."""
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    yield
    QLocale.setDefault(before)


def _forget_deleted() -> None:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()


def _left_over(app: QApplication, before: set[QWidget]) -> list[str]:
    widgets = [widget for widget in app.topLevelWidgets() if widget not in before]
    timers = [timer for timer in app.findChildren(QTimer) if timer.isActive()]
    return [f"widget {type(widget).__name__}" for widget in widgets] + ["timer"] * len(timers)


@pytest.fixture(autouse=True)
def no_window_left_behind(qapp: QApplication) -> Iterator[None]:
    """A top-level widget that was not deleted, or a timer still running, fails the test."""
    before = set(qapp.topLevelWidgets())
    yield
    deadline = time.monotonic() + 30
    while True:
        _forget_deleted()
        left = _left_over(qapp, before)
        if not left:
            return
        gc.collect()
        if time.monotonic() > deadline:
            pytest.fail(f"left behind: {', '.join(left)}")
