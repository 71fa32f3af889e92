"""Deleted chats can be brought back from under the list."""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.gui.chat_answers import Answers
from app.gui.chat_list import ChatList
from app.gui.context import AppContext
from app.gui.controls.menu import Menu

Show = Callable[[QWidget], QWidget]


def test_a_deleted_chat_comes_back(context: AppContext, qtbot: QtBot, show: Show) -> None:
    conversation = context.store.create(title="Bread")
    chats = ChatList(context, Answers(context.worker))
    show(chats)
    qtbot.waitUntil(lambda: chats.model.row_of(conversation.id) is not None)
    assert not chats.trash.isVisible()
    context.store.delete(conversation.id)
    qtbot.waitUntil(chats.trash.isVisible)
    assert chats.model.row_of(conversation.id) is None
    chats.trash.button.click()
    menu = chats.trash.findChild(Menu)
    assert menu is not None
    with qtbot.waitSignal(chats.chosen) as opened:
        menu.actions()[0].trigger()
    menu.close()
    assert opened.args[0] == conversation.id
    qtbot.waitUntil(lambda: chats.model.row_of(conversation.id) is not None)
    qtbot.waitUntil(lambda: not chats.trash.isVisible())
