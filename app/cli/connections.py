"""`corral connections`: the ledger of what left this computer, as the window shows it."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.cli.parts import Parts
from app.cli.rendering import human_size, table, without_controls
from app.core.ledger import LedgerEntry, only_failed, totals

ERRANDS = {
    "search": "search for “%s”",
    "model page": "page of %s",
    "download": "download of %s",
    "log-in": "log-in",
    "test": "connection test",
    "remote model": "remote model %s",
    "program update": "program update %s",
}
"""By purpose; without a subject the purpose alone is named."""


def connections(arguments: Namespace) -> int:
    """List the connections that Corral has made, the newest first, and what they add up to."""
    since: datetime | None = arguments.since
    with Parts() as parts:
        entries = parts.ledger.entries(since=since.timestamp() if since else 0.0)
    if arguments.json:
        told = {"connections": [_row(entry) for entry in entries], "totals": totals(entries)}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told)).decode() + "\n")
        return 0
    if entries:
        sys.stdout.write(_table(entries) + "\n\n")
    sys.stdout.write(_summary(entries) + "\n")
    return 0


def _row(entry: LedgerEntry) -> dict[str, object]:
    """What a script may rely on. Times are Unix seconds, sizes bytes."""
    return {**msgspec.structs.asdict(entry), "here": entry.here}


def _table(entries: Sequence[LedgerEntry]) -> str:
    rows: list[tuple[str, ...]] = [
        (
            _moment(entry.last),
            entry.host + (" (this computer)" if entry.here else ""),
            without_controls(_errand(entry)),
            str(entry.requests),
            human_size(entry.sent),
            human_size(entry.received),
            entry.problem,
        )
        for entry in entries
    ]
    head = ["LAST", "HOST", "WHY", "REQUESTS", "OUT", "IN", "PROBLEM"]
    if not any(entry.problem for entry in entries):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return table(head, rows, right=(3, 4, 5))


def _errand(entry: LedgerEntry) -> str:
    words = ERRANDS.get(entry.purpose, entry.purpose)
    if "%s" not in words:
        return words
    return words.replace("%s", entry.why) if entry.why.strip("-") else entry.purpose


def _summary(entries: Sequence[LedgerEntry]) -> str:
    away = totals(entries)
    if not away.hosts:
        return _without_hosts(entries)
    hosts = "1 other computer" if away.hosts == 1 else f"{away.hosts} other computers"
    return (
        f"Since {_moment(away.since)}: {human_size(away.sent)} out, "
        f"{human_size(away.received)} in, in {away.requests:,} requests to {hosts}."
    )


def _without_hosts(entries: Sequence[LedgerEntry]) -> str:
    """Nothing went to another computer."""
    if failed := only_failed(entries):
        tries = "1 attempt" if failed == 1 else f"{failed} attempts"
        return f"Nothing went to another computer: {tries} failed."
    if entries:
        return "Nothing went to another computer."
    return "No connection to another computer is listed."


def _moment(moment: float) -> str:
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M")
