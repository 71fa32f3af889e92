"""An icon as part of a page."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.gui.controls.painting import dpr_of, pixmap_in
from app.gui.icons import Icons


class IconView(QWidget):
    """A Lucide icon that follows the theme. Decoration: a label beside it says the same."""

    def __init__(
        self,
        icons: Icons,
        name: str,
        size: int = 16,
        role: str = "text-3",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons, self._name, self._size, self._role = icons, name, size, role
        self.setFixedSize(size, size)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        icons.theme.changed.connect(self.update)

    def set_icon(self, name: str, role: str = "") -> None:
        """Another icon, and another colour if given."""
        self._name, self._role = name, role or self._role
        self.update()

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(self._size, self._size)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The icon."""
        painter = QPainter(self)
        pixmap = self._icons.pixmap(self._name, self._size, self._role, dpr_of(painter))
        pixmap_in(painter, self.rect(), pixmap)


class MarkView(QWidget):
    """The program's mark."""

    def __init__(self, icons: Icons, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons, self._side = icons, size
        self.setFixedSize(size, size)
        icons.theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The mark."""
        painter = QPainter(self)
        pixmap_in(painter, self.rect(), self._icons.mark(self._side, dpr_of(painter)))
