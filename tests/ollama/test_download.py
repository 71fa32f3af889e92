"""Models of a registry through the real download manager, its child and the library."""

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.companions import companions_of
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.downloads import DownloadManager
from app.core.errors import DownloadError, OfflineError
from app.core.hub import HubClient
from app.core.library import LocalModel, ModelLibrary
from app.core.ollama_arrival import Arrival, OllamaArrivals
from app.core.own_adapters import with_own_adapters
from app.core.paths import AppPaths
from app.core.presets import ExampleMessage, PresetStore
from app.core.settings import Models, Network, SettingsStore
from app.core.transfer_wire import Limits
from backends.types import LoadConfig, LoraAdapter, SamplingParams
from tests.core.broken_gguf import STRING, tiny_model
from tests.core.model_stores import ollama_model
from tests.hub.faults import Allowance
from tests.ollama.conftest import Peer
from tests.ollama.images import Image
from tests.ollama.local_registry import LocalRegistry
from tests.timing import PATIENCE

SIZE = 3_000_000
QUICK = Limits(block=1_000_000, read_timeout=PATIENCE, first_wait=0.02, longest_wait=0.1, tries=3)
REPO = "ollama.com/library/tiny:1b"


def weights(seed: int = 0) -> bytes:
    data = tiny_model().data()
    return data + bytes([seed]) * (SIZE - len(data))


def adapter() -> bytes:
    return tiny_model().set("general.type", STRING, "adapter").data()


WEIGHTS = weights()
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


class Desk:
    """A manager with what it needs, and what arrived."""

    def __init__(self, url: str, paths: AppPaths, settings: SettingsStore) -> None:
        env = {"CORRAL_OLLAMA_REGISTRY": url, "HF_TOKEN": "hf_secret"}
        self.settings = settings
        self.library = ModelLibrary(paths, settings)
        self.presets = PresetStore(paths.presets_dir)
        self.hub = HubClient(settings, paths, env)
        self.downloads = DownloadManager(paths, settings, self.library, env=env, limits=QUICK)
        self.arrivals = OllamaArrivals(self.downloads, self.library, self.presets, settings)
        self.arrived: list[Arrival] = []
        self._news = threading.Event()
        self.arrivals.arrived.connect(self._note)
        self.downloads.changed.connect(lambda _item: self._news.set())
        self.downloads.start()

    def close(self) -> None:
        self.arrivals.close()
        self.hub.close()
        self.downloads.close()

    def _note(self, arrival: Arrival) -> None:
        self.arrived.append(arrival)
        self._news.set()

    def request(self, repo: str = REPO) -> DownloadRequest:
        detail = self.hub.detail(repo)
        (variant,) = detail.variants
        return DownloadRequest(
            repo, detail.model.sha, repo, variant.quantization, variant.files, recipe=detail.recipe
        )

    def add(self, repo: str = REPO) -> DownloadItem:
        return self.downloads.add(self.request(repo))

    def item(self, item_id: str) -> DownloadItem:
        return next(each for each in self.downloads.items() if each.id == item_id)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain: {self.downloads.items()}"
            self._news.wait(0.1)
            self._news.clear()

    def ended(self, item: DownloadItem) -> DownloadItem:
        self.wait(lambda: self.item(item.id).state in ("done", "failed"))
        return self.item(item.id)

    def model(self) -> LocalModel:
        return next(each for each in self.library.models() if each.source == "corral")


@contextlib.contextmanager
def desk_at(url: str, paths: AppPaths, settings: SettingsStore) -> Iterator[Desk]:
    desk = Desk(url, paths, settings)
    try:
        yield desk
    finally:
        desk.close()


