"""The way back for deleted chats: a line under the chat list, shown while there are any."""

from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.conversations import Conversation
from app.gui.context import AppContext
from app.gui.controls.buttons import GhostButton
from app.gui.controls.menu import Menu

SHOWN = 15
"""Deleted chats in the menu; the last deleted ones come first."""
LONGEST = 40
GAP = 4


class ChatTrash(QWidget):
    """“Deleted chats”: a menu that restores the chosen one."""

    restored = Signal(int)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._deleted: tuple[Conversation, ...] = ()
        self.button = GhostButton(context.icons, self.tr("Deleted chats"), "trash-2", small=True)
        self.button.setToolTip(self.tr("Kept for 30 days; choose one to bring it back"))
        self.button.clicked.connect(self._open)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 8)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def show_deleted(self, deleted: tuple[Conversation, ...]) -> None:
        """Take over what the trash holds, last deleted first."""
        self._deleted = deleted
        self.setVisible(bool(deleted))

    def _open(self) -> None:
        menu = Menu(self._context.icons, self)
        menu.aboutToHide.connect(menu.deleteLater)
        for each in self._deleted[:SHOWN]:
            title = each.title or self.tr("New chat")
            shown = title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}…"
            menu.add(shown, partial(self._restore, each.id), icon="undo-2")
        top = self.button.mapToGlobal(self.button.rect().topLeft())
        menu.popup(QPoint(top.x(), top.y() - menu.sizeHint().height() - GAP))

    def _restore(self, conversation_id: int) -> None:
        self._context.worker.run(
            self._context.store.restore,
            conversation_id,
            done=lambda _: self.restored.emit(conversation_id),
        )
