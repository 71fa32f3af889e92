"""Questions and answers in the real window, each model in a real engine child."""

import dataclasses
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.blocks_text import TextRun
from app.gui.message_editor import MessageEditor
from app.gui.message_progress import ProgressCard
from app.gui.shortcuts_sheet import ShortcutsSheet
from tests.gui.chat_desk import Desk, Sit, sitting

pytestmark = pytest.mark.gui


@pytest.fixture
def sit(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sit]:
    yield from sitting(qapp, qtbot, monkeypatch)


def edit(desk: Desk, message_id: int, text: str) -> MessageEditor:
    """Open the field of a message with the pencil and replace what is in it."""
    desk.act(message_id, "edit")
    editor = desk.view(message_id).findChildren(MessageEditor)[-1]
    editor.field.selectAll()
    desk.qtbot.keyClicks(editor.field, text)
    return editor


def test_the_first_message_loads_the_model_and_is_answered(sit: Sit) -> None:
    desk = sit()
    answer = desk.ask("Hello there")
    question, stored = desk.stored()
    assert question.content == "Hello there"
    assert (stored.state, stored.finish_reason) == ("complete", "stop")
    assert answer.text == stored.content
    assert "> Hello there" in answer.text
    assert desk.page.pane.composer.text() == ""
    assert desk.page.header.title.text() == "Hello there"
    assert desk.rows() == [stored.conversation_id]


def test_the_answer_says_what_it_took_and_what_was_reused(sit: Sit) -> None:
    desk = sit(tokens=20, tokens_per_second=500)
    desk.ask("One")
    answer = desk.ask("Two")
    assert answer.usage is not None
    assert answer.usage.cached_tokens > 0
    words = desk.view(answer.id).tools.statistics()
    assert "tokens/s" in words
    assert "s to first token" in words
    assert "20 tokens" in words


def test_sending_goes_to_the_new_message_from_wherever_one_reads(sit: Sit) -> None:
    desk = sit(text="A paragraph.\n\n" * 60)
    desk.ask("One")
    transcript = desk.page.pane.transcript
    bar = transcript.verticalScrollBar()
    bar.setValue(0)
    assert bar.maximum() > 0
    assert not transcript.follows
    desk.ask("Two")
    assert transcript.follows
    assert bar.value() == bar.maximum()


def test_answers_headed_by_an_id_get_the_name_once_it_is_known(sit: Sit) -> None:
    desk = sit()
    view = desk.view(desk.ask("Hello").id)
    transcript = desk.page.pane.transcript
    transcript.update_item(desk.last().id, dataclasses.replace(desk.last(), model_name="model"))
    desk.page.pane.set_model_names({"model": "Model of many words"})
    assert desk.last().model_name == "Model of many words"
    assert view.accessibleName() == "Model of many words"


def test_shift_enter_breaks_the_line(sit: Sit) -> None:
    desk = sit()
    desk.type("one")
    desk.qtbot.keyClick(
        desk.page.pane.composer.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier
    )
    desk.send("two")
    desk.settled()
    assert desk.stored()[0].content == "one\ntwo"


def test_esc_stops_and_keeps_what_is_written(sit: Sit) -> None:
    desk = sit(tokens=5000, tokens_per_second=100)
    desk.send("Tell me a long story")
    desk.writing()
    desk.press(Qt.Key.Key_Escape)
    answer = desk.settled()
    assert answer.finish_reason == "cancelled"
    assert len(answer.text) >= 10
    assert desk.stored()[-1].content == answer.text
    assert desk.page.pane.composer.send_button.isVisible()


def test_an_answer_goes_on_while_the_sheet_of_keys_is_looked_at(sit: Sit) -> None:
    desk = sit(tokens=200, tokens_per_second=200)
    desk.send("Tell me a long story")
    desk.writing()
    control = Qt.KeyboardModifier.ControlModifier
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_Slash, control)
    sheet = desk.window.findChild(ShortcutsSheet)
    assert sheet is not None
    desk.press(Qt.Key.Key_Escape, sheet.close_button)
    answer = desk.settled()
    assert answer.finish_reason == "stop"
    last_words = answer.text.split()[-1]
    texts = desk.view(answer.id).findChildren(TextRun)
    assert any(last_words in text.toPlainText() for text in texts)


def test_what_is_typed_while_an_answer_comes_stays_in_the_field(sit: Sit) -> None:
    desk = sit(tokens=5000, tokens_per_second=100)
    desk.send("Tell me a long story")
    desk.writing()
    desk.send("and the next question")  # Enter does nothing while an answer is written
    desk.click(desk.page.pane.composer.stop_button)
    desk.settled()
    assert desk.page.pane.composer.text() == "and the next question"
    assert len(desk.stored()) == 2


