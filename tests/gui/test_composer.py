"""The composer: keys, growth, the gauge, what keeps from sending."""

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, Qt
from PySide6.QtGui import QHelpEvent, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.gui.composer import Composer
from app.gui.controls.bars import RingGauge
from app.gui.icons import Icons
from app.gui.theme import Theme

ONE_LINE = 86 + 16


@pytest.fixture
def composer(theme: Theme, icons: Icons, show: Callable[[QWidget], QWidget]) -> Iterator[Composer]:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addStretch(1)
    composer = Composer(theme, icons)
    layout.addWidget(composer)
    page.resize(704, 800)
    show(page)
    composer.focus_field()
    yield composer
    page.close()


def press(composer: Composer, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
    held = Qt.KeyboardModifier.NoModifier
    for modifier in modifiers:
        held |= modifier
    QApplication.sendEvent(composer.field, QKeyEvent(QKeyEvent.Type.KeyPress, key, held))


def test_enter_sends_and_empties_the_field(composer: Composer, qtbot: QtBot) -> None:
    QTest.keyClicks(composer.field, "hello")
    with qtbot.waitSignal(composer.send_requested) as sent:
        press(composer, Qt.Key.Key_Return)
    assert sent.args == ["hello"]
    assert composer.text() == ""


def test_shift_enter_breaks_the_line(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("one")
    with qtbot.assertNotEmitted(composer.send_requested):
        press(composer, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        QTest.keyClicks(composer.field, "two")
    assert composer.text() == "one\ntwo"


def test_enter_may_break_the_line_and_ctrl_enter_send(composer: Composer, qtbot: QtBot) -> None:
    composer.set_enter_sends(False)
    composer.set_text("one")
    press(composer, Qt.Key.Key_Return)
    assert composer.text() == "one\n"
    with qtbot.waitSignal(composer.send_requested):
        press(composer, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def test_nothing_is_sent_without_text(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text(" \n ")
    assert not composer.send_button.isEnabled()
    with qtbot.assertNotEmitted(composer.send_requested):
        press(composer, Qt.Key.Key_Return)
    composer.set_text("x")
    assert composer.send_button.isEnabled()


def test_stop_takes_the_place_of_send(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("the next one")
    composer.set_generating(True)
    assert composer.stop_button.isVisible()
    assert not composer.send_button.isVisible()
    with qtbot.assertNotEmitted(composer.send_requested):
        press(composer, Qt.Key.Key_Return)
    with qtbot.waitSignal(composer.stop_requested):
        composer.stop_button.click()
    with qtbot.waitSignal(composer.stop_requested):
        press(composer, Qt.Key.Key_Escape)
    composer.set_generating(False)
    assert composer.send_button.isVisible()
    assert composer.text() == "the next one"


def test_escape_stops_nothing_when_nothing_runs(composer: Composer, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(composer.stop_requested):
        press(composer, Qt.Key.Key_Escape)


def test_it_grows_to_its_share_of_the_window_and_scrolls_then(composer: Composer) -> None:
    assert composer.height() == ONE_LINE
    composer.set_text("one\ntwo\nthree")
    assert composer.height() == ONE_LINE + 2 * 24
    composer.set_text("\n".join("line" for _ in range(100)))
    most = composer.height()
    assert most - 16 <= 800 * 0.4
    assert composer.field.verticalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAsNeeded
    composer.window().resize(704, 700)
    assert composer.height() < most
    composer.set_text("")
    assert composer.height() == ONE_LINE


def test_long_lines_count_as_many(composer: Composer) -> None:
    composer.set_text("word " * 60)
    assert composer.height() >= ONE_LINE + 2 * 24


def test_a_large_paste_is_taken_as_plain_text(composer: Composer) -> None:
    data = QMimeData()
    data.setHtml("<b>bold</b>")
    data.setText("line\n" * 20_000)
    composer.field.insertFromMimeData(data)
    assert len(composer.text()) == 100_000
    assert composer.height() - 16 <= 800 * 0.4


def test_line_height_stays_after_typing_and_emptying(composer: Composer) -> None:
    composer.set_text("one\ntwo")
    composer.set_text("")
    QTest.keyClicks(composer.field, "a")
    press(composer, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(composer.field, "b")
    assert composer.height() == ONE_LINE + 24
    composer.field.selectAll()
    press(composer, Qt.Key.Key_Delete)
    QTest.keyClicks(composer.field, "c")
    assert composer.height() == ONE_LINE


def test_up_in_the_empty_field_asks_for_the_last_message(composer: Composer, qtbot: QtBot) -> None:
    with qtbot.waitSignal(composer.edit_last_requested):
        press(composer, Qt.Key.Key_Up)
    composer.set_text("x")
    with qtbot.assertNotEmitted(composer.edit_last_requested):
        press(composer, Qt.Key.Key_Up)


def test_the_draft_is_told(composer: Composer, qtbot: QtBot) -> None:
    with qtbot.waitSignal(composer.draft_changed) as changed:
        QTest.keyClicks(composer.field, "d")
    assert changed.args == ["d"]


def test_the_gauge_tells_tokens_and_keeps_from_sending_too_much(composer: Composer) -> None:
    composer.set_text("x")
    composer.set_tokens(120, 819)
    assert composer.token_words() == "120 / 819 tokens"
    assert composer.can_send()
    composer.set_tokens(820, 819, sendable=False)
    assert not composer.can_send()
    assert "1 tokens more" in composer.send_button.toolTip()
    composer.set_tokens(820, 819)  # fits when earlier messages are left out
    assert composer.can_send()
    assert "Older messages" in composer.send_button.toolTip()
    composer.set_tokens(None)
    assert composer.token_words() == ""
    assert composer.can_send()


def test_the_gauge_tells_what_is_left_out_when_the_chat_outgrows_the_context(
    composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gauge = composer.findChild(RingGauge)
    assert isinstance(gauge, RingGauge)
    composer.set_tokens(120, 819)
    assert gauge.toolTip().startswith("120 / 819 tokens of the context")
    assert "When the chat outgrows it, its oldest turns are left out." in gauge.toolTip()
    assert gauge.accessibleDescription() == gauge.toolTip()
    composer.set_context_policy("truncate_middle")
    assert "When the chat outgrows it, its middle is left out." in gauge.toolTip()
    composer.set_context_policy("stop")
    assert "nothing more can be sent" in gauge.toolTip()
    composer.set_tokens(820, 819, sendable=False)
    assert "1 tokens more than the context holds" in gauge.toolTip()
    composer.set_context_policy("truncate_middle")
    composer.set_tokens(820, 819)
    assert "The chat has outgrown it: its middle is left out." in gauge.toolTip()
    assert "The middle of this chat" in composer.send_button.toolTip()

    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _at, text, *_: told.append(text))
    beside = gauge.geometry().center() + QPoint(30, 0)
    for place in (beside, QPoint(5, 5)):
        event = QHelpEvent(QEvent.Type.ToolTip, place, composer.mapToGlobal(place))
        QApplication.sendEvent(composer, event)
    assert told == [gauge.toolTip(), ""]


def test_an_obstacle_is_named(composer: Composer) -> None:
    composer.set_text("x")
    composer.set_obstacle("Reload the model to go on")
    assert not composer.can_send()
    assert composer.field.accessibleName() == "Reload the model to go on"
    assert composer.send_button.toolTip() == "Reload the model to go on"
    composer.set_obstacle("")
    composer.set_model_name("Qwen3 8B")
    assert composer.field.accessibleName() == "Message Qwen3 8B"


def test_the_column_is_that_of_the_transcript(composer: Composer) -> None:
    composer.window().resize(1400, 800)
    assert composer.field.x() == (1400 - 720) // 2 + 17
    assert composer.field.width() == 720 - 34


def test_a_larger_reading_size_is_taken_up(composer: Composer, theme: Theme) -> None:
    composer.set_text("one\ntwo")
    before = composer.height()
    theme.choose("light", 22)
    assert composer.height() > before
    theme.choose("light", 15)
