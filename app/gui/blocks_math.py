"""A formula on lines of its own: its picture in the middle, or its source."""

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QScrollArea, QWidget

from app.gui.blocks_text import BlockParts
from app.gui.markdown import MathBlock
from app.gui.math_images import Formula, Picture

ROOM = 6
"""Above and below the formula."""


class MathView(QScrollArea):
    """A formula; one that is wider than the column scrolls sideways."""

    resized = Signal()
    link_chosen = Signal(str)
    RISE = 0

    def __init__(self, parts: BlockParts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._canvas = _Canvas(parts, self)
        self._canvas.drawn.connect(self.resized)
        self.setWidget(self._canvas)

    def show_block(self, block: MathBlock) -> None:
        """Show a formula."""
        self._canvas.show_formula(block.tex)
        self.setAccessibleName(self.tr("Formula %1").replace("%1", block.tex))

    def fit(self, width: int) -> int:
        """Lay out for a width; returns the height."""
        needed = self._canvas.needed()
        self._canvas.resize(max(width, needed.width()), needed.height())
        bar = self.horizontalScrollBar().sizeHint().height() if needed.width() > width else 0
        return needed.height() + bar


class _Canvas(QWidget):
    drawn = Signal()

    def __init__(self, parts: BlockParts, parent: QWidget) -> None:
        super().__init__(parent)
        self._parts = parts
        self._formula: Formula | None = None
        parts.math.drawn.connect(self._take)

    def show_formula(self, tex: str) -> None:
        theme = self._parts.theme
        size = round(theme.font_size("reading") * 1.2)
        ratio = self.devicePixelRatioF()
        self._formula = Formula(tex, size, theme.css("text"), display=True, pixel_ratio=ratio)
        self.setToolTip(tex)
        self.update()

    def needed(self) -> QRect:
        picture = self._picture()
        if picture:
            height = picture.ascent + picture.descent
            return QRect(0, 0, round(picture.width) + 2, round(height) + 2 * ROOM)
        lines = self._source().split("\n")
        metrics = QFontMetrics(self._parts.theme.font("code"))
        width = max(metrics.horizontalAdvance(line) for line in lines)
        line_height = self._parts.theme.line_height("code")
        return QRect(0, 0, width + 2, line_height * len(lines) + 2 * ROOM)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        picture = self._picture()
        if picture:
            x = round((self.width() - picture.width) / 2)
            painter.drawImage(x, ROOM, picture.image)
            return
        painter.setFont(self._parts.theme.font("code"))
        painter.setPen(self._parts.theme.color("text-2"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self._source())

    def _picture(self) -> Picture | None:
        return self._parts.math.picture(self._formula) if self._formula else None

    def _source(self) -> str:
        return self._formula.tex if self._formula else ""

    def _take(self, formula: Formula) -> None:
        if formula == self._formula:
            self.update()
            self.drawn.emit()
