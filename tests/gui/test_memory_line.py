"""Where the model's memory begins, and what the engine notes: as shown in the transcript."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QLocale, Qt
from PySide6.QtGui import QAccessible, QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from app.core.conversations import Message
from app.core.settings import Chat
from app.gui.blocks_text import ReadingBrowser, TextRun
from app.gui.icons import Icons
from app.gui.memory_line import HEIGHT, MemoryLine, explanation, memory_begins
from app.gui.message_item import MessageItem, from_message
from app.gui.message_notes import MessageNotes
from app.gui.message_view import MessageView
from app.gui.theme import Theme
from app.gui.transcript import TranscriptView
from app.gui.worker import Worker
from backends.types import LoadConfig, Progress, Role, SamplingParams
from tests.gui.chat_desk import DEADLINE_MS, Desk, Sit, sitting
from tests.gui.transcript_load import long_chat
from tests.timing import PATIENCE

pytestmark = pytest.mark.gui

WORDS = "one two three four five six seven eight nine ten " * 4
CONTEXT = 256


@pytest.fixture
def sit(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sit]:
    yield from sitting(qapp, qtbot, monkeypatch)


@pytest.fixture
def transcript(
    theme: Theme, icons: Icons, qtbot: QtBot, show: Callable[[QWidget], QWidget]
) -> Iterator[TranscriptView]:
    worker = Worker()
    transcript = TranscriptView(theme, icons, worker)
    transcript.resize(704, 600)
    show(transcript)
    yield transcript
    assert worker.close(PATIENCE)


def lines_of(transcript: TranscriptView) -> list[MemoryLine]:
    views = transcript.viewport().findChildren(MessageView)
    lines = [line for v in views if not v.isHidden() for line in v.findChildren(MemoryLine)]
    return [line for line in lines if not line.isHidden()]


def line_before(transcript: TranscriptView) -> int | None:
    """Id of the message that the line stands before; looks at widgets only."""
    places = []
    for line in lines_of(transcript):
        view = line.parentWidget()
        assert isinstance(view, MessageView)
        places.append(view.item.id)
    assert len(places) <= 1
    return places[0] if places else None


def notes_of(view: MessageView) -> list[str]:
    [holder] = view.findChildren(MessageNotes)
    return [each.toPlainText() for each in holder.findChildren(TextRun) if not each.isHidden()]


def with_memory(items: list[MessageItem], first_kept: int | None) -> list[MessageItem]:
    return [*items[:-1], replace(items[-1], first_kept=first_kept)]


def press(widget: QWidget, key: Qt.Key) -> None:
    event = QKeyEvent(QKeyEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


# Which message it is


def test_the_latest_answer_says_where_memory_begins() -> None:
    items = long_chat(6)
    assert memory_begins([], ()) is None
    assert memory_begins(items, ()) is None
    assert memory_begins(with_memory(items, 3), ()) == 3
    later = [*with_memory(items, 3), MessageItem(7, "user", "And?")]
    assert memory_begins(later, ()) == 3
    assert memory_begins([*later, MessageItem(8, "assistant", "All.")], ()) is None


def test_an_answer_without_a_word_counts_once_its_prompt_is_known() -> None:
    items = [*with_memory(long_chat(4), 3), MessageItem(5, "user", "And?")]
    waiting = MessageItem(6, "assistant", "", state="streaming", first_kept=5)
    assert memory_begins([*items, waiting], ()) == 3
    assert memory_begins([*items, waiting], {6}) == 5
    assert memory_begins([*items, replace(waiting, first_kept=None)], {6}) is None


def test_items_know_what_is_stored_of_memory_and_notes() -> None:
    message = Message(4, 1, 3, "assistant", "x", 5.0, first_kept=2, notes=("A note.",))
    item = from_message(message)
    assert (item.first_kept, item.notes) == (2, ("A note.",))


# The line as a part of a row


def test_the_line_stands_above_its_message_and_moves_with_the_memory(
    transcript: TranscriptView,
) -> None:
    items = [
        MessageItem(n, "assistant" if n % 2 == 0 else "user", f"text {n}") for n in range(1, 9)
    ]
    transcript.resize(704, 1000)  # all of them are in view
    transcript.set_messages(items)
    assert line_before(transcript) is None
    plain = {item.id: view_height(transcript, item.id) for item in items}
    for begins in (3, 6, None, 5, 1):
        transcript.set_messages(with_memory(items, begins))
        assert line_before(transcript) == begins
        for item in items:
            extra = HEIGHT if item.id == begins else 0
            assert view_height(transcript, item.id) == plain[item.id] + extra
    [line] = lines_of(transcript)
    view = line.parentWidget()
    assert isinstance(view, MessageView)
    assert line.y() == 0
    assert view.column.y() >= line.height() + 8
    assert line.height() >= line.fontMetrics().height()


def view_height(transcript: TranscriptView, message_id: int) -> int:
    view = transcript.view_of(message_id)
    assert view is not None
    return view.height()


def test_a_message_below_the_line_is_edited_below_it(transcript: TranscriptView) -> None:
    items = with_memory(long_chat(2), 1)
    transcript.set_messages(items)
    transcript.begin_edit(1)
    view = transcript.view_of(1)
    assert view is not None
    [line] = lines_of(transcript)
    assert view._editor is not None
    assert view._editor.y() == HEIGHT > line.geometry().bottom()


def test_what_is_looked_at_stays_when_the_line_comes_and_goes(transcript: TranscriptView) -> None:
    items = long_chat(60)
    transcript.set_messages(items)
    bar = transcript.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    seen = [v for v in transcript.viewport().findChildren(MessageView) if not v.isHidden()]
    top = min((v for v in seen if v.y() + v.height() > 0), key=lambda view: view.y())
    bar.setValue(bar.value() + top.y() + 60)  # within the message
    watched, bottom = top.item.id, top.geometry().bottom()
    for begins in (watched, None, watched - 2, watched, watched - 30, watched + 1, None):
        transcript.set_messages(with_memory(items, begins))
        view = transcript.view_of(watched)
        assert view is not None
        assert view.geometry().bottom() == bottom


def test_the_line_is_there_when_its_message_comes_into_view(transcript: TranscriptView) -> None:
    transcript.set_messages(with_memory(long_chat(200), 21))
    assert line_before(transcript) is None
    transcript.scroll_to(21)
    assert line_before(transcript) == 21
    view = transcript.view_of(21)
    assert view is not None
    assert view.y() == 20
    transcript.jump_to_end()
    assert line_before(transcript) is None


def test_the_view_stays_at_the_end_when_the_line_comes(transcript: TranscriptView) -> None:
    items = long_chat(4)
    transcript.set_messages(items)
    transcript.set_messages(with_memory(items, 3))
    bar = transcript.verticalScrollBar()
    assert bar.value() == bar.maximum()


def test_a_theme_keeps_the_line_and_the_notes(transcript: TranscriptView, theme: Theme) -> None:
    items = with_memory(long_chat(2), 1)
    items[-1] = replace(items[-1], notes=("Sampling was left to the server.",))
    transcript.set_messages(items)
    transcript.scroll_to(1)
    theme.choose("dark")
    assert line_before(transcript) == 1
    view = transcript.view_of(2)
    assert view is not None
    assert notes_of(view) == ["Sampling was left to the server."]


# While an answer is under way


def test_a_running_answer_moves_the_line_when_its_prompt_is_known(
    transcript: TranscriptView,
) -> None:
    begun = MessageItem(6, "assistant", "", state="streaming")
    items = [*with_memory(long_chat(4), 2), MessageItem(5, "user", "And?"), begun]
    transcript.set_messages(items)
    transcript.scroll_to(2)
    assert line_before(transcript) == 2  # nothing is known of the new answer
    transcript.tell(6, 3, ())
    transcript.show_prompt_progress(6, Progress(1, 9, 0))
    transcript.scroll_to(3)
    assert line_before(transcript) == 3
    transcript.stream_text(6, "Well")
    assert line_before(transcript) == 3
    transcript.tell(6, 5, ())  # the engine made room in the middle of the answer
    transcript.scroll_to(5)
    assert line_before(transcript) == 5
    transcript.finish(6, replace(begun, text="Well", state="complete", first_kept=5))
    assert line_before(transcript) == 5


def test_a_running_answer_that_was_told_everything_takes_the_line_away(
    transcript: TranscriptView,
) -> None:
    begun = MessageItem(6, "assistant", "", state="streaming")
    transcript.set_messages([*with_memory(long_chat(4), 3), MessageItem(5, "user", "And?"), begun])
    transcript.scroll_to(3)
    assert line_before(transcript) == 3
    transcript.show_prompt_progress(6, Progress(1, 9, 0))
    assert line_before(transcript) is None


def test_news_of_an_unknown_message_are_ignored(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(2))
    transcript.tell(77, 1, ("x",))
    assert line_before(transcript) is None


def test_notes_come_while_the_answer_is_written_and_stay(transcript: TranscriptView) -> None:
    begun = MessageItem(6, "assistant", "", state="streaming")
    transcript.set_messages([MessageItem(5, "user", "And?"), begun])
    transcript.stream_text(6, "Well")
    view = transcript.view_of(6)
    assert view is not None
    before = view.height()
    transcript.tell(6, None, ("First.",))
    assert notes_of(view) == ["First."]
    assert view.height() > before
    transcript.tell(6, None, ("First.", "Second. " * 60))
    assert len(notes_of(view)) == 2
    [holder] = view.findChildren(MessageNotes)
    first, second = sorted(holder.findChildren(TextRun), key=lambda text: text.y())
    assert second.height() > 3 * first.height()  # it wraps
    assert first.geometry().bottom() < second.y()
    assert second.geometry().bottom() <= holder.height()
    assert view.column.geometry().bottom() < holder.y()
    assert holder.geometry().bottom() < view.tools.y()
    transcript.finish(6, replace(begun, text="Well", state="complete", notes=("First.",)))
    assert notes_of(view) == ["First."]


def test_notes_are_no_part_of_what_is_found(transcript: TranscriptView) -> None:
    needle = MessageItem(2, "assistant", "a needle", model_name="M", notes=("No needle here.",))
    transcript.set_messages([MessageItem(1, "user", "needle?"), needle])
    assert transcript.find_text("needle") == 2
    view = transcript.view_of(2)
    assert view is not None
    marked = [text for text in view.findChildren(ReadingBrowser) if text.extraSelections()]
    assert [text.toPlainText() for text in marked] == ["a needle"]


# Keyboard and accessibility


def test_the_line_is_reached_and_spoken_before_its_message(transcript: TranscriptView) -> None:
    transcript.set_messages(with_memory(long_chat(2), 1))
    transcript.set_context_length(CONTEXT)
    transcript.scroll_to(1)
    transcript.setFocus(Qt.FocusReason.TabFocusReason)
    press(transcript, Qt.Key.Key_Tab)
    [line] = lines_of(transcript)
    assert transcript.window().focusWidget() is line
    spoken = QAccessible.queryAccessibleInterface(line)
    assert spoken is not None
    assert spoken.role() == QAccessible.Role.StaticText
    assert spoken.text(QAccessible.Text.Name) == "The model remembers everything from here on"
    assert "256 tokens" in spoken.text(QAccessible.Text.Description)
    press(line, Qt.Key.Key_Tab)
    assert transcript.window().focusWidget().accessibleName() == "Message text"
    view = transcript.view_of(1)
    assert view is not None
    message = QAccessible.queryAccessibleInterface(view)
    assert message is not None
    first = message.child(0)
    assert first is not None
    assert first.object() is line


def test_the_keyboard_shows_the_tool_tip(transcript: TranscriptView, qtbot: QtBot) -> None:
    transcript.set_messages(with_memory(long_chat(2), 1))
    transcript.scroll_to(1)
    [line] = lines_of(transcript)
    qtbot.waitUntil(transcript.isActiveWindow)
    line.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(QToolTip.isVisible)
    assert QToolTip.text() == explanation(0)
    QApplication.sendEvent(line, QFocusEvent(QEvent.Type.FocusOut))
    qtbot.waitUntil(lambda: not QToolTip.isVisible())


def test_the_tool_tip_tells_the_context_while_it_is_known(transcript: TranscriptView) -> None:
    transcript.set_messages(with_memory(long_chat(2), 1))
    transcript.scroll_to(1)
    [line] = lines_of(transcript)
    assert "tokens" not in line.toolTip()
    transcript.set_context_length(4096)
    assert f"{QLocale().toString(4096)} tokens now" in line.toolTip()
    assert "Settings › Chat › Long chats" in line.toolTip()
    transcript.set_context_length(0)
    assert line.toolTip() == line.accessibleDescription() == explanation(0)


def test_notes_have_a_name_and_can_be_selected(transcript: TranscriptView) -> None:
    item = MessageItem(2, "assistant", "text", notes=("A note.",))
    transcript.set_messages([item])
    view = transcript.view_of(2)
    assert view is not None
    [text] = view.findChildren(MessageNotes)[0].findChildren(TextRun)
    assert text.accessibleName() == "Note about the answer"
    text.selectAll()
    assert text.textCursor().selectedText() == "A note."


# With a real engine child, and all that a person does


def shown_line(desk: Desk) -> int | None:
    """The message that the line stands before, wherever it is."""
    transcript = desk.page.pane.transcript
    begins = transcript._begins
    if begins is not None:
        transcript.scroll_to(begins)
    assert line_before(transcript) == begins
    return begins


def outgrown(desk: Desk) -> list[Message]:
    """Ask until the context is too small; the branch as stored."""
    desk.page.empty.preset_chosen.emit("blank")
    for number in range(8):
        desk.ask(f"{number} {WORDS} !tokens=20")
        if desk.stored()[-1].first_kept is not None:
            return list(desk.stored())
    raise AssertionError("the chat still fits")


def test_the_line_follows_the_memory_of_a_chat_that_grows(sit: Sit) -> None:
    desk = sit(context_length=CONTEXT)
    desk.page.empty.preset_chosen.emit("blank")
    places = []
    for number in range(7):
        desk.ask(f"{number} {WORDS} !tokens=20")
        assert shown_line(desk) == desk.stored()[-1].first_kept
        places.append(shown_line(desk))
    assert places[0] is None
    known = [place for place in places if place is not None]
    assert len(set(known)) >= 2
    assert known == sorted(known)
    desk.until(lambda: "256 tokens" in lines_of(desk.page.pane.transcript)[0].toolTip())


def test_the_line_is_there_before_the_answer_is(sit: Sit) -> None:
    desk = sit(context_length=CONTEXT)
    before = outgrown(desk)
    desk.send(f"Next {WORDS * 2} !tokens=60 !rate=10 !note")
    desk.writing(1)
    desk.until(lambda: desk.last().id > before[-1].id)
    kept = desk.last().first_kept
    assert kept is not None
    assert kept > (before[-1].first_kept or 0)
    assert shown_line(desk) == kept
    assert notes_of(desk.view(desk.last().id)) == ["The script says so."]
    assert desk.last().state == "streaming"
    desk.press(Qt.Key.Key_Escape)
    answer = desk.settled()
    assert (answer.first_kept, shown_line(desk)) == (kept, kept)
    assert notes_of(desk.view(answer.id)) == ["The script says so."]


def test_an_answer_joined_late_has_its_line_and_notes(sit: Sit) -> None:
    desk = sit(context_length=CONTEXT)
    chat = outgrown(desk)[0].conversation_id
    desk.send("Next !tokens=100 !rate=10 !note")
    desk.writing(1)
    desk.new_chat()
    desk.open_chat(chat)
    desk.until(lambda: desk.items() and desk.last().state == "streaming")
    assert shown_line(desk) == desk.last().first_kept is not None
    assert notes_of(desk.view(desk.last().id)) == ["The script says so."]
    desk.press(Qt.Key.Key_Escape)
    desk.settled()


def test_the_line_goes_with_the_branch_and_comes_back(sit: Sit) -> None:
    desk = sit(context_length=CONTEXT)
    before = outgrown(desk)
    begins = before[-1].first_kept
    assert shown_line(desk) == begins
    store = desk.context.store
    # Another branch, which is short.
    first = before[0].id
    desk.page.pane.transcript.edit_submitted.emit(first, "Short !tokens=5", True)
    desk.until(lambda: len(desk.items()) == 2)
    desk.settled()
    assert shown_line(desk) is None
    desk.act(desk.items()[0].id, "earlier")
    desk.until(lambda: len(desk.items()) == len(before))
    assert shown_line(desk) == begins
    # The last turn goes, and comes back.
    desk.act(before[-2].id, "delete")
    desk.until(lambda: len(desk.items()) == len(before) - 2)
    assert shown_line(desk) is None
    desk.toast_action()
    desk.until(lambda: len(desk.items()) == len(before))
    assert shown_line(desk) == begins
    # An answer put right by the person was still written with that memory.
    desk.page.pane.transcript.edit_submitted.emit(before[-1].id, "Put right", False)
    desk.until(lambda: desk.last().text == "Put right")
    assert store.path(before[0].conversation_id)[-1].first_kept == begins
    assert shown_line(desk) == begins


def test_with_a_longer_context_the_line_is_gone(sit: Sit) -> None:
    desk = sit(context_length=CONTEXT)
    before = outgrown(desk)
    begins = before[-1].first_kept
    desk = sit(context_length=8192)
    desk.until(lambda: len(desk.items()) == len(before))
    assert shown_line(desk) == begins  # the last answer is still the one of the small context
    desk.act(before[-1].id, "continue")
    desk.until(lambda: desk.stored()[-1].first_kept is None)
    desk.settled()
    desk.until(lambda: shown_line(desk) is None)


def test_answering_again_with_a_longer_context_leaves_the_line_with_the_old_version(
    sit: Sit,
) -> None:
    before = outgrown(sit(context_length=CONTEXT))
    desk = sit(context_length=8192)
    desk.until(lambda: len(desk.items()) == len(before))
    desk.act(before[-1].id, "regenerate")
    desk.until(lambda: desk.last().id != before[-1].id)
    new = desk.settled()
    assert shown_line(desk) is None
    desk.act(new.id, "earlier")
    desk.until(lambda: desk.last().id == before[-1].id)
    assert shown_line(desk) == before[-1].first_kept


def test_the_middle_left_out_has_its_line_after_the_gap(sit: Sit) -> None:
    desk = sit(context_length=CONTEXT)
    desk.context.settings.update(chat=Chat(context_policy="truncate_middle"))
    stored = outgrown(desk)
    begins = stored[-1].first_kept
    assert begins not in (None, stored[0].id, stored[1].id)
    assert shown_line(desk) == begins


@pytest.mark.engine
def test_the_cut_of_a_real_engine_arrives_as_a_line(
    qapp: QApplication, qtbot: QtBot, starter_file: Path
) -> None:
    desk = Desk(qapp, qtbot)
    try:
        desk.until(desk.context.library.models)
        model = desk.context.library.models()[0]
        assert model.path == starter_file
        desk.context.runtime.load(model, LoadConfig(context_length=CONTEXT))
        store = desk.context.store
        chat = store.create(title="Long", preset_id="blank", model_id=model.id).id
        store.update(chat, sampling=SamplingParams(temperature=0, max_tokens=8))
        parent = None
        for number in range(8):
            role: Role = "assistant" if number % 2 else "user"
            parent = store.append(chat, role, f"{number} {WORDS}", parent).id
        desk.open_chat(chat)
        desk.until(lambda: len(desk.items()) == 8)
        assert shown_line(desk) is None
        desk.send("What comes after ten?")
        desk.until(lambda: len(desk.items()) == 10, 2 * DEADLINE_MS)
        answer = desk.settled()
        asked = [item.id for item in desk.items() if item.role == "user"]
        assert answer.text.strip()
        assert answer.first_kept in asked[1:]
        assert shown_line(desk) == answer.first_kept
        assert "256 tokens" in lines_of(desk.page.pane.transcript)[0].toolTip()
    finally:
        desk.close()
