"""The hub client against the local hub: what it reads, and how it fails."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

from app.core import hub_errors
from app.core.children import child_environment
from app.core.errors import (
    AccessError,
    AppError,
    ForeignSite,
    HubError,
    NotFoundError,
    OfflineError,
    SettingsError,
)
from app.core.hub import HubClient, HubQuery
from app.core.hub_addresses import hub_addresses
from app.core.hub_gate import HubGate
from app.core.hub_http import HubHttp
from app.core.hub_reference import Reference, parse_reference
from app.core.keys import KeyStore
from app.core.paths import app_paths
from app.core.settings import Mirror, Network, SettingsStore
from tests.hub.http_server import TLS
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

GGUF = b"GGUF\x03" + bytes(19)
CARD = b"---\nlicense: mit\ntags:\n- gguf\n---\n# A model\n\nIt speaks.\n"


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as hub:
        files = {"model.Q4_K_M.gguf": GGUF + bytes(3000), "README.md": CARD}
        hub.add(
            "owner/model",
            files,
            tags=["gguf", "license:mit"],
            downloads=7,
            likes=3,
            pipeline_tag="text-generation",
        )
        yield hub


@pytest.fixture
def settings(corral_home: Path) -> SettingsStore:
    return SettingsStore(app_paths().settings_file)


@contextmanager
def client_for(
    settings: SettingsStore,
    hub: LocalHub | str,
    token: str = "",
    timeout: float = PATIENCE,
    deadline: float = PATIENCE,
) -> Iterator[HubClient]:
    env = {"HF_ENDPOINT": hub if isinstance(hub, str) else hub.url, "HF_TOKEN": token}
    http = HubHttp(timeout=timeout, deadline=deadline)
    client = HubClient(settings, app_paths(), env, http)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def client(settings: SettingsStore, hub: LocalHub) -> Iterator[HubClient]:
    with client_for(settings, hub) as client:
        yield client


def clear(error: AppError) -> None:
    """What every error shown to people must be."""
    assert error.title
    assert not error.title.endswith(".")
    assert error.message.endswith(".")
    for text in (error.title, error.message, error.hint):
        assert "Traceback" not in text
        assert "Error" not in text


def test_search_reads_a_model(client: HubClient, hub: LocalHub) -> None:
    (model,) = client.search(HubQuery("mod")).models
    assert model.repo == "owner/model"
    assert (model.author, model.downloads, model.likes) == ("owner", 7, 3)
    assert (model.licence, model.gated) == ("mit", False)
    assert model.pipeline == "text-generation"
    assert model.sha == hub.repositories["owner/model"].sha


def test_search_pages_follow_the_cursor_in_order_of_downloads(
    client: HubClient, hub: LocalHub
) -> None:
    for number in range(65):
        hub.add(f"many/model-{number}", {}, tags=["gguf"], downloads=100 + number)
    query = HubQuery("many/", sort="downloads")
    page = client.search(query)
    names = [model.repo for model in page.models]
    assert len(names) == 30
    while page.next:
        page = client.search(query, page.next)
        names += [model.repo for model in page.models]
    assert names == [f"many/model-{number}" for number in reversed(range(65))]


def test_search_filters_by_format(client: HubClient, hub: LocalHub) -> None:
    hub.add("owner/apple", {}, tags=["mlx"])
    names = {
        kind: {model.repo for model in client.search(HubQuery(format=kind)).models}
        for kind in ("gguf", "mlx", "any")
    }
    assert names["gguf"] == {"owner/model"}
    assert names["mlx"] == {"owner/apple"}
    assert names["any"] == {"owner/model", "owner/apple"}


def test_one_odd_row_does_not_hide_the_others(client: HubClient, hub: LocalHub) -> None:
    body = json.dumps([{"id": "a/b", "likes": "many"}, {"id": "c/d"}]).encode()
    hub.fault("/api/models", body=body)
    assert [model.repo for model in client.search(HubQuery()).models] == ["c/d"]


def test_detail_has_sizes_hashes_and_variants(client: HubClient, hub: LocalHub) -> None:
    detail = client.detail("owner/model")
    file = hub.repositories["owner/model"].files["model.Q4_K_M.gguf"]
    (variant,) = detail.variants
    assert variant.quantization == "Q4_K_M"
    assert variant.files[0].size == file.size
    assert variant.files[0].sha256 == file.sha256
    readme = next(each for each in detail.files if each.path == "README.md")
    assert readme.blob_sha1 == hub.repositories["owner/model"].files["README.md"].blob_sha1


def test_detail_is_kept_by_commit(client: HubClient, hub: LocalHub) -> None:
    first = client.detail("owner/model")
    assert client.detail("owner/model") == first
    assert sum("/tree/" in entry.path for entry in hub.log.entries()) == 1
    hub.add("owner/model", {"model.Q8_0.gguf": GGUF + bytes(5000)})
    assert len(client.detail("owner/model").variants) == 2


def test_a_damaged_cache_is_read_anew(client: HubClient, hub: LocalHub) -> None:
    first = client.detail("owner/model")
    for path in (app_paths().cache / "hub").iterdir():
        path.write_bytes(b"{")
    assert client.detail("owner/model") == first


def test_tree_of_many_files_is_read_page_by_page(client: HubClient, hub: LocalHub) -> None:
    hub.add("owner/big", {f"data/{number:04}.json": b"{}" for number in range(1500)})
    assert len(client.detail("owner/big").files) == 1500


def test_mlx_repository_is_labelled_by_its_config(client: HubClient, hub: LocalHub) -> None:
    config = json.dumps({"quantization": {"bits": 4, "group_size": 64}}).encode()
    hub.add("owner/apple", {"config.json": config, "model.safetensors": bytes(100)}, tags=["mlx"])
    (variant,) = client.detail("owner/apple").variants
    assert (variant.format, variant.quantization) == ("mlx", "4bit")


def test_card_comes_without_its_metadata(client: HubClient) -> None:
    assert client.card("owner/model", "main") == "# A model\n\nIt speaks.\n"


def test_no_card_is_empty(client: HubClient, hub: LocalHub) -> None:
    hub.add("owner/bare", {"model.gguf": GGUF})
    assert client.card("owner/bare", "main") == ""


def test_header_reads_the_start_of_the_real_model(
    client: HubClient, hub: LocalHub, starter_file: Path
) -> None:
    hub.add("owner/smol", {"smol.gguf": starter_file})
    header = client.header("owner/smol", "main", "smol.gguf")
    assert header.metadata["general.architecture"] == "llama"
    assert not header.complete
    assert hub.log.sent("smol.gguf") == 65536


def test_header_stops_reading_when_the_server_knows_no_ranges(
    client: HubClient, hub: LocalHub, starter_file: Path
) -> None:
    hub.add("owner/smol", {"smol.gguf": starter_file})
    hub.fault("smol.gguf", origin="cdn", ignore_range=True)
    assert client.header("owner/smol", "main", "smol.gguf").metadata
    assert hub.log.sent("smol.gguf") < 20_000_000


def test_check_returns_when_the_hub_answers(client: HubClient) -> None:
    client.check()


# -- tokens, endpoints, offline


def test_token_goes_to_another_endpoint_only_when_allowed(
    settings: SettingsStore, hub: LocalHub
) -> None:
    hub.tokens["hf_secret"] = {"owner/gated"}
    hub.add("owner/gated", {"model.gguf": GGUF + bytes(100)}, gated="manual")
    with client_for(settings, hub, token="hf_secret") as client:
        client.detail("owner/gated")
        assert not any("authorization" in entry.headers for entry in hub.log.entries())
        settings.update(network=Network(send_token_to=hub.url))
        client.header("owner/gated", "main", "model.gguf")
    assert any("authorization" in entry.headers for entry in hub.log.entries(origin="hub"))
    assert not any("authorization" in entry.headers for entry in hub.log.entries(origin="cdn"))


def test_token_goes_to_the_default_endpoint(settings: SettingsStore) -> None:
    gate = HubGate(settings, KeyStore(app_paths()), {"HF_TOKEN": "hf_secret"})
    (access,) = gate.accesses()
    assert access.token == "hf_secret"
    assert access.endpoint == "https://huggingface.co"


def test_settings_come_before_the_environment() -> None:
    network = Network(endpoint="https://mirror.example/")
    (found,) = hub_addresses(network, {"HF_ENDPOINT": "https://other.example"})
    assert found.address == "https://mirror.example"


@pytest.mark.parametrize(
    "address", ["http://example.com", "ftp://a.b", "hub", "https://", "https://me:pw@a.b"]
)
def test_endpoint_must_be_https(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        hub_addresses(Network(endpoint=address), {})
    clear(caught.value)


def test_offline_refuses_before_any_socket(
    client: HubClient, settings: SettingsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.update(network=Network(offline=True))

    def no_socket(*_args: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", no_socket)
    for call in (
        lambda: client.search(HubQuery()),
        lambda: client.detail("owner/model"),
        lambda: client.card("owner/model", "main"),
        lambda: client.header("owner/model", "main", "model.gguf"),
        client.check,
    ):
        with pytest.raises(OfflineError) as caught:
            call()
        clear(caught.value)


# -- bad answers


def test_401_of_a_gated_model_asks_to_log_in(client: HubClient, hub: LocalHub) -> None:
    hub.add("owner/gated", {"model.gguf": GGUF}, gated="auto")
    assert client.detail("owner/gated").model.gated == "auto"
    with pytest.raises(AccessError, match="log in") as caught:
        client.header("owner/gated", "main", "model.gguf")
    clear(caught.value)
    assert f"{hub.url}/owner/gated" in caught.value.hint


def test_403_of_a_gated_model_says_to_wait_for_access(
    settings: SettingsStore, hub: LocalHub
) -> None:
    hub.add("owner/gated", {"model.gguf": GGUF}, gated="auto")
    hub.tokens["hf_valid"] = set()
    settings.update(network=Network(send_token_to=hub.url))
    with (
        client_for(settings, hub, token="hf_valid") as client,
        pytest.raises(AccessError, match="not been opened") as caught,
    ):
        client.header("owner/gated", "main", "model.gguf")
    clear(caught.value)


def test_a_bad_token_is_named(settings: SettingsStore, hub: LocalHub) -> None:
    settings.update(network=Network(send_token_to=hub.url))
    with (
        client_for(settings, hub, token="hf_wrong") as client,
        pytest.raises(AccessError, match="token") as caught,
    ):
        client.detail("owner/model")
    clear(caught.value)


def test_404_repository_revision_and_file(client: HubClient) -> None:
    for call in (
        lambda: client.detail("owner/nothing"),
        lambda: client.detail("owner/model", "no-such-revision"),
        lambda: client.header("owner/model", "main", "nothing.gguf"),
    ):
        with pytest.raises(NotFoundError) as caught:
            call()
        clear(caught.value)


def test_a_server_may_name_the_time_to_wait_until() -> None:
    then, now = "Sat, 28 Nov 2026 14:00:00 GMT", "Sat, 28 Nov 2026 13:59:30 GMT"
    assert hub_errors.retry_after({"Retry-After": then, "Date": now}) == 30
    assert hub_errors.retry_after({"Retry-After": now, "Date": then}) == 0
    assert hub_errors.retry_after({"Retry-After": "soon"}) is None
    by_this_clock = hub_errors.retry_after({"Retry-After": formatdate(time.time() + 90)})
    assert by_this_clock == pytest.approx(90, abs=5)


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (403, {}, "status 403"),
        (429, {"Retry-After": "17"}, "17 seconds"),
        (429, {"RateLimit": '"api";r=0;t=42'}, "42 seconds"),
        (429, {"Retry-After": "\u00b2"}, "few minutes"),
        (500, {}, "status 500"),
        (500, {"X-Error-Message": "Modèle introuvable"}, "status 500"),
        (503, {}, "status 503"),
        (418, {}, "status 418"),
    ],
)
def test_refusals_are_told_in_words(
    client: HubClient, hub: LocalHub, status: int, headers: dict[str, str], words: str
) -> None:
    hub.fault("/api/models", status=status, headers=headers, times=1)
    with pytest.raises(HubError) as caught:
        client.search(HubQuery())
    clear(caught.value)
    assert words in f"{caught.value.message} {caught.value.hint}"
    client.search(HubQuery())  # the program goes on


@pytest.mark.parametrize(
    "body",
    [b"<html>Log in to the network</html>", b"", b"{", b'{"a": 1}', b"[1, 2", b"[" * 100_000],
)
def test_garbage_instead_of_json(client: HubClient, hub: LocalHub, body: bytes) -> None:
    hub.fault("/api/models", body=body, times=1)
    with pytest.raises(HubError, match="cannot be read") as caught:
        client.search(HubQuery())
    clear(caught.value)
    client.search(HubQuery())


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_of_200_mb_is_not_read(client: HubClient, hub: LocalHub, status: int) -> None:
    hub.fault("/api/models", huge=200_000_000, status=status, times=1)
    with pytest.raises(HubError) as caught:
        client.search(HubQuery())
    clear(caught.value)
    assert hub.log.sent("/api/models") < 40_000_000
    client.search(HubQuery())


def test_a_card_that_is_too_large(client: HubClient, hub: LocalHub) -> None:
    hub.add("owner/long", {"README.md": b"#" * 2_500_000})
    with pytest.raises(HubError, match="too large"):
        client.card("owner/long", "main")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks4://user:secret@127.0.0.1:9"),
        ("https_proxy", "nonsense://user:secret@127.0.0.1"),
        ("SSL_CERT_FILE", "/nonexistent/secretless.pem"),
        ("SSL_CERT_FILE", __file__),
    ],
)
def test_an_environment_that_cannot_be_honoured_is_named(
    client: HubClient, hub: LocalHub, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(HubError, match=variable) as caught:
        client.search(HubQuery())
    clear(caught.value)
    assert "secret@" not in str(caught.value) + caught.value.detail
    assert variable != "SSL_CERT_FILE" or value in caught.value.message
    assert hub.log.entries() == []
    monkeypatch.delenv(variable)
    client.search(HubQuery())


def test_the_switch_of_the_hubs_library_is_named(
    client: HubClient, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OfflineError, match="HF_HUB_OFFLINE is set"):
        client.search(HubQuery())
    assert hub.log.entries() == []


def test_a_stall_ends_in_time(settings: SettingsStore, hub: LocalHub) -> None:
    hub.fault("/api/models", stall_after=0, times=1)
    started = time.monotonic()
    with client_for(settings, hub, timeout=3) as client:
        with pytest.raises(HubError, match="does not answer") as caught:
            client.search(HubQuery())
        assert time.monotonic() - started < PATIENCE  # the hub stays silent for ever
        clear(caught.value)
        client.search(HubQuery())


def test_a_trickle_ends_in_time(settings: SettingsStore, hub: LocalHub) -> None:
    hub.fault("/api/models", huge=200_000_000, rate=4_000_000, times=1)
    with (
        client_for(settings, hub, deadline=0.5) as client,
        pytest.raises(HubError, match="does not answer") as caught,
    ):
        client.search(HubQuery())
    clear(caught.value)


def test_a_broken_answer(client: HubClient, hub: LocalHub) -> None:
    hub.fault("/api/models", drop_after=10, times=1)
    with pytest.raises(HubError, match="broke off") as caught:
        client.search(HubQuery())
    clear(caught.value)


def test_nobody_listens(settings: SettingsStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with (
        client_for(settings, f"http://127.0.0.1:{port}") as client,
        pytest.raises(HubError, match="out of reach") as caught,
    ):
        client.check()
    clear(caught.value)


def test_a_proxy_is_used(
    settings: SettingsStore, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The local hub stands in for the proxy: the request line it gets holds the whole address.
    monkeypatch.setenv("HTTP_PROXY", hub.url)
    monkeypatch.setenv("NO_PROXY", "")
    body = json.dumps([{"id": "through/proxy"}]).encode()
    hub.fault("/api/models", body=body)
    with client_for(settings, "http://localhost:9") as client:
        assert client.search(HubQuery()).models[0].repo == "through/proxy"


def test_certificate_not_trusted_and_trusted_by_ssl_cert_file(
    settings: SettingsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalHub(tls=True) as hub:
        with (
            client_for(settings, hub) as client,
            pytest.raises(HubError, match="not trusted") as caught,
        ):
            client.check()
        clear(caught.value)
        monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.pem"))
        with client_for(settings, hub) as client:
            client.check()


def test_the_library_is_imported_late_and_without_telemetry() -> None:
    code = (
        "import sys\n"
        "from app.core import downloads, hub, transfer\n"
        "assert 'huggingface_hub' not in sys.modules and 'httpx2' not in sys.modules\n"
        "from app.core.hub_connection import new_client\n"
        "new_client().close()\n"
        "from huggingface_hub import constants\n"
        "assert constants.HF_HUB_DISABLE_TELEMETRY\n"
    )
    environment = child_environment()
    environment.pop("HF_HUB_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=30)


def test_many_threads_may_ask_at_once(client: HubClient) -> None:
    found: list[str] = []

    def ask() -> None:
        found.extend(model.repo for model in client.search(HubQuery()).models)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == ["owner/model"] * 8


# -- references


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("owner/name", Reference("owner/name")),
        (" owner/name ", Reference("owner/name")),
        ("owner/name:Q4_K_M", Reference("owner/name", quantization="Q4_K_M")),
        ("hf.co/owner/name:Q8_0", Reference("owner/name", quantization="Q8_0")),
        ("https://huggingface.co/owner/name", Reference("owner/name")),
        ("https://huggingface.co/owner/name/", Reference("owner/name")),
        ("https://hf.co/owner/name?x=1#y", Reference("owner/name")),
        ("huggingface.co/owner/name", Reference("owner/name")),
        ("https://www.huggingface.co/owner/name", Reference("owner/name")),
        ("hf://owner/name", Reference("owner/name")),
        (
            "https://hf-mirror.com/owner/name/tree/main",
            Reference("owner/name", None, "main", site="hf-mirror.com"),
        ),
        ("github.com/owner/name", Reference("owner/name", site="github.com")),
        (
            "https://huggingface.co/owner/name/blob/main/sub/a%20b.gguf",
            Reference("owner/name", "sub/a b.gguf", "main"),
        ),
        (
            "https://huggingface.co/owner/name/resolve/abc/model.gguf?download=true",
            Reference("owner/name", "model.gguf", "abc"),
        ),
        ("llama 3", None),
        ("llama", None),
        ("", None),
        ("a/b/c", None),
        ("../etc", None),
        ("https://huggingface.co/datasets/owner/name", None),
        ("https://huggingface.co/", None),
        ("https://[bad/owner/name", None),
        ("ftp://host/owner/name", None),
        ("file:///owner/name", None),
    ],
)
def test_references(text: str, expected: Reference | None) -> None:
    assert parse_reference(text) == expected


FOREIGN = "https://github.com/Qwen/Qwen3-8B-GGUF"


def test_a_website_that_is_no_hub_is_refused_before_anybody_is_asked(
    client: HubClient, hub: LocalHub, settings: SettingsStore
) -> None:
    wanted = parse_reference(FOREIGN)
    assert wanted is not None
    with pytest.raises(ForeignSite, match=r"github\.com is no model hub") as caught:
        client.detail_of(wanted)
    clear(caught.value)
    assert "127.0.0.1" in caught.value.message
    assert hub.log.entries() == []
    for site in ("http://127.0.0.1/Qwen/x", "https://huggingface.co/Qwen/x", "Qwen/x"):
        known = parse_reference(site)
        assert known is not None
        client.check_site(known)
    mirrors = (Mirror("https://github.com/"),)
    settings.update(network=Network(mirrors=mirrors))
    client.check_site(wanted)
