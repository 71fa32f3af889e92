"""Another version in this one's place, or an earlier state of the data: done once Corral has ended.

Going back is going to the version before. Where that cannot read the data any more, the copy that
was made before its format changed is put back, and what it replaces is copied first.
"""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from app.core import conversation_schema, update_errors
from app.core.data_backup import Backup, backups, delete, restore, usable_by
from app.core.data_use import DataUse
from app.core.detached import start_detached
from app.core.earlier_engine import drop_earlier, keep_engine
from app.core.engine_record import EngineRecord
from app.core.errors import AppError
from app.core.events import EventHook
from app.core.installed_engines import engine_places, installed_engines, usual_engine
from app.core.paths import AppPaths
from app.core.running import running_corral
from app.core.update_install import install_command, start_installer
from app.core.update_manifest import Package, Release, numbers
from app.core.update_shelf import KeptPackage, Planned, UpdateMemory, UpdateShelf


@dataclass(frozen=True)
class GoingBack:
    """What going back to the version before would mean."""

    release: Release
    package: Package
    here: bool
    """Whether its package lies here already."""
    needs_backup: bool
    """The data has a format by now that it cannot read."""
    backup: Backup | None = None
    """The copy of the data that it can read, where it needs one and there is one."""


@dataclass(frozen=True)
class AtEnd:
    """What happens when Corral has ended."""

    kept: KeptPackage | None = None
    """Install this."""
    backup: Backup | None = None
    """Put this back first."""
    restart: bool = True


