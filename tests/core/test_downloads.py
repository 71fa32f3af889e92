"""The download manager with its real child, the real library and the local hub."""

import collections
import itertools
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import psutil
import pytest

from app.core import (
    download_runs,
    download_schedule,
    download_space,
    folder_marks,
    model_roots,
    transfer_child,
)
from app.core.download_entry import DownloadEntry, SpeedMeter
from app.core.download_state import (
    DownloadItem,
    DownloadList,
    DownloadProblem,
    DownloadRequest,
)
from app.core.downloads import DownloadManager
from app.core.errors import DownloadError, NotFoundError, OfflineError, StorageError
from app.core.files import write_atomically
from app.core.library import LocalModel, ModelLibrary
from app.core.paths import AppPaths, app_paths
from app.core.settings import Downloads, Network, SettingsStore
from app.core.transfer_wire import Limits
from app.core.variants import RepoFile
from tests.core.broken_gguf import tiny_model
from tests.hub.faults import Allowance, Fault
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

SIZE = 3_000_000
QUICK = Limits(block=1_000_000, read_timeout=300, first_wait=0.02, longest_wait=0.1, tries=3)
"""Waits for a silent server longer than these tests wait: a stalled download stays where it is."""


class Bench(NamedTuple):
    """What a manager needs, to make one or several of them."""

    hub: LocalHub
    paths: AppPaths
    settings: SettingsStore
    library: ModelLibrary

    @contextmanager
    def manager(self, **options: Any) -> Iterator[DownloadManager]:
        env = {"HF_ENDPOINT": self.hub.url}
        manager = DownloadManager(
            self.paths, self.settings, self.library, env=env, limits=QUICK, **options
        )
        manager.start()
        try:
            yield manager
        finally:
            manager.close()

    def request(self, repo: str = "owner/name", *names: str) -> DownloadRequest:
        repository = self.hub.repositories[repo]
        files = [repository.files[name] for name in names or repository.files]
        return DownloadRequest(
            repo,
            repository.sha,
            "A model",
            "Q4_0",
            tuple(RepoFile(f.path, f.size, sha256=f.sha256 if f.lfs else None) for f in files),
        )


def model_bytes(seed: int = 0, size: int = SIZE) -> bytes:
    """A valid little model, with something behind it that makes it `size` bytes."""
    data = tiny_model().data()
    return data + bytes([seed]) * (size - len(data))


@pytest.fixture
def bench(corral_home: Path) -> Iterator[Bench]:
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    with LocalHub() as hub:
        hub.add("owner/name", {"model.gguf": model_bytes()})
        yield Bench(hub, paths, settings, ModelLibrary(paths, settings))


def wait_for(
    manager: DownloadManager, item_id: str, condition: Callable[[DownloadItem], bool]
) -> DownloadItem:
    """The item once `condition` holds; hooks wake this, nothing sleeps."""
    changed = threading.Event()
    disconnect = manager.changed.connect(lambda _item: changed.set())
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            changed.clear()
            item = next(each for each in manager.items() if each.id == item_id)
            if condition(item):
                return item
            assert time.monotonic() < deadline, f"waited in vain; it is {item}"
            changed.wait(0.2)
    finally:
        disconnect()


def state_is(*states: str) -> Callable[[DownloadItem], bool]:
    return lambda item: item.state in states


def local_models(bench: Bench) -> list[Path]:
    return [model.path for model in bench.library.scan() if model.source == "corral"]


def test_a_download_ends_in_the_library(bench: Bench) -> None:
    finished: list[DownloadItem] = []
    with bench.manager() as manager:
        manager.finished.connect(finished.append)
        item = manager.add(bench.request())
        assert item.total == SIZE
        done = wait_for(manager, item.id, state_is("done"))
        assert (done.done, done.speed, done.error) == (SIZE, 0, None)
    target = bench.paths.models / "owner" / "name" / "model.gguf"
    assert target.read_bytes() == model_bytes()
    assert [model.path for model in bench.library.models() if model.source == "corral"] == [target]
    assert [each.id for each in finished] == [item.id]
    record = bench.library.records.of(target)
    assert record is not None
    assert (record.sha256, record.told_by) == (sha256(model_bytes()).hexdigest(), "hub")
    assert record.checked > 0
    assert record.origin is not None
    assert (record.origin.repo, record.origin.commit) == ("owner/name", bench.request().revision)


