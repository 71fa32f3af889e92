"""What Corral tells of models in a registry, and in which words it refuses the others."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from app.core.errors import (
    AccessError,
    AppError,
    HubError,
    NotFoundError,
    OfflineError,
    SettingsError,
)
from app.core.hub import HubClient, HubDetail
from app.core.ollama_gate import DEFAULT_REGISTRY, registry_address
from app.core.paths import AppPaths
from app.core.settings import Network, SettingsStore
from app.core.variants import RepoFile
from backends.types import LoadConfig, SamplingParams
from tests.core.broken_gguf import tiny_model
from tests.ollama.conftest import Peer
from tests.ollama.images import KIND, MANIFEST, Image
from tests.ollama.local_registry import LocalRegistry

WEIGHTS = tiny_model().data()
TINY = "ollama.com/library/tiny:1b"


def hub_at(url: str, settings: SettingsStore, paths: AppPaths) -> HubClient:
    env = {"CORRAL_OLLAMA_REGISTRY": url, "HF_TOKEN": "hf_secret", "HF_ENDPOINT": url}
    return HubClient(settings, paths, env)


def told(url: str, settings: SettingsStore, paths: AppPaths, repo: str = TINY) -> HubDetail:
    hub = hub_at(url, settings, paths)
    try:
        return hub.detail(repo)
    finally:
        hub.close()


def refused(registry: LocalRegistry, settings: SettingsStore, paths: AppPaths) -> AppError:
    with pytest.raises(AppError) as caught:
        told(registry.url, settings, paths)
    return caught.value


def named(path: str, body: bytes) -> RepoFile:
    return RepoFile(path, len(body), sha256=hashlib.sha256(body).hexdigest())


def test_a_model_is_told_with_files_digests_and_recipe(
    peer: Peer, settings: SettingsStore, paths: AppPaths
) -> None:
    image = Image(
        WEIGHTS,
        projector=b"GGUF projector",
        adapters=[b"GGUF adapter", b"ggla, of old"],
        system="Answer like a pirate.",
        params={"temperature": 0.3, "num_ctx": 2048, "num_gpu": 1, "stop": ["<|end|>"]},
        messages=[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Ahoy"}],
        licences=["MIT License\n\nPermission is hereby granted …"],
        others=[(KIND + "draft", b"GGUF draft")],
    )
    peer.add("library/tiny", "1b", image)
    detail = told(peer.url, settings, paths)
    files = (
        named("tiny-1b.gguf", WEIGHTS),
        named("mmproj-tiny-1b.gguf", b"GGUF projector"),
        named("ollama-adapter-1.gguf", b"GGUF adapter"),
        named("ollama-draft-1.gguf", b"GGUF draft"),
    )
    assert detail.files == files
    (variant,) = detail.variants
    assert variant.files == files
    assert (variant.label, variant.format) == ("Q4_1", "gguf")
    assert detail.model.repo == TINY
    assert detail.model.sha == hashlib.sha256(image.manifest()).hexdigest()
    assert detail.model.licence == "MIT License"
    recipe = detail.recipe
    assert recipe is not None
    assert recipe.system_prompt == "Answer like a pirate."
    assert recipe.sampling == SamplingParams(temperature=0.3, stop=("<|end|>",))
    assert recipe.load == LoadConfig(context_length=2048)
    assert [each.content for each in recipe.messages] == ["Hello", "Ahoy"]
    assert recipe.adapters == ("ollama-adapter-1.gguf",)
    assert recipe.foreign_template
    assert recipe.draft == "ollama-draft-1.gguf"
    assert recipe.left_out == ("adapter of an older format", "num_gpu")


def test_header_and_card_are_read_without_downloading(
    peer: Peer, settings: SettingsStore, paths: AppPaths
) -> None:
    peer.add("someone/tiny", "latest", Image(WEIGHTS, system="Rhyme. ```", licences=["MIT"]))
    hub = hub_at(peer.url, settings, paths)
    try:
        detail = hub.detail("ollama.com/someone/tiny:latest")
        header = hub.header(detail.model.repo, detail.model.sha, "tiny.gguf")
        card = hub.card(detail.model.repo, detail.model.sha)
    finally:
        hub.close()
    assert header.architecture == "llama"
    assert "someone/tiny:latest" in card
    assert "````text\nRhyme. ```\n````" in card  # nobody's text is read as Markdown
    assert "MIT" in card


def test_no_token_of_the_hub_is_sent_and_the_person_is_not_told_apart(
    registry: LocalRegistry, settings: SettingsStore, paths: AppPaths
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    settings.update(network=Network(send_token_to=registry.url))
    hub = hub_at(registry.url, settings, paths)
    detail = hub.detail(TINY)
    hub.header(TINY, detail.model.sha, "tiny-1b.gguf")
    hub.close()
    for entry in registry.log.entries():
        assert "authorization" not in entry.headers
        assert "hf_secret" not in str(entry.headers)
        assert entry.headers["user-agent"].startswith("corral/")


def test_an_anonymous_token_is_asked_for_where_the_registry_wants_one(
    settings: SettingsStore, paths: AppPaths
) -> None:
    with LocalRegistry(anonymous_token="everyone", redirect=True) as registry:
        registry.add("library/tiny", "1b", Image(WEIGHTS, system="Rhyme."))
        detail = told(registry.url, settings, paths)
        asked = registry.log.entries(path="/token")
        on_cdn = registry.log.entries(origin="cdn")
    assert detail.recipe is not None
    assert detail.recipe.system_prompt == "Rhyme."
    assert len(asked) == 1
    assert asked[0].query["scope"] == ["repository:library/tiny:pull"]
    assert "authorization" not in asked[0].headers
    assert on_cdn
    assert all("authorization" not in entry.headers for entry in on_cdn)


def test_a_private_model_asks_for_a_log_in_in_words(
    settings: SettingsStore, paths: AppPaths
) -> None:
    with LocalRegistry(anonymous_token="everyone") as registry:
        registry.private = True
        registry.add("library/tiny", "1b", Image(WEIGHTS))
        error = refused(registry, settings, paths)
    assert isinstance(error, AccessError)
    assert "log in" in error.title
    assert "no account and no token" in error.message


def test_a_token_is_never_asked_for_on_another_host(
    settings: SettingsStore, paths: AppPaths
) -> None:
    with LocalRegistry(anonymous_token="everyone") as registry:
        registry.realm = "https://elsewhere.example/token"
        registry.add("library/tiny", "1b", Image(WEIGHTS))
        error = refused(registry, settings, paths)
    assert isinstance(error, AccessError)


def test_an_unknown_model_is_told_with_where_to_look(
    peer: Peer, settings: SettingsStore, paths: AppPaths
) -> None:
    with pytest.raises(NotFoundError) as caught:
        told(peer.url, settings, paths, "ollama.com/library/nosuchmodel:1b")
    assert "nosuchmodel:1b" in caught.value.title
    assert "https://ollama.com/library/nosuchmodel/tags" in caught.value.hint


def test_offline_nothing_is_sent(
    registry: LocalRegistry, settings: SettingsStore, paths: AppPaths
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    settings.update(network=Network(offline=True))
    assert isinstance(refused(registry, settings, paths), OfflineError)
    assert registry.log.entries() == []


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image(None, others=[(KIND + "tensor", b"x")] * 3), "safetensors"),
        (Image(b"x", config={"model_format": "safetensors"}), "safetensors"),
        (
            Image(None, template=None, config={"remote_model": "big", "remote_host": "h"}),
            "Ollama's own",
        ),
        (Image(None), "names no weights"),
        (Image(b"x", adapters=[b"GGUF"] * 17), "more than 16 layers"),
        (Image(b"x", others=[(KIND + "model", b"y")]), "in 2 layers"),
        (
            Image(
                None,
                template=None,
                others=[("application/vnd.docker.image.rootfs.diff.tar.gzip", b"x")],
            ),
            "something else",
        ),
    ],
)
def test_what_is_no_gguf_model_is_refused_in_words(
    image: Image, words: str, peer: Peer, settings: SettingsStore, paths: AppPaths
) -> None:
    peer.add("library/odd", "1", image)
    with pytest.raises(HubError) as caught:
        told(peer.url, settings, paths, "ollama.com/library/odd:1")
    assert words in f"{caught.value.title} {caught.value.message}"


@pytest.mark.parametrize("what", ["manifest", "config", "system"])
def test_what_does_not_match_its_digest_is_not_used(
    what: str, registry: LocalRegistry, settings: SettingsStore, paths: AppPaths
) -> None:
    image = Image(WEIGHTS, system="Be kind.")
    registry.add("library/tiny", "1b", image)
    if what == "manifest":
        claimed = {"Docker-Content-Digest": "sha256:" + "0" * 64, "Content-Type": MANIFEST}
        registry.fault("/manifests/1b", body=image.manifest(), headers=claimed)
    else:
        body = image.config_blob() if what == "config" else b"Be kind."
        registry.fault(hashlib.sha256(body).hexdigest(), origin="cdn", corrupt_at=2)
    error = refused(registry, settings, paths)
    assert "sha256" in error.message
    assert "not used" in error.message


def test_answers_without_end_are_cut_off(
    registry: LocalRegistry, settings: SettingsStore, paths: AppPaths
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    registry.fault("/manifests/1b", huge=200_000_000)
    assert "too large" in refused(registry, settings, paths).title
    (entry,) = registry.log.entries(path="/manifests/1b")
    assert entry.sent < 20_000_000


def test_a_text_layer_announced_too_large_is_not_even_fetched(
    registry: LocalRegistry, settings: SettingsStore, paths: AppPaths
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS, system="x" * (1024 * 1024 + 1)))
    assert "too large" in refused(registry, settings, paths).title


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Log in to the hotel's network</html>",
        b"[]",
        b'{"schemaVersion": 2}',
        b"[" * 100_000,
        re.sub(rb"sha256:[0-9a-f]{64}", b"sha256:../../../etc/passwd", Image(b"x").manifest()),
        re.sub(rb'"size": \d+', b'"size": -1', Image(b"x").manifest()),
        json.dumps({**json.loads(Image(b"x").manifest()), "layers": "none"}).encode(),
    ],
)
def test_garbage_is_told_as_such(
    body: bytes, registry: LocalRegistry, settings: SettingsStore, paths: AppPaths
) -> None:
    registry.fault("/manifests/1b", body=body)
    assert "cannot be read" in refused(registry, settings, paths).title


def test_a_busy_and_a_broken_registry_are_told_apart(
    registry: LocalRegistry, settings: SettingsStore, paths: AppPaths
) -> None:
    registry.fault("/manifests/1b", status=429, headers={"Retry-After": "30"}, times=1)
    registry.fault("/manifests/1b", status=503)
    assert "in 30 seconds" in refused(registry, settings, paths).hint
    assert "out of order" in refused(registry, settings, paths).title


def test_settings_go_before_the_environment_and_plain_http_is_for_this_computer_only() -> None:
    env = {"CORRAL_OLLAMA_REGISTRY": "https://mirror.example/"}
    assert registry_address(Network(), {}) == DEFAULT_REGISTRY
    assert registry_address(Network(), env) == "https://mirror.example"
    chosen = Network(ollama_registry="http://127.0.0.1:5000")
    assert registry_address(chosen, env) == "http://127.0.0.1:5000"
    for bad in ("http://mirror.example", "ftp://x", "https://", "https://u:p@x", "https://[::1"):
        with pytest.raises(SettingsError, match="address"):
            registry_address(Network(ollama_registry=bad), {})


def test_names_that_the_library_would_not_list_are_given_another_file_name(
    registry: LocalRegistry, settings: SettingsStore, paths: AppPaths, tmp_path: Path
) -> None:
    registry.add("library/mtp-tiny", "1b", Image(WEIGHTS))
    detail = told(registry.url, settings, paths, "ollama.com/library/mtp-tiny:1b")
    assert detail.files[0].path == "model.gguf"


def test_the_offline_switch_of_the_hubs_library_holds_here_too(
    registry: LocalRegistry,
    settings: SettingsStore,
    paths: AppPaths,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    error = refused(registry, settings, paths)
    assert isinstance(error, OfflineError)
    assert "HF_HUB_OFFLINE" in error.message
    assert registry.log.entries() == []


def test_a_registry_that_is_out_of_reach_is_told_as_such(
    settings: SettingsStore, paths: AppPaths
) -> None:
    with LocalRegistry() as registry:
        pass
    error = refused(registry, settings, paths)
    assert error.title == "The registry is out of reach"
