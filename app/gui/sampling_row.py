"""A row of label, reset and a control at the right, for values that no slider suits."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.gui.controls.buttons import IconButton
from app.gui.controls.labels import Label
from app.gui.controls.segments import Segments
from app.gui.controls.switch import Switch
from app.gui.icons import Icons
from app.gui.sampling_table import Choice, OnOff, Parameter, Texts
from app.gui.stop_strings import StopStrings

ROW = 32
_MOST_BREAKERS, _LONGEST_BREAKER = 32, 40
"""As many and as long as an engine takes."""


class LimitRow(QWidget):
    """Label, reset where the value was changed, and a control at the right."""

    def __init__(
        self, icons: Icons, name: str, tip: str, control: QWidget, *, label: str = ""
    ) -> None:
        """`label` is shown in place of the whole name."""
        super().__init__()
        self.control = control
        self._tip = tip
        self._reason = ""
        self._changed = False
        self.label = Label(label or name, "body", "text-2")
        self.reset = IconButton(
            icons, "rotate-ccw", self.tr("Reset %1").replace("%1", name), icon_size=14
        )
        self.reset.setFixedSize(20, 20)
        self.reset.hide()
        self._row = row = QHBoxLayout(self)
        row.addStrut(ROW - 4)  # the least; a higher control makes it higher
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(2)
        row.addWidget(self.label)
        row.addWidget(self.reset)
        row.addStretch(1)
        row.addWidget(control, 0, Qt.AlignmentFlag.AlignTop)
        self._show_tip()

    def center(self) -> None:
        """For a control that never grows: its middle is that of the label."""
        self._row.setAlignment(self.control, Qt.AlignmentFlag.AlignVCenter)

    def mark(self, changed: bool) -> None:
        """Say whether the value differs from the standard one."""
        self._changed = changed
        role = "disabled" if self._reason else "text" if changed else "text-2"
        self.label.set_role(role)
        self.reset.setVisible(changed)

    def set_tip(self, tip: str) -> None:
        """What the value is for."""
        if tip != self._tip:
            self._tip = tip
            self._show_tip()

    def set_idle(self, reason: str) -> None:
        """Why the value does nothing now; "" when it does something. Reset works all the same."""
        if reason != self._reason:
            self._reason = reason
            self.control.setEnabled(not reason)
            self._show_tip()
            self.mark(self._changed)

    def _show_tip(self) -> None:
        tip = "\n".join(filter(None, (self._tip, self._reason)))
        self.setToolTip(tip)
        self.control.setAccessibleDescription(tip)


class ValueRow(LimitRow):
    """One that knows its value and the standard one."""

    value_changed = Signal(object)

    def __init__(self, icons: Icons, parameter: Parameter, control: QWidget) -> None:
        super().__init__(icons, parameter.name, parameter.tip, control, label=parameter.label)
        self._default: object = None
        self.reset.clicked.connect(self.reset_value)

    def value(self) -> object:
        """What is set."""
        raise NotImplementedError

    def _put(self, value: object) -> None:
        raise NotImplementedError

    def show_value(self, value: object, default: object) -> None:
        """Show a value without telling; `default` is what Reset goes back to."""
        self._default = default
        if value != self.value():
            self._put(value)
        self.mark(value != default)

    def reset_value(self) -> None:
        """Back to the standard value, and tell."""
        self._put(self._default)
        self._tell()

    def _tell(self, *_: object) -> None:
        self.mark(self.value() != self._default)
        self.value_changed.emit(self.value())


class ChoiceRow(ValueRow):
    """Segments; the value is the index."""

    def __init__(self, icons: Icons, parameter: Choice) -> None:
        self.segments = Segments(icons, parameter.name, parameter.choices)
        super().__init__(icons, parameter, self.segments)
        self.segments.chosen.connect(self._tell)

    def value(self) -> int:
        """The index of the choice."""
        return self.segments.current()

    def _put(self, value: object) -> None:
        assert isinstance(value, int)
        self.segments.set_current(value)


class SwitchRow(ValueRow):
    """A switch."""

    def __init__(self, icons: Icons, parameter: OnOff) -> None:
        self.switch = Switch(icons, parameter.name)
        super().__init__(icons, parameter, self.switch)
        self.center()
        self.switch.clicked.connect(self._tell)

    def value(self) -> bool:
        """Whether it is on."""
        return self.switch.isChecked()

    def _put(self, value: object) -> None:
        self.switch.setChecked(bool(value))


class TextsRow(ValueRow):
    """Chips and a field for one more."""

    def __init__(self, icons: Icons, parameter: Texts, width: int) -> None:
        self.texts = StopStrings(
            icons,
            parameter.name,
            add=self.tr("Add a DRY breaker"),
            remove=self.tr("Remove the DRY breaker %1"),
            most=_MOST_BREAKERS,
            longest=_LONGEST_BREAKER,
        )
        self.texts.setFixedWidth(width)
        super().__init__(icons, parameter, self.texts)
        self.texts.changed.connect(self._tell)

    def value(self) -> tuple[str, ...]:
        """The texts in order."""
        return self.texts.values()

    def _put(self, value: object) -> None:
        assert isinstance(value, tuple)
        self.texts.set_values(value)
