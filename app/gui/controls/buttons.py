"""Buttons: primary, plain, ghost, deleting, and those with an icon only."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QPushButton, QSizePolicy, QWidget

from app.gui.controls.focus import RingFocus, RingShape
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons

_ICON = 16
_GAP = 8


def tip_with_shortcut(text: str, shortcut: str) -> str:
    """A tool tip that names the key that does the same."""
    if not shortcut:
        return text
    return f"{text} ({QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)})"


class Button(RingFocus, QPushButton):
    """The plain button: `control` ground and a border. 32 high, `small` 28."""

    fill = "control"
    fill_hover = "control-hover"
    fill_pressed = "control-pressed"
    fill_disabled = ""
    edge = "border-strong"
    edge_disabled = "border"
    ink = "text"
    side = 12
    """Between label and edge; 2 less when small."""

    def __init__(
        self,
        icons: Icons,
        text: str = "",
        icon: str = "",
        *,
        small: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._icons = icons
        self._icon_name = icon
        self._small = small
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.setAutoDefault(False)
        icons.theme.changed.connect(self._theme_changed)

    def set_icon(self, name: str) -> None:
        """Another icon; "" for none."""
        self._icon_name = name
        self.updateGeometry()
        self.update()

    def label_font(self) -> QFont:
        """The font of the label."""
        return self._icons.theme.font("body-strong")

    def sizeHint(self) -> QSize:
        """Label, icon and 12 at the sides."""
        width = QFontMetrics(self.label_font()).horizontalAdvance(self.text())
        if self._icon_name:
            width += _ICON + (_GAP if self.text() else 0)
        height = self._icons.theme.metric("control-small" if self._small else "control")
        side = self.side if not self._small else max(0, self.side - 2)
        return QSize(
            width + 2 * side + 2, max(height, QFontMetrics(self.label_font()).height() + 6)
        )

    def minimumSizeHint(self) -> QSize:
        """A button never loses its label."""
        return self.sizeHint()

    def ground(self) -> str:
        """The colour role behind the label in the state of now; "" for none."""
        if not self.isEnabled():
            return self.fill_disabled
        if self.isDown() or self.isChecked():
            return self.fill_pressed
        return self.fill_hover if self.underMouse() else self.fill

    def ink_now(self) -> str:
        """The colour role of label and icon in the state of now."""
        return self.ink if self.isEnabled() else "disabled"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, border, icon, label."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        ground, edge = self.ground(), self.edge if self.isEnabled() else self.edge_disabled
        box(
            painter,
            self.rect(),
            theme.radius("control"),
            fill=theme.color(ground) if ground else None,
            border=theme.color(edge) if edge else None,
        )
        font = self.label_font()
        metrics = QFontMetrics(font)
        icon = _ICON + (_GAP if self.text() else 0) if self._icon_name else 0
        room = max(0, self.width() - icon - min(16, self.side))
        text = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        label = metrics.horizontalAdvance(text)
        x = (self.width() - label - icon) // 2
        role = self.ink_now()
        if self._icon_name:
            pixmap = self._icons.pixmap(self._icon_name, _ICON, role, dpr_of(painter))
            pixmap_in(painter, QRect(x, 0, _ICON, self.height()), pixmap)
        painter.setFont(font)
        painter.setPen(theme.color(role))
        area = QRect(x + icon, 0, label + 2, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()


class PrimaryButton(Button):
    """The one thing to press next; at most one in view."""

    fill = "accent-fill"
    fill_hover = "accent-hover"
    fill_pressed = "accent-pressed"
    fill_disabled = "track"
    edge = ""
    edge_disabled = ""
    ink = "on-accent"


class GhostButton(Button):
    """A button without ground or border."""

    fill = ""
    fill_hover = "hover"
    fill_pressed = "pressed"
    edge = ""
    edge_disabled = ""
    ink = "text-2"


class LinkButton(GhostButton):
    """Text in the accent colour that does something here, such as Undo or Read all.

    Flush with what stands above and below it.
    """

    side = 0
    fill_hover = ""
    fill_pressed = ""
    ink = "accent"

    def ink_now(self) -> str:
        """Accent; text while under the pointer."""
        if not self.isEnabled():
            return "disabled"
        return "text" if self.underMouse() else "accent"


class DangerButton(Button):
    """Deletes something; `final` is the filled one of a confirmation."""

    ink = "danger"

    def __init__(
        self,
        icons: Icons,
        text: str = "",
        icon: str = "",
        *,
        small: bool = False,
        final: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(icons, text, icon, small=small, parent=parent)
        if final:
            self.fill = self.fill_hover = self.fill_pressed = "danger-fill"
            self.edge = ""
            self.ink = "on-accent"


class IconButton(RingFocus, QAbstractButton):
    """An icon with a tool tip and an accessible name. 32 square, `small` 28."""

    ring_shape: RingShape = "edge"

    def __init__(
        self,
        icons: Icons,
        icon: str,
        name: str,
        *,
        shortcut: str = "",
        small: bool = False,
        icon_size: int = 0,
        checkable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self._icon_name = icon
        self._shown_shortcut = shortcut
        self._role = "text-2"
        metric = "icon-button-small" if small else "icon-button"
        self._side = icons.theme.metric(metric)
        self._icon_size = icon_size or (16 if small else 18)
        self.setFixedSize(self._side, self._side)
        self.setCheckable(checkable)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_name(name)
        icons.theme.changed.connect(self.update)

    def set_name(self, name: str) -> None:
        """What it does, for the tool tip and for screen readers."""
        self.setAccessibleName(name)
        self.setToolTip(tip_with_shortcut(name, self._shown_shortcut))

    def set_icon(self, icon: str, role: str = "text-2") -> None:
        """Another icon, or another colour for it."""
        self._icon_name, self._role = icon, role
        self.update()

    def icon_name(self) -> str:
        """The Lucide name of the icon shown."""
        return self._icon_name

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(self._side, self._side)

    def ground(self) -> str:
        """The colour role behind the icon in the state of now; "" for none."""
        if not self.isEnabled():
            return ""
        if self.isDown():
            return "pressed"
        if self.isChecked():
            return "selected"
        return "hover" if self.underMouse() else ""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground under the pointer, icon."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        ground = self.ground()
        if ground:
            box(painter, self.rect(), theme.radius("control"), fill=theme.color(ground))
        role = self._role
        if not self.isEnabled():
            role = "disabled"
        elif ground and role == "text-2":
            role = "text"
        pixmap = self._icons.pixmap(self._icon_name, self._icon_size, role, dpr_of(painter))
        pixmap_in(painter, self.rect(), pixmap)