def test_listeners_see_every_state_in_order(bench: Bench) -> None:
    slow = bench.hub.fault("model.gguf", origin="cdn", rate=100_000)
    seen: list[DownloadItem] = []
    with bench.manager() as manager:
        manager.changed.connect(seen.append)
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.speed > 0 and each.eta is not None)
        slow.rate = None
        wait_for(manager, item.id, state_is("done"))
    states = list(dict.fromkeys(each.state for each in seen))
    assert states[:2] == ["waiting", "running"]
    assert states[-1] == "done"
    running = [each.done for each in seen if each.state == "running"]
    assert running == sorted(running)


def test_pause_and_resume_fetch_nothing_twice(bench: Bench) -> None:
    bench.hub.fault("model.gguf", origin="cdn", stall_after=200_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 300_000)
        manager.pause(item.id)
        assert manager.items()[0].state == "paused"
        assert local_models(bench) == []
        bench.hub.faults.clear()
        manager.resume(item.id)
        wait_for(manager, item.id, state_is("done"))
    assert bench.hub.log.sent("model.gguf") < SIZE + QUICK.block


def test_pause_and_resume_in_quick_succession(bench: Bench) -> None:
    bench.hub.fault("model.gguf", origin="cdn", stall_after=100_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        for _ in range(5):
            manager.pause(item.id)
            manager.resume(item.id)
        bench.hub.faults.clear()
        wait_for(manager, item.id, state_is("done"))
    assert (bench.paths.models / "owner/name/model.gguf").read_bytes() == model_bytes()


def test_cancel_deletes_what_was_fetched(bench: Bench) -> None:
    bench.hub.fault("model.gguf", origin="cdn", stall_after=200_000)
    gone = threading.Event()
    with bench.manager() as manager:
        manager.removed.connect(lambda _id: gone.set())
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 0)
        manager.cancel(item.id)
        assert gone.wait(PATIENCE)
        assert manager.items() == ()
        wait_until(lambda: not (bench.paths.models / "owner").exists())
        with pytest.raises(NotFoundError):
            manager.pause(item.id)


def test_cancel_of_a_paused_download_deletes_too(bench: Bench) -> None:
    bench.hub.fault("model.gguf", origin="cdn", stall_after=200_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 0)
        manager.pause(item.id)
    with bench.manager() as manager:
        manager.cancel(item.id)
    assert not (bench.paths.models / "owner").exists()


def test_cancel_right_after_pause_leaves_nothing(bench: Bench) -> None:
    allowance = Allowance()
    allowance.grant(500_000)
    bench.hub.fault("model.gguf", origin="cdn", allowance=allowance)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 0)
        child = psutil.Process(manager.child_pid)
        child.suspend()  # a busy computer: the child hears of it late, and more has come
        allowance.grant(500_000)
        manager.pause(item.id)
        manager.cancel(item.id)
        child.resume()
        wait_until(lambda: manager.child_pid is None)
    assert not (bench.paths.models / "owner").exists()


def test_cancel_and_the_same_download_again(bench: Bench) -> None:
    bench.hub.fault("model.gguf", origin="cdn", stall_after=100_000)
    with bench.manager() as manager:
        for _ in range(3):
            item = manager.add(bench.request())
            wait_for(manager, item.id, lambda each: each.done > 0)
            manager.cancel(item.id)
        bench.hub.faults.clear()
        item = manager.add(bench.request())
        done = wait_for(manager, item.id, state_is("done", "failed"))
    assert done.state == "done", done.error
    assert (bench.paths.models / "owner/name/model.gguf").read_bytes() == model_bytes()


def test_removing_a_done_download_keeps_the_model(bench: Bench) -> None:
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, state_is("done"))
        manager.remove(item.id)
        assert manager.items() == ()
    assert len(local_models(bench)) == 1


def test_at_most_three_run_at_once(bench: Bench) -> None:
    for number in range(5):
        bench.hub.add(f"owner/m{number}", {f"m{number}.gguf": model_bytes(number)})
    bench.hub.fault(".gguf", origin="cdn", rate=3_000_000)
    most = 0

    with bench.manager() as manager:

        def count(_item: DownloadItem) -> None:
            nonlocal most
            active = [i for i in manager.items() if i.state in ("running", "verifying")]
            most = max(most, len(active))

        manager.changed.connect(count)
        items = [manager.add(bench.request(f"owner/m{number}")) for number in range(5)]
        states = collections.Counter(each.state for each in manager.items())
        assert states == {"running": 3, "waiting": 2}
        for item in items:
            wait_for(manager, item.id, state_is("done"))
    assert most == 3
    assert len(local_models(bench)) == 5


