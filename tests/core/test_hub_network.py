"""Mirrors, proxies, authorities, and the test that names what is wrong with a connection."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from app.core.connection_check import HubState, check_hubs
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.downloads import DownloadManager
from app.core.errors import HubError, NotFoundError, OfflineError
from app.core.hub import HubClient, HubQuery
from app.core.hub_addresses import hub_addresses
from app.core.hub_gate import SKIPPED_SECONDS, HubGate
from app.core.hub_http import HubHttp
from app.core.keys import KeyStore
from app.core.library import ModelLibrary
from app.core.paths import app_paths
from app.core.settings import Mirror, Network, Proxy, SettingsStore
from app.core.transfer_wire import Limits
from tests.core.memory_keyring import MemoryKeyring, password_store
from tests.core.test_hub import clear
from tests.hub.http_server import TLS
from tests.hub.proxy import LocalProxy
from tests.hub.server import LocalHub
from tests.hub.socks import LocalSocks
from tests.timing import PATIENCE

REPO, FILE = "owner/model", "model-Q4_0.gguf"
SECRET = "hf_verysecret42"
PASSWORD = "corral pass"
QUICK = Limits(read_timeout=PATIENCE, first_wait=0.02, longest_wait=0.1, tries=2)


class Clock:
    """Seconds that pass only when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def settings(corral_home: Path) -> SettingsStore:
    return SettingsStore(app_paths().settings_file)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(settings: SettingsStore, clock: Clock) -> HubGate:
    return HubGate(settings, KeyStore(app_paths()), {}, clock)


@pytest.fixture
def http() -> Iterator[HubHttp]:
    http = HubHttp(timeout=PATIENCE, deadline=2 * PATIENCE)
    yield http
    http.close()


@pytest.fixture
def client(settings: SettingsStore, gate: HubGate, http: HubHttp) -> HubClient:
    return HubClient(settings, app_paths(), {}, http, gate)


@pytest.fixture
def passwords() -> Iterator[MemoryKeyring]:
    with password_store() as store:
        yield store


@contextmanager
def a_hub(name: str = REPO, *, tls: bool | str = False) -> Iterator[LocalHub]:
    with LocalHub(tls=tls) as hub:
        hub.add(name, {FILE: b"GGUF" + bytes(5000)}, tags=["gguf"])
        yield hub


@pytest.fixture
def dead() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def found(client: HubClient) -> list[str]:
    return [model.repo for model in client.search(HubQuery()).models]


# -- mirrors


def test_the_first_hub_that_answers_is_used(
    client: HubClient, settings: SettingsStore, dead: str
) -> None:
    with a_hub("one/model") as first, a_hub("two/model") as second:
        mirrors = (Mirror(first.url), Mirror(second.url))
        settings.update(network=Network(endpoint=dead, mirrors=mirrors))
        assert found(client) == ["one/model"]
        assert second.log.entries() == []


def test_a_hub_that_failed_is_asked_last_for_a_while(
    client: HubClient, settings: SettingsStore, clock: Clock
) -> None:
    with a_hub("one/model") as first, a_hub("two/model") as second:
        first.fault("/api/models", status=503, times=1)
        settings.update(network=Network(endpoint=first.url, mirrors=(Mirror(second.url),)))
        assert found(client) == ["two/model"]
        assert found(client) == ["two/model"]
        assert len(first.log.entries()) == 1
        clock.now += SKIPPED_SECONDS + 1
        assert found(client) == ["one/model"]


def test_a_mirror_that_lacks_the_model_does_not_speak_for_the_hub(
    client: HubClient, settings: SettingsStore
) -> None:
    with a_hub("one/model") as first, a_hub() as mirror, a_hub("one/model") as last:
        mirrors = (Mirror(mirror.url), Mirror(last.url))
        settings.update(network=Network(endpoint=first.url, mirrors=mirrors))
        first.fault("/api/models", status=503, times=1)
        assert client.detail("one/model").model.repo == "one/model", "the next mirror has it"
        first.log.clear()
        settings.update(network=Network(endpoint=first.url, mirrors=(Mirror(mirror.url),)))
        assert client.detail("one/model").model.repo == "one/model", "the hub is well again"
        assert first.log.entries() != []
        with pytest.raises(NotFoundError):
            client.detail("no/model")


