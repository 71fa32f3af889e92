"""What the list of connections says of each entry."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale, Qt
from PySide6.QtGui import QStandardItem

from app.core.ledger import LedgerEntry, only_failed, totals
from app.gui import formatting
from app.gui.controls.list_view import RowRole

ICONS = {
    "search": "search",
    "model page": "box",
    "download": "download",
    "log-in": "user",
    "test": "unplug",
    "remote model": "radio-tower",
    "program update": "package",
}
"""By purpose, in the order in which they are offered."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("connections", text)


def purpose_words(purpose: str) -> str:
    """What a purpose is called."""
    words = {
        "search": _tr("Search"),
        "model page": _tr("Model pages"),
        "download": _tr("Downloads"),
        "log-in": _tr("Log-in"),
        "test": _tr("Connection test"),
        "remote model": _tr("Remote models"),
        "program update": _tr("New versions of Corral"),
    }
    return words.get(purpose, purpose)


def item_of(entry: LedgerEntry) -> QStandardItem:
    """One row of the list."""
    host = entry.host
    if entry.here:
        host = _tr("%1, on this computer").replace("%1", host)
    item = QStandardItem(host)
    item.setData(ICONS.get(entry.purpose, "globe"), RowRole.ICON)
    item.setData(second_line(entry), RowRole.SECOND)
    item.setData(side(entry), RowRole.SIDE)
    if entry.problem:
        item.setData("circle-alert", RowRole.SIDE_ICON)
        item.setData("danger", RowRole.SIDE_DOT)
    item.setData(entry, RowRole.VALUE)
    item.setData(tip(entry), Qt.ItemDataRole.ToolTipRole)
    words = f"{host}, {second_line(entry)}, {side(entry)}"
    item.setData(words, Qt.ItemDataRole.AccessibleTextRole)
    item.setEditable(False)
    return item


def second_line(entry: LedgerEntry) -> str:
    """Why, when, how often."""
    what = _errand(entry)
    return " · ".join(each for each in (what, _when(entry), _times(entry)) if each)


def side(entry: LedgerEntry) -> str:
    """What went out and what came in."""
    if entry.problem:
        return _tr("No connection")
    words = _tr("%1 out, %2 in")
    return words.replace("%1", amount(entry.sent)).replace("%2", amount(entry.received))


def amount(size: int) -> str:
    """Bytes; small amounts too are told as they are."""
    if size < 1000:
        return _tr("%1 B").replace("%1", formatting.number(size))
    if size < 1_000_000:
        return _tr("%1 kB").replace("%1", formatting.number(round(size / 1000)))
    return formatting.file_size(size)


def tip(entry: LedgerEntry) -> str:
    """All that is known."""
    lines = [
        f"{entry.host} · {purpose_words(entry.purpose)}",
        f"{_moment(entry.first)} – {_moment(entry.last)}",
        _tr("Connections: %1, requests: %2")
        .replace("%1", formatting.number(entry.connections))
        .replace("%2", formatting.number(entry.requests)),
        _tr("Sent: %1 bytes, received: %2 bytes")
        .replace("%1", formatting.number(entry.sent))
        .replace("%2", formatting.number(entry.received)),
    ]
    if entry.why:
        lines.insert(1, entry.why)
    if entry.problem:
        lines.append(_tr("It failed: %1").replace("%1", entry.problem))
    return "\n".join(lines)


def summary(entries: Sequence[LedgerEntry]) -> str:
    """All of them in a sentence."""
    away = totals(entries)
    if not away.hosts:
        return _without_hosts(entries)
    words = _tr("Since %1: %2 out, %3 in, to %4 on other computers")
    many = _tr("%1 hosts").replace("%1", formatting.number(away.hosts))
    named = _tr("1 host") if away.hosts == 1 else many
    return (
        words.replace("%1", formatting.short_date(away.since))
        .replace("%2", amount(away.sent))
        .replace("%3", amount(away.received))
        .replace("%4", named)
    )


def _without_hosts(entries: Sequence[LedgerEntry]) -> str:
    """Nothing went to another computer."""
    failed = only_failed(entries)
    if failed == 1:
        return _tr("Nothing went to another computer: 1 attempt failed.")
    if failed:
        words = _tr("Nothing went to another computer: %1 attempts failed.")
        return words.replace("%1", formatting.number(failed))
    if entries:
        return _tr("Nothing went to another computer.")
    return _tr("No connection to another computer is listed.")


def _errand(entry: LedgerEntry) -> str:
    words = {
        "search": _tr("Search for “%1”") if entry.why else _tr("List of models"),
        "model page": _tr("Page of %1"),
        "download": _tr("Download of %1"),
        "log-in": _tr("Log-in"),
        "test": _tr("Connection test"),
        "remote model": _tr("Remote model %1") if entry.why != "-" else _tr("List of its models"),
        "program update": _tr("Download of Corral %1")
        if entry.why
        else _tr("Look for a new version of Corral"),
    }
    return words.get(entry.purpose, entry.purpose).replace("%1", entry.why)


def _when(entry: LedgerEntry) -> str:
    first, last = formatting.clock_time(entry.first), formatting.clock_time(entry.last)
    day = formatting.short_date(entry.first)
    span = first if first == last else f"{first}–{last}"
    return span if day == first else f"{day}, {span}"


def _times(entry: LedgerEntry) -> str:
    if not entry.requests:
        return ""
    if entry.requests == 1:
        return _tr("1 request")
    return _tr("%1 requests").replace("%1", formatting.number(entry.requests))


def _moment(moment: float) -> str:
    when = QDateTime.fromSecsSinceEpoch(int(moment))
    return str(QLocale().toString(when, QLocale.FormatType.ShortFormat))
