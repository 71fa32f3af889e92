"""Nothing that a person has is lost by a download, and no drive holds the program."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from app.core import download_entry, download_keeper
from app.core.errors import DownloadError
from app.core.file_records import Origin
from app.core.hub_http import HubAccess
from app.core.library import ModelLibrary
from app.core.paths import app_paths
from app.core.settings import Mirror, Network, SettingsStore
from app.core.transfer_job import TransferJob
from app.core.transfer_naming import finish, give_up, is_being_named, naming_path
from app.core.transfer_parts import Part, lock_path, part_path, record_whole, state_path
from app.core.transfer_wire import Completed, Fetch, Reply
from app.core.variants import RepoFile
from tests.core.test_download_queue import five, held_manager
from tests.core.test_downloads import SIZE, Bench, model_bytes, state_is, wait_for
from tests.hub.server import LocalHub
from tests.timing import PATIENCE


@pytest.fixture
def bench(corral_home: Path) -> Iterator[Bench]:
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    with LocalHub() as hub:
        hub.add("owner/name", {"model.gguf": model_bytes()})
        for number in range(5):
            hub.add(f"owner/m{number}", {f"m{number}.gguf": model_bytes(number)})
        yield Bench(hub, paths, settings, ModelLibrary(paths, settings))


def run(command: Fetch) -> Reply:
    """What a job ends with."""
    replies: list[Reply] = []
    job = TransferJob(command, replies.append)
    job.start()
    job.join(PATIENCE)
    return replies[-1]


def a_part(target: Path, data: bytes, sha: str, so_far: int) -> None:
    """An unfinished download."""
    part = Part(target, sha, len(data), "commit")
    with part.writer() as write:
        write(0, data[:so_far])


def test_a_leftover_part_never_replaces_the_whole_file(tmp_path: Path) -> None:
    target, data = tmp_path / "m.gguf", model_bytes()
    sha = sha256(data).hexdigest()
    a_part(target, data, sha, 300_000)
    target.write_bytes(data)  # it came here by another way
    files = (RepoFile("m.gguf", len(data), sha256=sha),)
    reply = run(Fetch("r", (HubAccess("http://127.0.0.1:9"),), "o/n", "c", files, str(tmp_path)))
    assert isinstance(reply, Completed)
    assert target.read_bytes() == data
    assert [path.name for path in tmp_path.glob("m*")] == ["m.gguf"]


def test_only_what_was_verified_gets_its_name(tmp_path: Path) -> None:
    target, data = tmp_path / "m.gguf", model_bytes()
    a_part(target, data, "etag", 300_000)
    with pytest.raises(OSError, match="unfinished"):
        finish([target], (), ())
    assert not target.exists()
    assert not is_being_named(target)


def test_a_persons_own_file_of_the_same_name_stays_as_it_is(bench: Bench) -> None:
    target = bench.library.folder / "owner" / "name" / "model.gguf"
    target.parent.mkdir(parents=True)
    own = model_bytes(7, SIZE - 5)
    target.write_bytes(own)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        stopped = wait_for(manager, item.id, state_is("failed", "done"))
        assert stopped.error is not None
        assert "in the way" in stopped.error.title
        assert target.read_bytes() == own
        target.rename(target.with_name("mine.gguf"))
        manager.resume(item.id)
        wait_for(manager, item.id, state_is("done"))
    assert target.read_bytes() == model_bytes()


def test_a_file_that_comes_into_the_way_at_the_end_stays_too(tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    part_path(target).write_bytes(b"new")
    record_whole(target, "etag", 3)
    target.write_bytes(b"mine")
    with pytest.raises(DownloadError, match="in the way"):
        finish([target], (), ())
    assert target.read_bytes() == b"mine"
    assert part_path(target).read_bytes() == b"new"
    assert not is_being_named(target)


def test_what_corral_fetched_itself_is_replaced_and_goes_to_the_trash(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = bench.library.folder / "owner" / "name" / "model.gguf"
    target.parent.mkdir(parents=True)
    target.write_bytes(model_bytes(7, SIZE - 5))
    origin = Origin("owner/name", "older")
    bench.library.records.downloaded([(target, RepoFile("model.gguf", SIZE - 5))], origin)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    with bench.manager() as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, state_is("done"))
    assert target.read_bytes() == model_bytes()
    if sys.platform == "linux":
        trashed = [path for path in tmp_path.rglob("model*.gguf") if "files" in path.parts]
        assert [path.stat().st_size for path in trashed] == [SIZE - 5]


def test_where_there_is_no_trash_an_unknown_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: object) -> None:
        raise OSError("no trash here")

    monkeypatch.setattr("send2trash.send2trash", refuse)
    target = tmp_path / "m.gguf"
    part_path(target).write_bytes(b"new")
    record_whole(target, "etag", 3)
    target.write_bytes(b"mine")
    with pytest.raises(OSError, match="no trash"):
        finish([target], [target], ())
    assert target.read_bytes() == b"mine"
    assert not is_being_named(target)
    finish([target], [target], [target])
    assert target.read_bytes() == b"new"
    assert not (tmp_path / "older version").exists()


def test_at_no_time_is_there_no_file_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "m.gguf"
    part_path(target).write_bytes(b"new")
    record_whole(target, "etag", 3)
    target.write_bytes(b"old")
    while_it_goes: list[bytes] = []

    def trash(path: Path) -> None:
        assert path.name == "m.gguf"
        path.unlink()
        while_it_goes.append(target.read_bytes())

    monkeypatch.setattr("send2trash.send2trash", trash)
    finish([target], [target], ())
    assert while_it_goes == [b"old"]
    assert target.read_bytes() == b"new"


KILLED = """
import os, signal, sys
from pathlib import Path
from app.core import transfer_naming
real, count = transfer_naming._put_away, 0
def put_away(target, own):
    global count
    count += 1
    if count == 2:
        os.kill(os.getpid(), signal.SIGTERM)
    real(target, own)
