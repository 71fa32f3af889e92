"""The parts of the program that a command needs, built once and closed in order.

Each is imported when it is asked for: a command waits for nothing that it does not use.
"""

import contextlib
from functools import cached_property
from typing import TYPE_CHECKING

from app import __version__
from app.cli.rendering import print_error
from app.core.data_use import DataUse
from app.core.errors import AppError
from app.core.logs import setup
from app.core.paths import app_paths
from app.core.running import running_corral
from app.core.settings import SettingsStore

if TYPE_CHECKING:
    from app.core.access_tokens import AccessTokens
    from app.core.downloads import DownloadManager
    from app.core.engine_shelf import EngineShelf
    from app.core.hub import HubClient
    from app.core.hub_account import HubAccount
    from app.core.hub_gate import HubGate
    from app.core.hub_http import HubHttp
    from app.core.ledger import Ledger
    from app.core.library import ModelLibrary
    from app.core.presets import PresetStore
    from app.core.running_client import RunningClient
    from app.core.runtime import ModelRuntime
    from app.core.speeds import SpeedBook


class Parts:
    """The object graph of the command line. Use as a context manager."""

    def __init__(self) -> None:
        self._closing = contextlib.ExitStack()
        self.paths = app_paths()
        self._closing.callback(setup(self.paths).close)
        self._closing.callback(DataUse(self.paths).close)
        self.settings = SettingsStore(self.paths.settings_file)
        if self.settings.problem is not None:
            print_error(self.settings.problem)

    def __enter__(self) -> "Parts":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @cached_property
    def running(self) -> "RunningClient | None":
        """The program that runs already for this data folder; None if there is none of ours."""
        found = running_corral(self.paths)
        if found is None:
            return None
        from app.core.running_client import NotRunning, RunningClient

        client = RunningClient(found)
        self._closing.callback(client.close)
        try:
            version = client.status().version
        except NotRunning as error:
            print_error(error)
            return None
        if version != __version__:
            other = f"It is {version}, this is {__version__}; nothing is shared with it"
            print_error(AppError("Another version of Corral is running", f"{other}."))
            return None
        return client

    @cached_property
    def library(self) -> "ModelLibrary":
        """The models on this computer, scanned."""
        from app.core.library import ModelLibrary

        library = ModelLibrary(self.paths, self.settings)
        if library.problem is not None:
            print_error(library.problem)
        library.scan()
        return library

    @cached_property
    def presets(self) -> "PresetStore":
        """System-prompt presets."""
        from app.core.presets import PresetStore

        presets = PresetStore(self.paths.presets_dir)
        for problem in presets.problems:
            print_error(problem)
        return presets

    @cached_property
    def ledger(self) -> "Ledger":
        """The list of connections, the same as the window's."""
        from app.core.ledger import Ledger

        ledger = Ledger(self.paths.ledger_file)
        self._closing.callback(ledger.close)
        return ledger

    @cached_property
    def gate(self) -> "HubGate":
        """How the hub is reached: addresses, log-in, proxy."""
        from app.core.hub_gate import HubGate
        from app.core.keys import KeyStore

        return HubGate(self.settings, KeyStore(self.paths))

    @cached_property
    def hub_http(self) -> "HubHttp":
        """Connections to the hub."""
        from app.core.hub_http import HubHttp

        http = HubHttp(tell=self.ledger.record)
        self._closing.callback(http.close)
        return http

    @cached_property
    def hub(self) -> "HubClient":
        """The model hub."""
        from app.core.hub import HubClient

        return HubClient(self.settings, self.paths, http=self.hub_http, gate=self.gate)

    @cached_property
    def account(self) -> "HubAccount":
        """Who is logged in to the hub."""
        from app.core.hub_account import HubAccount

        return HubAccount(self.settings, self.gate, self.hub_http)

    @cached_property
    def downloads(self) -> "DownloadManager":
        """Downloads of this command alone: the list is the window's, which may be open."""
        from app.core.downloads import DownloadManager

        downloads = DownloadManager(
            self.paths,
            self.settings,
            self.library,
            keep_list=False,
            gate=self.gate,
            tell=self.ledger.record,
        )
        self._closing.callback(downloads.close)
        return downloads

    @cached_property
    def tokens(self) -> "AccessTokens":
        """Who may use the local server."""
        from app.core.access_tokens import AccessTokens

        return AccessTokens(self.paths.tokens_file)

    @cached_property
    def speeds(self) -> "SpeedBook":
        """How fast models answered on this computer."""
        from app.core.speeds import SpeedBook

        return SpeedBook(self.paths.speeds_file)

    @cached_property
    def engines(self) -> "EngineShelf":
        """The installed engines and what was learned of them."""
        from app.core.engine_record import EngineRecord
        from app.core.engine_shelf import EngineShelf
        from app.core.installed_engines import engine_places

        return EngineShelf(engine_places(self.paths), EngineRecord(self.paths.engines_file))

    @cached_property
    def runtime(self) -> "ModelRuntime":
        """Loaded models, each in a child process that ends with this program."""
        from app.core.estimate_corrections import EstimateCorrections
        from app.core.keys import KeyStore
        from app.core.remotes import RemoteStore
        from app.core.runtime import ModelRuntime

        corrections = EstimateCorrections(self.paths.estimates_file)
        keys, tell = KeyStore(self.paths), self.ledger.record
        remotes = RemoteStore(self.settings, keys, gate=self.gate, tell=tell)
        runtime = ModelRuntime(
            self.settings, corrections=corrections, remotes=remotes, engines=self.engines
        )
        self._closing.callback(runtime.close)
        return runtime
