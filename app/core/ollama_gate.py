"""The way out to Ollama's registry: its address, and the proxy and authorities in force."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from app.core import hub_errors, ollama_errors
from app.core.hub_addresses import LOOPBACK
from app.core.hub_gate import HubGate
from app.core.hub_http import HubAccess
from app.core.settings import Network, SettingsStore

DEFAULT_REGISTRY = "https://registry.ollama.ai"
REGISTRY_VARIABLE = "CORRAL_OLLAMA_REGISTRY"
"""Names the registry where the settings do not."""


def is_safe(scheme: str, host: str | None) -> bool:
    """Whether an address of these may be asked: https, or this computer itself."""
    return scheme == "https" or (scheme == "http" and host in LOOPBACK)


def checked_registry(address: str) -> str:
    """An address of a registry as it is used. Raises `SettingsError` for one that is no good."""
    address = address.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        raise ollama_errors.bad_address(address) from None
    if not host or parts.username or parts.query or not is_safe(parts.scheme, host):
        raise ollama_errors.bad_address(address)
    return address


def registry_address(network: Network, env: Mapping[str, str]) -> str:
    """The registry that the settings or the environment name.

    Raises `SettingsError`: the address is no good.
    """
    return checked_registry(
        network.ollama_registry or env.get(REGISTRY_VARIABLE) or DEFAULT_REGISTRY
    )


class RegistryGate:
    """Says how the registry is reached: as the hub is, but never with a token."""

    def __init__(
        self, settings: SettingsStore, gate: HubGate, env: Mapping[str, str] = os.environ
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._env = env

    def check(self, endpoint: str | None = None) -> str:
        """The address that may be asked. Quick: reads no secret.

        Raises:
            OfflineError: the offline switch is on.
            SettingsError: the address is no good.
        """
        network = self._settings.current.network
        if network.offline:
            raise hub_errors.offline()
        return checked_registry(endpoint) if endpoint else registry_address(network, self._env)

    def access(self, endpoint: str | None = None) -> HubAccess:
        """The address and the way there. Raises like `check`."""
        return HubAccess(self.check(endpoint), None, self._gate.route())
