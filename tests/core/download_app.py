"""The app's side of a download as a process of its own, made to be killed.

Continues what the stored list holds, or starts the one download of the hub named by
`HF_ENDPOINT`; prints a line for each change; exits 0 when everything is done. SIGUSR1 pauses
and resumes.
"""

import signal
import sys
import threading
import time

from app.core.download_state import DownloadItem, DownloadRequest
from app.core.downloads import DownloadManager
from app.core.hub import HubClient, HubQuery
from app.core.library import ModelLibrary
from app.core.paths import app_paths
from app.core.settings import SettingsStore
from app.core.transfer_wire import Limits


def main(block: int) -> int:
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    limits = Limits(block=block, first_wait=0.05)
    manager = DownloadManager(paths, settings, ModelLibrary(paths, settings), limits=limits)
    done = threading.Event()

    def tell(item: DownloadItem) -> None:
        print(item.state, item.done, flush=True)
        if item.state == "failed":
            manager.resume(item.id)  # killed thrice before the first byte, or there is a defect
        elif item.state == "done":
            done.set()

    manager.changed.connect(tell)
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, lambda *_: pause_and_resume(manager))
    manager.start()
    if not manager.items():
        manager.add(only_request(settings))
    elif manager.items()[0].state == "done":
        done.set()
    elif manager.items()[0].state == "paused":  # killed between pausing and resuming
        manager.resume(manager.items()[0].id)
    deadline = time.monotonic() + 100
    while not done.wait(0.05) and time.monotonic() < deadline:  # signals are heard in between
        pass
    manager.close()
    return 0 if manager.items()[0].state == "done" else 1


def pause_and_resume(manager: DownloadManager) -> None:
    """As a person does in quick succession."""
    for item in manager.items():
        if item.state in ("running", "waiting"):
            manager.pause(item.id)
            manager.resume(item.id)


def only_request(settings: SettingsStore) -> DownloadRequest:
    client = HubClient(settings, app_paths())
    (model,) = client.search(HubQuery()).models
    detail = client.detail(model.repo)
    client.close()
    files = detail.variants[0].files
    return DownloadRequest(model.repo, detail.model.sha, model.repo, "", files)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
