"""Finding words in a chat: over all messages, marked where they are shown."""

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.gui.blocks_text import ReadingBrowser
from app.gui.controls.labels import Label
from app.gui.find_bar import FindBar
from app.gui.icons import Icons
from app.gui.message_find import count
from app.gui.message_item import MessageItem
from app.gui.theme import Theme
from app.gui.transcript import TranscriptView
from app.gui.transcript_find import Finder
from app.gui.worker import Worker
from tests.gui.transcript_load import long_chat
from tests.timing import PATIENCE

CHAT = [
    MessageItem(1, "user", "Where is the needle?"),
    MessageItem(2, "assistant", "A **needle**, a `needle`\n\n```\nneedle = 1\n```", model_name="M"),
    *(MessageItem(n, "assistant", "hay " * 400, model_name="M") for n in range(3, 40)),
    MessageItem(40, "assistant", "| the |\n|---|\n| Needle |", model_name="M"),
]


@pytest.fixture
def transcript(
    theme: Theme, icons: Icons, qtbot: QtBot, show: Callable[[QWidget], QWidget]
) -> Iterator[TranscriptView]:
    worker = Worker()
    transcript = TranscriptView(theme, icons, worker)
    transcript.resize(704, 600)
    show(transcript)
    transcript.set_messages(CHAT)
    yield transcript
    assert worker.close(PATIENCE)


@pytest.fixture
def bar(transcript: TranscriptView, icons: Icons) -> FindBar:
    bar = FindBar(icons, transcript, transcript)
    bar.open_bar()
    return bar


def marks(transcript: TranscriptView, message_id: int) -> int:
    view = transcript.view_of(message_id)
    assert view is not None
    return sum(len(text.extraSelections()) for text in view.findChildren(ReadingBrowser))


def texts_of(transcript: TranscriptView) -> list[ReadingBrowser]:
    views = (transcript.view_of(item.id) for item in transcript.items())
    return [text for view in views if view for text in view.findChildren(ReadingBrowser)]


def press(widget: QWidget, key: Qt.Key, shift: bool = False) -> None:
    held = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QKeyEvent(QKeyEvent.Type.KeyPress, key, held))


def test_all_messages_are_searched_without_their_widgets(
    transcript: TranscriptView, qtbot: QtBot
) -> None:
    assert transcript.view_of(1) is None
    with qtbot.waitSignal(transcript.found) as found:
        assert transcript.find_text("NEEDLE") == 5
    assert found.args == [5, 5]
    assert marks(transcript, 40) == 1


def test_next_goes_round_and_scrolls_to_cold_messages(transcript: TranscriptView) -> None:
    transcript.find_text("needle")
    transcript.find_next()
    view = transcript.view_of(1)
    assert view is not None
    assert 0 <= view.y() < 600
    transcript.find_next()
    assert marks(transcript, 2) == 3
    transcript.find_previous()
    transcript.find_previous()
    last = transcript.view_of(40)
    assert last is not None
    assert last.y() < 600


def test_every_match_of_a_message_can_be_looked_at(transcript: TranscriptView) -> None:
    transcript.find_text("needle")
    accent = transcript._theme.color("accent-fill")
    seen = []
    for _ in range(5):
        transcript.find_next()
        chosen = [
            (text, selection.cursor.position())
            for text in texts_of(transcript)
            for selection in text.extraSelections()
            if selection.format.background().color() == accent
        ]
        assert len(chosen) == 1
        seen.append(chosen[0])
    assert len(set(seen)) == 5


def test_marks_go_when_the_search_ends(transcript: TranscriptView) -> None:
    transcript.find_text("needle")
    transcript.find_text("")
    assert marks(transcript, 40) == 0


def test_the_bar_counts_and_walks(bar: FindBar, transcript: TranscriptView, qtbot: QtBot) -> None:
    label = bar.findChildren(QLabel)[0]
    QTest.keyClicks(bar.field, "needle")
    qtbot.waitUntil(lambda: label.text() == "5 of 5")
    press(bar, Qt.Key.Key_Return)
    assert label.text() == "1 of 5"
    press(bar, Qt.Key.Key_Return, shift=True)
    assert label.text() == "5 of 5"
    bar.field.setText("nothing like it")
    press(bar, Qt.Key.Key_Return)
    assert label.text() == "No matches"
    assert not bar.next.isEnabled()


def test_no_matches_is_shown_whole(bar: FindBar, qtbot: QtBot) -> None:
    bar.adjustSize()
    qtbot.keyClicks(bar.field, "zebra")
    press(bar.field, Qt.Key.Key_Return)
    count = next(label for label in bar.findChildren(Label) if label.text() == "No matches")
    assert count.width() >= count.fontMetrics().horizontalAdvance(count.text())
    assert bar.width() >= bar.sizeHint().width()


def test_escape_closes_the_bar(bar: FindBar, transcript: TranscriptView, qtbot: QtBot) -> None:
    bar.field.setText("needle")
    press(bar, Qt.Key.Key_Return)
    assert marks(transcript, 40) == 1
    with qtbot.waitSignal(bar.closed):
        press(bar.field, Qt.Key.Key_Escape)
    assert bar.isHidden()
    assert marks(transcript, 40) == 0
    bar.open_bar()
    assert bar.field.selectedText() == "needle"


def test_markdown_is_not_part_of_the_words() -> None:
    finder = Finder()
    text = "## The *big* [link](https://hidden.example) and **bold** `code`"
    finder.search([MessageItem(1, "assistant", text)], "the big link and bold code")
    assert len(finder.matches) == 1
    finder.search([MessageItem(1, "assistant", text)], "hidden")
    assert finder.matches == []
    finder.search([MessageItem(1, "user", "a *b*")], "*b*")
    assert len(finder.matches) == 1


def test_a_changed_message_is_searched_anew() -> None:
    finder = Finder()
    finder.search([MessageItem(1, "assistant", "old")], "old")
    finder.search([MessageItem(1, "assistant", "new")], "old")
    assert finder.match is None
    assert finder.step(1) is None


def test_counts_agree_with_what_is_shown(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(4))
    transcript.resize(704, 4000)
    total = transcript.find_text("bisect")
    views = (transcript.view_of(n) for n in range(1, 5))
    assert total == sum(count(view, "bisect") for view in views if view is not None)
