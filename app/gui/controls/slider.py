"""A slider, and the row of label, slider and field for one number."""

import math

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QWidget

from app.gui.controls.buttons import IconButton
from app.gui.controls.fields import NumberField
from app.gui.controls.focus import RingFocus
from app.gui.controls.labels import Label
from app.gui.controls.painting import bar, painter_for
from app.gui.icons import Icons


class Slider(RingFocus, QSlider):
    """Groove 4, handle 14, 16 high. The wheel counts only where the focus is."""

    reset_asked = Signal()

    def __init__(self, icons: Icons, name: str, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = icons.theme
        self.setAccessibleName(name)
        self.setFixedHeight(icons.theme.metric("slider-height"))
        self.setMinimumWidth(48)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Wide enough to aim."""
        return QSize(96, self._theme.metric("slider-height"))

    def _share(self) -> float:
        span = self.maximum() - self.minimum()
        return (self.value() - self.minimum()) / span if span else 0.0

    def _center(self) -> float:
        handle = self._theme.metric("slider-handle")
        return handle / 2 + 1 + self._share() * (self.width() - handle - 2)

    def _value_at(self, x: float) -> int:
        handle = self._theme.metric("slider-handle")
        share = (x - handle / 2 - 1) / max(1.0, self.width() - handle - 2)
        span = self.maximum() - self.minimum()
        return self.minimum() + round(min(1.0, max(0.0, share)) * span)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go where the pointer is."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setSliderPosition(self._value_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        if self.isSliderDown():
            self.setSliderPosition(self._value_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to the standard value."""
        self.setSliderDown(False)
        self.reset_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only where the focus is; else the page scrolls."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Groove, filled part, handle."""
        color = self._theme.color
        painter = painter_for(QPainter(self))
        height, middle = self._theme.metric("slider-groove"), self.height() / 2
        groove = QRectF(0, middle - height / 2, self.width(), height)
        accent = color("accent" if self.isEnabled() else "disabled")
        bar(painter, groove, color("track"))
        center = self._center()
        bar(painter, QRectF(groove.x(), groove.y(), center, height), accent)
        handle = self._theme.metric("slider-handle")
        ground = "knob" if self._theme.scheme == "light" else "canvas"
        painter.setPen(QPen(accent, 2))
        painter.setBrush(color(ground))
        radius = handle / 2 - 1
        painter.drawEllipse(QRectF(center - radius, middle - radius, 2 * radius, 2 * radius))


class ValueSlider(QWidget):
    """One number: label, reset, slider and field. The field is the truth.

    `logarithmic` spreads small values over more of the slider. With `empty` the value may be
    None, shown by that word.
    """

    value_changed = Signal(object)

    def __init__(
        self,
        icons: Icons,
        name: str,
        *,
        minimum: float,
        maximum: float,
        decimals: int = 0,
        step: float = 1,
        default: float | None = None,
        empty: str | None = None,
        suffix: str = "",
        lowest: str = "",
        logarithmic: bool = False,
        show_label: bool = True,
        tip: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._default = default
        self._logarithmic = logarithmic
        self._low, self._high = minimum, maximum
        self.setFixedHeight(32)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.label = Label(name, "body", "text-2")
        self.reset = IconButton(
            icons, "rotate-ccw", self.tr("Reset %1").replace("%1", name), icon_size=14
        )
        self.reset.setFixedSize(20, 20)
        self.slider = Slider(icons, name)
        self.slider.setRange(0, 1000)
        self.field = NumberField(
            icons,
            name,
            minimum=minimum,
            maximum=maximum,
            decimals=decimals,
            step=step,
            empty=empty,
            suffix=suffix,
            lowest=lowest,
        )
        self.field.setFixedWidth(56)
        self._tip, self._reason = tip, ""
        self._lay_out(show_label)
        self.slider.valueChanged.connect(self._slid)
        self.slider.reset_asked.connect(self.reset_value)
        self.field.value_changed.connect(self._typed)
        self.reset.clicked.connect(self.reset_value)
        self._set_steps(step)
        self._show_tip()
        self.set_value(default)

    def _lay_out(self, show_label: bool) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self._head = head = QWidget(self)
        head.setFixedWidth(108)
        if show_label:
            inner = QHBoxLayout(head)
            inner.setContentsMargins(0, 0, 0, 0)
            inner.setSpacing(0)
            inner.addWidget(self.label)
            inner.addWidget(self.reset)
            inner.addStretch(1)
            row.addWidget(head)
        else:
            head.hide()
            self.label.setParent(self)
            self.reset.setParent(self)
            self.label.hide()
            self.reset.hide()
        keep = self.reset.sizePolicy()
        keep.setRetainSizeWhenHidden(False)
        self.reset.setSizePolicy(keep)
        row.addWidget(self.slider, 1)
        row.addWidget(self.field)

    def set_measures(self, label: int, field: int, gap: int) -> None:
        """Other widths of label and field, and the space between the parts."""
        self._head.setFixedWidth(label)
        self.field.setFixedWidth(field)
        row = self.layout()
        if row is not None:
            row.setSpacing(gap)

    def set_label(self, text: str) -> None:
        """A shorter label, where the title above it says the rest of the name."""
        self.label.setText(text)

    def set_idle(self, reason: str) -> None:
        """Why the value does nothing now; "" when it does something. Reset works all the same."""
        if reason != self._reason:
            self._reason = reason
            self.slider.setEnabled(not reason)
            self.field.setEnabled(not reason)
            self._show_tip()
            self._mark()

    def _show_tip(self) -> None:
        tip = "\n".join(filter(None, (self._tip, self._reason)))
        self.setToolTip(tip)
        self.slider.setAccessibleDescription(tip)

    def add_before_field(self, widget: QWidget) -> None:
        """Put something between slider and field, such as a picture of the largest value."""
        row = self.layout()
        if isinstance(row, QHBoxLayout):
            row.insertWidget(row.count() - 1, widget)

    def _set_steps(self, step: float) -> None:
        span = self._high - self._low
        if not self._logarithmic and span > 0:
            self.slider.setSingleStep(max(1, round(step / span * 1000)))
            self.slider.setPageStep(max(10, round(step / span * 10_000)))

    def value(self) -> float | None:
        """The value in force."""
        return self.field.value()

    def set_value(self, value: float | None) -> None:
        """Show a value without telling."""
        self.field.set_value(value)
        self._follow()

    def set_default(self, value: float | None) -> None:
        """What Reset goes back to."""
        self._default = value
        self._follow()

    def set_range(self, minimum: float, maximum: float) -> None:
        """Other bounds."""
        self._low, self._high = minimum, maximum
        self.field.set_range(minimum, maximum)
        self._follow()

    def reset_value(self) -> None:
        """Back to the standard value, and tell."""
        if self.value() != self._default:
            self.set_value(self._default)
            self.value_changed.emit(self._default)

    def is_changed(self) -> bool:
        """Whether the value differs from the standard one."""
        return self.value() != self._default

    def _position(self, value: float) -> int:
        if self._high <= self._low:
            return 0
        if self._logarithmic:
            low = math.log(max(self._low, 1e-6))
            share = (math.log(max(value, 1e-6)) - low) / (math.log(self._high) - low)
        else:
            share = (value - self._low) / (self._high - self._low)
        return round(min(1.0, max(0.0, share)) * 1000)

    def _at(self, position: int) -> float:
        share = position / 1000
        if self._logarithmic:
            low = math.log(max(self._low, 1e-6))
            value = math.exp(low + share * (math.log(self._high) - low))
        else:
            value = self._low + share * (self._high - self._low)
        step = self.field.step
        value = min(self._high, max(self._low, round(value / step) * step))
        return round(value, self.field.decimals)

    def _slid(self, position: int) -> None:
        value = self._at(position)
        self.field.set_value(value)
        self._mark()
        self.value_changed.emit(self.field.value())

    def _typed(self, value: float | None) -> None:
        self._follow()
        self.value_changed.emit(value)

    def _follow(self) -> None:
        value = self.value()
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(self._position(value if value is not None else self._low))
        self.slider.blockSignals(blocked)
        self._mark()

    def _mark(self) -> None:
        changed = self.is_changed()
        role = "disabled" if self._reason else "text" if changed else "text-2"
        self.label.set_role(role)
        if self.reset.parentWidget() is not self:
            self.reset.setVisible(changed)
