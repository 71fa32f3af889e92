"""What the Downloads page says of a download, and under which title it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication

from app.core.download_state import DownloadItem
from app.core.settings import Downloads
from app.gui import formatting

GroupName = Literal["now", "waiting", "help", "done"]

GROUPS: tuple[GroupName, ...] = ("now", "waiting", "help", "done")
_GROUP_OF: dict[str, GroupName] = {
    "running": "now",
    "verifying": "now",
    "waiting": "waiting",
    "paused": "waiting",
    "failed": "help",
    "done": "done",
}
WAITING_ICONS = {
    "offline": "wifi-off",
    "network": "wifi-off",
    "hours": "moon",
    "idle": "moon",
    "drive": "unplug",
}
"""For those that wait for something else than their turn."""
ICONS = {
    "running": ("arrow-down-to-line", "accent"),
    "verifying": ("shield-check", "accent"),
    "waiting": ("clock", "text-3"),
    "paused": ("pause", "text-3"),
    "failed": ("circle-alert", "danger"),
    "done": ("circle-check", "success"),
}
BAR_ROLES = {"paused": "text-3", "waiting": "text-3", "failed": "danger-mark"}


def _tr(text: str) -> str:
    return QCoreApplication.translate("downloads", text)


def group_of(item: DownloadItem) -> GroupName:
    """The group that a download stands in."""
    return _GROUP_OF[item.state]


def grouped(items: Sequence[DownloadItem]) -> dict[GroupName, list[DownloadItem]]:
    """Downloads by group, in the queue's order; the newest of the done ones first."""
    groups: dict[GroupName, list[DownloadItem]] = {name: [] for name in GROUPS}
    for item in items:
        groups[group_of(item)].append(item)
    groups["done"].reverse()
    groups["done"].sort(key=lambda item: item.ended or item.added, reverse=True)
    return groups


def fraction(item: DownloadItem) -> float:
    """How far it is, 0 to 1; while verifying, how far that is."""
    if item.state == "verifying":
        return item.verified
    return item.done / item.total if item.total else 0.0


@dataclass(frozen=True)
class Words:
    """The lines of a row."""

    percent: str
    """"" where nothing was fetched yet, or all is done."""
    left: str
    right: str


def quantization_of(item: DownloadItem) -> str:
    """The quantization, and what comes along: "Q4_K_M + projector"."""
    projector = any("mmproj" in file.path.lower() for file in item.request.files)
    label = item.request.quantization
    return " ".join(filter(None, (label, _tr("+ projector") if projector else "")))


def waiting_words(item: DownloadItem, place: int, hours: tuple[int, int] | None) -> str:
    """Why it does not run. `hours` are the first and the last minute it may, where that is set."""
    match item.waits_for:
        case "offline":
            return _tr("Starts when Corral is online again")
        case "hours" if hours:
            return _tr("Starts at %1").replace("%1", formatting.time_of_day(hours[0]))
        case "hours":
            return _tr("Waits for its hours")
        case "idle":
            return _tr("Starts when nobody uses this computer")
        case "drive":
            title = item.error.title if item.error else _tr("Its drive is not connected")
            return _tr("%1: goes on by itself when it is back").replace("%1", title)
        case "network":
            title = item.error.title if item.error else _tr("There is no network")
            return _tr("%1: Corral tries again by itself").replace("%1", title)
    return _tr("Starts next") if place == 0 else _tr("Waiting")


def silence_words(item: DownloadItem) -> str:
    """Why no bytes come, and what comes next: "hub.example does not answer (503); …"."""
    trouble = item.trouble
    if trouble is None:
        passed = formatting.duration(item.silent)
        return _tr("The server has sent nothing for %1").replace("%1", passed)
    if trouble.status == 429:
        what = _tr("%1 asks for a pause (429)").replace("%1", trouble.host)
    elif trouble.status:
        what = _tr("%1 does not answer (%2)").replace("%1", trouble.host)
        what = what.replace("%2", str(trouble.status))
    else:
        what = f"{trouble.title} ({trouble.host})" if trouble.host else trouble.title
    if trouble.wait < 1:
        return _tr("%1; trying again now").replace("%1", what)
    again = _tr("%1; trying again in %2").replace("%1", what)
    return again.replace("%2", formatting.duration(trouble.wait))


def can_try_now(item: DownloadItem) -> bool:
    """Whether it waits for a server, a network or a drive that may be well again."""
    return item.waits_for in ("network", "drive") or item.silent > 0


