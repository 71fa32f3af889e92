"""The card that stands where the answer will be while the prompt is processed."""

from PySide6.QtCore import QLocale, QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.gui.blocks_text import BlockParts
from app.gui.controls.bars import ProgressBar
from app.gui.controls.painting import box, painter_for
from backends.types import Progress

HEIGHT = 82
_SIDE = 17


class ProgressCard(QWidget):
    """ "Reading your message", percentage, tokens done and reused, time left."""

    def __init__(self, parts: BlockParts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = parts.theme
        self._percent = self._tokens = self._left = ""
        self._bar = ProgressBar(parts.icons, self.tr("Reading your message"), self)

    def show_progress(self, progress: Progress, seconds_left: float | None) -> None:
        """How far the engine is."""
        new = max(0, progress.total - progress.cached)
        done = min(new, max(0, progress.processed - progress.cached))
        fraction = done / new if new else 1.0
        locale = QLocale()
        self._percent = f"{round(fraction * 100)}%"
        words = self.tr("%1 of %2 new tokens")
        self._tokens = words.replace("%1", locale.toString(done)).replace(
            "%2", locale.toString(new)
        )
        if progress.cached:
            reused = self.tr("%1 reused").replace("%1", locale.toString(progress.cached))
            self._tokens += f" · {reused}"
        self._left = "" if seconds_left is None else self._time_left(seconds_left)
        self._bar.set_fraction(fraction)
        self.setAccessibleName(f"{self.tr('Reading your message')} {self._percent}")
        self.update()

    def words(self) -> tuple[str, str, str]:
        """Percentage, tokens and time left as shown."""
        return self._percent, self._tokens, self._left

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The bar between the lines."""
        self._bar.setGeometry(_SIDE, 41, self.width() - 2 * _SIDE, self._bar.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame and words."""
        painter = painter_for(QPainter(self))
        theme = self._theme
        ground, border = theme.color("raised"), theme.color("border")
        box(painter, self.rect(), theme.radius("control"), fill=ground, border=border)
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        upper = QRect(_SIDE, 13, self.width() - 2 * _SIDE, 20)
        lower = QRect(_SIDE, 53, self.width() - 2 * _SIDE, 16)
        painter.setPen(theme.color("text"))
        painter.setFont(theme.font("body"))
        painter.drawText(upper, left, self.tr("Reading your message"))
        painter.setPen(theme.color("text-2"))
        painter.setFont(theme.font("caption", tabular=True))
        painter.drawText(upper, right, self._percent)
        painter.setPen(theme.color("text-3"))
        painter.drawText(lower, right, self._left)
        painter.drawText(lower, left, self._tokens)

    def _time_left(self, seconds: float) -> str:
        if seconds < 60:
            words, count = self.tr("about %1 s left"), max(1, round(seconds))
        else:
            words, count = self.tr("about %1 min left"), round(seconds / 60)
        return words.replace("%1", QLocale().toString(count))
