"""Which hubs are asked, in which order, and which of them may see the person's token."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from app.core.errors import SettingsError
from app.core.settings import Network

DEFAULT_ENDPOINT = "https://huggingface.co"
ENDPOINT_VARIABLE = "HF_ENDPOINT"
"""Names the hub where the settings do not."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class HubAddress(Struct, frozen=True):
    """One hub, or mirror of it."""

    address: str
    """Without a slash at the end."""
    trusted: bool
    """Whether the person's token may be sent to it."""


def hub_addresses(
    network: Network, env: Mapping[str, str], endpoint: str | None = None
) -> tuple[HubAddress, ...]:
    """The hub that the settings or `HF_ENDPOINT` name, then its mirrors; each address once.

    `endpoint` is asked alone, where something is to come from one place. The default hub may see
    the token, any other only if that is allowed for this very one.

    Raises `SettingsError`: an address is no good.
    """
    found: dict[str, HubAddress] = {}
    for address, allowed in _named(network, env):
        if address not in found:
            found[address] = HubAddress(address, allowed or address == DEFAULT_ENDPOINT)
    if endpoint is None:
        return tuple(found.values())
    address = checked_endpoint(endpoint)
    return (found.get(address, HubAddress(address, address == DEFAULT_ENDPOINT)),)


def main_address(network: Network, env: Mapping[str, str]) -> str:
    """The hub that is asked first. Raises `SettingsError` for an address that is no good."""
    return checked_endpoint(network.endpoint or env.get(ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT)


def checked_endpoint(address: str) -> str:
    """An address of a hub as it is used. Raises `SettingsError` for one that is no good."""
    address = address.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        host = parts.hostname
        valid = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    except ValueError:
        host, valid = None, False
    if not host or not valid or parts.username or parts.query:
        raise SettingsError(
            "The hub's address cannot be used",
            f"“{address}” is no https address.",
            "Correct the endpoint in Settings, or leave it empty for the default hub.",
        )
    return address


def _named(network: Network, env: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    main = main_address(network, env)
    yield main, main == network.send_token_to
    for mirror in network.mirrors:
        yield checked_endpoint(mirror.address), mirror.send_token