def test_a_failure_is_told_kept_and_retried(bench: Bench) -> None:
    bench.hub.fault("model.gguf", origin="cdn", status=503)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        failed = wait_for(manager, item.id, state_is("failed"))
        assert failed.error is not None
        assert "503" in failed.error.message
    bench.hub.faults.clear()
    with bench.manager() as manager:
        assert manager.items()[0].error == failed.error
        manager.retry(item.id)
        wait_for(manager, item.id, state_is("done"))


def test_a_restart_continues_what_ran_and_shows_what_was_paused(bench: Bench) -> None:
    bench.hub.add("owner/other", {"other.gguf": model_bytes(1)})
    bench.hub.fault(".gguf", origin="cdn", stall_after=200_000)
    with bench.manager() as manager:
        running = manager.add(bench.request())
        paused = manager.add(bench.request("owner/other"))
        for item in (running, paused):
            wait_for(manager, item.id, lambda each: each.done > 100_000)
        manager.pause(paused.id)
    bench.hub.faults.clear()
    with bench.manager() as manager:
        wait_for(manager, running.id, state_is("done"))
        item = next(each for each in manager.items() if each.id == paused.id)
        assert item.state == "paused"
        assert item.done >= 100_000
    assert bench.hub.log.sent("model.gguf") <= SIZE + QUICK.block


def test_several_files_are_one_download(bench: Bench) -> None:
    parts = {f"m-0000{n}-of-00002.gguf": model_bytes(n, 1_000_000) for n in (1, 2)}
    bench.hub.add("owner/split", {**parts, "mmproj.gguf": model_bytes(3, 600_000)})
    with bench.manager() as manager:
        item = manager.add(bench.request("owner/split"))
        assert item.total == 2_600_000
        wait_for(manager, item.id, state_is("done", "failed"))
    folder = bench.paths.models / "owner" / "split"
    assert {path.name for path in folder.iterdir()} == {*parts, "mmproj.gguf"}


def test_no_room_is_told_before_the_first_byte(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_space, "free_space", lambda _folder: 1_000_000_000 + SIZE - 1)
    with bench.manager() as manager:
        with pytest.raises(StorageError, match="not enough space") as caught:
            manager.add(bench.request())
        assert "1.0 GB" in caught.value.message
        assert manager.items() == ()
    assert bench.hub.log.entries() == []


def test_everything_queued_counts_against_the_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.hub.add("owner/other", {"other.gguf": model_bytes(1)})
    bench.hub.fault(".gguf", origin="cdn", stall_after=0)
    monkeypatch.setattr(
        download_space, "free_space", lambda _folder: 1_000_000_000 + SIZE + SIZE // 2
    )
    with bench.manager() as manager:
        manager.add(bench.request())
        with pytest.raises(StorageError):
            manager.add(bench.request("owner/other"))


def test_resuming_asks_for_room_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.hub.fault("model.gguf", origin="cdn", stall_after=200_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 0)
        manager.pause(item.id)
        left = SIZE - manager.items()[0].done
        monkeypatch.setattr(download_space, "free_space", lambda _folder: 1_000_000_000 + left - 1)
        with pytest.raises(StorageError, match="not enough space"):
            manager.resume(item.id)
        assert manager.items()[0].state == "paused"
        monkeypatch.setattr(download_space, "free_space", lambda _folder: 1_000_000_000 + left)
        manager.resume(item.id)
        assert manager.items()[0].state == "running"


def test_the_same_download_twice_is_refused(bench: Bench) -> None:
    bench.hub.fault(".gguf", origin="cdn", stall_after=0)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        with pytest.raises(DownloadError, match="in the downloads already"):
            manager.add(bench.request())
        bench.hub.faults.clear()
        wait_for(manager, item.id, state_is("done"))
        with pytest.raises(DownloadError, match="on this computer already"):
            manager.add(bench.request())


@pytest.mark.parametrize("name", ["../evil.gguf", "CON.gguf", "a\0.gguf", "run.py"])
def test_names_that_are_refused(bench: Bench, name: str) -> None:
    request = DownloadRequest("owner/name", "main", "Evil", "", (RepoFile(name, 10),))
    with bench.manager() as manager, pytest.raises(DownloadError, match="refused"):
        manager.add(request)
    assert bench.hub.log.entries() == []


