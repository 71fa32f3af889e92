"""What the places of models hold, looked at again and again: only what is new is read."""

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import structs

from app.core.library_found import Found
from app.core.library_index import Index, KnownModel, load_index, save_index
from app.core.library_places import Identity, Looked, Place, PlaceLook, notice_unmounted, silent
from app.core.library_read import read_model
from app.core.library_types import LocalModel

log = logging.getLogger(__name__)

PATIENCE = 15.0
"""Seconds that a drive may take to wake up."""
_NEWS_SECONDS = 0.5


class LibraryScanner:
    """Looks at places and remembers what was there. Thread-safe."""

    def __init__(self, index_file: Path, patience: float, late: Callable[[], object]) -> None:
        """A place without a sign of life for `patience` seconds is left alone.

        `late` is called, in another thread, when it has answered after all.
        """
        self._index_file = index_file
        self._patience = patience
        self._late = late
        self._lock = threading.RLock()
        self._index = load_index(index_file)
        self._looked: dict[Place, Looked] = {}
        """What the last look at each place saw, in the order of the places."""
        self._whole = False
        """Whether every place was looked at: only then the index is complete."""
        self._hanging: set[Place] = set()
        """Those that are still being looked at since they did not answer."""

    def scan(self, places: Sequence[Place], news: Callable[[], object]) -> None:
        """Look at all places, one after the other.

        Where that takes long, `news` is called on the way: there is more to list.
        """
        told = time.monotonic()
        with self._lock:
            self._looked = {place: self._looked.get(place, Looked()) for place in places}
            self._whole = False
            for place in places:
                self._looked[place] = self._look_at(place)
                if time.monotonic() - told >= _NEWS_SECONDS and place != places[-1]:
                    news()
                    told = time.monotonic()
            self._whole = True

    def _look_at(self, place: Place) -> Looked:
        if place in self._hanging:
            return silent(place)
        look = PlaceLook(place, self._read, self._came_late)
        if look.wait(self._patience) or not look.leave():
            return self._judged(look)
        log.info("%s does not answer", place.path)
        self._hanging.add(place)
        return silent(place)

    def _came_late(self, look: PlaceLook) -> None:
        """In the thread of a look that was left alone."""
        with self._lock:
            self._hanging.discard(look.place)
            if look.place not in self._looked:
                return
            self._looked[look.place] = self._judged(look)
        self._late()

    def _judged(self, look: PlaceLook) -> Looked:
        looked, place = look.result(), look.place
        kept = self._index.roots.get(str(place.path))

        def held() -> set[str]:
            seen = ((path, each.model) for path, each in self._index.known.items())
            return {
                path
                for path, model in seen
                if model and model.source == place.source and model.path.is_relative_to(place.path)
            }

        root = Identity(int(kept[0]), int(kept[1])) if kept else None
        notice_unmounted(place, looked, root, held)
        return looked

    def silent_folders(self) -> frozenset[Path]:
        """Those that do not answer now: whoever looks into them waits. Quick.

        Also those whose drive is not mounted: what is put there would lie on another one.
        """
        looked = tuple(self._looked.items())
        unmounted = (place.path for place, each in looked if each.unmounted)
        return frozenset((*(place.path for place in tuple(self._hanging)), *unmounted))

    def models(self, names: Collection[str] = ()) -> tuple[LocalModel, ...]:
        """What was seen, and what was seen before where the drive is away now.

        A file is listed once, however many names it has (hard and symbolic links), but for
        those in Corral's own folder: two tags of a model may share their weights. So are the
        paths in `names`.
        """
        known: dict[str, KnownModel] = {}
        models: dict[str, LocalModel] = {}
        seen: dict[tuple[int, int], LocalModel] = {}
        with self._lock:
            for looked in self._looked.values():
                for text, entry in looked.known.items():
                    if text in known:
                        continue
                    known[text] = entry
                    model, identity = entry.model, looked.identities[text]
                    first = seen.get(identity.file) if identity.inode else None
                    if model is None or (first and not identity.own and text not in names):
                        continue
                    model = _with_free_id(model, models)
                    if first:
                        model = structs.replace(model, same_file_as=_called(first))
                    seen.setdefault(identity.file, model)
                    models[model.id] = model
            for away in self._away(known):
                known[str(away.path)] = self._index.known[str(away.path)]
                models.setdefault(away.id, away)
            roots = self._roots()
            if self._whole and (known, roots) != (self._index.known, self._index.roots):
                self._index = Index(known=known, roots=roots)
                save_index(self._index_file, self._index)
        return tuple(models.values())

    def _roots(self) -> dict[str, tuple[str, str]]:
        """What each folder is; of those that are away, what it was."""
        before, now = self._index.roots, dict[str, tuple[str, str]]()
        for place, looked in self._looked.items():
            key = str(place.path)
            if looked.root is not None and not looked.gone:
                now[key] = (str(looked.root[0]), str(looked.root[1]))
            elif key in before:
                now.setdefault(key, before[key])
        return now

    def _away(self, known: dict[str, KnownModel]) -> Iterator[LocalModel]:
        """Models seen before whose folder or drive is not there now, or does not answer."""
        lacking = [looked for looked in self._looked.values() if looked.gone]
        for text, entry in self._index.known.items() if lacking else ():
            if text in known or entry.model is None:
                continue
            path = Path(text)
            why = next((looked.why for looked in lacking if looked.is_gone(path)), None)
            if why is not None:
                yield structs.replace(entry.model, present=False, problem=why)

    def _read(self, found: Found) -> tuple[KnownModel, Identity] | None:
        """From the index if the files are as they were; None if one vanished meanwhile."""
        try:
            fingerprint = found.fingerprint()
            entry = self._index.known.get(str(found.path))
            if (
                entry is None
                or entry.fingerprint != fingerprint
                or (entry.model is not None and entry.model.source != found.source)
            ):
                entry = KnownModel(fingerprint=fingerprint, model=read_model(found))
            stat = found.path.stat()
            own = found.source == "corral" and not found.path.is_symlink()
            return entry, Identity(stat.st_dev, stat.st_ino, own)
        except OSError as error:
            log.info("%s was left out: %s", found.path, error)
            return None


def _with_free_id(model: LocalModel, taken: Mapping[str, LocalModel]) -> LocalModel:
    """The same place in two models folders gives one id: the second gets its path into it."""
    if model.id not in taken:
        return model
    digest = hashlib.sha256(os.fsencode(model.path)).hexdigest()
    return structs.replace(model, id=f"{model.id}@{digest[:8]}")


def _called(model: LocalModel) -> str:
    return f"{model.name} ({model.program})" if model.program else model.name
