"""The navigation rail at the left edge of the window."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from app.gui.controls.badges import draw_count
from app.gui.controls.buttons import IconButton, tip_with_shortcut
from app.gui.controls.focus import RingFocus
from app.gui.controls.icon_view import MarkView
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons

_GAP = 4


class RailButton(RingFocus, QAbstractButton):
    """One place to go, with a count for what is going on there."""

    one_of_several = True

    def __init__(self, icons: Icons, icon: str, name: str, shortcut: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._icons = icons
        self._icon_name = icon
        self._name = name
        self._tip = tip_with_shortcut(name, shortcut)
        self._count = 0
        self.alarming = False
        """Whether the number counts what a person must look at."""
        self._side = icons.theme.metric("rail-button")
        self.setFixedSize(self._side, self._side)
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_count(0, "")
        icons.theme.changed.connect(self.update)

    def set_count(self, count: int, words: str, *, alarming: bool = False) -> None:
        """The number on the badge (0 for none), what it means, whether a person must do something.

        The last is red.
        """
        self._count, self.alarming = count, alarming
        self.setAccessibleName(f"{self._name}, {words}" if words else self._name)
        self.setToolTip(f"{self._tip}\n{words}" if words else self._tip)
        self.update()

    def count(self) -> int:
        """The number on the badge."""
        return self._count

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(self._side, self._side)

    def nextCheckState(self) -> None:
        """The window decides which place is current."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, icon, badge."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        ground = ""
        if self.isDown():
            ground = "pressed"
        elif self.isChecked():
            ground = "selected"
        elif self.underMouse():
            ground = "hover"
        if ground:
            box(painter, self.rect(), theme.radius("control"), fill=theme.color(ground))
        role = "text" if ground else "text-2"
        pixmap_in(
            painter, self.rect(), self._icons.pixmap(self._icon_name, 20, role, dpr_of(painter))
        )
        if self._count:
            fill = "danger-fill" if self.alarming else "accent-fill"
            draw_count(painter, self.width() - 2, 3, self._count, theme, fill)


class Rail(QWidget):
    """Mark, places, and at the foot the offline sign and the settings."""

    chosen = Signal(str)
    """A page id."""
    offline_chosen = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[str, RailButton] = {}
        self._icons = icons
        self.setFixedWidth(icons.theme.metric("rail"))
        self.setAccessibleName(self.tr("Places"))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 0, 8, 8)
        self._column.setSpacing(_GAP)
        cell = QWidget()
        cell.setFixedSize(40, icons.theme.metric("header"))
        mark = MarkView(icons, 24, cell)
        mark.move(8, 14)
        self._column.addWidget(cell)
        self._column.addStretch(1)
        self.offline = IconButton(
            icons, "wifi-off", self.tr("Offline: nothing leaves this computer")
        )
        self.offline.set_icon("wifi-off", "warning")
        self.offline.clicked.connect(self.offline_chosen)
        self.offline.hide()
        self._column.addWidget(self.offline, 0, Qt.AlignmentFlag.AlignHCenter)

    def add(self, page_id: str, icon: str, name: str, shortcut: str, *, foot: bool = False) -> None:
        """One more place; at the foot or under the ones before."""
        button = RailButton(self._icons, icon, name, shortcut, self)
        button.clicked.connect(lambda: self.chosen.emit(page_id))
        self.buttons[page_id] = button
        at = self._column.count() if foot else self._column.count() - 2
        self._column.insertWidget(at, button)

    def set_current(self, page_id: str) -> None:
        """Mark the place one is at."""
        for each, button in self.buttons.items():
            button.setChecked(each == page_id)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground and line; not by the style sheet, which is not there at the first paint."""
        painter, color = QPainter(self), self._icons.theme.color
        painter.fillRect(self.rect(), color("rail"))
        painter.fillRect(self.rect().adjusted(self.width() - 1, 0, 0, 0), color("border"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down move the focus between the places."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        buttons = list(self.buttons.values())
        focused = [index for index, button in enumerate(buttons) if button.hasFocus()]
        if step is None or not focused:
            super().keyPressEvent(event)
            return
        target = buttons[(focused[0] + step) % len(buttons)]
        target.setFocus(Qt.FocusReason.TabFocusReason)
