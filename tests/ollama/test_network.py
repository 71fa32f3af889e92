"""The registry is reached as the hub is: through the proxy, trusting whom, written down."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from msgspec.structs import replace

from app.core.download_state import DownloadItem, DownloadRequest
from app.core.downloads import DownloadManager
from app.core.errors import HubError
from app.core.hub import HubClient
from app.core.hub_gate import HubGate
from app.core.hub_http import HubHttp
from app.core.keys import KeyStore
from app.core.ledger import Ledger
from app.core.library import ModelLibrary
from app.core.paths import AppPaths
from app.core.settings import Network, Proxy, SettingsStore
from app.core.transfer_wire import Limits
from tests.core.broken_gguf import tiny_model
from tests.core.memory_keyring import password_store
from tests.hub.http_server import TLS
from tests.hub.proxy import LocalProxy
from tests.ollama.images import Image
from tests.ollama.local_registry import LocalRegistry
from tests.timing import PATIENCE

SIZE = 3_000_000
WEIGHTS = tiny_model().data().ljust(SIZE, b"\0")
REPO = "ollama.com/library/tiny:1b"
TOKEN = "hf_secret"
QUICK = Limits(read_timeout=PATIENCE, first_wait=0.02, longest_wait=0.1, tries=2)


class Parts:
    """Client and downloads as the program connects them, with a ledger."""

    def __init__(self, paths: AppPaths, settings: SettingsStore) -> None:
        env = {"HF_TOKEN": TOKEN}
        self.gate = HubGate(settings, KeyStore(paths), env)
        self.ledger = Ledger(paths.ledger_file)
        http = HubHttp(timeout=PATIENCE, tell=self.ledger.record)
        self.hub = HubClient(settings, paths, env, http, self.gate)
        self.downloads = DownloadManager(
            paths,
            settings,
            ModelLibrary(paths, settings),
            env=env,
            limits=QUICK,
            gate=self.gate,
            tell=self.ledger.record,
        )
        self.downloads.start()

    def close(self) -> None:
        self.hub.close()
        self.downloads.close()
        self.ledger.close()

    def request(self) -> DownloadRequest:
        detail = self.hub.detail(REPO)
        (variant,) = detail.variants
        return DownloadRequest(REPO, detail.model.sha, "Tiny", "", variant.files)

    def fetched(self, request: DownloadRequest) -> DownloadItem:
        """The item when it is done or has failed."""
        seen: list[DownloadItem] = []
        ended = threading.Event()

        def hear(item: DownloadItem) -> None:
            if item.state in ("done", "failed"):
                seen.append(item)
                ended.set()

        disconnect = self.downloads.changed.connect(hear)
        self.downloads.add(request)
        assert ended.wait(PATIENCE)
        disconnect()
        return seen[0]


@pytest.fixture
def parts(paths: AppPaths, settings: SettingsStore) -> Iterator[Parts]:
    with closing(Parts(paths, settings)) as parts:
        yield parts


@contextmanager
def registry_with_tiny(*, tls: bool = False) -> Iterator[LocalRegistry]:
    with LocalRegistry(anonymous_token="everyone", tls=tls) as registry:
        registry.add("library/tiny", "1b", Image(WEIGHTS, system="Rhyme."))
        yield registry


def by_hand(proxy: LocalProxy, user: str = "") -> Proxy:
    return Proxy("manual", host=proxy.host, port=proxy.port, user=user, no_proxy=())


def test_the_ledger_lists_the_page_of_a_model_and_its_download(
    parts: Parts, settings: SettingsStore
) -> None:
    with registry_with_tiny() as registry:
        settings.update(network=Network(ollama_registry=registry.url))
        request = parts.request()
        asked = len(registry.log.entries())
        host, cdn = (url.removeprefix("http://") for url in (registry.url, registry.cdn_url))
        pages = {each.host: each for each in parts.ledger.entries()}
        assert {each.purpose for each in pages.values()} == {"model page"}
        assert {each.why for each in pages.values()} == {REPO}
        assert pages.keys() == {host, cdn}
        # The token is asked for there, too.
        assert sum(each.requests for each in pages.values()) == asked
        assert pages[host].connections >= 1
        assert pages[host].received > len(registry.manifests["library/tiny:1b"])

        assert parts.fetched(request).error is None
        parts.downloads.close()  # all that its child had to tell has come
        loads = {each.host: each for each in parts.ledger.entries() if each.purpose == "download"}
        assert {each.why for each in loads.values()} == {REPO}
        assert loads.keys() == {host, cdn}
        every = len(registry.log.entries()) - asked
        assert sum(each.requests for each in loads.values()) == every
        assert SIZE < loads[cdn].received < SIZE * 1.01
        assert TOKEN not in str(parts.ledger.entries())


def test_page_and_download_go_through_a_proxy_with_a_password(
    parts: Parts, settings: SettingsStore
) -> None:
    with (
        password_store(),
        registry_with_tiny() as registry,
        LocalProxy("corral", "corral pass") as proxy,
    ):
        settings.update(network=Network(ollama_registry=registry.url))
        parts.gate.use_proxy(by_hand(proxy, "corral"), "corral pass", "keyring")
        request = parts.request()
        assert len(proxy.served) == len(registry.log.entries())
        assert parts.fetched(request).error is None
        assert len(proxy.served) == len(registry.log.entries())
        assert any(registry.cdn_url in each for each in proxy.served)
        assert proxy.refused == 0


def test_page_and_download_trust_the_further_authority(
    parts: Parts, settings: SettingsStore
) -> None:
    with registry_with_tiny(tls=True) as registry:
        settings.update(network=Network(ollama_registry=registry.url))
        with pytest.raises(HubError) as caught:
            parts.request()
        assert caught.value.title == "The connection to the registry is not trusted"
        trusting = replace(settings.current.network, ca_file=str(TLS / "localhost.pem"))
        settings.update(network=trusting)
        request = parts.request()
        assert parts.fetched(request).error is None


def test_a_download_names_the_certificate_that_is_not_trusted(
    parts: Parts, settings: SettingsStore
) -> None:
    with registry_with_tiny(tls=True) as registry:
        network = Network(ollama_registry=registry.url, ca_file=str(TLS / "localhost.pem"))
        settings.update(network=network)
        request = parts.request()
        settings.update(network=replace(network, ca_file=None))
        item = parts.fetched(request)
        assert item.error is not None
        assert item.error.title == "The connection to the registry is not trusted"


def test_a_proxy_that_wants_a_password_and_one_that_is_dead_are_told_as_such(
    parts: Parts, settings: SettingsStore
) -> None:
    with registry_with_tiny() as registry:
        with LocalProxy("corral", "corral pass") as proxy:
            network = Network(ollama_registry=registry.url, proxy=by_hand(proxy))
            settings.update(network=network)
            with pytest.raises(HubError, match="wants a name and a password"):
                parts.request()
        with pytest.raises(HubError) as caught:
            parts.request()
        assert caught.value.kind == "proxy"
        assert registry.log.entries() == []
