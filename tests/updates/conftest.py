"""What tests of updates share: the local server, and the parts that ask it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.core.data_use import DataUse
from app.core.hub_gate import HubGate
from app.core.hub_http import HubHttp
from app.core.keys import KeyStore
from app.core.ledger import Ledger
from app.core.paths import AppPaths, app_paths
from app.core.program_form import Program
from app.core.program_updates import ProgramUpdates
from app.core.settings import SettingsStore, Updates
from app.core.transfer_wire import Limits
from tests.updates.update_server import PROGRAM, UpdateServer

QUICK = Limits(block=100_000, first_wait=0.01, longest_wait=0.05, tries=3, network_tries=2)


class Clock:
    """The time of this computer, and what a test adds to it."""

    def __init__(self) -> None:
        import time

        self._time = time.time
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._time() + self.ahead


@dataclass
class Desk:
    """A program of version 0.1.0 that was told to look for newer ones."""

    paths: AppPaths
    settings: SettingsStore
    ledger: Ledger
    http: HubHttp
    clock: Clock
    server: UpdateServer

    def updates(
        self, version: str = "0.1.0", program: Program = PROGRAM, use: DataUse | None = None
    ) -> ProgramUpdates:
        """The part that is tested, as a start of this version makes it."""
        return ProgramUpdates(
            self.paths,
            self.settings,
            HubGate(self.settings, KeyStore(self.paths), {}),
            self.http,
            tell=self.ledger.record,
            use=use,
            source=self.server.source,
            program=program,
            version=version,
            clock=self.clock,
            limits=QUICK,
        )

    def asked(self, path: str = "") -> int:
        """How often the server was asked."""
        return len(self.server.log.entries(path=path))


@pytest.fixture
def server() -> Iterator[UpdateServer]:
    with UpdateServer() as server:
        yield server


@pytest.fixture
def desk(server: UpdateServer, corral_home: Path) -> Iterator[Desk]:
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    settings.update(updates=Updates(look=True))
    with closing(Ledger(paths.ledger_file)) as ledger, closing(HubHttp(tell=ledger.record)) as http:
        yield Desk(paths, settings, ledger, http, Clock(), server)


@pytest.fixture
def updates(desk: Desk) -> Iterator[ProgramUpdates]:
    with closing(desk.updates()) as updates:
        yield updates
