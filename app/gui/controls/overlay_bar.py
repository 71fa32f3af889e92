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
        bar = area.verticalScrollBar()
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Queued: areas set the page step after the range.
        bar.rangeChanged.connect(self._follow, Qt.ConnectionType.QueuedConnection)
        bar.valueChanged.connect(self.setValue)
        self.valueChanged.connect(bar.setValue)
        area.installEventFilter(self)
        self._place(area.size())
        self._follow()

    def _follow(self) -> None:
        area = self.parentWidget()
        assert isinstance(area, QAbstractScrollArea)
        bar = area.verticalScrollBar()  # not kept: it is Qt's, and PySide may drop what one holds
        self.setRange(bar.minimum(), bar.maximum())
        self.setPageStep(bar.pageStep())
        self.setSingleStep(bar.singleStep())
        self.setValue(bar.value())
        self.setVisible(bar.maximum() > bar.minimum())
        self.raise_()

    def _place(self, area: QSize) -> None:
        self.setGeometry(area.width() - _WIDTH, 0, _WIDTH, area.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep at the edge. Asks neither area nor bar: both may be about to end."""
        if isinstance(event, QResizeEvent):
            self._place(event.size())
        return super().eventFilter(watched, event)
