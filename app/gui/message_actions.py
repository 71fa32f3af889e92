"""The row under a message: versions, actions, and what the answer took."""

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QLocale, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.gui.blocks_text import BlockParts
from app.gui.controls.buttons import IconButton
from app.gui.controls.focus import release_focus, take_away
from app.gui.message_item import MessageItem

HEIGHT = 28
STEP = 30
COPIED_MS = 1500
_CHEVRON = 20


class MessageActions(QWidget):
    """Always takes its room. Buttons are made when they are first shown."""

    chosen = Signal(str)
    """copy, edit, regenerate, continue, branch or delete."""
    version_wanted = Signal(int)
    """-1 for the earlier version, 1 for the later one."""

    def __init__(self, parts: BlockParts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._item: MessageItem | None = None
        self._statistics = ""
        self._holder: _Buttons | None = None
        self._shown = False

    def show_item(self, item: MessageItem) -> None:
        """Take another state of the message."""
        rebuild = self._item is None or _signature(item) != _signature(self._item)
        self._item = item
        self._statistics = statistics(item) if item.role == "assistant" else ""
        told = details(item) if item.role == "assistant" else ""
        self.setToolTip(told)
        self.setAccessibleDescription(told)
        if rebuild and self._holder is not None:
            take_away(self._holder)
            self._holder = None
        self.set_shown(self._shown)
        self.update()

    def set_shown(self, shown: bool) -> None:
        """Show or hide the buttons; the statistics stay."""
        self._shown = shown
        if shown and self._holder is None and self._item is not None:
            self._holder = _Buttons(self._parts, self._item, self)
            self._holder.chosen.connect(self.chosen)
            self._holder.version_wanted.connect(self.version_wanted)
            self._place()
        if self._holder is not None:
            if not shown:
                release_focus(self._holder)
            self._holder.setVisible(shown)

    def are_shown(self) -> bool:
        """Whether the buttons are in view."""
        return self._shown and self._holder is not None

    def button(self, name: str) -> IconButton | None:
        """The button of an action, if it was made."""
        return self._holder.by_name.get(name) if self._holder else None

    def confirm_copy(self) -> None:
        """Turn the copy icon into a check for a moment."""
        if self._holder is not None:
            self._holder.confirm_copy()

    def statistics(self) -> str:
        """The numbers at the right."""
        return self._statistics

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Buttons at the left, under a person's message at the right."""
        self._place()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The statistics."""
        if not self._statistics:
            return
        painter = QPainter(self)
        font = self._parts.theme.font("caption")
        painter.setFont(font)
        painter.setPen(self._parts.theme.color("text-3"))
        room = self.width() - (self._holder.width() + 12 if self._holder else 0)
        elide = Qt.TextElideMode.ElideRight
        text = QFontMetrics(font).elidedText(self._statistics, elide, max(0, room))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), flags, text)

    def _place(self) -> None:
        if self._holder is None:
            return
        right = self._item is not None and self._item.role == "user"
        self._holder.move(self.width() - self._holder.width() if right else 0, 0)


class _Buttons(QWidget):
    chosen = Signal(str)
    version_wanted = Signal(int)

    def __init__(self, parts: BlockParts, item: MessageItem, parent: QWidget) -> None:
        super().__init__(parent)
        self._parts = parts
        self._item = item
        self.by_name: dict[str, IconButton] = {}
        self._label_rect = (0, 0)
        x = self._add_versions() if item.versions > 1 else 0
        for name, icon, text in actions_of(item):
            button = self._add(icon, text, x)
            button.clicked.connect(self._choose(name))
            self.by_name[name] = button
            x += STEP
        self.setFixedSize(x, HEIGHT)
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.setInterval(COPIED_MS)
        self._copied.timeout.connect(lambda: self.by_name["copy"].set_icon("copy"))

    def confirm_copy(self) -> None:
        self.by_name["copy"].set_icon("check")
        self._copied.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._item.versions <= 1:
            return
        painter = QPainter(self)
        painter.setFont(self._parts.theme.font("caption", tabular=True))
        painter.setPen(self._parts.theme.color("text-2"))
        left, width = self._label_rect
        flags = Qt.AlignmentFlag.AlignCenter
        painter.drawText(left, 0, width, HEIGHT, flags, self._version_text())

    def _version_text(self) -> str:
        return f"{self._item.version} / {self._item.versions}"

    def _add_versions(self) -> int:
        metrics = QFontMetrics(self._parts.theme.font("caption", tabular=True))
        width = metrics.horizontalAdvance(self._version_text()) + 8
        back = self._add("chevron-left", self.tr("Earlier version"), 0, _CHEVRON)
        back.setEnabled(self._item.version > 1)
        back.clicked.connect(lambda: self.version_wanted.emit(-1))
        forward = self._add("chevron-right", self.tr("Later version"), _CHEVRON + width, _CHEVRON)
        forward.setEnabled(self._item.version < self._item.versions)
        forward.clicked.connect(lambda: self.version_wanted.emit(1))
        self.by_name |= {"earlier": back, "later": forward}
        self._label_rect = (_CHEVRON, width)
        return 2 * _CHEVRON + width + 10

    def _add(self, icon: str, text: str, x: int, width: int = HEIGHT) -> IconButton:
        button = IconButton(self._parts.icons, icon, text, small=True, parent=self)
        button.setFixedSize(width, HEIGHT)
        button.move(x, 0)
        return button

    def _choose(self, name: str) -> Callable[[], None]:
        return lambda: self.chosen.emit(name)


def _signature(item: MessageItem) -> tuple[object, ...]:
    return (item.role, item.state, item.version, item.versions, _can_continue(item))


def _can_continue(item: MessageItem) -> bool:
    return item.role == "assistant" and item.state != "streaming" and bool(item.text)


def actions_of(item: MessageItem) -> list[tuple[str, str, str]]:
    """Name, icon and words of what can be done with a message."""
    if item.state == "streaming":
        return [("copy", "copy", _tr("Copy"))]
    actions = [("copy", "copy", _tr("Copy")), ("edit", "pencil", _tr("Edit"))]
    if item.role == "assistant":
        actions.append(("regenerate", "refresh-cw", _tr("Answer again")))
        if _can_continue(item):
            actions.append(("continue", "step-forward", _tr("Continue the answer")))
    actions.append(("branch", "git-branch", _tr("Go on from here in a new chat")))
    actions.append(("delete", "trash-2", _tr("Delete")))
    return actions


def statistics(item: MessageItem) -> str:
    """Speed, time to first token, tokens, and the finish reason if it is not a normal end."""
    locale = QLocale()
    parts = []
    usage = item.usage
    if usage and usage.tokens_per_second is not None:
        speed = locale.toString(usage.tokens_per_second, "f", 1)
        parts.append(_tr("%1 tokens/s").replace("%1", speed))
    if usage and usage.time_to_first_token is not None:
        seconds = locale.toString(usage.time_to_first_token, "f", 2)
        if usage.time_to_first_token >= 10:
            seconds = locale.toString(usage.time_to_first_token, "f", 1)
        parts.append(_tr("%1 s to first token").replace("%1", seconds))
    if usage and usage.completion_tokens and item.state != "interrupted":
        parts.append(token_count(usage.completion_tokens))
    reason = _reasons().get(item.finish_reason or "")
    if reason:
        parts.append(reason)
    return " · ".join(parts)


def details(item: MessageItem) -> str:
    """What the answer took beyond the statistics, a line each; empty if there is nothing to tell.

    Tokens of the prompt and how many of them were in the cache already, tokens of the reasoning,
    and how many of the tokens guessed ahead were right.
    """
    usage = item.usage
    if usage is None:
        return ""
    number = QLocale().toString
    lines = []
    if usage.prompt_tokens:
        prompt = token_count(usage.prompt_tokens)
        if usage.cached_tokens:
            line = _tr("Prompt: %1, %2 of them still known from before").replace("%1", prompt)
            lines.append(line.replace("%2", number(usage.cached_tokens)))
        else:
            lines.append(_tr("Prompt: %1").replace("%1", prompt))
    if usage.reasoning_tokens:
        lines.append(_tr("Reasoning: %1").replace("%1", token_count(usage.reasoning_tokens)))
    if usage.draft_tokens:
        line = _tr("Guessed right: %1 of %2").replace("%1", number(usage.accepted_tokens))
        lines.append(line.replace("%2", number(usage.draft_tokens)))
    return "\n".join(lines)


def token_count(count: int) -> str:
    """ "312 tokens" in the person's language."""
    words = QCoreApplication.translate("MessageActions", "%n token(s)", None, count)
    if "%n" in words or "(s)" in words:  # no translation loaded: English plural by hand
        words = "1 token" if count == 1 else f"{QLocale().toString(count)} tokens"
    return words


def _reasons() -> dict[str, str]:
    return {
        "length": _tr("stopped at max tokens"),
        "context": _tr("stopped, the context is full"),
        "cancelled": _tr("stopped by you"),
        "error": _tr("ended by an error"),
    }


def _tr(text: str) -> str:
    return QCoreApplication.translate("MessageActions", text)
