"""Frames that hold other things, and the lines between."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.gui.controls.overlay_bar import OverlayScrollBar

_MUCH = 10_000
"""A stretch that leaves nothing to the margins until the column is full."""


class Card(QFrame):
    """A bordered ground with radius 12: ground "raised", "canvas" or "sidebar"."""

    def __init__(self, parent: QWidget | None = None, *, ground: str = "raised") -> None:
        super().__init__(parent)
        self.setProperty("card", ground)


class Line(QFrame):
    """A 1 px line between regions."""

    def __init__(self, parent: QWidget | None = None, *, vertical: bool = False) -> None:
        super().__init__(parent)
        self.setProperty("line", True)
        if vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)


class Region(QFrame):
    """A part of the window with a ground of its own: "rail", "sidebar", "canvas"."""

    def __init__(self, ground: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("region", ground)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


class ScrollPage(QScrollArea):
    """A page that scrolls down, its content in one centred column."""

    def __init__(self, column: int, parent: QWidget | None = None, *, above: int = 24) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.content = QWidget()
        self.column = QVBoxLayout()
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        holder = QWidget()
        holder.setMaximumWidth(column)
        holder.setLayout(self.column)
        outer = QHBoxLayout(self.content)
        outer.setContentsMargins(32, above, 32, 32)
        outer.addStretch(1)
        outer.addWidget(holder, _MUCH)
        outer.addStretch(1)
        self.holder = holder
        self.setWidget(self.content)
        OverlayScrollBar(self)  # the column stays where it is when there is more than fits
