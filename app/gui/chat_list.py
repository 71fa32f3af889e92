"""The chat list: search, new chat, conversations by day, and what can be done with each."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.core.conversations import Conversation, SearchHit
from app.core.errors import ModelError
from app.gui.chat_answers import Answer, Answers
from app.gui.chat_list_model import ChatListModel, ChatRole, Index
from app.gui.chat_trash import ChatTrash
from app.gui.context import AppContext
from app.gui.controls.buttons import IconButton
from app.gui.controls.fields import SearchField, TextField
from app.gui.controls.labels import Label
from app.gui.controls.list_view import RowDelegate, RowListView
from app.gui.controls.menu import Menu
from app.gui.worker import Task

SEARCH_DELAY_MS = 150
BAR_HEIGHT = 52


class ChatDelegate(RowDelegate):
    """Rows of two lines whose title can be edited in place."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        """A field over the first line."""
        return TextField(self.icons, self.tr("Title"), small=True, parent=parent)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Begin with the title, all of it selected; what is typed already stays."""
        assert isinstance(editor, QLineEdit)
        if not editor.isModified():
            editor.setText(str(index.data() or ""))
            editor.selectAll()

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        """As wide as the row."""
        rect: QRect = option.rect.adjusted(12, 4, -12, 0)
        editor.setGeometry(rect.x(), rect.y(), rect.width(), editor.height())


