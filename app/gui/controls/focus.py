"""The focus ring: drawn around a control while the keyboard has led there.

The ring is an overlay on the control's parent, so controls keep their exact size and nothing
else of the window has to leave room.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import shiboken6
from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QWidget

from app.gui.controls.tab_order import areas_around, nearest_stop

RingShape = Literal["outside", "edge", "field"]
"""Two pixels away, on the edge, or soft on the edge."""

KEYBOARD_REASONS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
_RETURNS = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
_REACH = 4
"""Pixels that the ring needs outside of its control."""


class FocusRing(QWidget):
    """The ring itself; follows its control and dies with the focus."""

    def __init__(self, control: QWidget, shape: RingShape, radius: float) -> None:
        ground = _ground_of(control)
        super().__init__(ground)
        self._ground = ground
        self._control = control
        self._shape = shape
        self._radius = radius
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for widget in _up_to(control, ground):
            widget.installEventFilter(self)
        control.destroyed.connect(self.deleteLater)
        self._over = False
        self._follow()
        self.show()
        self.raise_()

    def end(self) -> None:
        """The keyboard is elsewhere; what happens to the control until this is gone is nothing."""
        self._over = True
        self.hide()
        self.deleteLater()

    def _follow(self) -> None:
        corner = self._control.mapTo(self._ground, self._control.rect().topLeft())
        rect = self._control.rect().translated(corner)
        self.setGeometry(rect.adjusted(-_REACH, -_REACH, _REACH, _REACH))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay around the control."""
        if self._over or not shiboken6.isValid(self._control):
            return False
        kind = event.type()
        if kind in (QEvent.Type.Move, QEvent.Type.Resize):
            self._follow()
        elif kind in (QEvent.Type.Hide, QEvent.Type.EnabledChange):
            self.setVisible(self._control.isVisible() and self._control.isEnabled())
        elif kind == QEvent.Type.Show:
            self._follow()
            self.show()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Two pixels of accent, two pixels away; soft and close for a field."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = QColor(self.palette().color(QPalette.ColorRole.Accent))
        inset, radius = (
            (1.0, self._radius + 3) if self._shape == "outside" else (3.0, self._radius + 1)
        )
        if self._shape == "field":
            color.setAlphaF(0.35)
        painter.setPen(QPen(color, 2))
        painter.drawRoundedRect(
            QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), radius, radius
        )


def _up_to(control: QWidget, ground: QWidget) -> Iterator[QWidget]:
    """The control and what it stands in, below the ground: if one moves, the ring moves."""
    widget: QWidget | None = control
    while widget is not None and widget is not ground:
        yield widget
        widget = widget.parentWidget()


def _ground_of(control: QWidget) -> QWidget:
    """The nearest ancestor on which the ring is not cut off, but never outside a scroll area."""
    ground = control.parentWidget()
    while ground is not None:
        above = ground.parentWidget()
        if above is None or ground.isWindow() or isinstance(above, QAbstractScrollArea):
            break
        corner = control.mapTo(ground, control.rect().topLeft())
        wanted = control.rect().translated(corner).adjusted(-_REACH, -_REACH, _REACH, _REACH)
        if ground.rect().contains(wanted):
            break
        ground = above
    return ground or control


def release_focus(widget: QWidget, to: QWidget | None = None) -> None:
    """Before a widget goes: give its focus to the nearest ancestor that takes the keyboard.

    Qt would hand it to whatever comes next, which may be anywhere in the window. `to` gets it
    instead if the keyboard was in use there; after a click nobody does.
    """
    focused = widget.window().focusWidget()
    if focused is None or not (focused is widget or widget.isAncestorOf(focused)):
        return
    if to is not None:
        if isinstance(focused, RingFocus) and focused.has_ring():
            to.setFocus(Qt.FocusReason.TabFocusReason)
        else:
            focused.clearFocus()
        return
    heir = widget.parentWidget()
    while heir is not None and not heir.focusPolicy() & Qt.FocusPolicy.TabFocus:
        heir = heir.parentWidget()
    if heir is not None:
        heir.setFocus(Qt.FocusReason.OtherFocusReason)


def take_away(widget: QWidget) -> None:
    """Hide a widget and delete it soon; its focus goes up, not away."""
    release_focus(widget)
    widget.hide()
    widget.deleteLater()


if TYPE_CHECKING:
    _Control = QWidget
else:
    _Control = object  # a second Qt base would be a second C++ object


ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


class RingFocus(_Control):
    """Mixed in before a Qt control: a ring for keyboard focus, or for any focus in fields.

    Buttons are pressed by Enter, too, which Qt leaves to the default button of a dialog.
    """

    ring_shape: RingShape = "outside"
    ring_radius: float = 8
    one_of_several = False

    _ring: FocusRing | None = None
    _by_keyboard = False
    _gave: tuple[QWidget | None] | None = None
    """To whom the keyboard went when this went off: nobody, where the mouse had led here."""

    def has_ring(self) -> bool:
        """Whether the ring is drawn now."""
        return self._ring is not None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """One of several leaves the arrows to what holds them together."""
        if self.one_of_several and event.key() in ARROWS:
            event.ignore()
        elif isinstance(self, QAbstractButton) and event.key() in ENTER:
            if not event.isAutoRepeat():
                self.click()
            event.accept()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring where the keyboard led here."""
        super().focusInEvent(event)
        if event.reason() not in _RETURNS:
            self._by_keyboard = event.reason() in KEYBOARD_REASONS
        if self._by_keyboard or self.ring_shape == "field":
            self._show_ring()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        super().focusOutEvent(event)
        self._hide_ring()

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Where the keyboard goes from here: by Tab, and also when this goes off or hides.

        Then Qt would take it to whatever comes next and ring that: Space would press another
        thing than the one just clicked. It goes to what is nearest if it was in use here, else
        nowhere.
        """
        if self.isEnabled() and self.isVisible():
            return super().focusNextPrevChild(forward)
        areas = areas_around(self, self.window())
        heir = nearest_stop(areas) if self.has_ring() else None
        self._gave = (heir,)
        if heir is not None:
            heir.setFocus(Qt.FocusReason.TabFocusReason)
        else:
            self.clearFocus()
        return True

    def changeEvent(self, event: QEvent) -> None:
        """Usable again: the keyboard comes back, unless it was led elsewhere meanwhile."""
        super().changeEvent(event)
        if event.type() != QEvent.Type.EnabledChange or self._gave is None or not self.isEnabled():
            return
        (heir,), self._gave = self._gave, None
        if self.isVisible() and self.window().focusWidget() is heir:
            by_keyboard = Qt.FocusReason.TabFocusReason
            self.setFocus(by_keyboard if heir is not None else Qt.FocusReason.OtherFocusReason)

    def _show_ring(self) -> None:
        self._hide_ring()
        self._ring = FocusRing(self, self.ring_shape, self.ring_radius)

    def _hide_ring(self) -> None:
        if self._ring is not None:
            self._ring.end()
            self._ring = None
