"""The preset editor and the popover of presets."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.core.presets import Preset
from app.gui.context import AppContext
from app.gui.controls.list_view import RowListView, RowRole
from app.gui.controls.toast import Toast
from app.gui.preset_changes import changed_lines, changes
from app.gui.preset_list import UNSAVED
from app.gui.preset_popover import PresetPopover
from app.gui.preset_preview import filled
from app.gui.preset_prompt import count
from app.gui.preset_view import PresetView
from backends.types import SamplingParams
from tests.gui.test_accessibility import operated, spoken_name

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]


@pytest.fixture
def mine(context: AppContext) -> Preset:
    return context.presets.create(
        "Mine", icon="mail", system_prompt="You help {{user}}.\nBe kind.\nBe brief."
    )


@pytest.fixture
def view(context: AppContext, show: Show, mine: Preset) -> PresetView:
    view = PresetView(context)
    view.resize(1264, 840)
    context.notifier.attach(view)
    view.edit(mine.id)
    show(view)
    return view


def rows(list_view: RowListView) -> list[tuple[str, str]]:
    """Name of each row, and its id; groups have none."""
    model = list_view.model()
    indexes = [model.index(row, 0) for row in range(model.rowCount())]
    return [(index.data(), index.data(RowRole.VALUE) or "") for index in indexes]


def marked(view: PresetView) -> set[str]:
    model = view.list.view.model()
    indexes = [model.index(row, 0) for row in range(model.rowCount())]
    return {index.data(RowRole.VALUE) for index in indexes if index.data(UNSAVED)}


def write_prompt(view: PresetView, text: str, qtbot: QtBot) -> None:
    view.editor.prompt.setFocus()
    view.editor.prompt.selectAll()
    qtbot.keyClicks(view.editor.prompt, text)


def test_own_presets_come_before_the_built_in_ones(
    view: PresetView, context: AppContext, mine: Preset
) -> None:
    shown = rows(view.list.view)
    built_in = [(each.name, each.id) for each in context.presets.list() if each.built_in]
    assert shown == [("Yours", ""), ("Mine", mine.id), ("Built in", ""), *built_in]
    assert view.list.view.currentIndex().data() == "Mine"
    default = next(index for index, row in enumerate(shown) if row[1] == "general")
    assert view.list.view.model().index(default, 0).data(RowRole.SIDE) == "Default"


def test_nothing_is_unsaved_at_first(view: PresetView) -> None:
    assert not view.save.isEnabled()
    assert not view.revert.isEnabled()
    assert view.unsaved_mark.isHidden()
    assert view.preview.changed_part.isHidden()


def test_a_change_says_so_everywhere(view: PresetView, mine: Preset, qtbot: QtBot) -> None:
    write_prompt(view, "You help everybody.", qtbot)
    view.editor.sampling.rows["temperature"].slider.setFocus()
    qtbot.keyClick(view.editor.sampling.rows["temperature"].slider, Qt.Key.Key_Home)
    assert view.unsaved_mark.isVisible()
    assert marked(view) == {mine.id}
    edit = view.unsaved(mine.id)
    assert edit is not None
    assert (edit.system_prompt, edit.sampling.temperature) == ("You help everybody.", 0)
    assert view.preview.changed_part.isVisible()
    assert "everybody" in view.preview.text.text()


def test_typed_back_to_what_is_stored_is_no_change(
    view: PresetView, mine: Preset, qtbot: QtBot
) -> None:
    view.editor.name.setFocus()
    qtbot.keyClicks(view.editor.name, "!")
    assert view.unsaved(mine.id) is not None
    qtbot.keyClick(view.editor.name, Qt.Key.Key_Backspace)
    assert view.unsaved(mine.id) is None
    assert marked(view) == set()


def test_unsaved_changes_wait_while_another_preset_is_edited(
    view: PresetView, context: AppContext, mine: Preset, qtbot: QtBot
) -> None:
    write_prompt(view, "Half done", qtbot)
    view.edit("coder")
    assert view.editor.prompt.toPlainText() == context.presets.get("coder").system_prompt
    assert not view.save.isEnabled()
    assert marked(view) == {mine.id}
    view.edit(mine.id)
    assert view.editor.prompt.toPlainText() == "Half done"
    assert view.save.isEnabled()
    assert context.presets.get(mine.id) == mine


def test_save_stores_and_revert_forgets(
    view: PresetView, context: AppContext, mine: Preset, qtbot: QtBot
) -> None:
    write_prompt(view, "Saved", qtbot)
    qtbot.mouseClick(view.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not view.save.isEnabled())
    assert context.presets.get(mine.id).system_prompt == "Saved"
    assert view.list.view.hasFocus()
    write_prompt(view, "Forgotten", qtbot)
    view.revert.click()
    assert view.editor.prompt.toPlainText() == "Saved"
    assert view.unsaved(mine.id) is None


def test_without_a_name_the_last_good_one_stays(
    view: PresetView, mine: Preset, qtbot: QtBot
) -> None:
    view.editor.name.selectAll()
    qtbot.keyClick(view.editor.name, Qt.Key.Key_Delete)
    assert view.editor.name.is_wrong()
    assert view.unsaved(mine.id) is None


def test_a_new_preset_is_ready_to_be_named(
    view: PresetView, context: AppContext, qtbot: QtBot
) -> None:
    view.list.new_button.click()
    qtbot.waitUntil(lambda: view.editor.name.text() == "New preset")
    assert view.editor.name.selectedText() == "New preset"
    assert ("New preset", "") not in rows(view.list.view)
    assert "New preset" in dict(rows(view.list.view))


def test_a_duplicate_has_what_is_in_the_fields(
    view: PresetView, context: AppContext, mine: Preset, qtbot: QtBot
) -> None:
    write_prompt(view, "Not saved", qtbot)
    view.duplicate.click()
    qtbot.waitUntil(lambda: view.editor.name.text() == "Mine 2")
    copy = next(each for each in context.presets.list() if each.name == "Mine 2")
    assert (copy.system_prompt, copy.icon, copy.built_in) == ("Not saved", "mail", False)
    assert context.presets.get(mine.id) == mine


def test_delete_can_be_undone(
    view: PresetView, context: AppContext, mine: Preset, qtbot: QtBot
) -> None:
    view.delete.click()
    qtbot.waitUntil(lambda: context.presets.find(mine.id) is None)
    qtbot.waitUntil(lambda: "Mine" not in dict(rows(view.list.view)))
    toast = view.findChild(Toast)
    assert isinstance(toast, Toast)
    toast.action.click()
    qtbot.waitUntil(lambda: context.presets.find(mine.id) == mine)
    qtbot.waitUntil(lambda: view.title.text() == "Mine")


def test_a_built_in_preset_is_changed_and_restored(
    view: PresetView, context: AppContext, qtbot: QtBot
) -> None:
    shipped = context.presets.get("coder")
    view.edit("coder")
    assert view.delete.isHidden()
    assert not view.restore.isEnabled()
    write_prompt(view, "Another way", qtbot)
    view.save.click()
    qtbot.waitUntil(view.restore.isEnabled)
    view.restore.click()
    qtbot.waitUntil(lambda: not view.restore.isEnabled())
    assert context.presets.get("coder") == shipped
    assert view.editor.prompt.toPlainText() == shipped.system_prompt


def test_export_and_import(
    view: PresetView, context: AppContext, mine: Preset, tmp_path: Path, qtbot: QtBot
) -> None:
    file = tmp_path / "mine.json"
    view.export_file(mine.id, str(file))
    qtbot.waitUntil(file.exists)
    assert json.loads(file.read_text(encoding="utf-8"))["name"] == "Mine"
    view.import_file(str(file))
    qtbot.waitUntil(lambda: view.title.text() == "Mine 2")
    copy = next(each for each in context.presets.list() if each.name == "Mine 2")
    assert structs.replace(copy, id=mine.id, name=mine.name) == mine


def test_a_file_that_is_no_preset_is_refused_in_words(
    view: PresetView, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    file = tmp_path / "no.json"
    file.write_text("[]", encoding="utf-8")
    before = context.presets.list()
    with qtbot.waitSignal(context.worker.unhandled) as signal:
        view.import_file(str(file))
    assert "no.json" in str(signal.args[0] if signal.args else "")
    assert context.presets.list() == before


def test_the_file_dialogs_do_not_block(
    view: PresetView, mine: Preset, tmp_path: Path, qtbot: QtBot
) -> None:
    view.export.click()
    dialog = view.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    assert dialog.acceptMode() == QFileDialog.AcceptMode.AcceptSave
    assert dialog.defaultSuffix() == "json"
    file = tmp_path / "dialog.json"
    dialog.fileSelected.emit(str(file))
    dialog.reject()
    qtbot.waitUntil(file.exists)


def test_the_default_preset_is_chosen_in_the_list(
    view: PresetView, context: AppContext, mine: Preset, qtbot: QtBot
) -> None:
    view._make_default(mine.id)
    qtbot.waitUntil(lambda: context.settings.current.chat.default_preset == mine.id)
    qtbot.waitUntil(lambda: view.list.view.model().index(1, 0).data(RowRole.SIDE) == "Default")


def test_arrows_move_through_the_presets(
    view: PresetView, context: AppContext, qtbot: QtBot
) -> None:
    view.list.view.setFocus()
    qtbot.keyClick(view.list.view, Qt.Key.Key_Down)
    assert view.title.text() == context.presets.list()[0].name


def test_try_and_back(view: PresetView, mine: Preset, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.try_in_chat) as tried:
        view.preview.try_button.click()
    assert tried.args == [mine.id]
    with qtbot.waitSignal(view.back):
        view.list.back_button.click()


def test_in_a_small_window_the_fields_keep_their_room(
    view: PresetView, mine: Preset, qtbot: QtBot
) -> None:
    view.resize(968, 660)
    assert view.preview.isHidden()
    viewport = view.editor.viewport().width()
    assert view.editor.content.minimumSizeHint().width() <= viewport
    with qtbot.waitSignal(view.try_in_chat):
        view.try_button.click()
    view.resize(1264, 840)
    assert view.preview.isVisible()


def test_every_control_has_a_name_and_takes_the_keyboard(view: PresetView) -> None:
    controls = list(operated(view))
    assert controls
    assert [each for each in controls if not spoken_name(each).strip()] == []
    refusing = [each for each in controls if not each.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert refusing == []


def test_variables_are_inserted_and_filled(view: PresetView, qtbot: QtBot) -> None:
    write_prompt(view, "It is ", qtbot)
    view.editor.prompt.insert_variable("language")
    assert view.editor.prompt.toPlainText() == "It is {{language}}"
    assert ">English</span>" in view.preview.text.text()


def test_the_preview_escapes_what_looks_like_markup() -> None:
    page = filled("<b>{{user}}</b> & {{other}}", {"user": "<i>"}, "#000000")
    assert "&lt;b&gt;" in page
    assert ">&lt;i&gt;</span>" in page
    assert "&amp; {{other}}" in page


def test_changes_name_every_field() -> None:
    stored = Preset(id="a", name="A", system_prompt="1\n2\n3")
    edited = structs.replace(
        stored,
        name="B",
        system_prompt="1\n2b\n3\n4",
        sampling=SamplingParams(temperature=0.1, stop=("x",)),
    )
    found = {change.field: change for change in changes(stored, edited)}
    assert set(found) == {"temperature", "stop", "name", "system_prompt"}
    assert (found["temperature"].before, found["temperature"].after) == (0.8, 0.1)
    assert found["system_prompt"].lines == 2
    assert changes(stored, stored) == ()


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [("", "one", 1), ("a\nb", "a", 1), ("a", "a\n", 1), ("a\nb\nc", "x\ny\nz", 3)],
)
def test_changed_lines(before: str, after: str, lines: int) -> None:
    assert changed_lines(before, after) == lines


@pytest.fixture
def popover(context: AppContext, show: Show) -> tuple[PresetPopover, QWidget]:
    host = QWidget()
    host.resize(600, 600)
    show(host)
    return PresetPopover(context, host), host


def test_the_popover_chooses_with_the_keyboard(
    popover: tuple[PresetPopover, QWidget], context: AppContext, qtbot: QtBot
) -> None:
    panel, host = popover
    panel.open_under(host, "general")
    assert panel.view.currentIndex().data(RowRole.VALUE) == "general"
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.chosen) as signal:
        qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    assert signal.args == [context.presets.list()[1].id]
    assert not panel.isVisible()


def test_the_popover_closes_with_esc_and_leads_to_the_editor(
    popover: tuple[PresetPopover, QWidget], qtbot: QtBot
) -> None:
    panel, host = popover
    panel.open_under(host, "general")
    qtbot.keyClick(panel.view, Qt.Key.Key_Escape)
    assert not panel.isVisible()
    panel.open_under(host, "general")
    with qtbot.waitSignal(panel.manage):
        panel.manage_button.click()
    assert not panel.isVisible()


def test_an_unknown_variable_stands_out_and_says_why(view: PresetView, qtbot: QtBot) -> None:
    write_prompt(view, "{{user}} and {{nope}}", qtbot)
    prompt, theme = view.editor.prompt, view.editor.prompt.highlighter._theme
    formats = prompt.document().firstBlock().layout().formats()
    inks = {each.start: each.format.foreground().color().name() for each in formats}
    assert inks == {0: theme.color("accent").name(), 13: theme.color("warning").name()}

    def tip(place: int) -> str:
        cursor = prompt.textCursor()
        cursor.setPosition(place)
        return prompt.tip_at(prompt.cursorRect(cursor).center())

    assert "{{nope}}" in tip(16)
    assert tip(4) == ""


@pytest.mark.engine
def test_a_short_prompt_is_counted_although_the_template_has_one_of_its_own(
    context: AppContext,
) -> None:
    context.library.scan()
    starter = next(model for model in context.library.models() if model.source == "starter")
    loaded = context.runtime.load(starter)
    assert count(loaded, "Be brief.") > 0
    assert count(loaded, "Be brief. Be very brief.") > count(loaded, "Be brief.")
