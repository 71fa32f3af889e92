"""Sizes, counts, times and dates in the words of the person's locale.

Sizes are decimal (1 GB = 10^9 bytes) for files and memory alike, so that a file's size and the
memory it needs can be compared.
"""

from datetime import date, datetime, timedelta

from PySide6.QtCore import QCoreApplication, QDate, QDateTime, QLocale, QTime

from app.core.errors import AppError

_CONTEXT = "formatting"
UNKNOWN = "–"


def _tr(text: str) -> str:
    return QCoreApplication.translate(_CONTEXT, text)


def _locale() -> QLocale:
    """The locale in force; the C locale groups no thousands, so plain English stands in."""
    locale = QLocale()
    if locale.language() == QLocale.Language.C:
        return QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom)
    return locale


def _fixed(value: float, decimals: int) -> str:
    return str(_locale().toString(float(value), "f", decimals))


def file_size(size: int | None, *, about: bool = False) -> str:
    """ "4.9 GB", "98 MB"; a dash for None, "about 4.9 GB" where the number is not exact."""
    if size is None:
        return UNKNOWN
    decimals = 1 if 10**9 <= size < 10**11 else 0
    text = _locale().formattedDataSize(size, decimals, QLocale.DataSizeFormat.DataSizeSIFormat)
    return _tr("about %1").replace("%1", text) if about else text


def size_of_size(done: int, total: int) -> str:
    """ "2.4 of 5.7 GB": the unit once where both have the same."""
    return _one_unit(file_size(done), file_size(total))


def _one_unit(first: str, second: str) -> str:
    number, space, unit = first.rpartition(" ")
    if not space:
        number, space, unit = first.rpartition("\u00a0")
    if unit and second.endswith(unit):
        first = number
    return _tr("%1 of %2").replace("%1", first).replace("%2", second)


def memory_size(size: int) -> str:
    """ "25.3 GB", "183 MB": memory of this computer, free memory or what a model needs of it.

    They stand beside each other, so all have the same unit and one decimal. The round number that
    memory is sold by ("24 GB") would come out below what is free.
    """
    return _locale().formattedDataSize(
        size, 1 if size >= 10**9 else 0, QLocale.DataSizeFormat.DataSizeSIFormat
    )


def memory_of(size: int, total: int) -> str:
    """ "6.6 of 25.3 GB": the unit once where both have the same."""
    return _one_unit(memory_size(size), memory_size(total))


def speed(bytes_per_second: float) -> str:
    """ "38.4 MB/s"."""
    if bytes_per_second >= 1e6:
        return _tr("%1 MB/s").replace("%1", _fixed(bytes_per_second / 1e6, 1))
    return _tr("%1 kB/s").replace("%1", _fixed(bytes_per_second / 1e3, 0))


def speed_limit(kilobytes: int) -> str:
    """ "2 MB/s", "500 kB/s", "1.5 MB/s"."""
    if kilobytes < 1000:
        return _tr("%1 kB/s").replace("%1", str(kilobytes))
    decimals = 0 if kilobytes % 1000 == 0 else 1
    return _tr("%1 MB/s").replace("%1", _fixed(kilobytes / 1000, decimals))


def number(value: int) -> str:
    """With separators: "40,960"."""
    return str(_locale().toString(value))


def decimal(value: float) -> str:
    """With one decimal: "4.9"."""
    return _fixed(value, 1)


def compact_number(value: int) -> str:
    """ "4,180", "52 K", "5.2 M"."""
    if value < 10_000:
        return number(value)
    if value < 999_500:
        return _tr("%1 K").replace("%1", _fixed(value / 1e3, 0))
    return _tr("%1 M").replace("%1", _fixed(value / 1e6, 1))


def parameters(count: int | None) -> str:
    """ "8.0 B", "135 M"; a dash for None."""
    if count is None:
        return UNKNOWN
    if count >= 999_500_000:
        return _tr("%1 B").replace("%1", _fixed(count / 1e9, 1))
    if count < 1e6:
        return _tr("%1 K").replace("%1", _fixed(count / 1e3, 0))
    return _tr("%1 M").replace("%1", _fixed(count / 1e6, 0))