def test_a_model_comes_with_all_that_belongs_to_it(
    peer: Peer, paths: AppPaths, settings: SettingsStore
) -> None:
    projector = tiny_model().set("general.type", STRING, "mmproj").data()
    image = Image(
        WEIGHTS,
        projector=projector,
        adapters=[adapter()],
        system="Answer like a pirate.",
        params={"temperature": 0.3, "num_ctx": 2048, "num_gpu": 1},
        messages=[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Ahoy"}],
    )
    peer.add("library/tiny", "1b", image)
    with desk_at(peer.url, paths, settings) as desk:
        done = desk.ended(desk.add())
        assert done.error is None
        desk.wait(lambda: bool(desk.arrived))
        model = desk.model()
        assert model.id == "ollama.com/library/tiny/1b/tiny-1b"
        assert model.repo == REPO
        assert model.publisher == "ollama.com"
        assert model.problem is None
        assert model.path.read_bytes() == WEIGHTS
        assert [path.name for path in model.files] == [
            "tiny-1b.gguf",
            "mmproj-tiny-1b.gguf",
            "ollama-adapter-1.gguf",
        ]
        assert len([each for each in desk.library.models() if each.source == "corral"]) == 1
        for text in ("ollama:tiny:1b", "tiny:1b", "ollama run tiny:1b", REPO):
            assert desk.library.find(text).id == model.id
        preset = next(each for each in desk.presets.list() if each.name == "tiny:1b")
        assert preset.system_prompt == "Answer like a pirate."
        assert preset.sampling == SamplingParams(temperature=0.3)
        assert preset.messages == (
            ExampleMessage("user", "Hello"),
            ExampleMessage("assistant", "Ahoy"),
        )
        assert preset.model == model.id
        assert settings.current.models.load[model.id] == LoadConfig(context_length=2048)
        with_it = with_own_adapters(model, LoadConfig())
        assert with_it.lora == (LoraAdapter(str(model.files[2])),)
        assert with_own_adapters(model, with_it) == with_it
        (arrival,) = desk.arrived
        said = " ".join(arrival.sentences())
        assert "“tiny:1b”" in said
        assert "context_length" in said
        assert "1 adapter is" in said
        assert "Not taken: num_gpu." in said
        assert "no chat template" in said  # the tiny model has none
        desk.library.delete(model.id, to_trash=False)
        assert not (desk.library.folder / "ollama.com").exists()


def test_settings_that_a_person_has_made_stay_and_presets_are_not_doubled(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS, system="Rhyme.", params={"num_ctx": 2048}))
    own = {"ollama.com/library/tiny/1b/tiny-1b": LoadConfig(context_length=512)}
    settings.update(models=Models(load=own))
    with desk_at(registry.url, paths, settings) as desk:
        for _ in range(2):
            desk.ended(desk.add())
            desk.wait(lambda: bool(desk.arrived))
            arrival = desk.arrived.pop()
            assert arrival.preset == "tiny:1b"
            assert arrival.load_set == ()
            desk.library.delete(desk.model().id, to_trash=False)
        assert settings.current.models.load == own
        assert [p.name for p in desk.presets.list() if not p.built_in] == ["tiny:1b"]


def test_a_paused_download_continues_where_it_was_after_a_restart(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS, system="Rhyme."))
    allowance = Allowance()
    allowance.grant(1_500_000)
    fault = registry.fault(DIGEST, origin="cdn", allowance=allowance)
    with desk_at(registry.url, paths, settings) as desk:
        item = desk.add()
        desk.wait(lambda: desk.item(item.id).done >= 1_000_000)
        desk.downloads.pause(item.id)
        assert desk.item(item.id).state == "paused"
    fault.times = 0
    registry.log.clear()
    with desk_at(registry.url, paths, settings) as desk:
        kept = desk.item(item.id)
        assert kept.state == "paused"
        assert kept.done >= 1_000_000
        desk.downloads.resume(item.id)
        assert desk.ended(item).state == "done"
        desk.wait(lambda: bool(desk.arrived))
        assert desk.arrived[0].preset == "tiny:1b"
        assert desk.model().path.read_bytes() == WEIGHTS
    assert registry.log.sent(f"/files/sha256:{DIGEST}") <= SIZE - 1_000_000 + 1


