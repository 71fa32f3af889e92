"""`packaging/freeze.py`, and the program that comes out of it. Linux only, as the build."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.core.engine import EngineProcess
from backends.types import (
    ChatMessage,
    Constraint,
    GbnfGrammar,
    GenerationRequest,
    JsonSchema,
    LoadConfig,
)
from tests.backends.contract import text_of
from tests.hub.server import LocalHub
from tests.packaging.debian import PERSON, Machine
from tests.packaging.scripts import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="there is a frozen build for Linux only"),
]

CAPITAL = ("What is the capital of France?", "--max-tokens", "24", "--temperature", "0")
MEGABYTES = 1e6
LARGEST = 250 * MEGABYTES
"""A release may have 350; a jump means that something crept in."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The frozen program, away from the checkout it was made from."""
    done = subprocess.run(
        [sys.executable, ROOT / "packaging" / "freeze.py", "--unlocked"],
        capture_output=True,
        text=True,
        cwd=tmp_path_factory.mktemp("elsewhere"),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    away = tmp_path_factory.mktemp("frozen") / "corral"
    shutil.copytree(ROOT / "dist" / "corral", away, symlinks=True)
    yield away
    shutil.rmtree(away)


def run(
    folder: Path, *arguments: str, home: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """One run of the frozen program, without anything of the development environment."""
    environment = {"PATH": os.defpath, "HOME": str(home), "CORRAL_HOME": str(home), **variables}
    return subprocess.run(
        [folder / "corral", *arguments],
        env=environment,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def add_model(home: Path, file: Path) -> None:
    (home / "models").mkdir(parents=True)
    shutil.copy(file, home / "models")


def test_its_size_is_kept_in_check(folder: Path) -> None:
    assert sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file()) < LARGEST


def test_a_model_in_the_models_folder_answers(
    folder: Path, corral_home: Path, starter_file: Path
) -> None:
    add_model(corral_home, starter_file)
    listed = json.loads(run(folder, "ls", "--json", home=corral_home).stdout)
    assert [model["name"] for model in listed] == ["SmolLM2 135M Instruct"]
    answer = run(folder, "run", listed[0]["id"], *CAPITAL, home=corral_home)
    assert answer.returncode == 0, answer.stderr
    assert "Paris" in answer.stdout


def test_a_download_through_the_frozen_transfer_child(
    folder: Path, corral_home: Path, starter_file: Path
) -> None:
    with LocalHub() as hub:
        hub.add("corral-tests/SmolLM2-GGUF", {"SmolLM2-135M-Instruct-Q4_1.gguf": starter_file})
        reference = "corral-tests/SmolLM2-GGUF:Q4_1"
        fetched = run(folder, "get", reference, home=corral_home, HF_ENDPOINT=hub.url)
    assert fetched.returncode == 0, fetched.stderr
    assert len(json.loads(run(folder, "ls", "--json", home=corral_home).stdout)) == 1


def test_every_page_of_the_window_opens(folder: Path, corral_home: Path) -> None:
    done = run(folder, "--smoke-test", home=corral_home, QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("backend", ["llamacpp", "remote", "scripted"])
def test_every_engine_starts(folder: Path, backend: str) -> None:
    command = [str(folder / "corral"), "--engine-host", "--backend", backend]
    with EngineProcess(backend, command=command) as engine:
        assert engine.alive


@pytest.mark.parametrize(
    "constraint",
    [JsonSchema('{"enum": ["red", "green"]}'), GbnfGrammar('root ::= "red" | "green"')],
)
def test_an_answer_keeps_to_a_schema_and_to_a_grammar(
    folder: Path, starter_file: Path, constraint: Constraint
) -> None:
    """A grammar is tried by a child of the child, which is the frozen program, too."""
    command = [str(folder / "corral"), "--engine-host", "--backend", "llamacpp"]
    message = ChatMessage("user", "Name a colour.")
    request = GenerationRequest("r", (message,), constraint=constraint)
    with EngineProcess("llamacpp", command=command) as engine:
        engine.load(str(starter_file), LoadConfig(context_length=512), lambda fraction: True)
        events = list(engine.generate(request))
    assert text_of(events).strip('"') in ("red", "green")


def test_an_engine_child_loads_nothing_of_the_window(folder: Path, corral_home: Path) -> None:
    with subprocess.Popen(
        [folder / "corral", "--engine-host", "--backend", "scripted"],
        env={"PATH": os.defpath, "HOME": str(corral_home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as host:
        assert host.stdout is not None
        assert json.loads(host.stdout.readline())["type"] == "ready"
        files = {entry.path for entry in psutil.Process(host.pid).memory_maps()}
    assert [path for path in files if path.startswith(str(folder))]
    assert not [path for path in files if "QtWidgets" in path or "Qt6Gui" in path]


def test_it_runs_on_a_bare_machine(
    folder: Path, new_machine: Callable[[], Machine], starter_file: Path
) -> None:
    machine = new_machine()
    home = Path("/home") / PERSON
    shutil.copytree(folder, machine.at("/opt/corral"), symlinks=True)
    add_model(machine.at(home), starter_file)
    subprocess.run(["chmod", "-R", "a+rwX", machine.at(home)], check=True)

    def corral(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = "/opt/corral/corral"
        places = {"CORRAL_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
        return machine.run(program, *arguments, user=PERSON, variables=places)

    answer = corral("run", "smollm2", *CAPITAL)
    assert "Paris" in answer.stdout, answer.stdout
    no_window = corral()
    assert no_window.returncode == 1
    assert "apt-get install" in no_window.stdout

    def root(*command: str) -> None:
        done = machine.run(*command, timeout=300)
        assert done.returncode == 0, done.stdout

    listed = subprocess.run(
        [sys.executable, ROOT / "packaging" / "linux" / "system_libraries.py", folder],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    declared = [each.split()[0] for each in listed.rpartition("Depends: ")[2].split(", ")]
    root("apt-get", "update", "-qq")
    root("apt-get", "install", "-y", "-qq", "--no-install-recommends", *declared)
    window = corral("--smoke-test")
    assert window.returncode == 0, window.stdout
