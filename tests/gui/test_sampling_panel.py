"""The rows of sampling values: the common ones, those in the fold, and what they mean together."""

from collections.abc import Callable

import pytest
from msgspec import structs
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.gui.context import AppContext
from app.gui.inspector import Inspector
from app.gui.preset_view import PresetView
from app.gui.sampling_idle import idle_reasons
from app.gui.sampling_panel import SamplingRows
from app.gui.sampling_row import ChoiceRow, SwitchRow, TextsRow
from app.gui.sampling_table import (
    Number,
    common_parameters,
    further_groups,
    parameter_names,
)
from app.gui.stop_strings import StopChip
from backends.types import SamplingParams
from tests.gui.test_accessibility import operated, spoken_name
from tests.sampling_samples import EVERYTHING

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
STANDARD = SamplingParams()


@pytest.fixture
def rows(context: AppContext, show: Show) -> SamplingRows:
    rows = SamplingRows(context.icons)
    rows.show_values(STANDARD, STANDARD)
    rows.resize(264, 1200)
    show(rows)
    return rows


def shown(rows: SamplingRows) -> SamplingParams:
    return rows.apply_to(STANDARD)


def unfold(rows: SamplingRows) -> None:
    rows.more.button.click()


def switch_mirostat_on(rows: SamplingRows, qtbot: QtBot) -> None:
    row = rows.other_rows["mirostat"]
    assert isinstance(row, ChoiceRow)
    row.segments.setFocus()
    qtbot.keyClick(row.segments, Qt.Key.Key_Right)


def idle(rows: SamplingRows) -> set[str]:
    """The rows that cannot be set."""
    sliders = {name for name, row in rows.rows.items() if not row.slider.isEnabled()}
    fields = {name for name, row in rows.rows.items() if not row.field.isEnabled()}
    assert sliders == fields
    return sliders | {n for n, row in rows.other_rows.items() if not row.control.isEnabled()}


def test_every_sampling_value_has_a_name_and_a_row_or_a_reason() -> None:
    fields = {field.name for field in structs.fields(SamplingParams)}
    assert set(parameter_names()) == fields
    parameters = [*common_parameters(), *(p for g in further_groups() for p in g.parameters)]
    without_a_row = fields - {each.field for each in parameters}
    # Limits have rows of their own; biases and log-probabilities are asked for by programs.
    assert without_a_row == {"max_tokens", "seed", "stop", "logit_bias", "logprobs"}
    assert all(each.tip.endswith(".") for each in parameters)


def test_every_standard_value_is_within_its_row() -> None:
    numbers = [p for g in further_groups() for p in g.parameters if isinstance(p, Number)]
    assert len(numbers) == 15
    for each in (*common_parameters(), *numbers):
        assert each.minimum <= getattr(STANDARD, each.field) <= each.maximum, each.field


def test_the_fold_is_closed_and_says_nothing_while_nothing_is_changed(rows: SamplingRows) -> None:
    assert not rows.more.is_open()
    assert rows.more.body.isHidden()
    assert rows.more.note.text() == ""


def test_the_closed_fold_tells_how_many_values_are_changed(rows: SamplingRows) -> None:
    one = SamplingParams(dry_multiplier=0.8)
    rows.show_values(one, STANDARD)
    assert rows.more.note.text() == "1 changed"
    assert "1 changed" in rows.more.button.accessibleDescription()
    rows.show_values(structs.replace(one, mirostat=2, ignore_eos=True, top_p=0.5), STANDARD)
    assert rows.more.note.text() == "3 changed"
    rows.show_values(one, one)
    assert rows.more.note.text() == "1 in use"


def test_the_fold_opens_with_the_keyboard_and_stays_open_for_another_chat(
    context: AppContext, show: Show, qtbot: QtBot
) -> None:
    panel = Inspector(context)
    panel.resize(296, 840)
    show(panel)
    fold = panel.sampling.more
    fold.button.setFocus()
    qtbot.keyClick(fold.button, Qt.Key.Key_Space)
    assert panel.sampling.rows["presence_penalty"].isVisible()
    panel.show_conversation(context.store.create(preset_id="writer"), None)
    panel.hide()
    panel.show()
    assert fold.is_open()
    assert panel.sampling.rows["presence_penalty"].isVisible()
    qtbot.keyClick(fold.button, Qt.Key.Key_Space)
    assert not panel.sampling.rows["presence_penalty"].isVisible()


def test_all_values_are_shown_and_given_back_unchanged(rows: SamplingRows) -> None:
    unfold(rows)
    rows.show_values(EVERYTHING, STANDARD)
    assert rows.apply_to(EVERYTHING) == EVERYTHING
    assert rows.rows["mirostat_tau"].field.text() == "6.50"
    assert rows.other_rows["mirostat"].value() == 1
    assert rows.other_rows["ignore_eos"].value() is True
    assert rows.other_rows["dry_breakers"].value() == ("\n", "###")