def test_a_hub_that_asks_for_a_pause_gets_it(
    client: HubClient, settings: SettingsStore, clock: Clock
) -> None:
    with a_hub("one/model") as first, a_hub("two/model") as second:
        first.fault("/api/models", status=429, headers={"Retry-After": "1000"}, times=1)
        settings.update(network=Network(endpoint=first.url, mirrors=(Mirror(second.url),)))
        assert found(client) == ["two/model"]
        clock.now += 999
        assert found(client) == ["two/model"]
        clock.now += 2
        assert found(client) == ["one/model"]


def test_where_no_hub_answers_the_first_ones_failure_is_told(
    client: HubClient, settings: SettingsStore, dead: str
) -> None:
    with a_hub() as second:
        second.fault("/api/models", status=500)
        settings.update(network=Network(endpoint=dead, mirrors=(Mirror(second.url),)))
        for _ in range(2):  # both are skipped by then, and tried all the same
            with pytest.raises(HubError) as caught:
                found(client)
        assert caught.value.kind == "refused"


def test_that_there_is_no_such_model_is_an_answer(
    client: HubClient, settings: SettingsStore
) -> None:
    with a_hub("one/model") as first, a_hub() as second:
        settings.update(network=Network(endpoint=first.url, mirrors=(Mirror(second.url),)))
        with pytest.raises(NotFoundError):
            client.detail(REPO)
        assert second.log.entries() == []


def test_the_next_page_comes_from_the_hub_that_gave_the_first(
    client: HubClient, settings: SettingsStore, gate: HubGate
) -> None:
    with a_hub() as first, a_hub() as second:
        for number in range(40):
            second.add(f"many/model-{number}", {}, tags=["gguf"])
        first.fault("/api/models", status=500, times=1)
        settings.update(network=Network(endpoint=first.url, mirrors=(Mirror(second.url),)))
        page = client.search(HubQuery("many/"))
        for access in gate.accesses():
            gate.answered(access)  # the first one is well again
        assert len(client.search(HubQuery("many/"), page.next).models) == 10
        assert len(first.log.entries()) == 1


def test_each_hub_gets_the_token_only_if_it_is_allowed_for_this_one(
    client: HubClient, settings: SettingsStore, monkeypatch: pytest.MonkeyPatch, http: HubHttp
) -> None:
    gate = HubGate(settings, KeyStore(app_paths()), {"HF_TOKEN": SECRET})
    client = HubClient(settings, app_paths(), {}, http, gate)
    with a_hub() as plain, a_hub() as allowed:
        for hub in (plain, allowed):
            hub.tokens[SECRET] = set()
        plain.fault("/api/models", status=500)
        mirrors = (Mirror(allowed.url, send_token=True),)
        settings.update(network=Network(endpoint=plain.url, mirrors=mirrors))
        assert found(client) == [REPO]
        assert not any("authorization" in entry.headers for entry in plain.log.entries())
        assert all("authorization" in entry.headers for entry in allowed.log.entries())
    # The switch of the main hub says nothing about the others, nor about a named one.
    network = Network(
        endpoint="https://a.example",
        send_token_to="https://a.example",
        mirrors=(Mirror("https://b.example"),),
    )
    settings.update(network=network)
    assert [access.token for access in gate.accesses()] == [SECRET, None]
    assert [access.token for access in gate.accesses("https://c.example")] == [None]
    assert SECRET not in repr(gate.accesses())


# -- downloads go the same ways


@contextmanager
def downloads(settings: SettingsStore, gate: HubGate) -> Iterator[DownloadManager]:
    library = ModelLibrary(app_paths(), settings)
    manager = DownloadManager(app_paths(), settings, library, gate=gate, limits=QUICK)
    manager.start()
    yield manager
    manager.close()


def fetched(manager: DownloadManager, request: DownloadRequest) -> DownloadItem:
    """The item when it is done or has failed."""
    seen: list[DownloadItem] = []
    done = threading.Event()

    def hear(item: DownloadItem) -> None:
        if item.state in ("done", "failed"):
            seen.append(item)
            done.set()

    manager.changed.connect(hear)
    manager.add(request)
    assert done.wait(PATIENCE)
    return seen[0]


