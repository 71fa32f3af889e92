"""A combo box whose list is a menu."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from app.gui.controls.focus import RingFocus
from app.gui.controls.menu import Menu
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons


class ComboBox(RingFocus, QComboBox):
    """One of several. Item data is the value; `add(text, value, icon)` adds one."""

    def __init__(
        self, icons: Icons, name: str, *, small: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self._menu: Menu | None = None
        self.setAccessibleName(name)
        self.setFixedHeight(icons.theme.metric("control-small" if small else "control"))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        icons.theme.changed.connect(self.update)

    def add(self, text: str, value: object = None, icon: str = "") -> None:
        """One more choice."""
        self.addItem(text, value)
        self.setItemData(self.count() - 1, icon, Qt.ItemDataRole.UserRole + 1)

    def choose(self, value: object) -> None:
        """Choose by value without telling; an unknown one changes nothing."""
        index = self.findData(value)
        if index >= 0:
            blocked = self.blockSignals(True)
            self.setCurrentIndex(index)
            self.blockSignals(blocked)
            self.update()

    def _icon_of(self, index: int) -> str:
        return str(self.itemData(index, Qt.ItemDataRole.UserRole + 1) or "")

    def sizeHint(self) -> QSize:
        """Room for the longest choice."""
        metrics = QFontMetrics(self._icons.theme.font("body"))
        texts = [metrics.horizontalAdvance(self.itemText(i)) for i in range(self.count())]
        icon = 24 if any(self._icon_of(i) for i in range(self.count())) else 0
        return QSize(max([48, *texts]) + icon + 48, self.height())

    def minimumSizeHint(self) -> QSize:
        """It can give way; the text is cut then."""
        return QSize(72, self.height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only where the focus is; else the page scrolls."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def showPopup(self) -> None:
        """The choices as a menu of at least this width."""
        menu = Menu(self._icons, self)
        for index in range(self.count()):
            action = menu.add(
                self.itemText(index),
                icon=self._icon_of(index),
                checked=index == self.currentIndex(),
            )
            action.setData(index)
            if index == self.currentIndex():
                menu.setActiveAction(action)
        menu.triggered.connect(self._picked)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.setMinimumWidth(max(menu.minimumWidth(), self.width()))
        menu.popup(self.mapToGlobal(QPoint(0, self.height() + 4)))

    def _picked(self, action: object) -> None:
        index = action.data() if hasattr(action, "data") else None
        if isinstance(index, int):
            self.setCurrentIndex(index)
            self.activated.emit(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, icon, text, chevrons."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        edge = "border-strong" if self.isEnabled() else "border"
        if self.underMouse() and self.isEnabled():
            edge = "text-3"
        box(
            painter,
            self.rect(),
            theme.radius("control"),
            fill=theme.color("control") if theme.scheme == "light" else None,
            border=theme.color(edge),
        )
        role, x = ("text" if self.isEnabled() else "disabled"), 11
        dpr = dpr_of(painter)
        icon = self._icon_of(self.currentIndex())
        if icon:
            pixmap = self._icons.pixmap(icon, 16, "text-2", dpr)
            pixmap_in(painter, QRect(x, 0, 16, self.height()), pixmap)
            x += 24
        chevrons = QRect(self.width() - 26, 0, 16, self.height())
        pixmap_in(painter, chevrons, self._icons.pixmap("chevrons-up-down", 14, "text-2", dpr))
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color(role))
        area = QRect(x, 0, chevrons.left() - x - 4, self.height())
        text = QFontMetrics(theme.font("body")).elidedText(
            self.currentText(), Qt.TextElideMode.ElideRight, area.width()
        )
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)