def test_what_is_shown_with_fewer_decimals_is_not_rounded(rows: SamplingRows) -> None:
    fine = SamplingParams(min_p=0.0125, temperature=0.333)
    rows.show_values(fine, fine)
    assert rows.rows["min_p"].field.text() == "0.01"
    assert shown(rows) == fine
    assert not rows.rows["min_p"].is_changed()


def test_values_behind_the_closed_fold_are_left_alone(rows: SamplingRows, qtbot: QtBot) -> None:
    rows.show_values(EVERYTHING, STANDARD)
    qtbot.keyClick(rows.rows["temperature"].field, Qt.Key.Key_Up)
    raised = structs.replace(EVERYTHING, temperature=EVERYTHING.temperature + 0.05)
    assert rows.apply_to(EVERYTHING) == raised


@pytest.mark.parametrize(
    "field", [p.field for g in further_groups() for p in g.parameters if isinstance(p, Number)]
)
def test_a_number_in_the_fold_is_typed_told_and_reset(
    rows: SamplingRows, field: str, qtbot: QtBot
) -> None:
    unfold(rows)
    values = SamplingParams(
        xtc_probability=0.5, dry_multiplier=1, dynamic_temperature=0.5, mirostat=0
    )
    if field.startswith("mirostat"):
        values = SamplingParams(mirostat=2)
    rows.show_values(values, values)
    row = rows.rows[field]
    row.field.setFocus()
    with qtbot.waitSignal(rows.changed):
        at_the_top = row.value() == row.field.maximum
        qtbot.keyClick(row.field, Qt.Key.Key_Down if at_the_top else Qt.Key.Key_Up)
    assert rows.apply_to(values) == structs.replace(values, **{field: row.value()})
    assert rows.apply_to(values) != values
    assert row.reset.isVisible()
    row.reset.click()
    assert rows.apply_to(values) == values


def test_the_two_windows_are_told_apart_and_the_whole_context_is_a_word(
    rows: SamplingRows, qtbot: QtBot
) -> None:
    unfold(rows)
    labels = [row.label.text() for row in rows.rows.values()]
    assert len(set(labels)) == len(labels)
    values = SamplingParams(dry_multiplier=1)
    rows.show_values(values, values)
    field = rows.rows["dry_window"].field
    assert field.text() == "All"
    for typed, value, text in (
        ("64", 64, "64"),
        ("all", -1, "All"),
        ("0", 0, "0"),
        ("-1", -1, "All"),
    ):
        field.selectAll()
        qtbot.keyClicks(field, typed)
        qtbot.keyClick(field, Qt.Key.Key_Return)
        assert (rows.apply_to(values).dry_window, field.text()) == (value, text)


def test_a_field_of_chips_that_is_off_is_as_high_as_its_chips(rows: SamplingRows) -> None:
    unfold(rows)
    row = rows.other_rows["dry_breakers"]
    assert isinstance(row, TextsRow)
    off = row.texts.height()
    chips = row.texts.findChildren(StopChip)
    assert off == max(chip.geometry().bottom() for chip in chips) + 1 + 4
    values = SamplingParams(dry_multiplier=1)
    rows.show_values(values, values)
    assert row.texts.height() > off
    assert row.texts.field.isVisible()


def test_switch_choice_and_texts_are_told_and_reset(rows: SamplingRows, qtbot: QtBot) -> None:
    unfold(rows)
    rows.show_values(SamplingParams(dry_multiplier=1), SamplingParams(dry_multiplier=1))
    switch, texts = rows.other_rows["ignore_eos"], rows.other_rows["dry_breakers"]
    assert isinstance(switch, SwitchRow)
    assert isinstance(texts, TextsRow)
    with qtbot.waitSignal(rows.changed):
        qtbot.keyClick(switch.switch, Qt.Key.Key_Space)
    assert shown(rows).ignore_eos
    qtbot.keyClicks(texts.texts.field, "END")
    with qtbot.waitSignal(rows.changed):
        qtbot.keyClick(texts.texts.field, Qt.Key.Key_Return)
    assert shown(rows).dry_breakers == (*STANDARD.dry_breakers, "END")
    switch_mirostat_on(rows, qtbot)
    assert shown(rows).mirostat == 1
    for row in rows.other_rows.values():
        assert row.reset.isVisible()
        row.reset.click()
        assert row.reset.isHidden()
    assert shown(rows) == SamplingParams(dry_multiplier=1)


