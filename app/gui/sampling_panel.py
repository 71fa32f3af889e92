"""How the next token is chosen, and where an answer ends: rows for `SamplingParams`."""

from dataclasses import dataclass

from msgspec import structs
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.controls.buttons import IconButton
from app.gui.controls.fields import NumberField
from app.gui.controls.labels import Label
from app.gui.controls.slider import ValueSlider
from app.gui.icons import Icons
from app.gui.stop_strings import StopStrings
from backends.types import SamplingParams

ROW = 32
MOST_TOKENS = 1_000_000
LARGEST_SEED = 2**32 - 2


@dataclass(frozen=True)
class Parameter:
    """One sampling value: its field of `SamplingParams`, its words and its range."""

    field: str
    name: str
    tip: str
    maximum: float
    minimum: float = 0
    decimals: int = 2
    step: float = 0.05


class SamplingRows(QWidget):
    """Temperature, top-p, top-k, min-p, repeat penalty."""

    changed = Signal()

    def __init__(self, icons: Icons, *, label: int = 108, field: int = 56, gap: int = 8) -> None:
        """Widths of label and field, and the space between the parts."""
        super().__init__()
        self.rows: dict[str, ValueSlider] = {}
        self._parameters = self._described()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for each in self._parameters:
            row = ValueSlider(
                icons,
                each.name,
                minimum=each.minimum,
                maximum=each.maximum,
                decimals=each.decimals,
                step=each.step,
                tip=each.tip,
            )
            row.set_measures(label, field, gap)
            row.value_changed.connect(self._tell)
            self.rows[each.field] = row
            column.addWidget(row)

    def _described(self) -> tuple[Parameter, ...]:
        """In the order they are shown.

        The ranges are those that make sense, not those that are possible: a value outside, from
        a file, widens its row.
        """
        return (
            Parameter(
                "temperature",
                self.tr("Temperature"),
                self.tr("Lower is more predictable, higher more inventive (temperature)."),
                maximum=2,
            ),
            Parameter(
                "top_p",
                self.tr("Top-p"),
                self.tr(
                    "Only the likeliest words that together reach this share are considered;"
                    " 1 considers all (nucleus sampling, top-p)."
                ),
                maximum=1,
            ),
            Parameter(
                "top_k",
                self.tr("Top-k"),
                self.tr(
                    "Only this many of the likeliest words are considered; 0 considers all (top-k)."
                ),
                maximum=200,
                decimals=0,
                step=1,
            ),
            Parameter(
                "min_p",
                self.tr("Min-p"),
                self.tr(
                    "Words less likely than this share of the likeliest one are left out;"
                    " 0 leaves none out (min-p)."
                ),
                maximum=0.5,
                step=0.01,
            ),
            Parameter(
                "repeat_penalty",
                self.tr("Repeat penalty"),
                self.tr(
                    "Above 1 the model avoids words of its last 64 tokens; 1 lets it repeat"
                    " itself (repetition penalty)."
                ),
                minimum=1,
                maximum=2,
            ),
        )

    def _tell(self, _: object) -> None:
        self.changed.emit()

    def show_values(self, values: SamplingParams, standard: SamplingParams) -> None:
        """Show values without telling; `standard` is what Reset goes back to.

        A value that is shown already is left alone: it may be half typed.
        """
        for each in self._parameters:
            row = self.rows[each.field]
            value, default = getattr(values, each.field), getattr(standard, each.field)
            low, high = min(each.minimum, value, default), max(each.maximum, value, default)
            if (row.field.minimum, row.field.maximum) != (low, high):
                row.set_range(low, high)
            row.set_default(default)
            if row.value() != value:
                row.set_value(value)

    def apply_to(self, values: SamplingParams) -> SamplingParams:
        """`values` with what these rows show."""
        return structs.replace(values, **{name: row.value() for name, row in self.rows.items()})


