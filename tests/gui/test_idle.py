"""A window that nobody touches paints nothing but the caret."""

from collections import Counter
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.gui.chat_page import ChatPage
from app.gui.context import AppContext
from app.gui.main_window import PLACES, MainWindow

Show = Callable[[QWidget], QWidget]

IDLE_MS = 1000
SETTLED_MS = 150
DEADLINE_MS = 60_000
"""For a page to be drawn on a slow computer."""
MOST = 4
"""Paints of one widget in that time: a caret that blinks twice, and what is around it."""


class PaintCount(QObject):
    """Counts the paint events of every widget, and says when there were none for a while."""

    def __init__(self, app: QApplication) -> None:
        super().__init__()
        self.paints: Counter[str] = Counter()
        self.quiet = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._app = app
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note who paints."""
        if event.type() == QEvent.Type.Paint and isinstance(watched, QWidget):
            name = f"{type(watched).__name__} {watched.accessibleName()} {id(watched):x}"
            self.paints[name] += 1
            self.quiet.start()
        return False

    def close(self) -> None:
        """Count no more."""
        self._app.removeEventFilter(self)


@pytest.fixture
def window(context: AppContext, show: Show) -> MainWindow:
    models = replace(context.settings.current.models, starter_seen=True)
    network = replace(context.settings.current.network, offline=True)
    context.settings.update(models=models, network=network)
    window = MainWindow(context)
    window.resize(1320, 800)
    show(window)
    return window


def paints_at_rest(qapp: QApplication, qtbot: QtBot) -> Counter[str]:
    """Paints of each widget in a second, once a page that was just opened is drawn."""
    count = PaintCount(qapp)
    try:
        # A page that never comes to rest is counted too.
        with qtbot.waitSignal(count.quiet.timeout, timeout=DEADLINE_MS, raising=False):
            count.quiet.start()
        count.paints.clear()
        qtbot.wait(IDLE_MS)
        count.quiet.stop()
        return count.paints
    finally:
        count.close()


def assert_at_rest(qapp: QApplication, qtbot: QtBot) -> None:
    paints = paints_at_rest(qapp, qtbot)
    assert {name: times for name, times in paints.items() if times > MOST} == {}


@pytest.mark.parametrize("page", [place for place, _, _ in PLACES])
def test_a_page_at_rest_paints_nothing(
    page: str, window: MainWindow, qapp: QApplication, qtbot: QtBot
) -> None:
    window.open_page(page)
    if page == "chat":
        chat = window.page("chat")
        assert isinstance(chat, ChatPage)
        assert chat.inspector.isVisible()
    assert_at_rest(qapp, qtbot)


def test_the_preset_editor_at_rest_paints_nothing(
    window: MainWindow, qapp: QApplication, qtbot: QtBot
) -> None:
    chat = window.page("chat")
    assert isinstance(chat, ChatPage)
    chat.presets.manage("coder")
    assert_at_rest(qapp, qtbot)
