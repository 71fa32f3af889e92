"""Looking for versions and fetching them: who is asked, what is believed, what is in the ledger."""

import math
import threading
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from app.core import files
from app.core.errors import DownloadError, HubError, OfflineError, StorageError, UpdateError
from app.core.files import locked
from app.core.program_form import Program
from app.core.program_updates import CHECK_EVERY, ProgramUpdates
from app.core.settings import Network, Updates
from tests.hub.faults import Allowance
from tests.timing import PATIENCE
from tests.updates.conftest import Desk
from tests.updates.update_server import LIST, UpdateServer


def package_file(desk: Desk, version: str) -> Path:
    return desk.paths.program_updates / f"corral-{version}-linux-x86_64.deb"


def test_a_newer_version_is_offered_with_what_is_new(
    updates: ProgramUpdates, server: UpdateServer
) -> None:
    assert updates.state().stage == "unknown"
    server.announce(server.release("0.2.0"))
    updates.look()
    state = updates.state()
    assert state.stage == "offered"
    assert state.release is not None
    assert state.release.notes["fr"].endswith("Mieux")
    assert state.page == "https://x.example"


def test_the_version_that_runs_and_older_ones_are_no_news(
    updates: ProgramUpdates, server: UpdateServer
) -> None:
    for serial, version in enumerate(("0.1.0", "0.0.9"), 1):
        server.announce(server.release(version), serial=serial)
        updates.look(now=True)
        assert updates.state().stage == "current"


