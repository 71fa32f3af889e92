"""Answers that nobody watches, that break off, and that the window is closed upon."""

from collections.abc import Iterator

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.engine_errors import refusal
from app.core.paths import app_paths
from app.gui.controls.badges import Badge
from app.gui.controls.labels import Label
from app.gui.controls.list_view import RowRole
from app.gui.message_item import Remedy
from backends.errors import BadConstraint, TemplateError
from tests.gui.chat_desk import Desk, Sit, buttons_of, scripted_model, sitting

pytestmark = pytest.mark.gui


@pytest.fixture
def sit(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sit]:
    yield from sitting(qapp, qtbot, monkeypatch)


def current(desk: Desk) -> int:
    conversation = desk.page.conversation
    assert conversation is not None
    return conversation.id


def second_line(desk: Desk, conversation_id: int) -> str:
    row = desk.page.list.model.row_of(conversation_id)
    assert row is not None
    return str(desk.page.list.model.index(row).data(RowRole.SECOND))


def choose_model(desk: Desk, model_id: str) -> None:
    """Have the chat in view use another model."""
    model = desk.context.library.get(model_id)
    desk.page.picker.use_model.emit(model, None, False)
    desk.until(lambda: (at := desk.context.runtime.get(model_id)) and at.state == "ready")


# Others in the meantime


def test_an_answer_goes_on_while_another_chat_is_in_view(sit: Sit) -> None:
    desk = sit(tokens_per_second=60)
    desk.send("First !tokens=90")
    desk.writing()
    first = current(desk)
    before = len(desk.written())
    desk.new_chat()
    assert not desk.items()
    assert not desk.page.pane.composer.stop_button.isVisible()
    desk.until(lambda: second_line(desk, first) == "Answering…")

    desk.open_chat(first)  # half way: what came meanwhile is there, and it goes on
    desk.until(lambda: len(desk.items()) == 2)
    assert len(desk.last().text) >= before
    assert desk.page.pane.composer.stop_button.isVisible()
    desk.new_chat()
    desk.until(lambda: desk.page.answers.of(first) is None)
    desk.open_chat(first)
    desk.until(lambda: len(desk.items()) == 2)
    answer = desk.settled()
    assert answer.finish_reason == "stop"
    assert answer.text == desk.stored()[-1].content
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 90


def test_two_chats_are_answered_at_once(sit: Sit) -> None:
    scripted_model("other", text="I am the other one. " * 30, tokens_per_second=100)
    desk = sit(tokens_per_second=100)
    desk.send("To the first !tokens=200")
    desk.writing()
    first = current(desk)
    desk.new_chat()
    choose_model(desk, "other")
    desk.send("To the second")
    desk.writing()
    second = current(desk)
    assert {first, second} == set(desk.page.answers.running())
    assert desk.settled().text == ("I am the other one. " * 30)
    assert desk.last().model_name == "Other"
    desk.open_chat(first)
    desk.until(lambda: len(desk.items()) == 2)
    answer = desk.settled()
    assert "To the first" in answer.text
    assert answer.model_name == "Model"
    assert answer.finish_reason == "stop"


def test_two_chats_of_one_model_are_answered_one_after_the_other(sit: Sit) -> None:
    desk = sit(tokens_per_second=100)
    desk.send("First !tokens=150")
    desk.writing()
    first = current(desk)
    desk.new_chat()
    desk.ask("Second !tokens=20")
    assert "Second" in desk.last().text
    desk.until(lambda: desk.page.answers.of(first) is None)
    assert desk.context.store.path(first)[-1].finish_reason == "stop"


def test_esc_stops_the_answer_in_view_only(sit: Sit) -> None:
    scripted_model("other", tokens=2000, tokens_per_second=100)
    desk = sit(tokens_per_second=100)
    desk.send("First !tokens=400")
    desk.writing()
    first = current(desk)
    desk.new_chat()
    choose_model(desk, "other")
    desk.send("Second")
    desk.writing()
    desk.press(Qt.Key.Key_Escape)
    assert desk.settled().finish_reason == "cancelled"
    assert desk.page.answers.of(first) is not None
    desk.until(lambda: desk.page.answers.of(first) is None)
    assert desk.context.store.path(first)[-1].finish_reason == "stop"


