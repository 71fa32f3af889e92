"""Newer versions of Corral: asked for once a day where the person agreed, downloaded when the
person says so. Installing one is left to `app.core.update_replacement`.

A manifest is believed only if it is signed (`app.core.update_manifest`), is not over, and is not
older than one that was believed before.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

import app
from app.core import update_errors
from app.core.data_use import DataUse
from app.core.errors import AppError, UpdateError
from app.core.events import EventHook
from app.core.hub_gate import HubGate
from app.core.hub_http import HubHttp
from app.core.paths import AppPaths
from app.core.program_form import Program, this_program
from app.core.settings import Settings, SettingsStore
from app.core.transfer_wire import Limits
from app.core.update_fetch import PackageFetch
from app.core.update_http import fetch_manifest
from app.core.update_install import Way, package_name, terminal_command, way_of
from app.core.update_manifest import Manifest, Package, Release, numbers
from app.core.update_replacement import Replacement
from app.core.update_shelf import KeptPackage, UpdateShelf
from app.core.update_source import UpdateSource, is_safe_address, load_source
from backends.contacts import Tell

log = logging.getLogger(__name__)

CHECK_EVERY = 24 * 3600.0
"""Seconds between two questions that the program asks by itself."""

Stage = Literal["not set up", "unknown", "current", "too old", "no package", "offered", "ready"]
"""`unknown`: nobody asked yet; `too old`: the new version cannot be put over this one;
`no package`: there is none for this computer; `ready`: the package is here."""


@dataclass(frozen=True)
class UpdateState:
    """How things stand."""

    stage: Stage
    way: Way
    """How this copy can be replaced."""
    release: Release | None = None
    """The newer version."""
    package: Package | None = None
    looked: float = 0.0
    """When the server answered last, Unix seconds; 0 for never."""
    fetching: bool = False
    done: int = 0
    """Bytes of the package that are here, while it is fetched."""
    page: str = ""
    """Where people find the packages."""
    problem: AppError | None = None
    """What went wrong last."""
    command: str = ""
    """What installs the package that is here, where it has to be typed in a terminal."""


class ProgramUpdates:
    """Knows about newer versions. Any thread may call it; what asks or fetches blocks."""

    def __init__(
        self,
        paths: AppPaths,
        settings: SettingsStore,
        gate: HubGate,
        http: HubHttp,
        *,
        tell: Tell | None = None,
        use: DataUse | None = None,
        source: UpdateSource | None = None,
        program: Program | None = None,
        version: str = app.__version__,
        clock: Callable[[], float] = time.time,
        limits: Limits | None = None,
    ) -> None:
        """`tell` hears of every connection; `use` is this process's, which must be the only one
        when another version is put in place."""
        self.changed: EventHook[[]] = EventHook()
        self._cache = paths.cache
        self._settings = settings
        self._gate = gate
        self._http = http
        self._tell = tell
        self._limits = limits or Limits()
        self._shelf = UpdateShelf(
            paths.program_updates,
            load_source() if source is None else source,
            program or this_program(),
            version,
            clock,
        )
        self.replacement = Replacement(paths, self._shelf, use)
        self._looking = threading.Lock()
        self._one_fetch = threading.Lock()
        self._fetch: PackageFetch | None = None
        self._done = 0
        self._problem: AppError | None = None
        self._disconnect = settings.changed.connect(self._settings_changed)

    @property
    def is_set_up(self) -> bool:
        """Whether this build knows whom to ask and whose word to take."""
        return self._shelf.source.is_set_up

    def state(self) -> UpdateState:
        """How things stand. Looks at small files only."""
        way = way_of(self._shelf.program)
        manifest = self._shelf.manifest()
        stage, release, package = self._stage(manifest)
        command = ""
        if (way, stage) == ("terminal", "ready") and release is not None and package is not None:
            command = terminal_command(self._shelf.folder / package_name(release.version, package))
        return UpdateState(
            stage,
            way,
            release,
            package,
            self._shelf.memory().looked,
            self._fetch is not None,
            self._done,
            manifest.page if manifest else "",
            self._problem,
            command,
        )

    def _stage(self, manifest: Manifest | None) -> tuple[Stage, Release | None, Package | None]:
        if not self.is_set_up:
            return "not set up", None, None
        if manifest is None:
            return "unknown", None, None
        release, version = manifest.current, numbers(self._shelf.version)
        if numbers(release.version) <= version:
            return "current", None, None
        package = self._shelf.package_of(release)
        if package is None:
            return "no package", release, None
        if version < numbers(release.minimum):
            return "too old", release, package
        is_here = self._shelf.is_here(release.version, package)
        return ("ready" if is_here else "offered"), release, package

    # -- looking

    def look(self, *, now: bool = False) -> None:
        """Ask whether there is a newer version, at most once a day and only if that was agreed.

        With `now` a person asks: that is agreement enough for this once. Blocks. Raises an
        `AppError` with `now` only; else it is no news that there is no network.
        """
        if not now and not self._is_due():
            return
        with self._looking:
            try:
                self._check_allowed()
                if not now:
                    tried = self._shelf.clock()
                    self._shelf.change(lambda m: msgspec.structs.replace(m, tried=tried))
                address = self._shelf.source.address
                self._shelf.believe(fetch_manifest(self._http, self._gate.route(), address))
            except AppError as error:
                log.info("no look for a new version: %s", error)
                if now or isinstance(error, UpdateError):
                    self._problem = error
                if now:
                    raise
            else:
                self._problem = None
            finally:
                self.changed()

    def _is_due(self) -> bool:
        settings = self._settings.current
        if not settings.updates.look or settings.network.offline or not self.is_set_up:
            return False
        memory = self._shelf.memory()
        passed = self._shelf.clock() - max(memory.looked, memory.tried)
        return not 0 <= passed < CHECK_EVERY  # a clock that was set back must not silence it

    def _check_allowed(self) -> None:
        if not self.is_set_up:
            raise update_errors.not_set_up()
        if self._settings.current.network.offline:
            raise update_errors.offline()

    # -- fetching

    def fetch(self, release: Release) -> bool:
        """Download the package of a version; False where it was stopped.

        Blocks. Raises an `AppError`, which is in the state as well.
        """
        with self._one_fetch:
            try:
                self._check_allowed()
                whole = self._fetch_package(release)
            except AppError as error:
                self._problem = error
                raise
            else:
                self._problem = None
            finally:
                self._fetch = None
                self.changed()
        return whole

    def stop_fetching(self) -> None:
        """Leave off and keep what is here."""
        fetch = self._fetch
        if fetch is not None:
            fetch.stop()

    def _fetch_package(self, release: Release) -> bool:
        package = self._shelf.package_of(release)
        if package is None:
            raise update_errors.no_package(release.version)
        if not is_safe_address(package.url):
            raise update_errors.unsafe_address(package.url)
        name = package_name(release.version, package)
        rate = self._settings.current.downloads.speed_limit * 1000
        self._done = 0
        self._fetch = fetch = PackageFetch(self._cache, self._tell, self._limits)
        self._check_allowed()  # switched off before there was one to stop
        self.changed()
        target, route = self._shelf.folder / name, self._gate.route()
        whole = fetch.fetch(package, target, release.version, route, rate, self._moved)
        if whole:
            planned = self.replacement.planned
            wanted = planned.kept.release.version if planned and planned.kept else ""
            self._shelf.keep(KeptPackage(release, package, name), wanted)
        return whole

    def _moved(self, done: int) -> None:
        if done != self._done:
            self._done = done
            self.changed()

    def _settings_changed(self, settings: Settings) -> None:
        """Going offline stops everything at once."""
        if settings.network.offline:
            self.stop_fetching()

    # -- beginning and end

    def look_back(self) -> AppError | None:
        """What to say if the version that was to be installed has not come; also in the state."""
        problem = self.replacement.look_back()
        self._problem = problem or self._problem
        return problem

    def close(self) -> None:
        """Stop what is under way."""
        self._disconnect()
        self.stop_fetching()
