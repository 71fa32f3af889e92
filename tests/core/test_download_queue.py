"""Order, hours, limits, and the network that comes and goes: the manager with its real child."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import download_entry, download_schedule, download_space
from app.core.download_entry import DownloadEntry
from app.core.download_queue import DownloadQueue, Step
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.download_times import hold_for, seconds_to_look, within
from app.core.downloads import DownloadManager
from app.core.errors import NotFoundError
from app.core.library import ModelLibrary
from app.core.paths import app_paths
from app.core.settings import Downloads, SettingsStore
from app.core.transfer_wire import Moved
from app.core.variants import RepoFile
from tests.core.test_downloads import Bench, model_bytes, state_is, wait_for
from tests.hub.server import LocalHub

NIGHT = Downloads(only_hours=True)
NOON = datetime(2026, 3, 1, 12, 0)
MIDNIGHT = datetime(2026, 3, 1, 0, 0)


@pytest.fixture
def bench(corral_home: Path) -> Iterator[Bench]:
    paths = app_paths()
    settings = SettingsStore(paths.settings_file)
    with LocalHub() as hub:
        for number in range(5):
            hub.add(f"owner/m{number}", {f"m{number}.gguf": model_bytes(number)})
        yield Bench(hub, paths, settings, ModelLibrary(paths, settings))


@contextmanager
def held_manager(bench: Bench, **options: Any) -> Iterator[DownloadManager]:
    """A manager whose downloads begin and then get no further."""
    bench.hub.fault(".gguf", origin="cdn", stall_after=100_000)
    with bench.manager(**options) as manager:
        yield manager


def by_id(manager: DownloadManager) -> dict[str, DownloadItem]:
    return {item.id: item for item in manager.items()}


def states(manager: DownloadManager) -> list[str]:
    return [item.state for item in manager.items()]


# -- order


def five(bench: Bench, manager: DownloadManager) -> list[str]:
    return [manager.add(bench.request(f"owner/m{number}")).id for number in range(5)]


def test_moving_to_the_top_runs_at_once_and_the_last_one_makes_way(bench: Bench) -> None:
    with held_manager(bench) as manager:
        ids = five(bench, manager)
        assert states(manager) == ["running"] * 3 + ["waiting"] * 2
        manager.move(ids[4], "top")
        assert [item.id for item in manager.items()] == [ids[4], *ids[:4]]
        assert states(manager) == ["running"] * 3 + ["waiting"] * 2
        assert by_id(manager)[ids[2]].state == "waiting"
        bench.hub.faults.clear()
        for item_id in ids:
            wait_for(manager, item_id, state_is("done"))


@pytest.mark.parametrize(
    ("step", "order"),
    [("top", "30124"), ("up", "01324"), ("down", "01243"), ("bottom", "01243")],
)
def test_steps_in_the_queue(bench: Bench, step: Step, order: str) -> None:
    with held_manager(bench) as manager:
        ids = five(bench, manager)
        manager.pause_all()
        manager.move(ids[3], step)
        assert [item.id for item in manager.items()] == [ids[int(place)] for place in order]
        with pytest.raises(NotFoundError):
            manager.move("gone", step)


def test_dragging_puts_before_another_or_at_the_end(bench: Bench) -> None:
    with held_manager(bench) as manager:
        ids = five(bench, manager)
        manager.move_before(ids[4], ids[1])
        manager.move_before(ids[0], None)
        assert [item.id for item in manager.items()] == [ids[n] for n in (4, 1, 2, 3, 0)]
        assert by_id(manager)[ids[0]].state == "waiting"


def test_the_order_outlives_the_program(bench: Bench) -> None:
    with held_manager(bench) as manager:
        ids = five(bench, manager)
        manager.move(ids[4], "top")
    with held_manager(bench) as manager:
        assert [item.id for item in manager.items()] == [ids[4], *ids[:4]]
        assert by_id(manager)[ids[4]].state == "running"


def test_pause_all_and_resume_all_keep_the_order(bench: Bench) -> None:
    with held_manager(bench) as manager:
        ids = five(bench, manager)
        manager.pause_all()
        assert states(manager) == ["paused"] * 5
        manager.resume_all()
        assert states(manager) == ["running"] * 3 + ["waiting"] * 2
        assert [item.id for item in manager.items()] == ids


def entry_of(number: int, state: str) -> DownloadEntry:
    files = (RepoFile(f"m{number}.gguf", 10),)
    request = DownloadRequest(f"owner/m{number}", "main", "", "", files)
    entry = DownloadEntry(str(number), request, Path("/nowhere"), added=float(number))
    entry.state = state  # type: ignore[assignment]  # any of the states, as text
    return entry


@given(st.lists(st.sampled_from(["waiting", "running", "verifying", "paused", "done", "failed"])))
def test_at_most_three_run_and_never_one_before_an_earlier_one_that_may(every: list[str]) -> None:
    queue = DownloadQueue()
    verifying = 0
    for number, state in enumerate(every):
        verifying += state == "verifying"
        queue.add(entry_of(number, "waiting" if verifying > 3 else state))
    run, leave = queue.chosen("", (), 0.0)
    assert len(run) <= 3
    assert not any(entry in run for entry in leave)
    assert all(entry.state != "verifying" for entry in leave)
    able = [e for e in queue if e.state in ("waiting", "running")]
    chosen = [entry for entry in able if entry in run]
    assert chosen == able[: len(chosen)]
    assert queue.chosen("offline", (), 0.0)[0] == []


# -- hours and idle time


@pytest.mark.parametrize(
    ("minute", "begin", "end", "inside"),
    [
        (23 * 60, 22 * 60, 7 * 60, True),
        (6 * 60 + 59, 22 * 60, 7 * 60, True),
        (7 * 60, 22 * 60, 7 * 60, False),
        (12 * 60, 9 * 60, 17 * 60, True),
        (17 * 60, 9 * 60, 17 * 60, False),
        (0, 5, 5, True),
    ],
)
def test_hours_may_go_over_midnight(minute: int, begin: int, end: int, inside: bool) -> None:
    assert within(minute, begin, end) is inside


def test_what_holds_downloads_back() -> None:
    assert hold_for(NIGHT, NOON, lambda: 0.0) == "hours"
    assert hold_for(NIGHT, MIDNIGHT, lambda: 0.0) == ""
    quiet = Downloads(only_idle=True, idle_minutes=10)
    assert hold_for(quiet, NOON, lambda: 599.0) == "idle"
    assert hold_for(quiet, NOON, lambda: 600.0) == ""
    assert seconds_to_look(Downloads(), NOON) is None
    assert seconds_to_look(NIGHT, NOON) == 60.0
    assert seconds_to_look(NIGHT, NOON.replace(hour=21, minute=59, second=50)) == 10.0
    assert seconds_to_look(NIGHT, NOON.replace(hour=6, minute=59, second=59)) == 1.0


def test_by_day_it_waits_for_the_night_unless_it_is_wanted_now(bench: Bench) -> None:
    bench.settings.update(downloads=NIGHT)
    with bench.manager(clock=lambda: NOON) as manager:
        first = manager.add(bench.request("owner/m0")).id
        second = manager.add(bench.request("owner/m1")).id
        assert [item.waits_for for item in manager.items()] == ["hours", "hours"]
        assert manager.child_pid is None
        manager.run_now(second)
        done = wait_for(manager, second, state_is("done"))
        assert done.at_once
        assert by_id(manager)[first].state == "waiting"
        assert bench.hub.log.sent("m0.gguf") == 0


def test_when_the_hour_comes_it_begins_and_when_it_is_over_it_stops(bench: Bench) -> None:
    bench.settings.update(downloads=msgspec.structs.replace(NIGHT, only_idle=False))
    now = [datetime(2026, 3, 1, 21, 59, 59, 900_000)]
    slow = bench.hub.fault("m0.gguf", origin="cdn", stall_after=100_000)
    with bench.manager(clock=lambda: now[0]) as manager:
        item = manager.add(bench.request("owner/m0")).id
        assert by_id(manager)[item].waits_for == "hours"
        now[0] = datetime(2026, 3, 1, 22, 0)
        wait_for(manager, item, lambda each: each.done > 0)
        now[0] = datetime(2026, 3, 2, 7, 0)
        manager.move(manager.add(bench.request("owner/m1")).id, "top")  # anything that looks
        assert by_id(manager)[item].waits_for == "hours"
        slow.lift()
        now[0] = MIDNIGHT
        bench.settings.update(downloads=msgspec.structs.replace(NIGHT, speed_limit=9_000))
        wait_for(manager, item, state_is("done"))


def test_who_comes_back_to_the_computer_stops_what_runs_while_it_is_idle(bench: Bench) -> None:
    bench.settings.update(downloads=Downloads(only_idle=True, idle_minutes=1))
    idle = [3600.0]
    with held_manager(bench, idle=lambda: idle[0]) as manager:
        item = manager.add(bench.request("owner/m0")).id
        wait_for(manager, item, lambda each: each.done > 0)
        idle[0] = 0.0
        manager.try_network()  # looks at everything again, as the watch does in its time
        assert by_id(manager)[item].waits_for == "idle"


def test_a_download_of_the_terminal_keeps_no_hours(bench: Bench) -> None:
    bench.settings.update(downloads=NIGHT)
    with bench.manager(clock=lambda: NOON, keep_list=False) as manager:
        item = manager.add(bench.request("owner/m0")).id
        wait_for(manager, item, state_is("done"))


# -- the limit


def test_a_limit_holds_for_all_connections_together_and_can_be_lifted(bench: Bench) -> None:
    bench.settings.update(downloads=Downloads(speed_limit=1_000))
    with bench.manager() as manager:
        began = time.monotonic()
        items = [manager.add(bench.request(f"owner/m{number}")).id for number in range(2)]
        wait_for(manager, items[0], lambda each: each.done > 900_000)
        gained = sum(item.done for item in manager.items())
        # Each of eight connections may have a piece in hand.
        assert gained <= 1_000_000 * (time.monotonic() - began) + 8 * 262_144
        bench.settings.update(downloads=Downloads())
        for item in items:
            wait_for(manager, item, state_is("done"))


# -- the network


def test_without_a_network_it_tries_again_until_there_is_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_entry, "FIRST_NETWORK_WAIT", 0.05)
    monkeypatch.setattr(download_entry, "LONGEST_NETWORK_WAIT", 0.05)
    request = bench.request("owner/m0")
    with LocalHub() as gone:
        dead = gone.url
    missing = msgspec.structs.replace(request, endpoint=dead)
    with bench.manager() as manager:
        item = manager.add(missing).id
        away = wait_for(manager, item, lambda each: each.waits_for == "network")
        assert away.error is not None
        assert "out of reach" in away.error.title
        port = int(dead.rsplit(":", 1)[1])
        with LocalHub(port) as back:
            back.add("owner/m0", {"m0.gguf": model_bytes(0)})
            wait_for(manager, item, state_is("done"))


def test_when_the_system_says_online_nobody_waits_any_longer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_entry, "FIRST_NETWORK_WAIT", 3600.0)
    with LocalHub() as gone:
        dead = gone.url
    missing = msgspec.structs.replace(bench.request("owner/m0"), endpoint=dead)
    with bench.manager() as manager:
        item = manager.add(missing).id
        wait_for(manager, item, lambda each: each.waits_for == "network")
        with LocalHub(int(dead.rsplit(":", 1)[1])) as back:
            back.add("owner/m0", {"m0.gguf": model_bytes(0)})
            manager.try_network()
            wait_for(manager, item, state_is("done"))


def test_the_wait_for_the_network_grows_ends_and_is_forgotten_with_the_first_byte() -> None:
    entry = entry_of(1, "running")
    waits = []
    now = 100.0
    for _ in range(7):
        assert entry.lost_network(now)
        assert entry.retry_at is not None
        waits.append(entry.retry_at - now)
        now = entry.retry_at
    assert waits == [5, 10, 20, 30, 30, 30, 30]
    entry.moved(Moved("run", 1))
    assert entry.retry_at is None
    assert entry.lost_network(now)
    assert entry.retry_at == now + 5
    assert not entry.lost_network(now + download_entry.NETWORK_PATIENCE + 1)


# -- the disk


def test_a_disk_that_fills_up_meanwhile_stops_the_download_and_it_can_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [50_000_000_000]
    monkeypatch.setattr(download_space, "free_space", lambda _folder: free[0])
    monkeypatch.setattr(download_schedule, "DISK_SECONDS", 0.05)
    with held_manager(bench) as manager:
        item = manager.add(bench.request("owner/m0")).id
        wait_for(manager, item, lambda each: each.done > 0)
        free[0] = 900_000_000
        failed = wait_for(manager, item, state_is("failed"))
        assert failed.error is not None
        assert "filling up" in failed.error.title
        assert failed.done > 0
        free[0] = 50_000_000_000
        bench.hub.faults.clear()
        manager.resume(item)
        wait_for(manager, item, state_is("done"))


# -- several files


def test_each_file_of_a_download_tells_how_far_it_is(bench: Bench) -> None:
    parts = {f"m-0000{n}-of-00002.gguf": model_bytes(n, 1_000_000) for n in (1, 2)}
    bench.hub.add("owner/split", parts)
    bench.hub.fault("m-00002-of-00002.gguf", origin="cdn", stall_after=0)
    with bench.manager() as manager:
        item = manager.add(bench.request("owner/split")).id
        wait_for(manager, item, lambda each: each.files_done == (1_000_000, 0))
    with bench.manager() as manager:
        assert by_id(manager)[item].files_done[0] == 1_000_000
        bench.hub.faults.clear()
        done = wait_for(manager, item, state_is("done"))
        assert done.files_done == (1_000_000, 1_000_000)


# -- updates


def test_an_update_replaces_the_file_only_when_the_new_one_is_whole(bench: Bench) -> None:
    target = bench.paths.models / "owner/m0/m0.gguf"
    with bench.manager() as manager:
        wait_for(manager, manager.add(bench.request("owner/m0")).id, state_is("done"))
        old = target.read_bytes()
        newer = model_bytes(9)
        bench.hub.repositories["owner/m0"].add("m0.gguf", newer)
        stall = bench.hub.fault("m0.gguf", origin="cdn", stall_after=100_000)
        request = msgspec.structs.replace(bench.request("owner/m0"), update=True)
        item = manager.add(request)
        assert item.done == 0
        wait_for(manager, item.id, lambda each: 0 < each.done < each.total)
        assert target.read_bytes() == old
        stall.lift()
        wait_for(manager, item.id, state_is("done"))
    assert target.read_bytes() == newer
