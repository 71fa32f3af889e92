"""Which sampling values do nothing beside the others, and why. No widgets."""

from PySide6.QtCore import QCoreApplication

from backends.types import SamplingParams


def _tr(text: str) -> str:
    return QCoreApplication.translate("SamplingIdle", text)


_TRUNCATION = ("top_p", "top_k", "min_p", "typical_p", "top_n_sigma")
_XTC = ("xtc_probability", "xtc_threshold")
_DRY = ("dry_base", "dry_allowed_length", "dry_breakers")
_MIROSTAT = ("mirostat_tau", "mirostat_eta")
_DYNAMIC = ("dynamic_temperature", "dynamic_temperature_exponent")
_PENALTIES = ("repeat_penalty", "presence_penalty", "frequency_penalty")


def idle_reasons(values: SamplingParams) -> dict[str, str]:
    """Why a value does nothing beside the others, by its field; what works is not in it.

    Of two that switch each other off one always stays free.
    """
    reasons: dict[str, str] = {}
    if values.xtc_probability == 0:
        reasons["xtc_threshold"] = _tr("Does nothing while the XTC probability is 0.")
    if values.dry_window == 0:
        reasons |= dict.fromkeys(
            ("dry_multiplier", *_DRY), _tr("Does nothing while the DRY window is 0.")
        )
    elif values.dry_multiplier == 0:
        reasons |= dict.fromkeys(
            ("dry_window", *_DRY), _tr("Does nothing while the DRY multiplier is 0.")
        )
    if values.repeat_window == 0:
        reasons |= dict.fromkeys(_PENALTIES, _tr("Does nothing while the repeat window is 0."))
    elif (values.repeat_penalty, values.presence_penalty, values.frequency_penalty) == (1, 0, 0):
        reasons["repeat_window"] = _tr("Does nothing while no penalty is set.")
    if values.dynamic_temperature == 0:
        reasons["dynamic_temperature_exponent"] = _tr(
            "Does nothing while the range of the dynamic temperature is 0."
        )
    if values.temperature == 0:
        reasons |= dict.fromkeys(
            (*_TRUNCATION, *_XTC, "mirostat", *_MIROSTAT, *_DYNAMIC),
            _tr("Does nothing while the temperature is 0: the likeliest word is always taken."),
        )
    elif values.mirostat:
        reasons |= dict.fromkeys(
            (
                *_TRUNCATION,
                *_PENALTIES,
                "repeat_window",
                *_XTC,
                "dry_multiplier",
                "dry_window",
                *_DRY,
                *_DYNAMIC,
            ),
            _tr("Does nothing while Mirostat is on."),
        )
    else:
        reasons |= dict.fromkeys(_MIROSTAT, _tr("Does nothing while Mirostat is off."))
    return reasons
