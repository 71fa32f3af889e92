"""The same commands alone and beside a running Corral: the same answers, errors and exit codes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from app.core.paths import app_paths
from tests.api.serving import Serving, free_port, serving
from tests.cli.test_commands import ROOT, STARTER, corral
from tests.core.broken_gguf import tiny_model
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A Corral that runs, as commands of its data folder see it."""
    home = tmp_path_factory.mktemp("running")
    with serving(app_paths({"CORRAL_HOME": str(home)})) as server:
        server.warm()
        yield server


def home_of(server: Serving) -> str:
    return str(server.parts.paths.data.parent)


WORDS = ("run", STARTER, "Count to three.", "--temperature", "0", "--max-tokens", "12")


def test_an_answer_is_the_same_alone_and_shared(running: Serving) -> None:
    alone = corral(*WORDS, "--context", "2048")
    shared = corral(*WORDS, CORRAL_HOME=home_of(running))
    assert alone.returncode == shared.returncode == 0
    assert alone.stdout == shared.stdout
    assert len(shared.stdout) > 10


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", STARTER, "Hello", "--regex", "(", "--context", "2048"), 2),
        (("run", "nothing-like-it", "Hello"), 3),
        (("create", "mine", "--file", "nothing"), 3),
        (("cp", STARTER, "../evil"), 1),
        (("config", "set", "server.port", "0"), 2),
    ],
)
def test_what_fails_fails_the_same_way(running: Serving, words: tuple[str, ...], code: int) -> None:
    alone, shared = corral(*words), corral(*words, CORRAL_HOME=home_of(running))
    assert alone.returncode == shared.returncode == code
    assert alone.stderr == shared.stderr
    assert "corral: " in shared.stderr


def test_what_is_piped_in_stands_before_the_prompt(running: Serving) -> None:
    home = home_of(running)
    words = ("run", STARTER, "--temperature", "0", "--max-tokens", "5", "--stats")
    both = corral(*words, "What is it about?", stdin="A text about cats.", CORRAL_HOME=home)
    whole = corral(*words, stdin="A text about cats.\n\nWhat is it about?", CORRAL_HOME=home)
    assert both.stdout == whole.stdout
    assert both.returncode == 0, both.stderr


def test_models_are_loaded_shown_and_ejected(running: Serving) -> None:
    home = home_of(running)
    loaded = corral("load", STARTER, "--ttl", "600", "--context", "1024", CORRAL_HOME=home)
    assert loaded.returncode == 0, loaded.stderr
    [row] = json.loads(corral("ps", "--json", CORRAL_HOME=home).stdout)
    assert (row["state"], row["context_length"], row["ttl"]) == ("ready", 1024, 600)
    assert "10 min" in corral("ps", CORRAL_HOME=home).stdout
    told = json.loads(corral("status", "--json", CORRAL_HOME=home).stdout)
    assert told["address"] == running.url
    assert told["pid"] == os.getpid()
    assert corral("stop", STARTER, CORRAL_HOME=home).returncode == 0
    assert running.parts.runtime.loaded() == ()
    kept = corral("run", STARTER, "Hi", "--max-tokens", "2", "--keepalive", "0", CORRAL_HOME=home)
    assert kept.returncode == 0
    assert running.parts.runtime.loaded() == ()


def test_a_model_is_made_used_and_deleted_in_the_running_corral(
    running: Serving, tmp_path: Path
) -> None:
    home, file = home_of(running), tmp_path / "Modelfile"
    file.write_text(f"FROM {STARTER}\nSYSTEM Speak like a pirate.\nPARAMETER temperature 0\n")
    made = corral("create", "pirate", "-f", str(file), CORRAL_HOME=home)
    assert made.returncode == 0, made.stderr
    shown = corral("show", "pirate", "--system", CORRAL_HOME=home)
    assert shown.stdout == "Speak like a pirate.\n"
    names = [model.name for model in running.parts.library.models()]
    assert "pirate" in names
    assert corral("rm", "pirate", "-y", CORRAL_HOME=home).returncode == 0
    assert "pirate" not in [model.name for model in running.parts.library.models()]


def test_a_model_is_loaded_under_a_name_of_ones_own(running: Serving) -> None:
    home = home_of(running)
    words = ("load", STARTER, "--identifier", "helper", "--context", "1024")
    first = corral(*words, CORRAL_HOME=home)
    assert first.returncode == 0, first.stderr
    assert corral(*words, CORRAL_HOME=home).stdout == first.stdout
    answered = corral("run", "helper", "Hi", "--max-tokens", "1", CORRAL_HOME=home)
    assert answered.returncode == 0, answered.stderr
    assert running.parts.runtime.get(first.stdout.strip()) is not None
    assert corral("unload", "helper", CORRAL_HOME=home).returncode == 0
    assert corral("rm", "helper", "-y", CORRAL_HOME=home).returncode == 0