def request_of(client: HubClient, endpoint: str | None = None) -> DownloadRequest:
    detail = client.detail(REPO)
    files = detail.variants[0].files
    return DownloadRequest(REPO, detail.model.sha, "Model", "Q4_0", files, endpoint)


def test_a_download_goes_to_the_mirror_where_the_hub_is_dead(
    client: HubClient, settings: SettingsStore, gate: HubGate, dead: str, starter_file: Path
) -> None:
    with a_hub() as mirror:
        mirror.add(REPO, {FILE: starter_file})
        settings.update(network=Network(endpoint=dead, mirrors=(Mirror(mirror.url),)))
        request = request_of(client)
        for access in gate.accesses():
            gate.answered(access)  # nothing is known to be dead: the child finds out by itself
        with downloads(settings, gate) as manager:
            item = fetched(manager, request)
        assert (item.error, item.state) == (None, "done")


def test_search_and_download_go_through_a_proxy_with_a_password(
    client: HubClient,
    settings: SettingsStore,
    gate: HubGate,
    passwords: MemoryKeyring,
    starter_file: Path,
) -> None:
    with a_hub() as hub, LocalProxy("corral", PASSWORD) as proxy:
        hub.add(REPO, {FILE: starter_file})
        settings.update(network=Network(endpoint=hub.url))
        wanted = Proxy("manual", host=proxy.host, port=proxy.port, user="corral", no_proxy=())
        gate.use_proxy(wanted, PASSWORD, "keyring")
        assert PASSWORD in passwords.entries.values()
        assert PASSWORD not in app_paths().settings_file.read_text()
        request = request_of(client)
        seen = len(proxy.served)
        assert seen >= 2
        with downloads(settings, gate) as manager:
            item = fetched(manager, request)
        assert (item.error, item.state) == (None, "done")
        assert any(hub.cdn_url in each for each in proxy.served[seen:])
        assert proxy.refused == 0
        assert PASSWORD not in repr(gate.accesses())


def test_a_proxy_tunnels_encrypted_connections(
    client: HubClient, settings: SettingsStore, gate: HubGate
) -> None:
    with a_hub(tls=True) as hub, LocalProxy() as proxy:
        wanted = Proxy("manual", host=proxy.host, port=proxy.port, no_proxy=())
        ca_file = str(TLS / "localhost.pem")
        settings.update(network=Network(endpoint=hub.url, proxy=wanted, ca_file=ca_file))
        assert found(client) == [REPO]
        assert proxy.served == [f"CONNECT {hub.url.removeprefix('https://')}"]


@pytest.mark.parametrize("tls", [False, True])
def test_search_and_download_go_through_a_socks_proxy(
    client: HubClient,
    settings: SettingsStore,
    gate: HubGate,
    passwords: MemoryKeyring,
    starter_file: Path,
    tls: bool,
) -> None:
    with a_hub(tls=tls) as hub, LocalSocks("corral", PASSWORD) as proxy:
        hub.add(REPO, {FILE: starter_file})
        ca_file = str(TLS / "localhost.pem")
        settings.update(network=Network(endpoint=hub.url, ca_file=ca_file))
        wanted = Proxy(
            "manual", "socks5", host="127.0.0.1", port=proxy.port, user="corral", no_proxy=()
        )
        gate.use_proxy(wanted, PASSWORD, "keyring")
        request = request_of(client)
        with downloads(settings, gate) as manager:
            item = fetched(manager, request)
        assert (item.error, item.state) == (None, "done")
        assert hub.cdn_url.partition("://")[2] in proxy.served
        assert proxy.refused == 0


@pytest.mark.parametrize("password", [PASSWORD, ""])
def test_the_test_names_a_socks_proxy_that_wants_another_password(
    gate: HubGate,
    http: HubHttp,
    settings: SettingsStore,
    passwords: MemoryKeyring,
    password: str,
) -> None:
    with a_hub() as hub, LocalSocks("corral", "another one") as proxy:
        settings.update(network=Network(endpoint=hub.url))
        user = "corral" if password else ""
        wanted = Proxy(
            "manual", "socks5", host="127.0.0.1", port=proxy.port, user=user, no_proxy=()
        )
        gate.use_proxy(wanted, password, "keyring")
        told = state(gate, http)
        assert told.kind == "proxy_login"
        assert (proxy.served, hub.log.entries()) == ([], [])