def short_parameters(count: int) -> str:
    """ "8B", "1.7B", "135M", for lists."""
    if count >= 999_500_000:
        billions = count / 1e9
        decimals = 1 if billions < 9.95 and abs(billions - round(billions)) >= 0.25 else 0
        return _tr("%1B").replace("%1", _fixed(billions, decimals))
    return _tr("%1M").replace("%1", _fixed(count / 1e6, 0))


def short_tokens(count: int) -> str:
    """Length of a context: "512", "8K", "128K", "1M". A K is 1,024, as models are named."""
    if count >= 1_000_000:
        millions = count / (1024**2 if count % 1024 == 0 and count >= 1024**2 else 10**6)
        return _tr("%1M").replace("%1", _fixed(millions, 0))
    if count >= 1024:
        return _tr("%1K").replace("%1", _fixed(count / 1024, 0))
    return number(count)


def percent(fraction: float) -> str:
    """ "42%"; only what is complete is 100 %."""
    return _tr("%1%").replace("%1", number(int(max(0.0, min(1.0, fraction)) * 100 + 1e-9)))


def duration(seconds: float) -> str:
    """ "12 s", "1 min 26 s", "2 h 5 min", "3 d 4 h"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _tr("%1 s").replace("%1", str(whole))
    if whole < 3600:
        text = _tr("%1 min %2 s")
        first, second = divmod(whole, 60)
    elif whole < 86400:
        text = _tr("%1 h %2 min")
        first, second = divmod(whole // 60, 60)
    else:
        text = _tr("%1 d %2 h")
        first, second = divmod(whole // 3600, 24)
    return text.replace("%1", str(first)).replace("%2", str(second))


def short_duration(seconds: float) -> str:
    """The same with one unit: "12 s", "2 min", "5 h", "3 d"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _tr("%1 s").replace("%1", str(whole))
    if whole < 3600:
        return _tr("%1 min").replace("%1", str(round(whole / 60)))
    if whole < 86400:
        return _tr("%1 h").replace("%1", str(round(whole / 3600)))
    return _tr("%1 d").replace("%1", str(round(whole / 86400)))


def month_year(iso: str) -> str:
    """ "Sep 2024" for an ISO 8601 time; "" where there is none."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return ""
    return str(_locale().toString(QDate(moment.year, moment.month, moment.day), "MMM yyyy"))


def clock_time(moment: float) -> str:
    """ "16:08", from Unix seconds."""
    when = QDateTime.fromSecsSinceEpoch(int(moment)).time()
    return str(_locale().toString(when, QLocale.FormatType.ShortFormat))


def time_of_day(minute: int) -> str:
    """ "22:00", from the minute of the day."""
    when = QTime(minute // 60 % 24, minute % 60)
    return str(_locale().toString(when, QLocale.FormatType.ShortFormat))


def day(when: date) -> str:
    """A day with its year, in full: "23 Nov 2026"."""
    return str(_locale().toString(QDate(when.year, when.month, when.day), "d MMM yyyy"))


def short_date(moment: float, now: datetime | None = None) -> str:
    """Today the time, this week the day, then "7 Nov", in other years "7 Nov 2025"."""
    now = now or datetime.now()
    when = datetime.fromtimestamp(moment)
    if when.date() == now.date():
        return clock_time(moment)
    date = QDate(when.year, when.month, when.day)
    if timedelta(0) < now.date() - when.date() < timedelta(days=7):
        return str(_locale().toString(date, "ddd"))
    pattern = "d MMM" if when.year == now.year else "d MMM yyyy"
    return str(_locale().toString(date, pattern))


def error_words(error: AppError) -> str:
    """What happened, why and what to do, in one line."""
    return " ".join(part for part in (f"{error.title}.", error.message, error.hint) if part)