def test_deleting_a_chat_ends_its_answer(sit: Sit) -> None:
    desk = sit(tokens=5000, tokens_per_second=100)
    desk.send("A long one")
    desk.writing()
    chat = current(desk)
    desk.chat_menu(chat, "Delete")
    desk.until(lambda: desk.page.conversation is None)
    desk.until(lambda: desk.page.answers.of(chat) is None)
    desk.toast_action()
    desk.until(lambda: desk.context.store.get(chat).deleted is None)
    desk.open_chat(chat)
    desk.until(lambda: len(desk.items()) == 2)
    assert len(desk.last().text) >= 10


# The engine breaks down


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("!abort", "The engine stopped itself"),
        ("!segfault", "The engine crashed"),
        ("!killed", "The engine was ended by the system"),
    ],
)
def test_a_crash_keeps_the_text_and_names_its_cause(sit: Sit, word: str, title: str) -> None:
    scripted_model("other", text="Still here")
    desk = sit(tokens_per_second=50)
    choose_model(desk, "other")
    choose_model(desk, "model")
    desk.send(f"Now {word} !tokens=50")
    desk.until(lambda: desk.error_card() is not None)
    card = desk.error_card()
    assert card is not None
    assert card.accessibleName() == title
    answer = desk.settled()
    assert answer.state == "interrupted"
    assert answer.text.startswith("## You")
    assert answer.text == desk.stored()[-1].content
    badges = desk.view(answer.id).findChildren(Badge)
    assert "Interrupted" in [badge.text() for badge in badges]
    assert "stopped" in desk.page.header.model.accessibleName()
    assert second_line(desk, current(desk)) == "Interrupted"

    desk.new_chat()  # the rest lives on
    choose_model(desk, "other")
    assert desk.ask("Are you there?").text == "Still here"


def test_reload_and_continue_goes_on_where_it_broke_off(sit: Sit) -> None:
    text = " ".join(f"word{number}" for number in range(60))
    desk = sit(text=text, tokens_per_second=40)
    desk.send("Count")
    desk.writing(30)
    loaded = desk.context.runtime.get("model")
    assert loaded is not None
    assert loaded.engine.pid is not None
    psutil.Process(loaded.engine.pid).kill()
    desk.until(lambda: desk.error_card() is not None)
    card = desk.error_card()
    assert card is not None
    broken = desk.settled()
    assert text.startswith(broken.text)
    assert 0 < len(broken.text) < len(text)
    desk.click(buttons_of(card, "Reload and continue")[0])
    desk.until(lambda: desk.page.pane.composer.stop_button.isVisible())
    answer = desk.settled()
    assert answer.id == broken.id
    assert (answer.text, answer.state) == (text, "complete")
    assert desk.error_card() is None


def test_a_crash_in_a_chat_out_of_view_waits_there(sit: Sit) -> None:
    desk = sit(tokens_per_second=40)
    desk.send("Now !tokens=4000")
    desk.writing()
    chat = current(desk)
    desk.new_chat()
    loaded = desk.context.runtime.get("model")
    assert loaded is not None
    assert loaded.engine.pid is not None
    psutil.Process(loaded.engine.pid).kill()
    desk.until(lambda: second_line(desk, chat) == "Interrupted")
    desk.open_chat(chat)
    desk.until(lambda: len(desk.items()) == 2)
    assert desk.last().state == "interrupted"
    desk.until(lambda: desk.error_card() is not None)


def test_an_error_that_was_closed_stays_away(sit: Sit) -> None:
    desk = sit()
    desk.send("Now !error")
    desk.until(lambda: desk.error_card() is not None)
    chat, card = current(desk), desk.error_card()
    assert card is not None
    error = desk.page.pane._errors[chat]
    desk.click(buttons_of(card, "Close")[0])
    assert desk.error_card() is None
    desk.page.pane.offer(error, (Remedy("again", "Reload"),))  # found too late
    assert desk.error_card() is None
    desk.new_chat()
    desk.open_chat(chat)
    desk.until(lambda: len(desk.items()) == 2)
    assert desk.error_card() is None


