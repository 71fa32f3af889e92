"""Models of Ollama's registry in the window: found by a pasted name, downloaded, set up."""

from collections.abc import Callable, Iterator

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.core.hardware import MemorySnapshot
from app.core.presets import ExampleMessage, Preset
from app.gui.context import AppContext
from app.gui.controls.strip import ErrorCard
from app.gui.discover_page import DiscoverPage
from app.gui.discover_rows import ModelRow
from app.gui.library_rows import rows_of, second_line
from app.gui.main_window import MainWindow
from app.gui.palette_model import Command, PaletteModel
from app.gui.preset_preview import PresetPreview
from tests.core.broken_gguf import tiny_model
from tests.ollama.images import KIND, Image
from tests.ollama.local_registry import LocalRegistry

pytestmark = pytest.mark.gui

Show = Callable[[QWidget], QWidget]
WEIGHTS = tiny_model().data()
REPO = "ollama.com/library/tiny:1b"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalRegistry]:
    with LocalRegistry() as registry:
        monkeypatch.setenv("CORRAL_OLLAMA_REGISTRY", registry.url)
        image = Image(
            WEIGHTS,
            system="Answer like a pirate.",
            params={"temperature": 0.3, "num_ctx": 2048, "num_gpu": 1},
            licences=["MIT License\n\nPermission is hereby granted."],
        )
        registry.add("library/tiny", "1b", image)
        yield registry


@pytest.fixture
def window(
    context: AppContext, show: Show, monkeypatch: pytest.MonkeyPatch, registry: LocalRegistry
) -> MainWindow:
    memory = MemorySnapshot(total=16 * 10**9, available=12 * 10**9)
    monkeypatch.setattr(context.runtime, "free_memory", lambda **_: memory)
    context.downloads.start()
    window = MainWindow(context)
    window.resize(1440, 900)
    show(window)
    return window


def discover(window: MainWindow) -> DiscoverPage:
    window.open_page("discover")
    page = window.page("discover")
    assert isinstance(page, DiscoverPage)
    return page


def paste(page: DiscoverPage, text: str) -> None:
    page.browser.head.search.setText(text)
    QTest.keyClick(page.browser.head.search, Qt.Key.Key_Return)


def is_offered(page: DiscoverPage) -> bool:
    """Whether the model is in view and can be downloaded."""
    line = page.detail.table.chosen_line()
    return line is not None and line.repo == REPO and page.detail.main_button.isEnabled()


def failure(page: DiscoverPage) -> str:
    """The title of the error in place of the model; "" if none is shown."""
    return next((card.title.text() for card in page.detail.findChildren(ErrorCard)), "")


@pytest.mark.parametrize(
    "text", ["tiny:1b", "ollama run tiny:1b", "https://ollama.com/library/tiny:1b"]
)
def test_a_pasted_name_shows_the_model_with_size_and_download(
    text: str, window: MainWindow, qtbot: QtBot
) -> None:
    page = discover(window)
    paste(page, text)
    rows = page.browser.list.list_model().rows()
    assert [(row.title, row.subtitle) for row in rows if isinstance(row, ModelRow)] == [
        ("tiny:1b", "Ollama’s registry")
    ]
    qtbot.waitUntil(lambda: is_offered(page))
    assert page.detail.main_button.text() == "Download 82 kB"
    line = page.detail.table.chosen_line()
    assert line is not None
    assert line.size == len(WEIGHTS)
    assert line.label == "Q4_1"
    qtbot.waitUntil(lambda: not page.detail.card.isHidden())


def test_a_name_as_ollama_has_it_is_offered_to_be_looked_for(
    window: MainWindow, registry: LocalRegistry, qtbot: QtBot
) -> None:
    page = discover(window)
    page.browser.head.search.setText("tiny:1b")
    empty = page.browser._empty
    qtbot.waitUntil(empty.isVisible)
    assert empty.title.text() == "“tiny:1b” is how Ollama names models"
    assert not registry.log.entries()
    empty.button.click()
    qtbot.waitUntil(lambda: is_offered(page))


