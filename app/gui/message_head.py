"""Who wrote an answer, and when: the words above it."""

from PySide6.QtCore import QDateTime, QLocale, QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter

from app.gui.message_item import MessageItem
from app.gui.theme import Theme

HEIGHT = 16
_ROOM_FOR_TIME = 80


def paint_head(painter: QPainter, theme: Theme, item: MessageItem, area: QRect) -> None:
    """Name and time, from the left; leaves the painter with the look of the time."""
    font = theme.font("caption")
    font.setWeight(font.Weight.Medium)
    metrics = QFontMetrics(font)
    elide = Qt.TextElideMode.ElideRight
    name = metrics.elidedText(item.model_name, elide, area.width() - _ROOM_FOR_TIME)
    middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    painter.setFont(font)
    painter.setPen(theme.color("text-2"))
    painter.drawText(area, middle, name)
    painter.setFont(theme.font("caption"))
    painter.setPen(theme.color("text-3"))
    after = area.adjusted(metrics.horizontalAdvance(name) + 8, 0, 0, 0)
    painter.drawText(after, middle, time_of(item))


def time_of(item: MessageItem) -> str:
    """The time of day a message was made, in the person's way of writing it."""
    if not item.created:
        return ""
    moment = QDateTime.fromSecsSinceEpoch(int(item.created))
    return QLocale().toString(moment.time(), QLocale.FormatType.ShortFormat)
