"""The transcript as a person uses it: long chats, streaming, actions, errors, the keyboard."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QLocale, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QPlainTextEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.core.conversations import Message
from app.core.errors import EngineDied
from app.gui.blocks_code import CodeView
from app.gui.blocks_reasoning import ReasoningView
from app.gui.composer_field import ComposerField
from app.gui.controls.badges import Badge
from app.gui.controls.buttons import Button, IconButton
from app.gui.icons import Icons
from app.gui.message_actions import details, statistics
from app.gui.message_editor import MessageEditor
from app.gui.message_error import MessageError
from app.gui.message_item import MessageItem, Remedy, from_message
from app.gui.message_progress import ProgressCard
from app.gui.message_view import MessageView
from app.gui.theme import Theme
from app.gui.transcript import TranscriptView
from app.gui.transcript_layout import RowHeights
from app.gui.worker import Worker
from backends.types import Progress, Usage
from tests.gui.transcript_load import StreamLoad, long_chat, open_chat, stream
from tests.timing import PATIENCE, slowness

USAGE = Usage(completion_tokens=312, tokens_per_second=42.61, time_to_first_token=0.384)
SHORT = [
    MessageItem(1, "user", "first question"),
    MessageItem(2, "assistant", "first answer", model_name="M", usage=USAGE, finish_reason="stop"),
    MessageItem(3, "user", "second question", version=2, versions=3),
    MessageItem(4, "assistant", "second answer", model_name="M", version=1, versions=2),
]
STREAMING = MessageItem(9, "assistant", "", model_name="M", state="streaming")


@pytest.fixture
def worker(qtbot: QtBot) -> Iterator[Worker]:
    worker = Worker()
    yield worker
    assert worker.close(PATIENCE)


@pytest.fixture
def transcript(
    theme: Theme, icons: Icons, worker: Worker, show: Callable[[QWidget], QWidget]
) -> TranscriptView:
    transcript = TranscriptView(theme, icons, worker)
    transcript.resize(704, 600)
    show(transcript)
    return transcript


def view_of(transcript: TranscriptView, message_id: int) -> MessageView:
    view = transcript.view_of(message_id)
    assert view is not None
    return view


def views_of(transcript: TranscriptView) -> list[MessageView]:
    return [v for v in transcript.viewport().findChildren(MessageView) if not v.isHidden()]


def text_of(view: MessageView) -> str:
    return "\n".join(
        text.toPlainText()
        for text in (each for each in view.column.views())
        if hasattr(text, "toPlainText")
    )


def hover(view: MessageView) -> None:
    place = QPointF(5, 5)
    QApplication.sendEvent(view, QEnterEvent(place, place, place))


def press(widget: QWidget, key: Qt.Key, modifiers: Qt.KeyboardModifier | None = None) -> None:
    event = QKeyEvent(QKeyEvent.Type.KeyPress, key, modifiers or Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


def at_end(transcript: TranscriptView) -> bool:
    bar = transcript.verticalScrollBar()
    return bar.value() == bar.maximum()


# Long chats


@given(
    st.lists(st.integers(0, 500), max_size=60),
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 500)), max_size=20),
    st.lists(st.integers(0, 500), max_size=10),
    st.integers(-50, 40_000),
)
@settings(max_examples=200, deadline=None)
def test_row_heights_are_plain_sums(
    heights: list[int], changes: list[tuple[int, int]], more: list[int], y: int
) -> None:
    rows = RowHeights(heights)
    for row, height in changes:
        if row < len(heights):
            rows.set(row, height)
            heights[row] = height
    for height in more:
        rows.append(height)
        heights.append(height)
    assert [rows.top(row) for row in range(len(heights) + 1)] == [
        sum(heights[:row]) for row in range(len(heights) + 1)
    ]
    covering = [r for r in range(len(heights)) if rows.top(r) <= y < rows.top(r) + heights[r]]
    at = rows.at(y)
    if covering:
        assert at == covering[0]
    else:
        assert at in (-1, 0) or y >= rows.total
        assert (at == -1) == (not heights)


def test_opening_5000_messages_is_cheap(transcript: TranscriptView) -> None:
    seconds = min(open_chat(transcript, long_chat(5_000)) for _ in range(3))
    assert seconds <= 0.3 * slowness()
    assert len(views_of(transcript)) < 12
    assert at_end(transcript)


def test_streaming_200_tokens_a_second_never_blocks(transcript: TranscriptView) -> None:
    open_chat(transcript, long_chat(200))
    loads: list[StreamLoad] = []
    limit = 16 * slowness()
    while not loads or (loads[-1].block_p99_ms > limit and len(loads) < 3):
        loads.append(stream(transcript, tokens=500))
    assert loads[-1].flushes > 10  # many pieces, so that it means something
    assert loads[-1].block_p99_ms <= limit
    assert at_end(transcript)


def test_what_is_looked_at_stays_while_neighbours_are_measured(
    transcript: TranscriptView, qtbot: QtBot
) -> None:
    transcript.set_messages(long_chat(400))
    transcript.verticalScrollBar().setValue(transcript.verticalScrollBar().maximum() // 2)
    top = min((v for v in views_of(transcript) if v.y() + v.height() > 0), key=lambda v: v.y())
    y = top.y()
    count = len(views_of(transcript))
    qtbot.waitUntil(lambda: len(views_of(transcript)) >= count + 2)
    qtbot.wait(50)  # let the idle prefetch finish
    assert top.y() == y


def test_scrolling_back_and_forth_shows_every_message_once(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(60))
    bar = transcript.verticalScrollBar()
    seen: set[int] = set()
    for _ in range(400):
        shown = sorted(views_of(transcript), key=lambda view: view.y())
        for above, below in pairwise(shown):
            gap = {"user": (-12, 8), "assistant": (16,)}[above.item.role]
            assert below.y() - (above.y() + above.height()) in gap
        seen |= {view.item.id for view in shown}
        if bar.value() == 0:
            break
        bar.setValue(bar.value() - 300)
    assert seen == set(range(1, 61))


def test_widgets_far_away_are_dropped(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(400))
    transcript.verticalScrollBar().setValue(0)
    assert transcript.view_of(1) is not None
    assert transcript.view_of(400) is None
    transcript.scroll_to(200)
    assert view_of(transcript, 200).y() == 20
    assert transcript.view_of(1) is None


def test_another_width_keeps_the_message_at_the_top(
    transcript: TranscriptView, qtbot: QtBot
) -> None:
    transcript.set_messages(long_chat(100))
    transcript.scroll_to(50)
    transcript.resize(500, 600)
    assert view_of(transcript, 50).y() == 20
    assert view_of(transcript, 50).width() == 500 - 48
    transcript.resize(1400, 600)
    assert view_of(transcript, 50).width() == 720
    assert view_of(transcript, 50).x() == 340


def test_a_theme_or_size_builds_the_view_anew(transcript: TranscriptView, theme: Theme) -> None:
    transcript.set_messages(SHORT)
    before = view_of(transcript, 2)
    height = before.height()
    theme.choose("dark", 20)
    after = view_of(transcript, 2)
    assert after is not before
    assert after.height() > height


def test_unchanged_messages_keep_their_widgets(transcript: TranscriptView) -> None:
    transcript.set_messages(SHORT)
    kept, changed = view_of(transcript, 1), view_of(transcript, 4)
    transcript.set_messages([*SHORT[:3], replace(SHORT[3], text="other")])
    assert view_of(transcript, 1) is kept
    assert view_of(transcript, 4) is not changed
    assert text_of(view_of(transcript, 4)) == "other"
    transcript.set_messages([])
    assert views_of(transcript) == []


def test_another_chat_is_shown_from_its_end(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(50))
    transcript.verticalScrollBar().setValue(0)
    transcript.set_messages([replace(item, id=item.id + 1000) for item in long_chat(50)])
    assert at_end(transcript)


# Following and streaming


def test_the_view_follows_only_at_the_end(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(10))
    transcript.append(replace(STREAMING, id=99))
    transcript.stream_text(99, "line\n\n" * 10)
    assert at_end(transcript)
    bar = transcript.verticalScrollBar()
    bar.setValue(bar.value() - 200)
    place = bar.value()
    transcript.stream_text(99, "line\n\n" * 10)
    assert bar.value() == place
    assert not at_end(transcript)


def test_a_button_leads_back_to_the_end(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(10))
    button = next(
        b for b in transcript.findChildren(IconButton) if b.accessibleName() == "Jump to the end"
    )
    assert button.isHidden()
    transcript.verticalScrollBar().setValue(0)
    assert not button.isHidden()
    button.click()
    assert at_end(transcript)
    assert button.isHidden()


def test_an_own_message_is_always_scrolled_to(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(10))
    transcript.verticalScrollBar().setValue(0)
    transcript.append(MessageItem(99, "user", "hello"))
    assert at_end(transcript)


def test_only_the_last_block_of_a_streaming_answer_changes(transcript: TranscriptView) -> None:
    transcript.set_messages([*SHORT, STREAMING])
    transcript.stream_text(9, "one\n\n```py\na = 1\n```\n\ntwo")
    views = view_of(transcript, 9).column.views()
    assert len(views) == 3
    transcript.stream_text(9, " and more\n\n| a |\n|---|\n")
    after = view_of(transcript, 9).column.views()
    assert all(a is b for a, b in zip(views, after, strict=False))
    assert len(after) == 4


def test_a_finished_answer_shows_what_was_stored(transcript: TranscriptView) -> None:
    transcript.set_messages([*SHORT, STREAMING])
    transcript.stream_text(9, "the **answer**")
    item = replace(STREAMING, text="the **answer**", state="complete", usage=USAGE)
    transcript.finish(9, item)
    assert text_of(view_of(transcript, 9)) == "the answer"
    assert transcript.items()[-1] == item
    assert view_of(transcript, 9).tools.are_shown()


@pytest.mark.parametrize("text", ['{"city": "Paris"}', "[1,\n 2]\n"])
def test_an_answer_that_is_json_is_shown_as_code(transcript: TranscriptView, text: str) -> None:
    transcript.set_messages([*SHORT[:3], replace(SHORT[3], text=text)])
    assert [type(view) for view in view_of(transcript, 4).column.views()] == [CodeView]
    transcript.update_item(4, replace(SHORT[3], text=f"{text} is it"))
    assert CodeView not in [type(view) for view in view_of(transcript, 4).column.views()]


@pytest.mark.parametrize("asked_for", [True, False])
def test_json_is_code_from_the_start_where_it_was_asked_for(
    transcript: TranscriptView, asked_for: bool
) -> None:
    transcript.set_messages([*SHORT, replace(STREAMING, is_json=asked_for)])
    transcript.stream_text(9, "Hm.", "reasoning")
    assert not view_of(transcript, 9).column.views()
    for piece in ('{"a":', " 1}"):
        transcript.stream_text(9, piece)
        shown = [type(view) for view in view_of(transcript, 9).column.views()]
        assert (shown == [CodeView]) is asked_for
    view_of(transcript, 9).tools.chosen.emit("copy")
    assert QGuiApplication.clipboard().text() == '{"a": 1}'
    transcript.finish(9, MessageItem(9, "assistant", '{"a": 1}', reasoning="Hm."))
    assert [type(view) for view in view_of(transcript, 9).column.views()] == [CodeView]


def test_joining_an_answer_that_is_under_way(transcript: TranscriptView) -> None:
    transcript.set_messages([*SHORT, replace(STREAMING, text="begun ")])
    transcript.stream_text(9, "and going on")
    assert text_of(view_of(transcript, 9)) == "begun and going on"


def test_text_for_an_unknown_message_is_ignored(transcript: TranscriptView) -> None:
    transcript.set_messages(SHORT)
    transcript.stream_text(77, "x")
    transcript.finish(77, STREAMING)
    assert len(transcript.items()) == 4


def test_nothing_is_laid_out_while_hidden(transcript: TranscriptView) -> None:
    transcript.set_messages([*SHORT, STREAMING])
    transcript.hide()
    transcript.stream_text(9, "written meanwhile")
    assert text_of(view_of(transcript, 9)) == ""
    transcript.show()
    assert text_of(view_of(transcript, 9)) == "written meanwhile"


def test_an_answer_out_of_view_is_kept_up_to_date(transcript: TranscriptView) -> None:
    transcript.set_messages([*long_chat(60), replace(STREAMING, id=99)])
    transcript.verticalScrollBar().setValue(0)
    transcript.stream_text(99, "far away")
    assert transcript.view_of(99) is None
    transcript.jump_to_end()
    assert text_of(view_of(transcript, 99)) == "far away"


# Reasoning, progress, errors


def test_reasoning_is_one_line_that_opens(transcript: TranscriptView) -> None:
    transcript.set_messages([*SHORT, STREAMING])
    transcript.stream_text(9, "first thought\nsecond thought", "reasoning", tokens=5)
    view = view_of(transcript, 9)
    reasoning = view.findChildren(ReasoningView)[0]
    assert reasoning.line.accessibleName() == "Thinking… second thought"
    transcript.stream_text(9, "so it is")
    assert reasoning.line.accessibleName().startswith("Thought for 0")
    height = view.height()
    reasoning.line.click()
    assert view.height() > height
    reasoning.line.click()
    assert view.height() == height


def test_how_long_it_reasoned_outlives_the_stream(transcript: TranscriptView) -> None:
    transcript.set_messages([*SHORT, STREAMING])
    transcript.stream_text(9, "hm", "reasoning", tokens=7)
    transcript.stream_text(9, "so")
    transcript.finish(9, replace(STREAMING, state="complete", text="so", reasoning="hm"))
    line = view_of(transcript, 9).findChildren(ReasoningView)[0].line
    assert line.accessibleName().endswith("· 7 tokens")
    assert transcript.items()[-1].reasoning_tokens == 7


def test_stored_reasoning_without_a_time_says_so_plainly(transcript: TranscriptView) -> None:
    transcript.set_messages([replace(SHORT[1], reasoning="hm")])
    line = view_of(transcript, 2).findChildren(ReasoningView)[0].line
    assert line.accessibleName() == "Reasoning"


def test_prompt_progress_gives_way_to_text(transcript: TranscriptView) -> None:
    transcript.set_messages([*SHORT, STREAMING])
    transcript.show_prompt_progress(9, Progress(processed=600, total=1100, cached=100), 5.2)
    card = view_of(transcript, 9).findChildren(ProgressCard)[0]
    thousand = QLocale().toString(1000)
    tokens = f"500 of {thousand} new tokens · 100 reused"
    assert card.words() == ("50%", tokens, "about 5 s left")
    transcript.stream_text(9, "text")
    assert card.isHidden()


def test_prompt_progress_keeps_a_distance_from_the_text_it_goes_on_from(
    transcript: TranscriptView,
) -> None:
    transcript.set_messages(SHORT)
    view = view_of(transcript, 4)
    transcript.show_prompt_progress(4, Progress(100, 40, 0))
    card = view.findChildren(ProgressCard)[0]
    assert card.y() - view.column.geometry().bottom() - 1 >= 12


def test_an_error_offers_its_remedies(transcript: TranscriptView, qtbot: QtBot) -> None:
    transcript.set_messages(SHORT)
    error = EngineDied("The engine ran out of memory", "15 GB needed.", detail="last words")
    remedies = [
        Remedy("small", "Reload and continue", "Context 8,192 tokens", "needs 10.9 GB"),
        Remedy("other", "Switch model", "Qwen3 8B", "needs 6.6 GB"),
    ]
    transcript.show_error(4, error, remedies, "Signal 9")
    card = view_of(transcript, 4).findChildren(MessageError)[0]
    with qtbot.waitSignal(transcript.remedy_chosen) as chosen:
        card.buttons[1].click()
    assert chosen.args == [4, "other"]
    assert card.accessibleName() == error.title
    height = view_of(transcript, 4).height()
    card.unfold.click()
    assert view_of(transcript, 4).height() > height
    log = card.findChildren(QPlainTextEdit)[0]
    assert log.toPlainText() == "last words"
    card.copy_report()
    assert "last words" in QGuiApplication.clipboard().text()
    close = next(b for b in card.findChildren(IconButton) if b.accessibleName() == "Close")
    close.setFocus()
    close.click()
    assert card.isHidden()
    assert transcript.window().focusWidget() is transcript


def test_an_error_survives_scrolling_away(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(60))
    transcript.show_error(60, EngineDied("The engine stopped"))
    transcript.verticalScrollBar().setValue(0)
    assert transcript.view_of(60) is None
    transcript.jump_to_end()
    assert view_of(transcript, 60).findChildren(MessageError)
    transcript.clear_error(60)
    assert all(card.isHidden() for card in view_of(transcript, 60).findChildren(MessageError))


def test_an_interrupted_answer_says_so(transcript: TranscriptView) -> None:
    item = replace(SHORT[3], state="interrupted", finish_reason="interrupted")
    transcript.set_messages([*SHORT[:3], item])
    plain = view_of(transcript, 4).height()
    transcript.update_item(4, replace(item, state="complete"))
    assert view_of(transcript, 4).height() < plain


def test_an_answer_that_never_began_is_not_called_interrupted(transcript: TranscriptView) -> None:
    item = replace(SHORT[3], text="", state="interrupted", finish_reason="error", usage=None)
    transcript.set_messages([*SHORT[:3], item])
    assert [badge.text() for badge in view_of(transcript, 4).findChildren(Badge)] == ["No answer"]


# Actions


@pytest.mark.parametrize("name", ["regenerate", "continue", "delete", "branch"])
def test_actions_ask_for_what_they_say(transcript: TranscriptView, qtbot: QtBot, name: str) -> None:
    transcript.set_messages(SHORT)
    button = view_of(transcript, 4).tools.button(name)
    assert button is not None
    with qtbot.waitSignal(getattr(transcript, f"{name}_requested")) as asked:
        button.click()
    assert asked.args == [4]


def test_the_focus_stays_in_the_transcript_when_its_button_goes(transcript: TranscriptView) -> None:
    def focus_button(name: str) -> None:
        button = view_of(transcript, 4).tools.button(name)
        assert button is not None
        button.setFocus()

    transcript.set_messages(SHORT)
    focus_button("continue")
    transcript.update_item(4, replace(SHORT[3], state="streaming"))
    assert transcript.window().focusWidget() is transcript
    transcript.update_item(4, SHORT[3])
    focus_button("regenerate")
    transcript.set_messages(SHORT[:3])
    assert transcript.window().focusWidget() is transcript


def test_versions_can_be_walked_through(transcript: TranscriptView, qtbot: QtBot) -> None:
    transcript.set_messages(SHORT)
    earlier, later = (view_of(transcript, 4).tools.button(n) for n in ("earlier", "later"))
    assert earlier is not None
    assert later is not None
    assert not earlier.isEnabled()
    with qtbot.waitSignal(transcript.version_requested) as asked:
        later.click()
    assert asked.args == [4, 1]


def test_copy_puts_the_source_into_the_clipboard(transcript: TranscriptView, qtbot: QtBot) -> None:
    transcript.set_messages([replace(SHORT[3], text="**bold** `x`")])
    button = view_of(transcript, 4).tools.button("copy")
    assert button is not None
    button.click()
    assert QGuiApplication.clipboard().text() == "**bold** `x`"
    assert button.icon_name() == "check"
    qtbot.waitUntil(lambda: button.icon_name() == "copy", timeout=4000)


def test_actions_show_for_the_last_answer_and_under_the_pointer(transcript: TranscriptView) -> None:
    transcript.set_messages(SHORT)
    assert view_of(transcript, 4).tools.are_shown()
    other = view_of(transcript, 2)
    height = other.height()
    assert not other.tools.are_shown()
    hover(other)
    assert other.tools.are_shown()
    assert other.height() == height
    transcript.append(MessageItem(5, "assistant", "newer", model_name="M"))
    assert not view_of(transcript, 4).tools.are_shown()


def test_statistics_tell_how_it_went() -> None:
    assert statistics(SHORT[1]) == "42.6 tokens/s · 0.38 s to first token · 312 tokens"
    cut = replace(SHORT[1], finish_reason="length")
    assert statistics(cut).endswith("312 tokens · stopped at max tokens")
    assert statistics(SHORT[3]) == ""


def test_the_tool_tip_of_the_statistics_tells_cache_reasoning_and_guesses(
    transcript: TranscriptView,
) -> None:
    usage = Usage(
        prompt_tokens=900,
        cached_tokens=850,
        completion_tokens=312,
        reasoning_tokens=120,
        draft_tokens=64,
        accepted_tokens=40,
    )
    answer = replace(SHORT[1], usage=usage)
    told = [
        "Prompt: 900 tokens, 850 of them still known from before",
        "Reasoning: 120 tokens",
        "Guessed right: 40 of 64",
    ]
    assert details(answer).split("\n") == told
    assert details(replace(answer, usage=Usage(prompt_tokens=1))) == "Prompt: 1 token"
    assert details(replace(answer, usage=None)) == ""
    transcript.set_messages([SHORT[0], answer])
    tools = view_of(transcript, answer.id).tools
    assert tools.toolTip() == tools.accessibleDescription() == details(answer)
    assert view_of(transcript, SHORT[0].id).tools.toolTip() == ""


def test_a_message_is_edited_in_place(transcript: TranscriptView, qtbot: QtBot) -> None:
    transcript.set_messages(SHORT)
    hover(view_of(transcript, 3))
    pencil = view_of(transcript, 3).tools.button("edit")
    assert pencil is not None
    pencil.click()
    editor = view_of(transcript, 3).findChildren(MessageEditor)[0]
    assert editor.field.toPlainText() == "second question"
    editor.field.setPlainText("better question")
    assert editor.send is not None
    with qtbot.waitSignal(transcript.edit_submitted) as submitted:
        editor.send.click()
    assert submitted.args == [3, "better question", True]
    assert not view_of(transcript, 3).is_editing()


def test_the_field_of_an_edit_shows_the_whole_of_a_short_text(
    transcript: TranscriptView, theme: Theme, qtbot: QtBot
) -> None:
    text = "One line\n\nAnother\n" + "words that wrap " * 12
    transcript.set_messages([*SHORT[:2], replace(SHORT[2], text=text), SHORT[3]])
    transcript.begin_edit(3)
    field = view_of(transcript, 3).findChildren(ComposerField)[0]
    line = theme.line_height("reading")

    def shows_all() -> bool:
        return field.height() >= round(field.document().size().height())

    qtbot.waitUntil(lambda: field.height() % line == 0 and shows_all())
    for bar in (field.verticalScrollBar(), field.horizontalScrollBar()):
        assert (bar.isVisible(), bar.value()) == (False, 0)
    before = field.height()
    press(field, Qt.Key.Key_Return)
    assert field.height() == before + line
    assert shows_all()


def test_an_edit_can_be_left_or_only_saved(transcript: TranscriptView, qtbot: QtBot) -> None:
    transcript.set_messages(SHORT)
    transcript.begin_edit(4)
    editor = view_of(transcript, 4).findChildren(MessageEditor)[0]
    assert editor.send is None
    with qtbot.assertNotEmitted(transcript.edit_submitted):
        press(editor, Qt.Key.Key_Escape)
    assert not view_of(transcript, 4).is_editing()
    transcript.begin_edit(4)
    editor = next(e for e in view_of(transcript, 4).findChildren(MessageEditor) if e.isVisible())
    editor.field.setPlainText("  ")
    assert not editor.save.isEnabled()
    editor.field.setPlainText("new answer")
    with qtbot.waitSignal(transcript.edit_submitted) as submitted:
        editor.save.click()
    assert submitted.args == [4, "new answer", False]


def test_a_message_being_edited_is_not_dropped(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(60))
    transcript.begin_edit(59)
    transcript.verticalScrollBar().setValue(0)
    assert view_of(transcript, 59).is_editing()


def test_an_edit_outlives_a_change_of_theme(transcript: TranscriptView, theme: Theme) -> None:
    transcript.set_messages(SHORT)
    transcript.begin_edit(3)
    editor = view_of(transcript, 3).findChildren(MessageEditor)[0]
    editor.field.setPlainText("half a thought")
    theme.choose("dark")
    assert view_of(transcript, 3).is_editing()
    assert view_of(transcript, 3).draft == "half a thought"


def test_a_bubble_is_as_wide_as_its_text(transcript: TranscriptView) -> None:
    transcript.set_messages([MessageItem(1, "user", "hi"), MessageItem(2, "user", "word " * 60)])
    short, long = (view_of(transcript, n).column for n in (1, 2))
    assert short.width() < 60
    assert long.width() == int(656 * 0.82) - 32


def test_what_a_person_wrote_is_shown_as_typed(transcript: TranscriptView) -> None:
    transcript.set_messages([MessageItem(1, "user", "# not *a* heading\n- `x`")])
    assert text_of(view_of(transcript, 1)) == "# not *a* heading\n- `x`"


# Keyboard and accessibility


def test_tab_goes_through_messages_in_order(
    theme: Theme, icons: Icons, worker: Worker, show: Callable[[QWidget], QWidget], qtbot: QtBot
) -> None:
    page = QWidget()
    layout = QVBoxLayout(page)
    before, transcript, after = (
        Button(icons, "before"),
        TranscriptView(theme, icons, worker),
        Button(icons, "after"),
    )
    for widget in (before, transcript, after):
        layout.addWidget(widget)
    page.resize(704, 700)
    show(page)
    qtbot.waitUntil(page.isActiveWindow)
    transcript.set_messages([*SHORT[2:], *SHORT[:2]])
    before.setFocus(Qt.FocusReason.TabFocusReason)
    names: list[str] = []
    for _ in range(40):
        press(page.focusWidget(), Qt.Key.Key_Tab)
        focused = page.focusWidget()
        names.append(focused.accessibleName() or getattr(focused, "text", str)())
        if focused is after:
            break
    copies = names.count("Copy")
    assert names[0] == "Messages"
    assert names[-1] == "after"
    assert copies == 4
    assert names.index("Message text") < names.index("Copy") < names.index("Answer again")
    assert not view_of(transcript, 3).tools.are_shown()


def test_keys_scroll(transcript: TranscriptView) -> None:
    transcript.set_messages(long_chat(30))
    press(transcript, Qt.Key.Key_Home)
    assert transcript.verticalScrollBar().value() == 0
    text = view_of(transcript, 2).column.views()[0]
    press(text, Qt.Key.Key_PageDown)
    assert transcript.verticalScrollBar().value() > 0
    press(transcript, Qt.Key.Key_End)
    assert at_end(transcript)


def test_every_control_has_a_name(transcript: TranscriptView) -> None:
    transcript.set_messages(SHORT)
    transcript.show_error(4, EngineDied("The engine stopped", detail="x"), [Remedy("a", "Reload")])
    for view in views_of(transcript):
        hover(view)
        assert view.accessibleName()
    for button in transcript.findChildren(QAbstractButton):
        assert button.accessibleName() or button.text()


def test_items_are_made_from_stored_messages() -> None:
    message = Message(
        id=3,
        conversation_id=1,
        parent_id=2,
        role="assistant",
        content="x",
        created=5.0,
        model="id",
        version=2,
        versions=4,
    )
    item = from_message(message, "Qwen3 8B")
    assert (item.id, item.text, item.model_name, item.version, item.versions) == (
        *(3, "x", "Qwen3 8B", 2, 4),
    )
    assert from_message(message).model_name == "id"
