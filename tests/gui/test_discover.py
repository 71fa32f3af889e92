"""Discover: the shipped list, the hub's list, one model, its variants, downloads from here."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from app.core.catalogue import Catalogue, CatalogueEntry
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.hub import HubModel
from app.core.hub_reference import Reference
from app.core.library import LocalModel
from app.core.memory import Fit
from app.core.variants import RepoFile, group_variants
from app.gui import discover_rows, variants_lines
from app.gui.context import AppContext
from app.gui.controls.labels import Label
from app.gui.discover_filter import DiscoverFilter
from app.gui.discover_fit import FitCheck, ModelShape, parameters_in_name
from app.gui.discover_list import DiscoverListModel
from app.gui.discover_page import DiscoverPage
from app.gui.discover_rows import SKELETONS, GroupRow, ModelRow
from app.gui.icons import Icons
from app.gui.question import Question
from app.gui.variants_row import columns
from app.gui.variants_table import VariantsTable
from tests.core.broken_gguf import tiny_model
from tests.gui.discover_desk import (
    CHECK,
    GB,
    LLAMA,
    MEMORY,
    Show,
    go_offline,
    open_discover,
    rows_of,
)
from tests.hub.samples import add_samples
from tests.hub.server import LocalHub

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("english")]

WAIT = 60_000
"""Milliseconds that a slow machine gets."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def page(
    context: AppContext, show: Show, monkeypatch: pytest.MonkeyPatch, hub: LocalHub
) -> DiscoverPage:
    return open_discover(context, show, monkeypatch)


@pytest.fixture
def samples(hub: LocalHub) -> LocalHub:
    add_samples(hub, None)
    return hub


def entry(entry_id: str) -> CatalogueEntry:
    found = Catalogue().get(entry_id)
    assert found is not None
    return found


def local(repo: str, file: str) -> LocalModel:
    path = Path("/models") / repo / file
    return LocalModel(id=f"{repo}/{file}", name="x", path=path, files=(path,), size=1, repo=repo)


# The shipped list


def test_suggestions_stand_under_their_families() -> None:
    listing = discover_rows.suggested(Catalogue().entries(), DiscoverFilter(), CHECK, ())
    titles = [row.title for row in listing.rows if isinstance(row, GroupRow)]
    assert titles[:3] == ["Llama", "Qwen", "Gemma"]
    assert len(titles) == len(set(titles))
    models = [row for row in listing.rows if isinstance(row, ModelRow)]
    assert listing.shown == len(models)
    assert listing.shown + listing.too_large == len(Catalogue().entries())
    assert all(row.fit is not Fit.TOO_LARGE for row in models)


def test_what_is_on_disk_is_shown_whatever_its_size() -> None:
    big = entry("llama-3.3-70b-instruct")
    here = local(big.gguf_repo, "a.gguf")
    listing = discover_rows.suggested(Catalogue().entries(), DiscoverFilter(), CHECK, [here])
    row = next(row for row in listing.rows if isinstance(row, ModelRow) and row.key == big.id)
    assert row.on_disk
    assert row.fit is Fit.TOO_LARGE


def test_filters_are_all_required() -> None:
    wanted = DiscoverFilter(capabilities=frozenset({"tools", "reasoning"}), fits=False)
    listing = discover_rows.suggested(Catalogue().entries(), wanted, CHECK, ())
    for row in listing.rows:
        if isinstance(row, ModelRow):
            assert {"tools", "reasoning"} <= set(row.marks)
    text = DiscoverFilter(text="qwen coder 7b")
    found = discover_rows.suggested(Catalogue().entries(), text, CHECK, ())
    assert [r.key for r in found.rows if isinstance(r, ModelRow)] == ["qwen2.5-coder-7b-instruct"]


