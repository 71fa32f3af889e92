"""Pictures on their way into the message that is written in a chat."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from app.core.conversation_store import ConversationStore
from app.core.conversations import Picture
from app.core.errors import AppError
from app.core.pictures import check_together
from app.gui.composer import Composer
from app.gui.context import AppContext
from app.gui.picture_attaching import PictureAttaching
from app.gui.picture_offer import Offer, pictures_in


class ChatPictures(QObject):
    """Joins a composer to the store: what is chosen, pasted or dropped is attached there."""

    changed = Signal()
    """Other pictures are attached to the message in view."""
    for_new_chat = Signal(object)
    """A `Picture` for the chat that has not begun came while another one is in view."""

    def __init__(
        self,
        context: AppContext,
        composer: Composer,
        conversation_id: Callable[[], int | None],
        parent: QObject | None = None,
    ) -> None:
        """`conversation_id` tells the chat in view, None for one that has not begun."""
        super().__init__(parent)
        self._context = context
        self._composer = composer
        self._conversation_id = conversation_id
        self._attaching = PictureAttaching(context.store, context.worker, self)
        self._attaching.attached.connect(self._attached)
        self._attaching.busy_changed.connect(composer.set_importing)
        self._attaching.refused.connect(context.notifier.error)
        composer.attach_requested.connect(self._ask)
        composer.pictures_offered.connect(self.attach)
        composer.pictures_changed.connect(self.changed)

    def attach(self, offers: tuple[Offer, ...]) -> None:
        """Attach pictures to the message in view."""
        self._attaching.attach(self._conversation_id(), offers)

    def drag(self, event: QDragEnterEvent) -> None:
        """Take a drag that has pictures."""
        if pictures_in(event.mimeData()):
            event.acceptProposedAction()

    def drop(self, event: QDropEvent) -> None:
        """Attach what was dropped."""
        event.acceptProposedAction()
        self.attach(pictures_in(event.mimeData()))
        self._composer.focus_field()

    def _ask(self) -> None:
        self._attaching.ask(self._conversation_id(), self._composer)

    def _attached(self, conversation_id: int | None, picture: Picture) -> None:
        """A picture is in the store; the chat it is for may not be in view any more."""
        if conversation_id == self._conversation_id():
            self._show(picture)
        elif conversation_id is None:
            self.for_new_chat.emit(picture)
        else:
            add = partial(add_to_draft, self._context.store, conversation_id, picture)
            self._context.worker.run(add)

    def _show(self, picture: Picture) -> None:
        pictures = tuple(dict.fromkeys((*self._composer.pictures(), picture)))
        try:
            check_together(pictures)
        except AppError as error:
            self._context.notifier.error(error)
            return
        self._composer.set_pictures(pictures)
        self.changed.emit()


def add_to_draft(store: ConversationStore, conversation_id: int, picture: Picture) -> None:
    """Attach a picture to the unsent message of a stored chat. Blocks."""
    pictures = (*store.get(conversation_id).draft_pictures, picture)
    store.update(conversation_id, draft_pictures=tuple(dict.fromkeys(pictures)))