def test_the_test_names_what_is_no_socks_proxy_and_what_it_cannot_reach(
    gate: HubGate, http: HubHttp, settings: SettingsStore, dead: str
) -> None:
    with a_hub() as hub, LocalSocks(foreign=True) as other, LocalSocks() as proxy:
        wanted = Proxy("manual", "socks5", host="127.0.0.1", port=other.port, no_proxy=())
        settings.update(network=Network(endpoint=hub.url, proxy=wanted))
        told = state(gate, http)
        assert told.kind == "proxy"
        assert told.problem is not None
        clear(told.problem)
        wanted = Proxy("manual", "socks5", host="127.0.0.1", port=proxy.port, no_proxy=())
        settings.update(network=Network(endpoint=dead, proxy=wanted))
        told = state(gate, http)
        assert told.kind == "proxy"
        assert proxy.served == [dead.partition("://")[2]]


@pytest.mark.parametrize("direct", ["127.0.0.1", "localhost"])
def test_hosts_of_the_no_proxy_list_are_reached_directly(
    client: HubClient, settings: SettingsStore, direct: str
) -> None:
    with a_hub() as hub, LocalProxy() as proxy:
        wanted = Proxy("manual", host=proxy.host, port=proxy.port, no_proxy=(direct,))
        settings.update(network=Network(endpoint=hub.url, proxy=wanted))
        assert found(client) == [REPO]
        assert bool(proxy.served) == (direct == "localhost")  # the hub is called 127.0.0.1