def test_rows_of_the_hub_tell_what_tags_and_names_tell() -> None:
    model = HubModel(
        repo="maker/Coder-70B-GGUF",
        author="maker",
        downloads=5_200_000,
        tags=("gguf", "reasoning"),
        pipeline="image-text-to-text",
        gated="auto",
    )
    nameless = HubModel(repo="maker/Thing-GGUF", author="maker")
    everything = DiscoverFilter(scope="hub", fits=False)
    first, second = discover_rows.from_hub([model, nameless], everything, CHECK, ()).rows
    assert isinstance(first, ModelRow)
    assert isinstance(second, ModelRow)
    assert first.subtitle == "maker · 5.2 M downloads"
    assert first.marks == ("reasoning", "vision", "code", "gated")
    assert first.fit is Fit.TOO_LARGE
    assert second.fit is None
    left = discover_rows.from_hub([model, nameless], DiscoverFilter(scope="hub"), CHECK, ())
    assert (left.shown, left.too_large) == (1, 1)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Llama-3.2-3B-Instruct-GGUF", 3_000_000_000),
        ("SmolLM2-135M-Instruct", 135_000_000),
        ("Qwen2.5-1.5B", 1_500_000_000),
        ("Qwen3-30B-A3B", 30_000_000_000),
        ("phi-4", None),
        ("v2b3-thing", None),
    ],
)
def test_parameters_in_a_name(name: str, parameters: int | None) -> None:
    assert parameters_in_name(name) == parameters


def test_a_longer_context_needs_more() -> None:
    shape = ModelShape(8_000_000_000, 131_072)
    short = FitCheck(MEMORY, 8192).of_size(5 * GB, shape)
    long = FitCheck(MEMORY, 32_768).of_size(5 * GB, shape)
    assert long.need - short.need == 131_072 * (32_768 - 8192)
    assert short.fit is Fit.FITS


def test_item_model(qtmodeltester: ModelTester) -> None:
    model = DiscoverListModel()
    qtmodeltester.check(model)
    listing = discover_rows.suggested(Catalogue().entries(), DiscoverFilter(), CHECK, ())
    model.set_rows(listing.rows)
    qtmodeltester.check(model)
    model.set_rows((*listing.rows[:5], *SKELETONS))
    qtmodeltester.check(model)


def test_rows_in_common_stay_in_place(qtbot: QtBot) -> None:
    model = DiscoverListModel()
    listing = discover_rows.suggested(Catalogue().entries(), DiscoverFilter(), CHECK, ())
    model.set_rows(listing.rows[:6])
    with qtbot.assertNotEmitted(model.rowsRemoved), qtbot.waitSignal(model.rowsInserted) as added:
        model.set_rows(listing.rows)
    assert added.args is not None
    assert added.args[1:] == [6, len(listing.rows) - 1]
    group, first = model.index(0), model.index(1)
    assert not group.flags() & Qt.ItemFlag.ItemIsSelectable
    assert first.flags() & Qt.ItemFlag.ItemIsSelectable
    words = first.data(Qt.ItemDataRole.AccessibleTextRole)
    assert words == "Llama 3.2 1B Instruct, 1B · 128K context, Fits"


# Variants


def files(**sizes: float) -> tuple[RepoFile, ...]:
    return tuple(
        RepoFile(f"model-{label}.gguf", int(size * GB), "a" * 64) for label, size in sizes.items()
    )


def lines_of(**sizes: float) -> tuple[variants_lines.VariantLine, ...]:
    return variants_lines.of_detail(
        "a/b",
        group_variants("a/b", files(**sizes)),
        CHECK,
        ModelShape(8_000_000_000),
        mlx_usable=False,
        why_not="not here",
    )


def test_lines_of_the_shipped_list_mark_what_is_not_exact() -> None:
    lines = variants_lines.of_entry(entry("qwen3-8b"), CHECK)
    assert [line.label for line in lines] == ["Q4_K_M", "Q5_0", "Q5_K_M", "Q6_K"]
    assert [line.about for line in lines] == [False, True, True, True]
    assert [line.recommended for line in lines] == [True, False, False, False]
    assert all(line.judged for line in lines)


