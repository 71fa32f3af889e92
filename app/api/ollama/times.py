"""Times as Ollama writes them: nanoseconds, RFC 3339, and Go's durations such as "1h30m"."""

import math
import re
from datetime import UTC, datetime, timedelta

from app.api.errors import ApiError

KeepAlive = float | str
"""Seconds, or a duration such as "5m"."""

FOREVER = timedelta(days=365 * 100)
"""After which a model that is never ejected is said to be."""

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60, "h": 3600}
_PIECE = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_LONGEST = 10 * 365 * 86_400.0
"""Seconds; a model that is kept for longer is kept for good."""


def nanoseconds(seconds: float) -> int:
    """Seconds as Ollama counts them."""
    return max(0, round(seconds * 1e9))


def written(moment: datetime) -> str:
    """A moment in RFC 3339."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def now() -> str:
    """This moment in RFC 3339."""
    return written(datetime.now(UTC))


def from_unix(seconds: float) -> str:
    """A moment that is told in Unix seconds, in RFC 3339."""
    return written(datetime.fromtimestamp(seconds, UTC))


def ejected_at(left: float | None) -> str:
    """When a model is ejected that nobody uses for `left` seconds; None: never."""
    after = FOREVER if left is None else timedelta(seconds=left)
    return written(datetime.now(UTC) + after)


def time_to_live(given: KeepAlive | None) -> float | None:
    """Seconds for which a model stays loaded: below 0 for good, 0 not at all, None as usual.

    Raises ApiError.
    """
    if given is None:
        return None
    seconds = _seconds(given) if isinstance(given, str) else given
    if not math.isfinite(seconds) or seconds < 0 or seconds > _LONGEST:
        return -1.0
    return seconds


def _seconds(text: str) -> float:
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0.0
    total, at = 0.0, 0
    while at < len(rest) and (piece := _PIECE.match(rest, at)):
        total += float(piece[1]) * _UNITS[piece[2]]
        at = piece.end()
    if not rest or at < len(rest):
        raise ApiError(
            "invalid_request",
            f"keep_alive: “{text[:40]}” is no duration; it must be seconds or such as “5m”.",
            param="keep_alive",
        )
    return sign * total
