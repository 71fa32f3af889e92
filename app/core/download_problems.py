"""What can be wrong with a download before and beside the transfer itself, in words."""

import traceback

from app.core.download_entry import DownloadEntry
from app.core.download_space import RESERVE
from app.core.download_state import DownloadProblem
from app.core.errors import DownloadError, NotFoundError


def queued_already(other: DownloadEntry) -> DownloadError:
    """The same model is in the list."""
    stopped = other.state in ("paused", "failed")
    return DownloadError(
        f"“{other.request.title}” is in the downloads already",
        f"{other.done:,} of {other.total:,} bytes are here.",
        "Resume it on the Downloads page." if stopped else "",
    )


def here_already(entry: DownloadEntry) -> DownloadError:
    """All files are there under their final names."""
    return DownloadError(
        f"“{entry.request.title}” is on this computer already",
        f"All its files are in {entry.folder}.",
        "Load it in My Models, or delete it there to download it again.",
    )


def not_in_list() -> NotFoundError:
    """An item that is gone."""
    return NotFoundError(
        "This download is not in the list any more", "It was removed or cancelled."
    )


def no_usable_model(entry: DownloadEntry, why: str) -> DownloadProblem:
    """What arrived is what the hub has, and yet no model."""
    return DownloadProblem(
        f"“{entry.request.title}” arrived whole, but it is no usable model",
        f"{why} It is just so on the hub, and lies in {entry.folder}.",
        "Delete it in My Models and choose another variant or repository.",
    )


def own_error(error: Exception) -> DownloadProblem:
    """Something that nobody had thought of."""
    return DownloadProblem(
        "The download stopped",
        f"Corral met an error of its own: {type(error).__name__}. What was fetched is kept.",
        "Resume the download. If it happens again, report it with the log.",
        "".join(traceback.format_exception(error, limit=-5)),
    )


def disk_filled(free: int) -> DownloadProblem:
    """Something else has filled the disk meanwhile; `free` is in bytes."""
    return DownloadProblem(
        "The disk is filling up",
        f"Only {free / 1e9:.1f} GB are free, and downloads leave {RESERVE / 1e9:.1f} GB alone. "
        "What was fetched is kept.",
        "Free some space, then resume.",
    )


def helper_failed(how: str, detail: str) -> DownloadProblem:
    """The transfer child cannot be started, or keeps dying."""
    return DownloadProblem(
        "The download helper failed",
        f"The process that downloads {how}. What was fetched is kept.",
        "Resume the download. If it happens again, report it with the log.",
        detail,
    )
