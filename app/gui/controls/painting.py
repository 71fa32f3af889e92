"""Drawing that several controls share."""

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap


def painter_for(painter: QPainter) -> QPainter:
    """The painter with smooth edges switched on."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    return painter


def device_line(painter: QPainter, width: float = 1.0) -> float:
    """A whole number of device pixels, at least one and not wider than `width`."""
    dpr = painter.device().devicePixelRatioF()
    return float(max(1, int(width * dpr)) / dpr)


def box(
    painter: QPainter,
    rect: QRect | QRectF,
    radius: float,
    *,
    fill: QColor | None = None,
    border: QColor | None = None,
    width: float = 1.0,
) -> None:
    """A rounded box whose border lies inside `rect` and on whole device pixels."""
    painter.setBrush(fill if fill is not None else Qt.BrushStyle.NoBrush)
    area = QRectF(rect)
    if border is None:
        painter.setPen(Qt.PenStyle.NoPen)
    else:
        line = device_line(painter, width)
        painter.setPen(QPen(border, line))
        area = area.adjusted(line / 2, line / 2, -line / 2, -line / 2)
        radius -= line / 2
    painter.drawRoundedRect(area, radius, radius)


def pixmap_in(painter: QPainter, rect: QRect | QRectF, pixmap: QPixmap) -> None:
    """Draw a pixmap in the middle of `rect`, on whole device pixels."""
    dpr = pixmap.devicePixelRatioF()
    size = pixmap.deviceIndependentSize()
    center = QRectF(rect).center()
    x = round((center.x() - size.width() / 2) * dpr) / dpr
    y = round((center.y() - size.height() / 2) * dpr) / dpr
    painter.drawPixmap(QPointF(x, y), pixmap)


def bar(painter: QPainter, rect: QRectF, color: QColor) -> None:
    """A bar with round ends; nothing where it has no length."""
    if rect.width() <= 0:
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    radius = min(rect.height(), rect.width()) / 2
    painter.drawRoundedRect(rect, radius, radius)


def clip_round(painter: QPainter, rect: QRectF, radius: float) -> None:
    """Draw only inside a rounded box from now on."""
    path = QPainterPath()
    path.addRoundedRect(rect, radius, radius)
    painter.setClipPath(path)


def dpr_of(painter: QPainter) -> float:
    """Device pixels for each pixel of the painter's device."""
    return float(painter.device().devicePixelRatioF())
