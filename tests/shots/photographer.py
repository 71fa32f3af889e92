"""A run of the program that is photographed page by page; started by `packaging/shots.py`.

python -m tests.shots.photographer FOLDER THEME SCALE [first]
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import msgspec
from PySide6.QtCore import QLocale, QPoint
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QWidget

from app.__main__ import make_server
from app.core import other_programs
from app.core.conversation_store import ConversationStore
from app.core.download_state import DownloadRequest
from app.core.paths import AppPaths, app_paths
from app.core.settings import SettingsStore
from app.gui.application import Program
from app.gui.chat_page import ChatPage
from tests.hub.__main__ import starter_file
from tests.hub.samples import add_samples as add_repositories
from tests.hub.server import LocalHub
from tests.shots.sample_chats import Samples, add_samples
from tests.shots.sample_models import write_sample_models

SIZE = (1320, 840)
SMALL = (1024, 700)
LIMIT = 60.0
DOWNLOADS = (
    ("ggml-org/gemma-4-E4B-it-GGUF", "Q4_K_M"),
    ("unsloth/Qwen3-4B-Instruct-2507-GGUF", "Q4_K_M"),
    ("bartowski/Llama-3.2-1B-Instruct-GGUF", "Q4_K_M"),
    ("bartowski/Mistral-7B-Instruct-v0.3-GGUF", "Q5_K_M"),
    ("unsloth/Qwen3-0.6B-GGUF", "Q8_0"),
)


class Photographer:
    """Starts the program in a prepared home and photographs its pages."""

    def __init__(
        self, hub: LocalHub, folder: Path, theme: str, scale: float, *, first: bool
    ) -> None:
        """`first`: the home of somebody who has just installed the program."""
        self._hub = hub
        self._folder = folder
        self._theme = theme
        self._scale = scale
        self._first = first
        self._paths = app_paths()
        self._chats = prepare(self._paths, theme, first=first)
        QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
        self._app = QApplication(["corral"])
        self._program = Program(self._app, self._paths, make_server=make_server)
        self._window = self._program.window
        self._main = self._program.main

    def take_all(self) -> None:
        """All pages at 1×; at another ratio only the chat."""
        self._window.resize(*SIZE)
        self._program.start()
        self.until(lambda: bool(self._program.context.library.models()))
        if self._first:
            self.rest(2.0)
            self.shoot("first-start")
        else:
            if self._scale == 1:
                self._pages()
                self._memory()
                self._small()
            self._chat()
        self._program.close()

    def _chat(self) -> None:
        self._main.open_page("chat", {"conversation_id": self._chats.shown})
        page = self.chat_page
        self.until(lambda: page.conversation is not None and len(page.pane.transcript.items()) > 1)
        self.rest(2.0)
        self.shoot("chat")

    def _pages(self) -> None:
        page = self.chat_page
        self._main.open_page("chat", {"new": True})
        self.rest(0.5)
        self.shoot("chat-empty")
        self._main.open_page("discover")
        self.rest(2.5)
        self.shoot("discover")
        chosen = next(m for m in self._program.context.library.models() if "Qwen3" in m.name)
        self._main.open_page("models", {"model_id": chosen.id})
        self.rest(1.5)
        self.shoot("models")
        self._downloads()
        self._server()
        self._main.open_page("settings")
        self.rest(0.5)
        self.shoot("settings")
        self._main.open_page("chat", {"conversation_id": self._chats.shown})
        self.rest(1.0)
        page.open_picker()
        self.rest(1.0)
        self.shoot("model-picker")
        page.picker.pane.form.advanced.fold.button.click()
        self.rest(0.5)
        self.shoot("model-picker-advanced")
        page.picker.hide()
        self._depth()
        self._main.open_page("chat", {"conversation_id": self._chats.shown})
        page.presets.manage("coder")
        self.rest(0.5)
        self.shoot("presets")
        page.presets.leave()
        self._main.open_palette()
        self.rest(0.5)
        self.shoot("palette")
        overlay = self._main.palette_overlay
        if overlay is not None:
            overlay.hide()

    def _depth(self) -> None:
        """The chat settings with all groups open, and models on other machines."""
        inspector = self.chat_page.inspector
        inspector.sampling.more.button.click()
        inspector.answers.json.click()
        self._window.resize(SIZE[0], 1760)
        self.rest(0.5)
        self.shoot("chat-settings")
        inspector.answers.json.click()
        inspector.sampling.more.button.click()
        self._window.resize(*SIZE)
        context = self._program.context
        context.remotes.add("Workstation", "http://192.168.1.20:8000/v1", models=("qwen3-32b",))
        self._main.open_page("settings", {"section": "remote"})
        self.rest(0.5)
        self.shoot("settings-remote")
        context.remotes.remove("workstation")

    def _server(self) -> None:
        """Switched on and asked by the starter model's first clients; then the phone's code."""
        context = self._program.context
        settings = context.settings
        settings.update(server=msgspec.structs.replace(settings.current.server, on=True))
        context.access.issue("Home scripts", ["chat", "models"])
        context.access.issue("Editor plugin", ["chat"])
        server = context.server
        assert server is not None
        self._main.open_page("server")
        self.until(lambda: bool(server.addresses))
        asked = threading.Thread(target=ask_around, args=(server.addresses[0],))
        asked.start()
        self.until(lambda: not asked.is_alive())
        asked.join()
        self.rest(0.5)
        self.shoot("server")
        settings.update(server=msgspec.structs.replace(settings.current.server, on=False))
        self.until(lambda: not server.addresses)

    def _downloads(self) -> None:
        """Two that run slowly, one paused, one waiting, one that failed."""
        context = self._program.context
        self._hub.fault("", origin="cdn", rate=3e6)
        broken = "Llama-3.2-1B-Instruct-Q4_K_M.gguf"
        self._hub.fault(broken, origin="hub", method="HEAD", status=503)
        ids = []
        for repo, quantization in DOWNLOADS:
            detail = context.hub.detail(repo)
            variant = next(v for v in detail.variants if v.quantization == quantization)
            request = DownloadRequest(
                repo=repo,
                revision=detail.model.sha,
                title=repo.partition("/")[2].removesuffix("-GGUF"),
                quantization=quantization,
                files=variant.files,
            )
            ids.append(context.downloads.add(request).id)
        self._main.open_page("downloads")
        self.rest(6.0)
        context.downloads.pause(ids[1])
        self.rest(3.0)
        self.shoot("downloads")
        for each in ids:
            context.downloads.cancel(each)
        self.rest(0.5)

    def _memory(self) -> None:
        """A chat that has outgrown the context, its last answer with a note."""
        self._main.open_page("chat", {"conversation_id": self._chats.outgrown})
        page = self.chat_page
        wanted = self._chats.outgrown
        self.until(lambda: page.conversation is not None and page.conversation.id == wanted)
        self.rest(1.0)
        self.shoot("chat-memory")

    def _small(self) -> None:
        self._window.resize(*SMALL)
        self._main.open_page("chat", {"conversation_id": self._chats.shown})
        self.rest(1.5)
        self.shoot("chat-small")
        self._window.resize(*SIZE)
        self.rest(0.5)

    @property
    def chat_page(self) -> ChatPage:
        """The chat page of the window."""
        page = self._main.page("chat")
        assert isinstance(page, ChatPage)
        return page

    def until(self, condition: Callable[[], bool]) -> None:
        """Let the program work until `condition` holds."""
        end = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the page did not come to rest")
            self._app.processEvents()
            time.sleep(0.005)

    def rest(self, seconds: float) -> None:
        """Let the program work for a while: answers of the hub, panels that slide."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def shoot(self, name: str) -> None:
        """Keep what the window and what lies over it look like."""
        picture = self._window.grab()
        painter = QPainter(picture)
        for popup in popups(self._window):
            at = popup.mapToGlobal(QPoint()) - self._window.mapToGlobal(QPoint())
            painter.drawPixmap(at, popup.grab())
        painter.end()
        suffix = "" if self._scale == 1 else f"-{self._scale:g}x"
        picture.save(str(self._folder / f"{name}-{self._theme}{suffix}.png"))


