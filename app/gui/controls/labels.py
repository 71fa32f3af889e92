"""Text on a page: one class, styled by name."""

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

_LINE_RATIO = {"micro": 16 / 11, "caption": 4 / 3, "reading": 1.6, "title": 1.4, "welcome": 4 / 3}
_BODY_RATIO = 20 / 13
_WIDEST = 16_000


class Label(QLabel):
    """Text in a type style ("body", "caption", …) and a colour role of the tokens.

    With `wrap` it breaks into lines that stand as far apart as the style says, which QLabel
    by itself cannot do.
    """

    def __init__(
        self,
        text: str = "",
        style: str = "body",
        role: str = "text",
        parent: QWidget | None = None,
        *,
        wrap: bool = False,
    ) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("type", style)
        self.setProperty("role", role)
        self._ratio = _LINE_RATIO.get(style, _BODY_RATIO)
        if wrap:
            self.setWordWrap(True)
            policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)

    def set_role(self, role: str) -> None:
        """Another colour."""
        if role != self.property("role"):
            self.setProperty("role", role)
            self.style().unpolish(self)
            self.style().polish(self)

    def _line_height(self) -> int:
        return round(self.font().pixelSize() * self._ratio)

    def _lines(self, width: float) -> QTextLayout:
        layout = QTextLayout(self.text().replace("\n", "\u2028"), self.font())
        option = QTextOption(self.alignment())
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.beginLayout()
        y, step = 0.0, self._line_height()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            line.setPosition(QPointF(0, y + (step - line.height()) / 2))
            y += step
        layout.endLayout()
        return layout

    def hasHeightForWidth(self) -> bool:
        """As many lines as it takes."""
        return self.wordWrap()

    def heightForWidth(self, width: int) -> int:
        """Lines times their distance."""
        if not self.wordWrap():
            return super().heightForWidth(width)
        self.ensurePolished()
        return max(1, self._lines(max(1, width)).lineCount()) * self._line_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Claim the height that the width asks for; not every layout does by itself."""
        super().resizeEvent(event)
        self._claim_height()

    def setText(self, text: str) -> None:
        """Other words."""
        super().setText(text)
        self._claim_height()

    def _claim_height(self) -> None:
        if self.wordWrap() and self.width() > 0:
            self.setMinimumHeight(self.heightForWidth(self.width()))

    def sizeHint(self) -> QSize:
        """One line if there is room."""
        if not self.wordWrap():
            hint = super().sizeHint()
            margins = self.contentsMargins()
            line = self._line_height() + margins.top() + margins.bottom()
            return QSize(hint.width(), max(hint.height(), line))
        self.ensurePolished()
        layout = self._lines(_WIDEST)
        widest = max(
            (layout.lineAt(n).naturalTextWidth() for n in range(layout.lineCount())), default=0
        )
        return QSize(math.ceil(widest) + 1, max(1, layout.lineCount()) * self._line_height())

    def minimumSizeHint(self) -> QSize:
        """A word is enough where it wraps."""
        if not self.wordWrap():
            return QSize(super().minimumSizeHint().width(), self.sizeHint().height())
        self.ensurePolished()
        return QSize(min(48, self.sizeHint().width()), self._line_height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The lines, or what QLabel does."""
        if not self.wordWrap():
            super().paintEvent(event)
            return
        area = QRectF(self.contentsRect())
        layout = self._lines(area.width())
        height = layout.lineCount() * self._line_height()
        if self.alignment() & Qt.AlignmentFlag.AlignVCenter:
            area.translate(0, max(0.0, (area.height() - height) / 2))
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        layout.draw(painter, area.topLeft())
