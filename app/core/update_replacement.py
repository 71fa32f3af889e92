"""Another version in this one's place, or an earlier state of the data: done once Corral has ended.

Going back is going to the version before. Where that cannot read the data any more, the copy that
was made before its format changed is put back, and what it replaces is copied first.
"""

import contextlib
import subprocess
from dataclasses import dataclass, replace

import msgspec

from app.core import conversation_schema, update_errors
from app.core.data_backup import Backup, backups, delete, restore, usable_by
from app.core.data_use import DataUse
from app.core.detached import start_detached
from app.core.earlier_engine import keep_engine
from app.core.errors import AppError
from app.core.events import EventHook
from app.core.installed_engines import engine_places, installed_engines
from app.core.paths import AppPaths
from app.core.running import running_corral
from app.core.update_install import install_command, start_installer
from app.core.update_manifest import Package, Release, numbers
from app.core.update_shelf import KeptPackage, UpdateShelf


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
        self.planned: AtEnd | None = None
        self._paths = paths
        self._shelf = shelf
        self._use = use
        self._log = paths.logs / "update.log"
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
        if self.planned is not None:
            self._plan(replace(self.planned, restart=False))

    def cancel(self) -> None:
        """Nothing is to happen."""
        self._plan(None)

    def _refuse_beside_another(self) -> None:
        other = running_corral(self._paths)
        if other is not None or (self._use is not None and not self._use.is_alone()):
            raise update_errors.another_runs(other.pid if other is not None else None)

    def _plan(self, planned: AtEnd | None) -> None:
        self.planned = planned
        self.changed()

    def finish(self) -> None:
        """Do what was chosen. To be called last, when nobody uses the data. Raises `AppError`."""
        planned, self.planned = self.planned, None
        if planned is None:
            return
        if planned.kept is None:
            try:
                self._refuse_beside_another()
                self._put_back(planned)
            finally:
                self._started = start_detached((), self._log)
            return
        version = planned.kept.release.version
        # Told at the next start if anything from here on goes wrong.
        self._shelf.change(lambda m: msgspec.structs.replace(m, installing=version))
        self._refuse_beside_another()  # it may have begun since
        self._shelf.whole(version)
        copied = self._put_back(planned)
        if copied is not None:
            self._shelf.change(lambda m: msgspec.structs.replace(m, replaced=copied.made))
        self._keep_engine(planned.kept.release)
        file = self._shelf.folder / planned.kept.name
        package, program = planned.kept.package, self._shelf.program
        command = install_command(program, file, package, restart=planned.restart)
        self._started = start_installer(command, self._log)

    def _keep_engine(self, release: Release) -> None:
        """For the version that comes; the one before comes with an engine that was good for it."""
        if self._shelf.is_older(release) or self._shelf.program.form == "nsis":
            return
        beside, own = engine_places(self._paths)
        for engine in installed_engines((beside,))[:1]:
            keep_engine(engine, own)

    def _put_back(self, planned: AtEnd) -> Backup | None:
        """Answers the copy of what was replaced."""
        return restore(self._paths.data, planned.backup) if planned.backup else None

    def look_back(self) -> AppError | None:
        """What to say if the installer that was started at the last end has not done its work."""
        memory = self._shelf.memory()
        wanted = memory.installing
        if not wanted:
            return None
        with contextlib.suppress(AppError):  # said again at the next start, then
            self._shelf.change(lambda m: msgspec.structs.replace(m, installing="", replaced=0.0))
        if numbers(wanted) == numbers(self._shelf.version):
            return None
        words = ""
        with contextlib.suppress(OSError):
            words = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
        return update_errors.not_installed(wanted, words, memory.replaced)
