"""A button that opens a small grid of icons."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QWidget

from app.gui.controls.buttons import IconButton
from app.gui.controls.focus import RingFocus, RingShape
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.controls.popover import Popover
from app.gui.icons import Icons

CHOICES = (
    "message-square",
    "code",
    "pen-line",
    "languages",
    "graduation-cap",
    "text-quote",
    "lightbulb",
    "braces",
    "message-circle-question-mark",
    "file",
    "mail",
    "book-open",
    "table",
    "sigma",
    "terminal",
    "globe",
    "calendar",
    "heart",
    "scale",
    "sparkles",
    "search",
    "image",
    "wrench",
    "bot",
)
COLUMNS = 6


class PresetIconButton(RingFocus, QAbstractButton):
    """Shows the icon of a preset and lets choose another one."""

    ring_shape: RingShape = "outside"
    chosen = Signal(str)

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._icon = CHOICES[0]
        self.setAccessibleName(self.tr("Icon of the preset"))
        self.setToolTip(self.tr("Choose an icon"))
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedSize(48, icons.theme.metric("control"))
        self.clicked.connect(self._open)
        icons.theme.changed.connect(self.update)

    def icon_name(self) -> str:
        """The icon chosen."""
        return self._icon

    def show_icon(self, name: str) -> None:
        """Another icon, without telling."""
        self._icon = name
        self.setAccessibleDescription(name)
        self.update()

    def sizeHint(self) -> QSize:
        """Icon and chevron."""
        return QSize(48, self._icons.theme.metric("control"))

    def _open(self) -> None:
        popover = Popover(self._icons, self.tr("Icons"), self)
        popover.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        popover.body.setContentsMargins(9, 9, 9, 9)
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, name in enumerate(CHOICES):
            button = IconButton(self._icons, name, name.replace("-", " "), checkable=True)
            button.setChecked(name == self._icon)
            button.clicked.connect(lambda _=False, name=name: self._choose(name, popover))
            grid.addWidget(button, place // COLUMNS, place % COLUMNS)
        popover.body.addLayout(grid)
        popover.open_under(self)
        popover.focusNextChild()

    def _choose(self, name: str, popover: Popover) -> None:
        popover.close()
        self.show_icon(name)
        self.setFocus(Qt.FocusReason.PopupFocusReason)
        self.chosen.emit(name)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, icon, chevron."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        edge = theme.color("text-3" if self.underMouse() else "border-strong")
        box(painter, self.rect(), theme.radius("control"), border=edge)
        dpr = dpr_of(painter)
        icon = self._icons.pixmap(self._icon, 16, "text", dpr)
        chevron = self._icons.pixmap("chevron-down", 14, "text-2", dpr)
        pixmap_in(painter, QRect(7, 0, 16, self.height()), icon)
        pixmap_in(painter, QRect(27, 0, 14, self.height()), chevron)