def test_an_engine_that_refuses_is_asked_again(sit: Sit) -> None:
    desk = sit()
    desk.send("Now !error")
    desk.until(lambda: desk.error_card() is not None)
    card = desk.error_card()
    assert card is not None
    assert "The script says so" in " ".join(label.text() for label in card.findChildren(Label))
    assert desk.settled().finish_reason == "error"
    assert desk.context.runtime.loaded()[0].state == "ready"
    desk.ask("And now?")
    assert "And now?" in desk.last().text


# Models that do not load


def test_a_model_that_does_not_load_says_why_and_what_is_typed_stays(sit: Sit) -> None:
    desk = sit(on_load="abort")
    desk.send("My long thought")
    toast = desk.toast()
    assert "The engine stopped itself" in toast.accessibleName()
    assert desk.page.pane.composer.text() == "My long thought"
    assert desk.page.pane.composer.can_send()
    assert not desk.items()

    scripted_model("model")  # the file is mended: the same text can be sent
    desk.press(Qt.Key.Key_Return)
    desk.until(lambda: len(desk.items()) == 2)
    assert "> My long thought" in desk.settled().text


def test_a_load_can_be_stopped_and_what_is_typed_stays(sit: Sit) -> None:
    desk = sit(load_seconds=60)
    desk.send("My thought")
    desk.until(lambda: "loading" in desk.page.header.model.accessibleName())
    desk.page.header.load_cancelled.emit()
    desk.until(lambda: "not loaded" in desk.page.header.model.accessibleName())
    assert desk.page.pane.composer.text() == "My thought"
    assert not desk.context.runtime.loaded()


def test_without_any_model_sending_asks_for_one(sit: Sit) -> None:
    desk = sit()
    (app_paths().models / "model.scripted").unlink()
    desk.context.library.scan()  # the one at the start may come to the starter model later
    for model in desk.context.library.models():
        desk.context.library.delete(model.id)
    desk.send("Hello")
    desk.until(desk.page.picker.isVisible)
    assert desk.page.pane.composer.text() == "Hello"
    desk.page.picker.hide()


# Closing


def test_closing_while_an_answer_comes_keeps_what_was_written(sit: Sit) -> None:
    desk = sit(tokens=5000, tokens_per_second=100)
    desk.send("Tell me a long story")
    desk.writing(50)
    written = desk.written()
    chat = current(desk)
    again = sit()
    again.until(lambda: len(again.items()) == 2)
    assert current(again) == chat
    answer = again.last()
    assert answer.state == "interrupted"
    assert answer.text.startswith(written)
    again.act(answer.id, "continue")
    again.writing(len(answer.text) + 5)
    again.press(Qt.Key.Key_Escape)
    again.settled()


def test_closing_while_a_model_loads_keeps_what_is_typed(sit: Sit) -> None:
    desk = sit(load_seconds=60)
    desk.send("My thought")
    desk.until(lambda: "loading" in desk.page.header.model.accessibleName())
    again = sit(load_seconds=0)
    again.until(lambda: again.page.pane.composer.text() == "My thought")


def test_a_model_that_was_put_away_is_told_and_comes_back_with_the_next_message(sit: Sit) -> None:
    desk = sit()
    desk.ask("Hello")
    runtime = desk.context.runtime
    [loaded] = runtime.loaded()
    runtime.load(loaded.model, ttl=0.05)
    assert desk.toast().accessibleName() == "Model was ejected: nobody used it."
    desk.until(lambda: not runtime.loaded())
    desk.ask("Are you there?")
    assert "Are you there?" in desk.last().text


def test_a_refused_request_offers_no_reload_and_names_the_place_to_change(sit: Sit) -> None:
    desk = sit()
    desk.ask("Hello")
    error = refusal(BadConstraint("The JSON schema cannot be used: objct"))
    desk.page.pane.show_error(desk.last().id, error)
    card = desk.error_card()
    assert card is not None
    assert not buttons_of(card, "Reload and continue")
    words = " ".join(label.text() for label in card.findChildren(Label))
    assert "Chat settings › Answers › Answer as JSON" in words
    assert "sampling" not in words
    desk.page.pane.show_error(desk.last().id, refusal(TemplateError("It raised")))
    card = desk.error_card()
    assert card is not None
    assert buttons_of(card, "Choose…")
    assert not buttons_of(card, "Reload and continue")
