"""A scroll area that is as high as what is in it, and scrolls where there is less room."""

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from app.gui.controls.overlay_bar import OverlayScrollBar


class ContentScroll(QScrollArea):
    """Never higher than its content, at least `least` pixels high."""

    def __init__(self, content: QWidget, least: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._least = least
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setWidget(content)
        OverlayScrollBar(self)
        content.installEventFilter(self)

    def sizeHint(self) -> QSize:
        """The content's."""
        content = self.widget()
        return content.sizeHint() if content is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Enough to see what it scrolls."""
        return QSize(0, min(self._least, self.sizeHint().height()))

    def reveal(self, part: QWidget) -> None:
        """Scroll until `part` begins at the top, or as far as it goes."""
        content = self.widget()
        if content is not None:
            at = part.mapTo(content, QPoint(0, 0)).y()
            self.verticalScrollBar().setValue(at)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Another height of the content is one of this, too."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)
