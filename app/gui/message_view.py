"""One message as a column of widgets. Built when it comes near the view, dropped after."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.gui.answer_blocks import answer_blocks
from app.gui.blocks import BlockColumn
from app.gui.blocks_reasoning import ReasoningView
from app.gui.blocks_text import BlockParts
from app.gui.controls.badges import Badge
from app.gui.controls.focus import take_away
from app.gui.controls.painting import box, painter_for
from app.gui.markdown import Block, TextBlock, parse, plain_spans
from app.gui.memory_line import HEIGHT as MEMORY_HEIGHT
from app.gui.memory_line import MemoryLine
from app.gui.message_actions import HEIGHT as ACTIONS_HEIGHT
from app.gui.message_actions import MessageActions, token_count
from app.gui.message_editor import MessageEditor
from app.gui.message_error import MessageError
from app.gui.message_head import HEIGHT as HEAD_HEIGHT
from app.gui.message_head import paint_head
from app.gui.message_item import ErrorNote, MessageItem
from app.gui.message_live import LiveAnswer
from app.gui.message_notes import MessageNotes
from app.gui.message_pictures import MessagePictures
from app.gui.message_progress import HEIGHT as PROGRESS_HEIGHT
from app.gui.message_progress import ProgressCard
from backends.types import Progress

BUBBLE_SHARE = 0.82
BUBBLE_SIDE, BUBBLE_TOP = 16, 10
_AFTER_HEAD = 8
_AFTER_REASONING = 12
_BEFORE_NOTES = 12
_BEFORE_STATUS = 10
_BEFORE_PROGRESS = 12
_BEFORE_ERROR = 16
_BEFORE_ACTIONS = 8
_BEFORE_OWN_ACTIONS = 4
_ABOVE_PICTURES, _AFTER_PICTURES = 6, 10


class MessageView(QWidget):
    """Shows a `MessageItem`; whoever owns it asks `fit` for the height and places it."""

    resized = Signal(int)
    """Id of this message: its height may have changed by itself."""
    action_chosen = Signal(int, str)
    version_wanted = Signal(int, int)
    edit_finished = Signal(int, str, bool)
    edit_left = Signal(int)
    remedy_chosen = Signal(int, str)
    error_dismissed = Signal(int)
    link_chosen = Signal(str)

    def __init__(self, parts: BlockParts, item: MessageItem, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self.item = item
        self._bubble = QRect()
        self._hovered = self._focused = self._last = False
        self._top = 0
        """Where the message begins: below the line that stands above it, if there is one."""
        self._memory: MemoryLine | None = None
        self._reasoning: ReasoningView | None = None
        self._interrupted: Badge | None = None
        self._progress: ProgressCard | None = None
        self._error: MessageError | None = None
        self._note: ErrorNote | None = None
        self._editor: MessageEditor | None = None
        self.pictures: MessagePictures | None = None
        self.column = BlockColumn(parts, parent=self)
        self.column.resized.connect(self._tell_resized)
        self.column.link_chosen.connect(self.link_chosen)
        self._notes = MessageNotes(parts, self)
        self.tools = MessageActions(parts, self)
        self.tools.chosen.connect(self._choose)
        self.tools.version_wanted.connect(self._want_version)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.show_item(item)

    @property
    def is_user(self) -> bool:
        """Whether a person wrote it."""
        return self.item.role == "user"

    @property
    def is_pinned(self) -> bool:
        """Whether it must not be dropped while out of view."""
        return self._editor is not None or self._focused

    def show_item(self, item: MessageItem, blocks: Sequence[Block] | None = None) -> None:
        """Show a finished or stored state of the message; `blocks` if it is parsed already."""
        self.item = item
        if self.is_user:
            self.column.show_blocks((TextBlock(tuple(plain_spans(item.text))),))
            self._show_pictures(item)
        else:
            self.column.show_blocks(answer_blocks(item.text) if blocks is None else blocks)
            self._show_reasoning_done(item)
        self._notes.show_notes(item.notes)
        self._show_interrupted(item)
        self.tools.show_item(item)
        self._update_actions()
        self.setAccessibleName(self.tr("You") if self.is_user else item.model_name)
        self.update()

    def show_notes(self, item: MessageItem) -> None:
        """The same message with other notes, which may come while it is written."""
        self.item = item
        self._notes.show_notes(item.notes)

    def show_memory(self, context: int | None) -> None:
        """Stand below the line where the model's memory begins; None takes the line away.

        `context` is what the model holds, in tokens; 0 if that is not known.
        """
        if context is None:
            if self._memory is not None:
                take_away(self._memory)
                self._memory = None
        elif self._memory is None:
            self._memory = MemoryLine(self._parts.theme, context, self)
            self._memory.lower()  # read out before the message
            self._memory.show()
        else:
            self._memory.set_context(context)
        self._top = 0 if self._memory is None else MEMORY_HEIGHT
        self.update()

    def show_live(self, live: LiveAnswer) -> None:
        """Show an answer as far as it is written; only its last block is touched."""
        if self._progress is not None and (live.text.blocks or live.reasoning.blocks):
            self.show_progress(None, None)
        self.column.show_blocks(live.text.blocks)
        if live.is_reasoning:
            last_line = live.reasoning.text[-200:].rstrip().rpartition("\n")[2]
            self._reasoning_view().show_running(live.reasoning.blocks, last_line)
        elif live.reasoning.blocks:
            self._reasoning_view().show_done(
                live.reasoning.blocks, live.reasoning_seconds, live.reasoning_tokens or None
            )

    def show_progress(self, progress: Progress | None, seconds_left: float | None) -> None:
        """Show how much of the prompt is processed; None takes the card away."""
        if progress is None:
            if self._progress is not None:
                take_away(self._progress)
                self._progress = None
            return
        if self._progress is None:
            self._progress = ProgressCard(self._parts, self)
            self._progress.show()
        self._progress.show_progress(progress, seconds_left)

    def show_error(self, note: ErrorNote | None) -> None:
        """Show an error under the message; None takes it away."""
        if note is self._note:
            return
        if self._error is not None:
            take_away(self._error)
            self._error = None
        self._note = note
        if note is not None:
            self._error = MessageError(self._parts, note, self)
            self._error.resized.connect(self._tell_resized)
            self._error.remedy_chosen.connect(self._choose_remedy)
            self._error.dismissed.connect(self._dismiss_error)
            self._error.show()

    def begin_edit(self, draft: str | None = None) -> None:
        """Put a field in place of the text, with the text in it or what it was changed to."""
        if self._editor is not None:
            self._editor.begin()
            return
        self._editor = MessageEditor(
            self._parts,
            self.item.text if draft is None else draft,
            can_send=self.is_user,
            parent=self,
        )
        self._editor.saved.connect(self._save_edit)
        self._editor.cancelled.connect(self._leave_edit)
        self._editor.resized.connect(self._tell_resized)
        self._editor.show()
        self.column.hide()
        if self.pictures is not None:
            self.pictures.hide()
        self._tell_resized()
        self._editor.begin()

    @property
    def draft(self) -> str:
        """What the field holds."""
        return self._editor.field.toPlainText() if self._editor else self.item.text

    def is_editing(self) -> bool:
        """Whether the field is shown."""
        return self._editor is not None

    def set_last(self, last: bool) -> None:
        """The last answer shows its actions without being pointed at."""
        if last != self._last:
            self._last = last
            self._update_actions()

    def set_focused(self, focused: bool) -> None:
        """Whether the keyboard is somewhere in this message."""
        if focused != self._focused:
            self._focused = focused
            self._update_actions()

    def fit(self, width: int) -> int:
        """Place everything for a width; returns the height."""
        if self._memory is not None:
            self._memory.place(width)
        return self._fit_user(width) if self.is_user else self._fit_answer(width)

    def _fit_user(self, width: int) -> int:
        if self._editor is not None:
            height = self._editor.fit(width)
            self._editor.setGeometry(0, self._top, width, height)
            y = self._top + height
            self._bubble = QRect()
        else:
            most = int(width * BUBBLE_SHARE) - 2 * BUBBLE_SIDE
            wide, top = (0, BUBBLE_TOP) if self.pictures is None else self._fit_pictures(most)
            inner = max(wide, self.column.natural_width(most) if self.item.text else 0)
            height = self.column.fit(inner) if self.item.text else 0
            outer = inner + 2 * BUBBLE_SIDE
            tall = top + height + BUBBLE_TOP
            self._bubble = QRect(width - outer, self._top, outer, tall)
            left = self._bubble.left() + BUBBLE_SIDE
            self.column.setGeometry(left, self._top + top, inner, height)
            if self.pictures is not None:
                self.pictures.move(left, self._top + BUBBLE_TOP + _ABOVE_PICTURES)
            y = self._top + tall
        self.tools.setGeometry(0, y + _BEFORE_OWN_ACTIONS, width, ACTIONS_HEIGHT)
        self.update()
        return y + _BEFORE_OWN_ACTIONS + ACTIONS_HEIGHT

    def _fit_pictures(self, most: int) -> tuple[int, int]:
        """Lay the pictures out; returns their width and where the text begins."""
        assert self.pictures is not None
        wide, high = self.pictures.fit(most)
        self.pictures.resize(wide, high)
        gap = _AFTER_PICTURES if self.item.text else _ABOVE_PICTURES
        return wide, BUBBLE_TOP + _ABOVE_PICTURES + high + gap

    def _fit_answer(self, width: int) -> int:
        y = self._top + HEAD_HEIGHT + _AFTER_HEAD
        if self._reasoning is not None:
            height = self._reasoning.fit(width)
            self._reasoning.setGeometry(0, y, width, height)
            y += height + _AFTER_REASONING
        y += self._fit_content(width, y)
        notes = self._notes.fit(width)
        if notes:
            y += _BEFORE_NOTES
            self._notes.setGeometry(0, y, width, notes)
            y += notes
        if self._progress is not None:
            if self.column.height() and self._editor is None:
                y += _BEFORE_PROGRESS
            self._progress.setGeometry(0, y, width, PROGRESS_HEIGHT)
            y += PROGRESS_HEIGHT
        if self._interrupted is not None:
            y += _BEFORE_STATUS
            size = self._interrupted.sizeHint()
            self._interrupted.setGeometry(0, y, size.width(), size.height())
            y += size.height()
        if self._error is not None:
            y += _BEFORE_ERROR
            height = self._error.fit(width)
            self._error.setGeometry(0, y, width, height)
            y += height
        y += _BEFORE_ACTIONS
        self.tools.setGeometry(0, y, width, ACTIONS_HEIGHT)
        return y + ACTIONS_HEIGHT

    def _fit_content(self, width: int, y: int) -> int:
        if self._editor is not None:
            height = self._editor.fit(width)
            self._editor.setGeometry(0, y, width, height)
            return height
        height = self.column.fit(width)
        self.column.setGeometry(0, y, width, height)
        return height

    def paintEvent(self, event: QPaintEvent) -> None:
        """The bubble of a person's message; name and time above an answer."""
        painter = painter_for(QPainter(self))
        theme = self._parts.theme
        if self.is_user:
            if not self._bubble.isNull():
                ground = theme.color("user-bubble")
                box(painter, self._bubble, theme.radius("surface"), fill=ground)
            return
        paint_head(painter, theme, self.item, QRect(0, self._top, self.width(), HEAD_HEIGHT))
        if self._interrupted is not None and self.item.usage is not None:
            self._paint_kept(painter, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)

    def _paint_kept(self, painter: QPainter, flags: Qt.AlignmentFlag) -> None:
        usage, badge = self.item.usage, self._interrupted
        if usage is None or badge is None or not usage.completion_tokens:
            return
        kept = self.tr("%1 kept").replace("%1", token_count(usage.completion_tokens))
        area = badge.geometry().translated(badge.width() + 8, 0)
        area.setWidth(self.width())
        painter.drawText(area, flags, kept)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the actions."""
        self._hovered = True
        self._update_actions()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the actions."""
        self._hovered = False
        self._update_actions()
        super().leaveEvent(event)

    def _update_actions(self) -> None:
        ready = self.item.state != "streaming" or self._hovered
        shown = (self._hovered or self._focused or self._last) and ready
        self.tools.set_shown(shown and self._editor is None)

    def _show_pictures(self, item: MessageItem) -> None:
        images = self._parts.pictures
        if item.pictures and images is not None:
            if self.pictures is None:
                self.pictures = MessagePictures(self._parts.icons, images, self)
                self.pictures.show()
            self.pictures.show_pictures(item.pictures)

    def _show_interrupted(self, item: MessageItem) -> None:
        interrupted = item.state == "interrupted"
        if interrupted and self._interrupted is None:
            refused = item.finish_reason == "error" and not (item.text or item.reasoning)
            words = self.tr("No answer") if refused else self.tr("Interrupted")
            self._interrupted = Badge(
                self._parts.icons, words, icon="triangle-alert", tone="warning", parent=self
            )
            self._interrupted.show()
        elif not interrupted and self._interrupted is not None:
            take_away(self._interrupted)
            self._interrupted = None

    def _show_reasoning_done(self, item: MessageItem) -> None:
        if item.reasoning:
            blocks = parse(item.reasoning)
            self._reasoning_view().show_done(blocks, item.reasoning_seconds, item.reasoning_tokens)

    def _reasoning_view(self) -> ReasoningView:
        if self._reasoning is None:
            self._reasoning = ReasoningView(self._parts, self)
            self._reasoning.resized.connect(self._tell_resized)
            self._reasoning.link_chosen.connect(self.link_chosen)
            self._reasoning.show()
        return self._reasoning

    def _tell_resized(self) -> None:
        self.resized.emit(self.item.id)

    def _choose(self, name: str) -> None:
        self.action_chosen.emit(self.item.id, name)

    def _want_version(self, delta: int) -> None:
        self.version_wanted.emit(self.item.id, delta)

    def _choose_remedy(self, key: str) -> None:
        self.remedy_chosen.emit(self.item.id, key)

    def _dismiss_error(self) -> None:
        self.error_dismissed.emit(self.item.id)

    def _save_edit(self, text: str, send: bool) -> None:
        self._leave_edit()
        self.edit_finished.emit(self.item.id, text, send)

    def _leave_edit(self) -> None:
        if self._editor is None:
            return
        self._editor.hide()
        self._editor.deleteLater()
        self._editor = None
        self.column.show()
        if self.pictures is not None:
            self.pictures.show()
        self._tell_resized()
        self.edit_left.emit(self.item.id)
