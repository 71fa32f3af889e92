"""Discover as a catalogue: families, collections, bookmarks, comparing, speeds, what was seen."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.core.architecture import Architecture
from app.core.catalogue import Catalogue
from app.core.hardware import MemorySnapshot
from app.core.hub import HubModel
from app.core.library import LocalModel
from app.core.memory import Fit
from app.gui import discover_rows
from app.gui.ages import ago
from app.gui.context import AppContext
from app.gui.controls.labels import Label
from app.gui.controls.strip import ErrorCard
from app.gui.discover_architecture import architecture_facts
from app.gui.discover_compare import CompareOverlay
from app.gui.discover_filter import DiscoverFilter, Shelf
from app.gui.discover_fit import FitCheck, speed_words
from app.gui.discover_page import DiscoverPage
from app.gui.discover_rows import ModelRow
from app.gui.question import Question
from app.gui.variants_row import columns
from backends.types import Usage
from tests.gui.discover_desk import (
    CHECK,
    GB,
    LLAMA,
    Show,
    go_offline,
    open_discover,
    rows_of,
)
from tests.hub.samples import add_samples, gguf_start
from tests.hub.server import LocalHub

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("english")]

BASE = "meta-llama/Llama-3.1-8B-Instruct"
MLX = "mlx-community/Meta-Llama-3.1-8B-Instruct-4bit"
OTHER = "unsloth/Llama-3.1-8B-Instruct-GGUF"
START = gguf_start(
    {"parameters": 8e9, "kv_bytes_per_token": 131_072, "context_length": 8192, "name": "Llama"}
)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with LocalHub() as hub:
        add_samples(hub, None)
        tags = ["gguf", f"base_model:{BASE}", f"base_model:quantized:{BASE}"]
        files = {f"Llama-3.1-8B-Instruct-{label}.gguf": START for label in ("Q4_K_M", "Q8_0")}
        hub.add(OTHER, files, tags=tags, downloads=1000)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def page(
    context: AppContext, show: Show, monkeypatch: pytest.MonkeyPatch, hub: LocalHub
) -> DiscoverPage:
    return open_discover(context, show, monkeypatch)


def search_hub(page: DiscoverPage, qtbot: QtBot, text: str = "") -> None:
    page.browser.head.search_for(text, on_hub=True)
    qtbot.waitUntil(lambda: bool(page.browser.hub_list.models))


class RowsOf:
    """The rows of the shipped list for a collection."""

    def __init__(self, shelf: Shelf) -> None:
        wanted = DiscoverFilter(shelf=shelf, fits=False)
        listing = discover_rows.suggested(Catalogue().entries(), wanted, CHECK, ())
        self.rows = [row for row in listing.rows if isinstance(row, ModelRow)]

    @property
    def keys(self) -> list[str]:
        return [row.key for row in self.rows]


# Families


def test_repositories_of_one_model_are_one_row_of_the_hub(page: DiscoverPage, qtbot: QtBot) -> None:
    page.activated()
    search_hub(page, qtbot, "Llama-3.1-8B")
    (row,) = rows_of(page)
    assert row.title == "Llama 3.1 8B Instruct"
    assert row.repos == {LLAMA, OTHER}
    assert row.repo == LLAMA  # the most downloaded
    assert row.subtitle.startswith("bartowski and 1 other · ")
    assert "languages" in row.marks  # as the shipped list knows
    assert row.fit is Fit.FITS


def test_a_model_page_has_the_variants_of_all_repositories(
    page: DiscoverPage, qtbot: QtBot, context: AppContext
) -> None:
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    qtbot.waitUntil(lambda: page.view.repos() == {LLAMA, OTHER, MLX})
    table = page.detail.table
    assert {row.line.repo for row in table.rows()} == {LLAMA}  # what most people choose among
    shown_now = {row.line.key for row in table.rows()}
    own = sum(line.is_main and line.key not in shown_now for line in table._lines)
    assert f": {own} of this repository, 2 of other makers, 1 MLX for Macs." in table.note.text()
    table.more.click()
    shown = {(row.line.owner, row.line.label, row.line.usable) for row in table.rows()}
    assert ("unsloth", "Q8_0", True) in shown
    assert ("mlx-community", "4bit", False) in shown
    assert sum(row.line.recommended for row in table.rows()) == 1
    line = next(row.line for row in table.rows() if row.line.owner == "unsloth")
    page.detail.download.emit(line)
    qtbot.waitUntil(lambda: bool(context.downloads.items()))
    assert context.downloads.items()[0].request.repo == OTHER
    qtbot.waitUntil(lambda: _state(page, OTHER, line.file) != "absent")


def test_the_advice_does_not_change_with_what_is_free_now(page: DiscoverPage, qtbot: QtBot) -> None:
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    qtbot.waitUntil(lambda: LLAMA in page.view.known)
    found = set()
    for free in (3, 6, 12):
        check = FitCheck(MemorySnapshot(total=16 * 10**9, available=free * 10**9))
        lines = page.view.lines(check, "no")
        found |= {line.label for line in lines if line.recommended}
        assert all(line.judged is None for line in lines if line.format == "mlx")
    assert len(found) == 1


def _state(page: DiscoverPage, repo: str, file: str) -> str:
    return next(row.line.state for row in page.detail.table.rows() if row.line.key == (repo, file))


def test_further_repositories_are_opened_one_by_one(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    tags = ["gguf", f"base_model:quantized:{BASE}"]
    for number in range(4):
        hub.add(f"maker{number}/Llama-3.1-8B-GGUF", {"a-Q4_K_M.gguf": START}, tags=tags)
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    qtbot.waitUntil(lambda: len(page.view.repos()) == 4)
    left = page.view.family.not_opened()
    assert len(left) == 3
    assert page.detail.others.text() == "3 more repositories"
    page.detail.repo_wanted.emit(left[0].repo)
    qtbot.waitUntil(lambda: left[0].repo in page.view.repos())
    assert page.detail.others.text() == "2 more repositories"


def test_coming_back_to_a_model_asks_the_hub_nothing_new(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    qtbot.waitUntil(lambda: page.view.repos() == {LLAMA, OTHER, MLX})
    page.browser.list.choose("qwen3-8b")
    qtbot.waitUntil(lambda: "Qwen/Qwen3-8B-GGUF" in page.view.known)
    hub.log.clear()
    page.browser.list.choose("llama-3.1-8b-instruct")
    assert page.view.repos() == {LLAMA, OTHER, MLX}
    assert not [each for each in hub.log.entries() if "Llama-3.1" in each.path]


@pytest.mark.parametrize("width", [500, 560, 700, 856, 1000, 1200])
def test_the_column_for_makers_overlaps_no_other(width: int) -> None:
    cells = columns(width, sources=True)
    if cells.source.width():
        assert cells.label.right() < cells.source.left()
        assert cells.source.right() < cells.quality.left()
        assert cells.label.width() >= 150
    assert cells.words is False


# Collections and the person's own lists


def test_collections_of_the_shipped_list() -> None:
    assert RowsOf("all").keys == [entry.id for entry in Catalogue().entries()]
    assert RowsOf("embeddings").keys == ["nomic-embed-text-v1.5"]
    assert RowsOf("safety").keys == ["llama-guard-3-1b", "llama-guard-3-8b"]
    assert "qwen2.5-coder-7b-instruct" in RowsOf("code").keys
    assert "smollm3-3b" in RowsOf("languages").keys
    assert "mistral-7b-instruct-v0.3" not in RowsOf("languages").keys
    quick = RowsOf("quick").rows
    assert quick
    assert all(row.fit is Fit.FITS and row.entry is not None for row in quick)
    assert "llama-3.1-8b-instruct" not in RowsOf("quick").keys
    assert {row.fit for row in RowsOf("fits").rows} == {Fit.FITS}
    assert len(RowsOf("fits").rows) < len(RowsOf("all").rows)


def test_a_collection_of_the_hub_goes_by_tags_and_names() -> None:
    french = HubModel(repo="m/Chat-7B-GGUF", author="m", tags=("fr",))
    coder = HubModel(repo="m/Coder-7B-GGUF", author="m")
    wanted = DiscoverFilter(scope="hub", shelf="languages")
    listing = discover_rows.from_hub([french, coder], wanted, CHECK, ())
    assert [row.repo for row in listing.rows if isinstance(row, ModelRow)] == [french.repo]
    wanted = DiscoverFilter(scope="hub", shelf="code")
    listing = discover_rows.from_hub([french, coder], wanted, CHECK, ())
    assert [row.repo for row in listing.rows if isinstance(row, ModelRow)] == [coder.repo]


def test_an_empty_collection_of_the_hub_can_be_looked_for_further(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    for number in range(230):
        hub.add(f"m/Thing-{number:03}-1B-GGUF", {}, tags=["gguf"], trendingScore=9000 - number)
    page.activated()
    page.browser.head.choose_shelf("embeddings")
    search = page.browser.hub_list
    page.browser.head.scope.chosen.emit(1)
    qtbot.waitUntil(lambda: len(search.models) >= 150 and not search.is_busy)
    empty = page.browser._empty
    assert empty.isVisible()
    assert empty.button.text() == "Look further"
    empty.button.click()
    qtbot.waitUntil(lambda: "nomic-embed-text v1.5" in [row.title for row in rows_of(page)])


def test_a_bookmark_is_kept_and_listed(
    page: DiscoverPage, qtbot: QtBot, context: AppContext
) -> None:
    page.activated()
    page.browser.list.choose("qwen3-8b")
    page.browser.head.choose_shelf("bookmarks")
    assert page.browser._empty.title.text() == "No bookmarks yet"
    page.detail.bookmark.click()
    qtbot.waitUntil(lambda: [row.title for row in rows_of(page)] == ["Qwen3 8B"])
    assert page.detail.bookmark.isChecked()
    assert page.detail.bookmark.accessibleName() == "Remove the bookmark"
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(lambda: OTHER in page.view.known)
    assert not page.detail.bookmark.isChecked()
    page.detail.bookmark.click()
    qtbot.waitUntil(lambda: len(rows_of(page)) == 2)
    assert rows_of(page)[0].title == "Llama 3.1 8B Instruct"
    page.detail.bookmark.click()
    qtbot.waitUntil(lambda: len(rows_of(page)) == 1)


def _looked_at(context: AppContext, count: int) -> bool:
    return len(context.marks.recent()) == count


def test_what_was_looked_at_is_listed_and_stays_in_place_while_one_looks(
    page: DiscoverPage, qtbot: QtBot, context: AppContext
) -> None:
    page.activated()
    for count, key in enumerate(("llama-3.2-1b-instruct", "qwen3-8b", "gemma-3-1b-instruct"), 1):
        page.browser.list.choose("llama-3-8b-instruct")  # is only passed by
        page.browser.list.choose(key)
        qtbot.waitUntil(partial(_looked_at, context, count))
    page.browser.head.choose_shelf("recent")
    assert not page.browser.head.fits.isEnabled()
    before = [row.key for row in rows_of(page)]
    assert before == ["gemma-3-1b-instruct", "qwen3-8b", "llama-3.2-1b-instruct"]
    page.browser.list.choose("qwen3-8b")
    qtbot.waitUntil(lambda: context.marks.recent()[0].title == "Qwen3 8B")
    assert [row.key for row in rows_of(page)] == before


def test_a_bookmark_that_cannot_be_kept_is_said(
    page: DiscoverPage, qtbot: QtBot, context: AppContext
) -> None:
    page.activated()
    page.browser.list.choose("qwen3-8b")
    context.paths.marks_file.parent.mkdir(parents=True, exist_ok=True)
    qtbot.waitUntil(lambda: len(context.marks.recent()) == 1)
    context.paths.marks_file.unlink()
    context.paths.marks_file.mkdir()
    page.detail.bookmark.click()
    qtbot.waitUntil(lambda: context.notifier.shown_toast() is not None)
    assert not page.detail.bookmark.isChecked()


# Facts


def test_what_the_hub_read_in_the_file_is_told(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    repository = hub.repositories[OTHER]
    repository.info["gguf"] = {
        "total": 8_030_000_000,
        "architecture": "llama",
        "context_length": 131_072,
        "chat_template": "{% if tools %}{{ tools }}{% endif %}<think>",
    }
    repository.info["tags"] += ["en", "fr", "license:llama3.1"]
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(page.detail.architecture.isVisible)
    qtbot.waitUntil(lambda: page.view.known[OTHER].facts.parameters is not None)
    subject = page.view.subject
    assert subject is not None
    assert [fact.text for fact in subject.badges()] == [
        "Reasoning",
        "Tools",
        "2 languages",
        "8K context",
        "8.0 B parameters",
        "GGUF",
    ]
    assert "Llama 3.1 licence" in [fact.text for fact in subject.facts()]


def test_how_an_mlx_model_is_built_is_told_by_its_config(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    config = {
        "model_type": "qwen3",
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "hidden_size": 4096,
        "vocab_size": 151_936,
        "max_position_embeddings": 40_960,
        "quantization": {"bits": 4, "group_size": 64},
    }
    files = {"config.json": json.dumps(config).encode(), "model.safetensors": bytes(100)}
    hub.add("somebody/Qwen3-8B-4bit", files, tags=["mlx"])
    page.open_with({"repo": "somebody/Qwen3-8B-4bit"})
    qtbot.waitUntil(page.detail.architecture.isVisible)
    subject = page.view.subject
    assert subject is not None
    shape = subject.architecture
    assert (shape.name, shape.layers, shape.attention) == ("qwen3", 36, "grouped-query")
    assert (shape.vocabulary, shape.context_length) == (151_936, 40_960)


def test_how_a_model_is_built_is_told_in_words() -> None:
    shape = Architecture(
        "qwen3moe", layers=48, heads=32, kv_heads=4, vocabulary=151_936, experts=128, experts_used=8
    )
    facts = {name: value for name, value, _ in architecture_facts(shape)}
    assert facts == {
        "Architecture": "qwen3moe",
        "Layers": "48",
        "Attention": "32 heads, 4 for keys and values",
        "Experts": "8 of 128 active",
        "Vocabulary": "151,936",
    }
    assert architecture_facts(Architecture()) == ()


def test_a_scan_that_found_something_is_said_before_the_download(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    bad = {"path": "Llama-3.1-8B-Instruct-Q8_0.gguf", "level": "unsafe"}
    hub.repositories[OTHER].scan = {"scansDone": True, "filesWithIssues": [bad]}
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(page.detail.danger.isVisible)
    assert "Llama-3.1-8B-Instruct-Q8_0.gguf (unsafe)" in page.detail.danger.label.text()
    page.open_with({"entry": "qwen3-8b"})
    assert not page.detail.danger.isVisible()


def test_a_file_that_scans_found_something_in_asks_first(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot, context: AppContext
) -> None:
    bad = {"path": "Llama-3.1-8B-Instruct-Q8_0.gguf", "level": "unsafe"}
    hub.repositories[OTHER].scan = {"scansDone": True, "filesWithIssues": [bad]}
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(page.detail.danger.isVisible)
    lines = {row.line.label: row.line for row in page.detail.table.rows()}
    page.detail.download.emit(lines["Q8_0"])
    question = page.findChildren(Question)[-1]
    assert "unsafe" in "".join(label.text() for label in question.findChildren(Label))
    question.dismiss()
    page.detail.download.emit(lines["Q4_K_M"])
    qtbot.waitUntil(lambda: len(context.downloads.items()) == 1)
    assert context.downloads.items()[0].request.quantization == "Q4_K_M"


def test_a_gated_model_says_so_in_a_badge(page: DiscoverPage, hub: LocalHub, qtbot: QtBot) -> None:
    hub.repositories[OTHER].gated = "manual"
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(lambda: OTHER in page.view.known)
    assert page.view.subject is not None
    assert "Licence to accept" in [fact.text for fact in page.view.subject.badges()]


def test_a_gated_model_names_the_wait_and_its_page(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot, context: AppContext
) -> None:
    hub.repositories[OTHER].gated = "manual"
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(lambda: "one by one" in page.detail.gated.label.text())
    assert "Log in here" in page.detail.gated.label.text()
    qtbot.waitUntil(lambda: "as said above" in page.detail.card.note.text())
    line = next(row.line for row in page.detail.table.rows() if row.line.label == "Q8_0")
    context.downloads.start()
    page.detail.download.emit(line)
    qtbot.waitUntil(lambda: _state(page, OTHER, line.file) == "failed")
    row = next(row for row in page.detail.table.rows() if row.line.key == line.key)
    assert row.line.page == f"{hub.url}/{OTHER}"
    assert row.action.page.isVisible()
    assert row.action.button.text() == "Retry"
    page.detail.table.page_wanted.disconnect()  # no browser
    with qtbot.waitSignal(page.detail.table.page_wanted) as wanted:
        row.action.page.click()
    assert wanted.args == [row.line.page]


def test_a_scan_of_another_repository_of_the_model_is_said_too(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    bad = {"path": "Llama-3.1-8B-Instruct-Q8_0.gguf", "level": "suspicious"}
    hub.repositories[OTHER].scan = {"scansDone": True, "filesWithIssues": [bad]}
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    qtbot.waitUntil(page.detail.danger.isVisible)
    assert f"{OTHER}/{bad['path']} (suspicious)" in page.detail.danger.label.text()


@pytest.mark.parametrize(("done", "words"), [(True, "Scanned"), (False, "Not scanned yet")])
def test_the_state_of_scans_is_a_fact(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot, done: bool, words: str
) -> None:
    hub.repositories[OTHER].scan = {"scansDone": done, "filesWithIssues": []}
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(
        lambda: (
            page.view.subject is not None
            and words in [fact.text for fact in page.view.subject.facts()]
        )
    )


# Speed


def test_no_speed_is_claimed_before_one_was_measured(
    page: DiscoverPage, qtbot: QtBot, context: AppContext
) -> None:
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    assert not page.detail.speed.isVisible()
    file = Path("/nowhere/a.gguf")
    measured = LocalModel(id="a", name="a", path=file, files=(file,), size=2 * GB)
    usage = Usage(completion_tokens=100, tokens_per_second=25.0)
    context.speeds.learn(measured, usage, on_gpu=False)
    page.activated()
    assert page.detail.speed.isVisible()
    assert page.detail.speed.text() == "About 10 tokens/s here"
    tip = page.detail.table.rows()[0].tip_at(page.detail.table.rows()[0].width() - 200)
    assert tip.endswith("About 10 tokens/s here.")


@pytest.mark.parametrize(
    ("speed", "words"),
    [
        (None, ""),
        (0.31, "About 0.3 tokens/s here."),
        (1.2, "About 1 token/s here."),
        (12.3, "About 12 tokens/s here."),
        (118.0, "About 120 tokens/s here."),
    ],
)
def test_a_speed_in_words(speed: float | None, words: str) -> None:
    assert speed_words(speed) == words


# Comparing


def test_three_models_side_by_side(page: DiscoverPage, qtbot: QtBot) -> None:
    page.activated()
    bar = page.browser.compare
    assert not bar.isVisible()
    for key in ("llama-3.1-8b-instruct", "qwen3-8b"):
        page.browser.list.choose(key)
        page.detail.compare.click()
    assert bar.isVisible()
    assert page.detail.compare.isChecked()
    bar.button.click()
    overlay = page.window().findChildren(CompareOverlay)[-1]
    rows = dict(overlay.rows)
    assert rows["Variant"] == ["Q4_K_M", "Q4_K_M"]
    assert rows["Parameters"] == ["8.0 B", "8.2 B"]
    assert rows["Context"] == ["131,072", "40,960"]
    assert rows["Licence"] == ["Llama 3.1 licence", "Apache 2.0"]
    assert rows["Size"][0] == "4.9 GB"
    assert all(text.endswith("GB") for text in rows["Memory at 8K"])
    assert "Speed" not in rows  # nothing was measured
    overlay.buttons[0].click()
    assert page.view.subject is not None
    assert page.view.subject.title == "Llama 3.1 8B Instruct"
    assert page.detail.compare.isChecked()
    page.detail.compare.click()
    assert bar.words.text() == "Qwen3 8B with one more"
    bar.cleared.emit()
    assert not bar.isVisible()


def test_the_third_model_opens_the_comparison_and_a_fourth_takes_the_place_of_the_first(
    page: DiscoverPage, qtbot: QtBot
) -> None:
    page.activated()
    keys = ("llama-3.2-1b-instruct", "llama-3.2-3b-instruct", "llama-3.1-8b-instruct", "qwen3-8b")
    for key in keys:
        page.browser.list.choose(key)
        page.detail.compare.click()
    overlays = page.window().findChildren(CompareOverlay)
    assert len(overlays) == 2
    assert [len(values) for _, values in overlays[-1].rows] == [3] * len(overlays[-1].rows)
    assert "Llama 3.2 1B Instruct" not in page.browser.compare.words.text()
    for overlay in overlays:
        overlay.dismiss()


# What was seen


def test_a_model_seen_before_is_there_when_the_hub_is_not(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot, context: AppContext
) -> None:
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(lambda: page.view.known_now is not None and page.view.known_now.card == "")
    qtbot.waitUntil(lambda: context.seen.model(OTHER).facts is not None)  # type: ignore[union-attr]  # it was kept
    page.view.known.clear()
    hub.fault("/revision/main", status=503)
    page.open_with({"entry": "qwen3-8b"})
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(page.detail.strip.isVisible)
    words = page.detail.strip.label.text()
    assert "out of order" in words
    assert words.endswith("What is below was seen just now.")
    assert {row.line.label for row in page.detail.table.rows()} == {"Q4_K_M", "Q8_0"}
    assert page.detail.main_button.isEnabled()
    assert page.detail.architecture.isVisible()


def test_the_hubs_list_and_models_seen_before_are_there_offline(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot, context: AppContext
) -> None:
    page.activated()
    search_hub(page, qtbot, "Llama-3.1-8B")
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(lambda: OTHER in page.view.known)
    qtbot.waitUntil(lambda: context.seen.model(OTHER) is not None)
    page.browser.head.search_for("Qwen3-8B")
    qtbot.waitUntil(lambda: [row.title for row in rows_of(page)] == ["Qwen3 8B"])
    qtbot.waitUntil(lambda: not context.worker._tasks)  # nothing is asked any more
    go_offline(context)
    page.view.known.clear()
    hub.log.clear()
    page.browser.head.search_for("Llama-3.1-8B")
    qtbot.waitUntil(lambda: [row.title for row in rows_of(page)] == ["Llama 3.1 8B Instruct"])
    strip = page.browser.strip
    assert strip.label.text() == "Corral is offline. This list is from just now."
    assert not strip.action.isVisible()
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(lambda: OTHER in page.view.known)
    assert page.detail.offline.label.text() == "Corral is offline. This was seen just now."
    assert not page.detail.main_button.isEnabled()
    page.browser.head.search_for("llama instruct")  # never asked for, but seen
    qtbot.waitUntil(lambda: [row.title for row in rows_of(page)] == ["Llama 3.1 8B Instruct"])
    page.browser.head.search_for("never asked for")
    qtbot.waitUntil(lambda: page.browser._empty.isVisible())
    assert page.browser._empty.title.text() == "Corral is offline"
    assert hub.log.entries() == []
    go_offline(context, on=False)
    page.browser.head.search_for("Llama-3.1-8B")
    qtbot.waitUntil(lambda: bool(rows_of(page)) and not strip.isVisible())


def test_offline_the_shipped_list_stands_in_for_what_was_never_seen(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot, context: AppContext
) -> None:
    go_offline(context)
    page.activated()
    assert page.browser.age.text() == "List of 23 Nov 2026"
    page.open_with({"repo": "nobody/Unknown-GGUF"})
    qtbot.waitUntil(lambda: page.detail._stack.currentWidget() is page.detail._failure)
    assert page.detail.offline.isHidden(), "the card says it"
    (card,) = page.detail._failure.findChildren(ErrorCard)
    assert [button.text() for button in card.buttons] == ["Open settings"]
    with qtbot.waitSignal(page.open_page) as asked:
        card.buttons[0].click()
    assert asked.args == ["settings", {"section": "network"}]
    page.open_with({"repo": MLX})  # the list has the model, in another repository
    qtbot.waitUntil(lambda: page.detail._title.text() == "Llama 3.1 8B Instruct")
    assert page.detail.offline.label.text().endswith("the list that ships with it, of 23 Nov 2026.")
    assert hub.log.entries() == []


def test_a_name_that_is_being_typed_is_searched_for(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    page.activated()
    head = page.browser.head
    search_hub(page, qtbot)
    head.search.setText("bartowski/Meta-Lla")
    qtbot.waitUntil(lambda: head.current().text == "bartowski/Meta-Lla")
    qtbot.waitUntil(lambda: not page.browser.hub_list.is_busy)
    assert LLAMA in {repo for row in rows_of(page) for repo in row.repos}
    assert page.detail._stack.currentWidget() is not page.detail._failure
    head.search.setText(LLAMA.lower())
    qtbot.waitUntil(lambda: bool(page.view.subject and page.view.subject.repo == LLAMA))
    head.search.setText("nobody/Unknown")
    qtbot.waitUntil(lambda: head.current().text == "nobody/Unknown")
    qtbot.waitUntil(lambda: not page.browser.hub_list.is_busy)
    assert page.browser._empty.isVisible()
    head.search.returnPressed.emit()
    qtbot.waitUntil(lambda: page.detail._stack.currentWidget() is page.detail._failure)


def test_a_repository_without_models_has_no_heading_for_them(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    hub.add("maker/Nothing", {"README.md": b"hello"})
    page.activated()
    page.open_with({"repo": "maker/Nothing"})
    qtbot.waitUntil(lambda: "holds no GGUF" in page.detail.strip.label.text())
    assert not page.detail.strip.action.isVisible(), "asking again brings no model"
    assert not page.detail._variants_head.isVisible()
    assert not page.detail.table.isVisible()


def test_an_old_list_can_be_asked_for_again(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    page.activated()
    search_hub(page, qtbot, "Llama-3.1-8B")
    page.browser.head.search_for("Qwen3-8B")
    qtbot.waitUntil(lambda: [row.title for row in rows_of(page)] == ["Qwen3 8B"])
    fault = hub.fault("/api/models", status=503, times=1)
    page.browser.head.search_for("Llama-3.1-8B")
    strip = page.browser.strip
    qtbot.waitUntil(strip.isVisible)
    assert "out of order" in strip.label.text()
    assert [row.title for row in rows_of(page)] == ["Llama 3.1 8B Instruct"]
    assert fault is not None
    strip.action.click()
    qtbot.waitUntil(lambda: not strip.isVisible() and not page.browser.hub_list.is_busy)
    assert [row.title for row in rows_of(page)] == ["Llama 3.1 8B Instruct"]


def test_a_repository_that_is_gone_is_not_shown_as_it_was(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    page.open_with({"repo": OTHER})
    qtbot.waitUntil(lambda: OTHER in page.view.known)
    del hub.repositories[OTHER]
    page.view.known.clear()
    page.open_with({"entry": "qwen3-8b"})
    page.open_with({"repo": OTHER})
    detail = page.detail
    qtbot.waitUntil(lambda: detail._stack.currentWidget() is detail._failure)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "just now"),
        (90, "1 minute ago"),
        (3 * 3600, "3 hours ago"),
        (86_400, "1 day ago"),
        (3.9 * 86_400, "3 days ago"),
        (-50, "just now"),
    ],
)
def test_ages_in_words(seconds: float, words: str) -> None:
    assert ago(1_000_000.0 - seconds, now=1_000_000.0) == words
