"""Reasoning, form of the answer and keeping on disk, in the chat settings."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.gui.context import AppContext
from app.gui.inspector import Inspector
from backends import kept_files
from backends.types import JsonObject, JsonSchema, LoadConfig, ReasoningOptions
from tests.gui.test_accessibility import operated, spoken_name

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]


@pytest.fixture
def inspector(context: AppContext, show: Show) -> Inspector:
    panel = Inspector(context)
    panel.resize(296, 1400)
    show(panel)
    return panel


def test_what_is_chosen_before_the_first_message_is_in_the_draft(
    inspector: Inspector, qtbot: QtBot
) -> None:
    rows = inspector.answers
    rows.mode._group.button(2).click()
    rows.budget.setFocus()
    qtbot.keyClicks(rows.budget, "120")
    answers = inspector.draft().answers
    assert answers.reasoning == ReasoningOptions("off", None, 120)
    assert not inspector.is_changed()
    rows.rows["mode"].reset.click()
    rows.rows["budget"].reset.click()
    assert inspector.draft().answers.reasoning == ReasoningOptions()


def test_another_preset_and_revert_leave_it(inspector: Inspector) -> None:
    inspector.answers.keep.click()
    inspector.choose_preset("coder")
    assert inspector.draft().answers.keep_on_disk
    inspector.prompt.replace_text("Other words")
    inspector.revert.click()
    assert inspector.draft().answers.keep_on_disk
    assert inspector.answers.keep.isChecked()


def test_a_stored_chat_takes_it_and_shows_it_again(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    chat = context.store.create()
    other = context.store.create(keep_on_disk=True, reasoning=ReasoningOptions("on", "high"))
    inspector.show_conversation(chat, None)
    inspector.answers.json.click()
    qtbot.waitUntil(lambda: context.store.get(chat.id).constraint == JsonObject())
    inspector.show_conversation(context.store.get(other.id), None)
    assert inspector.answers.effort.currentText() == "High"
    assert inspector.answers.mode.current() == 1
    assert inspector.answers.keep.isChecked()
    assert not inspector.answers.json.isChecked()
    assert inspector.answers.schema.isHidden()
    assert context.store.get(other.id).reasoning == ReasoningOptions("on", "high")
    inspector.show_conversation(context.store.get(chat.id), None)
    assert inspector.answers.json.isChecked()
    assert inspector.answers.schema.isVisible()


def test_a_schema_is_checked_and_the_last_good_one_stays(
    inspector: Inspector, qtbot: QtBot
) -> None:
    rows = inspector.answers
    rows.json.click()
    assert inspector.draft().answers.constraint == JsonObject()
    edit = rows.schema.edit
    edit.setFocus()
    edit.insertPlainText('{"type": "object"}')
    good = JsonSchema('{"type": "object"}')
    assert inspector.draft().answers.constraint == good
    QTest.keyClick(edit, Qt.Key.Key_Backspace)
    assert "Line 1" in rows.schema.note.text()
    assert edit.property("wrong")
    assert inspector.draft().answers.constraint == good
    edit.selectAll()
    edit.insertPlainText("[1]")
    assert "begins with {" in rows.schema.note.text()
    edit.setPlainText('{"maximum": ' + "1" * 5000 + "}")
    assert "too long" in rows.schema.note.text()
    edit.setPlainText("[" * 20_000)
    assert "nested too deeply" in rows.schema.note.text()
    edit.selectAll()
    QTest.keyClick(edit, Qt.Key.Key_Delete)
    assert rows.schema.note.isHidden()
    assert inspector.draft().answers.constraint == JsonObject()
    rows.json.click()
    assert inspector.draft().answers.constraint is None


def test_the_schema_of_one_chat_is_not_that_of_another(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    schema = JsonSchema('{"type": "object", "title": "of another chat"}')
    first = context.store.create(constraint=schema)
    other, third = context.store.create(), context.store.create(constraint=JsonObject())
    inspector.show_conversation(first, None)
    inspector.show_conversation(other, None)
    inspector.answers.json.click()
    assert inspector.answers.options().constraint == JsonObject()
    assert inspector.answers.schema.edit.toPlainText() == ""
    qtbot.waitUntil(lambda: context.store.get(other.id).constraint == JsonObject())
    assert context.store.get(first.id).constraint == schema
    inspector.answers.schema.edit.setPlainText('{"type": "obj')
    assert inspector.answers.schema.note.text()
    inspector.show_conversation(third, None)
    assert inspector.answers.schema.edit.toPlainText() == ""
    assert not inspector.answers.schema.note.text()


def test_what_the_model_cannot_do_is_off_and_says_why(
    inspector: Inspector, context: AppContext, starter_file: Path, qtbot: QtBot
) -> None:
    model = context.library.adopt(starter_file)
    loaded = context.runtime.load(model, LoadConfig(context_length=512))
    rows = inspector.answers
    assert rows.mode.isEnabled()  # nothing is known without a model
    inspector.show_conversation(None, loaded)
    for name in ("mode", "effort", "budget"):
        assert not rows.rows[name].control.isEnabled()
        assert "loaded model" in rows.rows[name].toolTip()
    assert rows.json.isEnabled()
    assert rows.keep.isEnabled()


def test_the_tool_tip_tells_what_is_on_the_disk(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    chat = context.store.create(keep_on_disk=True)
    folder = kept_files.model_folder(context.kept.folder, "m")
    folder.mkdir(parents=True)
    name = kept_files.file_stem(f"chat-{chat.id}") + kept_files.SUFFIX
    (folder / name).write_bytes(bytes(3_000_000))
    inspector.show_conversation(chat, None)
    row = inspector.answers.rows["keep"]
    qtbot.waitUntil(lambda: "It takes 3" in row.toolTip())
    inspector.answers.keep.click()
    qtbot.waitUntil(lambda: not (folder / name).exists())
    assert "It takes" not in row.toolTip()


def test_everything_has_a_name(inspector: Inspector) -> None:
    inspector.answers.json.click()
    assert [each for each in operated(inspector.answers) if not spoken_name(each)] == []
