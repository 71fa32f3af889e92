"""Bars and rings: how much of something."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QProgressBar, QWidget

from app.gui.controls.badges import FIT_MARKS
from app.gui.controls.painting import bar, clip_round, device_line, painter_for
from app.gui.icons import Icons
from app.gui.theme import Theme

_STEPS = 1000


class ProgressBar(QProgressBar):
    """4 high. Role: accent while it runs, text-3 paused, danger-mark failed."""

    def __init__(self, icons: Icons, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._role = "accent"
        self.setRange(0, _STEPS)
        self.setTextVisible(False)
        self.setAccessibleName(name)
        self.setFixedHeight(self._theme.metric("progress"))
        self._theme.changed.connect(self.update)

    def set_fraction(self, fraction: float) -> None:
        """How much is done, 0 to 1."""
        self.setValue(round(min(1.0, max(0.0, fraction)) * _STEPS))

    def set_role(self, role: str) -> None:
        """Another colour."""
        self._role = role
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Groove and bar."""
        painter = painter_for(QPainter(self))
        area = QRectF(self.rect())
        bar(painter, area, self._theme.color("track"))
        area.setWidth(area.width() * max(0, self.value()) / _STEPS)
        bar(painter, area, self._theme.color(self._role))


class FitBar(QWidget):
    """What is needed as a share of all memory, in the colour of the verdict; a tick at free."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._need = self._free = 0
        self._total = 1
        self._fit = "fits"
        self.setFixedHeight(12)
        self.setMinimumWidth(48)
        self._theme.changed.connect(self.update)

    def set_values(self, need: int, free: int, total: int, fit: str, description: str) -> None:
        """Bytes needed, free and in all; `description` says the same in words."""
        self._need, self._free, self._total, self._fit = need, free, max(1, total), fit
        self.setAccessibleName(description)
        self.setToolTip(description)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Groove, need, tick."""
        painter = painter_for(QPainter(self))
        draw_fit_bar(
            painter,
            QRectF(self.rect()),
            self._need,
            self._free,
            self._total,
            self._fit,
            self._theme,
        )


def draw_fit_bar(
    painter: QPainter, rect: QRectF, need: int, free: int, total: int, fit: str, theme: Theme
) -> None:
    """Draw a fit bar in the middle of `rect`; delegates use it in tables."""
    height = theme.metric("progress-fit")
    groove = QRectF(rect.x(), rect.center().y() - height / 2, rect.width(), height)
    bar(painter, groove, theme.color("track"))
    need_bar = QRectF(groove)
    need_bar.setWidth(groove.width() * min(1.0, need / total))
    bar(painter, need_bar, theme.color(FIT_MARKS[fit]))
    line = device_line(painter)
    x = rect.x() + rect.width() * min(1.0, free / total)
    painter.fillRect(QRectF(x, rect.center().y() - 6, line, 12), theme.color("text-2"))


class SumBar(QWidget):
    """Parts of a sum side by side, each in the next colour of charts; the rest is the groove."""

    ROLES = ("accent", "syntax.type", "syntax.keyword")

    def __init__(self, icons: Icons, height: int = 8, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._parts: tuple[float, ...] = ()
        self._whole = 1.0
        self._limit: float | None = None
        self.setFixedHeight(height)
        self._theme.changed.connect(self.update)

    def set_parts(
        self, parts: Sequence[float], whole: float, description: str, limit: float | None = None
    ) -> None:
        """Parts, the whole they are parts of, and where a limit line stands."""
        self._parts, self._whole, self._limit = tuple(parts), max(whole, 1e-9), limit
        self.setAccessibleName(description)
        self.setToolTip(description)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The parts from the left."""
        painter = painter_for(QPainter(self))
        area = QRectF(self.rect())
        clip_round(painter, area, min(4.0, area.height() / 2))
        painter.fillRect(area, self._theme.color("track"))
        x = 0.0
        for index, part in enumerate(self._parts):
            width = area.width() * part / self._whole
            role = self.ROLES[index % len(self.ROLES)]
            painter.fillRect(
                QRectF(x, 0, max(0.0, width - 1), area.height()), self._theme.color(role)
            )
            x += width
        if self._limit is not None:
            at = area.width() * min(1.0, self._limit / self._whole)
            painter.fillRect(
                QRectF(at, 0, device_line(painter), area.height()), self._theme.color("warning")
            )


class RingGauge(QWidget):
    """16 px ring that fills clockwise; amber above `warn_at`, red above 1."""

    def __init__(self, icons: Icons, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._fraction = 0.0
        self._warn_at = 0.85
        self.setAccessibleName(name)
        self.setFixedSize(16, 16)
        self._theme.changed.connect(self.update)

    def set_fraction(self, fraction: float, description: str) -> None:
        """How full, 1 is all; `description` says it in words."""
        self._fraction = max(0.0, fraction)
        self.setAccessibleDescription(description)
        self.setToolTip(description)
        self.update()

    def role(self) -> str:
        """The colour in force."""
        if self._fraction > 1:
            return "danger-mark"
        return "warning-mark" if self._fraction > self._warn_at else "accent"

    def sizeHint(self) -> QSize:
        """Always the same."""
        return QSize(16, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Groove and arc."""
        painter = painter_for(QPainter(self))
        area = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        pen = QPen(self._theme.color("track"), 2.5)
        painter.setPen(pen)
        painter.drawEllipse(area)
        if self._fraction > 0:
            pen.setColor(self._theme.color(self.role()))
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawArc(area, 90 * 16, -round(min(1.0, self._fraction) * 360 * 16))