def test_a_download_sets_the_model_up_and_says_what_was_not_taken(
    window: MainWindow, context: AppContext, qtbot: QtBot
) -> None:
    page = discover(window)
    paste(page, "ollama:tiny:1b")
    qtbot.waitUntil(lambda: is_offered(page))
    page.detail.main_button.click()
    qtbot.waitUntil(lambda: page.detail.main_button.text() == "Chat")
    qtbot.waitUntil(lambda: context.notifier.shown_toast() is not None)
    toast = context.notifier.shown_toast()
    assert toast is not None
    assert "“tiny:1b”" in toast.label.text()
    assert "Not taken: num_gpu." in toast.label.text()
    model = next(each for each in context.library.models() if each.repo == REPO)
    preset = next(each for each in context.presets.list() if each.model == model.id)
    assert preset.system_prompt == "Answer like a pirate."
    assert context.settings.current.models.load[model.id].context_length == 2048


@pytest.mark.parametrize(
    ("text", "image", "words"),
    [
        ("ollama:nothing:1b", None, "was not found in Ollama’s registry"),
        ("ollama:big:cloud", Image(None, config={"remote_model": "x"}), "is not a file"),
        ("ollama:mlx:1b", Image(None, others=[(KIND + "tensor", b"x")]), "format that Corral"),
    ],
)
def test_what_cannot_be_had_is_told_on_the_page(
    text: str,
    image: Image | None,
    words: str,
    window: MainWindow,
    registry: LocalRegistry,
    qtbot: QtBot,
) -> None:
    if image is not None:
        name, _, tag = text.removeprefix("ollama:").partition(":")
        registry.add(f"library/{name}", tag, image)
    page = discover(window)
    paste(page, text)
    qtbot.waitUntil(lambda: words in failure(page))


def test_offline_the_page_says_so_and_asks_nobody(
    window: MainWindow, context: AppContext, registry: LocalRegistry, qtbot: QtBot
) -> None:
    network = msgspec.structs.replace(context.settings.current.network, offline=True)
    context.settings.update(network=network)
    page = discover(window)
    paste(page, "ollama:tiny:1b")
    qtbot.waitUntil(lambda: "Corral is offline" in failure(page))
    assert registry.log.entries() == []


def test_the_palette_leads_to_a_pasted_model(context: AppContext, registry: LocalRegistry) -> None:
    model = PaletteModel(context)
    model.show("ollama run tiny:1b")
    rows = [model.data(model.index(row, 0), 256 + 50) for row in range(model.rowCount())]
    command = next(row for row in rows if isinstance(row, Command) and row.page == "discover")
    assert command.text == "Show tiny:1b of Ollama’s registry"
    assert command.argument == {"query": "ollama run tiny:1b"}


def test_the_preset_editor_shows_the_messages_that_chats_begin_with(
    context: AppContext, show: Show
) -> None:
    preview = PresetPreview(context)
    show(preview)
    turns = [("user", "Hello"), ("assistant", "Ahoy " * 100)] * 4
    messages = tuple(ExampleMessage(role, text) for role, text in turns)  # type: ignore[arg-type]  # a list of literals is widened
    preset = Preset(id="x", name="x", messages=messages)
    preview.show_preset(preset, preset)
    assert preview.examples_part.isVisible()
    lines = preview.examples.text().splitlines()
    assert lines[1] == "You: Hello"
    assert lines[2].startswith("Model: Ahoy Ahoy")
    assert len(lines[2]) < 200
    assert lines[-1] == "and 2 more"
    preview.show_preset(Preset(id="x", name="x"), preset)
    assert not preview.examples_part.isVisible()


def test_the_library_says_where_such_a_model_came_from(
    window: MainWindow, context: AppContext, qtbot: QtBot
) -> None:
    page = discover(window)
    paste(page, "ollama:tiny:1b")
    qtbot.waitUntil(lambda: is_offered(page))
    page.detail.main_button.click()
    qtbot.waitUntil(lambda: page.detail.main_button.text() == "Chat")
    rows = rows_of(context.library.models(), ())
    (line,) = [second_line(row).text for row in rows if row.model.repo == REPO]
    assert REPO in line
