"""The real program, used without end by hands of its own; `test_kills` kills it.

`python -m tests.e2e.driven_app REPO` is `python -m app` with somebody at it, who downloads that
repository and chats. It prints one JSON line for each promise that the window makes.
"""

import json
import sys
import time
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtTest import QTest

from app.core.download_state import DownloadItem, DownloadRequest
from app.core.hub import HubDetail
from app.gui import application, assembly
from app.gui.chat_answers import Answer
from app.gui.chat_page import ChatPage
from tests.library_with_scripts import LibraryWithScripts


def promise(kind: str, **values: object) -> None:
    print(json.dumps({"kind": kind, **values}), flush=True)


class Hands(QObject):
    """Somebody who sends the next message as soon as an answer is complete."""

    def __init__(self, program: application.Program, repo: str) -> None:
        super().__init__(program)
        self._context = program.context
        page = program.main.page("chat")
        assert isinstance(page, ChatPage)
        self._page = page
        self._sent = 0
        page.answers.began.connect(self._began)
        page.answers.ended.connect(self._ended)
        self._context.bridge.on(self._context.downloads.changed, self._downloaded)
        self._context.bridge.on(self._context.downloads.finished, self._downloaded)
        self._context.worker.run(self._context.downloads.items, done=partial(self._start, repo))
        self._eyes = QTimer(self, interval=20)
        self._eyes.timeout.connect(self._look)
        self._eyes.start()

    def _look(self) -> None:
        """Begin once the chat of the last time is open."""
        last = self._context.settings.current.window.conversation_id
        if self._page.conversation is not None or last is None:
            self._eyes.stop()
            self.send()

    def send(self) -> None:
        """Type a message and press Enter."""
        self._sent += 1
        text = f"message {self._sent} of {time.monotonic()} !tokens={100 * self._sent}"
        field = self._page.pane.composer.field
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)

    def _began(self, conversation_id: int, answer: Answer) -> None:
        asked, row = answer.run.user_message, answer.run.assistant_message
        promise("user", id=asked.id, text=asked.content, conversation=conversation_id)
        answer.text_added.connect(partial(self._grew, row.id))

    def _grew(self, message_id: int, text: str, kind: str, tokens: int) -> None:
        promise("delta", id=message_id, text=text)
        promise("saved", id=message_id, text=self._context.store.message(message_id).content)

    def _ended(self, conversation_id: int, error: object) -> None:
        promise("error" if error else "end", text=str(error))
        self.send()

    def _start(self, repo: str, items: tuple[DownloadItem, ...]) -> None:
        for item in items:
            self._downloaded(item)
        if not items:
            self._context.worker.run(self._context.hub.detail, repo, done=self._download)

    def _download(self, detail: HubDetail) -> None:
        request = DownloadRequest(
            detail.model.repo, detail.model.sha, "A model", "Q4_1", detail.variants[0].files
        )
        self._context.worker.run(self._context.downloads.add, request)

    def _downloaded(self, item: DownloadItem) -> None:
        promise("download", state=item.state, done=item.done)


class UsedProgram(application.Program):
    """The program as it is, with hands at it once its window is filled."""

    used = False

    def furnish(self) -> None:
        super().furnish()
        if not self.used:
            self.used = True
            Hands(self, sys.argv[1])


if __name__ == "__main__":
    # The entry builds the program, and that its library, by these names.
    setattr(application, "Program", UsedProgram)  # noqa: B010
    setattr(assembly, "ModelLibrary", LibraryWithScripts)  # noqa: B010
    sys.exit(application.main())