class ChatList(QFrame):
    """The left panel of the chat page."""

    chosen = Signal(int, object)
    """Conversation id, and the message a search found or None."""
    new_chat = Signal()
    removed = Signal(int)
    """A conversation was put in the trash."""

    def __init__(
        self, context: AppContext, answers: Answers, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._answers = answers
        self._current: int | None = None
        self._search: Task | None = None
        self._refresh: Task | None = None
        self.setProperty("region", "sidebar")
        self.model = ChatListModel(self)
        self.model.renamed.connect(self._rename)
        self._build()
        context.bridge.on(context.store.changed, self._changed)
        answers.began.connect(self._answer_began)
        answers.ended.connect(self._answer_ended)
        self.refresh()

    def _build(self) -> None:
        icons = self._context.icons
        self.search = SearchField(icons, self.tr("Search chats"), parent=self)
        delay = QTimer(self, singleShot=True, interval=SEARCH_DELAY_MS)
        delay.timeout.connect(self._search_now)
        self.search.textChanged.connect(lambda _: delay.start())
        new = IconButton(icons, "square-pen", self.tr("New chat"), shortcut="Ctrl+N")
        new.clicked.connect(self.new_chat)
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 10, 12, 3)
        bar.setSpacing(8)
        bar.addWidget(self.search, 1)
        bar.addWidget(new)
        self.view = RowListView(icons, self.tr("Chats"), self)
        self.view.setModel(self.model)
        height = self._context.theme.metric("row-chat")
        self.view.setItemDelegate(ChatDelegate(icons, height, self.view, ellipsis_at_hover=True))
        self.view.opened.connect(self._opened)
        self.view.menu_asked.connect(self._open_menu)
        self.view.delete_asked.connect(self._delete_row)
        self.trash = ChatTrash(self._context, self)
        self.trash.restored.connect(lambda conversation: self.chosen.emit(conversation, None))
        self.empty = Label("", "caption", "text-3", wrap=True)
        self._quiet = QWidget()
        quiet = QVBoxLayout(self._quiet)
        quiet.setContentsMargins(20, 8, 20, 8)
        quiet.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self._quiet)
        column.addWidget(self.view, 1)
        column.addWidget(self.trash)

    def show_current(self, conversation_id: int | None) -> None:
        """Mark the conversation that the page shows."""
        self._current = conversation_id
        self._mark_current()

    def start_search(self, text: str = "") -> None:
        """Put the cursor into the search field; without a text what is there is selected."""
        if text:
            self.search.setText(text)
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def refresh(self) -> None:
        """Read the list anew."""
        if self._refresh is not None:
            self._refresh.cancel()
        store = self._context.store
        self._refresh = self._context.worker.run(
            lambda: (store.list(), store.trash()), done=self._show
        )

    def _show(self, read: tuple[tuple[Conversation, ...], tuple[Conversation, ...]]) -> None:
        conversations, deleted = read
        at = self.model.conversation_at(self.view.currentIndex())
        elsewhere = at is not None and at.id != self._current
        self.model.show(conversations)
        self.trash.show_deleted(deleted)
        self._say_if_empty()
        if not elsewhere:  # else the arrow keys have led there
            self._mark_current()

    def _say_if_empty(self) -> None:
        if self.model.rowCount():
            text = ""
        elif self.search.text().strip():
            text = self.tr("No chat holds “%s”.") % self.search.text().strip()
        else:
            text = self.tr("Your chats will be here.")
        self.empty.setText(text)
        self._quiet.setVisible(bool(text))

    def _mark_current(self) -> None:
        row = self.model.row_of(self._current) if self._current is not None else None
        if row is None:
            self.view.selectionModel().clear()  # the current row too: nobody is elsewhere now
        else:
            self.view.setCurrentIndex(self.model.index(row))

    def _changed(self, conversation_id: int) -> None:
        self.refresh()

    def _search_now(self) -> None:
        if self._search is not None:
            self._search.cancel()
        text = self.search.text().strip()
        if not text:
            self._show_hits(None)
            return
        self._search = self._context.worker.run(
            self._context.store.search, text, done=self._show_hits
        )

    def _show_hits(self, hits: tuple[SearchHit, ...] | None) -> None:
        self.model.show_hits(hits)
        self._say_if_empty()
        self._mark_current()

    def _opened(self, index: Index) -> None:
        conversation = self.model.conversation_at(index)
        if conversation is not None:
            self.chosen.emit(conversation.id, index.data(ChatRole.MESSAGE_ID))

    def _answer_began(self, conversation_id: int, answer: Answer) -> None:
        self.model.note(conversation_id, self.tr("Reading your message"), "working")
        answer.progressed.connect(partial(self._answer_progressed, conversation_id))
        answer.text_added.connect(partial(self._answer_grew, conversation_id))

    def _answer_progressed(self, conversation_id: int, progress: object) -> None:
        answer = self._answers.of(conversation_id)
        if answer is not None and answer.progress is not None and answer.progress.total:
            share = round(100 * answer.progress.processed / answer.progress.total)
            text = self.tr("Reading your message, %d%%") % share
            self.model.note(conversation_id, text, "working")

    def _answer_grew(self, conversation_id: int, text: str, kind: str, tokens: int) -> None:
        note = self.tr("Answering…") if kind == "text" else self.tr("Thinking…")
        self.model.note(conversation_id, note, "working")

    def _answer_ended(self, conversation_id: int, error: object) -> None:
        text = self.tr("Interrupted") if error is not None else ""
        if isinstance(error, ModelError) and error.is_lasting:
            text = self.tr("No answer")
        self.model.note(conversation_id, text, "failed" if error is not None else "")

    def _open_menu(self, index: Index, at: QPoint) -> None:
        conversation = self.model.conversation_at(index)
        if conversation is None:
            return
        menu = Menu(self._context.icons, self)
        menu.aboutToHide.connect(menu.deleteLater)
        rename = partial(self._edit_title, conversation.id)
        menu.add(self.tr("Rename"), rename, icon="pencil", shortcut="F2")
        pin = self.tr("Unpin") if conversation.pinned else self.tr("Pin")
        menu.add(pin, partial(self._pin, conversation), icon="pin")
        menu.add(self.tr("Duplicate"), partial(self._duplicate, conversation.id), icon="copy")
        menu.addSeparator()
        delete = partial(self.delete, conversation)
        menu.add(self.tr("Delete"), delete, icon="trash-2", shortcut="Del", danger=True)
        menu.popup(at)

    def _edit_title(self, conversation_id: int) -> None:
        """Its row may be another one than when the menu was opened."""
        row = self.model.row_of(conversation_id)
        if row is not None:
            self.view.edit(self.model.index(row))

    def _do(self, work: Callable[[], object]) -> None:
        self._context.worker.run(work)

    def _rename(self, conversation_id: int, title: str) -> None:
        self._do(partial(self._context.store.update, conversation_id, title=title))

    def _pin(self, conversation: Conversation) -> None:
        store = self._context.store
        self._do(partial(store.update, conversation.id, pinned=not conversation.pinned))

    def _duplicate(self, conversation_id: int) -> None:
        self._do(partial(self._context.store.duplicate, conversation_id))

    def _delete_row(self, index: Index) -> None:
        conversation = self.model.conversation_at(index)
        if conversation is not None:
            self.delete(conversation)

    def delete(self, conversation: Conversation) -> None:
        """Put a conversation in the trash at once, with Undo."""
        self._answers.stop(conversation.id)
        self._context.worker.run(
            self._context.store.delete,
            conversation.id,
            done=partial(self._deleted, conversation),
        )

    def _deleted(self, conversation: Conversation, _: None) -> None:
        self.removed.emit(conversation.id)
        title = conversation.title or self.tr("New chat")
        self._context.notifier.toast(
            self.tr("“%s” is in the trash for 30 days") % title,
            action=self.tr("Undo"),
            callback=partial(self._do, partial(self._context.store.restore, conversation.id)),
        )
