"""Two to four short choices side by side, and chips that filter."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from app.gui.controls.focus import RingFocus
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons

_INSET = 3


class _Segment(RingFocus, QAbstractButton):
    ring_radius = 6
    one_of_several = True

    def __init__(self, icons: Icons, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(text)
        self._theme = icons.theme
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """As wide as its bold label."""
        metrics = QFontMetrics(self._theme.font("group-title"))
        return QSize(metrics.horizontalAdvance(self.text()) + 20, 26)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground when chosen, label."""
        theme = self._theme
        painter = painter_for(QPainter(self))
        if self.isChecked() and theme.scheme == "dark":
            box(painter, self.rect(), 6, fill=theme.color("selected"))
        elif self.isChecked():
            edge = theme.color("border-strong")
            box(painter, self.rect(), 6, fill=theme.color("control"), border=edge)
        elif self.underMouse():
            box(painter, self.rect(), 6, fill=theme.color("hover"))
        role = "text" if self.isChecked() else "text-2"
        painter.setPen(theme.color(role if self.isEnabled() else "disabled"))
        painter.setFont(theme.font("group-title" if self.isChecked() else "body"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())


class Segments(QWidget):
    """One of a few is chosen; none only by `set_none`. Arrow keys move the choice."""

    chosen = Signal(int)

    def __init__(
        self, icons: Icons, name: str, labels: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(icons.theme.metric("control"))
        row = QHBoxLayout(self)
        row.setContentsMargins(_INSET, _INSET, _INSET, _INSET)
        row.setSpacing(0)
        self._group = QButtonGroup(self)
        for index, label in enumerate(labels):
            segment = _Segment(icons, label, self)
            segment.setAccessibleDescription(name)
            self._group.addButton(segment, index)
            row.addWidget(segment)
        self._group.button(0).setChecked(True)
        self._let_tab_reach_the_choice()
        self._group.idClicked.connect(self._let_tab_reach_the_choice)
        self._group.idClicked.connect(self.chosen)
        icons.theme.changed.connect(self.update)

    def current(self) -> int:
        """The index of the choice."""
        return self._group.checkedId()

    def set_current(self, index: int) -> None:
        """Choose without telling."""
        self._group.button(index).setChecked(True)
        self._let_tab_reach_the_choice()

    def set_none(self) -> None:
        """Choose none without telling: something beside these is what is shown."""
        self._group.setExclusive(False)
        for button in self._group.buttons():
            button.setChecked(False)
        self._group.setExclusive(True)
        self._let_tab_reach_the_choice()

    def _let_tab_reach_the_choice(self) -> None:
        reached = self._group.checkedButton() or self._group.button(0)
        for button in self._group.buttons():
            chosen = button is reached
            policy = Qt.FocusPolicy.StrongFocus if chosen else Qt.FocusPolicy.ClickFocus
            button.setFocusPolicy(policy)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right move the choice."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        count = len(self._group.buttons())
        before = self.current() if self.current() >= 0 else min(0, -step)
        button = self._group.button((before + step) % count)
        button.setFocus(Qt.FocusReason.TabFocusReason)
        button.click()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame around the segments."""
        theme = self._theme
        ground = "inset" if theme.scheme == "dark" else "sidebar"
        box(
            painter_for(QPainter(self)),
            self.rect(),
            theme.radius("control"),
            fill=theme.color(ground),
            border=theme.color("border-strong"),
        )


class Chip(RingFocus, QAbstractButton):
    """A badge that can be chosen: outlined, or accent with a check when it is."""

    ring_radius = 4

    def __init__(
        self,
        icons: Icons,
        text: str,
        icon: str = "",
        *,
        checkable: bool = True,
        height: int = 24,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self._icon_name = icon
        self._height = height
        self.setText(text)
        self.setCheckable(checkable)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self.updateGeometry)
        icons.theme.changed.connect(self.updateGeometry)

    def _side(self) -> int:
        return 8 if self._height >= 24 else 6

    def _shown_icon(self) -> str:
        return "check" if self.isChecked() else self._icon_name

    def sizeHint(self) -> QSize:
        """Icon, label, 8 at the sides, 6 where it is low."""
        width = QFontMetrics(self._icons.theme.font("caption")).horizontalAdvance(self.text())
        icon = 14 + 5 if self._shown_icon() else 0
        return QSize(width + icon + 2 * self._side(), self._height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground or outline, icon, label."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        ink = "text-2"
        if self.isChecked():
            ink = "accent"
            box(painter, self.rect(), 4, fill=theme.color("accent-tint"))
        else:
            ground = theme.color("hover") if self.underMouse() or self.isDown() else None
            box(painter, self.rect(), 4, fill=ground, border=theme.color("border-strong"))
        ink = ink if self.isEnabled() else "disabled"
        x = self._side()
        if self._shown_icon():
            pixmap = self._icons.pixmap(self._shown_icon(), 14, ink, dpr_of(painter))
            pixmap_in(painter, QRect(x, 0, 14, self.height()), pixmap)
            x += 14 + 5
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color(ink))
        area = QRect(x, 0, self.width() - x, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self.text())
