"""How much memory a model needs at each length of context, beside what it takes on the disk."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import structs
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.core.gguf_types import GgufHeader
from app.core.library_types import LocalModel
from app.core.memory import estimate
from app.gui import formatting
from app.gui.controls.painting import device_line, painter_for
from app.gui.icons import Icons
from backends.types import KVType, LoadConfig

POINTS = 33
MOST_TOKENS = 131_072
PlaceOf = Callable[[int, float], QPointF]
_GB = 1e9
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 48
_VCENTER = Qt.AlignmentFlag.AlignVCenter
_CENTER = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class MemoryCurve:
    """Memory in bytes over tokens of context, with the memory that is free."""

    tokens: tuple[int, ...]
    f16: tuple[int, ...]
    q8_0: tuple[int, ...]
    context: int
    """The length that the model is loaded with."""
    need: int
    free: int
    disk: int
    """What its files take on the disk, whatever the context."""


def memory_curve(
    header: GgufHeader, model: LocalModel, config: LoadConfig, free: int
) -> MemoryCurve | None:
    """The curve of one model; None if its header does not tell enough."""
    longest = min(header.context_length or 0, MOST_TOKENS)
    if longest < 2 * config.batch_size or not header.block_count:
        return None
    tokens = tuple(
        max(config.batch_size, round(longest * step / (POINTS - 1))) for step in range(POINTS)
    )
    context = min(config.context_length or 8192, header.context_length or longest)

    def need(count: int, kv_type: KVType) -> int:
        wanted = structs.replace(config, context_length=count, kv_type=kv_type)
        return estimate(header, wanted, model.size).total

    return MemoryCurve(
        tokens=tokens,
        f16=tuple(need(count, "f16") for count in tokens),
        q8_0=tuple(need(count, "q8_0") for count in tokens),
        context=min(context, longest),
        need=need(context, config.kv_type),
        free=free,
        disk=model.disk_size,
    )


def axis_steps(most: float, wanted: int = 4) -> list[float]:
    """Round values from 0 to at least `most`."""
    if most <= 0:
        return [0.0, 1.0]
    size = 10.0 ** math.floor(math.log10(most / wanted))
    step = next(size * each for each in (1, 2, 2.5, 4, 5, 8, 10) if size * each >= most / wanted)
    return [step * each for each in range(math.ceil(most / step - 1e-9) + 1)]


class MemoryPlot(QWidget):
    """Two curves, the disk, the limit, and where the model is now."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._curve: MemoryCurve | None = None
        self.setFixedHeight(166)
        self._theme.changed.connect(self.update)

    def show_curve(self, curve: MemoryCurve | None) -> None:
        """Show another model."""
        self._curve = curve
        if curve is not None:
            text = self.tr(
                "Needs %1 with %2 tokens of context; %3 is free now. %4 on the disk, always"
            )
            text = text.replace("%4", formatting.file_size(curve.disk))
            text = text.replace("%1", formatting.memory_size(curve.need))
            text = text.replace("%2", formatting.number(curve.context))
            text = text.replace("%3", formatting.memory_size(curve.free))
            self.setAccessibleName(text)
            self.setToolTip(text)
        self.update()

    def sizeHint(self) -> QSize:
        """Flat."""
        return QSize(328, 166)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Axes, curves, limit, marker."""
        curve = self._curve
        if curve is None:
            return
        painter = painter_for(QPainter(self))
        most = max(*curve.f16, curve.disk, min(curve.free, 2 * max(curve.f16)))
        steps = axis_steps(most / _GB)
        area = QRectF(_LEFT, _TOP, self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM)
        self._paint_axes(painter, area, steps, curve.tokens[-1])
        top = steps[-1] * _GB

        def place(tokens: int, need: float) -> QPointF:
            x = area.x() + area.width() * tokens / curve.tokens[-1]
            return QPointF(x, area.bottom() - area.height() * min(1.0, need / top))

        self._paint_disk(painter, area, place(0, curve.disk).y())
        self._paint_curves(painter, area, place_all(curve, place))
        if curve.free <= top:
            self._paint_limit(painter, area, place(0, curve.free).y(), curve.free)
        self._paint_marker(painter, area, place(curve.context, curve.need), curve.need)
        self._paint_legend(painter, area)

    def _paint_legend(self, painter: QPainter, area: QRectF) -> None:
        theme = self._theme
        painter.setFont(theme.font("caption"))
        x, y = area.x(), area.bottom() + 36
        for text, role, width, style in (
            (self.tr("KV f16"), "accent", 2.0, Qt.PenStyle.SolidLine),
            (self.tr("KV q8_0"), "text-3", 1.5, Qt.PenStyle.DotLine),
            (self.tr("On disk"), "text-3", 1.0, Qt.PenStyle.SolidLine),
        ):
            painter.setPen(QPen(theme.color(role), width, style))
            painter.drawLine(QPointF(x, y), QPointF(x + 14, y))
            painter.setPen(theme.color("text-3"))
            painter.drawText(QRectF(x + 22, y - 8, 60, 16), _VCENTER, text)
            x += 22 + painter.fontMetrics().horizontalAdvance(text) + 16

    def _paint_axes(
        self, painter: QPainter, area: QRectF, steps: Sequence[float], longest: int
    ) -> None:
        theme = self._theme
        painter.setFont(theme.font("caption", tabular=True))
        for step in steps:
            y = area.bottom() - area.height() * step / steps[-1]
            line = QRectF(area.x(), round(y), area.width(), device_line(painter))
            painter.fillRect(line, theme.color("border"))
            painter.setPen(theme.color("text-3"))
            label = QRect(0, round(y) - 8, _LEFT - 8, 16)
            text = f"{step:g}"
            painter.drawText(label, _VCENTER | Qt.AlignmentFlag.AlignRight, text)
        for tokens in (0, longest // 4, longest // 2, longest):
            x = round(area.x() + area.width() * tokens / longest)
            label = QRect(min(x - 30, self.width() - 60), round(area.bottom()) + 6, 60, 16)
            side = Qt.AlignmentFlag.AlignRight if tokens == longest else _CENTER
            text = formatting.short_tokens(tokens) if tokens else "0"
            painter.drawText(label, side | _VCENTER, text)

    def _paint_curves(
        self,
        painter: QPainter,
        area: QRectF,
        lines: tuple[list[QPointF], list[QPointF]],
    ) -> None:
        theme = self._theme
        first, second = lines
        path = QPainterPath(QPointF(first[0].x(), area.bottom()))
        for point in first:
            path.lineTo(point)
        path.lineTo(first[-1].x(), area.bottom())
        shade = QColor(theme.color("accent"))
        shade.setAlphaF(0.12)
        painter.fillPath(path, shade)
        painter.setPen(QPen(theme.color("text-3"), 1.5, Qt.PenStyle.DotLine))
        painter.drawPolyline(second)
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawPolyline(first)

    def _paint_disk(self, painter: QPainter, area: QRectF, y: float) -> None:
        """The files are as large at every length of context."""
        painter.setPen(QPen(self._theme.color("text-3"), 1))
        painter.drawLine(QPointF(area.x(), y), QPointF(area.right(), y))

    def _paint_limit(self, painter: QPainter, area: QRectF, y: float, free: int) -> None:
        theme = self._theme
        painter.setPen(QPen(theme.color("warning"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(area.x(), y), QPointF(area.right(), y))
        text = self.tr("%1 free now").replace("%1", formatting.memory_size(free))
        above = y - 17 if y > area.y() + 14 else y + 2
        painter.drawText(QRectF(area.x() + 6, above, 160, 16), _VCENTER, text)

    def _paint_marker(self, painter: QPainter, area: QRectF, at: QPointF, need: int) -> None:
        theme = self._theme
        painter.setPen(QPen(theme.color("accent"), 1, Qt.PenStyle.DotLine))
        painter.drawLine(at, QPointF(at.x(), area.bottom()))
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.setBrush(theme.color("sidebar"))
        painter.drawEllipse(at, 4, 4)
        painter.setPen(theme.color("text"))
        text = formatting.memory_size(need)
        if at.x() < area.right() - 70:
            painter.drawText(QRectF(at.x() + 8, at.y() + 4, 64, 16), _VCENTER, text)
        else:  # the curve comes from below
            right = _VCENTER | Qt.AlignmentFlag.AlignRight
            painter.drawText(QRectF(at.x() - 72, at.y() - 22, 72, 16), right, text)


def place_all(curve: MemoryCurve, place: PlaceOf) -> tuple[list[QPointF], list[QPointF]]:
    """Both curves as points of the picture."""
    first = [place(tokens, need) for tokens, need in zip(curve.tokens, curve.f16, strict=True)]
    second = [place(tokens, need) for tokens, need in zip(curve.tokens, curve.q8_0, strict=True)]
    return first, second