def test_offline_stops_everything_and_it_goes_on_by_itself_afterwards(bench: Bench) -> None:
    bench.hub.fault(".gguf", origin="cdn", stall_after=100_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 0)
        bench.settings.update(network=Network(offline=True))
        assert (manager.items()[0].state, manager.items()[0].waits_for) == ("waiting", "offline")
        with pytest.raises(OfflineError):
            manager.resume(item.id)
        with pytest.raises(OfflineError):
            manager.run_now(item.id)
        with pytest.raises(OfflineError):
            manager.add(bench.request())
        bench.hub.faults.clear()
        bench.settings.update(network=Network())
        wait_for(manager, item.id, state_is("done"))


def test_a_start_while_offline_sends_nothing(bench: Bench) -> None:
    bench.hub.fault(".gguf", origin="cdn", stall_after=100_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 0)
    bench.settings.update(network=Network(offline=True))
    bench.hub.log.clear()
    with bench.manager() as manager:
        assert manager.items()[0].waits_for == "offline"
    assert bench.hub.log.entries() == []


def test_a_child_that_dies_is_replaced(bench: Bench) -> None:
    bench.hub.fault(".gguf", origin="cdn", stall_after=200_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 200_000)
        assert manager.child_pid is not None
        child = psutil.Process(manager.child_pid)
        child.kill()
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
        bench.hub.faults.clear()
        wait_for(manager, item.id, state_is("done"))
    assert bench.hub.log.sent("model.gguf") <= SIZE + QUICK.block


def test_a_child_that_hangs_is_replaced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.hub.fault(".gguf", origin="cdn", stall_after=200_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 200_000)
        assert manager._runs._child is not None
        child = psutil.Process(manager._runs._child.pid)
        child.suspend()
        monkeypatch.setattr(transfer_child, "SILENCE", 0.1)
        manager._runs._child._lines.put(b"the last of it\n")  # it counts from the next line on
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
        monkeypatch.undo()
        bench.hub.faults.clear()
        wait_for(manager, item.id, state_is("done"))
        assert not child.is_running()
    assert (bench.paths.models / "owner/name/model.gguf").read_bytes() == model_bytes()


