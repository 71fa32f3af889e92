"""Rules of the range engine, one by one: each test fails without the rule that it names."""

import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from huggingface_hub.utils._http import close_session
from hypothesis import given
from hypothesis import strategies as st

from app.core import transfer_hash, transfer_parts
from app.core.children import child_command, child_environment
from app.core.errors import HubError
from app.core.hub_http import HubAccess
from app.core.sparse_files import FSCTL_SET_SPARSE, mark_sparse
from app.core.transfer import TransferHost
from app.core.transfer_file import LEAST_BLOCK, tapered
from app.core.transfer_hash import RunningChecksum
from app.core.transfer_http import TryAgain
from app.core.transfer_pace import TokenBucket, Trickle
from app.core.transfer_parts import Extents, Part, part_path, recent_path, state_path
from app.core.transfer_stop import StopSignal, TransferStopped
from app.core.transfer_trouble import LONGEST_ASKED_WAIT, Patience
from app.core.transfer_wire import (
    Completed,
    Contacted,
    Fetch,
    Limits,
    Moved,
    Reply,
    Stopped,
    decode_reply,
    encode,
)
from app.core.variants import RepoFile
from tests.core.test_transfer import (
    CONTENT,
    IMPATIENT,
    NAME,
    QUICK,
    SIZE,
    Run,
    failed,
    folder,
    hub,
    listed,
    wait_until,
)
from tests.hub.http_server import LoggedRequest
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

__all__ = ["folder", "hub"]


def starts(hub: LocalHub) -> list[int]:
    return [
        int(entry.headers["range"].removeprefix("bytes=").split("-")[0])
        for entry in hub.log.entries(origin="cdn")
    ]


# -- connections and ranges


def test_four_connections_at_once_and_no_fifth_with_the_blocks_in_order(
    hub: LocalHub, folder: Path
) -> None:
    hub.fault(NAME, origin="cdn", stall_after=0)
    run = Run(hub, folder)
    wait_until(lambda: len(hub.log.entries(origin="cdn")) == 4)
    run.job.stop()
    assert isinstance(run.end(), Stopped)
    assert sorted(starts(hub)) == [0, 1_000_000, 2_000_000, 3_000_000]


def test_later_ranges_are_asked_for_only_if_it_is_still_the_same_file(
    hub: LocalHub, folder: Path
) -> None:
    limits = msgspec.structs.replace(QUICK, connections=1)
    assert isinstance(Run(hub, folder, limits=limits).end(), Completed)
    conditions = [entry.headers.get("if-range") for entry in hub.log.entries(origin="cdn")]
    assert conditions[0] is None
    assert conditions[1:] == [conditions[1]] * 4
    assert conditions[1] is not None


def test_a_range_of_a_file_of_another_size_is_not_written(hub: LocalHub, folder: Path) -> None:
    other = {"Content-Range": f"bytes 0-999999/{SIZE - 1}"}
    wrong = hub.fault(NAME, origin="cdn", status=206, headers=other, body=b"x" * 1000)
    limits = msgspec.structs.replace(QUICK, connections=1)
    assert "keeps changing" in failed(Run(hub, folder, limits=limits).end()).title
    assert b"x" not in part_path(folder / NAME).read_bytes()
    wrong.times = 0
    assert isinstance(Run(hub, folder).end(), Completed)


