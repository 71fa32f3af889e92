"""With a blocked network: what is tried, by which process, with and without the offline switch.

A `sitecustomize` in front of every process of the program notes each connection and each name
that is looked up, and lets only those of this computer pass.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.ledger import Ledger
from app.core.paths import app_paths
from app.core.settings import Network, SettingsStore
from tests.backends.remote.scripted_server import ScriptedServer

ROOT = Path(__file__).resolve().parents[2]
TRAP = '''\
"""Notes who tries to reach another computer, and stops it."""
import os, socket, sys

HERE = {"127.0.0.1", "::1", "localhost", ""}

def role():
    words = sys.orig_argv
    return next((each for each in ("--transfer-host", "--engine-host") if each in words), "program")

def stop(host):
    with open(os.environ["CORRAL_TRAP"], "a") as notes:
        notes.write(f"{role()} {host}\\n")
    raise socket.gaierror(socket.EAI_NONAME, "blocked")

def guard(original, place):
    def guarded(*args, **kwargs):
        address = args[place]
        host = address[0] if isinstance(address, tuple) else address
        unix = place and not isinstance(address, tuple)
        if isinstance(host, bytes):
            host = host.decode()
        if not unix and host is not None and host not in HERE:
            stop(host)
        return original(*args, **kwargs)
    return guarded

socket.getaddrinfo = guard(socket.getaddrinfo, 0)
for name in ("connect", "connect_ex"):
    setattr(socket.socket, name, guard(getattr(socket.socket, name), 1))
'''

Journey = Callable[[Network], tuple[dict[str, str], list[str]]]


@pytest.fixture
def journey(tmp_path: Path) -> Journey:
    """Runs `outgoing.py`; answers what it says, and who tried to reach whom."""
    folder, notes = tmp_path / "trap", tmp_path / "notes"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(TRAP)

    def run(network: Network) -> tuple[dict[str, str], list[str]]:
        SettingsStore(app_paths().settings_file).update(network=network)
        notes.write_text("")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
            "CORRAL_TRAP": str(notes),
            "HF_TOKEN": "hf_verysecret42",
        }
        with ScriptedServer(models=("m",)) as server:
            result = subprocess.run(
                [sys.executable, "-m", "tests.e2e.outgoing", server.url],
                capture_output=True,
                encoding="utf-8",
                cwd=ROOT,
                env=environment,
                timeout=120,
                check=False,
            )
        assert result.returncode == 0, result.stderr
        lines = (line.partition(": ") for line in result.stdout.splitlines())
        return {name: outcome for name, _, outcome in lines}, notes.read_text().splitlines()

    return run


def test_with_the_offline_switch_no_process_tries_to_reach_another_computer(
    journey: Journey,
) -> None:
    said, tried = journey(Network(endpoint="https://hub.example", offline=True))
    assert tried == []
    refused = {
        *("search", "detail", "card", "header", "file"),
        *("check", "registry", "log in", "download"),
    }
    assert {name for name in said if said[name].startswith("OfflineError")} == refused
    assert "offline" in said["list"]
    assert "offline" in said["far"]
    assert said["near"] == "remote"  # on this computer: nothing leaves it
    ledger = Ledger(app_paths().ledger_file)
    assert {entry.here for entry in ledger.entries()} == {True}
    ledger.close()


def test_without_the_switch_the_trap_sees_every_process(journey: Journey) -> None:
    said, tried = journey(Network(endpoint="https://hub.example"))
    assert "program hub.example" in tried
    assert "--transfer-host hub.example" in tried
    assert "program 192.0.2.1" in tried
    assert "--engine-host 192.0.2.1" in tried
    assert "dns" in said["check"]
    assert said["registry"] == "dns"
    assert said["near"] == "remote"
    ledger = Ledger(app_paths().ledger_file)
    failed = {(entry.purpose, entry.host) for entry in ledger.entries() if entry.problem}
    ledger.close()
    assert {
        ("search", "hub.example"),
        ("model page", "hub.example"),
        ("test", "hub.example"),
        ("download", "hub.example"),
        ("remote model", "192.0.2.1:8080"),
    } <= failed
