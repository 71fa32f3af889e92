"""The chat page around the messages: list, search, drafts, header, keys, a real model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from app.core.settings import SettingsStore
from app.gui.controls.list_view import RowRole
from app.gui.controls.menu import Menu
from app.gui.preset_view import PresetView
from backends.types import Role
from tests.core.broken_gguf import tiny_model
from tests.gui.chat_desk import DEADLINE_MS, Desk, Sit, scripted_model, sitting

pytestmark = pytest.mark.gui

CONTROL = Qt.KeyboardModifier.ControlModifier
CONTROL_SHIFT = CONTROL | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def sit(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sit]:
    yield from sitting(qapp, qtbot, monkeypatch)


def current(desk: Desk) -> int:
    conversation = desk.page.conversation
    assert conversation is not None
    return conversation.id


def stored_chat(desk: Desk, *texts: str, title: str = "") -> int:
    """A chat in the store, with the person's and the model's messages in turn."""
    store = desk.context.store
    chat = store.create(title=title, preset_id="blank")
    parent = None
    for number, text in enumerate(texts):
        role: Role = "assistant" if number % 2 else "user"
        parent = store.append(chat.id, role, text, parent).id
    desk.until(lambda: chat.id in desk.rows())
    return chat.id


def titles(desk: Desk) -> list[str]:
    model = desk.page.list.model
    indexes = [model.index(row) for row in range(model.rowCount())]
    return [str(i.data()) for i in indexes if i.data(RowRole.KIND) == "row"]


def groups(desk: Desk) -> list[str]:
    model = desk.page.list.model
    indexes = [model.index(row) for row in range(model.rowCount())]
    return [str(i.data()) for i in indexes if i.data(RowRole.KIND) == "group"]


def test_choosing_the_open_chat_again_takes_nothing_away(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sit()
    chat = stored_chat(desk, "One", "1")
    desk.open_chat(chat)
    desk.until(lambda: len(desk.items()) == 2)
    desk.page.open_conversation(chat)
    desk.send("Two !tokens=3")
    desk.until(lambda: len(desk.items()) == 4)
    assert desk.settled().state == "complete"
    question = desk.items()[0].id
    shown: list[object] = []
    show = desk.page.pane.show_conversation

    def noting(*parts: Any) -> None:
        show(*parts)
        shown.append(parts)

    monkeypatch.setattr(desk.page.pane, "show_conversation", noting)
    desk.page.open_conversation(chat, question)  # as a hit of the search does
    desk.type("Half a")
    desk.until(lambda: shown)
    desk.type(" word")
    assert desk.page.pane.composer.text() == "Half a word"


def test_the_open_chat_is_noted_at_once_for_a_program_that_is_killed(sit: Sit) -> None:
    desk = sit()

    def noted() -> int | None:
        return SettingsStore(desk.context.paths.settings_file).current.window.conversation_id

    first, second = stored_chat(desk, "One", "1"), stored_chat(desk, "Two", "2")
    desk.open_chat(first)
    desk.until(lambda: noted() == first)
    desk.open_chat(second)
    desk.until(lambda: noted() == second)
    desk.page.new_chat()
    desk.until(lambda: noted() is None)


# The list


def test_renaming_in_place(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "Hello", "Hi", title="Old name")
    desk.open_chat(chat)
    desk.chat_menu(chat, "Rename")
    view = desk.page.list.view
    desk.until(lambda: view.viewport().findChildren(QLineEdit))
    (editor,) = view.viewport().findChildren(QLineEdit)
    assert editor.text() == "Old name"
    editor.selectAll()
    desk.qtbot.keyClicks(editor, "New name")
    desk.press(Qt.Key.Key_Return, editor)
    desk.until(lambda: titles(desk) == ["New name"])
    desk.until(lambda: desk.page.header.title.text() == "New name")
    assert desk.context.store.get(chat).auto_title is False


def test_pinned_chats_stand_first(sit: Sit) -> None:
    desk = sit()
    old = stored_chat(desk, "One", title="old")
    stored_chat(desk, "Two", title="new")
    desk.chat_menu(old, "Pin")
    desk.until(lambda: titles(desk) == ["old", "new"])
    assert groups(desk) == ["Pinned", "Today"]
    desk.chat_menu(old, "Unpin")
    desk.until(lambda: titles(desk) == ["new", "old"])


def test_duplicating_copies_all_messages(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "One", "Two", title="The chat")
    desk.chat_menu(chat, "Duplicate")
    desk.until(lambda: len(desk.rows()) == 2)
    (copy,) = set(desk.rows()) - {chat}
    assert [m.content for m in desk.context.store.path(copy)] == ["One", "Two"]


def test_a_deleted_chat_comes_back_by_undo(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "One", "Two", title="The chat")
    desk.open_chat(chat)
    desk.chat_menu(chat, "Delete")
    desk.until(lambda: not desk.rows())
    assert desk.page.conversation is None
    assert desk.page.empty.isVisible()
    assert "trash for 30 days" in desk.toast().accessibleName()
    desk.toast_action()
    desk.until(lambda: desk.context.store.get(chat).deleted is None)
    desk.open_chat(chat)
    desk.until(lambda: desk.texts() == ["One", "Two"])


def test_undo_waits_where_the_system_asks_for_no_movement(sit: Sit, qapp: QApplication) -> None:
    desk = sit()
    assert not qapp.isEffectEnabled(Qt.UIEffect.UI_General)  # as here
    chat = stored_chat(desk, "One", title="The chat")
    desk.chat_menu(chat, "Delete")
    toast = desk.toast()
    with desk.qtbot.assertNotEmitted(toast.destroyed, wait=500):
        pass
    assert toast.isVisible()


def test_a_change_in_another_chat_leaves_the_list_where_it_was_scrolled_to(sit: Sit) -> None:
    desk = sit()
    chats = [stored_chat(desk, "Hello", title=f"Chat {number}") for number in range(40)]
    desk.open_chat(chats[-1])
    bar = desk.page.list.view.verticalScrollBar()
    desk.until(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    place = bar.value()
    desk.context.store.update(chats[-3], title="Another name")
    desk.until(lambda: "Another name" in titles(desk))
    assert bar.value() == place


def test_a_title_being_typed_outlasts_what_happens_in_the_chats(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "Hello", title="Old name")
    other = stored_chat(desk, "Hello", title="Other")
    model, view = desk.page.list.model, desk.page.list.view
    view.edit(model.index(model.row_of(chat) or 0))
    (editor,) = view.viewport().findChildren(QLineEdit)
    editor.selectAll()
    desk.qtbot.keyClicks(editor, "New na")
    desk.context.store.append(other, "user", "Again", None)
    desk.context.store.update(other, title="Changed")
    model.note(chat, "Answering…", "working")
    desk.until(lambda: "Changed" in titles(desk))
    assert editor.isVisible()
    desk.qtbot.keyClicks(editor, "me")
    desk.press(Qt.Key.Key_Return, editor)
    desk.until(lambda: "New name" in titles(desk))


def test_a_menu_renames_the_chat_it_was_opened_for(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "Hello", title="This one")
    stored_chat(desk, "Hello", title="Other")
    model, view = desk.page.list.model, desk.page.list.view
    view.menu_asked.emit(model.index(model.row_of(chat) or 0), view.mapToGlobal(QPoint(20, 20)))
    (menu,) = desk.page.list.findChildren(Menu)
    desk.context.store.append(chat, "user", "Again", None)
    desk.until(lambda: titles(desk) == ["This one", "Other"])
    next(each for each in menu.actions() if each.text() == "Rename").trigger()
    (editor,) = view.viewport().findChildren(QLineEdit)
    assert editor.text() == "This one"
    menu.close()


def test_a_chat_that_cannot_be_opened_does_not_close_the_one_opened_after_it(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "Hello", title="The chat")
    gone = chat + 1000
    looked: list[object] = []
    desk.page.open_conversation(gone)
    desk.page.open_conversation(chat)
    desk.until(lambda: desk.page.conversation is not None)
    desk.context.worker.run(lambda: None, done=looked.append)
    desk.until(lambda: looked)
    assert current(desk) == chat
    desk.page.open_conversation(gone)
    desk.until(lambda: desk.page.conversation is None)


# Search


def test_search_finds_titles_and_text_and_opens_at_the_message(sit: Sit) -> None:
    desk = sit()
    texts = [f"message number {number}" for number in range(60)]
    texts[7] = "here is the wombat"
    long = stored_chat(desk, *texts, title="A long chat")
    other = stored_chat(desk, "Hello", title="All about wombats")
    stored_chat(desk, "Nothing", title="Nothing")
    field = desk.page.list.search
    desk.qtbot.keyClicks(field, "wombat")
    desk.until(lambda: sorted(desk.rows()) == sorted([long, other]))
    wanted = desk.context.store.path(long)[7].id
    desk.open_chat(long, wanted)
    desk.until(lambda: len(desk.items()) == 60)
    view = desk.page.pane.transcript.view_of(wanted)
    assert view is not None
    assert 0 <= view.y() < desk.page.pane.transcript.viewport().height()

    field.clear()
    desk.until(lambda: len(desk.rows()) == 3)


def test_search_opens_a_message_on_a_branch_that_is_not_shown(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "the old wording", "an answer")
    first = desk.context.store.path(chat)[0].id
    desk.context.store.edit_message(first, "the new one")
    desk.open_chat(chat)
    desk.until(lambda: desk.texts() == ["the new one"])
    desk.qtbot.keyClicks(desk.page.list.search, "wording")
    desk.until(lambda: desk.page.list.model.row_of(chat) == 0)
    desk.open_chat(chat, first)
    desk.until(lambda: desk.texts() == ["the old wording", "an answer"])


def test_a_search_without_success_says_so(sit: Sit) -> None:
    desk = sit()
    stored_chat(desk, "Hello", title="A chat")
    desk.qtbot.keyClicks(desk.page.list.search, 'zebra "* OR')
    desk.until(lambda: not desk.rows())
    assert "zebra" in desk.page.list.empty.text()


def test_ctrl_shift_f_searches_all_chats_and_leaves_the_chat_in_view(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "Hello", "Hi")
    desk.open_chat(chat)
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_F, CONTROL_SHIFT)
    desk.until(desk.page.list.search.hasFocus)
    assert current(desk) == chat


def test_the_closed_find_bar_gives_the_keyboard_back(sit: Sit) -> None:
    desk = sit()
    desk.open_chat(stored_chat(desk, "A needle"))
    desk.until(desk.frame.isActiveWindow)
    desk.page.pane.composer.field.setFocus()
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_F, CONTROL)
    desk.press(Qt.Key.Key_Escape, desk.page.pane.find_bar.field)
    assert desk.page.pane.composer.field.hasFocus()


def test_ctrl_f_finds_in_the_chat(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "a needle here", "and a needle there")
    desk.open_chat(chat)
    desk.until(lambda: len(desk.items()) == 2)
    found: list[tuple[int, int]] = []
    desk.page.pane.transcript.found.connect(lambda now, count: found.append((now, count)))
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_F, CONTROL)
    bar = desk.page.pane.find_bar
    desk.until(bar.isVisible)
    desk.qtbot.keyClicks(bar.field, "needle")
    desk.until(lambda: found and found[-1][1] == 2)
    desk.press(Qt.Key.Key_Escape, bar.field)
    desk.until(lambda: not bar.isVisible())


# Drafts


def test_drafts_are_kept_per_chat_and_over_a_restart(sit: Sit) -> None:
    desk = sit()
    one = stored_chat(desk, "One")
    two = stored_chat(desk, "Two")
    composer = desk.page.pane.composer
    desk.type("for a new chat")
    desk.open_chat(one)
    desk.until(lambda: composer.text() == "")
    desk.type("for the first")
    desk.open_chat(two)
    desk.until(lambda: composer.text() == "")
    desk.type("for the second")
    desk.open_chat(one)
    desk.until(lambda: composer.text() == "for the first")
    desk.new_chat()
    assert composer.text() == "for a new chat"
    desk.open_chat(two)
    desk.until(lambda: composer.text() == "for the second")
    desk.type(" chat")

    again = sit()
    again.until(lambda: again.page.conversation and current(again) == two)
    assert again.page.pane.composer.text() == "for the second chat"
    again.new_chat()
    assert again.page.pane.composer.text() == "for a new chat"
    again.open_chat(one)
    again.until(lambda: again.page.pane.composer.text() == "for the first")


def test_a_message_that_was_sent_is_no_draft(sit: Sit) -> None:
    desk = sit()
    desk.ask("Hello")
    chat = current(desk)
    desk.new_chat()
    assert desk.page.pane.composer.text() == ""
    desk.open_chat(chat)
    assert desk.page.pane.composer.text() == ""
    again = sit()
    again.until(lambda: len(again.items()) == 2)
    assert again.page.pane.composer.text() == ""
    again.new_chat()
    assert again.page.pane.composer.text() == ""


# Presets and models


def test_the_preset_of_a_new_chat_is_used_and_kept(sit: Sit) -> None:
    desk = sit()
    desk.page.empty.preset_chosen.emit("translator")
    desk.until(lambda: "Translator" in desk.page.header.preset.accessibleName())
    answer = desk.ask("Hello")
    assert "professional translator" in answer.text  # the scripted engine quotes its orders
    again = sit()
    again.until(lambda: len(again.items()) == 2)
    again.until(lambda: "Translator" in again.page.header.preset.accessibleName())


def test_a_beginning_goes_in_front_of_what_is_typed(sit: Sit) -> None:
    desk = sit()
    composer = desk.page.pane.composer
    desk.type("It rains.")
    desk.page.empty.started.emit("summariser", "Summarise this:\n\n")
    assert composer.text() == "Summarise this:\n\nIt rains."
    desk.page.empty.started.emit("general", "Why is that?")
    assert composer.text() == "Why is that?\n\nIt rains."
    composer.set_text("")
    desk.page.empty.started.emit("general", "Why is that?")
    assert composer.text() == "Why is that?"
    desk.page.empty.started.emit("summariser", "Summarise this:\n\n")
    assert composer.text() == "Summarise this:\n\n"


def test_each_chat_keeps_its_model(sit: Sit) -> None:
    scripted_model("other", text="I am the other one")
    desk = sit()
    desk.ask("Hello")
    first = current(desk)
    desk.new_chat()
    desk.page.picker.use_model.emit(desk.context.library.get("other"), None, False)
    desk.until(lambda: "Other, ready" in desk.page.header.model.accessibleName())
    assert desk.ask("Hello").text == "I am the other one"
    desk.open_chat(first)
    desk.until(lambda: "Model, ready" in desk.page.header.model.accessibleName())
    assert "> Again" in desk.ask("Again").text


def test_a_chat_just_begun_is_marked_in_the_list(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, "An older one")
    desk.open_chat(chat)
    desk.new_chat()
    desk.ask("Hello")
    begun = current(desk)
    assert begun != chat
    desk.until(lambda: begun in desk.rows())
    view = desk.page.list.view
    desk.until(lambda: [row.data(RowRole.VALUE) for row in view.selectedIndexes()] == [begun])


def switch_model(desk: Desk, name: str) -> None:
    """By Ctrl+K, until the chat in view has it."""
    desk.window.open_palette()
    palette = desk.window.palette_overlay
    assert palette is not None
    desk.qtbot.keyClicks(palette.field, name)
    desk.press(Qt.Key.Key_Return, palette.field)
    desk.until(lambda: f"{name}, ready" in desk.page.header.model.accessibleName())
    desk.until(lambda: desk.page.conversation and desk.page.conversation.model_id == name.lower())


@pytest.mark.parametrize("loaded", [False, True])
def test_the_palette_switches_the_model_of_the_chat_in_view(sit: Sit, loaded: bool) -> None:
    scripted_model("other", text="I am the other one")
    desk = sit()
    desk.ask("Hello")
    chat = current(desk)
    if loaded:
        desk.context.runtime.load(desk.context.library.get("other"))
    for name in ("Other", "Model", "Other"):  # more than once: the palette is kept
        switch_model(desk, name)
        assert current(desk) == chat
        assert desk.context.store.get(chat).model_id == name.lower()
    assert desk.ask("Hello").text == "I am the other one"
    assert len(desk.items()) == 4


def test_sending_twice_while_the_model_loads_sends_once(sit: Sit) -> None:
    desk = sit(load_seconds=1)
    desk.send("Hello")
    desk.until(lambda: "loading" in desk.page.header.model.accessibleName())
    desk.type(" there")
    desk.press(Qt.Key.Key_Return)
    desk.until(lambda: len(desk.items()) == 2)
    desk.settled()
    assert len(desk.rows()) == 1
    assert desk.texts()[0] == "Hello there"


def test_the_page_one_left_is_as_one_left_it(sit: Sit) -> None:
    desk = sit()
    chat = stored_chat(desk, *(f"message {number}" for number in range(40)))
    desk.open_chat(chat)
    desk.until(lambda: len(desk.items()) == 40)
    transcript = desk.page.pane.transcript
    transcript.scroll_to(desk.items()[5].id)
    place = transcript.verticalScrollBar().value()
    desk.type("half a th")
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_4, CONTROL)
    desk.until(lambda: desk.window.current_page is not desk.page)
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_1, CONTROL)
    desk.until(desk.page.isVisible)
    assert current(desk) == chat
    assert desk.page.pane.composer.text() == "half a th"
    assert transcript.verticalScrollBar().value() == place


@pytest.mark.engine
def test_a_real_model_answers(qapp: QApplication, qtbot: QtBot, starter_file: Path) -> None:
    """The starter model, which the library adopts in place."""
    desk = Desk(qapp, qtbot)
    try:
        desk.until(desk.context.library.models)
        assert desk.context.library.models()[0].path == starter_file
        desk.page.empty.preset_chosen.emit("strict-json")
        desk.send("The number of legs of a cat")
        desk.until(lambda: len(desk.items()) == 2, 2 * DEADLINE_MS)
        desk.until(lambda: desk.last().state != "streaming", 2 * DEADLINE_MS)
        answer = desk.settled()
        assert answer.text.strip()
        assert answer.model_name.startswith("SmolLM2")
    finally:
        desk.close()


def test_a_preset_edited_and_not_saved_is_there_after_a_restart(sit: Sit) -> None:
    desk = sit()
    desk.page.presets.manage("coder")
    view = desk.page.findChild(PresetView)
    assert view is not None
    view.editor.prompt.setFocus()
    view.editor.prompt.selectAll()
    desk.qtbot.keyClicks(view.editor.prompt, "Half a sent")
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_Q, CONTROL)

    desk = sit()
    assert desk.context.presets.get("coder").system_prompt != "Half a sent"
    desk.page.presets.manage("coder")
    view = desk.page.findChild(PresetView)
    assert view is not None
    assert view.editor.prompt.toPlainText() == "Half a sent"
    assert view.unsaved_mark.isVisible()
    view.revert.click()
    desk.until(lambda: not list(desk.context.paths.preset_drafts_dir.iterdir()))


def test_ctrl_n_leads_from_the_preset_editor_to_a_new_chat(sit: Sit) -> None:
    desk = sit()
    desk.page.presets.manage("coder")
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_N, CONTROL)
    assert desk.page.pane.composer.isVisible()


def test_an_empty_chat_sees_a_model_that_was_put_into_the_folder(sit: Sit) -> None:
    desk = sit()
    page, context = desk.page, desk.context
    assert page.empty.isVisible()
    path = context.paths.models / "Own-F32.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tiny_model().data())
    page.looks.timer.stop()  # the way back to the window is enough
    page.activateWindow()
    QApplication.sendEvent(page.empty, QEvent(QEvent.Type.ActivationChange))
    desk.until(lambda: any(each.path == path for each in context.library.models()))
