"""The chat settings: what they show, what they store and when."""

from collections.abc import Callable

import pytest
from msgspec import structs
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.core.conversations import Conversation
from app.core.presets import Preset
from app.core.settings import Models
from app.gui.context import AppContext
from app.gui.inspector import Inspector
from app.gui.name_question import NameQuestion
from app.gui.preset_choice import ChatDraft, preset_of
from app.gui.preset_prompt import LargerPrompt, VariableEdit
from app.gui.stop_strings import StopChip, StopStrings
from backends.types import SamplingParams
from tests.gui.test_accessibility import operated, spoken_name

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]


@pytest.fixture
def inspector(context: AppContext, show: Show) -> Inspector:
    panel = Inspector(context)
    panel.resize(296, 840)
    show(panel)
    return panel


def coder(context: AppContext) -> Preset:
    return context.presets.get("coder")


def set_temperature(inspector: Inspector, text: str, qtbot: QtBot) -> None:
    field = inspector.sampling.rows["temperature"].field
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)


def stored(context: AppContext, conversation: Conversation) -> Conversation:
    return context.store.get(conversation.id)


def test_a_temperature_out_of_range_is_told_and_not_taken(
    inspector: Inspector, qtbot: QtBot
) -> None:
    row = inspector.sampling.rows["temperature"]
    before = row.value()
    set_temperature(inspector, "9", qtbot)
    assert row.field.note() == "Between 0.00 and 2.00."
    assert row.value() == before
    assert not inspector.is_changed()
    inspector.prompt.setFocus()
    assert not row.field.note()
    assert row.value() == before


def test_a_new_chat_begins_with_the_default_preset(
    inspector: Inspector, context: AppContext
) -> None:
    general = context.presets.get("general")
    assert inspector.presets.currentText() == general.name
    assert inspector.prompt.toPlainText() == general.system_prompt
    assert inspector.draft() == ChatDraft()
    assert not inspector.is_changed()
    assert inspector.buttons.isHidden()
    assert inspector.memory.value.text() == "not loaded"


