"""The range engine against the local hub: every fault on the way, and what is on disk after."""

import errno
import hashlib
import itertools
import json
import os
import queue
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import transfer_parts
from app.core.children import child_command, child_environment
from app.core.errors import DownloadError
from app.core.hub_http import HubAccess
from app.core.transfer_http import RemoteFile
from app.core.transfer_job import TransferJob, in_naming_order
from app.core.transfer_names import check_names, repository_folder, target_path
from app.core.transfer_parts import (
    Extents,
    Part,
    load_state,
    part_path,
    recent_path,
    state_path,
)
from app.core.transfer_wire import (
    Completed,
    Contacted,
    Failed,
    Fetch,
    Limits,
    Moved,
    Reply,
    Stop,
    Stopped,
    decode_reply,
    encode,
)
from app.core.variants import RepoFile
from backends.contacts import Contact
from tests.hub.faults import Origin
from tests.hub.http_server import TLS, LoggedRequest
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

SIZE = 5_000_000
CONTENT = random.Random(7).randbytes(SIZE)
QUICK = Limits(block=1_000_000, read_timeout=300, first_wait=0.02, longest_wait=0.1, tries=4)
"""Waits for a silent server longer than these tests wait for a run."""
IMPATIENT = msgspec.structs.replace(QUICK, read_timeout=0.5, tries=50)
"""Soon gives up a silent server, and a busy one if need be, but never all of them."""
NAME = "model.gguf"
DEADLINE = PATIENCE
"""Seconds until a run or a process must have ended."""


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as hub:
        hub.add("owner/name", {NAME: CONTENT, "config.json": b'{"a": 1}', "empty.txt": b""})
        yield hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models" / "owner" / "name"


def listed(hub: LocalHub, *names: str) -> tuple[RepoFile, ...]:
    files = hub.repositories["owner/name"].files
    return tuple(
        RepoFile(
            name,
            files[name].size,
            files[name].sha256 if files[name].lfs else None,
            None if files[name].lfs else files[name].blob_sha1,
        )
        for name in names
    )


class Run:
    """One job, in this process, with what it sent."""

    def __init__(self, hub: LocalHub, folder: Path, *names: str, **changes: Any) -> None:
        given_values = {
            "run": "1",
            "accesses": (HubAccess(hub.url),),
            "repo": "owner/name",
            "revision": hub.repositories["owner/name"].sha,
            "files": listed(hub, *(names or (NAME,))),
            "folder": str(folder),
            "limits": QUICK,
        }
        self._replies: queue.Queue[Reply] = queue.Queue()
        self.contacts: list[Contact] = []
        self.job = TransferJob(Fetch(**{**given_values, **changes}), self._take)
        self.job.start()

    def _take(self, reply: Reply) -> None:
        if isinstance(reply, Contacted):
            self.contacts.append(reply.contact)
        else:
            self._replies.put(reply)

    def end(self) -> Reply:
        self.job.join(DEADLINE)
        return self._replies.get(timeout=PATIENCE)

    def end_of_report(self) -> Moved:
        """What `report` has just sent."""
        reply = self._replies.get(timeout=PATIENCE)
        assert isinstance(reply, Moved)
        return reply