transfer_naming._put_away = put_away
targets = [Path(each) for each in sys.argv[1:]]
transfer_naming.finish(targets, targets, targets)
"""


def test_a_model_of_two_versions_is_never_listed_as_sound(bench: Bench) -> None:
    folder = bench.library.folder / "owner" / "split"
    folder.mkdir(parents=True)
    parts = [folder / f"m-0000{number}-of-00002.gguf" for number in (1, 2)]
    for part in parts:
        part.write_bytes(model_bytes(1))
        part_path(part).write_bytes(model_bytes(2))
        record_whole(part, "etag", SIZE)
    names = [str(part) for part in reversed(parts)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", KILLED, *names], env=environment, check=False)
    assert ended.returncode == -signal.SIGTERM
    assert [part.read_bytes()[-1] for part in parts] == [1, 2]
    (model,) = [each for each in bench.library.scan() if each.source == "corral"]
    assert model.problem is not None
    assert "broken off" in model.problem
    # The rest of it: as a resumed download does it.
    bench.hub.add("owner/split", {part.name: model_bytes(2) for part in parts})
    with bench.manager() as manager:
        item = manager.add(bench.request("owner/split"))
        wait_for(manager, item.id, state_is("done"))
    (model,) = [each for each in bench.library.scan() if each.source == "corral"]
    assert model.problem is None or "broken off" not in model.problem
    assert sorted(path.name for path in folder.iterdir()) == [part.name for part in parts]


def test_giving_up_leaves_a_mark_only_where_versions_may_be_mixed(tmp_path: Path) -> None:
    targets = [tmp_path / f"m-0000{number}-of-00002.gguf" for number in (1, 2)]
    for target in targets:
        target.write_bytes(b"old")
        part_path(target).write_bytes(b"new")
        naming_path(target).touch()
    part_path(targets[1]).replace(targets[1])  # killed after the first of them
    give_up(targets)
    assert all(map(is_being_named, targets))
    for target in targets:
        part_path(target).write_bytes(b"new")
    give_up(targets)  # killed before the first of them
    assert not any(map(is_being_named, targets))
    assert [target.read_bytes() for target in targets] == [b"old", b"new"]


@pytest.mark.skipif(sys.platform == "win32", reason="processes there cannot be frozen")
def test_cancelling_after_a_kill_leaves_nothing_behind(bench: Bench) -> None:
    with held_manager(bench) as manager:
        item = manager.add(bench.request())
        wait_for(manager, item.id, lambda each: each.done > 0)
        pid = manager.child_pid
        assert pid is not None
        target = bench.library.folder / "owner" / "name" / "model.gguf"
        os.kill(pid, signal.SIGSTOP)
        state_path(target).with_name(f"{state_path(target).name}.tmp").write_bytes(b"{")
        assert lock_path(target).exists()
        os.kill(pid, signal.SIGKILL)
        manager.cancel(item.id)
    assert list(bench.library.folder.rglob("*")) == []


@pytest.fixture
def dead_drive(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Until it is set, whoever asks the disk about the folder of downloads waits."""
    alive = threading.Event()
    alive.set()
    real_stat = os.stat
    real_resolve = Path.resolve

    def stat(path: object, *args: object, **options: object) -> os.stat_result:
        if f"{os.sep}owner{os.sep}" in f"{path}{os.sep}" and not alive.is_set():
            alive.wait(PATIENCE)
        return real_stat(path, *args, **options)  # type: ignore[arg-type]  # as they come

    def resolve(path: Path, *args: object, **options: object) -> Path:
        if "owner" in path.parts and not alive.is_set():
            alive.wait(PATIENCE)
        return real_resolve(path, *args, **options)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(Path, "resolve", resolve)
    return alive