def test_signed_addresses_are_renewed_and_broken_connections_taken_up(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    registry.fault(DIGEST, origin="cdn", drop_after=300_000, times=2)
    registry.fault(DIGEST, origin="cdn", status=403, times=2)
    registry.fault(DIGEST, origin="hub", status=503, times=1)
    with desk_at(registry.url, paths, settings) as desk:
        assert desk.ended(desk.add()).error is None
        assert desk.model().path.read_bytes() == WEIGHTS


def test_a_byte_that_was_changed_on_the_way_is_noticed_and_fetched_again(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    registry.fault(DIGEST, origin="cdn", corrupt_at=1_200_000, times=3)  # each block once
    with desk_at(registry.url, paths, settings) as desk:
        item = desk.ended(desk.add())
        assert item.error is None
        assert desk.model().path.read_bytes() == WEIGHTS


def test_a_file_that_never_matches_its_digest_becomes_no_model(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    registry.fault(DIGEST, origin="cdn", corrupt_at=1_200_000)
    with desk_at(registry.url, paths, settings) as desk:
        item = desk.ended(desk.add())
        assert item.error is not None
        assert "damaged twice" in item.error.title
        assert all(each.source != "corral" for each in desk.library.scan())


@pytest.mark.parametrize("redirect", [True, False])
def test_an_anonymous_token_goes_to_the_registry_only_and_no_other_ever(
    redirect: bool, paths: AppPaths, settings: SettingsStore
) -> None:
    with LocalRegistry(anonymous_token="everyone", redirect=redirect) as registry:
        settings.update(network=Network(send_token_to=registry.url))
        registry.add("library/tiny", "1b", Image(WEIGHTS))
        with desk_at(registry.url, paths, settings) as desk:
            assert desk.ended(desk.add()).error is None
        for entry in registry.log.entries():
            assert "hf_secret" not in str(entry.headers)
            assert "x-hf-download-counter" not in entry.headers
            if entry.origin == "cdn":
                assert "authorization" not in entry.headers
            else:
                assert entry.headers.get("authorization") in (None, "Bearer everyone")


def test_a_token_that_has_expired_is_asked_for_anew(
    paths: AppPaths, settings: SettingsStore
) -> None:
    with LocalRegistry(anonymous_token="first", redirect=False) as registry:
        registry.add("library/tiny", "1b", Image(WEIGHTS))
        with desk_at(registry.url, paths, settings) as desk:
            request = desk.request()
            ranges = 0

            def expire(entry: object) -> None:
                nonlocal ranges
                if getattr(entry, "headers", {}).get("range", "").startswith("bytes=1000000-"):
                    ranges += 1
                    if ranges == 1:
                        registry.anonymous_token = "second"

            registry.before_answer = expire
            item = desk.ended(desk.downloads.add(request))
            assert item.error is None
            assert desk.model().path.read_bytes() == WEIGHTS
        assert ranges > 1


def test_a_file_of_another_size_than_listed_stops_with_the_right_words(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    registry.redirect = False
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    with desk_at(registry.url, paths, settings) as desk:
        request = desk.request()
        file = registry.blobs[f"sha256:{DIGEST}"]
        file.source, file.size = WEIGHTS + b"!", SIZE + 1
        item = desk.ended(desk.downloads.add(request))
        assert item.error is not None
        assert "another file than it lists" in item.error.title


def test_a_blob_that_is_gone_is_told(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    with desk_at(registry.url, paths, settings) as desk:
        request = desk.request()
        del registry.blobs[f"sha256:{DIGEST}"]
        item = desk.ended(desk.downloads.add(request))
        assert item.error is not None
        assert "not in the registry any more" in item.error.title


def test_offline_no_download_begins_and_one_under_way_stops_and_waits(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    registry.add("library/other", "1b", Image(weights(1)))
    registry.fault(DIGEST, origin="cdn", allowance=Allowance())
    with desk_at(registry.url, paths, settings) as desk:
        other = desk.request("ollama.com/library/other:1b")
        item = desk.add()
        desk.wait(lambda: bool(registry.log.entries(origin="cdn", path=DIGEST)))
        settings.update(network=Network(offline=True))
        assert desk.item(item.id).waits_for == "offline"
        with pytest.raises(OfflineError):
            desk.downloads.add(other)
        with pytest.raises(OfflineError):
            desk.hub.detail(REPO)


def test_a_name_that_is_no_safe_folder_is_refused_before_anything_is_fetched(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    registry.add("library/con", "1b", Image(WEIGHTS))
    with (
        desk_at(registry.url, paths, settings) as desk,
        pytest.raises(DownloadError, match="refused"),
    ):
        desk.add("ollama.com/library/con:1b")
    assert registry.log.entries(origin="cdn", path=DIGEST) == []


# What is here already


def sent(registry: LocalRegistry) -> int:
    return registry.log.sent(f"/files/sha256:{DIGEST}")


def test_two_tags_with_the_same_weights_bring_them_once(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    for tag in ("1b", "latest"):
        registry.add("library/tiny", tag, Image(WEIGHTS, system=f"You are {tag}."))
    with desk_at(registry.url, paths, settings) as desk:
        items = [desk.add(REPO), desk.add("ollama.com/library/tiny:latest")]
        before = sent(registry)  # the beginning, for the header
        for item in items:
            assert desk.ended(item).error is None
        assert sent(registry) - before <= SIZE + 10
        own = [each for each in desk.library.models() if each.source == "corral"]
        assert len(own) == 2
        assert len({each.path.stat().st_ino for each in own}) == 1, "they take the room of one"
        desk.wait(lambda: len(desk.arrived) == 2)
        assert {each.preset for each in desk.arrived} == {"tiny:1b", "tiny:latest"}
        desk.library.delete(own[0].id, to_trash=False)
        assert own[1].path.read_bytes() == WEIGHTS


def test_what_ollama_itself_has_fetched_is_not_fetched_again(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore, tmp_path: Path
) -> None:
    store = tmp_path / "ollama" / "models"
    ollama_model(store, "registry.ollama.ai/library/tiny/1b", WEIGHTS)
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    with desk_at(registry.url, paths, settings) as desk:
        desk.library.adopt(store)
        item = desk.add()
        before = sent(registry)
        assert desk.ended(item).error is None
        assert sent(registry) == before
        assert desk.model().path.read_bytes() == WEIGHTS


@pytest.mark.parametrize("linked", [True, False])
def test_a_copy_that_is_damaged_is_not_taken(
    registry: LocalRegistry,
    paths: AppPaths,
    settings: SettingsStore,
    tmp_path: Path,
    linked: bool,
) -> None:
    damaged = bytearray(WEIGHTS)
    damaged[SIZE // 2] ^= 1
    store = tmp_path / "ollama" / "models"
    blob = ollama_model(store, "registry.ollama.ai/library/tiny/1b", WEIGHTS)
    if linked:
        blob.write_bytes(damaged)
    else:
        blob.unlink()
        blob.mkdir()
    registry.add("library/tiny", "1b", Image(WEIGHTS))
    with desk_at(registry.url, paths, settings) as desk:
        desk.library.adopt(store)
        assert desk.ended(desk.add()).error is None
        assert desk.model().path.read_bytes() == WEIGHTS
    if linked:
        assert blob.read_bytes() == damaged, "the other program's file is never written to"


def test_a_draft_model_comes_along_and_guesses_ahead(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore
) -> None:
    draft = tiny_model().data()
    image = Image(WEIGHTS, others=[("application/vnd.ollama.image.draft", draft)])
    registry.add("library/tiny", "1b", image)
    with desk_at(registry.url, paths, settings) as desk:
        assert desk.ended(desk.add()).error is None
        desk.wait(lambda: bool(desk.arrived))
        model = desk.model()
        assert [path.name for path in model.files] == ["tiny-1b.gguf", "ollama-draft-1.gguf"]
        assert len([each for each in desk.library.models() if each.source == "corral"]) == 1
        header = desk.library.header(model.id)
        (own,) = companions_of(model, header, desk.library.models()).drafts[:1]
        assert own.path == model.files[1]
        load = settings.current.models.load[model.id]
        assert load.draft_model == str(own.path)
        assert "draft_model" in desk.arrived[0].load_set
        assert desk.arrived[0].left_out == ()


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (b"no GGUF at all", "draft model of another format"),
        (tiny_model().set("tokenizer.ggml.model", STRING, "bert").data(), "does not fit"),
    ],
)
def test_a_draft_model_that_cannot_be_used_is_named(
    registry: LocalRegistry, paths: AppPaths, settings: SettingsStore, draft: bytes, words: str
) -> None:
    image = Image(WEIGHTS, others=[("application/vnd.ollama.image.draft", draft)])
    registry.add("library/tiny", "1b", image)
    with desk_at(registry.url, paths, settings) as desk:
        assert desk.ended(desk.add()).error is None
        desk.wait(lambda: bool(desk.arrived))
        assert words in " ".join(desk.arrived[0].left_out)
        assert desk.model().id not in settings.current.models.load
