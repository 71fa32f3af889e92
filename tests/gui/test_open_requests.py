"""Links and drops: what they name is said, and nothing happens before the person chooses."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFileOpenEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.core.handover import SHOW, Handover
from app.gui.application import Application
from app.gui.context import AppContext
from app.gui.inbox import Inbox
from app.gui.main_window import MainWindow
from app.gui.open_confirm import OpenConfirm
from tests.core.broken_gguf import tiny_model
from tests.hub.samples import gguf_start
from tests.hub.server import LocalHub

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("english")]

REPO = "maker/Thing-8B-GGUF"
FILE = "Thing-8B-Q4_K_M.gguf"
LINK = f"corral://model/{REPO}?file={FILE}"
Show = Callable[[QWidget], QWidget]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    start = gguf_start(
        {"parameters": 8e9, "kv_bytes_per_token": 131_072, "context_length": 8192, "name": "Thing"}
    )
    with LocalHub() as hub:
        files = {FILE: start, "Thing-8B-Q8_0.gguf": start + bytes(999)}
        hub.add(REPO, files, tags=["gguf", "license:apache-2.0"], downloads=52_000)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def window(context: AppContext, show: Show, hub: LocalHub) -> MainWindow:
    window = MainWindow(context)
    window.resize(1264, 840)
    show(window)
    return window


def panel_of(window: MainWindow) -> OpenConfirm:
    assert window.open_requests is not None
    panel = window.open_requests.panel
    assert panel is not None
    return panel


def values_of(window: MainWindow) -> dict[str, str]:
    return {name: label.text() for name, label in panel_of(window).values.items()}


def test_a_link_says_what_from_where_and_how_large(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, context: AppContext
) -> None:
    page = window.current_page
    window.ask_to_open(LINK)
    panel = panel_of(window)
    assert panel.cancel_button.hasFocus()
    assert values_of(window)["Model"] == REPO
    assert values_of(window)["From"] == hub.url.removeprefix("http://")
    qtbot.waitUntil(lambda: "kB" in values_of(window)["Size"])
    assert values_of(window)["File"] == FILE
    assert values_of(window)["Licence"] == "Apache 2.0"
    assert values_of(window)["Downloads"] == "52 K"
    assert panel.answers["download"].text().startswith("Download ")
    assert window.current_page is page
    assert context.downloads.items() == ()
    assert not [each for each in hub.log.entries() if each.path.endswith(".gguf")]
    panel.dismiss()
    assert window.open_requests is not None
    assert window.open_requests.panel is None
    assert context.downloads.items() == ()


def test_what_a_link_names_is_shown_when_the_person_says_so(
    window: MainWindow, qtbot: QtBot, context: AppContext
) -> None:
    window.ask_to_open(f"corral://model/{REPO}?file=Thing-8B-Q8_0.gguf")
    panel_of(window).answers["show"].click()
    page = window.current_page
    assert page is not None
    assert page.page_id == "discover"
    table = page.detail.table  # type: ignore[attr-defined]  # it is the page of Discover
    qtbot.waitUntil(lambda: table.chosen_line() is not None and table.chosen_line().label == "Q8_0")
    assert context.downloads.items() == ()


def test_a_download_begins_when_the_person_says_so(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, context: AppContext
) -> None:
    window.ask_to_open(LINK)
    panel = panel_of(window)
    qtbot.waitUntil(panel.answers["download"].isVisible)
    panel.answers["download"].click()
    qtbot.waitUntil(lambda: len(context.downloads.items()) == 1)
    request = context.downloads.items()[0].request
    assert (request.repo, request.files[0].path) == (REPO, FILE)
    assert request.revision == hub.repositories[REPO].sha
    assert request.title == "Thing 8B"
    qtbot.waitUntil(lambda: window.current_page is window.page("downloads"))


def test_a_file_that_scans_found_something_in_is_not_offered(
    window: MainWindow, hub: LocalHub, qtbot: QtBot
) -> None:
    bad = {"path": FILE, "level": "unsafe"}
    hub.repositories[REPO].scan = {"scansDone": True, "filesWithIssues": [bad]}
    window.ask_to_open(LINK)
    panel = panel_of(window)
    qtbot.waitUntil(panel.strip.isVisible)
    assert f"{FILE} (unsafe)" in panel.strip.label.text()
    assert not panel.answers["download"].isVisible()


@pytest.mark.parametrize(
    "link", ["corral://model/../x", "corral://model/a/b?file=../../x.gguf", "corral:run"]
)
def test_a_link_that_breaks_the_rules_asks_nothing(
    window: MainWindow, hub: LocalHub, link: str, context: AppContext
) -> None:
    window.ask_to_open(link)
    assert window.open_requests is not None
    assert window.open_requests.panel is None
    assert context.notifier.shown_toast() is not None
    assert hub.log.entries() == []


def test_a_hub_that_does_not_answer_is_said_and_can_be_asked_again(
    window: MainWindow, hub: LocalHub, qtbot: QtBot
) -> None:
    hub.fault("/revision/main", status=503, times=1)
    window.ask_to_open(LINK)
    panel = panel_of(window)
    qtbot.waitUntil(panel.strip.isVisible)
    assert "out of order" in panel.strip.label.text()
    assert not panel.answers["download"].isVisible()
    panel.strip.action.click()
    qtbot.waitUntil(panel.answers["download"].isVisible)
    assert not panel.strip.isVisible()


def test_a_file_that_the_repository_lacks_cannot_be_downloaded(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.ask_to_open(f"corral://model/{REPO}?file=other.gguf")
    panel = panel_of(window)
    qtbot.waitUntil(panel.strip.isVisible)
    assert not panel.strip.action.isVisible()
    assert not panel.answers["download"].isVisible()


def test_a_link_sends_nothing_while_offline(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, context: AppContext
) -> None:
    network = msgspec.structs.replace(context.settings.current.network, offline=True)
    context.settings.update(network=network)
    window.ask_to_open(LINK)
    panel = panel_of(window)
    qtbot.waitUntil(panel.strip.isVisible)
    assert "offline" in panel.strip.label.text()
    assert hub.log.entries() == []


def test_an_answer_that_comes_late_changes_no_other_panel(
    window: MainWindow, hub: LocalHub, qtbot: QtBot
) -> None:
    hub.add("maker/Other-1B-GGUF", {"Other-1B-Q4_K_M.gguf": bytes(2_000_000)}, tags=["gguf"])
    window.ask_to_open(LINK)
    window.ask_to_open("corral://model/maker/Other-1B-GGUF")
    qtbot.waitUntil(lambda: "MB" in values_of(window)["Size"])
    assert values_of(window)["Model"] == "maker/Other-1B-GGUF"
    assert values_of(window)["File"] == "Other-1B-Q4_K_M.gguf"


# Dropping


def drop(window: MainWindow, data: QMimeData) -> bool:
    """Whether it is welcome; then it is dropped."""
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    place = QPointF(600, 400)
    entering = QDragEnterEvent(place.toPoint(), Qt.DropAction.CopyAction, data, buttons, keys)
    entering.ignore()
    QApplication.sendEvent(window, entering)
    if entering.isAccepted():
        event = QDropEvent(place, Qt.DropAction.CopyAction, data, buttons, keys)
        QApplication.sendEvent(window, event)
    return entering.isAccepted()


def with_urls(*urls: QUrl) -> QMimeData:
    data = QMimeData()
    data.setUrls(list(urls))
    return data


def test_a_model_file_dropped_on_the_window_is_used_where_it_lies(
    window: MainWindow, qtbot: QtBot, context: AppContext, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere" / "Tiny-F32.gguf"
    path.parent.mkdir()
    path.write_bytes(tiny_model().data())
    assert drop(window, with_urls(QUrl.fromLocalFile(str(path))))
    panel = panel_of(window)
    qtbot.waitUntil(panel.answers["use"].isEnabled)
    assert values_of(window)["File"] == "Tiny-F32.gguf"
    assert values_of(window)["From"] == str(path.parent)
    assert context.library.models() == ()
    panel.answers["use"].click()
    qtbot.waitUntil(lambda: path in [model.path for model in context.library.models()])
    qtbot.waitUntil(lambda: window.current_page is window.page("models"))
    assert path.exists()
    assert not (context.library.folder / path.name).exists()


def test_a_dropped_file_that_is_no_model_cannot_be_used(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "fake.gguf"
    path.write_bytes(b"<html>log in</html>")
    assert drop(window, with_urls(QUrl.fromLocalFile(str(path))))
    panel = panel_of(window)
    qtbot.waitUntil(panel.strip.isVisible)
    assert "not a GGUF model" in panel.strip.label.text()
    assert not panel.answers["use"].isEnabled()


def test_an_address_of_a_model_page_can_be_dropped(window: MainWindow, qtbot: QtBot) -> None:
    address = QUrl(f"https://huggingface.co/{REPO}/blob/main/{FILE}")
    assert drop(window, with_urls(address))
    assert values_of(window)["Model"] == REPO
    qtbot.waitUntil(lambda: values_of(window)["File"] == FILE)
    panel_of(window).dismiss()
    text = QMimeData()
    text.setText(f" https://huggingface.co/{REPO} ")
    assert drop(window, text)
    assert values_of(window)["Model"] == REPO


def test_an_address_of_another_website_is_refused_with_a_word(
    window: MainWindow, hub: LocalHub, context: AppContext, qtbot: QtBot
) -> None:
    asked = len(hub.log.entries())
    assert drop(window, with_urls(QUrl(f"https://github.com/{REPO}")))
    toast = context.notifier.shown_toast()
    assert toast is not None
    assert toast.accessibleName().startswith("github.com is no model hub")
    assert window.open_requests is not None
    assert window.open_requests.panel is None
    assert len(hub.log.entries()) == asked


def test_other_things_are_not_welcome(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"")
    assert not drop(window, with_urls(QUrl.fromLocalFile(str(tmp_path / "picture.png"))))
    text = QMimeData()
    text.setText("some words")
    assert not drop(window, text)
    assert window.open_requests is None


# From outside


def test_a_later_start_hands_its_link_over(
    qtbot: QtBot, corral_home: Path, context: AppContext
) -> None:
    running, later = Handover(context.paths), Handover(context.paths)
    assert running.claim()
    inbox = Inbox(running)
    inbox.begin()
    with qtbot.waitSignal(inbox.came) as came:
        assert not later.claim()
        assert later.pass_on([LINK])
    assert came.args == [LINK]
    with qtbot.waitSignal(inbox.show_asked):
        assert later.pass_on([SHOW])
    shutil.rmtree(running.folder)  # as somebody who empties the cache
    qtbot.waitUntil(running.folder.exists)
    with qtbot.waitSignal(inbox.came):
        assert later.pass_on([LINK])
    inbox.deleteLater()
    running.close()


def test_a_mac_tells_the_application_what_to_open(qapp: QApplication, qtbot: QtBot) -> None:
    seen: list[str] = []

    class Told:
        """Stands for the application, of which there can be only one in a process."""

        class opened:
            emit = staticmethod(seen.append)

    link, file = QFileOpenEvent(QUrl(LINK)), QFileOpenEvent("/models/a.gguf")
    assert Application.event(Told, link)  # type: ignore[arg-type]  # see above
    assert Application.event(Told, file)  # type: ignore[arg-type]  # see above
    assert seen == [LINK, "/models/a.gguf"]
    assert link.type() == QEvent.Type.FileOpen