def test_one_variant_is_recommended() -> None:
    lines = lines_of(Q3_K_M=4, Q4_K_M=4.9, Q8_0=8.5, F16=16.1)
    assert [line.label for line in lines if line.recommended] == ["Q4_K_M"]
    judged = {line.label: line.judged.fit for line in lines if line.judged}
    assert judged["F16"] is Fit.TOO_LARGE
    assert not any(line.recommended for line in lines_of(Q8_0=40, F16=80))


def test_lines_know_what_is_here_or_on_its_way() -> None:
    lines = lines_of(Q3_K_M=4, Q4_K_M=5, Q8_0=8)
    item = DownloadItem(
        id="1",
        request=DownloadRequest("a/b", "main", "b", "Q4_K_M", (files(Q4_K_M=5)[0],)),
        state="running",
        done=2 * GB,
        total=5 * GB,
        target=Path("/models/a/b"),
        added=1.0,
        eta=60.0,
    )
    here = local("a/b", "model-Q3_K_M.gguf")
    shown = variants_lines.with_states(lines, [item], [here], lambda _, file: "Q8_0" in file)
    assert [line.state for line in shown] == ["here", "running", "asking"]
    assert shown[1].fraction == 0.4
    assert shown[1].item_id == "1"


def test_a_long_list_is_cut_to_what_most_people_choose() -> None:
    sizes = {"Q2_K": 3, "IQ3_M": 3.5, "Q3_K_S": 3.6, "Q3_K_M": 4, "Q4_K_S": 4.6, "Q4_K_M": 4.9}
    lines = lines_of(**sizes, Q5_K_S=5.5, Q5_K_M=5.7, Q6_K=6.6, Q8_0=8.5)
    short = variants_lines.shortened(lines)
    assert [line.label for line in short] == ["Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"]
    assert variants_lines.shortened(lines[:4]) == lines[:4]


@pytest.mark.parametrize("width", [500, 560, 700, 856, 1200])
def test_columns_never_overlap(width: int) -> None:
    cells = columns(width)
    places = [cells.label, cells.quality, cells.size, cells.bar, cells.need, cells.fit]
    shown = [place for place in places if place.width()]
    for left, right in pairwise(shown):
        overlap = left.right() - right.left()
        assert overlap <= 24, (left, right)  # right-aligned figures may reach back
    assert cells.fit.left() - cells.need.right() >= 16  # the heads "Memory" and "Fit" meet here
    assert cells.label.left() >= 0
    assert cells.fit.right() < width


def test_the_table_chooses_the_recommended_one_until_the_person_does(
    icons: Icons, show: Show, qtbot: QtBot
) -> None:
    table = VariantsTable(icons)
    table.resize(856, 400)
    show(table)
    lines = lines_of(Q3_K_M=4, Q4_K_M=4.9, F16=16.1)
    table.set_lines(lines)
    chosen = table.chosen_line()
    assert chosen is not None
    assert chosen.label == "Q4_K_M"
    rows = table.rows()
    with qtbot.waitSignal(table.chosen):
        rows[0].click()
    table.set_lines(lines)
    chosen = table.chosen_line()
    assert chosen is not None
    assert chosen.label == "Q3_K_M"
    assert table.rows() == rows
    with qtbot.waitSignal(table.download) as asked:
        rows[2].action.quiet.click()
    assert asked.args is not None
    assert asked.args[0].label == "F16"
    assert "12.0 GB" in rows[2].tip_at(rows[2].width() - 200)
    assert rows[2].accessibleName() == "F16, The original, 16.1 GB, Too large"


def test_another_recommendation_is_chosen_as_long_as_the_person_chose_none(
    icons: Icons, show: Show
) -> None:
    table = VariantsTable(icons)
    table.resize(856, 400)
    show(table)
    lines = lines_of(Q4_K_M=0.8, Q8_0=1.4)
    first = tuple(replace(line, recommended=line.label == "Q4_K_M") for line in lines)
    then = tuple(replace(line, recommended=line.label == "Q8_0") for line in lines)

    def chosen() -> str:
        line = table.chosen_line()
        return line.label if line else ""

    table.set_lines(first)
    assert chosen() == "Q4_K_M"
    table.set_lines(then)
    assert chosen() == "Q8_0"
    assert table.choose("Q4_K_M")
    table.set_lines(then)
    assert chosen() == "Q4_K_M"
    table.set_lines(then, start_over=True)
    assert chosen() == "Q8_0"


