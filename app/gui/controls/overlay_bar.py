"""A scroll bar that lies over the margin of a list, so that rows keep their width."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QScrollBar

_WIDTH = 12
"""What reacts to the pointer; the thumb is 4 wide, 8 under the pointer."""


class OverlayScrollBar(QScrollBar):
    """Stands in for the vertical bar of a scroll area, and follows it."""

    def __init__(self, area: QAbstractScrollArea) -> None:
        super().__init__(Qt.Orientation.Vertical, area)
        self._bar = area.verticalScrollBar()
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Queued: areas set the page step after the range.
        self._bar.rangeChanged.connect(self._follow, Qt.ConnectionType.QueuedConnection)
        self._bar.valueChanged.connect(self.setValue)
        self.valueChanged.connect(self._bar.setValue)
        area.installEventFilter(self)
        self._place(area.size())
        self._follow()

    def _follow(self) -> None:
        self.setRange(self._bar.minimum(), self._bar.maximum())
        self.setPageStep(self._bar.pageStep())
        self.setSingleStep(self._bar.singleStep())
        self.setValue(self._bar.value())
        self.setVisible(self._bar.maximum() > self._bar.minimum())
        self.raise_()

    def _place(self, area: QSize) -> None:
        self.setGeometry(area.width() - _WIDTH, 0, _WIDTH, area.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep at the edge. Asks neither area nor bar: both may be about to end."""
        if isinstance(event, QResizeEvent):
            self._place(event.size())
        return super().eventFilter(watched, event)
