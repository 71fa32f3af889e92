"""`corral version --check`: asks once, because a person said so."""

import json
from collections.abc import Iterator

import pytest

from app.cli.main import main
from app.core import program_updates
from app.core.ledger import Ledger
from app.core.paths import app_paths
from app.core.settings import Network, SettingsStore
from tests.updates.update_server import UpdateServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[UpdateServer]:
    with UpdateServer() as server:
        monkeypatch.setattr(program_updates, "load_source", lambda: server.source)
        yield server


def test_a_newer_version_is_told_with_its_notes(
    server: UpdateServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.announce(server.release("99.0"))
    assert main(["version", "--check"]) == 0
    told = capsys.readouterr().out
    assert "Corral 99.0 of 2026-11-28 is there.\nhttps://x.example\n" in told
    assert told.endswith("- Better\n")
    assert main(["version", "--check", "--json"]) == 0
    newer = json.loads(capsys.readouterr().out)["newer"]
    assert newer["version"] == "99.0"
    entries = Ledger(app_paths().ledger_file)
    assert {each.purpose for each in entries.entries()} == {"program update"}
    entries.close()


def test_the_newest_version_is_said_to_be_that(
    server: UpdateServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.announce(server.release("0.0.1"))
    assert main(["version", "--check"]) == 0
    assert capsys.readouterr().out.endswith("This is the newest version.\n")
    assert main(["version", "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["newer"] is None


def test_what_cannot_be_believed_or_asked_is_an_error(
    server: UpdateServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.announce(server.release("99.0"))
    server.tamper("99.0", "98.0")
    assert main(["version", "--check"]) == 1
    assert "not from Corral's makers" in capsys.readouterr().err
    SettingsStore(app_paths().settings_file).update(network=Network(offline=True))
    asked = len(server.log.entries())
    assert main(["version", "--check"]) == 1
    assert "offline" in capsys.readouterr().err
    assert len(server.log.entries()) == asked


def test_without_the_word_nothing_is_asked(
    server: UpdateServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["version", "--json"]) == 0
    assert "newer" not in json.loads(capsys.readouterr().out)
    assert server.log.entries() == []
