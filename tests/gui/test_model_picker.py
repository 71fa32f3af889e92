"""The model picker: list, settings, estimate, loading the starter model for real."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QLocale, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.core.engine import EngineProcess
from app.core.engine_errors import refusal
from app.core.errors import ModelError
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.memory import Fit, FitVerdict, estimate
from app.core.runtime import LoadedModel, NotEnoughMemory
from app.gui.context import AppContext
from app.gui.controls.list_view import RowRole
from app.gui.load_bounds import Bounds, bounds_of
from app.gui.load_settings import LoadForm
from app.gui.model_picker import ModelPicker
from app.gui.model_picker_list import PickerEntry, PickerList, grouped
from backends.errors import OutOfMemory
from backends.types import LoadConfig
from tests.core.broken_gguf import tiny_model
from tests.gui.test_accessibility import operated, spoken_name

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
LOAD_MS = 60_000


@pytest.fixture
def tiny(context: AppContext) -> LocalModel:
    """A model of a few kilobytes in the models folder."""
    folder = context.library.folder / "maker" / "tiny"
    folder.mkdir(parents=True)
    (folder / "tiny-Q4_K_M.gguf").write_bytes(tiny_model().data())
    context.library.scan()
    return next(each for each in context.library.models() if each.publisher == "maker")


@pytest.fixture
def starter(context: AppContext) -> LocalModel:
    context.library.scan()
    return next(each for each in context.library.models() if each.source == "starter")


@pytest.fixture
def host(show: Show) -> Iterator[QWidget]:
    """A window with a header that has a pill."""
    window = QWidget()
    window.resize(1000, 700)
    header = QWidget(window)
    header.setGeometry(0, 0, 1000, 52)
    pill = QWidget(header)
    pill.setGeometry(700, 10, 100, 32)
    show(window)
    yield pill
    window.close()


@pytest.fixture
def picker(context: AppContext, host: QWidget, starter: LocalModel) -> ModelPicker:
    return ModelPicker(context, host.window())


def open_on(picker: ModelPicker, host: QWidget, model: LocalModel, qtbot: QtBot) -> None:
    """Open with a model chosen, and wait until its header is read."""
    picker.open_under(host, model.id)
    qtbot.waitUntil(picker.pane.card.isVisible)


def shown(view: PickerList) -> list[str]:
    model = view.model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def local(name: str) -> LocalModel:
    path = Path(f"/models/{name}.gguf")
    return LocalModel(id=name, name=name, path=path, files=(path,), size=1)


def test_it_opens_on_the_text_column_under_the_header(
    picker: ModelPicker, host: QWidget, starter: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    assert (picker.width(), picker.height()) == (652, 508)
    header = host.parentWidget()
    assert header is not None
    assert picker.pos() == header.mapToGlobal(QPoint(140, 58))
    assert picker.search.hasFocus()


def test_the_settings_of_the_chosen_model_and_its_need(
    picker: ModelPicker, host: QWidget, starter: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    assert picker.pane.title.text() == starter.name
    assert picker.pane.form.context.value() == 8192
    assert picker.pane.card.head.text().startswith("Needs ")
    before = picker.pane.card.head.text()
    picker.pane.form.context.field.selectAll()
    qtbot.keyClicks(picker.pane.form.context.field, "512")
    assert picker.pane.card.head.text() != before


def test_a_context_out_of_range_is_told_and_the_estimate_stays(
    picker: ModelPicker, host: QWidget, starter: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    before, row = picker.pane.card.head.text(), picker.pane.form.context
    row.field.setFocus()
    row.field.selectAll()
    qtbot.keyClicks(row.field, "999999")
    assert row.field.note().startswith("Between 256 and ")
    assert row.field.toolTip() == row.field.note()
    assert picker.pane.form.config().context_length == 8192
    assert picker.pane.card.head.text() == before
    picker.search.setFocus()
    assert not row.field.is_wrong()
    assert row.field.text() == QLocale().toString(8192)


def test_groups_and_search(context: AppContext) -> None:
    entries = [PickerEntry(local(name), None, Fit.FITS) for name in ("a b", "b", "c", "d")]
    loaded, recent, others = grouped(entries, ["c", "gone", "a b"], "")
    assert loaded == []
    assert [each.model.id for each in recent] == ["c", "a b"]
    assert [each.model.id for each in others] == ["b", "d"]
    found = grouped(entries, ["c"], "B A")
    assert [[each.model.id for each in group] for group in found] == [[], [], ["a b"]]


def test_searching_and_arrows(
    picker: ModelPicker, host: QWidget, starter: LocalModel, tiny: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    assert shown(picker.list)[0] == "All models"
    qtbot.keyClicks(picker.search, "maker")
    assert shown(picker.list) == ["All models", tiny.name]
    with qtbot.waitSignal(picker.use_model) as signal:
        qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    assert signal.args == [tiny, None, False]
    picker.search.clear()
    names = shown(picker.list)
    picker.list.setCurrentIndex(picker.list.model().index(1, 0))
    qtbot.keyClick(picker.search, Qt.Key.Key_Down)
    assert picker.list.currentIndex().data() == names[2]


def test_loading_without_changes_leaves_the_choice_to_the_runtime(
    picker: ModelPicker, host: QWidget, starter: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    with qtbot.waitSignal(picker.use_model) as signal:
        picker.pane.load.click()
    assert signal.args == [starter, None, False]


def test_changed_settings_are_used_once_and_remembered_on_demand(
    picker: ModelPicker, host: QWidget, starter: LocalModel, context: AppContext, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    picker.pane.form.context.field.selectAll()
    qtbot.keyClicks(picker.pane.form.context.field, "1024")
    with qtbot.waitSignal(picker.use_model) as signal:
        picker.pane.load.click()
    model, config, force = signal.args or [None, None, None]
    assert (model, force) == (starter, False)
    assert isinstance(config, LoadConfig)
    assert config.context_length == 1024
    assert context.settings.current.models.load == {}
    picker.pane.remember.setChecked(True)
    picker.pane.load.click()
    qtbot.waitUntil(lambda: context.settings.current.models.load == {starter.id: config})
    picker.hide()
    open_on(picker, host, starter, qtbot)
    assert picker.pane.form.context.value() == 1024
    assert picker.pane.remember.isChecked()
    picker.pane.reset.click()
    assert picker.pane.form.context.value() == 8192
    picker.pane.remember.setChecked(False)
    picker.pane.load.click()
    qtbot.waitUntil(lambda: context.settings.current.models.load == {})


def test_the_starter_model_is_loaded_followed_and_ejected(
    picker: ModelPicker, host: QWidget, starter: LocalModel, context: AppContext, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    states: list[int] = []

    def load(model: LocalModel, config: LoadConfig | None, force: bool) -> None:
        def note(_: float) -> None:
            states.append(1)

        context.worker.run(
            lambda: context.runtime.load(model, config, force=force, on_progress=note)
        )

    picker.use_model.connect(load)
    picker.pane.load.click()
    qtbot.waitUntil(lambda: "Loaded" in shown(picker.list), timeout=LOAD_MS)
    qtbot.waitUntil(lambda: picker.pane.load.text() == "Use model", timeout=LOAD_MS)
    assert states
    picker.pane.form.context.field.selectAll()
    qtbot.keyClicks(picker.pane.form.context.field, "600")
    assert picker.pane.load.text() == "Reload model"
    picker.list.setFocus()
    with qtbot.waitSignal(picker.eject) as signal:
        qtbot.keyClick(picker.list, Qt.Key.Key_Delete)
    assert signal.args == [starter.id]
    context.worker.run(context.runtime.eject, starter.id)
    qtbot.waitUntil(lambda: "Loaded" not in shown(picker.list), timeout=LOAD_MS)
    qtbot.waitUntil(lambda: picker.pane.load.text() == "Load model")


def test_a_load_under_way_can_be_cancelled(
    picker: ModelPicker,
    host: QWidget,
    starter: LocalModel,
    context: AppContext,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_on(picker, host, starter, qtbot)
    engine = EngineProcess("scripted")
    loading = LoadedModel(starter, LoadConfig(), engine, wanted=LoadConfig(), fraction=0.42)
    monkeypatch.setattr(context.runtime, "get", lambda _: loading)
    context.runtime.changed(starter.id)
    qtbot.waitUntil(picker.pane.cancel.isVisible)
    assert picker.pane.percent.text() == "Loading, 42%"
    assert not picker.pane.form.isEnabled()
    with qtbot.waitSignal(picker.cancel_load) as signal:
        picker.pane.cancel.click()
    assert signal.args == [starter.id]


def test_the_list_stays_where_it_was_scrolled_to_while_a_model_loads(
    picker: ModelPicker,
    host: QWidget,
    starter: LocalModel,
    context: AppContext,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = (*(local(f"model {number:02}") for number in range(30)), starter)
    monkeypatch.setattr(context.library, "models", lambda: many)
    loading = LoadedModel(starter, LoadConfig(), EngineProcess("scripted"), wanted=LoadConfig())
    monkeypatch.setattr(context.runtime, "get", lambda id_: loading if id_ == starter.id else None)
    open_on(picker, host, starter, qtbot)
    bar = picker.list.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    loading.fraction = 0.42
    row = picker.list.model().index(1, 0)
    context.runtime.changed(starter.id)
    qtbot.waitUntil(lambda: row.data(RowRole.SECOND) == "Loading, 42%")
    QApplication.processEvents()
    assert bar.value() == bar.maximum() > 0


def test_too_large_says_what_may_happen_and_loads_anyway(
    picker: ModelPicker,
    host: QWidget,
    starter: LocalModel,
    context: AppContext,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = MemorySnapshot(total=400_000_000, available=300_000_000)
    monkeypatch.setattr(context.runtime, "free_memory", lambda **_: small)
    open_on(picker, host, starter, qtbot)
    pane = picker.pane
    pane.form.context.field.selectAll()
    qtbot.keyClicks(pane.form.context.field, "8192")
    assert pane.load.text() == "Load anyway"
    assert "very slow" in pane.lines.danger.text.text()
    with qtbot.waitSignal(picker.use_model) as signal:
        pane.load.click()
    assert (signal.args or [])[2] is True


def test_advice_is_one_click_away(
    picker: ModelPicker,
    host: QWidget,
    starter: LocalModel,
    context: AppContext,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = MemorySnapshot(total=900_000_000, available=480_000_000)
    monkeypatch.setattr(context.runtime, "free_memory", lambda **_: small)
    open_on(picker, host, starter, qtbot)
    pane = picker.pane
    pane.form.context.field.selectAll()
    qtbot.keyClicks(pane.form.context.field, "8192")
    assert pane.lines.advice.isVisible()
    pane.lines.advice.action.click()
    assert (pane.form.context.value() or 0) < 8192
    assert pane.lines.advice.isHidden()


def test_an_error_stands_where_the_settings_are(
    picker: ModelPicker, host: QWidget, starter: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    verdict = FitVerdict(Fit.TOO_LARGE, 9, 5, 8)
    error = NotEnoughMemory("It needs more memory", "Nine of five.", "Close other programs.")
    error.verdict = verdict
    picker.show_error(starter.id, error)
    card = picker.pane._error
    assert card is not None
    assert card.title.text() == "It needs more memory"
    assert [button.text() for button in card.buttons] == ["Change settings", "Load anyway"]
    with qtbot.waitSignal(picker.use_model) as signal:
        card.buttons[1].click()
    assert (signal.args or [])[2] is True
    picker.show_error(starter.id, ModelError("It broke"))
    card = picker.pane._error
    assert card is not None
    assert [button.text() for button in card.buttons] == ["Try again"]


def test_an_engine_that_refused_for_memory_is_asked_again_with_one_click(
    picker: ModelPicker, host: QWidget, starter: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    picker.show_error(starter.id, refusal(OutOfMemory("It did not fit.", "CPU buffer")))
    card = picker.pane._error
    assert card is not None
    words = [button.text() for button in card.buttons]
    assert words[0].startswith("Context ")
    assert words[-1] == "Try again"
    with qtbot.waitSignal(picker.use_model) as signal:
        card.buttons[0].click()
    config = (signal.args or [])[1]
    assert config.context_length < 8192
    assert picker.pane.form.config().context_length == config.context_length


def test_strict_guard_rails_ask_before_it_gets_tight(
    picker: ModelPicker,
    host: QWidget,
    starter: LocalModel,
    context: AppContext,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context.settings.update(engine=replace(context.settings.current.engine, guard_rails="strict"))
    header = context.library.header(starter.id)
    config = LoadConfig(context_length=8192)
    tight = round(estimate(header, config, starter.size).total / 0.9)
    memory = MemorySnapshot(total=2 * tight, available=tight)
    monkeypatch.setattr(context.runtime, "free_memory", lambda **_: memory)
    open_on(picker, host, starter, qtbot)
    pane = picker.pane
    pane.form.context.field.selectAll()
    qtbot.keyClicks(pane.form.context.field, "8192")
    assert pane.load.text() == "Load anyway"


def test_a_broken_model_says_why_and_cannot_be_loaded(
    picker: ModelPicker, host: QWidget, context: AppContext, qtbot: QtBot
) -> None:
    folder = context.library.folder / "maker" / "broken"
    folder.mkdir(parents=True)
    (folder / "broken.gguf").write_bytes(b"GGUF" + bytes(40))
    context.library.scan()
    broken = next(each for each in context.library.models() if each.problem)
    picker.open_under(host, broken.id)
    qtbot.waitUntil(picker.pane.note.isVisible)
    assert "cannot be loaded" in picker.pane.note.text()
    assert not picker.pane.load.isVisible()
    with qtbot.assertNotEmitted(picker.use_model, wait=50):
        qtbot.keyClick(picker.list, Qt.Key.Key_Return)


def test_esc_closes_and_find_more_leads_to_discover(
    picker: ModelPicker, host: QWidget, starter: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    qtbot.keyClick(picker.search, Qt.Key.Key_Escape)
    assert not picker.isVisible()
    open_on(picker, host, starter, qtbot)
    with qtbot.waitSignal(picker.open_page) as signal:
        picker.more.click()
    assert signal.args == ["discover", None]
    assert not picker.isVisible()


def test_every_control_has_a_name_and_takes_the_keyboard(
    picker: ModelPicker, host: QWidget, starter: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    controls = list(operated(picker))
    assert controls
    assert [each for each in controls if not spoken_name(each).strip()] == []
    refusing = [each for each in controls if not each.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert refusing == []


@pytest.fixture
def form(context: AppContext, show: Show) -> LoadForm:
    form = LoadForm(context.icons)
    form.show_model(
        Bounds(context=32_768, layers=0, threads=8),
        LoadConfig(context_length=8192, threads=7),
    )
    form.show_config(LoadConfig(context_length=8192, threads=7))
    show(form)
    return form


def test_a_quantized_cache_and_flash_attention_go_together(form: LoadForm) -> None:
    assert form.config() == LoadConfig(context_length=8192, threads=7)
    form.flash.click()
    assert form.config().flash_attention is False
    form.kv.setCurrentIndex(form.kv.findData("q8_0"))
    assert (form.config().kv_type, form.config().flash_attention) == ("q8_0", None)
    form.flash.click()
    assert (form.config().kv_type, form.config().flash_attention) == ("f16", False)


def test_gpu_layers_are_offered_only_where_there_is_a_graphics_card(
    form: LoadForm, context: AppContext, starter: LocalModel
) -> None:
    assert form.gpu.isHidden()
    assert form.config().gpu_layers is None
    form.show_model(Bounds(32_768, 31, 8), LoadConfig(context_length=8192, threads=7))
    form.show_config(LoadConfig(context_length=8192, threads=7))
    assert form.gpu.isVisible()
    assert form.gpu.field.text() == "31 of 31"
    assert form.config().gpu_layers is None
    form.gpu.set_value(12)
    assert form.config().gpu_layers == 12
    header = context.library.header(starter.id)
    without = HardwareSurvey("test", 4, 8, (), 16 * 10**9)
    bounds = bounds_of(header, without)
    assert (bounds.context, bounds.layers, bounds.threads) == (8192, 0, 8)
    with_card = HardwareSurvey("test", 4, 8, (), 16 * 10**9, apple_silicon=True)
    assert bounds_of(header, with_card).layers == 31


def test_the_key_beside_find_more_works_in_the_picker(
    picker: ModelPicker, host: QWidget, starter: LocalModel, qtbot: QtBot
) -> None:
    open_on(picker, host, starter, qtbot)
    with qtbot.waitSignal(picker.open_page) as signal:
        window = picker.windowHandle()
        QTest.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert signal.args == ["discover", None]
    assert picker.isHidden()