def test_answer_again_makes_a_version_and_versions_can_be_looked_through(sit: Sit) -> None:
    desk = sit()
    first = desk.ask("Hello")
    desk.act(first.id, "regenerate")
    desk.until(lambda: desk.last().id != first.id)
    second = desk.settled()
    assert desk.focus_is_in_chat()
    assert (second.version, second.versions) == (2, 2)
    assert second.text == first.text  # the engine is deterministic

    desk.act(second.id, "earlier")
    desk.until(lambda: desk.last().id == first.id)
    assert (desk.last().version, desk.last().versions) == (1, 2)
    desk.act(first.id, "later")
    desk.until(lambda: desk.last().id == second.id)
    assert [message.id for message in desk.stored()][-1] == second.id


def test_editing_and_sending_keeps_the_earlier_branch(sit: Sit) -> None:
    desk = sit()
    desk.ask("Hello")
    question, old_answer = desk.items()
    editor = edit(desk, question.id, "Goodbye")
    assert editor.send is not None
    desk.click(editor.send)
    desk.until(lambda: len(desk.items()) == 2 and desk.items()[0].id != question.id)
    answer = desk.settled()
    new = desk.items()[0]
    assert (new.text, new.version, new.versions) == ("Goodbye", 2, 2)
    assert "> Goodbye" in answer.text

    desk.act(new.id, "earlier")
    desk.until(lambda: desk.items()[0].id == question.id)
    assert [item.id for item in desk.items()] == [question.id, old_answer.id]


def test_an_answer_can_be_edited_and_the_chat_goes_on_from_it(sit: Sit) -> None:
    desk = sit()
    answer = desk.ask("Hello")
    editor = edit(desk, answer.id, "My own words")
    desk.click(editor.save)
    desk.until(lambda: desk.last().text == "My own words")
    assert (desk.last().version, desk.last().versions) == (2, 2)
    desk.ask("Go on")
    assert [m.content for m in desk.stored()][:3] == ["Hello", "My own words", "Go on"]


def test_up_in_the_empty_field_edits_the_last_message(sit: Sit) -> None:
    desk = sit()
    desk.ask("Hello")
    desk.press(Qt.Key.Key_Up)
    desk.until(lambda: desk.view(desk.items()[0].id).is_editing)


def test_a_stopped_answer_goes_on_in_place(sit: Sit) -> None:
    text = " ".join(f"word{number}" for number in range(200))
    desk = sit(text=text, tokens_per_second=150)
    desk.send("Count")
    desk.writing(40)
    desk.press(Qt.Key.Key_Escape)
    stopped = desk.settled()
    assert text.startswith(stopped.text)
    assert len(stopped.text) < len(text)
    desk.act(stopped.id, "continue")
    desk.until(lambda: desk.page.pane.composer.stop_button.isVisible())
    answer = desk.settled()
    assert desk.focus_is_in_chat()
    assert answer.id == stopped.id
    assert answer.text == text


def test_a_deleted_message_comes_back_by_undo(sit: Sit) -> None:
    desk = sit()
    desk.ask("One")
    desk.ask("Two")
    before = [item.id for item in desk.items()]
    desk.act(before[2], "delete")
    desk.until(lambda: [item.id for item in desk.items()] == before[:2])
    assert desk.focus_is_in_chat()
    desk.toast_action()
    assert desk.focus_is_in_chat()
    desk.until(lambda: [item.id for item in desk.items()] == before)


def test_deleting_the_first_message_leaves_an_empty_chat_that_can_be_written_in(sit: Sit) -> None:
    desk = sit()
    desk.ask("One")
    desk.act(desk.items()[0].id, "delete")
    desk.until(lambda: not desk.items())
    assert desk.page.empty.isVisible()
    assert "> Two" in desk.ask("Two").text


def test_a_branch_goes_on_in_a_chat_of_its_own(sit: Sit) -> None:
    desk = sit()
    answer = desk.ask("One")
    desk.ask("Two")
    origin = desk.page.conversation
    assert origin is not None
    desk.act(answer.id, "branch")
    desk.until(lambda: desk.page.conversation and desk.page.conversation.id != origin.id)
    desk.until(lambda: len(desk.items()) == 2)
    assert desk.texts() == ["One", answer.text]
    desk.ask("Another way")
    assert len(desk.context.store.path(origin.id)) == 4
    assert len(desk.stored()) == 4
    desk.until(lambda: len(desk.rows()) == 2)


