"""The line in a chat from which on the model has read everything."""

from collections.abc import Container, Sequence

from PySide6.QtCore import QCoreApplication, QLocale, QPoint, QRectF, Qt, QTimer
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from app.gui.controls.focus import RingFocus
from app.gui.controls.labels import Label
from app.gui.controls.painting import device_line, painter_for
from app.gui.message_item import MessageItem
from app.gui.theme import Theme

HEIGHT = 36
"""The line and the room below it."""
_LINE = 16
_BESIDE = 12


def memory_begins(items: Sequence[MessageItem], told: Container[int]) -> int | None:
    """Id of the first message that the model was told of for its latest answer.

    None where it was told everything. Answers without a word do not count, the prompt may never
    have been read, unless they are in `told`: the ids of answers under way whose prompt is known.
    """
    for item in reversed(items):
        if item.role == "assistant" and (item.text or item.reasoning or item.id in told):
            return item.first_kept
    return None


class MemoryLine(RingFocus, Label):
    """A quiet sentence between two lines; Tab stops at it and shows what its tool tip says."""

    ring_radius = 4

    def __init__(self, theme: Theme, context: int, parent: QWidget | None = None) -> None:
        """`context` is what the model holds now, in tokens; 0 if that is not known."""
        super().__init__("", "caption", "text-3", parent)
        self._theme = theme
        self.setText(self.tr("The model remembers everything from here on"))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.text())
        self.set_context(context)

    def set_context(self, context: int) -> None:
        """The model holds so many tokens now."""
        tip = explanation(context)
        self.setToolTip(tip)
        self.setAccessibleDescription(tip)

    def place(self, width: int) -> None:
        """Stand at the top of the parent."""
        self.setGeometry(0, 0, width, _LINE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The words, and the line on both sides of them."""
        super().paintEvent(event)
        painter = painter_for(QPainter(self))
        room = (self.width() - self.fontMetrics().horizontalAdvance(self.text())) / 2 - _BESIDE
        if room <= 0:
            return
        line, color = device_line(painter), self._theme.color("border-strong")
        for x in (0.0, self.width() - room):
            painter.fillRect(QRectF(x, self.height() // 2, room, line), color)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The keyboard has no pointer to rest on it."""
        super().focusInEvent(event)
        if self.has_ring():  # later: first it is scrolled into view
            QTimer.singleShot(0, self, self._explain)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The explanation goes."""
        super().focusOutEvent(event)
        QToolTip.hideText()

    def _explain(self) -> None:
        if self.has_ring():
            below = QPoint(self.width() // 4, self.height() + 4)
            QToolTip.showText(self.mapToGlobal(below), self.toolTip(), self)


def explanation(context: int) -> str:
    """Why the model has not read everything, and what helps; a line for each thought."""
    longer = _tr("Load the model with a longer context, and it reads everything again.")
    if context:
        longer = _tr(
            "The context holds %1 tokens now; load the model with a longer one, "
            "and it reads everything again."
        ).replace("%1", QLocale().toString(context))
    return "\n".join(
        (
            _tr("When the last answer was written, this chat had outgrown the model's context."),
            _tr("What stands above this line was left out; the system prompt was kept."),
            _tr("Where only the middle is left out, the first exchange was kept, too."),
            longer,
            _tr("Settings › Chat › Long chats says what is left out."),
        )
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("MemoryLine", text)