def ask_around(address: str) -> None:
    """What other programs ask of the server, in some dialects."""
    talk = {"messages": [{"role": "user", "content": "Name three rivers."}], "max_tokens": 40}
    with httpx2.Client(base_url=address, timeout=LIMIT, trust_env=False) as client:
        client.get("/v1/models")
        client.post("/v1/chat/completions", json={"model": "smollm2-135m-instruct", **talk})
        client.post("/v1/chat/completions", json={"model": "qwen4", **talk})
        client.post("/v1/messages", json={"model": "smollm2-135m-instruct", **talk})
        body = {"model": "smollm2-135m-instruct", "messages": talk["messages"], "stream": False}
        client.post("/api/chat", json=body)


def popups(window: QWidget) -> list[QWidget]:
    """Open menus and popovers."""
    return [
        widget
        for widget in QApplication.topLevelWidgets()
        if widget.isVisible() and widget is not window and widget.isWindow()
    ]


def prepare(paths: AppPaths, theme: str, *, first: bool) -> Samples:
    """A home with settings and, unless it is the first start, samples; the chats to show."""
    settings = SettingsStore(paths.settings_file)
    appearance = msgspec.structs.replace(settings.current.appearance, theme=theme)
    models = msgspec.structs.replace(settings.current.models, starter_seen=not first)
    settings.update(appearance=appearance, models=models)
    if first:
        return Samples(0, 0)
    write_sample_models(paths.models)
    store = ConversationStore(paths.conversations)
    chats = add_samples(store)
    store.close()
    return chats


def main(arguments: list[str]) -> None:
    """Photograph against the local hub."""
    folder, theme, scale = arguments[:3]
    with LocalHub() as hub:
        os.environ["HF_ENDPOINT"] = hub.url
        other_programs.home_folder = lambda: Path(folder)  # nothing of this computer's own
        add_repositories(hub, starter_file())
        first = arguments[3:] == ["first"]
        Photographer(hub, Path(folder), theme, float(scale), first=first).take_all()


if __name__ == "__main__":
    main(sys.argv[1:])
