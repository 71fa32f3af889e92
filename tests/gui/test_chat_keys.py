"""The chat page by keyboard, and in a small window."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.chat_empty import PresetButton, StartCard
from app.gui.composer_field import ComposerField
from tests.gui.chat_desk import Desk, Sit, sitting

pytestmark = pytest.mark.gui


@pytest.fixture
def sit(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sit]:
    yield from sitting(qapp, qtbot, monkeypatch)


def test_delete_key_puts_a_chat_in_the_trash_and_undo_brings_it_back(sit: Sit) -> None:
    desk = sit()
    chat = desk.context.store.create(title="Bread dough", preset_id="blank")
    desk.until(lambda: chat.id in desk.rows())
    view, model = desk.page.list.view, desk.page.list.model
    row = model.row_of(chat.id)
    assert row is not None
    view.setFocus(Qt.FocusReason.TabFocusReason)
    view.setCurrentIndex(model.index(row))
    QTest.keyClick(view, Qt.Key.Key_Delete)
    desk.until(lambda: chat.id not in desk.rows())
    desk.toast_action()
    desk.until(lambda: chat.id in desk.rows())


def test_tab_goes_through_a_new_chat_before_the_composer_and_the_settings(sit: Sit) -> None:
    desk = sit()
    desk.new_chat()
    desk.page.header.inspector.setFocus(Qt.FocusReason.TabFocusReason)
    order = []
    for _ in range(40):
        QTest.keyClick(desk.frame.focusWidget(), Qt.Key.Key_Tab)
        order.append(desk.frame.focusWidget())
        if isinstance(order[-1], ComposerField):
            break
    kinds = [type(each) for each in order]
    assert kinds.count(PresetButton) == len(desk.context.presets.list())
    assert kinds.count(StartCard) == 4
    assert kinds.index(PresetButton) < kinds.index(StartCard)
    assert order[-1] is desk.page.pane.composer.field
    assert not any(desk.page.inspector.isAncestorOf(each) for each in order)


def test_a_small_window_gives_the_list_240_and_gives_its_width_back(sit: Sit) -> None:
    desk = sit()
    layout = desk.page.layout_of_chat
    widths = []
    for width in (1320, 1024, 1320):
        desk.frame.resize(width, 700)
        QApplication.processEvents()
        widths.append(desk.page.list.width() + 1)
        assert layout.list_width == 264
    assert widths == [264, 240, 264]


def inspector_shown(desk: Desk) -> bool:
    return desk.page.inspector.isVisible()


def test_esc_closes_the_settings_that_lie_over_the_messages(sit: Sit) -> None:
    desk = sit()
    desk.frame.resize(1024, 700)
    desk.until(lambda: not inspector_shown(desk))
    desk.page.header.inspector.click()
    desk.until(lambda: inspector_shown(desk))
    side, header = desk.page.inspector, desk.page.header
    assert side.mapTo(desk.page, side.rect().topLeft()).y() > header.geometry().bottom()
    side.close_button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(side.close_button, Qt.Key.Key_Escape)
    assert not inspector_shown(desk)
    assert header.inspector.hasFocus()