@pytest.mark.parametrize("look", [None, False])
def test_who_has_not_agreed_is_not_told_and_nothing_is_asked(
    look: bool | None, desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    desk.settings.update(updates=Updates(look=look))
    server.announce(server.release("0.2.0"))
    updates.look()
    assert desk.asked() == 0
    assert desk.ledger.entries() == ()
    assert updates.state().stage == "unknown"


def test_a_person_may_look_once_without_agreeing_for_good(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    desk.settings.update(updates=Updates())
    server.announce(server.release("0.2.0"))
    updates.look(now=True)
    assert updates.state().stage == "offered"
    updates.look()
    assert desk.asked() == 1


def test_offline_nothing_is_asked(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    server.announce(server.release("0.2.0"))
    desk.settings.update(network=Network(offline=True))
    updates.look()
    with pytest.raises(OfflineError):
        updates.look(now=True)
    with pytest.raises(OfflineError):
        updates.fetch(server.release("0.2.0"))
    assert desk.asked() == 0
    assert desk.ledger.entries() == ()


def test_a_build_without_keys_asks_nobody(desk: Desk, server: UpdateServer) -> None:
    from app.core.hub_gate import HubGate
    from app.core.keys import KeyStore

    gate = HubGate(desk.settings, KeyStore(desk.paths), {})
    with closing(ProgramUpdates(desk.paths, desk.settings, gate, desk.http)) as updates:
        updates.look()
        with pytest.raises(UpdateError, match="cannot look"):
            updates.look(now=True)
        assert updates.state().stage == "not set up"
    assert desk.asked() == 0


def test_by_itself_it_asks_once_a_day(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    server.announce(server.release("0.2.0"))
    updates.look()
    updates.look()
    with closing(desk.updates()) as next_start:
        next_start.look()
    assert desk.asked() == 1
    desk.clock.ahead = CHECK_EVERY + 1
    updates.look()
    assert desk.asked() == 2


def test_a_server_that_fails_is_not_asked_again_and_again_and_is_no_news(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    server.fault(LIST, status=503)
    updates.look()
    updates.look()
    assert desk.asked() == 1
    assert updates.state().problem is None
    with pytest.raises(HubError, match="503"):
        updates.look(now=True)
    assert isinstance(updates.state().problem, HubError)


def test_a_tampered_list_is_refused_and_the_one_before_stays(
    updates: ProgramUpdates, server: UpdateServer
) -> None:
    server.announce(server.release("0.2.0"))
    updates.look()
    server.announce(server.release("0.3.0"), serial=2)
    server.tamper('"0.3.0"', '"0.9.0"')
    with pytest.raises(UpdateError, match="not from Corral's makers"):
        updates.look(now=True)
    state = updates.state()
    assert state.release is not None
    assert state.release.version == "0.2.0"
    assert isinstance(state.problem, UpdateError)


def test_an_old_list_is_not_believed_again(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    server.announce(server.release("0.2.0"))
    old = server.list
    server.announce(server.release("0.3.0"), serial=2)
    updates.look(now=True)
    server.list = old
    with pytest.raises(UpdateError, match="older than one seen before"):
        updates.look(now=True)
    with closing(desk.updates()) as next_start:
        with pytest.raises(UpdateError, match="older than one seen before"):
            next_start.look(now=True)
        state = next_start.state()
        assert state.release is not None
        assert state.release.version == "0.3.0"


def test_a_list_that_is_over_is_refused_and_one_that_ends_is_forgotten(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    server.announce(server.release("0.2.0"), days=2)
    updates.look()
    assert updates.state().stage == "offered"
    desk.clock.ahead = 3 * 86_400
    assert updates.state().stage == "unknown"
    with pytest.raises(UpdateError, match="out of date"):
        updates.look(now=True)


def test_a_list_that_was_changed_on_the_disk_is_not_believed(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    server.announce(server.release("0.2.0"))
    updates.look()
    path = desk.paths.program_updates / "memory.json"
    path.write_text(path.read_text(encoding="utf-8").replace("0.2.0", "0.9.0"), encoding="utf-8")
    with closing(desk.updates()) as next_start:
        assert next_start.state().stage == "unknown"


def test_an_answer_without_end_is_left_off(updates: ProgramUpdates, server: UpdateServer) -> None:
    server.fault(LIST, huge=4 << 20)
    with pytest.raises(HubError, match="cannot be read"):
        updates.look(now=True)
    assert server.log.sent(LIST) < 4 << 20


def test_too_old_a_version_is_sent_to_the_page(
    updates: ProgramUpdates, server: UpdateServer
) -> None:
    server.announce(server.release("0.5.0", minimum="0.3.0"))
    updates.look()
    assert updates.state().stage == "too old"


def test_a_checkout_hears_of_the_version_and_how_it_comes(desk: Desk, server: UpdateServer) -> None:
    server.announce(server.release("0.2.0"))
    program = Program("source", "linux", "x86_64")
    with closing(desk.updates(program=program)) as updates:
        updates.look()
        state = updates.state()
        assert (state.stage, state.way) == ("no package", "source")
        with pytest.raises(UpdateError, match="no package"):
            updates.fetch(server.release("0.2.0"))


def test_a_package_that_the_list_has_replaced_is_fetched_anew(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    withdrawn = server.release("0.2.0", b"withdrawn" * 10_000)
    server.announce(withdrawn)
    updates.look()
    assert updates.fetch(withdrawn)
    mended = server.release("0.2.0", b"mended" * 20_000)
    server.announce(mended, serial=2)
    updates.look(now=True)
    assert updates.state().stage == "offered"
    assert updates.fetch(mended)
    assert updates.state().stage == "ready"
    assert package_file(desk, "0.2.0").read_bytes() == b"mended" * 20_000
    updates.replacement.install(mended)
    with closing(desk.updates("0.3.0")) as later:
        server.announce(
            server.release("0.3.0"), serial=3, previous=server.release("0.2.0", b"again" * 30_000)
        )
        later.look(now=True)
        back = later.replacement.going_back()
        assert back is not None
        assert not back.here
        assert back.package.size == 150_000


def test_a_package_is_fetched_checked_and_listed(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    release = server.release("0.2.0")
    server.announce(release)
    updates.look()
    assert updates.fetch(release)
    assert updates.state().stage == "ready"
    assert package_file(desk, "0.2.0").read_bytes() == server.packages["/corral-0.2.0.deb"]
    entries = desk.ledger.entries()
    assert {each.purpose for each in entries} == {"program update"}
    assert {each.why for each in entries} == {"", "0.2.0"}
    told = sum(each.requests for each in entries)
    assert told == desk.asked()
    with closing(desk.updates()) as next_start:
        assert next_start.state().stage == "ready"


def test_nothing_but_the_version_of_corral_is_told_to_the_server(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    release = server.release("0.2.0")
    server.announce(release)
    updates.look()
    updates.fetch(release)
    usual = {"host", "accept", "accept-encoding", "connection", "user-agent", "range", "if-range"}
    entries, once = server.log.entries(), "x-amzn-trace-id"  # a random number for each request
    assert len({entry.headers[once] for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.headers.keys() <= {*usual, once}
        assert entry.headers["user-agent"].startswith("corral/")
        assert not entry.query


def test_a_tampered_package_is_deleted_and_said_to_be_so(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    release = server.release("0.2.0")
    server.announce(release)
    server.fault("/corral-0.2.0.deb", corrupt_at=1234)
    updates.look()
    with pytest.raises(DownloadError, match="did not arrive as its makers signed it") as refused:
        updates.fetch(release)
    assert "“corral-0.2.0-linux-x86_64.deb”" in refused.value.message  # as a person knows it
    assert updates.state().stage == "offered"
    assert list(desk.paths.program_updates.glob("corral-*")) == []


def test_a_package_of_another_size_is_refused_before_it_is_fetched(
    updates: ProgramUpdates, server: UpdateServer
) -> None:
    release = server.release("0.2.0")
    server.packages["/corral-0.2.0.deb"] += b"more"
    with pytest.raises(DownloadError, match="signed list says 250,000 bytes"):
        updates.fetch(release)


def test_an_address_without_encryption_is_not_asked(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    release = server.release("0.2.0")
    package = replace(release.packages[0], url="http://updates.example/corral.deb")
    with pytest.raises(UpdateError, match="no https address"):
        updates.fetch(replace(release, packages=(package,)))
    server.fault("/corral-0.2.0.deb", status=302, headers={"Location": "http://x.example/a"})
    with pytest.raises(DownloadError, match="no https address"):
        updates.fetch(release)


def test_a_broken_connection_and_a_stop_cost_nothing_that_was_fetched(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    release = server.release("0.2.0", bytes(range(256)) * 4000)
    allowance = Allowance()
    server.fault("/corral-0.2.0.deb", origin="cdn", allowance=allowance)
    allowance.grant(400_000)
    there = threading.Event()
    updates.changed.connect(lambda: there.set() if updates.state().done >= 200_000 else None)
    outcome: list[bool] = []
    thread = threading.Thread(target=lambda: outcome.append(updates.fetch(release)))
    thread.start()
    assert there.wait(PATIENCE)
    assert updates.state().fetching
    updates.stop_fetching()
    thread.join(PATIENCE)
    assert outcome == [False]
    assert not updates.state().fetching
    allowance.grant(math.inf)
    before = server.log.sent("/corral-0.2.0.deb")
    with closing(desk.updates()) as next_start:
        assert next_start.fetch(release)
    assert server.log.sent("/corral-0.2.0.deb") - before < 900_000
    assert package_file(desk, "0.2.0").read_bytes() == bytes(range(256)) * 4000


def test_going_offline_stops_at_once(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    release = server.release("0.2.0")
    server.fault("/corral-0.2.0.deb", origin="cdn", stall_after=1)
    there = threading.Event()
    updates.changed.connect(lambda: there.set() if updates.state().done else None)
    outcome: list[bool] = []
    thread = threading.Thread(target=lambda: outcome.append(updates.fetch(release)))
    thread.start()
    assert there.wait(PATIENCE)
    desk.settings.update(network=Network(offline=True))
    thread.join(PATIENCE)
    assert outcome == [False]


def test_packages_of_this_version_of_the_one_before_and_of_the_newest_are_kept(
    desk: Desk, server: UpdateServer
) -> None:
    versions = ("0.1.0", "0.2.0", "0.3.0", "0.4.0")
    for running, fetched in zip(("0.0.9", *versions), versions, strict=False):
        with closing(desk.updates(running)) as updates:
            assert updates.fetch(server.release(fetched))
    left = sorted(path.name for path in desk.paths.program_updates.glob("corral-*"))
    assert left == [f"corral-{each}-linux-x86_64.deb" for each in ("0.2.0", "0.3.0", "0.4.0")]


def test_a_stolen_key_that_is_not_trusted_any_more_shuts_nobody_out(
    desk: Desk, updates: ProgramUpdates, server: UpdateServer
) -> None:
    server.announce(server.release("0.2.0"), serial=1_000_000)
    updates.look(now=True)
    server.key = Ed25519PrivateKey.generate()  # the next build trusts this one
    server.announce(server.release("0.3.0"), serial=8)
    with closing(desk.updates("0.2.0")) as next_build:
        next_build.look(now=True)
        state = next_build.state()
        assert state.release is not None
        assert state.release.version == "0.3.0"


def test_the_newest_package_and_the_one_that_is_to_be_installed_stay_when_another_comes(
    desk: Desk, server: UpdateServer
) -> None:
    def here() -> set[str]:
        return {path.name.split("-")[1] for path in desk.paths.program_updates.glob("corral-*")}

    with closing(desk.updates("0.2.0")) as updates:
        newest = server.release("0.3.0")
        updates.fetch(newest)
        updates.fetch(server.release("0.1.0"))
        assert here() == {"0.1.0", "0.3.0"}
        updates.fetch(server.release("0.0.9"))
        updates.replacement.install(newest)
        updates.fetch(server.release("0.4.0"))
        assert here() == {"0.1.0", "0.3.0", "0.4.0"}
        updates.replacement.cancel()
        updates.fetch(server.release("0.4.0", b"once more"))
        assert here() == {"0.1.0", "0.4.0"}


def test_a_window_that_looked_long_ago_does_not_forget_what_another_has_learned(
    desk: Desk, server: UpdateServer
) -> None:
    release = server.release("0.2.0")
    with closing(desk.updates()) as first, closing(desk.updates()) as second:
        server.announce(release, serial=1)
        first.look(now=True)
        server.announce(release, serial=5)
        second.look(now=True)
        first.fetch(release)
        server.announce(release, serial=2)
        with pytest.raises(UpdateError, match="older than one seen before"):
            first.look(now=True)
    with closing(desk.updates()) as third:
        assert third.state().stage == "ready"
        with pytest.raises(UpdateError, match="number 5 came already"):
            third.look(now=True)


def test_what_is_noted_waits_for_another_program_that_is_noting_something(
    updates: ProgramUpdates, desk: Desk, server: UpdateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = server.release("0.2.0")
    with locked(desk.paths.program_updates / "memory.json"):
        monkeypatch.setattr(files, "_LOCK_PATIENCE", 0.05)
        with pytest.raises(StorageError, match="Another Corral has been writing it"):
            updates.fetch(release)
    updates.fetch(release)