def done_words(item: DownloadItem, *, gone: bool) -> str:
    """What is known of a download that is done; `gone` says that its files are not there."""
    words = [formatting.file_size(item.total)]
    words.append(_tr("not on this computer any more") if gone else _tr("checked"))
    if item.spent:
        words.append(_tr("took %1").replace("%1", formatting.duration(max(1.0, item.spent))))
    when = _tr("finished %1") if item.ended else _tr("added %1")
    words.append(when.replace("%1", formatting.short_date(item.ended or item.added)))
    return " · ".join(words)


def words_for(
    item: DownloadItem,
    place: int = 0,
    hours: tuple[int, int] | None = None,
    *,
    gone: bool = False,
) -> Words:
    """What to say. `place` is the item's place among those that wait, from 0.

    `gone` says of one that is done that its files are not there any more.
    """
    size = formatting.file_size(item.total)
    percent = formatting.percent(fraction(item))
    got = formatting.size_of_size(item.done, item.total)
    match item.state:
        case "running" if item.silent:
            return Words(percent, f"{silence_words(item)} · {got}", "")
        case "running":
            speed = formatting.speed(item.speed) if item.speed else _tr("connecting")
            left = ""
            if item.eta is not None:
                left = _tr("%1 left").replace("%1", formatting.duration(item.eta))
            return Words(percent, f"{got} · {speed}", left)
        case "verifying":
            return Words(percent, _tr("Verifying: comparing sha256 with the hub’s"), size)
        case "waiting":
            when = waiting_words(item, place, hours)
            kept = got if item.done else size
            return Words(percent if item.done else "", f"{when} · {kept}", "")
        case "paused":
            kept = _tr("%1 kept").replace("%1", got)
            return Words(percent, f"{_tr('Paused by you')} · {kept}", "")
        case "failed":
            return Words(percent, problem_words(item), "")
        case _:
            return Words("", done_words(item, gone=gone), "")


def file_words(item: DownloadItem, place: int) -> str:
    """How far one of its files is."""
    size = item.request.files[place].size
    done = item.files_done[place] if place < len(item.files_done) else 0
    if done >= size:
        return formatting.file_size(size)
    return formatting.size_of_size(done, size)


def schedule_words(settings: Downloads) -> str:
    """When downloads run, for the foot of the page."""
    begin, end = (formatting.time_of_day(minute) for minute in (settings.begin, settings.end))
    hours = _tr("%1 to %2").replace("%1", begin).replace("%2", end)
    idle = _tr("while nobody uses this computer")
    if settings.only_hours and settings.only_idle:
        return _tr("Schedule: %1").replace("%1", f"{hours}, {idle}")
    if settings.only_hours:
        return _tr("Schedule: %1").replace("%1", hours)
    return _tr("Schedule: %1").replace("%1", idle if settings.only_idle else _tr("any time"))


def problem_words(item: DownloadItem) -> str:
    """Why it failed, and what is safe."""
    problem = item.error
    if problem is None:
        return _tr("The download stopped.")
    return f"{problem.title}. {problem.message}" if problem.message else f"{problem.title}."


def summary(items: Sequence[DownloadItem]) -> str:
    """Speed and time left of all together; "" while nothing runs."""
    running = [item for item in items if item.state == "running"]
    speed = sum(item.speed for item in running)
    if not running:
        waiting = sum(item.state in ("waiting", "paused") for item in items)
        return _tr("%1 waiting").replace("%1", str(waiting)) if waiting else ""
    if not speed:
        silent = all(item.silent for item in running)
        return _tr("Waiting for the server") if silent else _tr("Connecting")
    left = max((item.eta for item in running if item.eta is not None), default=None)
    if left is None:
        return formatting.speed(speed)
    text = _tr("%1, about %2 left").replace("%1", formatting.speed(speed))
    return text.replace("%2", formatting.short_duration(left))


def still_needed(items: Sequence[DownloadItem]) -> int:
    """Bytes that everything in the queue has still to fetch."""
    return sum(item.total - item.done for item in items if item.state != "done")


def disk_line(free: int | None, items: Sequence[DownloadItem]) -> str:
    """The line at the foot of the page."""
    if free is None:
        return _tr("The models folder cannot be reached.")
    text = _tr("%1 free in the models folder.").replace("%1", formatting.file_size(free))
    needed = still_needed(items)
    if needed:
        more = _tr("What is queued still needs %1.")
        text = f"{text} {more.replace('%1', formatting.file_size(needed))}"
    return text
