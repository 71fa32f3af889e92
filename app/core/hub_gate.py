"""The way out to the hub: addresses in the order they are worth trying, the token, the proxy."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from msgspec.structs import replace

from app.core import hub_errors
from app.core.errors import AccessError, AppError, HubError, NotFoundError, OfflineError
from app.core.hub_addresses import DEFAULT_ENDPOINT, HubAddress, hub_addresses
from app.core.hub_http import HubAccess
from app.core.keys import KeyPlace, KeyStore
from app.core.settings import Proxy, SettingsStore
from backends.route import Route

log = logging.getLogger(__name__)

T = TypeVar("T")

TOKEN_VARIABLE = "HF_TOKEN"
SKIPPED_SECONDS = 300.0
"""So long a hub that failed is asked last."""

TokenSource = Literal["none", "environment", "keyring", "file"]


class HubGate:
    """Says how the hub is reached. Any thread may call it; the first token may take a while."""

    def __init__(
        self,
        settings: SettingsStore,
        keys: KeyStore,
        env: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._env = env
        self._clock = clock
        self._lock = threading.Lock()
        self._secrets: dict[tuple[str, str, str], str] = {}
        self._skipped: dict[str, float] = {}
        """Until when an address is asked last."""

    # -- where to

    def check(self, endpoint: str | None = None) -> tuple[HubAddress, ...]:
        """The addresses that may be asked, in the settings' order. Quick: reads no secret.

        Raises:
            OfflineError: the offline switch is on.
            SettingsError: an address is no good.
        """
        network = self._settings.current.network
        if network.offline:
            raise hub_errors.offline()
        return hub_addresses(network, self._env, endpoint)

    def check_site(self, site: str) -> None:
        """Raise ForeignSite unless this host is one of those that are asked. Asks nobody."""
        addresses = hub_addresses(self._settings.current.network, self._env)
        hosts = [urlsplit(each.address).hostname or "" for each in addresses]
        if site.lower() not in hosts:
            raise hub_errors.foreign(site, hosts)

    def warm(self) -> None:
        """Read the secrets that connections need: the system may take its time over them."""
        if not self._settings.current.network.offline:
            self.token()
            self.route()

    def accesses(self, endpoint: str | None = None) -> tuple[HubAccess, ...]:
        """Every hub that may be asked, the first to try first. Raises like `check`."""
        addresses = self.check(endpoint)
        now = self._clock()
        with self._lock:
            late = {address for address, until in self._skipped.items() if until > now}
        ordered = sorted(addresses, key=lambda each: each.address in late)
        return tuple(self._access(each) for each in ordered)

    def ask(self, question: Callable[[HubAccess], T], endpoint: str | None = None) -> T:
        """What the first hub that answers says. Raises what the first one failed with.

        That the hub has no such model is an answer; that it is out of reach or out of order is
        none. A mirror may lack what the hub has: its refusal is no answer either.
        """
        first = self.check(endpoint)[0].address
        failures: dict[str, HubError] = {}
        for access in self.accesses(endpoint):
            try:
                answer = question(access)
            except HubError as error:
                refusal = isinstance(error, NotFoundError | AccessError)
                if isinstance(error, OfflineError) or (refusal and access.endpoint == first):
                    raise
                if not refusal:
                    self.failed(access, error)
                failures[access.endpoint] = error
            else:
                self.answered(access)
                return answer
        raise failures.get(first) or next(iter(failures.values()))

    def failed(self, access: HubAccess, error: AppError) -> None:
        """Ask this one last for a while; as long as it wishes, if it has said so."""
        wait = getattr(error, "wait", None) or SKIPPED_SECONDS
        with self._lock:
            self._skipped[access.endpoint] = self._clock() + wait
        log.info("%s is left out for %.0f seconds: %s", access.endpoint, wait, error.title)

    def answered(self, access: HubAccess) -> None:
        """It works; ask it in its turn again."""
        with self._lock:
            self._skipped.pop(access.endpoint, None)

    def trusted(self, token: str | None = None) -> HubAccess:
        """The first hub that may see the token, with the one in force or the one given.

        Raises like `accesses`, and `AccessError` where no hub may see it.
        """
        accesses = self.accesses()
        network = self._settings.current.network
        allowed = {each.address for each in hub_addresses(network, self._env) if each.trusted}
        for access in accesses:
            if access.endpoint in allowed:
                return replace(access, token=token) if token else access
        raise hub_errors.token_withheld(accesses[0].endpoint)

    def _access(self, address: HubAddress) -> HubAccess:
        token = self.token() if address.trusted else None
        return HubAccess(address.address, token, self.route())

    # -- secrets

    @property
    def source(self) -> TokenSource:
        """Where the token in force comes from; quick."""
        if self._env.get(TOKEN_VARIABLE):
            return "environment"
        return self._settings.current.network.token

    def token(self) -> str | None:
        """The person's token for the hub. One that cannot be read is as if there were none."""
        if token := self._env.get(TOKEN_VARIABLE):
            return token
        return self._secret("hub", DEFAULT_ENDPOINT, self._settings.current.network.token) or None

    def keep_token(self, token: str, place: KeyPlace, account: str) -> None:
        """Log in: keep the token, and the name it belongs to.

        Raises:
            NoKeyring: there is no place for it.
            StorageError: the file with keys, or the settings, cannot be written.
        """
        before = self._settings.current.network.token
        self._keys.put("hub", DEFAULT_ENDPOINT, token, place)
        if before not in ("none", place):
            self._keys.forget("hub", DEFAULT_ENDPOINT, before)
        self._remember("hub", DEFAULT_ENDPOINT, place, token)
        network = self._settings.current.network
        self._settings.update(network=replace(network, token=place, account=account))

    def drop_token(self) -> None:
        """Log out: delete the token. Raises like `keep_token`."""
        network = self._settings.current.network
        self._keys.forget("hub", DEFAULT_ENDPOINT, network.token)
        with self._lock:
            self._secrets.clear()
        self._settings.update(network=replace(network, token="none", account=""))

    def use_proxy(
        self, proxy: Proxy, password: str | None = None, place: KeyPlace = "keyring"
    ) -> None:
        """Put a proxy in force. `password` None keeps the one that is kept; "" is none.

        A password belongs to one proxy: another address never gets it. Raises like `keep_token`.
        """
        before = self._settings.current.network.proxy
        old, new = proxy_address(before), proxy_address(proxy)
        if password is None and (old, before.user) == (new, proxy.user):
            kept = before.password
        else:
            kept = place if password else "none"
            self._keys.put("proxy", new, password or "", kept)
            self._remember("proxy", new, kept, password or "")
            if before.password != "none" and (old, before.password) != (new, kept):
                self._keys.forget("proxy", old, before.password)
        network = self._settings.current.network
        self._settings.update(network=replace(network, proxy=replace(proxy, password=kept)))

    def route(self) -> Route:
        """The proxy, its password and the extra authorities that are in force."""
        network = self._settings.current.network
        proxy, ca_file = network.proxy, network.ca_file or ""
        if proxy.mode != "manual" or not proxy.host:
            mode: Literal["system", "none"] = "none" if proxy.mode == "none" else "system"
            return Route(mode, ca_file=ca_file)
        address = proxy_address(proxy)
        password = self._secret("proxy", address, proxy.password)
        return Route("manual", address, proxy.user, password, proxy.no_proxy, ca_file)

    def _secret(self, kind: str, address: str, place: KeyPlace) -> str:
        """Read once; asking the system may open a window of its own."""
        if place == "none":
            return ""
        with self._lock:
            found = self._secrets.get((kind, address, place))
        if found is None:
            try:
                found = self._keys.get(kind, address, place)
            except AppError as error:
                log.warning("the secret of the %s cannot be read: %s", kind, error.title)
                return ""
            self._remember(kind, address, place, found)
        return found

    def _remember(self, kind: str, address: str, place: KeyPlace, secret: str) -> None:
        with self._lock:
            self._secrets[kind, address, place] = secret


def proxy_address(proxy: Proxy) -> str:
    """The proxy as an address."""
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    return f"{proxy.scheme}://{host}:{proxy.port}"
