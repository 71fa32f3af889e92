"""A link in a line of text: flush with its neighbours, as high as a caption."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.gui.controls.buttons import LinkButton
from app.gui.controls.painting import dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons


class InlineLink(LinkButton):
    """Accent text that does something here; `opens` adds a chevron, for menus."""

    ring_radius = 4

    def __init__(
        self, icons: Icons, text: str = "", *, opens: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(icons, text, small=True, parent=parent)
        self._chevron = 18 if opens else 0

    def label_font(self) -> QFont:
        """A caption, a little stronger."""
        font = self._icons.theme.font("caption")
        font.setWeight(QFont.Weight.Medium)
        return font

    def sizeHint(self) -> QSize:
        """The text and nothing around it."""
        width = QFontMetrics(self.label_font()).horizontalAdvance(self.text())
        return QSize(width + 2 + self._chevron, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Text, chevron."""
        painter, theme = painter_for(QPainter(self)), self._icons.theme
        role = self.ink_now()
        painter.setFont(self.label_font())
        painter.setPen(theme.color(role))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self._chevron:
            place = QRect(self.width() - 14, 0, 14, self.height())
            pixmap_in(painter, place, self._icons.pixmap("chevron-down", 14, role, dpr_of(painter)))