def test_an_endless_answer_to_a_range_is_cut_off(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", huge=200 << 20)
    assert "keeps changing" in failed(Run(hub, folder).end()).title
    assert part_path(folder / NAME).stat().st_size <= SIZE + (1 << 20)


def test_a_file_that_changes_while_it_is_fetched_is_never_mixed(
    hub: LocalHub, folder: Path
) -> None:
    def change(_request: LoggedRequest) -> None:
        if len(hub.log.entries(origin="cdn")) == 3:
            hub.before_answer = None
            hub.add("owner/name", {NAME: bytes(SIZE)})
            hub.expire_urls()

    hub.before_answer = change
    files, revision = listed(hub, NAME), hub.repositories["owner/name"].sha
    limits = msgspec.structs.replace(QUICK, connections=1)
    reply = failed(Run(hub, folder, files=files, revision=revision, limits=limits).end())
    assert "changed" in reply.title or "changed" in reply.message
    assert not (folder / NAME).exists()


@given(st.integers(0, 400), st.integers(1, 100), st.integers(1, 8))
def test_blocks_cover_what_is_missing_and_get_smaller_at_the_end(
    megabytes: int, block: int, connections: int
) -> None:
    """So that all connections end together, and none has a whole block left to itself."""
    mega = 1 << 20
    gaps = [(0, megabytes * mega), ((megabytes + 5) * mega, (megabytes + 9) * mega + 1)]
    gaps = [gap for gap in gaps if gap[0] < gap[1]]
    blocks = list(tapered(gaps, block * mega, connections))
    assert Extents(blocks).spans == Extents(gaps).spans
    assert sum(end - start for start, end in blocks) == sum(end - start for start, end in gaps)
    assert all(0 < end - start <= block * mega for start, end in blocks)
    if connections > 1:
        assert all(end - start <= LEAST_BLOCK for start, end in blocks[-connections:])
    else:
        assert len(blocks) <= megabytes // block + 1 + 4 // block + 1 + 1


# -- patience


def test_any_byte_gained_renews_the_patience(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", drop_after=200_000)
    limits = Limits(block=SIZE, connections=1, first_wait=0.001, longest_wait=0.002, tries=3)
    limits = msgspec.structs.replace(limits, network_tries=3)
    assert isinstance(Run(hub, folder, limits=limits).end(), Completed)
    assert len(hub.log.entries(origin="cdn")) == SIZE // 200_000  # far more than three


def test_waits_are_doubled_capped_and_forgiven() -> None:
    limits = Limits(first_wait=1, longest_wait=10, tries=6, network_tries=2)
    patience = Patience(limits)
    refusal = TryAgain(HubError("no"))
    assert [patience.after(refusal, 0) for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    assert patience.after(refusal, 1) == 1
    assert patience.after(TryAgain(HubError("no"), 0.0), 1) == 1, "no busy loop"
    assert patience.after(TryAgain(HubError("no"), 7.0), 1) == 7
    assert patience.after(TryAgain(HubError("no"), 9e9), 1) == LONGEST_ASKED_WAIT
    away = TryAgain(HubError("away"), network=True)
    patience = Patience(limits)
    assert [patience.after(away, 0) for _ in range(2)] == [1, 2]
    with pytest.raises(HubError, match="away"):
        patience.after(away, 0)


def test_an_answer_that_does_not_begin_is_given_up(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", delay=600, times=1)
    assert isinstance(Run(hub, folder, limits=IMPATIENT).end(), Completed)


def test_a_hub_that_does_not_answer_is_given_up(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="hub", delay=600, times=1)
    assert isinstance(Run(hub, folder, limits=IMPATIENT).end(), Completed)


def test_a_connection_that_only_trickles_is_made_anew(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", rate=400_000, times=4)  # a piece every 0.16 s
    limits = Limits(block=SIZE, connections=1, read_timeout=0.3, first_wait=0.01, least=1_000_000)
    assert isinstance(Run(hub, folder, limits=limits).end(), Completed)
    slow = hub.log.entries(origin="cdn")[:4]
    assert all(entry.sent < 1_000_000 for entry in slow)


def test_too_little_in_a_window_is_a_trickle() -> None:
    now = [0.0]
    trickle = Trickle(1000, 10.0, lambda: now[0])
    now[0] = 9.9
    assert not trickle.stalled(1)
    now[0] = 10.1
    assert trickle.stalled(1)
    now[0] = 20.2
    assert not trickle.stalled(1000)


def test_no_network_is_told_apart_from_a_server_that_refuses(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", status=503)
    assert not failed(Run(hub, folder).end()).network
    with LocalHub() as gone:
        access = HubAccess(gone.url)
    assert failed(Run(hub, folder, accesses=(access,)).end()).network


# -- what no patience helps against


@pytest.fixture
def new_session() -> Iterator[None]:
    """The hub's library reads the environment once for each session."""
    close_session()
    yield
    close_session()


@pytest.mark.usefixtures("new_session")
def test_an_unknown_certificate_is_told_at_once(folder: Path) -> None:
    with LocalHub(tls=True) as hub:
        hub.add("owner/name", {NAME: CONTENT})
        limits = Limits(first_wait=60.0)
        reply = failed(Run(hub, folder, limits=limits).end())
    assert "not trusted" in reply.title
    assert not reply.network


@contextmanager
def proxy_that_wants_a_name() -> Iterator[str]:
    """Answers 407 to everyone."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(
                        b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                        b'Proxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n'
                        b"Connection: close\r\n\r\n"
                    )

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(PATIENCE)


@pytest.mark.usefixtures("new_session")
def test_a_proxy_that_wants_a_log_in_is_told_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_that_wants_a_name() as proxy, LocalHub(tls=True) as hub:
        hub.add("owner/name", {NAME: CONTENT})
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        reply = failed(Run(hub, folder, limits=Limits(first_wait=60.0)).end())
        assert hub.log.entries() == []
    assert not reply.network
    assert "roxy" in f"{reply.title} {reply.message} {reply.hint} {reply.detail}"


# -- the token


def test_the_token_does_not_follow_a_mirror_that_sends_elsewhere(
    hub: LocalHub, folder: Path
) -> None:
    """Mirrors answer the first question themselves and redirect only the bytes."""
    repository = hub.repositories["owner/name"]
    file = repository.files[NAME]
    facts = {
        "ETag": f'"{file.sha256}"',
        "X-Linked-Size": str(SIZE),
        "X-Repo-Commit": repository.sha,
    }
    hub.fault(NAME, origin="hub", method="HEAD", status=200, headers=facts)
    location = {"Location": hub.signed_url(repository, file)}
    hub.fault(NAME, origin="hub", method="GET", status=302, headers=location)
    access = HubAccess(hub.url, "hf_secret")
    assert isinstance(Run(hub, folder, accesses=(access,)).end(), Completed)
    asked = [entry for entry in hub.log.entries(origin="hub") if entry.method == "GET"]
    assert asked
    assert all("authorization" in entry.headers for entry in asked)
    cdn = hub.log.entries(origin="cdn")
    assert cdn
    assert not any("hf_secret" in str(entry) for entry in cdn)


# -- the checksum


def test_a_small_file_is_checked_by_gits_hash(hub: LocalHub, folder: Path) -> None:
    wrong = hub.fault("config.json", corrupt_at=2)
    assert "damaged" in failed(Run(hub, folder, "config.json").end()).title
    wrong.times = 1
    hub.log.clear()
    assert isinstance(Run(hub, folder, "config.json").end(), Completed)
    assert (folder / "config.json").read_bytes() == b'{"a": 1}'


def test_verifying_is_seen_and_can_be_stopped(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()

    def endless(_: RunningChecksum, progress: Callable[[float], None]) -> bool:
        while True:
            progress(0.5)
            looked.set()

    monkeypatch.setattr(RunningChecksum, "finish", endless)
    run = Run(hub, folder)
    assert looked.wait(PATIENCE)
    run.job.report()
    moved = run.end_of_report()
    assert (moved.verified, moved.done, moved.files) == (0.5, SIZE, (SIZE,))
    run.job.stop()
    assert isinstance(run.end(), Stopped)
    monkeypatch.undo()
    hub.log.clear()
    assert isinstance(Run(hub, folder).end(), Completed)
    assert hub.log.sent(NAME) == 0


def test_most_of_a_file_is_checked_before_its_last_byte_comes(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer_hash, "CHUNK", 65_536)
    followers: list[RunningChecksum] = []
    entered = RunningChecksum.__enter__

    def seen(self: RunningChecksum) -> RunningChecksum:
        followers.append(self)
        return entered(self)

    monkeypatch.setattr(RunningChecksum, "__enter__", seen)
    stall = hub.fault(NAME, origin="cdn", stall_after=900_000)
    limits = Limits(block=SIZE, connections=1, read_timeout=300, first_wait=0.01)
    run = Run(hub, folder, limits=limits)
    wait_until(lambda: followers and followers[0].read > 700_000)
    stall.lift()
    assert isinstance(run.end(), Completed)
    assert (folder / NAME).read_bytes() == CONTENT


def test_a_running_checksum_is_that_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    good = RepoFile(NAME, SIZE, sha256=hashlib.sha256(CONTENT).hexdigest().upper())
    front = [0]
    with RunningChecksum(path, good, lambda: front[0]) as checksum:
        for there in (2_000_000, 4_000_000):
            front[0] = there
            wait_until(lambda there=there: checksum.read >= there - transfer_hash.CHUNK)
    fractions: list[float] = []
    assert checksum.finish(fractions.append)
    assert fractions[0] > 0.5
    assert fractions[-1] == 1.0
    bad = RepoFile(NAME, SIZE, sha256=hashlib.sha256(b"").hexdigest())
    assert not RunningChecksum(path, bad, lambda: 0).finish(fractions.append)
    assert not RunningChecksum(path, RepoFile(NAME, 4), lambda: 0).finish(fractions.append)
    assert RunningChecksum(path, RepoFile(NAME, SIZE), lambda: 0).finish(fractions.append)


def test_what_was_checked_of_a_stream_that_broke_off_does_not_count_for_the_next(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the good start of the first one would vouch for the bad start of the second."""
    monkeypatch.setattr(transfer_hash, "CHUNK", 65_536)
    monkeypatch.setattr(transfer_hash, "LOOK_EVERY", 0.001)
    hub.fault(NAME, origin="cdn", ignore_range=True)
    hub.fault(NAME, origin="cdn", drop_after=4_000_000, times=2, rate=20_000_000)
    hub.fault(NAME, origin="cdn", corrupt_at=10)
    good = hub.faults.take("cdn", "GET", NAME)  # the first request is whole
    assert good
    assert "damaged" in failed(Run(hub, folder).end()).title


# -- the disk


def test_the_state_is_forced_to_disk_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer_parts, "SYNC_EVERY", 0.0)
    target = tmp_path / NAME
    part = Part(target, "etag", 100, "")
    with part.writer() as write:
        write(0, bytes(50))
        assert json.loads(state_path(target).read_text())["spans"] == [[0, 50]]


def test_the_recent_state_is_written_while_bytes_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer_parts, "SAVE_AFTER", 50)
    target = tmp_path / NAME
    part = Part(target, "etag", 1000, "")
    with part.writer() as write:
        write(0, bytes(60))
        assert json.loads(recent_path(target).read_text())["spans"] == [[0, 60]]


def test_writing_needs_nothing_that_windows_has_not(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pwrite", "pwritev", "posix_fallocate", "ftruncate"):
        monkeypatch.delattr(os, name, raising=False)
    assert isinstance(Run(hub, folder).end(), Completed)
    assert (folder / NAME).read_bytes() == CONTENT


def test_a_part_may_have_holes_also_on_ntfs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[str] = []
    names = {"part": f"{NAME}.part"}

    def control(descriptor: int, code: int) -> bool:
        assert code == FSCTL_SET_SPARSE
        same = os.path.sameopenfile
        with (tmp_path / names["part"]).open("rb") as file:
            assert same(file.fileno(), descriptor)
        marked.append(names["part"])
        return True

    monkeypatch.setattr(
        transfer_parts, "mark_sparse", lambda descriptor: mark_sparse(descriptor, control)
    )
    Part(tmp_path / NAME, "etag", 100, "")
    assert marked == [f"{NAME}.part"]
    Part(tmp_path / NAME, "etag", 100, "")
    assert len(marked) == 1, "what is there already is left as it is"


def test_a_file_system_without_sparse_files_is_written_all_the_same(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        transfer_parts, "mark_sparse", lambda descriptor: mark_sparse(descriptor, lambda *_: False)
    )
    assert isinstance(Run(hub, folder).end(), Completed)


ON_DISK = """
import signal, subprocess, sys
prepare, repair, *child = sys.argv[1:]

def mend(*_):
    subprocess.run(repair, shell=True, check=True)
    print("repaired", flush=True)

signal.signal(signal.SIGUSR1, mend)
if subprocess.run(prepare, shell=True).returncode:
    sys.exit("not allowed")
print("ready", flush=True)
sys.exit(subprocess.Popen(child).wait())
"""
"""Makes a file system, runs the child on it, and mends the file system at a signal."""


@pytest.mark.skipif(sys.platform != "linux", reason="makes a small file system of its own")
@pytest.mark.parametrize("wrong", ["full", "read-only"])
def test_a_disk_that_is_full_or_read_only_is_told_and_the_download_goes_on(
    hub: LocalHub, tmp_path: Path, wrong: str
) -> None:
    """A real one: a small memory disk in a name space of the child's own."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        pytest.skip("no tools for a file system of one's own")
    disk = tmp_path / "disk"
    disk.mkdir()
    if wrong == "full":
        prepare = f"mount -t tmpfs -o size=7m none {disk} && head -c 4000000 /dev/zero >{disk}/x"
        repair = f"rm {disk}/x"
    else:
        prepare = f"mount -t tmpfs -o size=20m,ro none {disk}"
        repair = f"mount -o remount,rw {disk}"
    process = subprocess.Popen(
        [
            "unshare",
            "-Urm",
            sys.executable,
            "-c",
            ON_DISK,
            prepare,
            repair,
            *child_command("--transfer-host"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        if process.stdout.readline() != b"ready\n":
            pytest.skip("no file system of one's own may be mounted here")

        def run(name: str) -> Reply:
            assert process.stdin is not None
            assert process.stdout is not None
            sha = hub.repositories["owner/name"].sha
            files = listed(hub, NAME)
            access = (HubAccess(hub.url),)
            fetch = Fetch(name, access, "owner/name", sha, files, str(disk / "models"), QUICK)
            process.stdin.write(encode(fetch))
            process.stdin.flush()
            while isinstance(reply := decode_reply(process.stdout.readline()), Moved | Contacted):
                pass
            return reply

        reply = failed(run("1"))
        assert ("space" if wrong == "full" else "write") in reply.hint
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == b"repaired\n"
        assert isinstance(run("2"), Completed)
        if wrong == "full":
            assert hub.log.sent(NAME) <= SIZE + QUICK.block * QUICK.connections
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


# -- the computer sleeps


def test_after_a_sleep_connections_are_made_anew(hub: LocalHub, folder: Path) -> None:
    day = [0.0]
    ours, theirs = os.pipe()
    replies = io.BytesIO()
    host = TransferHost(replies, clock=lambda: day[0])
    with os.fdopen(ours, "rb") as commands, os.fdopen(theirs, "wb") as tell:
        thread = threading.Thread(target=host.serve, args=(commands,))
        thread.start()
        hub.fault(NAME, origin="cdn", stall_after=100_000, times=4)
        sha = hub.repositories["owner/name"].sha
        files = listed(hub, NAME)
        tell.write(
            encode(Fetch("1", (HubAccess(hub.url),), "owner/name", sha, files, str(folder), QUICK))
        )
        tell.flush()
        wait_until(lambda: hub.log.sent(NAME) >= 400_000)
        day[0] = 8 * 3600.0
        wait_until(lambda: (folder / NAME).exists())
        tell.close()
        thread.join(PATIENCE)
        host.close()
    assert (folder / NAME).read_bytes() == CONTENT


def test_setting_the_clock_changes_no_time_out(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.fault(NAME, origin="cdn", rate=4_000_000)
    run = Run(hub, folder)
    wait_until(lambda: hub.log.sent(NAME) > 100_000)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86_400)
    assert isinstance(run.end(), Completed)


# -- the limit


def test_the_bucket_lets_as_much_through_as_it_says() -> None:
    now = [0.0]
    bucket = TokenBucket(1000, lambda: now[0])
    waited = 0.0
    for _ in range(40):
        pause = bucket.take(250)
        waited += pause
        now[0] += pause
    assert 9.5 <= waited <= 10.0
    assert TokenBucket(0).take(1 << 30) == 0.0


def test_waiting_for_the_bucket_ends_with_the_limit_or_the_transfer() -> None:
    bucket, stop = TokenBucket(1), StopSignal()
    waiting = threading.Thread(target=lambda: bucket.wait(3600, stop))
    waiting.start()
    bucket.set_rate(0)
    waiting.join(PATIENCE)
    assert not waiting.is_alive()
    bucket.set_rate(1)
    stop.set()
    with pytest.raises(TransferStopped):
        bucket.wait(3600, stop)
