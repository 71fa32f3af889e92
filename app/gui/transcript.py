"""The transcript of one chat: messages, the answer being written, errors, and finding words."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QWidget

from app.core.errors import AppError
from app.gui.blocks_text import BlockParts
from app.gui.icons import Icons
from app.gui.markdown import Block
from app.gui.math_images import MathImages
from app.gui.memory_line import memory_begins
from app.gui.message_find import mark
from app.gui.message_item import ErrorNote, MessageItem, Remedy
from app.gui.message_live import LiveAnswer
from app.gui.message_view import MessageView
from app.gui.picture_images import PictureImages
from app.gui.theme import Theme
from app.gui.transcript_find import Finder, Match
from app.gui.transcript_overlay import FADE_HEIGHT, Fade, JumpButton
from app.gui.transcript_scroll import MessageScroll
from app.gui.worker import Worker
from backends.types import DeltaKind, Progress


class TranscriptView(MessageScroll):
    """The messages of one chat. `stream_text` is meant to be called at most every 30 ms."""

    copy_requested = Signal(int)
    """Id of a message whose text is in the clipboard now."""
    edit_requested = Signal(int)
    """The pencil was pressed; the field opens by itself."""
    edit_submitted = Signal(int, str, bool)
    """Id, new text, and whether to send it."""
    regenerate_requested = Signal(int)
    continue_requested = Signal(int)
    delete_requested = Signal(int)
    branch_requested = Signal(int)
    version_requested = Signal(int, int)
    """Id and -1 or 1."""
    link_activated = Signal(str)
    """An http, https or mailto address; nothing has been opened yet."""
    remedy_chosen = Signal(int, str)
    error_dismissed = Signal(int)
    """The person closed the error of a message."""
    found = Signal(int, int)
    """Number of the match looked at, from 1, and how many there are; 0, 0 for none."""

    def __init__(
        self,
        theme: Theme,
        icons: Icons,
        worker: Worker,
        parent: QWidget | None = None,
        *,
        pictures: PictureImages | None = None,
    ) -> None:
        super().__init__(theme, parent)
        self._parts = BlockParts(theme, icons, worker, MathImages(worker, self), pictures)
        self._live: dict[int, LiveAnswer] = {}
        self._progress: dict[int, tuple[Progress, float | None]] = {}
        self._errors: dict[int, ErrorNote] = {}
        self._drafts: dict[int, str] = {}
        """Edits whose widgets are being built anew."""
        self._finder = Finder()
        self._begins: int | None = None
        """Id of the message that the model's memory begins with."""
        self._context_length = 0
        self.setAccessibleName(self.tr("Messages"))
        self._fade = Fade(theme, self.viewport())
        self._jump = JumpButton(icons, self.tr("Jump to the end"), self.viewport())
        self._jump.clicked.connect(self.jump_to_end)
        self.edit_requested.connect(self.begin_edit)

    # The messages

    def items(self) -> Sequence[MessageItem]:
        """The messages from the first to the last."""
        return tuple(self._rows.items)

    def set_messages(self, items: Sequence[MessageItem]) -> None:
        """Show these messages; what is unchanged keeps its widgets and its place.

        Another chat, one that shares no message with what was shown, is shown from its end.
        """
        before = {item.id: item for item in self._rows.items}
        unchanged = {item.id for item in items if before.get(item.id) == item}
        if not any(item.id in before for item in items):
            self._follows = True
        for message_id in [known for known in self._views if known not in unchanged]:
            self._drop(message_id)
        present = {item.id for item in items}
        for notes in (self._live, self._progress, self._errors):
            for message_id in [known for known in notes if known not in present]:
                del notes[message_id]
        self._rows.set_items(items, unchanged)
        self._mark_last()
        self._mark_memory()
        self.settle()

    def append(self, item: MessageItem) -> None:
        """Add a message at the end; a person's own is always scrolled to."""
        self._rows.append(item)
        if item.role == "user":
            self._follows = True
        self._mark_last()
        self._mark_memory()
        self.settle()

    def update_item(self, message_id: int, item: MessageItem) -> None:
        """Show another state of a message."""
        row = self._rows.row(message_id)
        if row >= 0 and self._rows.items[row] != item:
            self._replace(row, item)

    def _replace(self, row: int, item: MessageItem, blocks: Sequence[Block] | None = None) -> None:
        self._rows.replace(row, item)
        view = self._views.get(item.id)
        if view is not None:
            view.show_item(item, blocks)
        self._mark_last()
        self._mark_memory()
        self.refit(item.id)

    # The answer being written

    def stream_text(
        self, message_id: int, text: str, kind: DeltaKind = "text", tokens: int = 0
    ) -> None:
        """Add to an answer. Text for a message that is not here is ignored."""
        row = self._rows.row(message_id)
        if row < 0:
            return
        live = self._live.get(message_id)
        if live is None:
            live = self._live[message_id] = LiveAnswer(self._rows.items[row])
            self._mark_memory()
        live.add(text, kind, tokens)
        self._progress.pop(message_id, None)
        view = self._views.get(message_id)
        if view is not None and self.isVisible():
            view.show_live(live)
            self.refit(message_id)

    def tell(self, message_id: int, first_kept: int | None, notes: tuple[str, ...]) -> None:
        """Say what the model was told of for an answer under way, and what the engine notes."""
        row = self._rows.row(message_id)
        if row < 0:
            return
        item = replace(self._rows.items[row], first_kept=first_kept, notes=notes)
        self._rows.replace(row, item)
        view = self._views.get(message_id)
        if view is not None:
            view.show_notes(item)
        self._mark_memory()
        self.refit(message_id)

    def set_context_length(self, tokens: int) -> None:
        """What the model holds now; 0 if that is not known."""
        self._context_length = tokens
        for message_id, view in self._views.items():
            if message_id == self._begins:
                view.show_memory(tokens)

    def finish(self, message_id: int, item: MessageItem) -> None:
        """The answer is complete, interrupted or stopped: show what was stored of it."""
        row = self._rows.row(message_id)
        live = self._live.pop(message_id, None)
        self._progress.pop(message_id, None)
        if row < 0:
            return
        view = self._views.get(message_id)
        if view is not None:
            view.show_progress(None, None)
        blocks = None
        if live is not None:
            item = live.timed(item)
            blocks = live.finish(item.text)
        self._replace(row, item, blocks)

    def show_prompt_progress(
        self, message_id: int, progress: Progress, seconds_left: float | None = None
    ) -> None:
        """Say how much of the prompt is processed, until text comes."""
        self._progress[message_id] = (progress, seconds_left)
        self._mark_memory()
        view = self._views.get(message_id)
        if view is not None:
            view.show_progress(progress, seconds_left)
            self.refit(message_id)

    def show_error(
        self, message_id: int, error: AppError, remedies: Sequence[Remedy] = (), note: str = ""
    ) -> None:
        """Show what went wrong under a message, with ways out of it, the best first."""
        self._errors[message_id] = ErrorNote(error, tuple(remedies), note)
        self._show_error_of(message_id)

    def clear_error(self, message_id: int) -> None:
        """Take the error of a message away."""
        if self._errors.pop(message_id, None) is not None:
            self._show_error_of(message_id)

    # Going to places

    def scroll_to(self, message_id: int) -> None:
        """Show a message, wherever it is."""
        self.reveal(message_id)

    def begin_edit(self, message_id: int) -> None:
        """Open the field of a message in place."""
        if message_id not in self._views:
            self.reveal(message_id)
        view = self._views.get(message_id)
        if view is not None:
            view.begin_edit()

    def find_text(self, text: str) -> int:
        """Look for words in all messages; shows the last match and returns their number."""
        self._finder.search(self._rows.items, text)
        self._show_match(self._finder.match)
        return len(self._finder.matches)

    def find_next(self) -> None:
        """Show the match after the one looked at."""
        self._show_match(self._finder.step(1))

    def find_previous(self) -> None:
        """Show the match before the one looked at."""
        self._show_match(self._finder.step(-1))

    # Widgets of messages

    def make_view(self, item: MessageItem) -> MessageView:
        """The widget of a message with everything known about it."""
        view = MessageView(self._parts, item, self.viewport())
        view.resized.connect(self.refit)
        view.action_chosen.connect(self._act)
        view.version_wanted.connect(self.version_requested)
        view.edit_finished.connect(self.edit_submitted)
        view.edit_left.connect(self._edit_left)
        view.remedy_chosen.connect(self.remedy_chosen)
        view.error_dismissed.connect(self._dismiss_error)
        view.link_chosen.connect(self.link_activated)
        if item.id in self._live:
            view.show_live(self._live[item.id])
        elif item.id in self._progress:
            view.show_progress(*self._progress[item.id])
        view.show_error(self._errors.get(item.id))
        view.set_last(self._is_last(item))
        if item.id == self._begins:
            view.show_memory(self._context_length)
        if item.id in self._drafts:
            view.begin_edit(self._drafts.pop(item.id))
        if self._finder.needle:
            mark(view, self._finder.needle, self._current_in(item.id), self._theme)
        return view

    def drop_views(self) -> None:
        """Build all widgets anew, as for another theme; an edit under way goes on."""
        drafts = {view.item.id: view.draft for view in self._views.values() if view.is_editing()}
        super().drop_views()
        self._drafts |= drafts

    def showEvent(self, event: QShowEvent) -> None:
        """Take up what was written while hidden."""
        for message_id, live in self._live.items():
            view = self._views.get(message_id)
            if view is not None:
                view.show_live(live)
        super().showEvent(event)

    def settled(self) -> None:
        """Place what floats above the messages."""
        room = self.viewport().rect()
        self._fade.setGeometry(0, room.height() - FADE_HEIGHT, self.width(), FADE_HEIGHT)
        x = (self.width() - self._jump.width()) // 2
        self._jump.move(x, room.height() - self._jump.height() - 12)
        self._jump.setVisible(not self._follows)
        self._fade.raise_()
        self._jump.raise_()

    def _act(self, message_id: int, name: str) -> None:
        actions: dict[str, Callable[[int], None]] = {
            "copy": self._copy,
            "edit": self.edit_requested.emit,
            "regenerate": self.regenerate_requested.emit,
            "continue": self.continue_requested.emit,
            "branch": self.branch_requested.emit,
            "delete": self.delete_requested.emit,
        }
        actions[name](message_id)

    def _copy(self, message_id: int) -> None:
        live = self._live.get(message_id)
        item = self._rows.items[self._rows.row(message_id)]
        QGuiApplication.clipboard().setText(live.written if live else item.text)
        self._views[message_id].tools.confirm_copy()
        self.copy_requested.emit(message_id)

    def _dismiss_error(self, message_id: int) -> None:
        self.clear_error(message_id)
        self.error_dismissed.emit(message_id)

    def _edit_left(self, message_id: int) -> None:
        self.setFocus()
        self.refit(message_id)

    def _show_error_of(self, message_id: int) -> None:
        view = self._views.get(message_id)
        if view is not None:
            view.show_error(self._errors.get(message_id))
            self.refit(message_id)

    def _is_last(self, item: MessageItem) -> bool:
        last = self._rows.items[-1] if self._rows.items else None
        return last is not None and last.id == item.id and item.role == "assistant"

    def _mark_last(self) -> None:
        for view in self._views.values():
            view.set_last(self._is_last(view.item))

    def _mark_memory(self) -> None:
        """Put the line to the message that the memory of the latest answer begins with."""
        begins = memory_begins(self._rows.items, self._live.keys() | self._progress.keys())
        if begins == self._begins:
            return
        moved = {each for each in (begins, self._begins) if each is not None}
        self._begins = begins
        for message_id in moved:
            self._rows.doubt(message_id)
        for message_id, view in self._views.items():
            if message_id in moved:
                view.show_memory(self._context_length if message_id == begins else None)
                self._changed.add(message_id)
        self.settle()

    def _current_in(self, message_id: int) -> int:
        match = self._finder.match
        return match.number if match and match.message_id == message_id else -1

    def _show_match(self, match: Match | None) -> None:
        self.found.emit(self._finder.current + 1, len(self._finder.matches))
        if match is not None and match.message_id not in self._views:
            self.reveal(match.message_id)
        for message_id, view in self._views.items():
            place = mark(view, self._finder.needle, self._current_in(message_id), self._theme)
            if place is not None:
                self._look_at(message_id, place)

    def _look_at(self, message_id: int, place: int) -> None:
        """Scroll to a place in a message unless it is in view."""
        y = self._views[message_id].y() + place
        if not 0 <= y <= self.viewport().height() - 2 * FADE_HEIGHT:
            self.reveal(message_id, place)