class LimitRow(QWidget):
    """Label, reset where the value was changed, and a control at the right."""

    def __init__(self, icons: Icons, name: str, tip: str, control: QWidget) -> None:
        super().__init__()
        self.control = control
        self.setToolTip(tip)
        control.setAccessibleDescription(tip)
        self.label = Label(name, "body", "text-2")
        self.reset = IconButton(
            icons, "rotate-ccw", self.tr("Reset %1").replace("%1", name), icon_size=14
        )
        self.reset.setFixedSize(20, 20)
        self.reset.hide()
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(2)
        row.addWidget(self.label)
        row.addWidget(self.reset)
        row.addStretch(1)
        row.addWidget(control, 0, Qt.AlignmentFlag.AlignTop)

    def center(self) -> None:
        """For a control that never grows: its middle is that of the label."""
        self._row.setAlignment(self.control, Qt.AlignmentFlag.AlignVCenter)

    def mark(self, changed: bool) -> None:
        """Say whether the value differs from the standard one."""
        self.label.set_role("text" if changed else "text-2")
        self.reset.setVisible(changed)


class LimitRows(QWidget):
    """Max tokens, seed, stop strings."""

    changed = Signal()

    def __init__(self, icons: Icons, *, field: int = 92, chips: int = 124) -> None:
        """Widths of the number fields and of the field for stop strings."""
        super().__init__()
        self._standard = SamplingParams()
        self.max_tokens = NumberField(
            icons,
            self.tr("Max tokens"),
            minimum=1,
            maximum=MOST_TOKENS,
            step=64,
            empty=self.tr("No limit"),
        )
        self.seed = NumberField(
            icons, self.tr("Seed"), maximum=LARGEST_SEED, empty=self.tr("Random")
        )
        self.stop = StopStrings(icons, self.tr("Stop strings"))
        self.max_tokens.setFixedWidth(field)
        self.seed.setFixedWidth(field)
        self.stop.setFixedWidth(chips)
        self.rows = {
            "max_tokens": LimitRow(
                icons,
                self.tr("Max tokens"),
                self.tr("The answer ends after this many tokens; empty lets it fill the context."),
                self.max_tokens,
            ),
            "seed": LimitRow(
                icons,
                self.tr("Seed"),
                self.tr(
                    "The same number gives the same answer to the same words; empty draws another"
                    " one for every answer (random seed)."
                ),
                self.seed,
            ),
            "stop": LimitRow(
                icons,
                self.tr("Stop strings"),
                self.tr(
                    "The answer ends before any of these words. Enter adds one, a click removes"
                    " it; \\n is a line break (stop sequences)."
                ),
                self.stop,
            ),
        }
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for name, row in self.rows.items():
            row.setMinimumHeight(ROW)
            row.reset.clicked.connect(lambda _=False, name=name: self._reset(name))
            column.addWidget(row)
        self.max_tokens.value_changed.connect(self._tell)
        self.seed.value_changed.connect(self._tell)
        self.stop.changed.connect(self._tell)

    def show_values(self, values: SamplingParams, standard: SamplingParams) -> None:
        """Show values without telling; `standard` is what Reset goes back to."""
        self._standard = standard
        if self.max_tokens.value() != values.max_tokens:
            self.max_tokens.set_value(values.max_tokens)
        if self.seed.value() != values.seed:
            self.seed.set_value(values.seed)
        self.stop.set_values(values.stop)
        self._mark()

    def apply_to(self, values: SamplingParams) -> SamplingParams:
        """`values` with what these rows show."""
        most, seed = self.max_tokens.value(), self.seed.value()
        return structs.replace(
            values,
            max_tokens=None if most is None else int(most),
            seed=None if seed is None else int(seed),
            stop=self.stop.values(),
        )

    def _reset(self, name: str) -> None:
        shown = self.apply_to(self._standard)
        standard = getattr(self._standard, name)
        self.show_values(structs.replace(shown, **{name: standard}), self._standard)
        self.changed.emit()

    def _tell(self, *_: object) -> None:
        self._mark()
        self.changed.emit()

    def _mark(self) -> None:
        shown = self.apply_to(self._standard)
        for name, row in self.rows.items():
            row.mark(getattr(shown, name) != getattr(self._standard, name))
