"""How the next token is chosen, and where an answer ends: rows for `SamplingParams`."""

from msgspec import structs
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.controls.fields import NumberField
from app.gui.controls.fold import Fold
from app.gui.controls.labels import Label
from app.gui.controls.slider import ValueSlider
from app.gui.icons import Icons
from app.gui.sampling_idle import idle_reasons
from app.gui.sampling_row import ChoiceRow, LimitRow, SwitchRow, TextsRow, ValueRow
from app.gui.sampling_table import (
    Choice,
    Number,
    OnOff,
    Parameter,
    ParameterGroup,
    Texts,
    common_parameters,
    further_fields,
    further_groups,
)
from app.gui.stop_strings import StopStrings
from backends.types import SamplingParams

MOST_TOKENS = 1_000_000
LARGEST_SEED = 2**32 - 2


class SamplingRows(QWidget):
    """What most people look for, and the rest in a fold.

    The rows in the fold are made when it is first opened: most people never do.
    """

    changed = Signal()

    def __init__(
        self, icons: Icons, *, label: int = 112, field: int = 56, gap: int = 8, chips: int = 124
    ) -> None:
        """Widths of label and field, the space between the parts, the width of a field of chips."""
        super().__init__()
        self._icons = icons
        self._measures = (label, field, gap)
        self._chips = chips
        self._shown = self._standard = SamplingParams()
        self._further = further_fields()
        self._numbers: dict[str, Number] = {}
        self.rows: dict[str, ValueSlider] = {}
        self.other_rows: dict[str, ValueRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for each in common_parameters():
            column.addWidget(self._slider(each))
        self.more = Fold(icons, self.tr("More"), self.tr("Further ways to choose words (samplers)"))
        self.more.opened.connect(self._fill_more)
        column.addWidget(self.more)

    # Rows

    def _fill_more(self) -> None:
        if "presence_penalty" in self.rows:
            return
        for group in further_groups():
            self._add_group(group)
        self._show_rows()

    def _add_group(self, group: ParameterGroup) -> None:
        self.more.add(Label(group.title, "caption", "text-3", wrap=True), above=8)
        for each in group.parameters:
            self.more.add(self._row(each))

    def _row(self, parameter: Parameter) -> QWidget:
        if isinstance(parameter, Number):
            return self._slider(parameter)
        row: ValueRow
        if isinstance(parameter, Choice):
            row = ChoiceRow(self._icons, parameter)
        elif isinstance(parameter, OnOff):
            row = SwitchRow(self._icons, parameter)
        elif isinstance(parameter, Texts):
            row = TextsRow(self._icons, parameter, self._chips)
        else:
            raise TypeError(parameter)
        row.value_changed.connect(self._tell)
        self.other_rows[parameter.field] = row
        return row

    def _slider(self, parameter: Number) -> ValueSlider:
        row = ValueSlider(
            self._icons,
            parameter.name,
            minimum=parameter.minimum,
            maximum=parameter.maximum,
            decimals=parameter.decimals,
            step=parameter.step,
            lowest=parameter.lowest,
            tip=parameter.tip,
        )
        if parameter.label:
            row.set_label(parameter.label)
        row.set_measures(*self._measures)
        row.value_changed.connect(self._tell)
        self._numbers[parameter.field] = parameter
        self.rows[parameter.field] = row
        return row

    # Values

    def show_values(self, values: SamplingParams, standard: SamplingParams) -> None:
        """Show values without telling; `standard` is what Reset goes back to.

        A value that is shown already is left alone: it may be half typed.
        """
        self._shown, self._standard = values, standard
        self._show_rows()

    def apply_to(self, values: SamplingParams) -> SamplingParams:
        """`values` with what these rows show; what has no row yet was not changed here."""
        shown: dict[str, object] = {name: row.value() for name, row in self.rows.items()}
        shown |= {name: row.value() for name, row in self.other_rows.items()}
        return structs.replace(values, **shown)

    def _show_rows(self) -> None:
        for name, row in self.rows.items():
            range_ = self._numbers[name]
            value, default = getattr(self._shown, name), getattr(self._standard, name)
            low, high = min(range_.minimum, value, default), max(range_.maximum, value, default)
            if (row.field.minimum, row.field.maximum) != (low, high):
                row.set_range(low, high)
            row.set_default(default)
            if row.value() != value:
                row.set_value(value)
        for name, other in self.other_rows.items():
            other.show_value(getattr(self._shown, name), getattr(self._standard, name))
        self._follow()

    def _tell(self, _: object) -> None:
        self._shown = self.apply_to(self._shown)
        self._follow()
        self.changed.emit()

    def _follow(self) -> None:
        """What the values mean for each other and for the line of the fold."""
        reasons = idle_reasons(self._shown)
        for name, row in self.rows.items():
            row.set_idle(reasons.get(name, ""))
        for name, other in self.other_rows.items():
            other.set_idle(reasons.get(name, ""))
        changed, used = (
            sum(getattr(self._shown, name) != getattr(base, name) for name in self._further)
            for base in (self._standard, SamplingParams())
        )
        if changed:
            one, many = self.tr("1 changed"), self.tr("%n changed", "", changed)
            self.more.say(one if changed == 1 else many, "accent")
        elif used:
            one, many = self.tr("1 in use"), self.tr("%n in use", "", used)
            self.more.say(one if used == 1 else many)
        else:
            self.more.say("")


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