def test_copying_takes_the_markdown(sit: Sit) -> None:
    desk = sit(text="Some **strong** words")
    answer = desk.ask("Hello")
    desk.act(answer.id, "copy")
    assert QGuiApplication.clipboard().text() == "Some **strong** words"


def test_the_gauge_counts_what_is_typed(sit: Sit) -> None:
    desk = sit()
    desk.ask("Hello")
    composer = desk.page.pane.composer
    desk.until(composer.token_words)
    assert composer.token_words().replace(",", "").endswith("/ 8192 tokens")
    desk.type("some more words to count")
    conversation = desk.page.conversation
    assert conversation is not None
    count = desk.context.chat.prompt_tokens(conversation.id, "some more words to count")
    assert count is not None
    desk.until(lambda: composer.token_words().startswith(f"{count.total} /"))
    desk.send("")
    desk.until(lambda: len(desk.items()) == 4)
    usage = desk.settled().usage
    assert usage is not None
    assert usage.prompt_tokens == count.total


def test_a_prompt_longer_than_the_context_cannot_be_sent(sit: Sit) -> None:
    desk = sit(context_length=600)
    desk.ask("Hello")
    composer = desk.page.pane.composer
    composer.set_text("word " * 1000)
    desk.until(lambda: not composer.can_send())
    assert "more than the context holds" in composer.send_button.toolTip()
    composer.set_text("short")
    desk.until(composer.can_send)


def test_a_chat_that_has_outgrown_the_context_can_be_gone_on_with(sit: Sit) -> None:
    desk = sit(context_length=600)
    desk.ask("word " * 150)
    composer = desk.page.pane.composer
    composer.set_text("more " * 350)
    desk.until(lambda: "Older messages" in composer.send_button.toolTip())
    assert composer.can_send()
    conversation = desk.page.conversation
    assert conversation is not None
    count = desk.context.chat.prompt_tokens(conversation.id, composer.text())
    assert count is not None
    assert count.least < count.context < count.total

    settings = desk.context.settings
    settings.update(chat=replace(settings.current.chat, context_policy="stop"))
    desk.until(lambda: not composer.can_send())


def test_the_progress_of_the_prompt_is_shown_until_text_comes(sit: Sit) -> None:
    desk = sit(prompt_tokens_per_second=1500)
    desk.ask("Hello")
    desk.page.pane.composer.set_text("word " * 2000)
    desk.press(Qt.Key.Key_Return)
    transcript = desk.page.pane.transcript
    desk.until(lambda: any(c.isVisible() for c in transcript.findChildren(ProgressCard)))
    card = next(c for c in transcript.findChildren(ProgressCard) if c.isVisible())
    desk.until(lambda: card.words()[0] not in ("", "0%"))
    assert "new tokens" in card.words()[1]
    assert "reused" in card.words()[1]
    desk.settled()
    assert not any(c.isVisible() for c in transcript.findChildren(ProgressCard))


def test_esc_stops_while_the_prompt_is_processed(sit: Sit) -> None:
    desk = sit(prompt_tokens_per_second=300)
    desk.page.pane.composer.set_text("word " * 3000)
    desk.press(Qt.Key.Key_Return)
    transcript = desk.page.pane.transcript
    desk.until(lambda: any(c.isVisible() for c in transcript.findChildren(ProgressCard)))
    desk.press(Qt.Key.Key_Escape)
    answer = desk.settled()
    assert (answer.text, answer.finish_reason) == ("", "cancelled")
    assert not any(c.isVisible() for c in transcript.findChildren(ProgressCard))


def test_reasoning_is_kept_apart(sit: Sit) -> None:
    desk = sit()
    answer = desk.ask("Think about it !think")
    assert answer.reasoning.startswith("The person wrote")
    assert "The person wrote" not in answer.text


def test_a_new_chat_has_a_gauge_and_too_much_is_not_sent(sit: Sit) -> None:
    desk = sit()
    desk.ask("Hello")  # loads the model
    desk.new_chat()
    composer = desk.page.pane.composer
    desk.until(composer.token_words)
    composer.set_text("word " * 20_000)
    composer.field.setFocus()
    desk.press(Qt.Key.Key_Return)
    desk.until(lambda: not composer.send_button.isEnabled())
    assert composer.text().startswith("word word")
    assert "more than the context holds" in composer.send_button.toolTip()
    assert desk.page.conversation is None
    assert len(desk.context.store.list()) == 1
