"""My models: importing, other programs, duplicates, files, notes, variants, drives that return."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.core import checksums
from app.core.base_template import Comparison
from app.core.disk_use import DiskUse, RootUse
from app.core.errors import ModelError
from app.core.file_records import Origin
from app.core.library_types import LocalModel
from app.core.settings import Models, Network
from app.core.variants import RepoFile
from app.gui.context import AppContext
from app.gui.duplicates_question import DuplicatesQuestion
from app.gui.icons import Icons
from app.gui.import_panel import ImportPanel
from app.gui.library_disk import DiskPicture
from app.gui.library_rows import second_line
from app.gui.library_template_tab import CHANGES, SAMPLE, TOKENS, TemplateTab
from app.gui.models_page import ModelsPage
from app.gui.name_question import NameQuestion
from app.gui.question import Question
from backends.chat.template import CHATML
from backends.chat.template_report import Report
from backends.types import SamplingParams
from tests.core.broken_gguf import STRING, tiny_model
from tests.core.model_stores import ollama_model, put, tiny
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
BIG = 2 * 1024**2
TEMPLATE, FILES, NOTES = 2, 3, 4
OFFERED = "registry.ollama.ai/library/llama3.2/1b"


@pytest.fixture
def person(corral_home: Path) -> Path:
    """The home folder in which other programs are looked for."""
    return corral_home / "person"


@pytest.fixture
def page(context: AppContext, show: Show) -> ModelsPage:
    put(context.paths.models / "maker" / "Own-GGUF" / "Own-Q8_0.gguf", tiny("own", BIG))
    context.library.scan()
    page = ModelsPage(context)
    page.resize(1264, 840)
    context.notifier.attach(page)
    show(page)
    page.activated()
    return page


def own(context: AppContext) -> LocalModel:
    return next(each for each in context.library.models() if each.path.name == "Own-Q8_0.gguf")


def toast(context: AppContext) -> str:
    shown = context.notifier.shown_toast()
    return shown.accessibleName() if shown is not None else ""


def question(page: QWidget) -> Question:
    return page.findChildren(Question)[-1]


def drop(page: QWidget, *paths: Path) -> bool:
    """Drag files over the page and let go; whether they were wanted."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, buttons, keys)
    entered.ignore()
    QGuiApplication.sendEvent(page, entered)
    if not entered.isAccepted():
        return False
    dropped = QDropEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, buttons, keys)
    QGuiApplication.sendEvent(page, dropped)
    return True


# Importing


