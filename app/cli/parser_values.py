"""Readers of single words: each answers the value, or says what was expected."""

import argparse
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from app.core.hub_reference import Reference

FOREVER = -1.0
"""What `duration` answers for "until somebody ejects it"."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number from `least` to `most`."""

    def number(text: str) -> int:
        if not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return int(text)

    return number


def reference(text: str) -> "Reference":
    """A repository of the hub, or a model in Ollama's registry."""
    # Nothing else of the parser needs so much.
    from app.core.hub_reference import parse_named
    from app.core.ollama_name import plain_name

    found = parse_named(text)
    if found is None:
        name = text if plain_name(text) else "llama3.2:1b"
        raise argparse.ArgumentTypeError(
            f"{text} names no repository; OWNER/REPO is expected, such as "
            "bartowski/Llama-3.2-1B-Instruct-GGUF, the address of its page, or a model of Ollama's "
            f"registry such as ollama:{name}"
        )
    return found


def moment(text: str) -> "datetime":
    """A date, a date with a time of day, or so many minutes, hours or days ago."""
    from datetime import datetime, timedelta  # only one word needs it

    if span := re.fullmatch(r"(\d{1,5})([mhd])", text):
        unit = {"m": "minutes", "h": "hours", "d": "days"}[span[2]]
        return datetime.now() - timedelta(**{unit: int(span[1])})
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text} is no date such as 2026-11-28 and no span such as 12h or 7d"
        ) from None


def temperature(text: str) -> float:
    """A number from 0 to 5."""
    value = float(text)
    if not 0 <= value <= 5:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 5")
    return value


def duration(text: str) -> float:
    """Seconds: "300", "5m", "1h30m"; 0 is at once, anything negative `FOREVER`."""
    plain = text.strip().lower()
    if plain.startswith("-") and (_seconds(plain[1:]) or 0) > 0:
        return FOREVER
    seconds = _seconds(plain)
    if seconds is None:
        raise argparse.ArgumentTypeError(
            f"{text} is no duration; 300, 5m and 1h30m are, -1 is ever"
        )
    return seconds


def _seconds(text: str) -> float | None:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def answer_format(text: str) -> str:
    """What Ollama calls a format: "json", or a JSON Schema."""
    if text != "json" and not text.lstrip().startswith("{"):
        raise argparse.ArgumentTypeError(f"{text} is neither “json” nor a JSON Schema")
    return text


def gpu_share(text: str) -> float:
    """Share of the layers on the graphics card: "off", "max", or 0 to 1."""
    value = {"off": 0.0, "max": 1.0}.get(text)
    if value is None:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is neither off, max nor between 0 and 1")
    return value
