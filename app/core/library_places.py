"""The places that models lie in, each looked at in a thread of its own.

A network share that is gone can keep a thread waiting for minutes, and nothing in Python ends such
a wait. So nobody waits for it but that thread: the others go on, and its outcome is taken up
whenever it comes.
"""

import logging
import os
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.core.library_found import Found
from app.core.library_index import KnownModel
from app.core.library_scan import find_at, find_models, starter_models
from app.core.library_types import Source

log = logging.getLogger(__name__)

AWAY = "The folder or drive it is on is not connected."
SILENT = "The folder or drive it is on does not answer."


class Identity(NamedTuple):
    """What is the same for two names of one file."""

    device: int
    inode: int
    own: bool = False
    """A name that Corral made for itself, which is listed even where the file has another."""

    @property
    def file(self) -> tuple[int, int]:
        """What tells one file from another."""
        return self.device, self.inode


@dataclass(frozen=True)
class Place:
    """A folder of models, or some models of it, or the installed starter model."""

    path: Path
    source: Source
    program: str = ""
    """The other program that it belongs to, for people."""
    files: tuple[Path, ...] = ()
    """The only models to look at, where there are some."""

    def tops(self) -> tuple[Path, ...]:
        """What lies here lies below one of these."""
        if self.source == "starter":
            return ()
        return self.files or (self.path,)

    def find(self) -> Iterator[Found]:
        """The models that are here now."""
        if self.source == "starter":
            yield from starter_models()
        elif not self.files:
            yield from find_models(self.path, self.source, self.program)
        for path in self.files:
            try:
                if os.path.exists(path):  # unlike Path.exists, False for a drive that fails
                    yield find_at(path, self.source, self.program)
            except OSError as error:  # there, but not for us to read
                log.info("%s was left out: %s", path, error)


@dataclass
class Looked:
    """What was seen at a place."""

    known: dict[str, KnownModel] = field(default_factory=dict)
    """By the path that an engine opens."""
    identities: dict[str, Identity] = field(default_factory=dict)
    gone: tuple[Path, ...] = ()
    """What was not there: all models below these are away."""
    why: str = AWAY
    root: Identity | None = field(default=None, compare=False)
    """Of the folder itself; None where there is none, or only some files of it matter."""
    unmounted: bool = False
    """What is there is not the drive that was there before."""

    def is_gone(self, path: Path) -> bool:
        """Whether a model of the index is away."""
        return any(path.is_relative_to(top) for top in self.gone)


def silent(place: Place) -> Looked:
    """What is known of a place that does not answer."""
    return Looked(gone=place.tops(), why=SILENT)


Reader = Callable[[Found], tuple[KnownModel, Identity] | None]
"""Reads a model, or takes it from the index; None for one that vanished meanwhile."""


class PlaceLook:
    """One look at a place, under way in a thread."""

    def __init__(
        self, place: Place, read: Reader, late: Callable[["PlaceLook"], object] | None = None
    ) -> None:
        """`late` is called in that thread when the look ends after it was left alone."""
        self.place = place
        self._read = read
        self._late = late
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._steps = 0
        self._left = False
        self._looked = Looked()
        self._error: Exception | None = None
        threading.Thread(target=self._run, name=f"look-{place.path.name}", daemon=True).start()

    def wait(self, patience: float) -> bool:
        """Wait while it gets on; False when nothing happened for `patience` seconds."""
        while True:
            before = self._steps
            if self._done.wait(patience):
                return True
            if self._steps == before:
                return False

    def leave(self) -> bool:
        """Wait no longer: `late` will be told. False if it ended just now."""
        with self._lock:
            self._left = not self._done.is_set()
            return self._left

    def result(self) -> Looked:
        """What was seen; once it is done. Raises what the look raised."""
        if self._error is not None:
            raise self._error
        return self._looked

    def _run(self) -> None:
        try:
            self._look()
        except Exception as error:  # noqa: BLE001  # raised again where the result is asked for
            self._error = error
        with self._lock:
            self._done.set()
            left = self._left
        if left and self._late is not None:
            self._late(self)

    def _look(self) -> None:
        tops = self.place.tops()
        self._looked.root = _identity(self.place)
        exists = os.path.exists if self.place.files else os.path.isdir
        self._looked.gone = tuple(top for top in tops if not exists(top))
        try:
            for found in self.place.find():
                self._steps += 1
                text = str(found.path)
                if text in self._looked.known:
                    continue
                read = self._read(found)
                if read is not None:
                    self._looked.known[text], self._looked.identities[text] = read
        except OSError as error:  # a drive that fails halfway
            log.info("%s could not be looked through: %s", self.place.path, error)
            self._looked.gone = tops


def _identity(place: Place) -> Identity | None:
    if place.source == "starter" or place.files:
        return None
    try:
        stat = os.stat(place.path)
    except OSError:
        return None
    return Identity(stat.st_dev, stat.st_ino)


def notice_unmounted(
    place: Place, looked: Looked, root: Identity | None, held: Callable[[], Collection[str]]
) -> None:
    """Take models for away, not for deleted, where only the mount point of their drive is there.

    `root` is what the folder was when models were seen in it, `held` tells those models. Device
    numbers change by themselves when a drive comes back, so what is found decides as well.
    """
    now = looked.root
    if looked.gone or now is None or root is None or now == root:
        return
    here = {path for path, entry in looked.known.items() if entry.model is not None}
    before = held()
    other_drive = now[0] != root[0]
    if before and here.isdisjoint(before) and (other_drive or not here):
        looked.gone, looked.unmounted = place.tops(), True
