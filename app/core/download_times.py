"""When downloads may run: always, at certain hours, or while nobody uses the computer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from app.core.settings import Downloads

DAY = 24 * 60
"""Minutes."""

Hold = Literal["", "offline", "hours", "idle"]
"""What downloads wait for; "" is nothing."""


def hold_for(settings: Downloads, now: datetime, idle: Callable[[], float]) -> Hold:
    """What keeps downloads from running at `now`, local time.

    `idle` answers the seconds that nobody has used the computer; it is asked only where it counts.
    """
    if settings.only_hours and not within(now.hour * 60 + now.minute, settings.begin, settings.end):
        return "hours"
    if settings.only_idle and idle() < settings.idle_minutes * 60:
        return "idle"
    return ""


def within(minute: int, begin: int, end: int) -> bool:
    """Whether `minute` of the day lies from `begin` up to `end`; over midnight if that is less.

    The same minute twice is the whole day.
    """
    return begin == end or (minute - begin) % DAY < (end - begin) % DAY


def seconds_to_look(settings: Downloads, now: datetime) -> float | None:
    """Seconds until the answer of `hold_for` may be another one; None if it never will be.

    Never more than a minute: the clock may be set, and the computer may sleep.
    """
    if settings.only_idle:
        return 5.0
    if not settings.only_hours:
        return None
    minute = now.hour * 60 + now.minute
    ahead = min((edge - minute - 1) % DAY for edge in (settings.begin, settings.end)) + 1
    edge = now.replace(second=0, microsecond=0) + timedelta(minutes=ahead)
    return min(60.0, max(0.05, (edge - now).total_seconds()))
