"""Settings, Engines: what is installed, which one runs models, adding and removing."""

import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import replace as replace_choice
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.core.checksums import Cancelled, Progress
from app.core.engine_adding import add_engine
from app.core.engine_packs import EnginePack
from app.core.errors import AppError
from app.core.installed_engines import InstalledEngine
from app.core.library_types import LocalModel
from app.core.settings import Engine, Settings, SettingsStore
from app.gui import engine_adding
from app.gui.context import AppContext
from app.gui.main_window import MainWindow
from app.gui.question import Question
from app.gui.settings_engines import EnginesSection
from app.gui.settings_more import AboutSection
from app.gui.settings_page import SettingsPage
from backends.types import LoadConfig
from tests.engine_folders import write_engine
from tests.engine_packs import write_pack

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("english")]
Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton


@pytest.fixture
def own(corral_home: Path) -> Path:
    """The person's engines."""
    return corral_home / "data" / "engines"


@pytest.fixture
def window(context: AppContext, show: Show) -> MainWindow:
    window = MainWindow(context)
    window.resize(1264, 840)
    show(window)
    return window


@pytest.fixture
def opened(window: MainWindow, qtbot: QtBot) -> Callable[[], EnginesSection]:
    """The section, once it shows what is installed."""

    def open_() -> EnginesSection:
        window.open_page("settings", {"section": "engines"})
        page = window.current_page
        assert isinstance(page, SettingsPage)
        section = page.section("engines")
        assert isinstance(section, EnginesSection)
        qtbot.waitUntil(lambda: bool(section.installed.entries))
        return section

    return open_


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines of a few bytes are taken for ones that start."""
    untried = partial(add_engine, trial=lambda folder: None)
    monkeypatch.setattr(engine_adding, "add_engine", untried)


Opened = Callable[[], EnginesSection]


def titles(section: EnginesSection) -> list[str]:
    return [row.title.text() for row in section.installed.engine_rows]


def sentences(section: EnginesSection) -> list[str]:
    return [row.sentence.text() for row in section.installed.engine_rows]


def question(window: MainWindow) -> Question:
    return [each for each in window.findChildren(Question) if each.isVisible()][-1]


def answer(window: MainWindow, qtbot: QtBot, key: str = "yes") -> None:
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(Question)))
    asked = question(window)
    QTest.mouseClick(asked.answers[key] if key else asked.cancel_button, CLICK)


def stored(context: AppContext) -> Settings:
    return SettingsStore(context.paths.settings_file).current


def test_every_engine_has_a_row_that_says_what_it_is(own: Path, opened: Opened) -> None:
    write_engine(own, "9.1", id="cuda", accelerator="cuda")
    write_engine(own, "9.0", id="before-cpu")
    (write_engine(own, "9.2", id="broken") / "libllama.so").unlink()
    section = opened()
    assert (titles(section)[0], titles(section)[2]) == ("llama.cpp 9.1 (CUDA)", "llama.cpp 9.0")
    first, package, kept, broken = sentences(section)
    assert first.startswith("Graphics card and processor · ")
    assert first.endswith(" bytes · added by you, not signed")
    assert kept.endswith("kept from the version before")
    assert package.endswith("of the Python package")
    assert "libllama.so is missing" in broken
    assert set(section.installed.removers) == {"cuda", "before-cpu", "broken"}
    assert section.choice.engine_row.sentence.text() == (
        "Automatic takes the best, now llama.cpp 9.1 (CUDA)"
    )


def test_the_engine_and_its_code_for_the_processor_are_chosen(
    own: Path, opened: Opened, context: AppContext, qtbot: QtBot
) -> None:
    write_engine(own, "9.1", id="new")
    write_engine(own, "9.0", id="old", variants=("x64", "haswell", "zen4"))
    section = opened()
    choice, code = section.choice.engine, section.choice.code
    assert not section.choice.code_row.isVisible()  # the newest has only one
    choice.setCurrentIndex(choice.findData("old"))
    choice.activated.emit(choice.currentIndex())
    assert stored(context).engine.engine == "old"
    qtbot.waitUntil(section.choice.code_row.isVisible)
    assert "from its next load on" in section.choice.engine_row.sentence.text()
    assert [code.itemText(n) for n in range(code.count())] == [
        *("Automatic", "zen4", "haswell", "x64")
    ]
    code.setCurrentIndex(2)
    code.activated.emit(2)
    assert stored(context).engine.cpu_code == "haswell"
    context.settings.update(engine=Engine(engine="old", cpu_code="armv9"))
    qtbot.waitUntil(lambda: code.currentText() == "Automatic")
    assert choice.currentData() == "old"


def test_about_names_the_engine_that_was_chosen(
    own: Path, opened: Opened, window: MainWindow, context: AppContext, qtbot: QtBot
) -> None:
    write_engine(own, "9.1", id="new")
    write_engine(own, "9.0", id="old")
    opened()
    page = window.current_page
    assert isinstance(page, SettingsPage)
    about = page.section("about")
    assert isinstance(about, AboutSection)
    words = about.engine_row.sentence
    qtbot.waitUntil(lambda: words.text() == "llama.cpp 9.1")
    context.settings.update(engine=Engine(engine="old"))
    qtbot.waitUntil(lambda: words.text() == "llama.cpp 9.0")
    write_engine(own, "9.3", id="newest")
    context.settings.update(engine=Engine())
    qtbot.waitUntil(lambda: words.text() == "llama.cpp 9.3")
    shutil.rmtree(own / "newest")  # as with `corral engine rm`
    page.show_section("about")
    qtbot.waitUntil(lambda: words.text() == "llama.cpp 9.1")


def test_a_chosen_engine_that_is_gone_is_told(
    own: Path, opened: Opened, context: AppContext
) -> None:
    write_engine(own, "9.1", id="new")
    context.settings.update(engine=Engine(engine="gone"))
    section = opened()
    assert section.choice.engine.currentText() == "Automatic"
    words = section.choice.engine_row.sentence
    assert words.text() == "“gone” is not installed any more; llama.cpp 9.1 runs instead"
    assert words.property("role") == "warning"


def test_engines_with_one_name_are_told_apart_where_they_are_chosen(
    own: Path, opened: Opened
) -> None:
    write_engine(own, "9.1", id="a")
    write_engine(own, "9.1", id="before-b")
    choice = opened().choice.engine
    names = [choice.itemText(n) for n in range(choice.count())]
    assert {"llama.cpp 9.1 · added", "llama.cpp 9.1 · kept"} < set(names)


@pytest.mark.usefixtures("starts")
def test_an_engine_is_added_after_a_question(
    own: Path, opened: Opened, window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    section = opened()
    pack = write_pack(tmp_path, "9.1")
    section.adding.begin(pack)
    answer(window, qtbot, key="")
    qtbot.waitUntil(lambda: not section.adding.busy)
    assert not own.exists()
    assert section.add_button.text() == "Add an engine…"
    section.adding.begin(pack)
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(Question)))
    assert window.focusWidget() is question(window).cancel_button
    answer(window, qtbot)
    qtbot.waitUntil(lambda: "llama.cpp 9.1" in titles(section))
    assert section.add_button.isEnabled()


def test_what_is_no_engine_is_refused_in_place(
    opened: Opened, tmp_path: Path, qtbot: QtBot
) -> None:
    section = opened()
    (tmp_path / "page.corral-engine").write_text("<!doctype html>")
    section.adding.begin(tmp_path / "page.corral-engine")
    words = section.installed.add_row.sentence
    qtbot.waitUntil(lambda: words.property("role") == "danger")
    assert words.text().startswith("page.corral-engine is no engine for Corral.")
    assert section.add_button.isEnabled()


def test_adding_can_be_broken_off(
    own: Path,
    opened: Opened,
    window: MainWindow,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    under_way, stopped = threading.Event(), threading.Event()

    def slow(
        pack: EnginePack, places: tuple[Path, ...], progress: Progress, cancelled: Cancelled
    ) -> InstalledEngine:
        progress(43, 100)

        def asked() -> bool:
            under_way.set()
            assert stopped.wait(60)
            return cancelled()

        return add_engine(pack, places, lambda done, of: None, asked, lambda folder: None)

    monkeypatch.setattr(engine_adding, "add_engine", slow)
    section = opened()
    section.adding.begin(write_pack(tmp_path, "9.1"))
    answer(window, qtbot)
    qtbot.waitUntil(under_way.is_set)
    words = section.installed.add_row.sentence
    qtbot.waitUntil(lambda: words.text() == "Unpacking, 43%")
    assert section.add_button.text() == "Cancel"
    QTest.mouseClick(section.add_button, CLICK)
    assert not section.add_button.isEnabled()
    stopped.set()
    qtbot.waitUntil(lambda: not section.adding.busy)
    assert section.add_button.text() == "Add an engine…"
    assert not own.exists()
    assert not own.with_name("engines.adding").exists()


@pytest.mark.usefixtures("starts")
def test_a_file_that_is_dropped_is_asked_about(
    own: Path, window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(write_pack(tmp_path, "9.1")))])
    drop = QDropEvent(
        QPointF(9, 9), Qt.DropAction.CopyAction, data, CLICK, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(drop)
    answer(window, qtbot)
    qtbot.waitUntil((own / "llama.cpp-9.1-test").exists)
    page = window.current_page
    assert isinstance(page, SettingsPage)
    section = page.section("engines")
    assert isinstance(section, EnginesSection)
    qtbot.waitUntil(lambda: "llama.cpp 9.1" in titles(section))


def test_one_is_removed_after_a_question_and_the_choice_of_it_with_it(
    own: Path, opened: Opened, window: MainWindow, context: AppContext, qtbot: QtBot
) -> None:
    write_engine(own, "9.1", id="mine")
    context.settings.update(engine=Engine(engine="mine"))
    section = opened()
    QTest.mouseClick(section.installed.removers["mine"], CLICK)
    answer(window, qtbot, key="")
    assert (own / "mine").exists()
    QTest.mouseClick(section.installed.removers["mine"], CLICK)
    answer(window, qtbot)
    qtbot.waitUntil(lambda: "llama.cpp 9.1" not in titles(section))
    assert not (own / "mine").exists()
    assert stored(context).engine.engine == "automatic"


def test_the_choice_of_a_damaged_engine_goes_with_it(
    own: Path, opened: Opened, window: MainWindow, context: AppContext, qtbot: QtBot
) -> None:
    (write_engine(own, "9.1", id="mine") / "libllama.so").unlink()
    context.settings.update(engine=Engine(engine="mine"))
    section = opened()
    QTest.mouseClick(section.installed.removers["mine"], CLICK)
    answer(window, qtbot)
    qtbot.waitUntil(lambda: "mine" not in section.installed.removers)
    assert stored(context).engine.engine == "automatic"


@pytest.mark.engine
@pytest.mark.skipif(sys.platform != "linux", reason="the engine is made of Linux libraries")
def test_a_model_keeps_its_engine_until_it_is_loaded_again_and_is_ejected_with_it(
    own: Path,
    opened: Opened,
    window: MainWindow,
    context: AppContext,
    starter_file: Path,
    qtbot: QtBot,
) -> None:
    write_engine(own, "9.1", id="mine", binding="")
    size = starter_file.stat().st_size
    model = LocalModel("starter", "SmolLM2", path=starter_file, files=(starter_file,), size=size)
    loaded: list[object] = []
    problems: list[AppError] = []
    context.worker.run(
        lambda: context.runtime.load(model, LoadConfig(context_length=256)),
        done=loaded.append,
        failed=problems.append,
    )
    qtbot.waitUntil(lambda: bool(loaded or problems))
    assert not problems
    section = opened()
    assert sentences(section)[0].endswith("runs SmolLM2")
    engine = replace(context.settings.current.engine, engine="package")
    context.settings.update(engine=engine)
    words = section.choice.engine_row.sentence
    qtbot.waitUntil(
        lambda: words.text() == "SmolLM2 goes on with another one until it is loaded again"
    )
    QTest.mouseClick(section.installed.removers["mine"], CLICK)
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(Question)))
    answer(window, qtbot)
    qtbot.waitUntil(lambda: not (own / "mine").exists())
    assert context.runtime.get("starter") is None
    qtbot.waitUntil(lambda: "llama.cpp 9.1" not in titles(section))


def test_an_engine_that_was_passed_over_is_told_with_the_model_and_the_reason(
    own: Path, opened: Opened, context: AppContext
) -> None:
    write_engine(own, "99.1", id="newest")
    [starter] = context.library.scan()
    engines = context.runtime.engines
    failed = engines.choose(starter.id)
    package = engines.choose(starter.id, wanted="package")
    assert failed is not None
    assert package is not None
    why = "The engine ended by itself."
    engines.note_loaded(starter.id, replace_choice(package, instead_of="newest", why=why))
    section = opened()
    assert sentences(section)[0].endswith(
        f"Could not load {starter.name} (The engine ended by itself), which an earlier engine runs"
    )