class Replacement:
    """What was chosen for the end of the program. Any thread may call it."""

    def __init__(self, paths: AppPaths, shelf: UpdateShelf, use: DataUse | None = None) -> None:
        self.changed: EventHook[[]] = EventHook()
        self._lock = threading.RLock()
        """Held while a plan is made of what was planned or noted before."""
        self.planned: AtEnd | None = None
        self._paths = paths
        self._shelf = shelf
        self._use = use
        self._log = paths.logs / "update.log"
        self.arrived = False
        """Whether this version is the one that was to come at the last end; see `look_back`."""
        self._started: subprocess.Popen[bytes] | None = None
        """What goes on when this process ends."""

    def going_back(self) -> GoingBack | None:
        """What going back would mean; None where no earlier version can be had. Asks the disk."""
        release = self._version_before()
        package = self._shelf.package_of(release) if release else None
        if release is None or package is None:
            return None
        here = self._shelf.is_here(release.version, package)
        needs = release.schema < conversation_schema.VERSION and self._paths.conversations.exists()
        backup = usable_by(self._paths.data, release.schema) if needs else None
        return GoingBack(release, package, here, needs, backup)

    def _version_before(self) -> Release | None:
        """The newest of those that are older than this one, and here or to be had."""
        shelf = self._shelf
        manifest = shelf.manifest()
        # What the list says of a version goes before what was kept of it.
        known = [manifest.previous] if manifest is not None and manifest.previous else []
        known += [kept.release for kept in shelf.memory().kept if shelf.kept(kept.release.version)]
        older = [release for release in known if shelf.is_older(release)]
        return max(older, key=lambda each: numbers(each.version), default=None)

    def backups(self) -> tuple[Backup, ...]:
        """The copies of the data, the newest first. Asks the disk."""
        return backups(self._paths.data)

    def delete(self, backup: Backup) -> None:
        """Forget a copy, and what was to be done with it."""
        if self.planned is not None and self.planned.backup == backup:
            self.cancel()
        delete(backup)

    def install(
        self, release: Release, *, backup: Backup | None = None, restart: bool = True
    ) -> None:
        """Install a version that was downloaded, when Corral has ended; `backup` is put back first.

        Reads all of the package. Raises `UpdateError` where it is not the one that was signed for,
        or another Corral is running.
        """
        self._refuse_beside_another()
        self._plan(AtEnd(self._shelf.whole(release.version), backup, restart))

    def restore(self, backup: Backup) -> None:
        """Put a copy of the data back when Corral has ended, and start it again.

        Raises `UpdateError` where another Corral is running.
        """
        self._refuse_beside_another()
        self._plan(AtEnd(backup=backup))

    def wait_for_end(self) -> None:
        """Corral is not ended for what was chosen, so it does not start again after it either."""
        with self._lock:
            if self.planned is not None and self.planned.restart:
                self._plan(replace(self.planned, restart=False))

    def cancel(self) -> None:
        """Nothing is to happen."""
        self._plan(None)

    def _refuse_beside_another(self) -> None:
        with self._alone():
            pass

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """While inside, no other Corral uses the data. Raises `UpdateError` where one does."""
        other = running_corral(self._paths)
        if other is not None:
            raise update_errors.another_runs(other.pid)
        if self._use is None:
            yield
            return
        with self._use.alone() as alone:
            if not alone:
                raise update_errors.another_runs(None)
            yield

    def _plan(self, planned: AtEnd | None) -> None:
        """It is noted at once, as Corral may end without being asked. Raises `StorageError`;
        nothing is planned then.

        A version is installed at the end after the next start. Data that is to be replaced is not
        put back so late, as more is written until then; that it was not done is told.
        """
        try:
            with self._lock:
                self.planned = None
                self._shelf.change(lambda m: self._noted(m, planned))
                self.planned = planned
        finally:
            self.changed()

    def _noted(self, memory: UpdateMemory, planned: AtEnd | None) -> UpdateMemory:
        if planned is None:
            return _without_end(memory)
        if planned.kept is None or planned.backup is not None:
            return _begun(memory, planned, "Corral was ended first, so nothing was done.")
        version = Planned(planned.kept.release.version, self._shelf.version)
        return msgspec.structs.replace(_without_end(memory), planned=version)

    def _take_up(self, planned: Planned | None) -> None:
        if planned is None or planned.program != self._shelf.version:
            return
        kept = self._shelf.kept(planned.version)
        if kept is not None:
            self._plan(AtEnd(kept, restart=False))

    def leave(self) -> None:
        """The session ends, and Corral with it: nothing may begin now, as nobody could agree to it
        and it would be cut off. What was noted of it stays."""
        self.planned = None

    def finish(self) -> None:
        """Do what was chosen. To be called last, when nobody uses the data.

        Raises `AppError`; that is told at the next start, too.
        """
        planned, self.planned = self.planned, None
        if planned is None:
            return
        restart = planned.restart
        try:
            # Told at the next start if anything from here on goes wrong.
            self._shelf.change(lambda m: _begun(m, planned))
            with self._alone():  # another may have begun since
                if planned.kept is not None:
                    self._shelf.whole(planned.kept.release.version)
                if planned.backup is not None:
                    self._put_back(planned.backup)
                if planned.kept is not None:
                    self._start_installer(planned.kept, restart=restart)
                    restart = False  # that does it
        except AppError as error:
            words = (f"{error.title}.", error.message, error.hint)
            failure = " ".join(part for part in words if part)
            with contextlib.suppress(AppError):
                self._shelf.change(lambda m: msgspec.structs.replace(m, failure=failure))
            raise
        finally:
            if restart:
                self._started = start_detached((), self._log)

    def _put_back(self, backup: Backup) -> None:
        copied = restore(self._paths.data, backup)
        replaced = copied.made if copied else 0.0
        self._shelf.change(lambda m: msgspec.structs.replace(m, restoring=0.0, replaced=replaced))

    def _start_installer(self, kept: KeptPackage, *, restart: bool) -> None:
        engine = self._keep_engine(kept.release)
        self._shelf.change(lambda m: msgspec.structs.replace(m, engine=engine))
        file, program = self._shelf.folder / kept.name, self._shelf.program
        command = install_command(program, file, kept.package, restart=restart)
        self._started = start_installer(command, self._log)

    def _keep_engine(self, release: Release) -> str:
        """For the version that comes; the one before comes with an engine that was good for it.

        Answers the id of the engine; "" where none was kept.
        """
        if self._shelf.is_older(release) or self._shelf.program.form == "nsis":
            return ""
        beside, own = engine_places(self._paths)
        engines = installed_engines((beside,))[:1]
        return next((each.id for each in engines if keep_engine(each, own)), "")

    def _drop_engines(self, last: str) -> None:
        """Those of versions before the one that this one has replaced."""
        beside, own = engine_places(self._paths)
        ids = {each.id for each in installed_engines((beside,))}
        relied_on = EngineRecord(self._paths.engines_file).relied_on()
        usual = usual_engine()  # one that was kept may have been chosen
        drop_earlier(own, last, ids, relied_on | {usual.id} if usual else relied_on)

    def look_back(self) -> AppError | None:
        """What to say at the start if something was not done at the last end.

        What was still to come then is planned again.
        """
        memory = self._shelf.memory()
        if memory == _without_end(memory):
            return None
        with self._lock, contextlib.suppress(AppError):  # said again at the next start, then
            self._shelf.change(_without_end)
            self._take_up(memory.planned)
        wanted = memory.installing
        if memory.restoring:
            return update_errors.not_put_back(memory.restoring, memory.failure, wanted)
        if not wanted:
            return None
        self.arrived = numbers(wanted) == numbers(self._shelf.version)
        if self.arrived:
            self._drop_engines(memory.engine)
            return None
        words = ""
        if not memory.failure:
            with contextlib.suppress(OSError):
                words = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
        return update_errors.not_installed(wanted, memory.failure, words, memory.replaced)


def _without_end(memory: UpdateMemory) -> UpdateMemory:
    """The same, with nothing noted of what was chosen for the end."""
    return msgspec.structs.replace(
        memory, installing="", restoring=0.0, failure="", replaced=0.0, engine="", planned=None
    )


def _begun(memory: UpdateMemory, planned: AtEnd, failure: str = "") -> UpdateMemory:
    """The same, with what is to be told if no more is heard of it."""
    return msgspec.structs.replace(
        _without_end(memory),
        installing=planned.kept.release.version if planned.kept else "",
        restoring=planned.backup.made if planned.backup else 0.0,
        failure=failure,
    )