def test_the_speed_counts_only_what_was_fetched_now(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.hub.fault("model.gguf", origin="cdn", stall_after=700_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        kept = wait_for(manager, item.id, lambda each: each.done >= 2_100_000).done
    bench.hub.faults.clear()
    bench.hub.fault("model.gguf", origin="cdn", rate=200_000)
    seconds = itertools.count()  # one from each report to the next
    clock = SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr("app.core.download_entry.time", clock)
    seen: list[DownloadItem] = []
    with bench.manager() as manager:
        manager.changed.connect(seen.append)
        wait_for(manager, item.id, lambda each: each.done >= kept + 100_000)
    assert min(each.done for each in seen) >= kept
    assert 0 < max(each.speed for each in seen) <= SIZE - kept


def test_a_child_without_work_ends(bench: Bench) -> None:
    bench.hub.add("owner/other", {"other.gguf": model_bytes(1)})
    with bench.manager() as manager:
        assert manager.child_pid is None
        item = manager.add(bench.request())
        wait_until(lambda: manager.child_pid is not None)
        child = psutil.Process(manager.child_pid)
        wait_for(manager, item.id, state_is("done"))
        assert psutil.wait_procs([child], timeout=PATIENCE)[1] == []
        other = manager.add(bench.request("owner/other"))
        wait_for(manager, other.id, state_is("done"))


def test_a_child_that_always_dies_fails_the_download(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = [sys.executable, "-c", "import sys; sys.exit('no library')"]
    monkeypatch.setattr(download_runs, "child_command", lambda _flag: dying)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        failed = wait_for(manager, item.id, state_is("failed"))
        assert isinstance(failed.error, DownloadProblem)
        assert "3 times" in failed.error.message
        assert "no library" in failed.error.detail


def test_a_child_that_cannot_be_started(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_runs, "child_command", lambda _flag: ["/no/such/program"])
    with bench.manager() as manager:
        item = manager.add(bench.request())
        failed = wait_for(manager, item.id, state_is("failed"))
        assert failed.error is not None
        assert "cannot be started" in failed.error.message


def test_a_file_that_is_no_model_is_told(bench: Bench) -> None:
    bench.hub.add("owner/fake", {"fake.gguf": b"<html>" * 1000})
    with bench.manager() as manager:
        item = manager.add(bench.request("owner/fake"))
        failed = wait_for(manager, item.id, state_is("failed"))
    assert failed.error is not None
    assert "no usable model" in failed.error.title
    assert "web page" in failed.error.message


def test_an_unforeseen_error_fails_one_download_and_the_next_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.hub.add("owner/other", {"other.gguf": model_bytes(1)})
    register = bench.library.register

    def refuse_once(*_: object) -> LocalModel:
        monkeypatch.setattr(bench.library, "register", register)
        raise PermissionError("not for you")

    monkeypatch.setattr(bench.library, "register", refuse_once)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        failed = wait_for(manager, item.id, state_is("failed"))
        assert failed.error is not None
        assert "PermissionError" in failed.error.message
        assert "not for you" in failed.error.detail
        other = manager.add(bench.request("owner/other"))
        wait_for(manager, other.id, state_is("done"))
        manager.retry(item.id)
        wait_for(manager, item.id, state_is("done"))
    assert len(local_models(bench)) == 2


def test_a_reply_that_cannot_be_taken_up_fails_its_download_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        monkeypatch.undo()
        raise ZeroDivisionError

    bench.hub.fault("model.gguf", origin="cdn", rate=500_000)
    monkeypatch.setattr(DownloadEntry, "moved", broken)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        failed = wait_for(manager, item.id, state_is("failed"))
        assert failed.error is not None
        assert "ZeroDivisionError" in failed.error.message
        bench.hub.faults.clear()
        manager.retry(item.id)
        wait_for(manager, item.id, state_is("done"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version":1,"downloads":[{"id":1}]}'])
def test_a_damaged_list_is_set_aside(bench: Bench, text: str) -> None:
    bench.paths.downloads_file.parent.mkdir(parents=True, exist_ok=True)
    bench.paths.downloads_file.write_text(text, encoding="utf-8")
    with bench.manager() as manager:
        assert manager.items() == ()
        assert manager.problem is not None
        item = manager.add(bench.request())
    kept = [path.name for path in bench.paths.downloads_file.parent.iterdir()]
    assert any("broken" in name for name in kept)
    assert [each.id for each in DownloadList(bench.paths.downloads_file).load()] == [item.id]


def test_a_second_program_leaves_the_list_alone(bench: Bench) -> None:
    bench.hub.fault("model.gguf", origin="cdn", stall_after=100_000)
    bench.hub.add("owner/other", {"other.gguf": model_bytes(1)})
    with bench.manager() as first:
        item = first.add(bench.request())
        wait_for(first, item.id, lambda each: each.done > 0)
        with bench.manager() as second:
            assert second.items() == ()
            assert second.problem is not None
            other = second.add(bench.request("owner/other"))
            wait_for(second, other.id, state_is("done"))
    with bench.manager() as third:
        assert [each.id for each in third.items()] == [item.id]


def test_without_a_list_nothing_is_taken_over(bench: Bench) -> None:
    bench.hub.add("owner/other", {"other.gguf": model_bytes(1)})
    bench.hub.fault("model.gguf", origin="cdn", stall_after=100_000)
    with bench.manager() as manager:
        manager.add(bench.request())
    before = bench.paths.downloads_file.read_bytes()
    with bench.manager(keep_list=False) as manager:
        assert manager.items() == ()
        item = manager.add(bench.request("owner/other"))
        wait_for(manager, item.id, state_is("done"))
    assert bench.paths.downloads_file.read_bytes() == before


def test_a_slow_disk_holds_nobody_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.hub.fault("model.gguf", origin="cdn", stall_after=100_000)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 0)
        quick = threading.Event()
        waited_in_vain: list[Path] = []

        def slow(path: Path, data: bytes) -> None:
            if not quick.wait(PATIENCE):
                waited_in_vain.append(path)
            write_atomically(path, data)

        monkeypatch.setattr("app.core.download_state.write_atomically", slow)
        manager.pause(item.id)
        manager.resume(item.id)
        manager.cancel(item.id)
        assert manager.items() == ()
        quick.set()
    assert not waited_in_vain
    assert DownloadList(bench.paths.downloads_file).load() == ()


def test_the_token_is_never_stored(bench: Bench) -> None:
    bench.settings.update(network=Network(send_token_to=bench.hub.url))
    bench.hub.tokens["hf_secret"] = {"owner/name"}
    bench.hub.repositories["owner/name"].gated = "auto"
    env = {"HF_ENDPOINT": bench.hub.url, "HF_TOKEN": "hf_secret"}
    manager = DownloadManager(bench.paths, bench.settings, bench.library, env=env, limits=QUICK)
    manager.start()
    try:
        item = manager.add(bench.request())
        wait_for(manager, item.id, state_is("done"))
    finally:
        manager.close()
    for path in bench.paths.data.parent.rglob("*.json"):
        assert "hf_secret" not in path.read_text(encoding="utf-8")
    assert not any("hf_secret" in str(e) for e in bench.hub.log.entries(origin="cdn"))


def test_the_speed_follows_smoothly() -> None:
    meter = SpeedMeter()
    for step in range(50):
        meter.measure(step * 200_000, step * 0.2)
    assert meter.speed == pytest.approx(1_000_000)
    for step in range(50, 65):
        meter.measure(50 * 200_000, step * 0.2)
    assert 0 < meter.speed < 500_000


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_download_goes_to_the_folder_that_is_chosen(bench: Bench, tmp_path: Path) -> None:
    other = tmp_path / "big disk"
    other.mkdir()
    bench.library.own_folders.add(other)
    with bench.manager() as manager:
        item = manager.add(bench.request(), other)
        done = wait_for(manager, item.id, state_is("done"))
        assert done.target == other / "owner" / "name"
        with pytest.raises(DownloadError, match="on this computer already"):
            manager.add(bench.request())
        assert manager.finished_path(bench.request()) == other / "owner" / "name" / "model.gguf"
    (model,) = [each for each in bench.library.models() if each.source == "corral"]
    assert (model.path.parent, model.id) == (done.target, "owner/name/model")
    assert not model.read_only
    bench.library.delete(model.id, to_trash=False)
    assert [each.name for each in other.iterdir()] == [folder_marks.MARK]


def test_a_download_goes_on_in_the_folder_it_was_begun_in(bench: Bench, tmp_path: Path) -> None:
    other = tmp_path / "big disk"
    other.mkdir()
    bench.library.own_folders.add(other)
    bench.hub.faults.add(Fault("model.gguf", "cdn", rate=1_000_000))
    with bench.manager(keep_list=False) as manager:
        item = manager.add(bench.request(), other)
        wait_for(manager, item.id, lambda each: each.done > 100_000)
    bench.hub.faults.clear()
    with bench.manager(keep_list=False) as manager:
        again = manager.add(bench.request())
        assert again.target == item.target
        assert again.done > 100_000
        manager.cancel(again.id)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_to_is_refused() -> None:
    with pytest.raises(StorageError, match="cannot be written to"):
        model_roots.check_root(Path("/proc"))


def test_a_folder_that_is_away_is_refused(bench: Bench, tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    bench.library.own_folders.add(drive)
    with bench.manager() as manager:
        shutil.rmtree(drive)
        with pytest.raises(StorageError, match="is not there"):
            manager.add(bench.request(), drive)
        drive.write_bytes(b"a file in its place")
        with pytest.raises(StorageError, match="is not there"):
            manager.add(bench.request(), drive)
        assert manager.items() == ()


def test_a_drive_that_goes_while_a_download_waits_is_not_made_anew(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_schedule, "DRIVE_SECONDS", 0.1)
    drive = tmp_path / "drive"
    drive.mkdir()
    bench.library.own_folders.add(drive)
    with bench.manager() as manager:
        bench.hub.faults.add(Fault("model.gguf", "cdn", stall_after=1_000))
        item = manager.add(bench.request(), drive)
        wait_for(manager, item.id, state_is("running"))
    shutil.rmtree(drive)
    bench.hub.faults.clear()
    with bench.manager() as manager:
        waits = wait_for(manager, item.id, lambda each: each.waits_for == "drive")
        assert waits.error is not None
        assert waits.error.title == "This models folder is not there"
        assert not drive.exists()
        drive.mkdir()
        done = wait_for(manager, item.id, state_is("done"))
        assert done.error is None


@pytest.fixture
def drive(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder that is a drive of its own while there is a disk in it."""
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / "disk").touch()

    def mount_of(folder: Path) -> Path:
        return folder if (folder / "disk").exists() else Path(folder.anchor)

    monkeypatch.setattr(folder_marks, "mount_of", mount_of)
    monkeypatch.setattr(download_schedule, "DRIVE_SECONDS", 0.1)
    bench.library.own_folders.add(drive)
    return drive


def test_a_mount_point_without_its_drive_gets_nothing_at_the_start(
    bench: Bench, drive: Path, tmp_path: Path
) -> None:
    bench.hub.faults.add(Fault("model.gguf", "cdn", stall_after=1_000))
    with bench.manager() as manager:
        item = manager.add(bench.request(), drive)
        wait_for(manager, item.id, state_is("running"))
    bench.hub.faults.clear()
    drive.rename(tmp_path / "away")
    drive.mkdir()
    later = bench._replace(library=ModelLibrary(bench.paths, bench.settings))  # that never looked
    with later.manager() as manager:
        waits = wait_for(manager, item.id, lambda each: each.waits_for == "drive")
        assert waits.error is not None
        assert "not connected" in waits.error.title
        manager.try_now(item.id)
        wait_for(manager, item.id, lambda each: each.waits_for == "drive")
        with pytest.raises(StorageError, match="not connected"):
            manager.add(bench.request(), drive)
        assert list(drive.iterdir()) == []
        drive.rmdir()
        (tmp_path / "away").rename(drive)
        wait_for(manager, item.id, state_is("done"))
    assert (drive / "owner" / "name" / "model.gguf").read_bytes() == model_bytes()


def test_a_drive_that_is_pulled_out_meanwhile_is_waited_for(
    bench: Bench, drive: Path, tmp_path: Path
) -> None:
    slow = bench.hub.fault("model.gguf", origin="cdn", rate=300_000)
    with bench.manager() as manager:
        item = manager.add(bench.request(), drive)
        wait_for(manager, item.id, lambda each: each.done > 0)
        drive.rename(tmp_path / "away")
        drive.mkdir()
        slow.rate = None
        wait_for(manager, item.id, lambda each: each.waits_for == "drive")
        drive.rmdir()
        (tmp_path / "away").rename(drive)
        wait_for(manager, item.id, state_is("done"))


def test_a_drive_that_the_library_found_away_is_waited_for(
    bench: Bench, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent: set[Path] = set()
    monkeypatch.setattr(bench.library, "silent_folders", lambda: frozenset(silent))
    bench.settings.update(downloads=Downloads(only_idle=True))
    idle = [0.0]
    with bench.manager(idle=lambda: idle[0]) as manager:
        item = manager.add(bench.request(), drive)
        silent.add(drive)
        idle[0] = 10_000.0
        bench.settings.update(downloads=Downloads())
        waits = wait_for(manager, item.id, lambda each: each.waits_for == "drive")
        assert waits.error is not None
        assert "does not answer" in waits.error.title
        silent.clear()
        wait_for(manager, item.id, state_is("done"))


def test_the_terminal_does_not_wait_for_a_drive(bench: Bench, drive: Path, tmp_path: Path) -> None:
    slow = bench.hub.fault("model.gguf", origin="cdn", rate=300_000)
    with bench.manager(keep_list=False) as manager:
        item = manager.add(bench.request(), drive)
        wait_for(manager, item.id, lambda each: each.done > 0)
        drive.rename(tmp_path / "away")
        drive.mkdir()
        slow.rate = None
        failed = wait_for(manager, item.id, state_is("failed"))
        assert failed.error is not None
        assert "not connected" in failed.error.title


def test_only_what_is_queued_for_the_same_disk_counts(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.hub.add("other/name", {"other.gguf": model_bytes(1)})
    other = tmp_path / "other disk"
    other.mkdir()
    bench.library.own_folders.add(other)
    bench.settings.update(downloads=Downloads(only_idle=True))
    devices = {other: 1}
    monkeypatch.setattr(download_space, "_device", lambda folder: devices.get(folder, 2))
    monkeypatch.setattr(download_space, "free_space", lambda _folder: 1_000_000_000 + SIZE)
    with bench.manager(idle=lambda: 0.0) as manager:
        manager.add(bench.request())
        with pytest.raises(StorageError, match="not enough space"):
            manager.add(bench.request("other/name"))
        assert manager.add(bench.request("other/name"), other).state == "waiting"
