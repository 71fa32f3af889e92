"""What can be set about the choice of the next token: fields, words, ranges. No widgets."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication


def _tr(text: str) -> str:
    return QCoreApplication.translate("SamplingTable", text)


@dataclass(frozen=True)
class Parameter:
    """A field of `SamplingParams` and its words."""

    field: str
    name: str
    tip: str
    label: str = ""
    """What stands in the row where the title above it says the rest; empty is the name."""


@dataclass(frozen=True)
class Number(Parameter):
    """Set with a slider.

    The range is the one that makes sense, not the one that is possible: a value outside, from a
    file, widens its row.
    """

    maximum: float = 1
    minimum: float = 0
    decimals: int = 2
    step: float = 0.05
    lowest: str = ""
    """What is shown for `minimum` where it is no number; empty shows the number."""


@dataclass(frozen=True)
class Choice(Parameter):
    """One of several; the value is the index."""

    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class OnOff(Parameter):
    """Set with a switch."""


@dataclass(frozen=True)
class Texts(Parameter):
    """A few short texts."""


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that belong together, under a title."""

    title: str
    parameters: tuple[Parameter, ...]


def common_parameters() -> tuple[Number, ...]:
    """What most people look for, in the order it is shown."""
    return (
        Number(
            "temperature",
            _tr("Temperature"),
            _tr("Lower is more predictable, higher more inventive (temperature)."),
            maximum=2,
        ),
        Number(
            "top_p",
            _tr("Top-p"),
            _tr(
                "Only the likeliest words that together reach this share are considered;"
                " 1 considers all (nucleus sampling, top-p)."
            ),
        ),
        Number(
            "top_k",
            _tr("Top-k"),
            _tr("Only this many of the likeliest words are considered; 0 considers all (top-k)."),
            maximum=200,
            decimals=0,
            step=1,
        ),
        Number(
            "min_p",
            _tr("Min-p"),
            _tr(
                "Words less likely than this share of the likeliest one are left out;"
                " 0 leaves none out (min-p)."
            ),
            maximum=0.5,
            step=0.01,
        ),
        Number(
            "repeat_penalty",
            _tr("Repeat penalty"),
            _tr(
                "Above 1 the model avoids words that it used a moment ago; 1 lets it repeat"
                " itself (repetition penalty)."
            ),
            minimum=1,
            maximum=2,
        ),
    )


def further_groups() -> tuple[ParameterGroup, ...]:
    """The rest, in the order it is shown."""
    return (
        ParameterGroup(_tr("Repetition"), _repetition()),
        ParameterGroup(_tr("Choice of words"), _choice()),
        ParameterGroup(_tr("Exclude top choices (XTC)"), _xtc()),
        ParameterGroup(_tr("Don't repeat yourself (DRY)"), _dry()),
        ParameterGroup(_tr("Even surprise (Mirostat)"), _mirostat()),
        ParameterGroup(_tr("Dynamic temperature"), _dynamic_temperature()),
        ParameterGroup(
            _tr("End"),
            (
                OnOff(
                    "ignore_eos",
                    _tr("Ignore end of sequence"),
                    _tr(
                        "The model cannot end its answer; max tokens, a stop string or the end of"
                        " the context does (ignore EOS)."
                    ),
                ),
            ),
        ),
    )


def _repetition() -> tuple[Parameter, ...]:
    return (
        Number(
            "presence_penalty",
            _tr("Presence penalty"),
            _tr(
                "Above 0 the model avoids words it has used, however often; below 0 it seeks"
                " them (presence penalty)."
            ),
            _tr("Presence"),
            minimum=-2,
            maximum=2,
        ),
        Number(
            "frequency_penalty",
            _tr("Frequency penalty"),
            _tr(
                "Above 0 the model avoids a word the more, the more often it has used it; below 0"
                " it seeks it (frequency penalty)."
            ),
            _tr("Frequency"),
            minimum=-2,
            maximum=2,
        ),
        Number(
            "repeat_window",
            _tr("Repeat window"),
            _tr(
                "How many of the last tokens of the answer the three penalties look back on;"
                " 0 switches them off (repeat last n)."
            ),
            _tr("Window"),
            maximum=2048,
            decimals=0,
            step=16,
        ),
    )