def test_without_a_proxy_the_environments_is_not_used(
    client: HubClient, settings: SettingsStore, monkeypatch: pytest.MonkeyPatch, dead: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", dead)
    monkeypatch.setenv("NO_PROXY", "")
    with a_hub() as hub:
        settings.update(network=Network(endpoint=hub.url))
        with pytest.raises(HubError) as caught:
            found(client)
        assert caught.value.kind == "proxy"
        settings.update(network=Network(endpoint=hub.url, proxy=Proxy("none")))
        assert found(client) == [REPO]


def test_an_extra_authority_is_trusted_by_search_and_download(
    client: HubClient, settings: SettingsStore, gate: HubGate, starter_file: Path
) -> None:
    with a_hub(tls=True) as hub:
        hub.add(REPO, {FILE: starter_file})
        network = Network(endpoint=hub.url, ca_file=str(TLS / "localhost.pem"))
        settings.update(network=network)
        with downloads(settings, gate) as manager:
            assert fetched(manager, request_of(client)).state == "done"


def test_a_download_names_the_certificate_that_is_not_trusted(
    settings: SettingsStore, gate: HubGate, client: HubClient
) -> None:
    with a_hub(tls=True) as hub:
        settings.update(network=Network(endpoint=hub.url, ca_file=str(TLS / "localhost.pem")))
        request = request_of(client)
        settings.update(network=Network(endpoint=hub.url))
        with downloads(settings, gate) as manager:
            item = fetched(manager, request)
        assert item.error is not None
        assert "not trusted" in item.error.title


# -- the connection test


def state(gate: HubGate, http: HubHttp) -> HubState:
    (state,) = check_hubs(gate, http)
    return state


def test_the_test_says_that_all_is_well(
    gate: HubGate, http: HubHttp, settings: SettingsStore
) -> None:
    with a_hub() as hub:
        settings.update(network=Network(endpoint=hub.url))
        assert (state(gate, http).kind, state(gate, http).skew) == ("ok", 0)


@pytest.mark.parametrize(
    ("certificate", "trusted", "kind"),
    [
        ("localhost", "", "unknown_ca"),
        ("expired", "expired", "expired"),
        ("early", "early", "clock"),
        ("elsewhere", "elsewhere", "wrong_host"),
        ("localhost", "localhost", "ok"),
    ],
)
def test_the_test_names_what_is_wrong_with_a_certificate(
    gate: HubGate,
    http: HubHttp,
    settings: SettingsStore,
    certificate: str,
    trusted: str,
    kind: str,
) -> None:
    ca_file = str(TLS / f"{trusted}.pem") if trusted else None
    with a_hub(tls=certificate) as hub:
        settings.update(network=Network(endpoint=hub.url, ca_file=ca_file))
        told = state(gate, http)
        assert told.kind == kind
        if told.problem is not None:
            clear(told.problem)
            assert hub.log.entries() == []


def test_the_test_names_a_file_of_authorities_that_is_none(
    gate: HubGate, http: HubHttp, settings: SettingsStore
) -> None:
    with a_hub() as hub:
        for file in (__file__, "/nonexistent/corporate.pem"):
            settings.update(network=Network(endpoint=hub.url, ca_file=file))
            told = state(gate, http)
            assert told.kind == "ca_file"
            assert told.problem is not None
            assert file in told.problem.message


def test_the_test_names_a_name_that_nobody_knows(
    gate: HubGate, http: HubHttp, settings: SettingsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    settings.update(network=Network(endpoint="https://hub.example"))
    told = state(gate, http)
    assert told.kind == "dns"
    assert told.problem is not None
    assert "hub.example" in told.problem.message
    clear(told.problem)


def test_the_test_names_a_port_at_which_nobody_listens(
    gate: HubGate, http: HubHttp, settings: SettingsStore, dead: str
) -> None:
    settings.update(network=Network(endpoint=dead))
    assert state(gate, http).kind == "refused"


@pytest.mark.parametrize("tls", [False, True])
def test_the_test_names_a_proxy_that_wants_a_password(
    gate: HubGate, http: HubHttp, settings: SettingsStore, tls: bool
) -> None:
    with a_hub(tls=tls) as hub, LocalProxy("corral", PASSWORD) as proxy:
        wanted = Proxy("manual", host=proxy.host, port=proxy.port, no_proxy=())
        settings.update(network=Network(endpoint=hub.url, proxy=wanted))
        told = state(gate, http)
        assert told.kind == "proxy_login"
        assert told.problem is not None
        clear(told.problem)
        assert (proxy.served, hub.log.entries()) == ([], [])


def test_the_test_names_a_proxy_that_is_not_there(
    gate: HubGate, http: HubHttp, settings: SettingsStore, dead: str
) -> None:
    port = int(dead.rpartition(":")[2])
    with a_hub() as hub:
        wanted = Proxy("manual", host="127.0.0.1", port=port, no_proxy=())
        settings.update(network=Network(endpoint=hub.url, proxy=wanted))
        told = state(gate, http)
    assert told.kind == "proxy"
    assert told.problem is not None
    assert f"127.0.0.1:{port}" in told.problem.message


@pytest.mark.parametrize(
    ("body", "headers", "kind"),
    [
        (b"<html>Log in to the network</html>", {"Content-Type": "text/html"}, "portal"),
        (b"\n<!DOCTYPE html>", {}, "portal"),
        (b"all is well", {}, "garbage"),
    ],
)
def test_the_test_names_a_portal_and_garbage(
    gate: HubGate,
    http: HubHttp,
    settings: SettingsStore,
    body: bytes,
    headers: dict[str, str],
    kind: str,
) -> None:
    with a_hub() as hub:
        hub.fault("/api/models", body=body, headers=headers)
        settings.update(network=Network(endpoint=hub.url))
        assert state(gate, http).kind == kind


def test_the_test_names_a_rate_limit_and_when_it_ends(
    gate: HubGate, http: HubHttp, settings: SettingsStore
) -> None:
    with a_hub() as hub:
        hub.fault("/api/models", status=429, headers={"Retry-After": "41"})
        settings.update(network=Network(endpoint=hub.url))
        told = state(gate, http)
        assert told.kind == "rate_limit"
        assert told.problem is not None
        assert "41 seconds" in told.problem.hint


def test_the_test_notices_a_clock_that_is_wrong(
    gate: HubGate, http: HubHttp, settings: SettingsStore
) -> None:
    with a_hub() as hub:
        settings.update(network=Network(endpoint=hub.url))
        (told,) = check_hubs(gate, http, clock=lambda: time.time() + 7200)
        assert told.kind == "ok"
        assert told.skew == pytest.approx(7200, abs=60)


def test_the_test_tells_of_every_hub(
    gate: HubGate, http: HubHttp, settings: SettingsStore, dead: str
) -> None:
    with a_hub() as hub:
        settings.update(network=Network(endpoint=dead, mirrors=(Mirror(hub.url),)))
        assert [each.kind for each in check_hubs(gate, http)] == ["refused", "ok"]


def test_the_test_asks_nobody_while_offline(
    gate: HubGate, http: HubHttp, settings: SettingsStore
) -> None:
    with a_hub() as hub:
        settings.update(network=Network(endpoint=hub.url, offline=True))
        with pytest.raises(OfflineError):
            check_hubs(gate, http)
        assert hub.log.entries() == []


def test_a_locked_keyring_leaves_the_proxy_without_password_and_the_hub_anonymous(
    gate: HubGate, settings: SettingsStore, passwords: MemoryKeyring
) -> None:
    gate.use_proxy(Proxy("manual", host="proxy.example", user="me"), PASSWORD, "keyring")
    gate.keep_token(SECRET, "keyring", "tester")
    fresh = HubGate(settings, KeyStore(app_paths()), {})
    passwords.locked = True
    (access,) = fresh.accesses()
    assert (access.token, access.route.password) == (None, "")
    passwords.locked = False
    (access,) = fresh.accesses()
    assert (access.token, access.route.password) == (SECRET, PASSWORD)


def test_what_is_read_beforehand_is_not_read_again(
    gate: HubGate, settings: SettingsStore, passwords: MemoryKeyring
) -> None:
    gate.use_proxy(Proxy("manual", host="proxy.example", user="me"), PASSWORD)
    gate.keep_token(SECRET, "keyring", "tester")
    fresh = HubGate(settings, KeyStore(app_paths()), {})
    fresh.warm()
    passwords.locked = True
    (access,) = fresh.accesses()
    assert (access.token, access.route.password) == (SECRET, PASSWORD)


def test_looking_at_the_addresses_reads_no_secret(
    gate: HubGate, passwords: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.keep_token(SECRET, "keyring", "tester")
    monkeypatch.setattr(KeyStore, "get", lambda *_: pytest.fail("the password store was asked"))
    assert [each.address for each in gate.check()] == ["https://huggingface.co"]


def test_old_settings_without_the_new_fields_load(corral_home: Path) -> None:
    path = app_paths().settings_file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"version": 1, "network": {"endpoint": "https://old.example"}}')
    settings = SettingsStore(path)
    assert settings.problem is None
    assert settings.current.network == replace(Network(), endpoint="https://old.example")


def test_a_proxys_password_never_goes_to_another_proxy(
    gate: HubGate, settings: SettingsStore, passwords: MemoryKeyring
) -> None:
    first = Proxy("manual", host="one.example", user="me")
    gate.use_proxy(first, PASSWORD)
    gate.use_proxy(replace(first, no_proxy=(".example.org",)))
    assert gate.route().password == PASSWORD
    gate.use_proxy(replace(first, host="two.example"))
    assert gate.route().password == ""
    assert settings.current.network.proxy.password == "none"
    assert passwords.entries == {}


def test_what_was_allowed_for_one_hub_is_not_allowed_for_another() -> None:
    network = Network(endpoint="https://a.example", send_token_to="https://a.example")
    assert [each.trusted for each in hub_addresses(network, {})] == [True]
    other = replace(network, endpoint="https://b.example")
    assert [each.trusted for each in hub_addresses(other, {})] == [False]
    nowhere, env = replace(network, endpoint=None), {"HF_ENDPOINT": "https://c.example"}
    assert [each.trusted for each in hub_addresses(nowhere, env)] == [False]
    assert [each.trusted for each in hub_addresses(nowhere, {})] == [True], "the default hub"
    mirrored = replace(other, mirrors=(Mirror("https://a.example"),))
    assert [each.trusted for each in hub_addresses(mirrored, {})] == [False, False]
