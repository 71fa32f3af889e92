"""The Downloads page: words for every state, rows, groups, and what can be done."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.core.download_state import DownloadItem, DownloadProblem, DownloadRequest, State
from app.core.transfer_wire import Trouble
from app.core.variants import RepoFile
from app.gui import downloads_words as words
from app.gui.context import AppContext
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.card import ScrollPage
from app.gui.downloads_group import DownloadGroup
from app.gui.downloads_page import DownloadsPage
from app.gui.downloads_row import DownloadRow
from app.gui.icons import Icons
from app.gui.question import Question
from tests.core.broken_gguf import tiny_model
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
def page(context: AppContext, show: Show, hub: LocalHub) -> DownloadsPage:
    context.downloads.start()
    page = DownloadsPage(context)
    page.resize(1264, 840)
    context.notifier.attach(page)
    show(page)
    page.activated()
    return page


def item(state: State, done: float = 0, total: float = 5.7, **more: object) -> DownloadItem:
    request = DownloadRequest(
        "a/b", "main", "Llama 3.1 8B", "Q5_K_M", (RepoFile("x.gguf", int(total * GB)),)
    )
    values = {"speed": 0.0, "eta": None, "verified": 0.0, "error": None, **more}
    return DownloadItem(
        id=f"{state}-{done}",
        request=request,
        state=state,
        done=int(done * GB),
        total=int(total * GB),
        target=Path("/models/a/b"),
        added=1_700_000_000.0,
        **values,  # type: ignore[arg-type]  # mixed values by name
    )


def request(hub: LocalHub, name: str, data: bytes) -> DownloadRequest:
    repository = hub.add(f"maker/{name}", {f"{name}.gguf": data})
    file = repository.files[f"{name}.gguf"]
    files = (RepoFile(file.path, file.size, sha256=file.sha256),)
    return DownloadRequest(repository.id, repository.sha, name, "F32", files)


# Words


def test_a_silent_download_says_what_is_wrong_and_invents_no_numbers() -> None:
    trouble = Trouble("The hub is out of order", "127.0.0.1", 503, 20)
    silent = item("running", 0.02, silent=9.0, trouble=trouble)
    said = words.words_for(silent)
    assert said.left == "127.0.0.1 does not answer (503); trying again in 20 s · 20 MB of 5.7 GB"
    assert said.right == ""
    assert words.can_try_now(silent)
    assert words.summary([silent]) == "Waiting for the server"
    assert "sent nothing for 9 s" in words.words_for(item("running", 1, silent=9.0)).left
    pause = Trouble("", "hub.example", 429, 0)
    said = words.words_for(item("running", 1, silent=9.0, trouble=pause))
    assert said.left.startswith("hub.example asks for a pause (429); trying again now")


def test_a_done_download_says_how_long_it_took_and_whether_it_is_here() -> None:
    done = item("done", 5.7, spent=252.4, ended=1_700_000_500.0)
    assert words.words_for(done).left == "5.7 GB · checked · took 4 min 12 s · finished 14 Nov 2023"
    gone = words.words_for(done, gone=True).left
    assert gone.startswith("5.7 GB · not on this computer any more")


def test_a_row_is_as_high_as_its_words_need(icons: Icons, show: Show, qtbot: QtBot) -> None:
    group = DownloadGroup(icons, "Now")
    row = DownloadRow(icons, item("running", 1))
    row.show_item(item("running", 1, speed=1e6, eta=5.0))
    group.set_rows(["a"], [row])
    page = ScrollPage(1200)
    page.column.addWidget(group)
    page.column.addStretch(1)
    page.resize(1000, 600)
    show(page)

    def settles(lines: int) -> None:
        qtbot.waitUntil(lambda: row._left.height() == 16 * lines, timeout=WAIT)
        card, layout = row.parentWidget(), row.layout()
        assert card is not None
        assert layout is not None

        def fits() -> bool:
            need = layout.totalHeightForWidth(row.width())
            return row.height() == need and need < card.height() < need + 8

        qtbot.waitUntil(fits, timeout=WAIT)

    settles(1)
    problem = DownloadProblem("The disk is filling up", "Only a little is free. " * 8)
    row.show_item(item("failed", 1, error=problem))
    settles(2)
    page.resize(620, 600)
    settles(4)
    page.resize(1000, 600)
    settles(2)
    row.show_item(item("running", 1, speed=1e6, eta=5.0))
    settles(1)


def test_words_of_a_running_download() -> None:
    said = words.words_for(item("running", 2.4, speed=38.4e6, eta=86.0))
    assert said == words.Words("42%", "2.4 of 5.7 GB · 38.4 MB/s", "1 min 26 s left")
    assert words.words_for(item("running")).left == "0 bytes of 5.7 GB · connecting"


def test_words_of_what_did_not_match_its_checksum() -> None:
    again = item("running", 2.4, speed=38.4e6, eta=86.0, again=True)
    assert words.words_for(again).left == (
        "Did not match what the hub promises; fetching once more · 2.4 of 5.7 GB · 38.4 MB/s"
    )
    done = words.words_for(item("done", 5.7, fetched_twice=True)).left
    assert "fetched twice, as it did not match what the hub promises at first" in done


def test_words_of_the_other_states() -> None:
    assert words.words_for(item("waiting")).left == "Starts next · 5.7 GB"
    assert words.words_for(item("waiting", 1.2), place=1).left == "Waiting · 1.2 of 5.7 GB"
    paused = words.words_for(item("paused", 1.2))
    assert (paused.percent, paused.left) == ("21%", "Paused by you · 1.2 of 5.7 GB kept")
    verifying = words.words_for(item("verifying", 5.7, verified=0.78))
    assert verifying.percent == "78%"
    assert verifying.left.startswith("Verifying")
    problem = DownloadProblem("The disk is full", "9.1 GB more needed. 5.2 GB kept.")
    failed = words.words_for(item("failed", 5.2, error=problem))
    assert failed.left == "The disk is full. 9.1 GB more needed. 5.2 GB kept."
    assert words.words_for(item("done", 5.7)).left.startswith("5.7 GB · checked · added ")


def test_the_summary_and_the_room_that_is_needed() -> None:
    items = [
        item("running", 2.4, speed=30e6, eta=86.0),
        item("running", 1, speed=8.4e6, eta=240.0),
        item("paused", 1.7),
        item("done", 5.7),
    ]
    assert words.summary(items) == "38.4 MB/s, about 4 min left"
    assert words.summary(items[2:]) == "1 waiting"
    assert words.summary(items[3:]) == ""
    assert words.still_needed(items) == int(3.3 * GB) + int(4.7 * GB) + 4 * GB
    line = words.disk_line(212 * GB, items)
    assert line == "212 GB free in the models folder. What is queued still needs 12.0 GB."
    nothing_queued = [items[3], item("failed", 1)]
    assert words.disk_line(212 * GB, nothing_queued) == "212 GB free in the models folder."


def test_groups_keep_the_order_of_the_queue() -> None:
    done = [item("done", number) for number in (1, 2)]
    groups = words.grouped([*done, item("waiting"), item("failed", 1), item("verifying", 1)])
    assert [len(groups[name]) for name in words.GROUPS] == [1, 1, 1, 2]
    assert groups["done"] == done[::-1]


# A row


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("running", {"pause_button", "cancel_button"}),
        ("verifying", {"cancel_button"}),
        ("waiting", {"pause_button", "cancel_button"}),
        ("paused", {"resume_button", "cancel_button"}),
        ("failed", {"retry_button", "cancel_button"}),
        ("done", {"chat_button", "folder_button", "remove_button"}),
    ],
)
def test_a_row_offers_what_its_state_allows(
    state: State, buttons: set[str], icons: Icons, show: Show
) -> None:
    each = item(state, 1)
    row = DownloadRow(icons, each)
    show(row)
    row.show_item(each, usable=True)
    names = {
        "pause_button", "resume_button", "retry_button", "chat_button", "folder_button",
        "cancel_button", "remove_button",
    }  # fmt: skip
    assert {name for name in names if getattr(row, name).isVisible()} == buttons
    assert all(getattr(row, name).accessibleName() or getattr(row, name).text() for name in names)


@pytest.mark.parametrize("ring", [False, True])
def test_the_keyboard_stays_with_the_row(
    icons: Icons, show: Show, qtbot: QtBot, ring: bool
) -> None:
    row = DownloadRow(icons, item("running", 1))
    elsewhere = QPushButton("Before")
    page = QWidget()
    column = QVBoxLayout(page)
    column.addWidget(elsewhere)
    column.addWidget(row)
    show(page)
    qtbot.waitUntil(page.isActiveWindow)
    row.show_item(item("running", 1))
    reason = Qt.FocusReason
    row.pause_button.setFocus(reason.TabFocusReason if ring else reason.MouseFocusReason)
    after: tuple[tuple[State, Button | IconButton], ...] = (
        ("paused", row.resume_button),
        ("running", row.pause_button),
        ("failed", row.retry_button),
        ("done", row.folder_button),
    )
    for state, button in after:
        row.show_item(item(state, 1))
        assert button.hasFocus()
        assert button.has_ring() is ring


# The page with real downloads


def test_empty_says_what_will_be_here(page: DownloadsPage, qtbot: QtBot) -> None:
    assert page._empty.isVisible()
    with qtbot.waitSignal(page.open_page) as asked:
        page._empty.button.click()
    assert asked.args == ["discover", None]
    qtbot.waitUntil(lambda: "free in the models folder" in page.disk.text(), timeout=WAIT)


def test_a_download_from_waiting_to_chat(
    page: DownloadsPage, hub: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    context.downloads.add(request(hub, "Tiny", tiny_model().data()))
    qtbot.waitUntil(lambda: page.groups["done"].isVisible(), timeout=2 * WAIT)
    row = next(iter(page._rows.values()))
    qtbot.waitUntil(row.chat_button.isVisible, timeout=WAIT)
    with qtbot.waitSignal(page.open_page) as asked:
        row.chat_button.click()
    assert asked.args is not None
    assert asked.args[0] == "chat"
    assert context.library.get(asked.args[1]["model_id"]).repo == "maker/Tiny"
    page.clear.click()
    qtbot.waitUntil(lambda: page._empty.isVisible(), timeout=WAIT)
    assert context.downloads.items() == ()
    assert context.library.models()


def test_pause_resume_and_cancel_with_a_question(
    page: DownloadsPage, hub: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    big = request(hub, "Big", b"x" * 8_000_000)
    hub.fault("Big.gguf", origin="cdn", rate=100_000)
    started = context.downloads.add(big)
    qtbot.waitUntil(lambda: started.id in page._rows, timeout=WAIT)
    row = page._rows[started.id]
    qtbot.waitUntil(lambda: row.item.state == "running" and row.item.done > 0, timeout=2 * WAIT)
    assert page.summary.text()
    qtbot.mouseClick(row.pause_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row.item.state == "paused", timeout=WAIT)
    assert row.resume_button.hasFocus()
    assert not row.resume_button.has_ring()
    assert page.groups["waiting"].isVisible()
    assert row.bar.isVisible()
    assert page.pause_all.text() == "Resume all"
    page.pause_all.click()
    qtbot.waitUntil(lambda: row.item.state in ("waiting", "running"), timeout=WAIT)
    row.cancel_button.click()
    question = page.findChildren(Question)[-1]
    question.dismiss()
    assert context.downloads.items()
    row.cancel_button.click()
    next(iter(page.findChildren(Question)[-1].answers.values())).click()
    qtbot.waitUntil(lambda: page._empty.isVisible(), timeout=WAIT)


def test_a_failure_stays_with_its_reason(
    page: DownloadsPage, hub: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    gone = request(hub, "Gone", b"x" * 5000)
    del hub.repositories["maker/Gone"]
    added = context.downloads.add(gone)
    qtbot.waitUntil(lambda: page.groups["help"].isVisible(), timeout=2 * WAIT)
    row = page._rows[added.id]
    assert row.retry_button.isVisible()
    assert row._left.property("role") == "danger"
    assert len(row._left.text()) > 20
    request(hub, "Gone", b"x" * 5000)
    row.retry_button.click()
    qtbot.waitUntil(lambda: page._rows[added.id].item.state != "failed", timeout=WAIT)
    qtbot.waitUntil(lambda: context.downloads.items()[0].state != "running", timeout=2 * WAIT)


def test_a_download_that_is_gone_is_told(
    page: DownloadsPage, context: AppContext, qtbot: QtBot
) -> None:
    page._try(context.downloads.pause, "no such id")
    toast = context.notifier.shown_toast()
    assert toast is not None
    assert "not in the list" in toast.label.text()


def test_the_question_before_a_cancellation_names_both_ways(
    page: DownloadsPage, context: AppContext
) -> None:
    half = item("running", 0.002)
    row = page._make_row(half)
    row.setParent(page)
    page._rows[half.id] = row
    page._cancel(half.id)
    question = page.findChildren(Question)[-1]
    assert question.cancel_button.text() == "Keep downloading"
    assert [each.text() for each in question.answers.values()] == ["Stop and delete 2 MB"]
    said = " ".join(label.text() for label in question.findChildren(QLabel))
    assert "Llama 3.1 8B Q5_K_M" in said
    assert "x.gguf" in said
    question.dismiss()