def _choice() -> tuple[Parameter, ...]:
    return (
        Number(
            "typical_p",
            _tr("Typical-p"),
            _tr(
                "Words that are about as surprising as the place lets expect are considered first;"
                " 1 considers all (locally typical sampling)."
            ),
        ),
        Number(
            "top_n_sigma",
            _tr("Top-n-sigma"),
            _tr(
                "Only words whose score is within so many standard deviations of the best one are"
                " considered; 0 considers all (top-n-sigma)."
            ),
            maximum=5,
        ),
    )


def _xtc() -> tuple[Parameter, ...]:
    return (
        Number(
            "xtc_probability",
            _tr("XTC probability"),
            _tr(
                "How often the likeliest words are left out for a less expected one;"
                " 0 never does (XTC probability)."
            ),
            _tr("Probability"),
        ),
        Number(
            "xtc_threshold",
            _tr("XTC threshold"),
            _tr(
                "How likely a word must be to be left out; the least likely of those always stays"
                " (XTC threshold)."
            ),
            _tr("Threshold"),
            maximum=0.5,
            step=0.01,
        ),
    )


def _dry() -> tuple[Parameter, ...]:
    return (
        Number(
            "dry_multiplier",
            _tr("DRY multiplier"),
            _tr(
                "How strongly the model avoids phrases that stand in the chat already;"
                " 0 switches it off (DRY multiplier)."
            ),
            _tr("Multiplier"),
            maximum=5,
        ),
        Number(
            "dry_base",
            _tr("DRY base"),
            _tr(
                "How fast the penalty grows with every further token of a repeated phrase"
                " (DRY base)."
            ),
            _tr("Base"),
            minimum=1,
            maximum=4,
        ),
        Number(
            "dry_allowed_length",
            _tr("DRY allowed length"),
            _tr("Repeated phrases of up to this many tokens cost nothing (DRY allowed length)."),
            _tr("Allowed length"),
            maximum=20,
            decimals=0,
            step=1,
        ),
        Number(
            "dry_window",
            _tr("DRY window"),
            _tr(
                "How many tokens it looks back on, those of the prompt too; -1 is all of the"
                " context, 0 switches it off (DRY range)."
            ),
            minimum=-1,
            lowest=_tr("All"),
            maximum=8192,
            decimals=0,
            step=1,
        ),
        Texts(
            "dry_breakers",
            _tr("DRY breakers"),
            _tr(
                "Texts at which a repeated phrase ends. Enter adds one, a click removes it;"
                " \\n is a line break (DRY sequence breakers)."
            ),
            _tr("Breakers"),
        ),
    )


def _mirostat() -> tuple[Parameter, ...]:
    return (
        Choice(
            "mirostat",
            _tr("Mirostat"),
            _tr(
                "Keeps the text equally surprising from beginning to end, in place of top-k,"
                " top-p, penalties and the like; 2 is the simpler version (Mirostat)."
            ),
            _tr("Version"),
            choices=(_tr("Off"), "1", "2"),
        ),
        Number(
            "mirostat_tau",
            _tr("Mirostat tau"),
            _tr("How surprising the text shall be, in bits; lower keeps closer to the subject."),
            _tr("Target (tau)"),
            maximum=10,
            step=0.1,
        ),
        Number(
            "mirostat_eta",
            _tr("Mirostat eta"),
            _tr("How fast it corrects itself when the text is too dull or too surprising."),
            _tr("Speed (eta)"),
            step=0.01,
        ),
    )


def _dynamic_temperature() -> tuple[Parameter, ...]:
    return (
        Number(
            "dynamic_temperature",
            _tr("Dynamic temperature range"),
            _tr(
                "The temperature goes up by so much where the model is unsure and down where it"
                " is sure; 0 keeps it as it is."
            ),
            _tr("Range"),
            maximum=2,
        ),
        Number(
            "dynamic_temperature_exponent",
            _tr("Dynamic temperature exponent"),
            _tr("Above 1 the temperature stays low longer, below 1 it rises earlier."),
            _tr("Exponent"),
            maximum=4,
        ),
    )


def further_fields() -> tuple[str, ...]:
    """The fields of `further_groups`."""
    return tuple(each.field for group in further_groups() for each in group.parameters)


def parameter_names() -> dict[str, str]:
    """The name of every sampling value, by its field."""
    groups = (common_parameters(), *(group.parameters for group in further_groups()))
    return {
        **{each.field: each.name for group in groups for each in group},
        "logit_bias": _tr("Logit bias"),
        "logprobs": _tr("Log-probabilities"),
        "max_tokens": _tr("Max tokens"),
        "seed": _tr("Seed"),
        "stop": _tr("Stop strings"),
    }
