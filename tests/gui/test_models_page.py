"""My models: the table, the drawer with its plot and defaults, the disk, deleting, adopting."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from app.core.disk_use import disk_uses
from app.core.download_state import DownloadRequest
from app.core.file_records import Origin
from app.core.gguf import read_header
from app.core.hardware import HardwareSurvey
from app.core.library import LocalModel
from app.core.memory import Fit
from app.core.model_updates import ModelUpdate
from app.core.ollama_recipe import Recipe
from app.core.own_models import OwnModels
from app.core.preset_of_model import own_preset
from app.core.variants import RepoFile
from app.gui import formatting
from app.gui.context import AppContext
from app.gui.controls.labels import Label
from app.gui.controls.list_view import RowRole
from app.gui.icons import Icons
from app.gui.library_defaults import SETTLE_MS, LoadDefaults, LoadFacts
from app.gui.library_delegate import action_places
from app.gui.library_facts import defaults, overview
from app.gui.library_header_panel import HeaderPanel
from app.gui.library_menus import row_menu
from app.gui.library_model import ADDED, NAME, PARAMETERS, QUANTIZATION, SIZE, LibraryTableModel
from app.gui.library_plot import axis_steps, memory_curve
from app.gui.library_rows import LibraryRow, matches, rows_of, second_line
from app.gui.library_table import LibraryTable
from app.gui.model_picker_list import PickerEntry, PickerModel
from app.gui.models_page import ModelsPage
from app.gui.question import Question
from backends.types import LoadConfig
from tests.core.broken_gguf import STRING, U32, tiny_model
from tests.engine_folders import write_engine
from tests.hub.server import LocalHub

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("english")]

Show = Callable[[QWidget], QWidget]
WAIT = 60_000
"""Milliseconds that a slow machine gets."""
NOW = datetime(2026, 11, 23, 14, 0)


def model(name: str, **values: object) -> LocalModel:
    path = Path("/models") / "maker" / "repo" / f"{name}.gguf"
    known = {
        "id": f"maker/repo/{name}",
        "name": name,
        "path": path,
        "files": (path,),
        "size": 5_000_000_000,
        "architecture": "llama",
        "parameters": 8_000_000_000,
        "quantization": "Q4_K_M",
        "context_length": 8192,
        "added": NOW.timestamp() - 86_400 * 16,
    }
    return LocalModel(**(known | values))  # type: ignore[arg-type]  # mixed values by name


def put_tiny(context: AppContext, name: str) -> Path:
    path = context.paths.models / "maker" / f"{name}-GGUF" / f"{name}-F32.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(tiny_model().data())
    return path


@pytest.fixture
def page(context: AppContext, show: Show) -> ModelsPage:
    put_tiny(context, "Tiny")
    broken = context.paths.models / "maker" / "Broken-GGUF" / "Broken-F32.gguf"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(tiny_model().data()[:-4000])
    context.library.scan()
    page = ModelsPage(context)
    page.resize(1264, 840)
    context.notifier.attach(page)
    show(page)
    page.activated()
    return page


def shown(page: ModelsPage) -> list[LibraryRow]:
    return list(page.table.table_model().rows())


def tiny(page: ModelsPage) -> LibraryRow:
    return next(row for row in shown(page) if row.model.path.name == "Tiny-F32.gguf")


# Rows


def test_the_second_line_says_what_matters_most() -> None:
    assert second_line(LibraryRow(model("a")), NOW).text == "llama · added 7 Nov"
    today = model("a", added=NOW.timestamp())
    assert second_line(LibraryRow(today), NOW).text == "llama · added today"
    assert second_line(LibraryRow(model("a"), "ready"), NOW).text == "llama · loaded"
    starter = LibraryRow(model("a", source="starter"), "ready", need=183_000_000)
    assert second_line(starter).text == "llama · starter model, read-only · 183 MB in memory"
    loading = second_line(LibraryRow(model("a"), "loading", 0.41), NOW)
    assert (loading.text, loading.role) == ("Loading, 41%", "accent")
    stopped = second_line(LibraryRow(model("a"), "stopped", stopped_by="Out of memory"), NOW)
    assert (stopped.text, stopped.role) == ("Stopped: Out of memory", "danger")
    away = LibraryRow(model("a", present=False, problem="The drive is away."))
    assert (second_line(away).text, second_line(away).icon) == ("The drive is away.", "unplug")
    assert not away.usable
    folder = second_line(LibraryRow(model("a", source="folder")))
    assert (folder.text.partition(" · ")[0], folder.icon) == ("llama", "link")
    assert "read-only" in second_line(LibraryRow(model("a", source="starter"))).text


def test_models_of_one_name_say_where_they_are_from() -> None:
    starter = model("a", id="starter:a", source="starter")
    copy, other = model("a", repo="maker/a-GGUF"), model("b")
    rows = rows_of([starter, copy, other], [])
    lines = [second_line(row, NOW).text for row in rows]
    assert lines == [
        "llama · starter model, read-only",
        "llama · maker/a-GGUF · added 7 Nov",
        "llama · added 7 Nov",
    ]
    picker = PickerModel()
    picker.show_entries([PickerEntry(row.model, None, Fit.FITS) for row in rows], [], "")
    second = {
        picker.item(place).data(RowRole.VALUE): picker.item(place).data(RowRole.SECOND)
        for place in range(1, picker.rowCount())
    }
    assert second == {
        "starter:a": "Q4_K_M · 5.0 GB · starter model",
        copy.id: "Q4_K_M · 5.0 GB · maker/a-GGUF",
        other.id: "Q4_K_M · 5.0 GB",
    }


def test_a_search_looks_at_everything_known() -> None:
    row = LibraryRow(model("Qwen3 8B", repo="Qwen/Qwen3-8B-GGUF"))
    assert matches(row, "qwen q4")
    assert matches(row, "")
    assert not matches(row, "qwen q8")


def test_item_model(qtmodeltester: ModelTester) -> None:
    table = LibraryTableModel()
    qtmodeltester.check(table)
    table.set_rows([LibraryRow(model(name)) for name in "bca"])
    qtmodeltester.check(table)
    table.set_filter("b")
    qtmodeltester.check(table)


def test_sorting_and_filtering() -> None:
    table = LibraryTableModel()
    table.set_rows(
        [
            LibraryRow(model("b", size=3, parameters=None)),
            LibraryRow(model("c", size=1, parameters=9)),
            LibraryRow(model("a", size=2, parameters=8)),
        ]
    )
    assert [row.model.name for row in table.rows()] == ["a", "b", "c"]
    table.sort(SIZE, Qt.SortOrder.DescendingOrder)
    assert [row.model.name for row in table.rows()] == ["b", "a", "c"]
    table.sort(PARAMETERS)
    assert [row.model.name for row in table.rows()] == ["b", "a", "c"]
    table.set_filter("c")
    assert [row.model.name for row in table.rows()] == ["c"]


def test_another_state_keeps_the_rows_in_place(qtbot: QtBot) -> None:
    table = LibraryTableModel()
    rows = [LibraryRow(model(name)) for name in "ab"]
    table.set_rows(rows)
    with qtbot.assertNotEmitted(table.modelReset), qtbot.waitSignal(table.dataChanged):
        table.set_rows([LibraryRow(rows[0].model, "loading", 0.5), rows[1]])
    assert table.index(0, NAME).data(Qt.ItemDataRole.AccessibleTextRole) == "a, Loading, 50%"


def test_icons_appear_in_the_row_under_the_pointer(icons: Icons, show: Show, qtbot: QtBot) -> None:
    table = LibraryTable(icons)
    table.resize(900, 300)
    table.table_model().set_rows([LibraryRow(model("a")), LibraryRow(model("b", problem="no"))])
    show(table)
    cell = table.visualRect(table.table_model().index(0, ADDED))
    chat, folder, more = action_places(cell)
    with qtbot.waitSignal(table.chat_asked) as asked:
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(chat.center()))
    assert asked.args is not None
    assert asked.args[0].model.name == "a"
    with qtbot.waitSignal(table.folder_asked):
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=folder.center())
    with qtbot.waitSignal(table.menu_asked):
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=more.center())
    broken = action_places(table.visualRect(table.table_model().index(1, ADDED)))[0]
    with qtbot.assertNotEmitted(table.chat_asked):
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=broken.center())
    with qtbot.waitSignal(table.delete_asked):
        qtbot.keyClick(table, Qt.Key.Key_Delete)


# Facts, plot, defaults, disk


def test_the_keyboard_leads_into_the_table(icons: Icons, show: Show, qtbot: QtBot) -> None:
    table = LibraryTable(icons)
    table.resize(900, 300)
    table.table_model().set_rows([LibraryRow(model("a")), LibraryRow(model("b"))])
    show(table)
    qtbot.waitUntil(table.isActiveWindow)
    table.clearFocus()
    table.setFocus(Qt.FocusReason.TabFocusReason)
    row = table.current_row()
    assert row is not None
    assert row.model.name == "a"
    qtbot.keyClick(table, Qt.Key.Key_Down)
    row = table.current_row()
    assert row is not None
    assert row.model.name == "b"
    with qtbot.waitSignal(table.chat_asked):
        qtbot.keyClick(table, Qt.Key.Key_Return)


def test_facts_of_a_model(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny_model().data())
    header = read_header(path)
    lines = {line.name: line.value for line in overview(model("a", parameters=None), header)}
    assert lines["Architecture"] == "llama, 1 layers"
    assert lines["Attention"] == "2 heads"
    assert lines["Vocabulary"] == "259 tokens"
    assert lines["Quantization"] == "Q4_K_M"
    full = {line.name: line.value for line in overview(model("a"), None)}
    assert full["Quantization"] == "Q4_K_M, 5.0 bits per weight"
    assert full["Belongs to"] == "Corral’s models folder"
    said = {line.name: line.value for line in defaults(LoadConfig(gpu_layers=1, threads=4), header)}
    assert said["GPU layers"] == "All"
    assert said["Threads"] == "4"


def test_what_the_header_tells_of_the_making(tmp_path: Path) -> None:
    told = {
        "general.author": "Somebody",
        "general.license": "apache-2.0",
        "general.base_model.0.organization": "First",
        "general.base_model.0.name": "Kind 1B",
        "tokenizer.ggml.pre": "smollm",
        "llama.rope.scaling.type": "yarn",
    }
    made = tiny_model()
    for key, value in told.items():
        made = made.set(key, STRING, value)
    numbers = {"expert_count": 128, "expert_used_count": 8, "attention.sliding_window": 1024}
    for key, number in numbers.items():
        made = made.set(f"llama.{key}", U32, number)
    path = tmp_path / "tiny.gguf"
    path.write_bytes(made.data())
    header = read_header(path)
    lines = {line.name: line.value for line in overview(model("a"), header)}
    assert (lines["Author"], lines["Licence"]) == ("Somebody", "Apache 2.0")
    assert lines["Base model"] == "First Kind 1B"
    assert lines["Width"].startswith(f"{header.embedding_length} numbers per token")
    assert lines["RoPE"].endswith("yarn scaling")
    assert lines["Experts"] == "128, of which 8 work on a token"
    assert lines["Looks back"] == "1,024 tokens, in layers with a window"
    assert lines["Tokenizer"].endswith(", smollm")


def test_the_memory_curve_rises_with_the_context(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny_model().set("llama.context_length", 4, 32_768).data())
    header = read_header(path)
    curve = memory_curve(header, model("a"), LoadConfig(context_length=4096), 12_000_000_000)
    assert curve is not None
    assert list(curve.f16) == sorted(curve.f16)
    assert curve.tokens[-1] == 32_768
    assert curve.q8_0[-1] < curve.f16[-1]
    assert curve.context == 4096
    assert curve.f16[0] < curve.need < curve.f16[-1]
    assert curve.disk == 5_000_000_000


@pytest.mark.parametrize(
    ("most", "steps"),
    [
        (11.8, [0, 4, 8, 12]),
        (16, [0, 4, 8, 12, 16]),
        (0.4, [0, 0.1, 0.2, 0.3, 0.4]),
        (73, [0, 20, 40, 60, 80]),
    ],
)
def test_axis_steps_are_round(most: float, steps: list[float]) -> None:
    assert axis_steps(most) == pytest.approx(steps)


def test_load_defaults_are_told_once_they_settle(
    icons: Icons, show: Show, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny_model().set("llama.context_length", 4, 32_768).data())
    standard = LoadConfig(context_length=8192, threads=3)
    facts = LoadFacts(read_header(path), HardwareSurvey("x", 4, 8, (), 16 * 10**9), standard)
    form = LoadDefaults(icons)
    show(form)
    assert not form.form.isEnabled()
    with qtbot.assertNotEmitted(form.changed, wait=2 * SETTLE_MS):
        form.show_facts(facts, None)
    assert not form.reset.isEnabled()
    with qtbot.waitSignal(form.changed) as told:
        form.form.threads.set_value(6)
        form.form.changed.emit()
    assert told.args == [LoadConfig(context_length=8192, threads=6)]
    assert form.reset.isEnabled()
    with qtbot.waitSignal(form.changed) as told:
        form.reset.click()
    assert told.args == [None]
    assert form.form.config() == standard


def test_disk_use_tells_what_each_folder_takes(tmp_path: Path) -> None:
    def put(place: str, size: int) -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        return path

    paths = [put("corral/a.gguf", 100), put("ollama/b.gguf", 50), put("loose/c.gguf", 30)]
    models = [model(path.stem, path=path, files=(path,)) for path in paths]
    twin = tmp_path / "ollama" / "twin.gguf"
    twin.hardlink_to(paths[0])
    models += [
        model("twin", path=twin, files=(twin,)),
        model("variant", path=paths[0], files=(paths[0],), variant_of="a"),
        model("away", path=tmp_path / "gone.gguf", present=False),
    ]
    roots = [("Ollama", tmp_path / "ollama")]
    (use,) = disk_uses(("Models folder", tmp_path / "corral"), roots, models)
    assert [(root.name, root.size) for root in use.roots] == [
        ("Models folder", 100),
        ("Ollama", 50),
        ("", 30),
    ]
    assert sum(root.size for root in use.roots) + use.other + use.free <= use.total
    (empty,) = disk_uses(("Models folder", tmp_path / "later"), [], [])
    assert empty.roots == ()


# The page


def test_what_is_here_is_listed_with_its_problems(page: ModelsPage) -> None:
    rows = {row.model.path.name: row for row in shown(page)}
    assert rows["Tiny-F32.gguf"].usable
    assert not rows["Broken-F32.gguf"].usable
    assert rows["Broken-F32.gguf"].model.problem
    starter = next(row for row in rows.values() if row.model.source == "starter")
    assert starter.model.read_only
    assert page.count.text().startswith("3 models, ")


def test_the_drawer_reads_the_header(page: ModelsPage, context: AppContext, qtbot: QtBot) -> None:
    assert page.drawer.isHidden()
    starter = next(row for row in shown(page) if row.model.source == "starter")
    page.open_with({"model_id": starter.model.id})
    assert page.drawer.isVisible()
    assert page.drawer.title.text() == "SmolLM2 135M Instruct"
    qtbot.waitUntil(page.drawer._plot_part.isVisible, timeout=WAIT)
    assert page.drawer.plot.accessibleName().startswith("Needs ")
    assert page.escape()
    assert page.drawer.isHidden()
    assert not page.escape()


def test_all_values_of_the_header_are_listed_and_searched(page: ModelsPage, qtbot: QtBot) -> None:
    page.table.choose(tiny(page).model.id)
    page.table.clicked.emit(page.table.currentIndex())
    qtbot.waitUntil(page.drawer.all_values.isVisible, timeout=WAIT)
    page.drawer.all_values.click()
    (panel,) = page.findChildren(HeaderPanel)
    lines = panel.text.toPlainText().splitlines()
    assert "general.architecture: llama" in lines
    (tokens,) = [line for line in lines if line.startswith("tokenizer.ggml.tokens: ")]
    assert tokens.endswith("(259 values)")
    assert any(line.startswith("tensors of type F32: ") for line in lines)
    panel.search.setText("tokens ggml")
    assert panel.text.toPlainText() == tokens
    panel.copy_button.click()
    assert QGuiApplication.clipboard().text() == tokens
    panel.dismiss()


def test_a_load_that_fails_is_told_whatever_page_is_in_view(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    model = tiny(page).model
    model.path.unlink()
    page.open_with({"model_id": model.id})
    page.drawer.load.emit()
    page.hide()
    qtbot.waitUntil(lambda: context.notifier.shown_toast() is not None, timeout=WAIT)
    toast = context.notifier.shown_toast()
    assert toast is not None
    assert model.path.name in toast.accessibleName()


def test_a_model_with_a_problem_cannot_be_used(page: ModelsPage) -> None:
    broken = next(row for row in shown(page) if not row.usable)
    page.open_with({"model_id": broken.model.id})
    assert not page.drawer.chat_button.isEnabled()
    assert not page.drawer.load_button.isEnabled()
    assert page.drawer.problem.isVisible()
    assert page.drawer.problem.label.text() == broken.model.problem


def test_defaults_are_kept_in_the_settings(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    model_id = tiny(page).model.id
    page.open_with({"model_id": model_id})
    page.drawer.edit.click()
    assert page.drawer.form.isVisible()
    page.drawer.form.changed.emit(LoadConfig(context_length=512, parking_bytes=0))
    assert context.settings.current.models.load == {model_id: LoadConfig(context_length=512)}
    page.drawer.form.changed.emit(None)
    assert context.settings.current.models.load == {}


def test_chat_and_search(page: ModelsPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.open_page) as asked:
        page.table.chat_asked.emit(tiny(page))
    assert asked.args == ["chat", {"model_id": tiny(page).model.id}]
    page.search.setText("no such model")
    assert page._empty.isVisible()
    with qtbot.waitSignal(page.open_page) as asked:
        page._empty.button.click()
    assert asked.args == ["discover", {"query": "no such model"}]
    page.search.clear()
    assert page.table.isVisible()


def said(context: AppContext) -> str:
    toast = context.notifier.shown_toast()
    return toast.accessibleName() if toast is not None else ""


def test_deleting_asks_and_goes_to_the_trash(
    page: ModelsPage, context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(context.paths.data / "xdg"))
    row = tiny(page)
    page.library_actions.ask_delete(row.model)
    page.findChildren(Question)[-1].dismiss()
    assert row.model.path.exists()
    page.library_actions.ask_delete(row.model)
    next(iter(page.findChildren(Question)[-1].answers.values())).click()
    qtbot.waitUntil(lambda: not row.model.path.exists(), timeout=WAIT)
    qtbot.waitUntil(lambda: len(shown(page)) == 2, timeout=WAIT)
    words = f"“{row.model.name}” is in the trash"
    qtbot.waitUntil(lambda: said(context) == words, timeout=WAIT)


def asked(question: Question) -> str:
    return " ".join(label.text() for label in question.findChildren(Label))


def test_a_model_is_as_large_as_all_that_would_be_deleted_with_it(
    page: ModelsPage, context: AppContext
) -> None:
    row = tiny(page)
    alone = row.model.path.stat().st_size
    folder = row.model.path.parent
    (folder / "mmproj-F16.gguf").write_bytes(bytes(7_000_000))
    context.library.scan()
    page.refresh()
    both = formatting.file_size(alone + 7_000_000)
    table = page.table.table_model()
    at = table.find(row.model.id)
    assert table.index(at.row(), SIZE).data() == both
    page.library_actions.ask_delete(tiny(page).model)
    question = page.findChildren(Question)[-1]
    assert f"{both} go to the trash" in asked(question)
    question.dismiss()
    (folder / "Tiny-Q8_0.gguf").write_bytes(row.model.path.read_bytes())
    context.library.scan()
    page.refresh()
    page.library_actions.ask_delete(tiny(page).model)
    question = page.findChildren(Question)[-1]
    assert f"{formatting.file_size(alone)} go to the trash" in asked(question)
    assert "projector, stays" in asked(question)


def test_with_a_deleted_model_goes_what_was_made_of_it(
    page: ModelsPage, context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(context.paths.data / "xdg"))
    recipe = Recipe("Mine", system_prompt="Be brief.")
    own = OwnModels(context.library, context.presets, context.settings)
    base = tiny(page).model
    made = own.create("Mine", base, recipe)
    assert own_preset(made.id, context.presets) is not None
    page.library_actions.ask_delete(base)
    next(iter(page.findChildren(Question)[-1].answers.values())).click()
    qtbot.waitUntil(lambda: "is in the trash" in said(context), timeout=WAIT)
    assert own_preset(made.id, context.presets) is None


def test_what_the_trash_cannot_take_is_deleted_for_good_after_a_question(
    page: ModelsPage, context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("send2trash.send2trash", refuse)
    row = tiny(page)
    page.library_actions.ask_delete(row.model)
    first = page.findChildren(Question)[-1]
    next(iter(first.answers.values())).click()
    qtbot.waitUntil(lambda: page.findChildren(Question)[-1:] not in ([], [first]), timeout=WAIT)
    assert row.model.path.exists()
    (for_good,) = page.findChildren(Question)[-1].answers.values()
    assert for_good.text() == "Delete for good"
    for_good.click()
    qtbot.waitUntil(lambda: not row.model.path.exists(), timeout=WAIT)
    words = f"“{row.model.name}” is deleted"
    qtbot.waitUntil(lambda: said(context) == words, timeout=WAIT)


def test_what_is_not_corrals_is_only_forgotten(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    starter = next(row for row in shown(page) if row.model.source == "starter")
    page.library_actions.ask_delete(starter.model)
    question = page.findChildren(Question)[-1]
    next(iter(question.answers.values())).click()
    qtbot.waitUntil(lambda: len(shown(page)) == 2, timeout=WAIT)
    assert starter.model.path.exists()
    words = f"“{starter.model.name}” is off the list"
    qtbot.waitUntil(lambda: said(context) == words, timeout=WAIT)


def test_a_file_elsewhere_is_used_in_place(
    page: ModelsPage, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "elsewhere" / "Own-F32.gguf"
    path.parent.mkdir()
    path.write_bytes(tiny_model().data())
    page.library_actions.adopt(path)
    qtbot.waitUntil(page.drawer.isVisible, timeout=WAIT)
    row = page.table.current_row()
    assert row is not None
    assert row.model.path == path
    assert row.model.source == "folder"
    assert not page.strip.isVisible()


def test_the_models_folder_moves_with_its_models(
    page: ModelsPage, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    target = tmp_path / "new folder"
    page.library_actions.change_folder(target, move=True)
    assert page.strip.isVisible()
    qtbot.waitUntil(lambda: context.library.folder == target, timeout=WAIT)
    qtbot.waitUntil(lambda: not page.strip.isVisible(), timeout=WAIT)
    assert tiny(page).model.path.is_relative_to(target)


def test_a_menu_for_each_kind_of_model(page: ModelsPage) -> None:
    def labels(row: LibraryRow) -> list[str]:
        nothing = lambda _: None  # noqa: E731  # five times the same
        menu = row_menu(
            page._context.icons, page, row, page.library_actions,
            chat=nothing, load=nothing, eject=nothing, variant=nothing, update=nothing,
        )  # fmt: skip
        found = [each.text() for each in menu.actions() if each.text() and each.isEnabled()]
        menu.deleteLater()
        return found

    assert labels(tiny(page)) == [
        "Chat",
        "Load",
        "Show in the file manager",
        "Make a variant…",
        "Delete…",
    ]
    loaded = LibraryRow(tiny(page).model, "ready")
    assert "Eject" in labels(loaded)
    assert "Update" in labels(LibraryRow(tiny(page).model, newer=True))
    away = LibraryRow(model("a", present=False, problem="away"))
    assert labels(away) == ["Take off the list…"]


def test_narrow_windows_leave_out_columns(page: ModelsPage) -> None:
    page.open_with({"model_id": tiny(page).model.id})
    page.resize(968, 700)
    assert page.table.isColumnHidden(PARAMETERS)
    assert not page.table.isColumnHidden(SIZE)
    page.resize(850, 700)
    assert page.table.isColumnHidden(SIZE)
    assert not page.table.isColumnHidden(QUANTIZATION), "it tells two files of a model apart"
    page.resize(1264, 840)
    assert not page.table.isColumnHidden(PARAMETERS)


# Newer versions


def test_what_is_found_for_a_moment_does_not_stay(
    context: AppContext, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put_tiny(context, "Old")
    context.library.scan()
    page = ModelsPage(context)
    show(page)
    [model] = [each for each in context.library.models() if each.path == path]
    page.open_with({"model_id": model.id})
    request = DownloadRequest("maker/Old-GGUF", "1" * 40, "Old", "", (RepoFile(path.name, 5),))
    found = (ModelUpdate(model, request, path.parent),)
    monkeypatch.setattr(context.updates, "available", lambda: found)
    page.refresh()  # the library told of something else meanwhile
    monkeypatch.setattr(context.updates, "available", lambda: ())
    page.updates._look_again()
    assert not page.drawer.newer.isVisible()
    assert not any(row.newer for row in shown(page))


def test_a_newer_version_is_shown_and_fetched(
    context: AppContext, show: Show, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    path = put_tiny(context, "Old")
    had = RepoFile(path.name, path.stat().st_size)
    context.library.records.downloaded([(path, had)], Origin("maker/Old-GGUF", "0" * 40))
    newer = tiny_model().data() + b"2"
    with LocalHub() as hub:
        hub.add("maker/Old-GGUF", {path.name: newer})
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        context.downloads.start()
        context.library.scan()
        page = ModelsPage(context)
        page.resize(1264, 840)
        context.notifier.attach(page)
        show(page)

        def row() -> LibraryRow:
            return next(each for each in shown(page) if each.model.path == path)

        assert not row().newer
        page.activated()
        qtbot.waitUntil(lambda: row().newer, timeout=WAIT)
        name = page.table.table_model().find(row().model.id).siblingAtColumn(NAME)
        assert ", Update, " in name.data(Qt.ItemDataRole.AccessibleTextRole)
        page.open_with({"model_id": row().model.id})
        assert page.drawer.newer.isVisible()
        assert "another version" in page.drawer.newer.label.text()
        page.drawer.newer.action.click()
        qtbot.waitUntil(lambda: not row().newer, timeout=WAIT)
        qtbot.waitUntil(lambda: path.read_bytes() == newer, timeout=WAIT)
        qtbot.waitUntil(lambda: not page.drawer.newer.isVisible())


def test_a_model_that_an_earlier_engine_runs_says_so(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    write_engine(context.paths.data / "engines", "99.1", id="newest")
    engines, model = context.runtime.engines, tiny(page).model
    package = engines.choose(model.id, wanted="package")
    assert package is not None
    page.table.choose(model.id)
    assert page.drawer.engine_note.isHidden()
    engines.note_loaded(model.id, replace(package, instead_of="newest", why="It is damaged."))
    page.refresh()
    words = page.drawer.engine_note.label
    qtbot.waitUntil(lambda: "llama.cpp 99.1 could not load this model" in words.text())
    assert words.text().endswith("What went wrong: It is damaged.")
    assert f"so {package.engine.name} runs it" in words.text()


def test_the_row_of_a_loaded_model_names_an_engine_that_is_not_the_usual_one() -> None:
    row = LibraryRow(model("a"), state="ready", engine="llama.cpp 0.3.36")
    assert second_line(row).text.endswith("loaded · llama.cpp 0.3.36")