def test_a_download_joins_the_queue_of_the_running_corral(running: Serving, tmp_path: Path) -> None:
    home, parts = home_of(running), running.parts
    further = tmp_path / "further"
    further.mkdir()
    heard: list[str] = []
    stop = parts.downloads.changed.connect(lambda item: heard.append(item.request.repo))
    with LocalHub() as hub:
        for name in ("one", "two"):
            hub.add(f"me/{name}-GGUF", {f"{name}-F32.gguf": tiny_model().data()}, tags=["gguf"])
        network = structs.replace(parts.settings.current.network, endpoint=hub.url)
        parts.settings.update(network=network)
        got = corral("get", "me/one-GGUF", CORRAL_HOME=home)
        again = corral("get", "me/one-GGUF", CORRAL_HOME=home)
        away = corral("get", "me/two-GGUF", "--to", str(further), CORRAL_HOME=home)
        missing = corral("get", "me/three-GGUF", CORRAL_HOME=home)
    stop()
    assert got.returncode == again.returncode == away.returncode == 0, got.stderr + away.stderr
    path = Path(got.stdout.strip())
    assert path.read_bytes() == tiny_model().data()
    assert again.stdout == got.stdout
    assert Path(away.stdout.strip()).is_relative_to(further)
    assert further in parts.library.own_folders.all()
    assert missing.returncode == 3
    assert set(heard) == {"me/one-GGUF", "me/two-GGUF"}
    listed = {item.request.repo: item.state for item in parts.downloads.items()}
    assert listed == {"me/one-GGUF": "done", "me/two-GGUF": "done"}


def test_a_command_that_is_stopped_leaves_its_download_in_the_list(running: Serving) -> None:
    parts = running.parts
    paused = threading.Event()
    stop = parts.downloads.changed.connect(
        lambda item: paused.set() if item.state == "paused" else None
    )
    with LocalHub() as hub:
        hub.add("me/large-GGUF", {"large-F32.gguf": bytes(50_000_000)}, tags=["gguf"])
        network = structs.replace(parts.settings.current.network, endpoint=hub.url)
        unlimited = parts.settings.current.downloads
        slow = structs.replace(unlimited, speed_limit=2000)
        parts.settings.update(network=network, downloads=slow)
        with subprocess.Popen(
            [sys.executable, "-m", "app", "get", "me/large-GGUF"],
            cwd=ROOT,
            env={**os.environ, "CORRAL_HOME": home_of(running)},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            begun = threading.Event()
            end = parts.downloads.changed.connect(lambda item: begun.set() if item.done else None)
            assert begun.wait(PATIENCE)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 130
            assert process.stderr is not None
            assert "the same command continues" in process.stderr.read()
        assert paused.wait(PATIENCE)
        end()
        stop()
        item = next(i for i in parts.downloads.items() if i.request.repo == "me/large-GGUF")
        assert item.state == "paused"
        parts.downloads.cancel(item.id)
        parts.settings.update(downloads=unlimited)


def test_a_setting_is_in_force_at_once(running: Serving) -> None:
    home = home_of(running)
    assert corral("config", "set", "chat.user_name", "Ada", CORRAL_HOME=home).returncode == 0
    assert running.parts.settings.current.chat.user_name == "Ada"
    assert corral("config", "get", "chat.user_name", CORRAL_HOME=home).stdout == "Ada\n"


def test_requests_are_told_while_they_come(running: Serving) -> None:
    home = home_of(running)
    follower = subprocess.Popen(
        [sys.executable, "-m", "app", "log", "stream", "--json"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "CORRAL_HOME": home},
    )
    assert follower.stdout is not None
    came = threading.Event()
    lines: list[bytes] = []

    def read(stream: Iterator[bytes]) -> None:
        for line in stream:
            lines.append(line)
            came.set()

    reader = threading.Thread(target=read, args=(follower.stdout,))
    reader.start()
    try:
        with running.client() as client:
            while not came.wait(0.1):  # asked again until the other listens
                assert follower.poll() is None
                client.get("/v1/models")
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(30) == 130
        reader.join()
        follower.stdout.close()
    assert json.loads(lines[0])["path"] == "/v1/models"
    assert "/v1/models" in corral("log", "--server", CORRAL_HOME=home).stdout


def test_an_interrupt_ends_the_answer_in_the_running_corral(running: Serving) -> None:
    asked = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "app",
            "run",
            STARTER,
            "Count to a thousand in words.",
            "--set",
            "ignore_eos=true",
        ],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "CORRAL_HOME": home_of(running)},
    )
    assert asked.stdout is not None
    try:
        assert asked.stdout.read(10)
        asked.send_signal(signal.SIGINT)
        assert asked.wait(30) == 130
    finally:
        asked.kill()
        asked.wait()
        asked.stdout.close()
    [loaded] = running.parts.runtime.loaded()
    idle = threading.Event()
    for _ in range(300):
        if loaded.engine.stats().running == 0:
            idle.set()
            break
        idle.wait(0.05)
    assert idle.is_set()
    running.parts.runtime.eject(loaded.model.id)


def test_without_a_running_corral_that_is_told() -> None:
    assert corral("status").returncode == 1
    assert json.loads(corral("status", "--json").stdout) == {"running": False}
    assert corral("ps").stdout == "Nothing is loaded.\n"
    assert "corral server start" in corral("load", STARTER).stderr
    assert corral("server", "stop").returncode == 0


def test_a_server_is_started_in_the_background_and_ended() -> None:
    port = str(free_port())
    started = corral("server", "start", "--port", port, "--host", "0.0.0.0")
    try:
        assert started.stdout == f"http://127.0.0.1:{port}\n", started.stderr
        told = (app_paths().logs / "serve.log").read_text(encoding="utf-8")
        assert told.startswith(f"Corral answers at http://127.0.0.1:{port}\n")
        assert "0.0.0.0" not in told
        assert "running already" in corral("server", "start").stderr
        assert corral("status").returncode == 0
    finally:
        ended = corral("stop", "--server")
    assert ended.returncode == 0, ended.stderr
    assert corral("status").returncode == 1
