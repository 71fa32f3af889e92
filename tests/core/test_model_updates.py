"""Newer files of installed models: what is remembered, how often is asked, what is found."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from app.core.download_state import DownloadItem, DownloadRequest
from app.core.downloads import DownloadManager
from app.core.errors import OfflineError
from app.core.file_records import Origin
from app.core.hub import HubClient
from app.core.library import ModelLibrary
from app.core.model_updates import CHECK_EVERY, ModelUpdates
from app.core.paths import AppPaths, app_paths
from app.core.settings import Downloads, Network, SettingsStore
from app.core.variants import RepoFile
from tests.core.test_downloads import model_bytes
from tests.hub.server import LocalHub

REPO, NAME = "owner/name", "model-Q4_0.gguf"


class Desk(NamedTuple):
    hub: LocalHub
    paths: AppPaths
    settings: SettingsStore
    library: ModelLibrary
    client: HubClient
    clock: list[float]

    def updates(self) -> ModelUpdates:
        return ModelUpdates(
            self.paths, self.settings, self.library, self.client, clock=lambda: self.clock[0]
        )

    def item(self) -> DownloadItem:
        """The download that is done."""
        repository = self.hub.repositories[REPO]
        file = repository.files[NAME]
        request = DownloadRequest(
            REPO, repository.sha, "A model", "Q4_0", (RepoFile(NAME, file.size, file.sha256),)
        )
        return DownloadItem(
            id="1",
            request=request,
            state="done",
            done=file.size,
            total=file.size,
            target=self.paths.models / "owner" / "name",
            added=0.0,
        )

    def fetch(self) -> None:
        """The file of the hub is here, and the library knows where it came from."""
        item = self.item()
        (file,) = item.request.files
        target = item.target / NAME
        with self.hub.repositories[REPO].files[NAME].open() as source:
            target.write_bytes(source.read())
        self.library.register([target], Origin(REPO, item.request.revision), [file])

    def asked(self) -> int:
        """Questions about the repository since the last call."""
        entries = self.hub.log.entries(origin="hub")
        self.hub.log.clear()
        return len([entry for entry in entries if "/revision/" in entry.path])


@pytest.fixture
def desk() -> Iterator[Desk]:
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    with LocalHub() as hub:
        hub.add(REPO, {NAME: model_bytes(1)})
        target = paths.models / "owner" / "name" / NAME
        target.parent.mkdir(parents=True)
        target.write_bytes(model_bytes(1))
        library = ModelLibrary(paths, settings)
        library.scan()
        client = HubClient(settings, paths, env={"HF_ENDPOINT": hub.url})
        yield Desk(hub, paths, settings, library, client, [1e9])
        client.close()


def test_another_hash_is_an_update_and_installing_it_ends_that(desk: Desk) -> None:
    updates = desk.updates()
    desk.fetch()
    updates.look()
    assert updates.available() == ()
    desk.hub.repositories[REPO].add(NAME, model_bytes(2))  # of the same size
    updates.look(now=True)
    (update,) = updates.available()
    assert update.model.repo == REPO
    assert update.request.update
    assert update.request.files[0].sha256 == desk.hub.repositories[REPO].files[NAME].sha256
    assert update.request.revision == desk.hub.repositories[REPO].sha
    assert desk.updates().available() == (update,), "it outlives the program"
    desk.fetch()
    updates.installed(desk.item())
    assert updates.available() == ()
    updates.look(now=True)
    assert updates.available() == ()


def test_what_may_be_the_persons_own_work_is_never_called_old_for_its_size(desk: Desk) -> None:
    updates = desk.updates()
    desk.hub.repositories[REPO].add(NAME, model_bytes(2, 3_500_000))
    updates.look()
    assert updates.available() == ()


def test_a_repository_is_asked_once_a_day(desk: Desk) -> None:
    updates = desk.updates()
    updates.look()
    assert desk.asked() == 1
    updates.look()
    desk.updates().look()
    assert desk.asked() == 0
    desk.clock[0] += CHECK_EVERY
    updates.look()
    assert desk.asked() == 1
    desk.clock[0] -= 10 * CHECK_EVERY  # set back
    updates.look()
    assert desk.asked() == 1


def test_nothing_is_asked_offline_or_against_the_setting(desk: Desk) -> None:
    updates = desk.updates()
    desk.settings.update(network=Network(offline=True))
    updates.look()
    with pytest.raises(OfflineError):
        updates.look(now=True)
    desk.settings.update(network=Network(), downloads=Downloads(look_for_updates=False))
    updates.look()
    assert desk.asked() == 0
    updates.look(now=True)
    assert desk.asked() == 1


def test_a_hub_that_fails_is_asked_again_and_one_that_lost_it_is_not(desk: Desk) -> None:
    updates = desk.updates()
    fault = desk.hub.fault("", origin="hub", status=503)
    updates.look()
    fault.times = 0
    desk.asked()
    updates.look()
    assert desk.asked() == 1
    del desk.hub.repositories[REPO]
    desk.clock[0] += CHECK_EVERY
    updates.look()
    desk.asked()
    updates.look()
    assert desk.asked() == 0
    assert updates.available() == ()


def test_a_file_that_is_no_longer_offered_is_no_update(desk: Desk) -> None:
    updates = desk.updates()
    desk.fetch()
    repository = desk.hub.repositories[REPO]
    del repository.files[NAME]
    repository.add("model-Q8_0.gguf", model_bytes(2))
    updates.look(now=True)
    assert updates.available() == ()


def test_a_damaged_memory_is_begun_anew(desk: Desk) -> None:
    desk.paths.updates_file.parent.mkdir(parents=True, exist_ok=True)
    desk.paths.updates_file.write_text("{")
    updates = desk.updates()
    desk.fetch()
    desk.hub.repositories[REPO].add(NAME, model_bytes(2))
    updates.look()
    assert len(desk.updates().available()) == 1


def test_what_was_moved_to_another_folder_is_known_still(desk: Desk, tmp_path: Path) -> None:
    desk.fetch()
    desk.library.change_folder(tmp_path / "new", move=True)
    desk.hub.repositories[REPO].add(NAME, model_bytes(2))
    updates = desk.updates()
    updates.look()
    (update,) = updates.available()
    assert update.root == tmp_path / "new"


def test_a_variant_is_no_model_of_its_own_to_update(desk: Desk) -> None:
    desk.fetch()
    (model,) = [each for each in desk.library.models() if each.source == "corral"]
    desk.library.add_variant(model.id, "Mine")
    desk.hub.repositories[REPO].add(NAME, model_bytes(2))
    updates = desk.updates()
    updates.look()
    assert [each.model.id for each in updates.available()] == [model.id]


def test_an_update_goes_to_the_folder_that_the_model_lies_in(desk: Desk, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.mkdir()
    desk.fetch()
    (model,) = [each for each in desk.library.models() if each.source == "corral"]
    desk.library.own_folders.add(big)
    target = big / "owner" / "name" / NAME
    target.parent.mkdir(parents=True)
    model.path.rename(target)
    desk.library.records.copied([(model.path, target)])
    desk.library.scan()
    desk.hub.repositories[REPO].add(NAME, model_bytes(2, 3_500_000))
    updates = desk.updates()
    updates.look()
    (update,) = updates.available()
    assert (update.model.path, update.root) == (target, big)
    manager = DownloadManager(
        desk.paths, desk.settings, desk.library, env={"HF_ENDPOINT": desk.hub.url}
    )
    with closing(manager) as downloads:
        item = downloads.add(update.request, update.root)
    assert item.target == target.parent