def wait_until(condition: Any, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def only_the_model(folder: Path) -> bool:
    return [path.name for path in folder.iterdir()] == [NAME]


def failed(reply: Reply) -> Failed:
    assert isinstance(reply, Failed)
    assert reply.title
    assert reply.message.endswith(".")
    return reply


def test_fetches_verifies_and_names(hub: LocalHub, folder: Path) -> None:
    assert isinstance(Run(hub, folder).end(), Completed)
    assert (folder / NAME).read_bytes() == CONTENT
    assert only_the_model(folder)
    assert hub.log.sent(NAME) == SIZE


def test_small_and_empty_files_come_too(hub: LocalHub, folder: Path) -> None:
    assert isinstance(Run(hub, folder, NAME, "config.json", "empty.txt").end(), Completed)
    assert (folder / "config.json").read_bytes() == b'{"a": 1}'
    assert (folder / "empty.txt").read_bytes() == b""


def test_blocks_are_taken_from_the_front_by_at_most_four_connections(
    hub: LocalHub, folder: Path
) -> None:
    Run(hub, folder).end()
    starts = [
        int(entry.headers["range"].removeprefix("bytes=").split("-")[0])
        for entry in hub.log.entries(origin="cdn")
    ]
    assert sorted(starts) == [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]
    assert all(e.headers["accept-encoding"] == "identity" for e in hub.log.entries(origin="cdn"))


def test_a_drop_every_now_and_then_fetches_no_byte_twice(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", drop_after=300_000)
    assert isinstance(Run(hub, folder).end(), Completed)
    assert (folder / NAME).read_bytes() == CONTENT
    assert hub.log.sent(NAME) <= SIZE * 1.05


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("origin", ["hub", "cdn"])
def test_a_passing_refusal_is_waited_out(
    hub: LocalHub, folder: Path, status: int, origin: str
) -> None:
    hub.fault(NAME, origin=origin, status=status, times=2)
    assert isinstance(Run(hub, folder).end(), Completed)


def test_retry_after_is_honoured(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", status=503, headers={"Retry-After": "1"}, times=1)
    limits = Limits(block=SIZE, connections=1, first_wait=0.01)
    assert isinstance(Run(hub, folder, limits=limits).end(), Completed)
    first, second = hub.log.entries(origin="cdn")
    assert second.at - first.at >= 1


def test_a_lasting_refusal_fails_and_keeps_what_is_there(hub: LocalHub, folder: Path) -> None:
    limits = Limits(block=1_000_000, connections=1, first_wait=0.01, tries=2)
    hub.fault(NAME, origin="cdn", rate=2_000_000)
    run = Run(hub, folder, limits=limits)
    wait_until(lambda: hub.log.sent(NAME) >= 400_000)
    hub.fault(NAME, origin="cdn", status=503)
    assert "status 503" in failed(run.end()).message
    state = load_state(folder / NAME)
    assert state is not None
    kept = Extents(state.spans).total
    assert kept >= 300_000
    hub.faults.clear()
    hub.log.clear()
    assert isinstance(Run(hub, folder).end(), Completed)
    assert hub.log.sent(NAME) == SIZE - kept


def test_a_stalled_connection_is_given_up_and_continued(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", stall_after=200_000, times=1)
    run = Run(hub, folder, limits=IMPATIENT)
    assert isinstance(run.end(), Completed)  # the stall never ends
    assert (folder / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("where", ["running", "stalled"])
def test_stop_is_quick_and_keeps_the_part(hub: LocalHub, folder: Path, where: str) -> None:
    hub.fault(
        NAME, origin="cdn", **({"rate": 50_000} if where == "running" else {"stall_after": 1})
    )
    run = Run(hub, folder)
    wait_until(lambda: sum(e.sent for e in hub.log.entries(origin="cdn")) >= 65536)
    run.job.stop()
    assert isinstance(run.end(), Stopped)
    assert part_path(folder / NAME).exists()
    assert not (folder / NAME).exists()
    hub.faults.clear()
    assert isinstance(Run(hub, folder).end(), Completed)
    assert (folder / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("origin", ["hub", "cdn"])
def test_stop_is_quick_before_the_first_word_of_an_answer(
    hub: LocalHub, folder: Path, origin: Origin
) -> None:
    hub.fault(NAME, origin=origin, delay=60)
    run = Run(hub, folder)
    wait_until(lambda: hub.log.entries(origin=origin))
    run.job.stop()
    assert isinstance(run.end(), Stopped)


def test_a_new_run_counts_what_earlier_ones_fetched_from_the_start(
    hub: LocalHub, folder: Path
) -> None:
    hub.add("owner/name", {"second.gguf": CONTENT[:2_000_000]})
    hub.fault(NAME, origin="cdn", stall_after=500_000)
    run = Run(hub, folder, "second.gguf", NAME)
    wait_until(lambda: hub.log.sent(NAME) >= 1_000_000)
    run.job.stop()
    run.end()
    kept = 2_000_000 + transfer_parts.bytes_on_disk(folder / NAME, SIZE)
    assert kept > 2_000_000
    hub.faults.clear()
    hub.fault(NAME, origin="hub", delay=20)
    run = Run(hub, folder, "second.gguf", NAME)
    wait_until(lambda: len(hub.log.entries(origin="hub", path=NAME)) == 2)
    run.job.report()
    run.job.stop()
    moved = run.end()
    assert isinstance(moved, Moved)
    assert moved.done == kept


def test_over_tls_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.pem"))
    with LocalHub(tls=True) as hub:
        hub.add("owner/name", {NAME: CONTENT})
        hub.fault(NAME, origin="cdn", stall_after=500_000)
        run = Run(hub, folder)
        wait_until(lambda: hub.log.sent(NAME) >= 500_000)
        run.job.stop()
        assert isinstance(run.end(), Stopped)
        hub.faults.clear()
        assert isinstance(Run(hub, folder).end(), Completed)
    assert (folder / NAME).read_bytes() == CONTENT


def test_a_flipped_byte_is_found_and_fetched_again(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", corrupt_at=1_234_567, times=5)
    assert Run(hub, folder).end() == Completed("1", again=True)
    assert (folder / NAME).read_bytes() == CONTENT
    assert hub.log.sent(NAME) == 2 * SIZE


def test_a_byte_flipped_each_time_fails_and_leaves_nothing(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", corrupt_at=10)
    assert "damaged" in failed(Run(hub, folder).end()).title
    assert list(folder.iterdir()) == []


def test_a_server_without_ranges_sends_one_stream(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", ignore_range=True)
    hub.fault(NAME, origin="cdn", drop_after=2_000_000, times=1)
    assert isinstance(Run(hub, folder).end(), Completed)
    assert (folder / NAME).read_bytes() == CONTENT


def test_a_server_without_ranges_that_always_drops_is_given_up(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", ignore_range=True, drop_after=2_000_000)
    failed(Run(hub, folder).end())
    assert hub.log.sent(NAME) < 30_000_000


def test_a_wrong_range_is_not_written(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", wrong_range=True, times=3)
    assert isinstance(Run(hub, folder).end(), Completed)
    assert (folder / NAME).read_bytes() == CONTENT


def test_a_range_of_absurd_length_is_refused_and_the_part_kept(hub: LocalHub, folder: Path) -> None:
    half_a_part(folder / NAME)
    absurd = {"Content-Range": f"bytes {'9' * 5000}-1/1"}
    hub.fault(NAME, origin="cdn", status=206, headers=absurd)
    assert "another range" in failed(Run(hub, folder).end()).detail
    assert part_path(folder / NAME).exists()
    hub.faults.clear()
    assert isinstance(Run(hub, folder).end(), Completed)
    assert hub.log.sent(NAME) < SIZE


def test_an_unforeseen_error_in_one_connection_is_told_and_the_part_kept(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    half_a_part(folder / NAME)
    monkeypatch.setattr(RemoteFile, "_check_range", broken)
    assert "ZeroDivisionError" in failed(Run(hub, folder).end()).message
    assert hub.log.sent(NAME) < 2 * SIZE
    monkeypatch.undo()
    hub.log.clear()
    assert isinstance(Run(hub, folder).end(), Completed)
    assert hub.log.sent(NAME) == 1_000_000


def test_a_range_beyond_the_file_asks_the_hub_again(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", status=416, times=1)
    assert isinstance(Run(hub, folder).end(), Completed)


def test_an_expired_address_is_renewed(hub: LocalHub, folder: Path) -> None:
    def expire_before_the_second_block(_request: LoggedRequest) -> None:
        if len(hub.log.entries(origin="cdn")) == 2:
            hub.expire_urls()

    hub.before_answer = expire_before_the_second_block
    limits = msgspec.structs.replace(QUICK, connections=1)
    assert isinstance(Run(hub, folder, limits=limits).end(), Completed)
    assert len(hub.log.entries(origin="hub", path=NAME)) == 2
    refused = [entry for entry in hub.log.entries(origin="cdn") if entry.status == 403]
    assert len(refused) == 1
    assert hub.log.sent(NAME) == SIZE + refused[0].sent


def test_an_address_that_is_never_good_fails(hub: LocalHub, folder: Path) -> None:
    hub.url_life = -1
    assert "refuses" in failed(Run(hub, folder).end()).title


def test_a_file_that_is_not_the_listed_one_is_refused(hub: LocalHub, folder: Path) -> None:
    files = listed(hub, NAME)
    hub.repositories["owner/name"].add(NAME, CONTENT[:-1])
    revision = hub.repositories["owner/name"].sha
    reply = failed(Run(hub, folder, files=files, revision=revision).end())
    assert "changed" in reply.title


def test_a_part_of_another_version_is_discarded(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", rate=500_000)
    run = Run(hub, folder)
    wait_until(lambda: sum(e.sent for e in hub.log.entries(origin="cdn")) > 200_000)
    run.job.stop()
    run.end()
    hub.faults.clear()
    other = bytes(SIZE)
    hub.repositories["owner/name"].add(NAME, other)
    assert isinstance(Run(hub, folder).end(), Completed)
    assert (folder / NAME).read_bytes() == other


def test_another_servers_entity_tag_does_not_spoil_the_part(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", drop_after=1_500_000, times=1)
    limits = Limits(block=2_000_000, connections=1, first_wait=0.01)
    run = Run(hub, folder, limits=limits)
    run.end()
    hub.log.clear()
    target = folder / NAME
    # A part whose bytes came from a server with other tags.
    target.rename(part_path(target))
    etag = hub.repositories["owner/name"].files[NAME].etag
    state = {
        "etag": etag,
        "size": SIZE,
        "commit": "",
        "spans": [[0, 4_000_000]],
        "validator": '"x"',
    }
    state_path(target).write_text(json.dumps(state), encoding="utf-8")
    assert isinstance(Run(hub, folder).end(), Completed)
    assert hub.log.sent(NAME) < 4_000_000


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"etag": 1}', '{"etag":"x","size":5000000,"commit":"","spans":[[0,9e9]]}'],
)
def test_a_damaged_state_starts_again(hub: LocalHub, folder: Path, text: str) -> None:
    target = folder / NAME
    folder.mkdir(parents=True)
    part_path(target).write_bytes(bytes(1000))
    state_path(target).write_text(text, encoding="utf-8")
    assert isinstance(Run(hub, folder).end(), Completed)
    assert target.read_bytes() == CONTENT


def test_a_finished_file_is_not_fetched_again(hub: LocalHub, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(CONTENT)
    assert isinstance(Run(hub, folder).end(), Completed)
    assert hub.log.entries() == []


def test_another_file_of_the_same_name_is_replaced_by_an_update_only(
    hub: LocalHub, folder: Path
) -> None:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(bytes(SIZE))
    assert failed(Run(hub, folder).end()).title.endswith("is in the way")
    assert (folder / NAME).read_bytes() == bytes(SIZE)
    assert isinstance(Run(hub, folder, update=True).end(), Completed)
    assert (folder / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("number", "word"), [(errno.ENOSPC, "space"), (errno.EROFS, "write"), (errno.EIO, "disk")]
)
def test_a_disk_that_fails_is_told_and_the_part_continues(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, word: str
) -> None:
    record = transfer_parts.Part._record
    room = 2_000_000

    def full(self: transfer_parts.Part, start: int, end: int) -> None:
        if self.done > room:
            raise OSError(number, os.strerror(number))
        record(self, start, end)

    monkeypatch.setattr(transfer_parts.Part, "_record", full)
    reply = failed(Run(hub, folder).end())
    assert word in reply.hint
    monkeypatch.undo()
    hub.log.clear()
    assert isinstance(Run(hub, folder).end(), Completed)
    assert hub.log.sent(NAME) < SIZE - room + 1_000_000


def test_a_gated_file_asks_to_log_in(hub: LocalHub, folder: Path) -> None:
    hub.repositories["owner/name"].gated = "auto"
    assert "log in" in failed(Run(hub, folder).end()).title


def test_a_proxy_that_cannot_be_used_is_named(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://127.0.0.1")
    assert "HTTPS_PROXY" in failed(Run(hub, folder).end()).message
    monkeypatch.undo()
    assert isinstance(Run(hub, folder).end(), Completed)


def test_the_token_stays_with_the_hub(hub: LocalHub, folder: Path) -> None:
    hub.repositories["owner/name"].gated = "auto"
    hub.tokens["hf_secret"] = {"owner/name"}
    access = HubAccess(hub.url, "hf_secret")
    assert isinstance(Run(hub, folder, NAME, "config.json", accesses=(access,)).end(), Completed)
    assert all("authorization" in entry.headers for entry in hub.log.entries(origin="hub"))
    cdn = hub.log.entries(origin="cdn")
    assert cdn
    assert not any("hf_secret" in str(entry) for entry in cdn)


def test_a_mirror_that_sends_on_to_another_hub_takes_no_token_there(
    hub: LocalHub, folder: Path
) -> None:
    with LocalHub() as mirror:
        mirror.add("owner/name", {NAME: CONTENT})
        page = f"/owner/name/resolve/{hub.repositories['owner/name'].sha}/{NAME}"
        mirror.fault(NAME, origin="hub", status=308, headers={"Location": hub.url + page})
        mirror.tokens["hf_secret"] = set()
        access = HubAccess(mirror.url, "hf_secret")
        run = Run(hub, folder, accesses=(access,))
        assert isinstance(run.end(), Completed)
        assert "authorization" in mirror.log.entries(origin="hub")[0].headers
    assert hub.log.entries(origin="hub")
    assert not any("hf_secret" in str(entry) for entry in hub.log.entries())


def test_xet_is_not_asked_for(hub: LocalHub, folder: Path) -> None:
    hub.xet = True
    assert isinstance(Run(hub, folder).end(), Completed)
    assert not any("xet" in entry.path for entry in hub.log.entries())


def test_two_runs_of_one_file_follow_one_another(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", rate=4_000_000)
    first, second = Run(hub, folder), Run(hub, folder)
    assert isinstance(first.end(), Completed)
    assert isinstance(second.end(), Completed)
    assert hub.log.sent(NAME) == SIZE
    assert only_the_model(folder)


def test_files_get_their_names_together(hub: LocalHub, folder: Path) -> None:
    hub.add("owner/name", {"second.gguf": CONTENT[:2_000_000]})
    hub.fault("second.gguf", origin="cdn", stall_after=100_000)
    run = Run(hub, folder, NAME, "second.gguf")
    wait_until(lambda: hub.log.sent("second.gguf") >= 100_000)
    assert not (folder / NAME).exists()
    run.job.stop()
    run.end()
    hub.faults.clear()
    hub.log.clear()
    assert isinstance(Run(hub, folder, NAME, "second.gguf").end(), Completed)
    assert (folder / NAME).exists()
    assert hub.log.sent(NAME) == 0


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (b'{"auto_map": {"AutoModel": "modeling.Own"}}', "code of its own"),
        (b'{"model_file": "own.py"}', "code of its own"),
        (b"[1]", "cannot be read"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "cannot be read"),
        (b"{" + b" " * 1024**2 + b"}", "cannot be read"),
    ],
    ids=["auto_map", "model_file", "list", "deep", "long"],
)
def test_a_model_with_code_of_its_own_is_refused_first(
    hub: LocalHub, folder: Path, config: bytes, words: str
) -> None:
    hub.add("owner/name", {"config.json": config})
    assert words in failed(Run(hub, folder, NAME, "config.json").end()).title
    assert hub.log.sent(NAME) == 0


def test_what_makes_a_model_is_named_last() -> None:
    def order(*names: str) -> list[str]:
        return [file.path for file in in_naming_order([RepoFile(name, 1) for name in names])]

    split = [f"m-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    assert order(*split)[-1] == split[0]
    assert order("config.json", "model.safetensors")[-1] == "config.json"
    assert order("model.safetensors", "config.json", "tokenizer.json")[-1] == "config.json"


# -- the child process


def test_the_child_speaks_lines_and_ends_with_its_input(hub: LocalHub, folder: Path) -> None:
    process = subprocess.Popen(
        child_command("--transfer-host"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        repository = hub.repositories["owner/name"]
        files = listed(hub, NAME)
        fetch = Fetch(
            "a", (HubAccess(hub.url),), "owner/name", repository.sha, files, str(folder), QUICK
        )
        hub.fault(NAME, origin="cdn", rate=2_000_000)
        process.stdin.write(b"no command\n" + encode(fetch) + encode(Stop("unknown")))
        process.stdin.flush()
        seen: list[Reply] = []
        while not isinstance(seen[-1:] and seen[-1], Completed):
            seen.append(decode_reply(process.stdout.readline()))
        moves = [reply for reply in seen if isinstance(reply, Moved)]
        assert moves
        assert moves[-1].done <= SIZE
        assert (folder / NAME).read_bytes() == CONTENT
        process.stdin.close()
        assert process.wait(DEADLINE) == 0


def test_the_child_ends_at_once_when_its_input_does(hub: LocalHub, folder: Path) -> None:
    hub.fault(NAME, origin="cdn", stall_after=1000)
    fetch = Fetch("a", (HubAccess(hub.url),), "owner/name", "main", listed(hub, NAME), str(folder))
    process = subprocess.Popen(
        child_command("--transfer-host"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
    )
    assert process.stdin is not None
    with process:
        process.stdin.write(encode(fetch))
        process.stdin.flush()
        wait_until(lambda: hub.log.sent(NAME) >= 1000)
        process.stdin.close()
        process.wait(DEADLINE)
    assert not (folder / NAME).exists()


# -- names


@pytest.mark.parametrize(
    "name",
    [
        "../model.gguf",
        "a/../../model.gguf",
        "/model.gguf",
        "a//b.gguf",
        "./a.gguf",
        "C:/model.gguf",
        "C:model.gguf",
        "\\\\server\\share\\model.gguf",
        "a\\b.gguf",
        "mod\0el.gguf",
        "mod\nel.gguf",
        "model\u202efugg.gguf",
        "mödel.gguf",
        "CON.gguf",
        "con.gguf",
        "aux/model.gguf",
        "COM1.gguf",
        "NUL.tar.gguf",
        ".cache/model.gguf",
        ".gguf",
        "model.gguf ",
        " model.gguf",
        "folder./model.gguf",
        "model.gguf.",
        "x" * 250 + ".gguf",
        "model.gguf:stream",
        "model.part.json",
        "model.gguf.part.json",
        "",
    ],
)
def test_names_that_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="refused") as caught:
        target_path(tmp_path, name)
    shown = f"{caught.value.title}{caught.value.message}"
    assert "\0" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    "name", ["a.bin", "a.pt", "a.pkl", "a.py", "a.so", "a.dll", "a.exe", "a.npy", "a", "a.GGUF.exe"]
)
def test_kinds_that_are_refused(name: str) -> None:
    with pytest.raises(DownloadError, match="kind"):
        check_names([name])


@pytest.mark.parametrize(
    "name", ["model-Q4_K_M.gguf", "sub/Model (1)+x=2@3,4.GGUF", "model-00001-of-00002.gguf"]
)
def test_names_that_are_fine(name: str, tmp_path: Path) -> None:
    assert target_path(tmp_path, name).is_relative_to(tmp_path)


def test_names_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(DownloadError, match="same name"):
        check_names(["Model.gguf", "model.gguf"])


@pytest.mark.parametrize("repo", ["..", "../x", "a/..", "a", "a/b/c", "con/x", "a/b\0"])
def test_repositories_that_are_refused(repo: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="refused"):
        repository_folder(tmp_path, repo)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "sub").symlink_to(outside)
    with pytest.raises(DownloadError, match="outside"):
        target_path(inside, "sub/model.gguf")


@given(st.text())
def test_no_text_leaves_the_folder(name: str) -> None:
    folder = Path("/nowhere/models")
    try:
        target = target_path(folder, name)
    except DownloadError:
        return
    assert target.resolve().is_relative_to(folder)


# -- ranges


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20))))
def test_extents_are_a_set_of_bytes(ranges: list[tuple[int, int]]) -> None:
    extents, expected = Extents(), set[int]()
    for start, length in ranges:
        extents.add(start, start + length)
        expected |= set(range(start, start + length))
    assert extents.total == len(expected)
    missing = {byte for start, end in extents.gaps(0, 90) for byte in range(start, end)}
    assert missing == set(range(90)) - expected
    spans = extents.spans
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))


def test_the_state_never_claims_more_than_the_file_has(tmp_path: Path) -> None:
    target = tmp_path / NAME
    part = transfer_parts.Part(target, "etag", 100, "")
    with part.writer() as write:
        write(0, bytes(50))
    state = load_state(target)
    assert state is not None
    assert state.spans == ((0, 50),)
    os.truncate(part_path(target), 20)
    state = load_state(target)
    assert state is None or state.spans == ()


def half_a_part(target: Path) -> None:
    """A part whose first 3 MB are safe on disk; of the next one only the system knows."""
    part = Part(target, hashlib.sha256(CONTENT).hexdigest(), SIZE, "")
    with part.writer() as write:
        write(0, CONTENT[:3_000_000])
        part.sync()
        write(3_000_000, CONTENT[3_000_000:4_000_000])


def test_a_killed_program_keeps_what_the_system_has(hub: LocalHub, folder: Path) -> None:
    half_a_part(folder / NAME)
    assert isinstance(Run(hub, folder).end(), Completed)
    assert hub.log.sent(NAME) == 1_000_000


def test_after_a_power_cut_only_what_was_forced_to_disk_counts(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder / NAME
    half_a_part(target)
    with part_path(target).open("r+b") as file:  # the disk never got these
        file.seek(3_000_000)
        file.write(bytes(1_000_000))
    next_start = psutil.boot_time() + 3600
    monkeypatch.setattr(psutil, "boot_time", lambda: next_start)
    assert isinstance(Run(hub, folder).end(), Completed)
    assert target.read_bytes() == CONTENT
    assert hub.log.sent(NAME) == 2_000_000


@pytest.mark.parametrize("text", [None, "", "\0\0\0"])
def test_a_recent_state_that_was_lost_costs_seconds(
    hub: LocalHub, folder: Path, text: str | None
) -> None:
    target = folder / NAME
    half_a_part(target)
    if text is None:
        recent_path(target).unlink()
    else:
        recent_path(target).write_text(text, encoding="utf-8")
    assert isinstance(Run(hub, folder).end(), Completed)
    assert target.read_bytes() == CONTENT
    assert hub.log.sent(NAME) == 2_000_000
    assert only_the_model(folder)


def test_bytes_are_forced_to_disk_before_the_state_that_claims_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, os.replace
    target = tmp_path / NAME
    part = Part(target, "etag", 100, "")

    def spy_fsync(descriptor: int) -> None:
        fsync(descriptor)
        same = [
            path.name
            for path in [*tmp_path.iterdir(), tmp_path]
            if path.stat().st_ino == os.fstat(descriptor).st_ino
        ]
        events.append(f"fsync {same[0] if same[0] != tmp_path.name else 'folder'}")

    def spy_replace(source: Path, goal: Path) -> None:
        replace(source, goal)
        events.append(f"name {Path(goal).name}")

    with part.writer() as write:
        write(0, bytes(50))
        monkeypatch.setattr(os, "fsync", spy_fsync)
        monkeypatch.setattr(os, "replace", spy_replace)
        part.sync()
        monkeypatch.undo()
    assert events == [
        f"name {NAME}.part.recent.json",
        f"fsync {NAME}.part",
        f"fsync {NAME}.part.json.tmp",
        f"name {NAME}.part.json",
        "fsync folder",
    ]


def test_hash_of_the_content_matches_git(hub: LocalHub) -> None:
    file = hub.repositories["owner/name"].files["config.json"]
    assert file.blob_sha1 == hashlib.sha1(b'blob 8\0{"a": 1}').hexdigest()
