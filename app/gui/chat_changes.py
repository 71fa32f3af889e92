"""What a person does to the messages in view: other words, other versions, a new answer."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from app.core.chat import ChatRun
from app.gui.chat_branch import branch_off
from app.gui.context import AppContext
from app.gui.transcript import TranscriptView


class ChatChanges(QObject):
    """Carries out what the transcript is asked for, off the GUI thread."""

    act_asked = Signal(object)
    """A call that gives a `ChatRun`; whoever hears it makes sure that a model is ready first."""
    branched = Signal(int)
    """A new conversation was branched off."""
    changed = Signal()
    """The store has other messages than are shown."""

    def __init__(
        self,
        context: AppContext,
        transcript: TranscriptView,
        conversation_id: Callable[[], int | None],
        parent: QObject,
    ) -> None:
        """`conversation_id` tells the chat in view, None for one that has not begun."""
        super().__init__(parent)
        self._context = context
        self._transcript = transcript
        self._conversation_id = conversation_id
        transcript.edit_submitted.connect(self._edited)
        transcript.regenerate_requested.connect(self._regenerate)
        transcript.continue_requested.connect(self._continue)
        transcript.delete_requested.connect(self._delete)
        transcript.branch_requested.connect(self._branch)
        transcript.version_requested.connect(self._other_version)
        transcript.link_activated.connect(self._open_link)

    def edit_last(self) -> None:
        """Begin to edit the person's last message."""
        own = [item.id for item in self._transcript.items() if item.role == "user"]
        if own:
            self._transcript.begin_edit(own[-1])

    def continuing(self, message_id: int) -> Callable[[], ChatRun]:
        """What goes on writing an answer where it stopped."""
        conversation_id = self._conversation_id()
        assert conversation_id is not None
        return partial(self._context.chat.continue_, conversation_id, message_id)

    def _edited(self, message_id: int, text: str, send: bool) -> None:
        if send:
            self.act_asked.emit(partial(self._context.chat.edit_and_send, message_id, text))
            return
        self._change(partial(self._context.store.edit_message, message_id, text))

    def _regenerate(self, message_id: int) -> None:
        self._act(self._context.chat.regenerate, message_id)

    def _continue(self, message_id: int) -> None:
        self._act(self._context.chat.continue_, message_id)

    def _act(self, call: Callable[[int, int], ChatRun], message_id: int) -> None:
        conversation_id = self._conversation_id()
        if conversation_id is not None:
            self.act_asked.emit(partial(call, conversation_id, message_id))

    def _delete(self, message_id: int) -> None:
        store = self._context.store
        undo = partial(self._change, partial(store.restore_message, message_id))
        self._change(
            partial(store.delete_message, message_id),
            then=lambda: self._context.notifier.toast(
                self.tr("Message deleted"), action=self.tr("Undo"), callback=undo
            ),
        )

    def _other_version(self, message_id: int, by: int) -> None:
        store = self._context.store

        def select() -> None:
            versions = [each.id for each in store.siblings(message_id)]
            place = versions.index(message_id) + by
            if 0 <= place < len(versions):
                store.select_version(versions[place])

        self._change(select)

    def _branch(self, message_id: int) -> None:
        conversation_id = self._conversation_id()
        if conversation_id is None:
            return
        self._context.worker.run(
            branch_off,
            self._context.store,
            conversation_id,
            message_id,
            done=lambda conversation: self.branched.emit(conversation.id),
        )

    def _change(self, work: Callable[[], object], then: Callable[[], object] | None = None) -> None:
        """Change what is stored, then have it shown."""

        def done(_: object) -> None:
            self.changed.emit()
            if then is not None:
                then()

        self._context.worker.run(work, done=done)

    def _open_link(self, url: str) -> None:
        def open_if(agreed: bool) -> None:
            if agreed:
                QDesktopServices.openUrl(QUrl(url))

        question = self.tr("Open this link in the browser?")
        self._context.notifier.confirm(question, url, self.tr("Open link"), open_if)
