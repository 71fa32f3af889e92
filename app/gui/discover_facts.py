"""Facts in a line, badges in lines, and what stands in for them while a page loads."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.gui.controls.badges import Badge
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.painting import box, painter_for
from app.gui.discover_subject import Fact
from app.gui.flow_layout import FlowLayout
from app.gui.icons import Icons


def empty_flow(layout: FlowLayout) -> None:
    """Remove every widget from a layout."""
    while layout.count():
        if (widget := layout.takeAt(0).widget()) is not None:
            widget.hide()
            widget.deleteLater()


class _FactView(QWidget):
    """One fact: icon and words."""

    def __init__(self, icons: Icons, fact: Fact) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        if fact.icon:
            row.addWidget(IconView(icons, fact.icon, 14))
        row.addWidget(Label(fact.text, "body", "text-3" if fact.icon else "text-2"))
        self.setToolTip(fact.tip)


class FactsRow(QWidget):
    """Icon and words, several times; goes on in the next line where there is no room."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._flow = FlowLayout(self, spacing=16, between_lines=4)

    def set_facts(self, facts: Sequence[Fact]) -> None:
        """Show these."""
        empty_flow(self._flow)
        for fact in facts:
            self._flow.addWidget(_FactView(self._icons, fact))
        self.updateGeometry()


class BadgesRow(QWidget):
    """Badges that go on in the next line where there is no room."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._flow = FlowLayout(self, spacing=6)

    def set_badges(self, facts: Sequence[Fact]) -> None:
        """Show these."""
        empty_flow(self._flow)
        for fact in facts:
            self._flow.addWidget(Badge(self._icons, fact.text, icon=fact.icon))
        self.setVisible(bool(facts))
        self.updateGeometry()


class SkeletonLines(QWidget):
    """Grey bars of the height of what is being fetched."""

    def __init__(
        self, icons: Icons, shares: Sequence[float], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._shares = tuple(shares)
        self.setFixedHeight(24 * len(self._shares))
        self.setAccessibleName(self.tr("Loading"))
        self._theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """One bar a line."""
        painter = painter_for(QPainter(self))
        fill = self._theme.color("hover")
        for line, share in enumerate(self._shares):
            box(painter, QRectF(0, 24 * line + 7, self.width() * share, 10), 4, fill=fill)