def test_rows_that_do_nothing_are_off_and_say_why(rows: SamplingRows, qtbot: QtBot) -> None:
    unfold(rows)
    assert idle(rows) == {
        "xtc_threshold",
        "dry_base",
        "dry_allowed_length",
        "dry_window",
        "dry_breakers",
        "mirostat_tau",
        "mirostat_eta",
        "dynamic_temperature_exponent",
    }
    threshold = rows.rows["xtc_threshold"]
    assert threshold.toolTip().endswith("\nDoes nothing while the XTC probability is 0.")
    assert threshold.slider.accessibleDescription() == threshold.toolTip()
    assert threshold.label.property("role") == "disabled"
    rows.rows["xtc_probability"].field.setFocus()
    qtbot.keyClick(rows.rows["xtc_probability"].field, Qt.Key.Key_Up)
    assert threshold.field.isEnabled()
    assert "Does nothing" not in threshold.toolTip()
    assert threshold.label.property("role") == "text-2"


def test_mirostat_replaces_all_but_the_temperature(rows: SamplingRows, qtbot: QtBot) -> None:
    unfold(rows)
    switch_mirostat_on(rows, qtbot)
    working = {*rows.rows, *rows.other_rows} - idle(rows)
    assert working == {"temperature", "mirostat", "mirostat_tau", "mirostat_eta", "ignore_eos"}
    assert rows.rows["top_k"].toolTip().endswith("Does nothing while Mirostat is on.")


def test_a_value_that_does_nothing_can_still_be_reset(rows: SamplingRows) -> None:
    rows.show_values(SamplingParams(temperature=0, top_k=10), SamplingParams(temperature=0))
    row = rows.rows["top_k"]
    assert not row.field.isEnabled()
    row.reset.click()
    assert shown(rows) == SamplingParams(temperature=0)


def test_of_values_that_switch_each_other_off_one_stays_free() -> None:
    silent = SamplingParams(
        repeat_penalty=1, repeat_window=0, dry_multiplier=0, dry_window=0, temperature=0
    )
    assert "temperature" not in idle_reasons(silent)
    assert not {"repeat_window", "dry_window"} & set(idle_reasons(silent))
    assert {"repeat_penalty", "dry_multiplier"} <= set(idle_reasons(silent))
    assert "repeat_window" in idle_reasons(SamplingParams(repeat_penalty=1))


def test_every_control_in_the_fold_has_a_name_and_takes_the_keyboard(rows: SamplingRows) -> None:
    unfold(rows)
    rows.show_values(SamplingParams(dry_multiplier=1, dry_breakers=("END",)), STANDARD)
    controls = list(operated(rows))
    assert len(controls) > 30
    names = [spoken_name(each) for each in controls]
    assert all(name.strip() for name in names)
    assert {"DRY base", "XTC threshold", "Add a DRY breaker"} <= set(names)
    chosen = [each for each in controls if each.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert len(controls) - len(chosen) == 2  # two of three segments; arrows reach them


def test_a_chat_keeps_what_no_row_shows(context: AppContext, show: Show, qtbot: QtBot) -> None:
    panel = Inspector(context)
    show(panel)
    chat = context.store.create(preset_id="coder", sampling=EVERYTHING)
    panel.show_conversation(chat, None)
    qtbot.keyClick(panel.sampling.rows["temperature"].field, Qt.Key.Key_Up)
    panel.flush()
    raised = structs.replace(EVERYTHING, temperature=EVERYTHING.temperature + 0.05)
    assert context.store.get(chat.id).sampling == raised


def test_a_preset_is_edited_saved_and_shown_again(
    context: AppContext, show: Show, qtbot: QtBot
) -> None:
    mine = context.presets.create("Mine", sampling=EVERYTHING)
    view = PresetView(context)
    view.resize(1264, 840)
    context.notifier.attach(view)
    view.edit(mine.id)
    show(view)
    sampling = view.editor.sampling
    assert sampling.more.note.text() == "18 in use"
    unfold(sampling)
    sampling.rows["mirostat_tau"].field.setFocus()
    qtbot.keyClick(sampling.rows["mirostat_tau"].field, Qt.Key.Key_Up)
    ignore = sampling.other_rows["ignore_eos"]
    assert isinstance(ignore, SwitchRow)
    ignore.switch.click()
    assert sampling.more.note.text() == "2 changed"
    assert view.preview.changed_part.isVisible()
    view.save.click()
    qtbot.waitUntil(lambda: not context.presets.get(mine.id).sampling.ignore_eos)
    stored = context.presets.get(mine.id).sampling
    assert stored == structs.replace(EVERYTHING, ignore_eos=False, mirostat_tau=6.6)