def test_a_dead_drive_holds_neither_the_list_nor_the_end(
    bench: Bench, dead_drive: threading.Event
) -> None:
    with held_manager(bench) as manager:
        ids = five(bench, manager)
        dead_drive.clear()
        done: list[str] = []

        def use() -> None:
            manager.pause(ids[0])
            manager.move(ids[4], "top")
            manager.pause(ids[1])
            bench.settings.update(network=bench.settings.current.network)
            assert len(manager.items()) == 5
            done.append("used")

        resume = threading.Thread(target=manager.resume, args=(ids[1],), daemon=True)
        user = threading.Thread(target=use, daemon=True)
        user.start()
        user.join(PATIENCE / 2)
        resume.start()  # it waits for the disk, and holds nobody
        again = threading.Thread(target=use, daemon=True)
        again.start()
        again.join(PATIENCE / 2)
        assert done == ["used", "used"]
        dead_drive.set()
        resume.join(PATIENCE)


def test_the_start_does_not_wait_for_a_dead_drive(
    bench: Bench, dead_drive: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_manager(bench) as manager:
        manager.add(bench.request())
    monkeypatch.setattr(download_keeper, "MEASURE_PATIENCE", 0.1)
    dead_drive.clear()
    started: list[int] = []

    def start() -> None:
        with bench.manager() as manager:
            started.append(len(manager.items()))
            dead_drive.set()

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert started == [1]


def test_a_mirror_that_lacks_the_model_does_not_end_a_download(bench: Bench) -> None:
    with LocalHub() as mirror:
        bench.settings.update(network=Network(mirrors=(Mirror(mirror.url),)))
        request = bench.request()
        bench.hub.fault(".gguf", origin="hub", status=503, times=1)
        with bench.manager() as manager:
            item = manager.add(request)
            wait_for(manager, item.id, state_is("done"))


def test_a_silent_download_says_why_and_can_be_tried_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_entry, "SILENCE", 0.2)
    headers = {"Retry-After": "250"}
    bench.hub.fault(".gguf", origin="cdn", status=503, headers=headers)
    with bench.manager() as manager:
        item = manager.add(bench.request())
        silent = wait_for(manager, item.id, lambda each: each.trouble is not None)
        assert silent.state == "running"
        assert (silent.speed, silent.eta) == (0.0, None)
        assert silent.silent > 0
        assert silent.trouble is not None
        assert (silent.trouble.host, silent.trouble.status) == ("127.0.0.1", 503)
        assert 200 < silent.trouble.wait <= 250
        bench.hub.faults.clear()
        manager.try_now(item.id)
        done = wait_for(manager, item.id, state_is("done"))
    assert done.trouble is None
    assert done.ended > done.added
    assert done.spent > 0
