"""One run of a download: all its files, verified, then named together."""

import contextlib
import logging
import os
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.core.errors import AppError, DownloadError, StorageError
from app.core.files import storage_error
from app.core.folder_marks import check_mark
from app.core.hub_connection import new_client
from app.core.model_roots import check_there
from app.core.ollama_name import ollama_name_of
from app.core.transfer_address import AddressedFile
from app.core.transfer_copy import LocalCopy
from app.core.transfer_file import FileTransfer, already_there
from app.core.transfer_http import RemoteFile, TryAgain
from app.core.transfer_names import check_names, target_path
from app.core.transfer_naming import finish, in_the_way, is_being_named, unmark
from app.core.transfer_pace import TokenBucket
from app.core.transfer_parts import bytes_on_disk, discard, lock_path, part_path
from app.core.transfer_registry import RegistryFile
from app.core.transfer_stop import StopSignal, TransferStopped
from app.core.transfer_wire import Completed, Contacted, Failed, Fetch, Moved, Reply, Stopped
from app.core.variants import RepoFile

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger(__name__)

Send = Callable[[Reply], None]

CONFIG = "config.json"
_CONFIG_BYTES = 1024**2
"""No such file is nearly as long."""
OWN_CODE = {"auto_map", "model_file"}
"""Keys by which a model asks for Python code of its repository to be run."""

LOCK_PATIENCE = 20.0
"""Seconds that a file may be locked by another process; one just killed lets go at once."""


