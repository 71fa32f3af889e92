"""What the hub told is there again when it cannot be asked."""

from pathlib import Path

import pytest

from app.core import gguf
from app.core.errors import HubError
from app.core.hub import HubClient, HubQuery
from app.core.hub_facts import RepoFacts, ScanIssue, ScanStatus, read_facts
from app.core.paths import app_paths
from app.core.seen_models import MOST_FILES, SeenModels
from app.core.settings import SettingsStore
from tests.hub.samples import gguf_start
from tests.hub.server import LocalHub

FILE = "Thing-8B-Q4_K_M.gguf"
START = gguf_start(
    {"parameters": 8e9, "kv_bytes_per_token": 131_072, "context_length": 8192, "name": "Thing"}
)


@pytest.fixture
def hub() -> LocalHub:
    hub = LocalHub()
    tags = ["gguf", "base_model:quantized:maker/Thing-8B"]
    hub.add("a/Thing-8B-GGUF", {FILE: START, "README.md": b"# Thing"}, tags=tags)
    return hub


@pytest.fixture
def client(corral_home: Path, hub: LocalHub) -> HubClient:
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    return HubClient(settings, paths, {"HF_ENDPOINT": hub.url, "HF_TOKEN": ""})


def test_a_model_is_kept_with_all_that_was_told(
    tmp_path: Path, hub: LocalHub, client: HubClient
) -> None:
    clock = [100.0]
    seen = SeenModels(tmp_path, now=lambda: clock[0])
    with hub:
        detail = client.detail("a/Thing-8B-GGUF")
        sha = detail.model.sha
        seen.keep("a/Thing-8B-GGUF", sha, card="too early")
        seen.keep_detail(detail)
        seen.keep(detail.model.repo, sha, card=client.card(detail.model.repo, sha))
        header = client.header(detail.model.repo, sha, FILE)
        seen.keep(detail.model.repo, sha, header=header)
        seen.keep(detail.model.repo, sha, facts=client.about(detail.model.repo, sha))
        client.close()
    found = SeenModels(tmp_path).model("A/thing-8b-gguf")
    assert found is not None
    assert found.detail == detail
    assert found.time == 100.0
    assert found.card == "# Thing"
    assert found.facts == RepoFacts(scan=ScanStatus("clean"))
    assert found.header is not None
    assert found.header.vocabulary_size == 128_256
    assert found.header.block_count == 32
    clock[0] = 200.0
    seen.keep_detail(detail)  # the same commit again
    found = seen.model("a/Thing-8B-GGUF")
    assert found is not None
    assert (found.time, found.card) == (200.0, "# Thing")


def test_another_commit_forgets_what_was_told_of_the_old_one(
    tmp_path: Path, hub: LocalHub, client: HubClient
) -> None:
    seen = SeenModels(tmp_path)
    with hub:
        old = client.detail("a/Thing-8B-GGUF")
        seen.keep_detail(old)
        seen.keep(old.model.repo, old.model.sha, card="old")
        hub.add("a/Thing-8B-GGUF", {"README.md": b"# New"})
        seen.keep_detail(client.detail("a/Thing-8B-GGUF"))
        seen.keep(old.model.repo, old.model.sha, card="late")
        client.close()
    found = seen.model("a/Thing-8B-GGUF")
    assert found is not None
    assert found.card is None


def test_repositories_of_one_base_are_found_and_kept(
    tmp_path: Path, hub: LocalHub, client: HubClient
) -> None:
    hub.add("b/Other-GGUF", {FILE: START}, tags=["gguf"])
    hub.add("mlx/Thing-8B-4bit", {}, tags=["mlx", "base_model:quantized:maker/Thing-8B"])
    query = HubQuery(format="any", base="maker/Thing-8B")
    with hub:
        page = client.search(query)
        client.close()
    assert {model.repo for model in page.models} == {"a/Thing-8B-GGUF", "mlx/Thing-8B-4bit"}
    seen = SeenModels(tmp_path)
    assert seen.list(query) is None
    seen.keep_list(query, page)
    kept = seen.list(query)
    assert kept is not None
    assert kept.page == page


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"detail": 3}', b"\xff\xfe", b'{"version": 9}']
)
def test_what_is_damaged_was_never_seen(
    tmp_path: Path, hub: LocalHub, client: HubClient, damage: bytes
) -> None:
    seen = SeenModels(tmp_path)
    with hub:
        detail = client.detail("a/Thing-8B-GGUF")
        client.close()
    seen.keep_detail(detail)
    (file,) = tmp_path.glob("model-*.json")
    file.write_bytes(damage)
    assert seen.model(detail.model.repo) is None
    seen.keep_detail(detail)
    assert seen.model(detail.model.repo) is not None


def test_the_longest_unused_are_forgotten(
    tmp_path: Path, hub: LocalHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_FILES >= 100
    monkeypatch.setattr("app.core.seen_models.MOST_FILES", 3)
    with hub:
        page = client.search(HubQuery())
        client.close()
    seen = SeenModels(tmp_path)
    for number in range(5):
        seen.keep_list(HubQuery(text=str(number)), page)
    assert len(list(tmp_path.glob("*.json"))) == 3
    assert seen.list(HubQuery(text="4")) is not None


def test_scans_are_told_as_the_hub_tells_them(hub: LocalHub, client: HubClient) -> None:
    repository = hub.repositories["a/Thing-8B-GGUF"]
    repository.info["gguf"] = {
        "total": 8_030_000_000,
        "architecture": "llama",
        "context_length": 131_072,
        "chat_template": "{% if tools %}",
    }
    bad = {"path": FILE, "level": "unsafe"}
    with hub:
        repository.scan = {"scansDone": True, "filesWithIssues": [bad]}
        facts = client.about(repository.id, repository.sha)
        hub.fault("/revision/main", body=b"<html>")
        with pytest.raises(HubError):
            client.about(repository.id, "main")
        client.close()
    assert facts.scan == ScanStatus("issues", (ScanIssue(FILE, "unsafe"),))
    assert facts.parameters == 8_030_000_000
    assert facts.architecture == "llama"
    assert facts.chat_template == "{% if tools %}"


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (b"{}", "unknown"),
        (b'{"securityRepoStatus": null, "gguf": 7}', "unknown"),
        (b'{"securityRepoStatus": {"scansDone": false, "filesWithIssues": []}}', "pending"),
        (b'{"securityRepoStatus": {"scansDone": "yes"}}', "unknown"),
        (b'{"securityRepoStatus": {"filesWithIssues": []}}', "unknown"),
    ],
)
def test_no_scan_is_claimed_that_is_not_told(body: bytes, state: str) -> None:
    assert read_facts(body).scan.state == state


def test_a_header_that_is_kept_gives_the_same_estimate(
    tmp_path: Path, hub: LocalHub, client: HubClient
) -> None:
    from app.core.memory import estimate
    from backends.types import LoadConfig

    header = gguf.read_partial(START)
    seen = SeenModels(tmp_path)
    with hub:
        detail = client.detail("a/Thing-8B-GGUF")
        client.close()
    seen.keep_detail(detail)
    seen.keep(detail.model.repo, detail.model.sha, header=header)
    kept = seen.model(detail.model.repo)
    assert kept is not None
    assert kept.header is not None
    config = LoadConfig(context_length=8192)
    assert estimate(kept.header, config, 10**9) == estimate(header, config, 10**9)
