"""`corral login`, `corral logout`, and `corral get` of a model that wants a log-in."""

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.ledger import Ledger
from app.core.paths import app_paths
from app.core.settings import Network, SettingsStore
from tests.cli.test_commands import corral
from tests.hub.server import LocalHub

TOKEN = "hf_goodtoken1234567890"
REPO, FILE = "owner/gated-GGUF", "model-Q4_1.gguf"
NO_STORE = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
"""As on a computer without a place for passwords."""


@pytest.fixture
def hub(starter_file: Path, corral_home: Path) -> Iterator[LocalHub]:
    with LocalHub() as hub:
        hub.add(REPO, {FILE: starter_file}, gated="manual")
        hub.tokens[TOKEN] = {REPO}
        settings = SettingsStore(app_paths().settings_file)
        settings.update(network=Network(endpoint=hub.url, send_token_to=hub.url))
        yield hub


def test_a_gated_model_is_fetched_after_a_log_in(hub: LocalHub) -> None:
    refused = corral("get", REPO, "--quiet", **NO_STORE)
    assert refused.returncode == 4
    assert "log in by “corral login”" in refused.stderr
    no_place = corral("login", stdin=f"{TOKEN}\n", **NO_STORE)
    assert no_place.returncode == 1
    assert "password store" in no_place.stderr
    done = corral("login", "--file", stdin=f"{TOKEN}\n", **NO_STORE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Logged in as tester;")
    file = app_paths().data / "keys.json"
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    fetched = corral("get", REPO, "--quiet", **NO_STORE)
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.strip().endswith(FILE)
    assert corral("login", "--status", **NO_STORE).stdout.startswith("Logged in as tester;")
    assert corral("logout", **NO_STORE).stdout == "Logged out.\n"
    assert not file.exists()
    assert corral("login", "--status", **NO_STORE).returncode == 1
    assert not any("hf_" in str(each) for each in hub.log.entries(origin="cdn"))
    ledger = Ledger(app_paths().ledger_file)
    assert {each.purpose for each in ledger.entries()} >= {"download", "log-in", "model page"}
    ledger.close()
    for log in app_paths().logs.glob("*"):
        assert TOKEN not in log.read_text()


def test_a_token_of_the_environment_works_and_is_named(hub: LocalHub) -> None:
    status = corral("login", "--status", HF_TOKEN=TOKEN)
    assert status.stdout == "Logged in as tester; by HF_TOKEN in the environment.\n"
    bad = corral("login", "--status", HF_TOKEN="hf_expired")
    assert bad.returncode == 4
    assert "does not accept the access token" in bad.stderr
