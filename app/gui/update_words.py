"""What the window says of newer versions of Corral."""

from PySide6.QtCore import QCoreApplication

from app.core.data_backup import Backup
from app.core.program_updates import UpdateState
from app.core.update_install import Way
from app.core.update_manifest import Release
from app.core.update_replacement import AtEnd, GoingBack
from app.gui.formatting import clock_time, file_size, number, short_date, size_of_size


def _tr(text: str) -> str:
    return QCoreApplication.translate("updates", text)


def state_title(state: UpdateState) -> str:
    """How things stand, in a few words."""
    match state.stage:
        case "not set up":
            return _tr("New versions cannot be looked for")
        case "unknown":
            return _tr("Not looked yet")
        case "current" if state.problem is not None:
            return _tr("No newer version is known")
        case "current":
            return _tr("This is the newest version")
        case _:
            version = state.release.version if state.release else ""
            return _tr("Corral %1 is there").replace("%1", version)


def state_sentence(state: UpdateState) -> str:
    """When the server was asked, or why it cannot be."""
    if state.stage == "not set up":
        return _tr("This copy was built without an address to ask. Update it as you installed it.")
    if not state.looked:
        return _tr("Look now asks once, whatever the switch says")
    moment = moment_of(state.looked)
    return _tr("Last looked: %1").replace("%1", moment)


def moment_of(when: float) -> str:
    """ "today, 14:02", or "7 Nov, 14:02"."""
    day, clock = short_date(when), clock_time(when)
    words = _tr("today, %1") if day == clock else _tr("%2, %1")
    return words.replace("%1", clock).replace("%2", day)


def offer_sentence(state: UpdateState, planned: AtEnd | None, *, busy: bool) -> str:
    """What can be done about the newer version."""
    if planned is not None and planned.kept is not None:
        return _tr("It is installed when Corral ends")
    size = file_size(state.package.size) if state.package else ""
    if state.fetching and state.package is not None:
        words = _tr("Downloading, %1; models and chats go on")
        return words.replace("%1", size_of_size(state.done, state.package.size))
    if state.stage == "too old":
        return _tr("It cannot be put over a version as old as this one. Install it by hand.")
    if state.stage == "offered" and state.way != "none":
        return _tr("%1, checked before it is installed").replace("%1", size)
    if state.command:
        words = _tr(
            "Downloaded and checked. Nothing here opens packages: end Corral, then type in a "
            "terminal: %1"
        )
        return words.replace("%1", state.command)
    if state.stage == "ready" and busy:
        return _tr("Downloaded. A download or an answer is running, so it waits for Corral’s end.")
    if state.stage == "ready" and state.way == "open":
        return _tr("Downloaded and checked. The system’s installer opens when Corral has ended.")
    if state.stage == "ready" and state.way == "replace":
        return _tr("Downloaded and checked. Chats, presets and models stay.")
    return by_hand(state.way)


def by_hand(way: Way) -> str:
    """How this copy of Corral gets a new version, where it is not Corral that brings it."""
    words: dict[Way, str] = {
        "store": _tr("This copy is a Flatpak: “flatpak update” or your software centre brings it."),
        "source": _tr("This copy runs from source: “git pull”, then “make run”."),
        "none": _tr("This copy cannot replace itself. Install the new one as you installed this."),
    }
    return words.get(way, _tr("There is no package of it for this computer."))


def notes_of(release: Release, language: str) -> str:
    """What is new, in the person's language or else in English."""
    return release.notes.get(language) or release.notes.get("en", "")


def back_sentence(back: GoingBack) -> str:
    """What going back costs."""
    size = _tr("downloaded already") if back.here else file_size(back.package.size)
    if not back.needs_backup:
        return _tr("Chats, presets and settings stay as they are; %1").replace("%1", size)
    if back.backup is None:
        return _tr("It cannot read the chats as they are now; %1").replace("%1", size)
    words = _tr("With the chats of %1; %2")
    return words.replace("%1", moment_of(back.backup.made)).replace("%2", size)


def back_question(back: GoingBack) -> str:
    """What is asked before it is done."""
    if not back.needs_backup:
        return _tr("Chats, presets and settings stay as they are. Corral ends and starts again.")
    if back.backup is None:
        return _tr(
            "That version cannot read the chats as they are now, and there is no copy of before. "
            "It begins without them. They stay on the disk and are there again with a newer "
            "version."
        )
    words = _tr(
        "That version cannot read the chats as they are now. The copy of %1 with %2 is put back. "
        "What was written since is kept in a copy of its own."
    )
    return words.replace("%1", moment_of(back.backup.made)).replace("%2", chats_in(back.backup))


def chats_in(backup: Backup) -> str:
    """How many chats are in a copy."""
    if not backup.database:
        return _tr("presets and settings only")
    if backup.chats == 1:
        return _tr("1 chat")
    return _tr("%1 chats").replace("%1", number(backup.chats))


def backup_sentence(backup: Backup) -> str:
    """What is in a copy."""
    words = _tr("%1, %2, made by Corral %3")
    if backup.replaced:
        words = _tr("%1, %2, made by Corral %3 when another copy was put back")
    return (
        words.replace("%1", chats_in(backup))
        .replace("%2", file_size(backup.size))
        .replace("%3", backup.program)
    )
