"""The connection test at the registry: that it is there, or what is wrong, in a word."""

import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from app.core.connection_check import HubState, check_registry
from app.core.errors import OfflineError, SettingsError
from app.core.hub_gate import HubGate
from app.core.hub_http import HubHttp
from app.core.keys import KeyStore
from app.core.ledger import Ledger
from app.core.ollama_gate import RegistryGate
from app.core.ollama_http import RegistryHttp
from app.core.paths import AppPaths
from app.core.settings import Network, Proxy, SettingsStore
from tests.core.memory_keyring import password_store
from tests.hub.proxy import LocalProxy
from tests.ollama.conftest import Peer
from tests.ollama.local_registry import LocalRegistry

QUICK = 0.5
"""Seconds that an answer may take."""


class Asker:
    """The parts that the test needs, as the program connects them."""

    def __init__(self, paths: AppPaths, settings: SettingsStore) -> None:
        self.settings = settings
        self.hubs = HubGate(settings, KeyStore(paths), {"HF_TOKEN": "hf_secret"})
        self.gate = RegistryGate(settings, self.hubs, {})
        self.ledger = Ledger(paths.ledger_file)
        self.http = HubHttp(timeout=QUICK, tell=self.ledger.record)

    def ask(self, url: str, ahead: float = 0.0) -> HubState:
        network = self.settings.current.network
        self.settings.update(network=replace(network, ollama_registry=url))
        return check_registry(self.gate, RegistryHttp(self.http), lambda: time.time() + ahead)


@pytest.fixture
def asker(paths: AppPaths, settings: SettingsStore) -> Iterator[Asker]:
    asker = Asker(paths, settings)
    yield asker
    asker.http.close()
    asker.ledger.close()


def test_a_registry_that_is_there_says_so(asker: Asker, peer: Peer) -> None:
    state = asker.ask(peer.url)
    assert (state.kind, state.skew, state.address) == ("ok", 0.0, peer.url)
    (entry,) = asker.ledger.entries()
    assert entry.purpose == "test"


def test_a_registry_that_wants_to_know_who_asks_is_there_too(asker: Asker) -> None:
    with LocalRegistry(anonymous_token="everyone") as registry:
        assert asker.ask(registry.url).kind == "ok"
        assert len(registry.log.entries()) == 1, "no token is asked for"


def test_a_clock_that_is_wrong_is_noticed(asker: Asker, registry: LocalRegistry) -> None:
    assert asker.ask(registry.url, ahead=7200).skew == pytest.approx(7200, abs=60)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ({"status": 429, "headers": {"Retry-After": "41"}}, "rate_limit", "41 seconds"),
        ({"status": 503}, "", "fault is on its side"),
        (
            {"body": b"<html>Log in</html>", "headers": {"Content-Type": "text/html"}},
            "portal",
            "registry's place",
        ),
        ({"delay": 3 * QUICK}, "slow", "no complete answer"),
    ],
)
def test_what_is_wrong_is_named(
    asker: Asker, registry: LocalRegistry, fault: dict[str, object], kind: str, words: str
) -> None:
    registry.fault("/v2/", **fault)
    state = asker.ask(registry.url)
    assert state.problem is not None
    assert state.kind == kind
    problem = state.problem
    assert words in f"{problem.title} {problem.message} {problem.hint}"


def test_the_way_there_is_named_as_well(asker: Asker) -> None:
    with LocalRegistry(tls=True) as registry:
        assert asker.ask(registry.url).kind == "unknown_ca"
    assert asker.ask(registry.url).kind == "refused"
    with password_store(), LocalRegistry() as registry, LocalProxy("corral", "secret") as proxy:
        asker.hubs.use_proxy(
            Proxy("manual", host=proxy.host, port=proxy.port, no_proxy=()), "", "none"
        )
        assert asker.ask(registry.url).kind == "proxy_login"


def test_nobody_is_asked_offline_or_at_a_wrong_address(
    asker: Asker, registry: LocalRegistry
) -> None:
    asker.settings.update(network=Network(offline=True))
    with pytest.raises(OfflineError):
        asker.ask(registry.url)
    asker.settings.update(network=Network())
    with pytest.raises(SettingsError):
        asker.ask("ftp://registry.example")
    assert registry.log.entries() == []
