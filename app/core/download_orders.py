"""What the transfer child is told to do: where files may come from, and how fast."""

from pathlib import Path

from app.core.download_entry import DownloadEntry
from app.core.download_state import DownloadRequest
from app.core.hub_gate import HubGate
from app.core.hub_http import HubAccess
from app.core.known_copies import copies_of
from app.core.library import ModelLibrary
from app.core.ollama_gate import RegistryGate
from app.core.ollama_name import ollama_name_of
from app.core.settings import SettingsStore
from app.core.transfer_wire import Fetch, Limits, Throttle


class DownloadOrders:
    """Makes the commands by the settings in force."""

    def __init__(
        self,
        settings: SettingsStore,
        gate: HubGate,
        registry: RegistryGate,
        library: ModelLibrary,
        limits: Limits,
        made: Path,
    ) -> None:
        """`made` is the one models folder that is made where it is lacking."""
        self._settings = settings
        self._gate = gate
        self._registry = registry
        self._library = library
        self._limits = limits
        self._made = made

    def check(self, request: DownloadRequest) -> None:
        """Raise `OfflineError` or `SettingsError` where nothing can be fetched."""
        gate = self._registry if ollama_name_of(request.repo) else self._gate
        gate.check(request.endpoint)

    def fetch(self, entry: DownloadEntry) -> Fetch:
        """The command for the current run of `entry`. Raises like `check`."""
        assert entry.run is not None
        request = entry.request
        root = "" if entry.root == self._made else str(entry.root)
        return Fetch(
            entry.run,
            self._accesses(request),
            request.repo,
            request.revision,
            request.files,
            str(entry.folder),
            self._limits,
            root,
            self._library.own_folders.marks.of(entry.root) if root else "",
            copies_of(request.files, self._library.records, self._library.models()),
            self._main(request),
            request.update,
            self._own(entry),
        )

    def _main(self, request: DownloadRequest) -> str:
        """The hub itself; others are its mirrors, which may lack what it has."""
        if ollama_name_of(request.repo):
            return ""
        return self._gate.check(request.endpoint)[0].address

    def _own(self, entry: DownloadEntry) -> dict[str, tuple[int, int]]:
        """What Corral has downloaded to the places of this download."""
        pairs = zip(entry.request.files, entry.targets(), strict=True)
        records = self._library.records
        known = ((file.path, records.downloaded_as(target)) for file, target in pairs)
        return {name: stamp for name, stamp in known if stamp is not None}

    def throttle(self) -> Throttle:
        """The speed limit of all runs together."""
        return Throttle(self._settings.current.downloads.speed_limit * 1000)

    def _accesses(self, request: DownloadRequest) -> tuple[HubAccess, ...]:
        """Where the files may come from, the first to try first."""
        if ollama_name_of(request.repo):
            return (self._registry.access(request.endpoint),)
        return self._gate.accesses(request.endpoint)