class TransferJob:
    """Carries out one `Fetch` in a thread of its own."""

    def __init__(self, command: Fetch, send: Send, bucket: TokenBucket | None = None) -> None:
        """`bucket` limits the speed of all jobs that have the same one."""
        self._command = command
        self._send = send
        self._bucket = bucket or TokenBucket()
        self._stop = StopSignal()
        self._kept: dict[RepoFile, int] = {}
        """Bytes of each file that are on disk, for those whose transfer has not begun."""
        self._transfers: dict[RepoFile, FileTransfer | LocalCopy] = {}
        self._current: FileTransfer | LocalCopy | None = None
        self._checked: float | None = None
        """How far a file that is there already has been checked, 0 to 1."""
        self._hubs = list(command.accesses)
        """The hub that answered last stands first."""
        self._thread = threading.Thread(target=self._run, name="transfer", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask to stop; `Stopped` is sent when it has."""
        self._stop.set()

    def reconnect(self) -> None:
        """Make new connections: the computer has slept, and the old ones lead nowhere."""
        self._stop.reconnect()

    def hurry(self) -> None:
        """Try again now."""
        self._stop.hurry()

    def join(self, timeout: float) -> None:
        """Wait for the thread, at most `timeout` seconds."""
        self._thread.join(timeout)

    def report(self) -> None:
        """Send where the run is, once it is known."""
        if not self._kept:
            return
        files = tuple(self._bytes_of(file) for file in self._command.files)
        current = self._current
        verified = current.verified if current else self._checked
        trouble = current.trouble if current else None
        again = current is not None and current.again
        self._send(Moved(self._command.run, sum(files), verified, files, trouble, again))

    def _bytes_of(self, file: RepoFile) -> int:
        transfer = self._transfers.get(file)
        # Until its part is open a transfer knows of no bytes, but those of earlier runs are there.
        done = transfer.done if transfer else None
        return self._kept.get(file, 0) if done is None else done

    def _run(self) -> None:
        run = self._command.run
        try:
            self._fetch_all()
            self._send(Completed(run, any(each.again for each in self._transfers.values())))
        except TransferStopped:
            self._send(Stopped(run))
        except AppError as error:
            self._send(self._failure(error))
        except Exception as error:
            log.exception("transfer of %s failed", self._command.repo)
            self._send(
                Failed(
                    run,
                    "The download stopped",
                    f"Corral met an error of its own: {type(error).__name__}. "
                    "What was fetched is kept.",
                    "Resume the download. If it happens again, report it with the log.",
                    traceback.format_exc(limit=-5),
                )
            )

    def _failure(self, error: AppError) -> Failed:
        """What to say of an error; where the drive is gone, that is what is wrong."""
        cause, away = error.__cause__, False
        network = isinstance(cause, TryAgain) and cause.network
        try:
            self._check_place()
        except StorageError as lacking:
            error, network, away = lacking, False, True
        return Failed(
            self._command.run,
            error.title,
            error.message,
            error.hint,
            error.detail,
            network,
            away,
        )

    def _check_place(self) -> None:
        """Raise `StorageError` where the folder's drive is away: nothing is made in its place."""
        if self._command.must_be_there:
            root = Path(self._command.must_be_there)
            check_there(root)
            check_mark(root, self._command.mark)

    def _fetch_all(self) -> None:
        command = self._command
        folder = Path(command.folder)
        check_names(file.path for file in command.files)
        self._check_place()
        targets = {file: target_path(folder, file.path) for file in command.files}
        self._kept = {file: bytes_on_disk(target, file.size) for file, target in targets.items()}
        with contextlib.ExitStack() as locks:
            for target in sorted(targets.values()):
                locks.enter_context(_locked(target, self._stop))
            locks.enter_context(closing(client := self._new_client()))
            lacking = self._lacking(targets)
            old = {lacking[file] for file in lacking if os.path.lexists(lacking[file])}
            for file in _in_fetching_order(tuple(lacking)):
                target = targets[file]
                if not self._take_copy(file, target):
                    self._fetch(client, file, target)
                refuse_own_code(part_path(target), file)
                self._current = None
            self._stop.check()
            self._name_all([lacking[file] for file in in_naming_order(tuple(lacking))], old)
            unmark(targets.values())

    def _lacking(self, targets: Mapping[RepoFile, Path]) -> dict[RepoFile, Path]:
        """What is to be fetched. Raises `DownloadError` where a person's own file has the name."""
        lacking: dict[RepoFile, Path] = {}

        def progress(fraction: float) -> None:
            self._stop.check()
            self._checked = fraction

        for file, target in targets.items():
            if already_there(target, file, progress):
                discard(target)  # of an earlier run; it came here by another way
            elif os.path.lexists(target) and not self._may_replace(file, target):
                raise in_the_way(target)
            else:
                lacking[file] = target
        self._checked = None
        return lacking

    def _may_replace(self, file: RepoFile, target: Path) -> bool:
        """Whether an update is wanted, or what is there was downloaded by Corral.

        If that was damaged or changed since, it is replaced all the same: it goes to the trash.
        """
        downloaded = file.path in self._command.own
        return self._command.update or is_being_named(target) or downloaded

    def _is_own(self, file: RepoFile, target: Path) -> bool:
        """Whether the file is as it was when Corral had downloaded it."""
        try:
            stat = target.stat()
        except OSError:
            return False
        return self._command.own.get(file.path) == (stat.st_size, stat.st_mtime_ns)

    def _name_all(self, targets: Sequence[Path], old: Collection[Path]) -> None:
        folder = Path(self._command.folder)
        own = {
            target
            for file in self._command.files
            if self._is_own(file, target := folder.joinpath(*file.path.split("/")))
        }
        try:
            finish(targets, old, own)
        except OSError as error:
            raise storage_error("The download could not be finished", folder, error) from error

    def _new_client(self) -> "httpx2.Client":
        """All addresses are reached the same way, so one client serves them all."""
        command = self._command
        return new_client(
            command.limits.read_timeout,
            command.accesses[0].route,
            lambda contact: self._send(Contacted(contact)),
            command.purpose,
            command.repo,
        )

    def _take_copy(self, file: RepoFile, target: Path) -> bool:
        """Whether the same file was elsewhere on this computer."""
        source = self._command.copies.get(file.sha256 or "")
        if source is None or Path(source) == target:
            return False
        self._current = copy = LocalCopy(Path(source), file, target, self._stop)
        self._transfers[file] = copy
        try:
            return copy.take()
        except OSError as error:
            title = f"“{target.name}” could not be written"
            raise storage_error(title, target, error) from error

    def _fetch(self, client: "httpx2.Client", file: RepoFile, target: Path) -> None:
        limits = self._command.limits
        remote = self._remote(client, file)
        transfer = FileTransfer(remote, file, target, limits, self._stop, self._bucket)
        self._current = self._transfers[file] = transfer
        transfer.fetch()

    def _remote(self, client: "httpx2.Client", file: RepoFile) -> RemoteFile:
        """Where a file comes from: an address of its own, a registry, or a hub."""
        command, timeout = self._command, self._command.limits.read_timeout
        if address := command.addresses.get(file.path):
            return AddressedFile(client, self._hubs[0], address, file, timeout, self._stop)
        kind = RegistryFile if ollama_name_of(command.repo) else RemoteFile
        return kind(
            client,
            self._hubs,
            command.repo,
            command.revision,
            file,
            timeout,
            self._stop,
            command.main,
        )


def _in_fetching_order(files: Sequence[RepoFile]) -> list[RepoFile]:
    """What may refuse the whole download comes first."""
    return sorted(files, key=lambda file: file.path != CONFIG)


def refuse_own_code(path: Path, file: RepoFile) -> None:
    """Raise `DownloadError` for a config.json that names Python code to run with the model."""
    if file.path != CONFIG:
        return
    try:
        with path.open("rb") as reading:
            # What is longer is cut off, and so no JSON any more.
            config = msgspec.json.decode(reading.read(_CONFIG_BYTES), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise DownloadError(
            "The model's config.json cannot be read",
            "It is not what such a file looks like. Nothing else was downloaded.",
            "Choose another repository of the same model.",
            str(error),
        ) from error
    if config.keys() & OWN_CODE:
        raise DownloadError(
            "This model needs program code of its own",
            "Its config.json names code to be run, and Corral runs no code that comes with a "
            "model. Nothing else was downloaded.",
            "Choose another repository of the same model, or a GGUF file.",
        )


def in_naming_order(files: Sequence[RepoFile]) -> list[RepoFile]:
    """The order in which files get their final names: what makes a folder a model comes last.

    So nothing half-done is ever taken for a model: neither a split one without all its parts
    nor an MLX folder without its weights.
    """
    backwards = list(reversed(files))
    return sorted(backwards, key=lambda file: file.path == CONFIG)


@contextlib.contextmanager
def _locked(target: Path, stop: StopSignal) -> Iterator[None]:
    """Hold the lock of one file, waiting for whoever else writes it."""
    import filelock

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(lock_path(target), thread_local=False)
        held = lock.acquire(timeout=LOCK_PATIENCE, poll_interval=0.1, cancel_check=stop.is_set)
    except filelock.Timeout as error:
        stop.check()
        raise DownloadError(
            "This file is being downloaded by another program",
            f"Another Corral has been writing “{target.name}” for {LOCK_PATIENCE:.0f} seconds.",
            "Wait until it is done, or close it, then resume.",
        ) from error
    except OSError as error:
        raise storage_error("The models folder cannot be used", target.parent, error) from error
    with held:
        try:
            yield
        finally:
            if os.name != "nt":  # there filelock does it
                lock_path(target).unlink(missing_ok=True)
