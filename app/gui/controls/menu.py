"""Menus: rows of 32 with icon, label and shortcut; deleting last and red."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import (
    QAction,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.controls.popup_shape import paint_popup, prepare_popup, shape_popup
from app.gui.icons import Icons

_ICON = 16 + 12
"""An icon and the gap to its label."""
_KEY_GAP = 24
_SIDE = 5 + 12
"""Beside the widest row, inside the menu."""


class Menu(QMenu):
    """A menu in the look of the theme. Esc closes it and gives the focus back."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self.setWindowFlags(
            self.windowFlags()
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.NoDropShadowWindowHint
        )
        prepare_popup(self)

    def add(
        self,
        text: str,
        callback: Callable[[], object] | None = None,
        *,
        icon: str = "",
        shortcut: str = "",
        danger: bool = False,
        checked: bool | None = None,
        enabled: bool = True,
        tip: str = "",
    ) -> QAction:
        """One row. `shortcut` is shown only; the page owns the key."""
        action = QAction(text, self)
        action.setProperty("lucide", icon)
        action.setProperty("key", shortcut)
        action.setProperty("danger", danger)
        action.setEnabled(enabled)
        if tip:
            action.setToolTip(tip)
            self.setToolTipsVisible(True)
        if checked is not None:
            action.setCheckable(True)
            action.setChecked(checked)
        if callback is not None:
            action.triggered.connect(lambda _=False: callback())
        self.addAction(action)
        self.setMinimumWidth(max(self.minimumWidth(), self._needed_width()))
        return action

    def _needed_width(self) -> int:
        """Room for the widest row: Qt knows labels, but not what is painted beside them."""
        theme = self._icons.theme
        label, key = QFontMetrics(theme.font("body")), QFontMetrics(theme.font("caption"))
        widest = 0
        for action in self.actions():
            keys = _key_text(action)
            extra = key.horizontalAdvance(keys) + _KEY_GAP if keys else 0
            widest = max(widest, label.horizontalAdvance(action.text()) + extra)
        return widest + (_ICON if self._has_icons() else 0) + 2 * _SIDE

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Home and End go to the first and last row, which Qt does only where it scrolls."""
        rows = [each for each in self.actions() if each.isEnabled() and not each.isSeparator()]
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: -1}
        end = ends.get(Qt.Key(event.key()))
        if end is not None and rows:
            self.setActiveAction(rows[end])
            event.accept()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Round at the new size."""
        super().resizeEvent(event)
        shape_popup(self, self._icons.theme)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame and rows."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        paint_popup(self, painter, theme)
        for action in self.actions():
            rect = self.actionGeometry(action)
            if action.isSeparator():
                line = QRect(rect.x() + 4, rect.center().y(), rect.width() - 8, 1)
                painter.fillRect(line, theme.color("border"))
            else:
                self._paint_row(painter, rect, action)

    def _paint_row(self, painter: QPainter, rect: QRect, action: QAction) -> None:
        theme = self._icons.theme
        if action is self.activeAction() and action.isEnabled():
            box(painter, rect, theme.radius("control"), fill=theme.color("selected"))
        ink = "danger" if action.property("danger") else "text"
        ink = ink if action.isEnabled() else "disabled"
        icon = "check" if action.isChecked() else action.property("lucide")
        x = rect.x() + 8
        if icon:
            role = "text-2" if ink == "text" else ink
            pixmap = self._icons.pixmap(icon, 16, role, dpr_of(painter))
            pixmap_in(painter, QRect(x, rect.y(), 16, rect.height()), pixmap)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color(ink))
        x += _ICON if self._has_icons() else 4
        label = rect.adjusted(x - rect.x(), 0, -8, 0)
        painter.drawText(label, Qt.AlignmentFlag.AlignVCenter, action.text())
        key = _key_text(action)
        if key:
            painter.setFont(theme.font("caption"))
            painter.setPen(theme.color("text-3" if action.isEnabled() else "disabled"))
            right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(label, right, key)

    def _has_icons(self) -> bool:
        return any(each.property("lucide") or each.isCheckable() for each in self.actions())

    def popup_under(self, widget: QWidget, *, right: bool = False) -> None:
        """Open 4 px under a widget, at its left or right edge."""
        self.ensurePolished()
        x = widget.width() - self.sizeHint().width() if right else 0
        self.popup(widget.mapToGlobal(QPoint(x, widget.height() + 4)))


def _key_text(action: QAction) -> str:
    shortcut = action.property("key") or ""
    return QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)
