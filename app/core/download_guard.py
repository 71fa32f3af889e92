"""What must not be changed while downloads are queued."""

from pathlib import Path

from app.core.downloads import DownloadManager
from app.core.errors import StorageError


def guard_folder(downloads: DownloadManager, folder: Path) -> None:
    """Raise StorageError while downloads that are not done go to a models folder."""
    waiting = [
        item
        for item in downloads.items()
        if item.state != "done" and item.target.is_relative_to(folder)
    ]
    if waiting:
        names = ", ".join(dict.fromkeys(item.request.title for item in waiting))
        raise StorageError(
            "The models folder was not changed",
            f"Downloads go to the one used so far, and are not done: {names}.",
            "Let them finish, or cancel them in Downloads, then change the folder.",
        )
