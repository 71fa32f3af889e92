"""Files taken from elsewhere on this computer: verified, and never written to."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from app.core.transfer_copy import LocalCopy
from app.core.transfer_naming import finish
from app.core.transfer_parts import Part, bytes_on_disk, load_state, part_path
from app.core.transfer_stop import StopSignal, TransferStopped
from app.core.variants import RepoFile

DATA = os.urandom(300_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
FILE = RepoFile("model.gguf", len(DATA), sha256=DIGEST)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "store" / "blob"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "models" / "model.gguf"
    path.parent.mkdir()
    return path


def copy(source: Path, target: Path, stop: StopSignal | None = None) -> LocalCopy:
    return LocalCopy(source, FILE, target, stop or StopSignal())


def test_it_is_linked_verified_and_ready_to_be_named(source: Path, target: Path) -> None:
    assert copy(source, target).take()
    assert bytes_on_disk(target, FILE.size) == FILE.size
    state = load_state(target)
    assert state is not None
    assert state.verified
    assert part_path(target).samefile(source)
    finish([target], (), ())
    assert target.read_bytes() == DATA


def test_where_links_are_impossible_it_is_copied(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", refuse)
    taken = copy(source, target)
    assert taken.take()
    assert taken.done == FILE.size
    assert not part_path(target).samefile(source)
    assert part_path(target).read_bytes() == DATA


def test_a_part_that_shares_its_bytes_is_never_written_into(source: Path, target: Path) -> None:
    os.link(source, part_path(target))  # killed before it was verified
    part = Part(target, DIGEST, FILE.size, "")
    with part.writer() as write:
        write(0, b"x" * 1000)
    assert source.read_bytes() == DATA


def test_another_file_is_no_copy(source: Path, target: Path) -> None:
    source.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    assert not copy(source, target).take()
    assert list(target.parent.iterdir()) == []
    source.write_bytes(DATA[:-1])
    assert not copy(source, target).take()
    assert not copy(source.with_name("gone"), target).take()


def test_a_stop_leaves_nothing_behind(source: Path, target: Path) -> None:
    stop = StopSignal()
    stop.set()
    with pytest.raises(TransferStopped):
        copy(source, target, stop).take()
    assert list(target.parent.iterdir()) == []
    assert source.read_bytes() == DATA


def test_what_was_fetched_and_verified_is_not_done_again(source: Path, target: Path) -> None:
    assert copy(source, target).take()
    assert not copy(source, target).take()
    part = Part(target, DIGEST, FILE.size, "")
    assert part.complete
    assert part.verified


def test_a_full_disk_is_told(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(LocalCopy, "_link_or_copy", full)
    with pytest.raises(OSError, match="full"):
        copy(source, target).take()