def test_choosing_a_preset_for_a_new_chat_changes_the_draft(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(inspector.draft_changed):
        inspector.choose_preset("coder")
    assert inspector.draft() == ChatDraft("coder")
    assert inspector.sampling.rows["temperature"].value() == coder(context).sampling.temperature


def test_a_changed_value_is_an_override_and_marked(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    inspector.choose_preset("coder")
    set_temperature(inspector, "0.9", qtbot)
    sampling = inspector.draft().sampling
    assert sampling is not None
    assert sampling.temperature == 0.9
    assert sampling.top_p == coder(context).sampling.top_p
    assert inspector.is_changed()
    assert inspector.buttons.isVisible()
    assert inspector.changed_mark.isVisible()
    inspector.sampling.rows["temperature"].reset.click()
    assert inspector.draft() == ChatDraft("coder")
    assert inspector.buttons.isHidden()


def test_another_chat_after_a_stored_one_starts_fresh(
    inspector: Inspector, context: AppContext
) -> None:
    inspector.choose_preset("writer")
    inspector.show_conversation(context.store.create(preset_id="coder"), None)
    assert inspector.presets.currentData() == "coder"
    inspector.show_conversation(None, None)
    assert inspector.draft() == ChatDraft()
    assert inspector.presets.currentData() == "general"


def test_showing_a_conversation_writes_nothing(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    conversation = context.store.create(
        preset_id="coder",
        system_prompt="Short.",
        sampling=SamplingParams(temperature=1.35, stop=("END",), seed=7),
    )
    changes: list[int] = []
    context.store.changed.connect(changes.append)
    inspector.show_conversation(conversation, None)
    inspector.flush()
    assert inspector.prompt.toPlainText() == "Short."
    assert inspector.limits.seed.value() == 7
    assert inspector.limits.stop.values() == ("END",)
    assert changes == []
    assert stored(context, conversation) == conversation


def test_what_is_typed_is_stored_soon_and_typing_is_not_disturbed(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    conversation = context.store.create(preset_id="coder")
    inspector.show_conversation(conversation, None)
    inspector.prompt.setFocus()
    inspector.prompt.selectAll()
    with qtbot.waitSignal(inspector.conversation_changed) as signal:
        for letter in "Be brief":
            qtbot.keyClick(inspector.prompt, letter)
            inspector.show_conversation(conversation, None)  # an old state arrives meanwhile
    assert signal.args == [conversation.id]
    assert inspector.prompt.toPlainText() == "Be brief"
    assert inspector.prompt.textCursor().position() == len("Be brief")
    assert stored(context, conversation).system_prompt == "Be brief"


def test_flush_stores_before_it_returns(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    conversation = context.store.create(preset_id="coder")
    inspector.show_conversation(conversation, None)
    set_temperature(inspector, "1.2", qtbot)
    assert stored(context, conversation).sampling is None
    inspector.flush()
    sampling = stored(context, conversation).sampling
    assert sampling is not None
    assert sampling.temperature == 1.2


def test_leaving_a_conversation_keeps_what_was_changed_in_it(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    first = context.store.create(preset_id="coder")
    inspector.show_conversation(first, None)
    set_temperature(inspector, "1.5", qtbot)
    inspector.show_conversation(context.store.create(preset_id="writer"), None)
    sampling = stored(context, first).sampling
    assert sampling is not None
    assert sampling.temperature == 1.5
    assert not inspector.is_changed()


def test_many_changes_end_with_the_last(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    conversation = context.store.create(preset_id="coder")
    inspector.show_conversation(conversation, None)
    for preset_id in ("writer", "blank", "general", "translator", "coder", "brainstorm"):
        inspector.choose_preset(preset_id)
    qtbot.waitUntil(lambda: stored(context, conversation).preset_id == "brainstorm")
    inspector.flush()
    assert stored(context, conversation).preset_id == "brainstorm"
    assert inspector.presets.currentData() == "brainstorm"


def test_another_preset_clears_what_was_changed_of_the_one_before(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    conversation = context.store.create(preset_id="coder", system_prompt="Mine.")
    inspector.show_conversation(conversation, None)
    inspector.choose_preset("writer")
    inspector.flush()
    now = stored(context, conversation)
    assert (now.preset_id, now.system_prompt, now.sampling) == ("writer", None, None)


def test_revert_goes_back_to_the_preset(inspector: Inspector, context: AppContext) -> None:
    conversation = context.store.create(preset_id="coder", system_prompt="Mine.")
    inspector.show_conversation(conversation, None)
    inspector.revert.click()
    inspector.flush()
    assert stored(context, conversation).system_prompt is None
    assert inspector.prompt.toPlainText() == coder(context).system_prompt


def test_save_changes_the_preset_and_the_chat_follows_it(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    conversation = context.store.create(preset_id="coder", system_prompt="Mine.")
    inspector.show_conversation(conversation, None)
    inspector.save.click()
    qtbot.waitUntil(lambda: stored(context, conversation).system_prompt is None)
    assert coder(context).system_prompt == "Mine."
    assert context.presets.is_changed("coder")
    qtbot.waitUntil(inspector.buttons.isHidden)


def test_save_as_makes_a_preset_and_chooses_it(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    inspector.choose_preset("coder")
    set_temperature(inspector, "1.1", qtbot)
    inspector.save_as.click()
    question = inspector.window().findChild(NameQuestion)
    assert isinstance(question, NameQuestion)
    question.field.clear()
    assert not question.confirm.isEnabled()
    qtbot.keyClicks(question.field, "Bold coder")
    qtbot.keyClick(question.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not inspector.is_changed())
    made = context.presets.get(inspector.draft().preset_id or "")
    assert (made.name, made.icon, made.built_in) == ("Bold coder", "code", False)
    assert made.sampling.temperature == 1.1
    assert coder(context).sampling.temperature != 1.1


def test_the_larger_field_writes_back_at_once(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    inspector.larger.click()
    panel = inspector.window().findChild(LargerPrompt)
    assert isinstance(panel, LargerPrompt)
    panel.edit.selectAll()
    qtbot.keyClicks(panel.edit, "Large words")
    assert inspector.prompt.toPlainText() == "Large words"
    assert inspector.draft().system_prompt == "Large words"
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.isVisible()


def test_the_prompt_tells_its_size(inspector: Inspector) -> None:
    inspector.prompt.replace_text("x" * 400)
    assert inspector.tokens.text() == "about 100 tokens"
    inspector.prompt.replace_text("")
    assert inspector.tokens.text() == "empty"


def test_the_list_of_presets_follows_the_store_and_leads_to_the_editor(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    made = context.presets.create("Mine", icon="mail")
    qtbot.waitUntil(lambda: inspector.presets.findData(made.id) >= 0)
    with qtbot.waitSignal(inspector.edit_presets) as signal:
        inspector.presets.activated.emit(inspector.presets.count() - 1)
    assert signal.args == ["general"]
    assert inspector.presets.currentData() == "general"


def test_limits_are_empty_by_default_and_reset_alone(inspector: Inspector, qtbot: QtBot) -> None:
    limits = inspector.limits
    assert limits.max_tokens.value() is None
    qtbot.keyClicks(limits.max_tokens, "512")
    qtbot.keyClicks(limits.seed, "7")
    sampling = inspector.draft().sampling
    assert sampling is not None
    assert (sampling.max_tokens, sampling.seed) == (512, 7)
    limits.rows["seed"].reset.click()
    sampling = inspector.draft().sampling
    assert sampling is not None
    assert (sampling.max_tokens, sampling.seed) == (512, None)


def test_stop_strings_are_added_and_taken_away(context: AppContext, qtbot: QtBot) -> None:
    strings = StopStrings(context.icons, "Stop strings")
    qtbot.addWidget(strings)
    strings.resize(124, 28)
    strings.show()
    for text in ("###", "\\n\\n", "###"):
        qtbot.keyClicks(strings.field, text)
        qtbot.keyClick(strings.field, Qt.Key.Key_Return)
    assert strings.values() == ("###", "\n\n")
    chip = strings.findChildren(StopChip)[0]
    with qtbot.waitSignal(strings.changed):
        qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert strings.values() == ("\n\n",)
    qtbot.keyClick(strings.field, Qt.Key.Key_Backspace)
    assert strings.values() == ()


def test_stop_strings_grow_by_lines(context: AppContext, qtbot: QtBot) -> None:
    strings = StopStrings(context.icons, "Stop strings")
    qtbot.addWidget(strings)
    strings.setFixedWidth(124)
    strings.show()
    one = strings.height()
    strings.set_values(("a long stop", "another one", "and a third"))
    assert strings.height() > 2 * one
    assert all(strings.rect().contains(chip.geometry()) for chip in strings.findChildren(StopChip))


def test_every_control_has_a_name_and_takes_the_keyboard(
    inspector: Inspector, qtbot: QtBot
) -> None:
    set_temperature(inspector, "1.4", qtbot)
    inspector.limits.stop.set_values(("END",))
    controls = list(operated(inspector))
    assert controls
    assert [each for each in controls if not spoken_name(each).strip()] == []
    refusing = [
        each
        for each in controls  # of several choices side by side Tab reaches the chosen one
        if not each.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not (getattr(each, "one_of_several", False) and not each.property("checked"))
    ]
    assert refusing == []


def test_variables_stand_out(context: AppContext, qtbot: QtBot) -> None:
    edit = VariableEdit(context.icons, "System prompt")
    qtbot.addWidget(edit)
    edit.replace_text("Hello {{user}}, {{nobody}}")
    formats = edit.document().firstBlock().layout().formats()
    assert [(each.start, each.length) for each in formats] == [(6, 8), (16, 10)]
    known, unknown = (each.format.foreground().color() for each in formats)
    assert known == context.theme.color("accent")
    assert unknown == context.theme.color("warning")
    edit.insert_variable("date")
    assert edit.toPlainText().startswith("{{date}}")


def test_an_edited_preset_is_tried_with_its_changes(
    inspector: Inspector, context: AppContext
) -> None:
    inspector.try_edit(structs.replace(coder(context), name="Other", system_prompt="Try this."))
    assert inspector.draft() == ChatDraft("coder", "Try this.")
    assert inspector.prompt.toPlainText() == "Try this."


def test_the_preset_in_force_falls_back_to_the_default_one(context: AppContext) -> None:
    settings = context.settings.current
    gone = ChatDraft("gone")
    assert preset_of(context.presets, settings, None, gone).id == "general"
    conversation = context.store.create(preset_id="writer")
    assert preset_of(context.presets, settings, conversation, gone).id == "writer"


def test_the_sampling_that_was_chosen_for_the_model_is_the_standard(
    inspector: Inspector, context: AppContext, qtbot: QtBot
) -> None:
    chat = context.store.create(preset_id="blank", model_id="a")
    inspector.show_conversation(chat, None)
    top_k = inspector.sampling.rows["top_k"]
    chosen = SamplingParams(top_k=7)
    context.settings.update(models=Models(sampling={"a": chosen, "b": SamplingParams()}))
    qtbot.waitUntil(lambda: top_k.value() == 7)
    assert not inspector.is_changed()
    set_temperature(inspector, "0.9", qtbot)
    inspector.flush()
    qtbot.waitUntil(lambda: stored(context, chat).sampling is not None)
    sampling = stored(context, chat).sampling
    assert sampling is not None
    assert (sampling.temperature, sampling.top_k) == (0.9, 7)
    inspector.sampling.rows["temperature"].reset.click()
    inspector.flush()
    qtbot.waitUntil(lambda: stored(context, chat).sampling is None)
