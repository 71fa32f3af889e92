"""One load setting in a row: label, reset where it was changed, control, and a hint beneath."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.controls.buttons import IconButton
from app.gui.controls.combo import ComboBox
from app.gui.controls.fields import NumberField
from app.gui.controls.labels import Label
from app.gui.controls.switch import Switch
from app.gui.icons import Icons

ROW = 36
_NUMBER, _WORDS = 80, 112


class Setting(QWidget):
    """What shows one value of the load settings and knows its default."""

    value_changed = Signal(object)
    """Told with the value when a person changes it."""

    def __init__(self, default: object = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._default = default

    def value(self) -> object:
        """The value in force."""
        raise NotImplementedError

    def set_value(self, value: object) -> None:
        """Show a value without telling."""
        raise NotImplementedError

    def mark(self) -> None:
        """Show whether the value was changed."""
        raise NotImplementedError

    def set_default(self, value: object) -> None:
        """What Reset goes back to."""
        self._default = value
        self.mark()

    def is_changed(self) -> bool:
        """Whether the value differs from the default."""
        return self.value() != self._default

    def reset_value(self) -> None:
        """Back to the default, and tell."""
        self.set_value(self._default)
        self.tell()

    def tell(self, _: object = None) -> None:
        """A person changed the value."""
        self.mark()
        self.value_changed.emit(self.value())


class SettingRow(Setting):
    """Label, reset and hint; subclasses bring the control and its value."""

    def __init__(
        self, icons: Icons, control: QWidget, tip: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent=parent)
        name = control.accessibleName()
        control.setAccessibleDescription(tip)
        self.setToolTip(tip)
        self.label = Label(name, "body", "text-2", wrap=True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        words = self.tr("Reset %1").replace("%1", name)
        self.reset = IconButton(icons, "rotate-ccw", words, icon_size=14)
        self.reset.setFixedSize(20, 20)
        self.reset.hide()
        self.reset.clicked.connect(self.reset_value)
        self.hint = Label("", "caption", "text-3", wrap=True)
        self.hint.hide()
        line = QWidget()
        line.setMinimumHeight(ROW)
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.label)
        row.addWidget(self.reset)
        row.addStretch(1)
        row.addSpacing(6)
        row.addWidget(control)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(line)
        self._column.addWidget(self.hint)

    def say(self, hint: str, *, wrong: bool = False) -> None:
        """Words beneath; "" for none. `wrong` tells why a value was refused."""
        self.hint.set_role("danger" if wrong else "text-3")
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self._column.setContentsMargins(0, 0, 0, 8 if hint else 0)

    def mark(self) -> None:
        """Show whether the value was changed."""
        changed = self.is_changed()
        self.label.set_role("text" if changed else "text-2")
        self.reset.setVisible(changed)


class SwitchRow(SettingRow):
    """On or off."""

    def __init__(self, icons: Icons, name: str, tip: str) -> None:
        self.switch = Switch(icons, name)
        super().__init__(icons, self.switch, tip)
        self.switch.clicked.connect(self.tell)

    def value(self) -> bool:
        """Whether it is on."""
        return self.switch.isChecked()

    def set_value(self, value: object) -> None:
        """Show a value without telling."""
        self.switch.setChecked(bool(value))
        self.mark()


class NumberRow(SettingRow):
    """A number. Where `empty` has words, the field may be empty, which means `nothing`."""

    def __init__(
        self,
        icons: Icons,
        name: str,
        tip: str,
        *,
        minimum: float,
        maximum: float,
        decimals: int = 0,
        step: float = 1,
        empty: str | None = None,
        nothing: float | None = None,
    ) -> None:
        self.field = NumberField(
            icons,
            name,
            minimum=minimum,
            maximum=maximum,
            decimals=decimals,
            step=step,
            empty=empty,
        )
        self.field.setFixedWidth(_NUMBER if empty is None else _WORDS)
        self._nothing = nothing
        super().__init__(icons, self.field, tip)
        self.field.value_changed.connect(self.tell)

    def value(self) -> float | None:
        """The last good value."""
        value = self.field.value()
        return self._nothing if value is None else value

    def set_value(self, value: object) -> None:
        """Show a value without telling; one that is there already stays as it was typed."""
        if value != self.value() and (value is None or isinstance(value, int | float)):
            self.field.set_value(None if value == self._nothing else value)
        self.mark()


class ChoiceRow(SettingRow):
    """One of several values. One that is not offered is shown by its own words."""

    def __init__(self, icons: Icons, name: str, tip: str, *, width: int = 0) -> None:
        self.combo = ComboBox(icons, name)
        self._values: list[object] = []
        if width:
            self.combo.setFixedWidth(width)
        super().__init__(icons, self.combo, tip)
        self.combo.currentIndexChanged.connect(self.tell)

    def offer(self, choices: Sequence[tuple[str, object]]) -> None:
        """Other choices, as words and values; the first one is chosen."""
        blocked = self.combo.blockSignals(True)
        self.combo.clear()
        self._values = []
        for text, each in choices:
            self._add(text, each)
        self.combo.blockSignals(blocked)

    def _add(self, text: str, value: object) -> None:
        self._values.append(value)
        self.combo.add(text, value)

    def value(self) -> object:
        """The value that is chosen."""
        index = self.combo.currentIndex()
        return self._values[index] if 0 <= index < len(self._values) else None

    def set_value(self, value: object) -> None:
        """Show a value without telling."""
        blocked = self.combo.blockSignals(True)
        if value not in self._values:
            self._add(self.words_of(value), value)
        self.combo.setCurrentIndex(self._values.index(value))
        self.combo.blockSignals(blocked)
        self.combo.update()
        self.mark()

    def words_of(self, value: object) -> str:
        """How a value is named that was not offered: by its file."""
        return Path(str(value)).name
