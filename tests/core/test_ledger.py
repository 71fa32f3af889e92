"""The ledger: every connection of hub client, transfer child and engine child is in it."""

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.core.connection_check import check_hubs
from app.core.download_state import DownloadRequest
from app.core.downloads import DownloadManager
from app.core.errors import HubError
from app.core.hub import HubClient, HubQuery
from app.core.hub_account import HubAccount
from app.core.hub_gate import HubGate
from app.core.hub_http import HubHttp
from app.core.keys import KeyStore
from app.core.ledger import MOST_ENTRIES, PAUSE, Ledger, LedgerEntry
from app.core.library import ModelLibrary
from app.core.paths import app_paths
from app.core.remotes import RemoteStore, remote_models
from app.core.runtime import ModelRuntime
from app.core.settings import Network, Proxy, SettingsStore
from backends.contacts import Contact
from tests.backends.remote.scripted_server import ScriptedServer, end, text
from tests.backends.scripts import ask
from tests.core.memory_keyring import password_store
from tests.hub.http_server import TLS
from tests.hub.proxy import LocalProxy
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

REPO, FILE = "owner/model", "model-Q4_0.gguf"
TOKEN = "hf_goodtoken1234567890"


class Clock:
    """Seconds that pass only when told."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock, corral_home: Path) -> Iterator[Ledger]:
    with closing(Ledger(app_paths().ledger_file, clock)) as ledger:
        yield ledger


@pytest.fixture
def hub(starter_file: Path) -> Iterator[LocalHub]:
    with LocalHub() as hub:
        hub.add(REPO, {FILE: starter_file, "README.md": b"# A model"}, tags=["gguf"])
        hub.tokens[TOKEN] = set()
        yield hub


@pytest.fixture
def settings(corral_home: Path, hub: LocalHub) -> SettingsStore:
    settings = SettingsStore(app_paths().settings_file)
    settings.update(network=Network(endpoint=hub.url, send_token_to=hub.url))
    return settings


@pytest.fixture
def gate(settings: SettingsStore) -> HubGate:
    return HubGate(settings, KeyStore(app_paths()), {})


@pytest.fixture
def http(ledger: Ledger) -> Iterator[HubHttp]:
    http = HubHttp(timeout=PATIENCE, tell=ledger.record)
    yield http
    http.close()


@pytest.fixture
def client(settings: SettingsStore, gate: HubGate, http: HubHttp) -> HubClient:
    return HubClient(settings, app_paths(), {}, http, gate)


def by_purpose(ledger: Ledger, purpose: str) -> LedgerEntry:
    (entry,) = [each for each in ledger.entries() if each.purpose == purpose]
    return entry


# -- what is kept


def test_steps_of_one_errand_are_one_entry(ledger: Ledger, clock: Clock) -> None:
    for _ in range(3):
        ledger.record(Contact("a.example", "search", "llama", connections=1))
        ledger.record(Contact("a.example", "search", "llama", requests=1, sent=200))
        ledger.record(Contact("a.example", "search", "llama", received=5000))
        clock.now += 10
    (entry,) = ledger.entries()
    assert (entry.first, entry.last) == (1_000_000, 1_000_020)
    assert (entry.connections, entry.requests, entry.sent, entry.received) == (3, 3, 600, 15000)


@pytest.mark.parametrize(
    "other",
    [
        Contact("b", "search", "x"),
        Contact("a", "test", "x"),
        Contact("a", "search", "y"),
        Contact("a", "search", "x", problem="ConnectError"),
    ],
)
def test_another_errand_is_another_entry(ledger: Ledger, other: Contact) -> None:
    ledger.record(Contact("a", "search", "x"))
    ledger.record(other)
    assert len(ledger.entries()) == 2


def test_after_a_pause_a_new_entry_begins(ledger: Ledger, clock: Clock) -> None:
    ledger.record(Contact("a", "search"))
    clock.now += PAUSE + 1
    ledger.record(Contact("a", "search"))
    assert [each.first for each in ledger.entries()] == [1_000_000 + PAUSE + 1, 1_000_000]


def test_it_is_bounded_and_drops_the_oldest(ledger: Ledger) -> None:
    for number in range(MOST_ENTRIES + 50):
        ledger.record(Contact("a", "search", str(number)))
    entries = ledger.entries()
    assert len(entries) == MOST_ENTRIES
    assert {entries[0].why, entries[-1].why} == {str(MOST_ENTRIES + 49), "50"}


def test_it_outlives_the_program_and_is_cleared(ledger: Ledger) -> None:
    ledger.record(Contact("secret.example", "search", "what I looked for"))
    ledger.close()
    again = Ledger(app_paths().ledger_file)
    assert len(again.entries()) == 1
    again.clear()
    assert again.entries() == ()
    again.close()
    for path in app_paths().data.glob("connections.db*"):
        assert b"what I looked for" not in path.read_bytes()


def test_a_damaged_file_is_set_aside(corral_home: Path) -> None:
    path = app_paths().ledger_file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no database" * 1000)
    with closing(Ledger(path)) as ledger:
        ledger.record(Contact("a", "search"))
        assert len(ledger.entries()) == 1


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be closed to their owner there")
def test_a_ledger_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder")
    Ledger(nowhere / "connections.db").record(Contact("a", "search"))


def test_many_threads_and_two_programs_write_at_once(ledger: Ledger) -> None:
    with closing(Ledger(app_paths().ledger_file, Clock())) as other:
        threads = [
            threading.Thread(
                target=lambda which=which: [
                    which.record(Contact("a", "search", sent=1)) for _ in range(50)
                ]
            )
            for which in (ledger, ledger, other, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert sum(each.sent for each in ledger.entries()) == 200


# -- who tells


def test_what_the_hub_is_asked_is_told_with_its_bytes(
    client: HubClient, ledger: Ledger, hub: LocalHub
) -> None:
    client.search(HubQuery("model"))
    detail = client.detail(REPO)
    client.card(REPO, detail.model.sha)
    search = by_purpose(ledger, "search")
    host = hub.url.removeprefix("http://")
    assert (search.host, search.why, search.connections, search.requests) == (host, "model", 1, 1)
    sent = hub.log.sent("/api/models")
    assert sent < search.received < sent + 1000
    assert 100 < search.sent < 2000
    assert search.here
    page = by_purpose(ledger, "model page")
    assert page.why == REPO
    assert page.requests == len(hub.log.entries()) - 1
    assert page.connections == 0  # the one of the search is used on


def test_log_in_and_test_are_told(
    settings: SettingsStore, gate: HubGate, http: HubHttp, ledger: Ledger
) -> None:
    with password_store():
        HubAccount(settings, gate, http).log_in(TOKEN)
    check_hubs(gate, http)
    assert by_purpose(ledger, "log-in").requests == 1
    assert by_purpose(ledger, "test").requests == 1
    assert TOKEN not in str(ledger.entries())
    raw = app_paths().ledger_file.read_bytes()
    assert TOKEN.encode() not in raw


def test_a_connection_that_fails_is_told(
    settings: SettingsStore, client: HubClient, ledger: Ledger
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
    settings.update(network=Network(endpoint=f"http://{host}"))
    with pytest.raises(HubError):
        client.search(HubQuery("model"))
    (entry,) = ledger.entries()
    assert (entry.host, entry.connections, entry.requests) == (host, 1, 0)
    assert entry.problem == "ConnectError"


def test_a_download_is_two_lines_with_all_its_bytes(
    client: HubClient,
    settings: SettingsStore,
    gate: HubGate,
    ledger: Ledger,
    hub: LocalHub,
    starter_file: Path,
) -> None:
    detail = client.detail(REPO)
    files = detail.variants[0].files
    library = ModelLibrary(app_paths(), settings)
    manager = DownloadManager(app_paths(), settings, library, gate=gate, tell=ledger.record)
    done = threading.Event()
    manager.finished.connect(lambda _: done.set())
    manager.start()
    manager.add(DownloadRequest(REPO, detail.model.sha, "Model", "Q4_0", files))
    assert done.wait(60)
    manager.close()
    entries = {each.host: each for each in ledger.entries() if each.purpose == "download"}
    cdn = entries[hub.cdn_url.removeprefix("http://")]
    assert entries.keys() == {hub.url.removeprefix("http://"), cdn.host}
    size = starter_file.stat().st_size
    assert size < cdn.received < size * 1.001
    assert cdn.why == REPO
    assert cdn.requests == len(hub.log.entries(origin="cdn"))


def test_through_a_proxy_the_server_is_told_and_not_the_proxy(
    settings: SettingsStore, client: HubClient, ledger: Ledger
) -> None:
    with LocalHub(tls=True) as hub, LocalProxy() as proxy:
        hub.add(REPO, {FILE: b"GGUF" + bytes(100)}, tags=["gguf"])
        by_hand = Proxy("manual", host=proxy.host, port=proxy.port, no_proxy=())
        ca_file = str(TLS / "localhost.pem")
        settings.update(network=Network(endpoint=hub.url, proxy=by_hand, ca_file=ca_file))
        client.search(HubQuery("model"))
        (entry,) = ledger.entries()
        assert entry.host == hub.url.removeprefix("https://")
        assert (entry.connections, entry.requests) == (1, 1)


def test_a_remote_model_is_told_by_its_engine(settings: SettingsStore, ledger: Ledger) -> None:
    with ScriptedServer(models=("m",)) as server:
        server.says(text("Good day"), end())
        remotes = RemoteStore(settings, KeyStore(app_paths()), tell=ledger.record)
        assert remotes.offered(server.url) == ("m",)
        looked = by_purpose(ledger, "remote model")
        assert looked.requests == 1
        remotes.add("Server", server.url, models=("m",))
        (model,) = remote_models(settings.current.remote)
        runtime = ModelRuntime(settings, remotes=remotes)
        try:
            entry = runtime.load(model)
            list(entry.engine.generate(ask("Hello")))
        finally:
            runtime.close()
    told = [each for each in ledger.entries() if each.why == "m"]
    assert {each.purpose for each in told} == {"remote model"}
    assert sum(each.requests for each in told) >= 2
    assert sum(each.received for each in told) > 500


def test_the_file_is_an_ordinary_database(ledger: Ledger) -> None:
    ledger.record(Contact("a", "search"))
    with closing(sqlite3.connect(app_paths().ledger_file)) as database:
        assert database.execute("SELECT count(*) FROM entries").fetchone() == (1,)
