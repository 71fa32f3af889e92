"""Remote models on the command line."""

import json
from collections.abc import Iterator

import pytest

from app.core.paths import app_paths
from app.core.settings import RemoteEndpoint, Remotes, SettingsStore
from tests.backends.remote.scripted_server import ScriptedServer, end, text
from tests.cli.test_commands import corral


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.says(text("Good "), text("day"), end())
        endpoint = RemoteEndpoint("lab", "Lab", server.url, ("m",))
        SettingsStore(app_paths().settings_file).update(remote=Remotes((endpoint,)))
        yield server


def test_they_are_listed(server: ScriptedServer) -> None:
    line = next(each for each in corral("ls").stdout.splitlines() if "remote/lab/m" in each)
    assert "on Lab" in line
    assert "0 B" not in line
    rows = json.loads(corral("ls", "--json").stdout)
    assert [row["source"] for row in rows if row["id"] == "remote/lab/m"] == ["remote"]


def test_they_answer(server: ScriptedServer) -> None:
    result = corral("run", "m", "Hello", "--temperature", "0")
    assert (result.stdout, result.returncode) == ("Good day\n", 0)
    assert server.asked[-1].body["messages"] == [{"role": "user", "content": "Hello"}]
    assert server.asked[-1].body["temperature"] == 0


def test_a_server_that_is_gone_is_told(server: ScriptedServer) -> None:
    gone = RemoteEndpoint("lab", "Lab", "http://127.0.0.1:9/v1", ("m",))
    SettingsStore(app_paths().settings_file).update(remote=Remotes((gone,)))
    result = corral("run", "m", "Hello")
    assert result.returncode == 1
    assert "cannot be reached" in result.stderr
    assert "Traceback" not in result.stderr


def test_they_are_taken_off_the_list(server: ScriptedServer) -> None:
    assert corral("rm", "remote/lab/m", "--yes").stdout == "Forgotten: remote/lab/m\n"
    assert "remote/lab/m" not in corral("ls").stdout
