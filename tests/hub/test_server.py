"""The local hub, read by the library that the real hub is read by."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder
from huggingface_hub.utils._http import close_session

from tests.hub.samples import add_samples
from tests.hub.server import LocalHub

CONTENT = b"GGUF" + bytes(100_000)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    # Or progress bars leave a thread behind.
    monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)
    with LocalHub() as hub:
        files = {"model.gguf": CONTENT, "README.md": b"# Hello", "sub/config.json": b"{}"}
        hub.add("owner/name", files, tags=["gguf"], downloads=5)
        hub.tokens["hf_good"] = {"owner/gated"}
        hub.tokens["hf_other"] = set()
        hub.add("owner/gated", {"model.gguf": CONTENT}, gated="manual")
        yield hub
        close_session()


@pytest.fixture
def api(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=False)


def test_lists(hub: LocalHub, api: HfApi) -> None:
    for number in range(25):
        hub.add(f"many/m{number:02}", {}, tags=["mlx"], likes=number)
    names = [model.id for model in api.list_models(filter="mlx", sort="likes", limit=20)]
    assert names == [f"many/m{number:02}" for number in range(24, 4, -1)]
    assert [model.id for model in api.list_models(search="NAME")] == ["owner/name"]
    assert len(list(api.list_models(author="many"))) == 25


def test_details(hub: LocalHub, api: HfApi) -> None:
    info = api.model_info("owner/name", files_metadata=True)
    assert info.sha == hub.repositories["owner/name"].sha
    assert info.downloads == 5
    assert {file.rfilename: file.size for file in info.siblings or ()}["README.md"] == 7


def test_tree_and_paths(hub: LocalHub, api: HfApi) -> None:
    rows = {row.path: row for row in api.list_repo_tree("owner/name", recursive=True)}
    model, folder = rows["model.gguf"], rows["sub"]
    assert isinstance(model, RepoFile)
    assert isinstance(folder, RepoFolder)
    assert model.lfs is not None
    assert model.lfs.sha256 == hub.repositories["owner/name"].files["model.gguf"].sha256
    assert [row.path for row in api.list_repo_tree("owner/name", "sub")] == ["sub/config.json"]
    (row,) = api.get_paths_info("owner/name", ["README.md", "nothing"])
    assert row.path == "README.md"
    assert api.list_repo_refs("owner/name").branches[0].name == "main"


@pytest.mark.parametrize("name", ["model.gguf", "README.md", "sub/config.json"])
def test_downloads(hub: LocalHub, tmp_path: Path, name: str) -> None:
    path = hf_hub_download(
        "owner/name", name, endpoint=hub.url, token=False, local_dir=tmp_path / "here"
    )
    source = hub.repositories["owner/name"].files[name].source
    assert Path(path).read_bytes() == source


def test_who_am_i(hub: LocalHub) -> None:
    assert HfApi(endpoint=hub.url, token="hf_good").whoami()["name"] == "tester"
    with pytest.raises(HfHubHTTPError, match="Invalid"):
        HfApi(endpoint=hub.url, token="hf_wrong").whoami()


def test_refusals(hub: LocalHub, api: HfApi) -> None:
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("owner/nothing")
    with pytest.raises(RevisionNotFoundError):
        api.model_info("owner/name", revision="nothing")
    with pytest.raises(EntryNotFoundError):
        api.get_hf_file_metadata(url=f"{hub.url}/owner/name/resolve/main/nothing")
    url = f"{hub.url}/owner/gated/resolve/main/model.gguf"
    for token, status in ((None, 401), ("hf_other", 403)):
        with pytest.raises(GatedRepoError) as caught:
            api.get_hf_file_metadata(url=url, token=token or False)
        assert caught.value.response.status_code == status
    assert api.get_hf_file_metadata(url=url, token="hf_good").size == len(CONTENT)


def test_samples_look_real(hub: LocalHub, api: HfApi, starter_file: Path) -> None:
    add_samples(hub, starter_file)
    assert len(list(api.list_models(filter="gguf"))) > 25
    for repository in hub.repositories.values():
        for file in repository.files.values():
            assert file.size < 60_000_000_000