def test_every_state_of_the_action(icons: Icons, show: Show, qtbot: QtBot) -> None:
    table = VariantsTable(icons)
    show(table)
    line = lines_of(Q4_K_M=4.9)[0]
    table.set_lines([line])
    action = table.rows()[0].action
    qtbot.waitUntil(action.button.isVisible)
    table.set_lines([replace(line, state="running", fraction=0.42, eta=66.0, item_id="7")])
    assert action.progress.isVisible()
    assert action.progress.accessibleName() == "42% 1 min"
    with qtbot.waitSignal(table.pause) as paused:
        action.pause_button.click()
    assert paused.args == ["7"]
    table.set_lines([replace(line, state="paused", fraction=0.18, item_id="7")])
    assert action.button.text() == "Resume, 18%"
    with qtbot.waitSignal(table.resume):
        action.button.click()
    table.set_lines([replace(line, state="failed", problem="The disk is full", item_id="7")])
    assert action.button.text() == "Retry"
    assert action.button.toolTip() == "The disk is full"
    table.set_lines([replace(line, state="here")])
    assert action.word.text() == "On this computer"
    assert not action.button.isVisible()


def test_the_keyboard_stays_with_the_line(icons: Icons, show: Show, qtbot: QtBot) -> None:
    table = VariantsTable(icons)
    show(table)
    qtbot.waitUntil(table.isActiveWindow)
    line = lines_of(Q4_K_M=4.9)[0]
    table.set_lines([line])
    row = table.rows()[0]
    qtbot.waitUntil(row.action.button.isVisible)
    QTest.mouseClick(row.action.button, Qt.MouseButton.LeftButton)
    table.set_lines([replace(line, state="asking")])
    assert row.hasFocus()
    row.action.pause_button.setFocus()
    table.set_lines([replace(line, state="running", item_id="7")])
    row.action.pause_button.setFocus()
    table.set_lines([replace(line, state="paused", item_id="7")])
    assert row.action.button.hasFocus()
    assert not row.action.button.has_ring()


# The page, with a hub


