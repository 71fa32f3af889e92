"""The whole program at a desk: the real window, models of the scripted engine, a person's hands."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.core.conversations import Message
from app.core.paths import app_paths
from app.gui import assembly
from app.gui.application import Program
from app.gui.chat_list_model import ChatRole
from app.gui.chat_page import ChatPage
from app.gui.context import AppContext
from app.gui.controls.list_view import RowRole
from app.gui.controls.menu import Menu
from app.gui.controls.toast import Toast
from app.gui.message_error import MessageError
from app.gui.message_item import MessageItem
from app.gui.message_view import MessageView
from tests.backends.scripts import write_script
from tests.library_with_scripts import LibraryWithScripts

DEADLINE_MS = 60_000
Sit = Callable[..., "Desk"]


class Desk:
    """One run of the program; another one in the same home is a restart."""

    def __init__(self, app: QApplication, qtbot: QtBot, page: str | None = "chat") -> None:
        """`page` None: where the window opens by itself."""
        self.qtbot = qtbot
        self.program = Program(app, app_paths())
        self.frame = self.program.window
        self.program.start()
        qtbot.waitExposed(self.frame)
        self.frame.activateWindow()
        self.window = self.program.main
        qtbot.waitUntil(self.window.isVisible, timeout=DEADLINE_MS)
        if page is not None:
            self.window.open_page(page)

    @property
    def context(self) -> AppContext:
        return self.program.context

    @property
    def page(self) -> ChatPage:
        page = self.window.page("chat")
        assert isinstance(page, ChatPage)
        return page

    def close(self) -> None:
        """As a person does who is sure; then the program ends."""
        self.frame.quit(sure=True)
        self.program.close()
        self.frame.deleteLater()
        self.program.deleteLater()

    def until(self, condition: Callable[[], Any], timeout: int = DEADLINE_MS) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)

    # Writing

    def type(self, text: str) -> None:
        field = self.page.pane.composer.field
        field.setFocus()
        self.qtbot.keyClicks(field, text)

    def press(self, key: Qt.Key, widget: QWidget | None = None) -> None:
        self.qtbot.keyClick(widget or self.page.pane.composer.field, key)

    def send(self, text: str) -> None:
        self.type(text)
        self.press(Qt.Key.Key_Return)

    def ask(self, text: str) -> MessageItem:
        """Send a message and wait for the end of its answer."""
        before = len(self.items())
        self.send(text)
        self.until(lambda: len(self.items()) >= before + 2)
        return self.settled()

    # Messages

    def items(self) -> tuple[MessageItem, ...]:
        return tuple(self.page.pane.transcript.items())

    def last(self) -> MessageItem:
        return self.items()[-1]

    def texts(self) -> list[str]:
        return [item.text for item in self.items()]

    def settled(self) -> MessageItem:
        """The last message once nothing is being written."""
        self.until(
            lambda: (
                self.items()
                and self.last().state != "streaming"
                and not self.page.pane.composer.stop_button.isVisible()
            )
        )
        return self.last()

    def writing(self, length: int = 10) -> None:
        """Wait until an answer is being written and so much of it is there."""
        self.until(lambda: len(self.written()) >= length)

    def written(self) -> str:
        """What has come of the answer in view."""
        conversation = self.page.conversation
        answer = self.page.answers.of(conversation.id) if conversation else None
        return answer.content if answer else ""

    def stored(self) -> tuple[Message, ...]:
        conversation = self.page.conversation
        assert conversation is not None
        return self.context.store.path(conversation.id)

    def view(self, message_id: int) -> MessageView:
        transcript = self.page.pane.transcript
        transcript.scroll_to(message_id)
        view = transcript.view_of(message_id)
        assert view is not None
        return view

    def act(self, message_id: int, name: str) -> None:
        """Click a button below a message: copy, edit, regenerate, continue, branch, delete."""
        view = self.view(message_id)
        view.tools.set_shown(True)
        button = view.tools.button(name)
        assert button is not None, f"{name} is not offered"
        self.click(button)

    def error_card(self) -> MessageError | None:
        cards = self.page.pane.transcript.findChildren(MessageError)
        return next((card for card in cards if card.isVisible()), None)

    # The rest of the window

    def click(self, widget: QWidget) -> None:
        assert widget.isVisible()
        assert widget.isEnabled()
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def toast(self) -> Toast:
        self.until(lambda: any(toast.isVisible() for toast in self.window.findChildren(Toast)))
        return next(each for each in self.window.findChildren(Toast) if each.isVisible())

    def toast_action(self) -> None:
        self.click(self.toast().action)

    def focus_is_in_chat(self) -> bool:
        """Whether the keyboard is with the messages or the composer."""
        focused = self.frame.focusWidget()
        return focused is not None and self.page.pane.isAncestorOf(focused)

    def rows(self) -> list[int]:
        """Ids of the chats in the list, in its order."""
        model = self.page.list.model
        indexes = [model.index(row) for row in range(model.rowCount())]
        return [i.data(RowRole.VALUE) for i in indexes if i.data(RowRole.KIND) == "row"]

    def open_chat(self, conversation_id: int, message_id: int | None = None) -> None:
        """Click its row."""
        model, view = self.page.list.model, self.page.list.view
        self.until(lambda: conversation_id in self.rows())
        for row in range(model.rowCount()):
            index = model.index(row)
            if index.data(RowRole.VALUE) != conversation_id:
                continue
            if message_id is not None and index.data(ChatRole.MESSAGE_ID) != message_id:
                continue
            place = view.visualRect(index).center()
            self.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
            break
        self.until(lambda: self.page.conversation and self.page.conversation.id == conversation_id)

    def new_chat(self) -> None:
        self.qtbot.keyClick(self.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
        self.until(lambda: self.page.conversation is None)

    def chat_menu(self, conversation_id: int, label: str) -> None:
        """Choose an entry of a row's menu."""
        view = self.page.list.view
        row = self.page.list.model.row_of(conversation_id)
        assert row is not None
        index = self.page.list.model.index(row)
        view.menu_asked.emit(index, view.viewport().mapToGlobal(QPoint(20, 20)))
        menu = next(m for m in self.page.list.findChildren(Menu) if m.isVisible())
        action = next(each for each in menu.actions() if each.text() == label)
        action.trigger()
        menu.close()


def sitting(app: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sit]:
    """What the fixture `sit` gives: starts the program, again after closing it if it runs.

    Keywords make the model `model`, which is there without any, too.
    """
    monkeypatch.setattr(assembly, "ModelLibrary", LibraryWithScripts)
    desks: list[Desk] = []

    def start(**script: Any) -> Desk:
        if not desks or script:
            scripted_model("model", **script)
        if desks:
            desks[-1].close()
        desks.append(Desk(app, qtbot))
        return desks[-1]

    yield start
    if desks:
        desks[-1].close()


def buttons_of(parent: QWidget, words: str) -> list[QAbstractButton]:
    """Visible buttons of these words."""
    found = parent.findChildren(QAbstractButton)
    return [b for b in found if b.isVisible() and words in (b.text(), b.accessibleName())]


def scripted_model(name: str, **script: Any) -> Path:
    """Put a model of the scripted engine into the models folder."""
    folder = app_paths().models
    folder.mkdir(parents=True, exist_ok=True)
    return write_script(folder, name, **script)