def test_dropped_files_are_imported_after_a_look_at_the_plan(
    page: ModelsPage, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    good = put(tmp_path / "x" / "New-Q8_0.gguf", tiny("new"))
    broken = put(tmp_path / "x" / "Bad-Q8_0.gguf", tiny("bad")[:-4000])
    assert drop(page, good, broken)
    (panel,) = page.findChildren(ImportPanel)
    qtbot.waitUntil(panel.confirm.isEnabled)
    assert panel.note.text() == "No further room on the disk is needed."
    assert panel.ways.current() == 0
    assert not list(context.library.folder.rglob("New*"))
    with qtbot.waitSignal(panel.closed):
        panel.confirm.click()
    qtbot.waitUntil(page.drawer.isVisible)
    row = page.table.current_row()
    assert row is not None
    assert row.model.path.samefile(good)
    assert row.model.source == "corral"
    assert not list(context.library.folder.rglob("Bad*"))


def test_what_is_no_model_is_not_even_taken(page: ModelsPage, tmp_path: Path, qtbot: QtBot) -> None:
    assert not drop(page, put(tmp_path / "evil.pkl", b"\x80\x04"))
    folder = put(tmp_path / "Qwen2.5-7B" / "New-Q8_0.gguf", tiny("new")).parent
    assert drop(page, folder)
    (panel,) = page.findChildren(ImportPanel)
    qtbot.waitUntil(panel.confirm.isEnabled)
    panel.dismiss()


def test_another_way_makes_another_plan_and_cancel_does_nothing(
    page: ModelsPage, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    path = put(tmp_path / "x" / "New-Q8_0.gguf", tiny("new"))
    page.upkeep.ask_import([path])
    (panel,) = page.findChildren(ImportPanel)
    qtbot.waitUntil(panel.confirm.isEnabled)
    panel.ways.chosen.emit(1)
    panel.ways.set_current(1)
    qtbot.waitUntil(lambda: "free" in panel.note.text())
    with qtbot.waitSignal(panel.closed):
        panel.cancel.click()
    assert path.exists()
    assert not list(context.library.folder.rglob("New*"))


def test_an_import_goes_to_the_folder_that_is_chosen(
    page: ModelsPage, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    disk = tmp_path / "Big Disk"
    disk.mkdir()
    context.library.own_folders.add(disk)
    path = put(tmp_path / "x" / "New-Q8_0.gguf", tiny("new"))
    page.upkeep.ask_import([path])
    (panel,) = page.findChildren(ImportPanel)
    qtbot.waitUntil(panel.confirm.isEnabled)
    assert panel.folder.text() == str(context.library.folder)
    panel.change.click()
    qtbot.waitUntil(lambda: panel.folder_choice.menu is not None)
    menu = panel.folder_choice.menu
    assert menu is not None
    next(each for each in menu.actions() if disk.name in each.text()).trigger()
    assert panel.folder.text() == str(disk)
    qtbot.waitUntil(panel.confirm.isEnabled)
    with qtbot.waitSignal(panel.closed):
        panel.confirm.click()
    qtbot.waitUntil(page.drawer.isVisible)
    row = page.table.current_row()
    assert row is not None
    assert row.model.path.is_relative_to(disk)
    assert not list(context.library.folder.rglob("New*"))


def test_a_plan_that_cannot_be_made_says_why(
    page: ModelsPage, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "empty").mkdir()
    page.upkeep.ask_import([tmp_path / "empty"])
    (panel,) = page.findChildren(ImportPanel)
    qtbot.waitUntil(lambda: "no model" in panel.note.text())
    assert not panel.confirm.isEnabled()
    panel.dismiss()


# Other programs


def test_models_of_other_programs_are_used_after_one_question(
    page: ModelsPage, context: AppContext, person: Path, qtbot: QtBot
) -> None:
    blob = ollama_model(person / ".ollama" / "models", OFFERED, tiny("theirs"))
    page.upkeep.look_for_programs()
    qtbot.waitUntil(lambda: bool(page.findChildren(Question)))
    next(iter(question(page).answers.values())).click()
    table = page.table.table_model()
    qtbot.waitUntil(lambda: any(row.model.name == "llama3.2:1b" for row in table.rows()))
    qtbot.waitUntil(page.work_strip.isHidden)
    assert toast(context) == "The models of Ollama are in the list now"
    page.upkeep.look_for_programs()
    qtbot.waitUntil(lambda: toast(context).startswith("No further models"))
    assert blob.exists()


# Duplicates


def test_duplicates_become_one_file_after_a_question(
    page: ModelsPage, context: AppContext, person: Path, qtbot: QtBot
) -> None:
    first = own(context).path
    twin = put(context.paths.models / "maker" / "Twin-GGUF" / "Twin-Q8_0.gguf", tiny("own", BIG))
    theirs = ollama_model(person / ".ollama" / "models", OFFERED, tiny("own", BIG))
    context.library.adopt(person / ".ollama" / "models")
    page.upkeep.find_duplicates()
    qtbot.waitUntil(lambda: bool(page.findChildren(DuplicatesQuestion)))
    (asked,) = page.findChildren(DuplicatesQuestion)
    assert asked.paths == (str(first), str(twin))
    assert asked.theirs.isHidden(), "nothing of others would be replaced"
    names = {each.id for each in context.library.models()}
    asked.link.click()
    qtbot.waitUntil(lambda: toast(context).endswith("are free now"))
    assert first.samefile(twin)
    assert first.samefile(theirs)
    assert {each.id for each in context.library.models()} == names, "all stay listed"
    page.upkeep.find_duplicates()
    qtbot.waitUntil(lambda: toast(context) == "There is nothing to link: no file is twice here")


def test_files_of_others_are_replaced_only_if_that_is_ticked(
    page: ModelsPage, context: AppContext, person: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    data = tiny("theirs", BIG)
    theirs = ollama_model(person / ".ollama" / "models", OFFERED, data)
    further = put(tmp_path / "further" / "maker" / "F-GGUF" / "F-Q8_0.gguf", data)
    for folder in (person / ".ollama" / "models", tmp_path / "further"):
        context.library.adopt(folder)
    count = len(context.library.models())
    page.upkeep.find_duplicates()
    qtbot.waitUntil(lambda: bool(page.findChildren(DuplicatesQuestion)))
    (asked,) = page.findChildren(DuplicatesQuestion)
    assert asked.theirs.isVisible()
    assert not asked.theirs.isChecked()
    assert list(asked.paths) == []
    assert not asked.link.isEnabled()
    asked.theirs.click()
    (replaced,) = asked.paths
    assert replaced in (str(theirs), str(further))
    asked.link.click()
    qtbot.waitUntil(lambda: toast(context).endswith("are free now"))
    assert theirs.samefile(further)
    qtbot.waitUntil(lambda: any(each.same_file_as for each in context.library.models()))
    assert len(context.library.models()) == count
    rows = page.table.table_model().rows()
    assert any("same file as" in second_line(row).text for row in rows)


def test_looking_for_duplicates_can_be_cancelled(
    page: ModelsPage, context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(context.paths.models / "maker" / "Twin-GGUF" / "Twin-Q8_0.gguf", tiny("own", BIG))
    context.library.scan()
    reading, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slowly(path: Path, moved: Callable[[int], object], cancelled: Callable[[], bool]) -> str:
        reading.set()
        go_on.wait(PATIENCE)
        try:
            return real(path, moved, cancelled)
        except checksums.Broken:
            ended.set()
            raise

    real = checksums.sha256_of
    monkeypatch.setattr(checksums, "sha256_of", slowly)
    page.upkeep.find_duplicates()
    assert reading.wait(PATIENCE)
    assert page.work_strip.isVisible()
    page.work_strip.action_chosen.emit()
    assert page.work_strip.isHidden()
    go_on.set()
    assert ended.wait(PATIENCE)


# Files


def test_the_files_tab_tells_origin_and_checksum_and_verifies(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    model = own(context)
    right = hashlib.sha256(model.path.read_bytes()).hexdigest()
    context.library.register(
        [model.path], Origin("maker/Own-GGUF", "d" * 40), [RepoFile("a.gguf", 1, sha256=right)]
    )
    page.open_with({"model_id": model.id})
    tab = page.drawer.files
    page.drawer.tabs.choose(FILES)
    qtbot.waitUntil(lambda: len(tab.rows) == 1)
    assert right[:8] in tab.rows[0].told.text()
    words = [label.text() for label in page.drawer._facts.findChildren(QLabel)]
    assert any(each.startswith("SHA-256 matches, ") for each in words)
    assert "from the hub" in tab.rows[0].told.text()
    assert tab.origin.isVisible()
    tab.rows[0].copy.click()
    assert QGuiApplication.clipboard().text() == right
    tab.verify.click()
    qtbot.waitUntil(lambda: tab.rows[0].told.text().startswith("Verified:"))
    assert tab.cancel.isHidden()
    assert tab.verify.text() == "Verify again"
    assert tab.again.isHidden()
    model.path.write_bytes(b"X" + model.path.read_bytes()[1:])
    tab.verify.click()
    qtbot.waitUntil(lambda: "does not match the hub’s checksum" in tab.rows[0].told.text())
    record = context.library.records.of(model.path)
    assert record is not None
    assert (record.sha256, record.told_by, record.checked) == (right, "hub", 0)


def test_a_damaged_download_is_fetched_again(
    page: ModelsPage, context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        fetch_again(page, context, hub, qtbot)


def fetch_again(page: ModelsPage, context: AppContext, hub: LocalHub, qtbot: QtBot) -> None:
    model = own(context)
    good = model.path.read_bytes()
    repository = hub.add("maker/Own-GGUF", {"Own-Q8_0.gguf": good})
    right = hashlib.sha256(good).hexdigest()
    context.library.register(
        [model.path],
        Origin("maker/Own-GGUF", repository.sha),
        [RepoFile("Own-Q8_0.gguf", len(good), sha256=right)],
    )
    model.path.write_bytes(good[:-1] + b"X")
    page.open_with({"model_id": model.id})
    tab = page.drawer.files
    page.drawer.tabs.choose(FILES)
    qtbot.waitUntil(tab.verify.isEnabled)
    tab.verify.click()
    qtbot.waitUntil(tab.again.isVisible)
    context.downloads.start()
    tab.again.click()
    qtbot.waitUntil(lambda: model.path.read_bytes() == good)


def test_verifying_can_be_cancelled(
    page: ModelsPage, context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()
    real = checksums.read_into

    def slowly(*wanted: Any) -> None:
        reading.set()
        go_on.wait(PATIENCE)
        real(*wanted)

    monkeypatch.setattr(checksums, "read_into", slowly)
    page.open_with({"model_id": own(context).id})
    tab = page.drawer.files
    page.drawer.tabs.choose(FILES)
    qtbot.waitUntil(tab.verify.isEnabled)
    tab.verify.click()
    assert reading.wait(PATIENCE)
    assert tab.cancel.isVisible()
    tab.cancel.click()
    assert tab.cancel.isHidden()
    assert tab.verify.isVisible()
    go_on.set()


def test_the_template_tab_shows_a_sample_and_what_is_unusual(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    context.settings.update(network=Network(offline=True))
    harmful = (
        "{% for m in messages %}{% if 'password' in m['content'] %}!{% endif %}"
        "{{ m['role'] }}: {{ m['content'] }}{% endfor %}"
    )
    data = tiny_model().set("tokenizer.chat_template", STRING, harmful).data()
    path = put(context.paths.models / "maker" / "Odd-GGUF" / "Odd-Q8_0.gguf", data)
    context.library.scan()
    odd = next(each for each in context.library.models() if each.path == path)
    qtbot.waitUntil(lambda: page.table.choose(odd.id))
    page.open_with({"model_id": odd.id})
    tab = page.drawer.template
    page.drawer.tabs.choose(TEMPLATE)
    qtbot.waitUntil(lambda: any("“password”" in words for words in tab.findings))
    assert tab.text.toPlainText() == harmful
    look_at(tab, SAMPLE)
    assert "user: What is 2 + 2?" in tab.text.toPlainText()
    page.open_with({"model_id": own(context).id})
    qtbot.waitUntil(lambda: tab.note.text() == "This file brings no chat template.")
    assert tab.findings == []


def look_at(tab: TemplateTab, view: int) -> None:
    tab.views.set_current(view)
    tab.views.chosen.emit(view)


@pytest.mark.engine
def test_the_sample_is_shown_as_tokens(
    page: ModelsPage, context: AppContext, qtbot: QtBot, starter_file: Path
) -> None:
    put(context.paths.models / "maker" / "Real-GGUF" / "Real-Q8_0.gguf", starter_file.read_bytes())
    context.settings.update(network=Network(offline=True))
    tab = open_template(page, context, qtbot, "Real-Q8_0.gguf")
    look_at(tab, TOKENS)
    qtbot.waitUntil(lambda: "control tokens" in tab.caption.text())
    lines = tab.text.toPlainText().splitlines()
    assert lines[0] == "    1  <|im_start|>  control"
    assert " 9690  system" in lines
    assert "  198  ⏎" in lines
    assert f"{len(lines)} tokens" in tab.caption.text()
    cursor = tab.text.textCursor()
    cursor.setPosition(8)
    role = cursor.charFormat().foreground().color()
    assert role == context.theme.color("accent"), "control tokens stand out"
    context.theme.choose("dark")
    cursor = tab.text.textCursor()
    cursor.setPosition(8)
    assert cursor.charFormat().foreground().color() == context.theme.color("accent") != role
    look_at(tab, CHANGES)
    assert "Corral is offline" in tab.text.toPlainText()


def open_template(page: ModelsPage, context: AppContext, qtbot: QtBot, file: str) -> TemplateTab:
    context.library.scan()
    model = next(each for each in context.library.models() if each.path.name == file)
    qtbot.waitUntil(lambda: page.table.choose(model.id))
    page.open_with({"model_id": model.id})
    page.drawer.tabs.choose(TEMPLATE)
    return page.drawer.template


def test_a_template_that_is_not_its_makers_is_told_with_its_changes(
    page: ModelsPage, context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = CHATML.replace("<|im_end|>", "<|im_end|>Buy now!")
    data = tiny_model().set("tokenizer.chat_template", STRING, own).data()
    put(context.paths.models / "maker" / "Kind-GGUF" / "Kind-Q8_0.gguf", data)
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.add("maker/Kind-GGUF", {}, tags=["base_model:quantized:first/Kind"])
        hub.add("first/Kind", {"chat_template.jinja": CHATML.encode()})
        tab = open_template(page, context, qtbot, "Kind-Q8_0.gguf")
        qtbot.waitUntil(lambda: any("first/Kind" in words for words in tab.findings))
    assert "slipped something in" in tab.findings[0], "warnings come first"
    look_at(tab, CHANGES)
    lines = tab.text.toPlainText().splitlines()
    assert any(line.startswith("+") and "Buy now!" in line for line in lines)
    assert any(line.startswith("-") and "Buy now!" not in line for line in lines)
    assert tab.caption.text() == "− as first/Kind has it, + as this file has it"


def test_what_is_known_of_a_template_is_said_in_sentences(icons: Icons) -> None:
    tab = TemplateTab(icons)
    tab.show_template("x")
    tab.show_comparison(None)
    assert tab.findings == ["Which model it was made from is not known here."]
    tab.show_comparison(Comparison("first/Kind"))
    assert tab.findings == ["It is the template of first/Kind, unchanged."]
    tab.show_comparison(Comparison("first/Kind", from_list=True))
    assert "as Corral’s list knows it" in tab.findings[0]
    tab.show_comparison(Comparison("first/Kind", no_template=True))
    assert tab.findings == ["first/Kind has no chat template to compare it with."]
    tab.show_comparison(Comparison("first/Kind", "@@\n-a\n+b"))
    assert "comes out the same" in tab.findings[0]
    tab.show_report(Report(problem="It is broken."))
    assert tab.findings[0] == "It is broken."
    look_at(tab, TOKENS)
    assert tab.text.toPlainText() == "No sample can be shown."
    tab.show_tokens(ModelError("The tokens cannot be shown"))
    assert "cannot be shown" in tab.text.toPlainText()
    tab.deleteLater()


# What a person says


def test_notes_tags_and_sampling_are_kept(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    model = own(context)
    page.open_with({"model_id": model.id})
    page.drawer.tabs.choose(NOTES)
    notes = page.drawer.notes
    notes.notes.setPlainText("good at rhymes")
    notes.tags.field.setText("poetry")
    qtbot.keyClick(notes.tags.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: context.library.get(model.id).notes == "good at rhymes")
    qtbot.waitUntil(lambda: context.library.get(model.id).tags == ("poetry",))
    page.search.setText("rhymes poetry")
    qtbot.waitUntil(lambda: len(page.table.table_model().rows()) == 1)
    sampling = page.drawer.sampling
    sampling.rows.rows["temperature"].set_value(0.2)
    sampling.rows.changed.emit()
    wanted = {model.id: SamplingParams(temperature=0.2)}
    qtbot.waitUntil(lambda: context.settings.current.models.sampling == wanted)
    sampling.reset.click()
    assert context.settings.current.models.sampling == {}


def test_leaving_the_page_keeps_what_was_typed_a_moment_ago(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    model = own(context)
    page.open_with({"model_id": model.id})
    page.drawer.notes.notes.setPlainText("half a thought")
    page.hide()
    qtbot.waitUntil(lambda: context.library.get(model.id).notes == "half a thought")


def test_a_variant_is_made_listed_and_taken_off_again(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    model = own(context)
    page.open_with({"model_id": model.id})
    size = page.count.text().partition(", ")[2]
    page.drawer.notes.variant.click()
    asked = page.findChildren(NameQuestion)[-1]
    asked.field.setText("")
    assert not asked.confirm.isEnabled()
    asked.field.setText("Careful")
    asked.confirm.click()
    rows = page.table.table_model()
    qtbot.waitUntil(lambda: any(row.model.name == "Careful" for row in rows.rows()))
    assert page.count.text().partition(", ")[2] == size, "it takes no room"
    variant = next(row.model for row in rows.rows() if row.model.name == "Careful")
    page.library_actions.ask_delete(variant)
    next(iter(question(page).answers.values())).click()
    qtbot.waitUntil(lambda: all(row.model.name != "Careful" for row in rows.rows()))
    assert model.path.exists()


# Drives and disks


def test_a_drive_comes_back_without_anybody_telling(
    page: ModelsPage, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    drive = tmp_path / "drive"
    path = put(drive / "maker" / "Far-GGUF" / "Far-Q8_0.gguf", tiny("far"))
    context.settings.update(models=Models(extra_folders=(str(drive),)))
    context.library.scan()
    drive.rename(tmp_path / "unplugged")
    context.library.scan()

    def far() -> bool:
        rows = page.table.table_model().rows()
        return any(row.model.path == path and row.usable for row in rows)

    qtbot.waitUntil(lambda: len(page.table.table_model().rows()) == 3)
    assert not far()
    (tmp_path / "unplugged").rename(drive)
    page.looks.timer.timeout.emit()
    qtbot.waitUntil(far)
    page.hide()
    assert not page.looks.timer.isActive()


def test_what_the_terminal_brings_and_deletes_shows_by_itself(
    page: ModelsPage, context: AppContext, qtbot: QtBot
) -> None:
    """As the terminal does it: by the folders alone."""

    def names() -> set[str]:
        return {row.model.path.name for row in page.table.table_model().rows()}

    path = put(context.paths.models / "maker" / "New-GGUF" / "New-Q8_0.gguf", tiny("new"))
    assert path.name not in names()
    qtbot.waitUntil(lambda: path.name in names())  # by the timer alone
    path.unlink()
    page.looks.timer.stop()
    QApplication.sendEvent(page, QEvent(QEvent.Type.ActivationChange))
    qtbot.waitUntil(lambda: path.name not in names())


def test_no_two_folders_of_a_disk_have_one_colour(icons: Icons, show: Show) -> None:
    picture = DiskPicture(icons)
    show(picture)
    roots = tuple(RootUse(f"Folder {n}", Path(f"/{n}"), 10**9) for n in range(9))
    picture.show_uses((DiskUse(Path("/"), roots, 5 * 10**9, 10**10, 10**11),))
    (row,) = picture.rows
    roles = [role for role, _ in row.bar._parts]
    assert len(set(roles)) == len(roles) == 8
    assert row.keys[6].startswith("3 further folders 3")


def test_each_disk_is_a_row_with_a_key_for_each_folder(icons: Icons, show: Show) -> None:
    roots = (RootUse("Models folder", Path("/m"), 10**9), RootUse("", Path("/e"), 2 * 10**9))
    disks = tuple(DiskUse(Path(f"/{n}"), roots, 10**9, 6 * 10**9, 10**10) for n in range(4))
    picture = DiskPicture(icons)
    picture.resize(800, 300)
    show(picture)
    picture.show_uses(disks[:1])
    (row,) = picture.rows
    assert row.keys == ("Models folder 1.0 GB", "Elsewhere 2.0 GB", "Other files 1.0 GB")
    assert row.free.text() == "6.0 GB free of 10.0 GB"
    assert picture.note.isHidden()
    picture.show_uses(disks)
    assert len(picture.rows) == 3
    assert picture.note.isVisible()
    picture.show_uses(())
    assert picture.note.text() == "The models folder cannot be reached."
