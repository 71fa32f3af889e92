"""Logging in to the hub, and what models with a licence say."""

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import AccessError, HubError, OfflineError, SettingsError
from app.core.hub_account import Account, HubAccount
from app.core.hub_gate import HubGate
from app.core.hub_http import HubHttp
from app.core.keys import KeyStore, NoKeyring
from app.core.paths import app_paths
from app.core.settings import Network, SettingsStore
from tests.core.memory_keyring import MemoryKeyring, password_store
from tests.core.test_hub import clear
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

TOKEN = "hf_goodtoken1234567890"
OTHER = "hf_othertoken123456789"
OPEN, CLOSED = "owner/opened", "owner/closed"


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as hub:
        for repo in (OPEN, CLOSED):
            hub.add(repo, {"model.gguf": b"GGUF" + bytes(100)}, gated="manual")
        hub.tokens[TOKEN] = {OPEN}
        hub.tokens[OTHER] = set()
        yield hub


@pytest.fixture
def settings(corral_home: Path, hub: LocalHub) -> SettingsStore:
    settings = SettingsStore(app_paths().settings_file)
    settings.update(network=Network(endpoint=hub.url, send_token_to=hub.url))
    return settings


@pytest.fixture
def passwords() -> Iterator[MemoryKeyring]:
    with password_store() as store:
        yield store


@pytest.fixture
def http() -> Iterator[HubHttp]:
    http = HubHttp(timeout=PATIENCE)
    yield http
    http.close()


def account_in(settings: SettingsStore, http: HubHttp, **env: str) -> HubAccount:
    return HubAccount(settings, HubGate(settings, KeyStore(app_paths()), env), http)


@pytest.fixture
def account(settings: SettingsStore, http: HubHttp, passwords: MemoryKeyring) -> HubAccount:
    return account_in(settings, http)


def test_a_log_in_is_checked_kept_and_shown(
    account: HubAccount, passwords: MemoryKeyring, settings: SettingsStore, http: HubHttp
) -> None:
    assert account.current() is None
    assert account.log_in(f" {TOKEN}\n") == Account("tester", "keyring")
    assert list(passwords.entries.values()) == [TOKEN]
    assert TOKEN not in app_paths().settings_file.read_text()
    later = account_in(SettingsStore(app_paths().settings_file), http)
    assert later.current() == Account("tester", "keyring")
    assert later.verify() == Account("tester", "keyring")


def test_a_log_out_forgets_the_token(account: HubAccount, passwords: MemoryKeyring) -> None:
    account.log_in(TOKEN)
    account.log_out()
    assert passwords.entries == {}
    assert account.current() is None
    assert account.verify() is None
    assert account.permission(OPEN) == "log_in"


def test_a_token_that_the_hub_refuses_is_not_kept(
    account: HubAccount, passwords: MemoryKeyring
) -> None:
    with pytest.raises(AccessError) as caught:
        account.log_in("hf_unknown")
    assert caught.value.kind == "bad_token"
    clear(caught.value)
    assert passwords.entries == {}
    assert account.current() is None


@pytest.mark.parametrize("text", ["", "  ", "two words", "hf_é"])
def test_what_is_no_token_is_sent_to_nobody(account: HubAccount, hub: LocalHub, text: str) -> None:
    with pytest.raises(SettingsError):
        account.log_in(text)
    assert hub.log.entries() == []


def test_a_log_in_while_another_one_is_kept_replaces_it(
    account: HubAccount, passwords: MemoryKeyring
) -> None:
    account.log_in(OTHER)
    assert account.permission(OPEN) == "ask"
    account.log_in(TOKEN)
    assert account.permission(OPEN) == "granted"
    account.log_in(OTHER, "file")
    assert passwords.entries == {}
    assert account.permission(OPEN) == "ask"


def test_without_a_password_store_a_file_is_used_only_if_the_person_agrees(
    account: HubAccount, passwords: MemoryKeyring
) -> None:
    passwords.locked = True
    with pytest.raises(NoKeyring):
        account.log_in(TOKEN)
    file = app_paths().data / "keys.json"
    assert not file.exists()
    assert account.current() is None
    assert account.log_in(TOKEN, "file").source == "file"
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert account.permission(OPEN) == "granted"
    account.log_out()
    assert not file.exists()


def test_a_token_of_the_environment_comes_first_and_is_shown_as_such(
    settings: SettingsStore, http: HubHttp, passwords: MemoryKeyring
) -> None:
    account_in(settings, http).log_in(OTHER)
    account = account_in(settings, http, HF_TOKEN=TOKEN)
    assert account.current() == Account("", "environment")
    assert account.verify() == Account("tester", "environment")
    assert account.permission(OPEN) == "granted"


def test_a_password_store_that_was_locked_meanwhile_is_named(
    account: HubAccount, settings: SettingsStore, http: HubHttp, passwords: MemoryKeyring
) -> None:
    account.log_in(TOKEN)
    passwords.locked = True
    with pytest.raises(AccessError, match="cannot be read") as caught:
        account_in(settings, http).verify()
    clear(caught.value)


def test_what_stands_between_a_person_and_a_model(account: HubAccount, hub: LocalHub) -> None:
    assert account.permission(CLOSED) == "log_in"
    assert hub.log.entries() == []
    account.log_in(TOKEN)
    assert account.permission(OPEN) == "granted"
    assert account.permission(CLOSED) == "ask"
    hub.requests[CLOSED] = "awaiting"
    assert account.permission(CLOSED) == "waiting"
    hub.requests[CLOSED] = "rejected"
    assert account.permission(CLOSED) == "rejected"
    hub.tokens[TOKEN].add(CLOSED)
    assert account.permission(CLOSED) == "granted"


def test_other_troubles_of_the_hub_are_not_taken_for_a_refusal(
    account: HubAccount, hub: LocalHub
) -> None:
    account.log_in(TOKEN)
    hub.fault("/auth-check", status=503)
    with pytest.raises(HubError, match="out of order"):
        account.permission(OPEN)


def test_the_token_is_not_tried_at_a_hub_for_which_it_is_not_allowed(
    account: HubAccount, settings: SettingsStore, hub: LocalHub
) -> None:
    settings.update(network=Network(endpoint=hub.url))
    with pytest.raises(AccessError) as caught:
        account.log_in(TOKEN)
    assert caught.value.kind == "withheld"
    clear(caught.value)
    assert hub.log.entries() == []


def test_a_logged_in_person_learns_that_the_token_is_withheld(
    account: HubAccount, settings: SettingsStore, hub: LocalHub
) -> None:
    account.log_in(TOKEN)
    network = settings.current.network
    settings.update(network=Network(endpoint=hub.url, token=network.token))
    assert account.permission(OPEN) == "withheld"


def test_nobody_is_asked_while_offline(
    account: HubAccount, settings: SettingsStore, hub: LocalHub
) -> None:
    account.log_in(TOKEN)
    hub.log.clear()
    network = settings.current.network
    settings.update(network=Network(endpoint=hub.url, token=network.token, offline=True))
    for attempt in (account.verify, lambda: account.permission(OPEN)):
        with pytest.raises(OfflineError):
            attempt()
    with pytest.raises(OfflineError):
        account.log_in(OTHER)
    assert hub.log.entries() == []
