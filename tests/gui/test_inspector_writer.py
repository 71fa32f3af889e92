"""What is changed last is what is stored, whichever thread comes to write first."""

import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.core.conversation_store import ConversationStore
from app.core.conversations import Conversation
from app.gui.inspector_writer import OverrideWriter
from app.gui.preset_choice import ChatDraft
from app.gui.worker import Worker
from tests.timing import PATIENCE


class SlowStore(ConversationStore):
    """The first write has decided what to store and waits before it stores it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.entered = threading.Event()
        self.gate = threading.Event()

    def update(self, conversation_id: int, **fields: Any) -> Conversation:
        if not self.entered.is_set():
            self.entered.set()
            assert self.gate.wait(PATIENCE)
        return super().update(conversation_id, **fields)


@pytest.mark.usefixtures("qapp")
def test_an_older_wish_never_lands_after_a_newer_one(tmp_path: Path, qtbot: QtBot) -> None:
    store = SlowStore(tmp_path / "chats.db")
    owner = QObject()
    worker = Worker(owner)
    writer = OverrideWriter(store, worker, owner)
    conversation = store.create()
    writer.put(conversation.id, ChatDraft("general", system_prompt="old"))
    assert store.entered.wait(PATIENCE)
    writer.put(conversation.id, ChatDraft("general", system_prompt="new"), soon=True)
    opener = threading.Timer(0.2, store.gate.set)
    opener.start()
    writer.flush()
    opener.join()
    qtbot.waitUntil(lambda: not writer._busy, timeout=10_000)
    assert store.get(conversation.id).system_prompt == "new"
    worker.close()
    store.close()
    owner.deleteLater()
