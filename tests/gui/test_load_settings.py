"""The advanced load settings: what is offered, what is kept, what is refused in place."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.core.companions import Companions
from app.core.gguf import read_header
from app.core.graphics import Gpu
from app.core.hardware import HardwareSurvey
from app.core.library_types import LocalModel
from app.core.settings import SettingsStore
from app.gui.context import AppContext
from app.gui.controls.buttons import IconButton
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.library_defaults import LoadDefaults, LoadFacts
from app.gui.load_bounds import Bounds, bounds_of
from app.gui.load_settings import LoadForm
from app.gui.model_picker import ModelPicker
from backends.types import LoadConfig, LoraAdapter
from tests.backends.llamacpp import tiny_projector
from tests.core.broken_gguf import EMBEDDING, STRING, U32, Model, tiny_model
from tests.core.test_companions import write_adapter
from tests.gui.test_accessibility import operated, spoken_name

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
GB = 10**9
LOAD_MS = 60_000
STANDARD = LoadConfig(context_length=8192, threads=7)
PLAIN = HardwareSurvey("test", 4, 8, (), 16 * GB)
CARDS = tuple(Gpu(name, 24 * GB, 20 * GB) for name in ("First", "Second"))
WITH_CARDS = replace(PLAIN, gpus=CARDS, offload=("cuda",), memory_nodes=2)
HEADER = read_header(tiny_model().data())
DRAFT = LocalModel("d", "Draft", Path("/models/draft.gguf"), (), 1, quantization="Q8_0")
EVERYTHING = Bounds(
    context=32_768,
    layers=31,
    threads=8,
    expert_layers=30,
    window=512,
    cards=("First", "Second"),
    memory_nodes=2,
    companions=Companions((DRAFT,), ("/models/mmproj.gguf",), "/models/mmproj.gguf"),
    header=HEADER,
)
UNUSUAL = LoadConfig(
    context_length=4096,
    slots=2,
    gpu_layers=12,
    threads=3,
    batch_size=256,
    kv_type="q5_1",
    mmap=False,
    mlock=True,
    numa="isolate",
    main_gpu=1,
    split_mode="row",
    tensor_split=(2.0, 1.0),
    experts_on_cpu=4,
    offload_kv=False,
    swa_full=True,
    rope_scaling="yarn",
    rope_freq_base=500_000.125,
    rope_freq_scale=0.25,
    lora=(LoraAdapter("/adapters/a.gguf", 0.5), LoraAdapter("/adapters/b.gguf")),
    draft_model=str(DRAFT.path),
    draft_tokens=4,
    prompt_lookup=True,
    projector="",
)
"""Every setting that the form shows, each one other than usual."""


@pytest.fixture
def form(icons: Icons, show: Show) -> LoadForm:
    form = LoadForm(icons)
    form.show_model(EVERYTHING, STANDARD)
    form.show_config(STANDARD)
    show(form)
    return form


def test_the_advanced_part_is_folded_and_says_how_much_was_changed(
    form: LoadForm, qtbot: QtBot
) -> None:
    advanced = form.advanced
    fold = advanced.fold
    assert not fold.is_open()
    assert fold.note.text() == ""
    fold.button.setFocus()
    qtbot.keyClick(fold.button, Qt.Key.Key_Space)
    assert fold.body.isVisible()
    advanced.rows.mmap.switch.click()
    advanced.rows.slots.field.setFocus()
    qtbot.keyClick(advanced.rows.slots.field, Qt.Key.Key_Up)
    assert (form.config().mmap, form.config().slots) == (False, 5)
    fold.button.click()
    assert fold.body.isHidden()
    assert fold.note.text() == "2 changed"
    assert fold.note.isVisible()
    assert fold.button.accessibleDescription().startswith("2 changed")
    advanced.rows.mmap.reset.click()
    advanced.rows.slots.reset.click()
    assert fold.note.text() == ""
    assert form.config() == STANDARD


def test_every_setting_goes_through_the_form_unharmed(form: LoadForm) -> None:
    form.show_config(UNUSUAL)
    assert form.config() == UNUSUAL
    assert form.advanced.changed_count() == len(form.advanced.settings())
    form.show_config(STANDARD)
    assert form.config() == STANDARD


def test_settings_that_are_not_shown_are_kept(form: LoadForm) -> None:
    hidden = replace(STANDARD, parking_bytes=5, rpc_servers=("host:1",), flash_attention=True)
    form.show_config(hidden)
    assert form.config() == hidden
    form.advanced.rows.mlock.switch.click()
    assert form.config() == replace(hidden, mlock=True)


def test_each_setting_resets_to_its_default(form: LoadForm) -> None:
    form.show_config(UNUSUAL)
    form.advanced.fold.button.click()
    for row in (form.kv_row, *form.advanced.settings().values()):
        assert row.is_changed()
        row.reset_value()
        assert not row.is_changed()
    kept = ("context_length", "gpu_layers", "threads", "batch_size")
    assert form.config() == replace(STANDARD, **{name: asdict(UNUSUAL)[name] for name in kept})


def test_only_what_makes_a_difference_is_offered() -> None:
    special = {"experts_on_cpu", "swa_full", "numa", "main_gpu", "tensor_split", "offload_kv"}
    assert not special & bounds_of(HEADER, PLAIN).fields
    several = bounds_of(HEADER, WITH_CARDS).fields
    assert {"numa", "main_gpu", "split_mode", "tensor_split", "offload_kv"} <= several
    one = replace(WITH_CARDS, gpus=CARDS[:1], memory_nodes=1)
    experts = tiny_model().set("llama.expert_count", U32, 8)
    experts.set("llama.attention.sliding_window", U32, 128)
    header = read_header(experts.data())
    assert special & bounds_of(header, one).fields == {"experts_on_cpu", "swa_full", "offload_kv"}
    assert special & bounds_of(header, PLAIN).fields == {"swa_full"}


def test_models_that_keep_a_running_state_have_nothing_guessed_ahead() -> None:
    recurrent = tiny_model().set("llama.full_attention_interval", U32, 4)
    for key, value in (("inner_size", 64), ("state_size", 16), ("conv_kernel", 4)):
        recurrent.set(f"llama.ssm.{key}", U32, value)
    bounds = bounds_of(read_header(recurrent.data()), PLAIN)
    assert not {"prompt_lookup", "draft_model", "draft_tokens"} & bounds.fields
    assert bounds.slot_bytes > bounds_of(HEADER, PLAIN).slot_bytes


def test_a_model_of_mlx_shows_what_mlx_takes(icons: Icons, show: Show) -> None:
    form = LoadForm(icons)
    model = replace(DRAFT, format="mlx")
    form.show_model(bounds_of(HEADER, WITH_CARDS, model), STANDARD)
    form.show_config(STANDARD)
    form.advanced.fold.button.click()
    show(form)
    seen = {name for name, row in form.advanced.settings().items() if row.isVisible()}
    assert seen == {"slots", "prompt_lookup", "draft_model", "draft_tokens", "lora"}
    assert not any(each.isVisible() for each in (form.gpu, form.threads, form.flash))
    assert [form.kv.itemText(at) for at in range(form.kv.count())] == ["f16", "q8_0", "q4_0"]
    assert form.config() == STANDARD


def test_what_quantization_and_windows_ask_for_is_said_in_place(form: LoadForm) -> None:
    assert form.kv_row.hint.isHidden()
    form.kv.setCurrentIndex(form.kv.findData("q4_1"))
    assert form.kv_row.hint.text() == "Needs flash attention, which is on with it."
    assert form.advanced.rows.swa_full.hint.text().startswith("Off, because it takes")
    form.show_config(replace(STANDARD, kv_type="q8_0", flash_attention=False))
    assert "needs flash attention, which is switched off" in form.problem.text()
    form.flash.click()
    assert form.problem.isHidden()


def test_a_draft_model_takes_the_place_of_guesses_from_the_chat(form: LoadForm) -> None:
    rows = form.advanced.rows
    assert not rows.draft_tokens.isEnabled()
    rows.prompt_lookup.switch.click()
    assert rows.draft_tokens.isEnabled()
    assert rows.prompt_lookup.hint.isHidden()
    assert [rows.draft_model.combo.itemText(at) for at in (0, 1)] == ["None", "Draft · Q8_0"]
    rows.draft_model.combo.setCurrentIndex(1)
    assert form.config().draft_model == str(DRAFT.path)
    assert rows.prompt_lookup.hint.text() == "The draft model guesses instead."


def test_a_draft_model_that_is_not_offered_is_shown_by_its_file(form: LoadForm) -> None:
    form.show_config(replace(STANDARD, draft_model="/elsewhere/other.gguf"))
    assert form.advanced.rows.draft_model.combo.currentText() == "other.gguf"
    assert form.config().draft_model == "/elsewhere/other.gguf"


def test_adapters_are_added_weighed_and_removed(
    form: LoadForm, tmp_path: Path, qtbot: QtBot
) -> None:
    adapters, path = form.advanced.rows.lora, write_adapter(tmp_path / "mine.gguf")
    form.advanced.fold.button.click()
    with qtbot.waitSignal(form.changed):
        adapters.take(path)
    assert form.config().lora == (LoraAdapter(str(path)),)
    adapters.take(path)  # a second time makes no difference
    (line,) = adapters.lines
    line.scale.selectAll()
    qtbot.keyClicks(line.scale, "0.5")
    assert form.config().lora == (LoraAdapter(str(path), 0.5),)
    assert form.advanced.fold.note.text() == "1 changed"
    form.show_config(form.config())
    assert adapters.lines == [line]  # it keeps the cursor
    line.remove.click()
    assert form.config().lora == ()
    assert adapters.add.hasFocus()


def test_a_file_that_is_no_adapter_is_refused_in_place(form: LoadForm, tmp_path: Path) -> None:
    adapters = form.advanced.rows.lora
    other = write_adapter(tmp_path / "qwen.gguf", architecture="qwen3")
    adapters.take(other)
    assert "made for the architecture “qwen3”" in adapters.problem.text()
    assert form.config().lora == ()
    adapters.take(write_adapter(tmp_path / "mine.gguf"))
    assert adapters.problem.isHidden()


def test_a_projector_is_chosen_and_a_wrong_one_refused(
    form: LoadForm, tmp_path: Path, qtbot: QtBot
) -> None:
    row = form.advanced.rows.projector
    assert row.hint.text() == "Takes mmproj.gguf."
    row.combo.setCurrentIndex(1)
    assert form.config().projector == ""
    wide = tiny_projector.write(tmp_path / "wide.gguf", embedding_length=64)
    row.take(wide)
    assert "belongs to another model" in row.hint.text()
    assert form.config().projector == ""
    eyes = tiny_projector.write(tmp_path / "eyes.gguf", embedding_length=EMBEDDING)
    with qtbot.waitSignal(form.changed):
        row.take(eyes)
    assert form.config().projector == str(eyes)


def test_the_line_that_asks_for_a_file_is_no_value(form: LoadForm, qtbot: QtBot) -> None:
    row = form.advanced.rows.projector
    with qtbot.assertNotEmitted(form.changed):
        row.combo.setCurrentIndex(row.combo.findText("Choose a file…"))
    dialog = form.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    assert form.config().projector is None
    dialog.reject()


def test_shares_of_cards_are_given_or_left_to_the_engine(form: LoadForm, qtbot: QtBot) -> None:
    first, second = form.advanced.rows.tensor_split.rows
    form.advanced.fold.button.click()
    first.field.setFocus()
    qtbot.keyClicks(first.field, "3")
    assert form.config().tensor_split == (3.0, 0.0)
    qtbot.keyClicks(second.field, "1")
    assert form.config().tensor_split == (3.0, 1.0)
    first.reset.click()
    second.reset.click()
    assert form.config().tensor_split == ()


def test_every_control_has_a_name_a_tip_and_takes_the_keyboard(form: LoadForm) -> None:
    form.show_config(UNUSUAL)
    form.advanced.fold.button.click()
    controls = list(operated(form))
    assert len(controls) > 40
    assert [each for each in controls if not spoken_name(each).strip()] == []
    assert [each for each in controls if not each.focusPolicy() & Qt.FocusPolicy.TabFocus] == []
    for row in form.advanced.settings().values():
        told = [row, *row.findChildren(QWidget)]
        assert any(each.toolTip() for each in told if not isinstance(each, IconButton))


# In the picker and in the drawer


def put(context: AppContext, name: str, model: Model) -> None:
    folder = context.library.folder / "maker" / name
    folder.mkdir(parents=True)
    (folder / f"{name}.gguf").write_bytes(model.data())


@pytest.fixture
def picker(context: AppContext, show: Show, qtbot: QtBot) -> Iterator[ModelPicker]:
    """Open on a model that has a smaller one of its family beside it."""
    put(context, "small", tiny_model())
    put(context, "large", tiny_model().set("general.description", STRING, "x" * 500_000))
    context.library.scan()
    window = QWidget()
    window.resize(900, 700)
    header = QWidget(window)
    header.resize(900, 52)
    show(window)
    picker = ModelPicker(context, window)
    reopen(picker, qtbot)
    yield picker
    window.close()


def reopen(picker: ModelPicker, qtbot: QtBot) -> None:
    window = picker.parentWidget()
    assert window is not None
    picker.hide()
    picker.open_under(window.findChildren(QWidget)[0], "maker/large/large")
    qtbot.waitUntil(picker.pane.card.isVisible)


def test_the_estimate_follows_a_draft_model(picker: ModelPicker) -> None:
    form, row = picker.pane.form, picker.pane.form.advanced.rows.draft_model
    forecast = picker.pane.forecast
    assert forecast is not None
    names = [row.combo.itemText(at) for at in range(row.combo.count())]
    assert len(names) == 2  # None, and the small one
    row.combo.setCurrentIndex(1)
    with_draft = picker.pane.forecast
    assert with_draft is not None
    assert with_draft.need.kv_cache == 2 * forecast.need.kv_cache
    assert with_draft.need.weights > forecast.need.weights
    form.advanced.rows.slots.set_value(64)
    form.advanced.rows.slots.tell()
    many = picker.pane.forecast
    assert many is not None
    assert many.need.compute > with_draft.need.compute


def test_every_part_of_the_estimate_has_a_unit(picker: ModelPicker) -> None:
    texts = [label.text() for label in picker.pane.card.findChildren(Label)]
    parts = [text for text in texts if text.startswith(("Weights ", "Context ", "Working "))]
    assert len(parts) == 3
    assert all(part.endswith("B") for part in parts)


def test_remembered_settings_carry_all_of_them(
    picker: ModelPicker, context: AppContext, qtbot: QtBot
) -> None:
    form = picker.pane.form
    shown = replace(UNUSUAL, gpu_layers=None, context_length=512, threads=1)
    form.show_config(shown)
    wanted = form.config()
    assert (wanted.slots, wanted.lora, wanted.draft_tokens) == (2, UNUSUAL.lora, 4)
    picker.pane.remember.setChecked(True)
    picker.pane.load.click()
    kept = {"maker/large/large": wanted}
    qtbot.waitUntil(lambda: context.settings.current.models.load == kept)
    assert SettingsStore(context.paths.settings_file).current.models.load == kept
    reopen(picker, qtbot)
    assert picker.pane.form.config() == wanted


def test_the_picker_is_back_with_its_settings_after_a_file_was_asked_for(
    picker: ModelPicker,
) -> None:
    rows = picker.pane.form.advanced.rows
    rows.mmap.set_value(False)
    rows.projector.combo.setCurrentIndex(rows.projector.combo.count() - 1)
    window = picker.parentWidget()
    assert window is not None
    dialog = window.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    picker.hide()  # as a popover does when another window opens
    assert dialog.isVisible()
    dialog.reject()
    assert picker.isVisible()
    assert picker.pane.form.config().mmap is False


def test_a_loaded_model_shows_no_change_that_nobody_made(
    picker: ModelPicker, context: AppContext, qtbot: QtBot
) -> None:
    model = next(each for each in context.library.models() if each.id == "maker/large/large")
    usual = picker.pane.form.config()
    context.worker.run(context.runtime.load, model, replace(usual, slots=2))
    qtbot.waitUntil(lambda: context.runtime.get(model.id) is not None)
    qtbot.waitUntil(lambda: picker.pane.load.text() == "Reload model", timeout=LOAD_MS)
    reopen(picker, qtbot)
    assert picker.pane.form.advanced.fold.note.text() == "1 changed"
    assert picker.pane.form.config() == replace(usual, slots=2)
    assert picker.pane.load.text() == "Use model"


def test_unfolding_in_the_picker_brings_the_settings_into_view(
    picker: ModelPicker, qtbot: QtBot
) -> None:
    advanced = picker.pane.form.advanced
    advanced.fold.button.click()
    row = advanced.rows.prompt_lookup
    qtbot.waitUntil(lambda: not row.switch.visibleRegion().isEmpty())
    assert picker.pane.card.isVisible()
    assert picker.pane.load.isVisible()


def test_the_defaults_of_the_drawer_carry_advanced_settings(
    icons: Icons, show: Show, qtbot: QtBot
) -> None:
    defaults = LoadDefaults(icons)
    defaults.resize(327, 900)
    show(defaults)
    defaults.show_facts(LoadFacts(HEADER, PLAIN, STANDARD), None)
    form = defaults.form
    form.advanced.fold.button.click()
    with qtbot.waitSignal(defaults.changed) as told:
        form.advanced.rows.slots.field.setFocus()
        qtbot.keyClick(form.advanced.rows.slots.field, Qt.Key.Key_Down)
    assert told.args is not None
    assert told.args[0].slots == 3
    for name, row in form.advanced.settings().items():
        assert row.minimumSizeHint().width() <= 327, name
