"""Text that ends in an ellipsis where there is no room, with the whole in a tool tip."""

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.gui.controls.labels import Label


class ElidedLabel(Label):
    """One line that gives way. Paths lose their middle (`Qt.TextElideMode.ElideMiddle`)."""

    def __init__(
        self,
        text: str = "",
        style: str = "body",
        role: str = "text",
        parent: QWidget | None = None,
        *,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(text, style, role, parent)
        self._mode = mode
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def shown_text(self) -> str:
        """The text as it fits now."""
        return self.fontMetrics().elidedText(self.text(), self._mode, self.contentsRect().width())

    def is_elided(self) -> bool:
        """Whether something is left out."""
        return self.shown_text() != self.text()

    def minimumSizeHint(self) -> QSize:
        """A few letters are enough."""
        return QSize(self.fontMetrics().horizontalAdvance("M…"), super().sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text, shortened."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.setFont(self.font())
        painter.drawText(self.contentsRect(), int(self.alignment()), self.shown_text())

    def event(self, event: QEvent) -> bool:
        """The whole text in a tool tip, only when it is cut."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cut = self.is_elided() and not self.toolTip()
            if cut:
                QToolTip.showText(event.globalPos(), self.text(), self)
                return True
        return super().event(event)