def test_a_suggestion_becomes_exact_when_the_hub_answers(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    table = page.detail.table
    assert [row.line.label for row in table.rows()] == ["Q4_K_M"]
    qtbot.waitUntil(lambda: len(table.rows()) > 4, timeout=WAIT)
    assert not any(row.line.about for row in table.rows())
    assert page.detail.main_button.text() == "Download 4.9 GB"
    qtbot.waitUntil(page.detail.card.text.isVisible, timeout=WAIT)
    assert page.detail.card.read_all.isVisible()
    pictures = [each for each in samples.log.entries() if each.path.endswith(".png")]
    assert pictures == []
    known = page.view.known[LLAMA]
    qtbot.waitUntil(lambda: known.header is not None, timeout=WAIT)
    assert known.header is not None
    assert known.header.block_count == 32


def test_the_first_visit_shows_the_first_suggestion(page: DiscoverPage, samples: LocalHub) -> None:
    page.activated()
    row = page.browser.list.current_row()
    assert row is not None
    assert row.key == "llama-3.2-1b-instruct"
    assert page.browser.footer.text().endswith("hidden as too large")


def test_a_longer_context_changes_the_verdicts(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    before = page.detail.table.rows()[0].line.judged
    page.detail.context_chosen.emit(131_072)
    after = page.detail.table.rows()[0].line.judged
    assert before is not None
    assert after is not None
    assert after.need > before.need
    assert after.fit is Fit.TOO_LARGE
    assert page.detail.context.text() == "131,072 tokens"


def test_typing_asks_the_hub_once(page: DiscoverPage, samples: LocalHub, qtbot: QtBot) -> None:
    page.activated()
    page.browser.head.scope.set_current(1)
    page.browser.head.scope.chosen.emit(1)
    qtbot.waitUntil(lambda: len(rows_of(page)) > 5, timeout=WAIT)
    samples.log.clear()
    qtbot.keyClicks(page.browser.head.search, "nomic")
    name = entry("nomic-embed-text-v1.5").name
    qtbot.waitUntil(lambda: [r.title for r in rows_of(page)] == [name])
    asked = [each for each in samples.log.entries(path="/api/models") if "search" in each.query]
    assert [each.query["search"] for each in asked] == [["nomic"]]


def test_scrolling_fetches_page_after_page(page: DiscoverPage, hub: LocalHub, qtbot: QtBot) -> None:
    for number in range(75):
        hub.add(f"maker/Model-{number:02}-1B-GGUF", {"a-Q4_K_M.gguf": b"x"}, tags=["gguf"])
    page.browser.open_text("Model")
    qtbot.waitUntil(lambda: len(rows_of(page)) >= 30, timeout=WAIT)
    bar = page.browser.list.verticalScrollBar()

    def scrolled_to_the_end() -> bool:
        bar.setValue(bar.maximum())
        return len(rows_of(page)) == 75

    qtbot.waitUntil(scrolled_to_the_end, timeout=WAIT)
    assert page.browser.footer.text() == "75 models"
    assert len(hub.log.entries(path="/api/models")) == 3


def test_a_pasted_address_goes_straight_to_the_model(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    page.activated()
    address = "https://huggingface.co/Qwen/Qwen3-8B-GGUF/blob/main/Qwen3-8B-Q2_K.gguf"
    page.browser.head.search.setText(address)
    qtbot.waitUntil(lambda: "Qwen/Qwen3-8B-GGUF" in page.view.known, timeout=WAIT)
    assert [row.title for row in rows_of(page)] == ["Qwen3 8B"]
    assert page.detail.main_button.isVisible()
    line = page.detail.table.chosen_line()
    assert line is not None
    assert line.label == "Q2_K"


def test_a_named_quantization_is_chosen(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    page.browser.head.search.setText(f"{LLAMA}:Q8_0")
    qtbot.waitUntil(lambda: LLAMA in page.view.known, timeout=WAIT)
    line = page.detail.table.chosen_line()
    assert line is not None
    assert line.label == "Q8_0"


def test_a_named_revision_is_not_taken_for_the_newest(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    sha = samples.repositories[LLAMA].sha
    page.browser.reference_given.emit(Reference(LLAMA, revision=sha))
    qtbot.waitUntil(lambda: LLAMA in page.view.known, timeout=WAIT)
    page.browser.list.choose("qwen3-8b")
    page.open_with({"repo": LLAMA})
    newest = f"{LLAMA}/revision/main"
    qtbot.waitUntil(lambda: bool(samples.log.entries(path=newest)), timeout=WAIT)


def test_a_name_that_does_not_exist_is_said_and_can_be_tried_again(
    page: DiscoverPage, hub: LocalHub, qtbot: QtBot
) -> None:
    page.open_with({"repo": "nobody/nothing"})
    detail = page.detail
    qtbot.waitUntil(lambda: detail._stack.currentWidget() is detail._failure, timeout=WAIT)
    assert not detail.main_button.isVisible()
    hub.add("nobody/nothing", {"a-Q4_K_M.gguf": b"x" * 99})
    detail.retry.emit()
    qtbot.waitUntil(lambda: len(detail.table.rows()) == 1, timeout=WAIT)
    assert detail.card.text.isHidden()


def test_a_hub_out_of_order_leaves_the_shipped_list(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    samples.fault("/revision/main", status=503, times=1)
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    strip = page.detail.strip
    qtbot.waitUntil(strip.isVisible, timeout=WAIT)
    assert "out of order" in strip.label.text()
    assert "shipped list" in strip.label.text()
    assert page.detail.main_button.isEnabled()
    strip.action.click()
    qtbot.waitUntil(lambda: LLAMA in page.view.known, timeout=WAIT)
    assert not strip.isVisible()


def test_a_hub_that_asks_for_a_pause_says_for_how_long(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    samples.fault("/revision/main", status=429, headers={"Retry-After": "30"})
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    qtbot.waitUntil(page.detail.strip.isVisible, timeout=WAIT)
    words = page.detail.strip.label.text()
    assert "too many requests" in words
    assert "Try again in 30 seconds. The variants below" in words


def test_the_button_of_the_model_before_cannot_be_pressed(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    qtbot.waitUntil(lambda: LLAMA in page.view.known, timeout=WAIT)
    detail, other = page.detail, "Qwen/Qwen3-8B-GGUF"
    assert detail.main_button.isEnabled()
    page.open_with({"repo": "maker/unknown"})
    assert not detail.main_button.isEnabled()
    assert not any(row.isEnabled() for row in detail.table.rows())
    page.open_with({"repo": other})
    qtbot.waitUntil(lambda: other in page.view.known, timeout=WAIT)
    assert detail.main_button.isEnabled()
    assert all(row.isEnabled() for row in detail.table.rows())


def test_a_failed_list_says_why_and_can_be_tried_again(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    samples.fault("/api/models", body=b"<html>log in</html>", times=1)
    page.browser.open_text("Llama")
    empty = page.browser._empty
    qtbot.waitUntil(empty.isVisible, timeout=WAIT)
    assert "cannot be read" in f"{empty.title.text()} {empty.sentence.text()}"
    assert not page.browser.strip.isVisible()
    assert empty.button.text() == "Try again"
    empty.button.click()
    qtbot.waitUntil(lambda: bool(rows_of(page)), timeout=WAIT)
    assert not empty.isVisible()


@pytest.mark.parametrize("list_first", [True, False])
def test_a_hub_out_of_reach_is_told_once(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot, list_first: bool
) -> None:
    samples.fault("/api/models", status=503)
    samples.fault("/revision/main", status=503)
    browser, detail, empty = page.browser, page.detail, page.browser._empty
    if not list_first:
        page.activated()
        browser.list.choose("llama-3.1-8b-instruct")
        qtbot.waitUntil(detail.strip.isVisible, timeout=WAIT)
    browser.open_text("Llama")
    qtbot.waitUntil(empty.isVisible, timeout=WAIT)
    if list_first:
        page.open_with({"entry": "llama-3.1-8b-instruct"})
        qtbot.waitUntil(lambda: page.view.refusal is not None, timeout=WAIT)
    assert "out of order" in f"{empty.title.text()} {empty.sentence.text()}"
    assert not browser.strip.isVisible()
    assert not detail.strip.isVisible()


def test_nothing_leaves_while_offline(
    page: DiscoverPage, samples: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    go_offline(context)
    page.activated()
    page.browser.list.choose("qwen3-8b")
    page.browser.head.scope.set_current(1)
    page.browser.head.scope.chosen.emit(1)
    qtbot.waitUntil(lambda: page.detail.card.note.isVisible(), timeout=WAIT)
    assert page.detail.offline.isVisible()
    assert not page.detail.main_button.isEnabled()
    assert "offline" in page.detail.main_button.toolTip()
    assert page.browser._empty.title.text() == "Corral is offline"
    with qtbot.waitSignal(page.open_page) as asked:
        page.browser._empty.button.click()
    assert asked.args is not None
    assert asked.args[0] == "settings"
    assert samples.log.entries() == []
    go_offline(context, on=False)
    qtbot.waitUntil(lambda: "Qwen/Qwen3-8B-GGUF" in page.view.known, timeout=WAIT)
    assert not page.detail.offline.isVisible()


def test_no_result_offers_the_hub_and_other_filters(
    page: DiscoverPage, samples: LocalHub, qtbot: QtBot
) -> None:
    page.activated()
    page.browser.head.search_for("nomic-embed-text-v1.5-GGUF")
    empty = page.browser._empty
    page.browser.head.search_for("gpt-oss zzz")
    assert "gpt-oss zzz" in empty.title.text()
    assert empty.button.text() == "Search the hub"
    empty.button.click()
    qtbot.waitUntil(lambda: empty.button.text() == "Clear the filters", timeout=WAIT)
    empty.button.click()
    qtbot.waitUntil(lambda: len(rows_of(page)) > 5, timeout=WAIT)
    assert not page.browser.head.is_filtering()


def test_a_download_takes_its_hashes_from_the_hub(
    page: DiscoverPage, samples: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    page.detail.main_button.click()  # before the hub has answered
    assert page.detail.main_button.text() == "Asking the hub…"
    qtbot.waitUntil(lambda: len(context.downloads.items()) == 1, timeout=WAIT)
    request = context.downloads.items()[0].request
    assert request.quantization == "Q4_K_M"
    assert request.revision == samples.repositories[LLAMA].sha
    assert all(file.sha256 and len(file.sha256) == 64 for file in request.files)
    assert all(file.sha256 != entry("llama-3.1-8b-instruct").sha256_start for file in request.files)


def test_too_large_asks_one_question(
    page: DiscoverPage, samples: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    page.activated()
    page.browser.list.choose("llama-3.1-8b-instruct")
    qtbot.waitUntil(lambda: len(page.detail.table.rows()) > 4, timeout=WAIT)
    line = next(row.line for row in page.detail.table.rows() if row.line.label == "F16")
    page.detail.download.emit(line)
    question = page.findChildren(Question)[-1]
    assert context.downloads.items() == ()
    question.dismiss()
    assert context.downloads.items() == ()
    page.detail.download.emit(line)
    next(iter(page.findChildren(Question)[-1].answers.values())).click()
    qtbot.waitUntil(lambda: len(context.downloads.items()) == 1, timeout=WAIT)


def test_what_is_on_a_drive_that_is_away_is_not_fetched_again_without_a_question(
    page: DiscoverPage, hub: LocalHub, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    hub.add("maker/Tiny-GGUF", {"Tiny-F32.gguf": tiny_model().data(), "README.md": b"# Tiny"})
    drive = tmp_path / "drive"
    drive.mkdir()
    context.library.own_folders.add(drive)
    path = drive / "maker" / "Tiny-GGUF" / "Tiny-F32.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(tiny_model().data())
    context.library.scan()
    drive.rename(tmp_path / "away")
    context.library.scan()
    page.open_with({"repo": "maker/Tiny-GGUF"})
    button = page.detail.main_button
    qtbot.waitUntil(button.isVisible, timeout=WAIT)
    button.click()
    question = page.findChildren(Question)[-1]
    assert any(str(path) in label.text() for label in question.findChildren(Label))
    question.dismiss()
    assert context.downloads.items() == ()
    button.click()
    next(iter(page.findChildren(Question)[-1].answers.values())).click()
    qtbot.waitUntil(lambda: len(context.downloads.items()) == 1, timeout=WAIT)


def test_from_download_to_chat(
    page: DiscoverPage, hub: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    hub.add("maker/Tiny-GGUF", {"Tiny-F32.gguf": tiny_model().data(), "README.md": b"# Tiny"})
    context.library.scan()
    context.downloads.start()
    page.open_with({"repo": "maker/Tiny-GGUF"})
    button = page.detail.main_button
    qtbot.waitUntil(button.isVisible, timeout=WAIT)
    button.click()
    qtbot.waitUntil(lambda: button.text() == "Chat", timeout=2 * WAIT)
    row = page.detail.table.rows()[0]
    assert row.action.word.text() == "On this computer"
    with qtbot.waitSignal(page.open_page) as asked:
        button.click()
    assert asked.args is not None
    assert asked.args[0] == "chat"
    model = context.library.get(asked.args[1]["model_id"])
    assert model.repo == "maker/Tiny-GGUF"
