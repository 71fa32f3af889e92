"""The downloads in their order, and which of them are to run. Not safe for threads by itself."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from app.core import download_problems
from app.core.download_entry import DownloadEntry
from app.core.download_times import Hold

AT_ONCE = 3

Step = Literal["top", "up", "down", "bottom"]


class DownloadQueue:
    """All entries by id. The order of those that are not done is the order they run in."""

    def __init__(self) -> None:
        self._entries: dict[str, DownloadEntry] = {}

    def __iter__(self) -> Iterator[DownloadEntry]:
        """In order."""
        return iter(self._entries.values())

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._entries

    def get(self, item_id: str) -> DownloadEntry:
        """Raises `NotFoundError`."""
        try:
            return self._entries[item_id]
        except KeyError:
            raise download_problems.not_in_list() from None

    def by_run(self, run: str) -> DownloadEntry | None:
        """The one that a run of the child works on."""
        return next((entry for entry in self if entry.run == run), None)

    def add(self, entry: DownloadEntry) -> None:
        """Put it last."""
        self._entries[entry.id] = entry

    def check_new(self, entry: DownloadEntry) -> None:
        """Raise `DownloadError` for a download that is queued already."""
        for other in self:
            if other.state != "done" and other.shares_main_file(entry):
                raise download_problems.queued_already(other)

    def needs_beside(self, entry: DownloadEntry) -> list[tuple[Path, int]]:
        """What the others have still to fetch: bytes, with the models folder they go to."""
        queued = [e for e in self if e is not entry and e.state not in ("done", "failed")]
        return [(each.root, each.total - each.done) for each in queued]

    def take_out(self, item_id: str) -> DownloadEntry:
        """Raises `NotFoundError`."""
        entry = self.get(item_id)
        del self._entries[item_id]
        return entry

    def active(self) -> list[DownloadEntry]:
        """Those that the child works on, or is to."""
        return [entry for entry in self if entry.active]

    def step(self, item_id: str, step: Step) -> bool:
        """Move among those that are not done; False if it is there already."""
        open_ids = [entry.id for entry in self if entry.state != "done"]
        self.get(item_id)
        if item_id not in open_ids:
            return False
        place = open_ids.index(item_id)
        goal = {"top": 0, "up": place - 1, "down": place + 1, "bottom": len(open_ids) - 1}[step]
        if goal == place or not 0 <= goal < len(open_ids):
            return False
        open_ids.insert(goal, open_ids.pop(place))
        self._order(open_ids)
        return True

    def put_before(self, item_id: str, other_id: str | None) -> bool:
        """Move right before another one, or to the end; False if nothing changes."""
        open_ids = [entry.id for entry in self if entry.state != "done"]
        self.get(item_id)
        if item_id not in open_ids or item_id == other_id:
            return False
        rest = [each for each in open_ids if each != item_id]
        rest.insert(rest.index(other_id) if other_id in rest else len(rest), item_id)
        if rest == open_ids:
            return False
        self._order(rest)
        return True

    def _order(self, open_ids: Sequence[str]) -> None:
        """Done ones come first; they run no more."""
        done = [entry.id for entry in self if entry.state == "done"]
        self._entries = {each: self._entries[each] for each in [*done, *open_ids]}

    def chosen(
        self, hold: Hold, busy: Iterable[DownloadEntry], now: float
    ) -> tuple[list[DownloadEntry], list[DownloadEntry]]:
        """Which ones are to run, and which are to make way for them.

        `hold` keeps back all but those that a person has asked for by name; offline it keeps back
        all. `busy` are others whose files are still being written. What is being verified is
        never interrupted for another one. Two that share a file, such as a projector, follow one
        another. `now` is monotonic.
        """
        run: list[DownloadEntry] = []
        if hold != "offline":
            run = [entry for entry in self if entry.state == "verifying"]
        writing = [*busy, *run]
        for entry in self:
            if entry.state not in ("waiting", "running") or not self._may_run(entry, hold, now):
                continue
            if len(run) < AT_ONCE and not any(entry.shares_a_file(other) for other in writing):
                run.append(entry)
                writing.append(entry)
        return run, [entry for entry in self.active() if entry not in run]

    def _may_run(self, entry: DownloadEntry, hold: Hold, now: float) -> bool:
        entry.held = hold if hold == "offline" or not entry.at_once else ""
        return not entry.held and not entry.away and not entry.waits_for_network(now)
