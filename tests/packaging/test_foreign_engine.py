"""An engine for arm64 on another kind of computer: every code for processors answers, emulated.

CORRAL_TEST_ENGINE names its folder. A Debian for arm64 is made in `build`, once, which takes a few
minutes; it needs root, debootstrap and the emulator as the system's own way to start programs for
arm64 (qemu-user-static).
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.debian import Machine, why_impossible
from tests.packaging.scripts import ROOT, load_script

ENGINE = Path(os.environ.get("CORRAL_TEST_ENGINE", "none")).absolute()
MANIFEST = json.loads((ENGINE / "engine.json").read_text("utf-8")) if ENGINE.is_dir() else {}
EMULATOR = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.engine,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        MANIFEST.get("machine") != "aarch64" or platform.machine() == "aarch64",
        reason="needs an engine for arm64, and another kind of computer",
    ),
    pytest.mark.skipif(not EMULATOR.exists(), reason="needs qemu-user-static"),
]
CHECKOUT, THERE, MODEL = "/srv/corral", "/srv/engine", "/srv/model.gguf"
CODES = MANIFEST.get("variants", ["none"])

PROCESSORS = {
    "cortex-a53": "armv8.0_1",
    "a64fx": "armv8.0_1",
    "cortex-a76": "armv8.2_2",
    "neoverse-n1": "armv8.2_2",
    "max,sve=off": "armv8.2_2",
    # The same code for vectors of 128, 256 and 512 bits.
    "max,sve-default-vector-length=16": "armv8.6_2",
    "max,sve-default-vector-length=32": "armv8.6_2",
    "max,sve-default-vector-length=64": "armv8.6_2",
}
"""The code that a processor gets, by the emulator's name of the processor."""


@pytest.fixture(scope="module")
def machine(starter_file: Path) -> Iterator[Machine]:
    """A Debian 12 for arm64 with Python, the engine and what loads it."""
    if reason := why_impossible():
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "packaging" / "linux"))
        clean_system = load_script("linux/clean_system").clean_system
    with clean_system("debian-arm64", ROOT / "build") as made:
        for command in (
            ("apt-get", "update", "-qq"),
            ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3"),
        ):
            done = made.run(*command, timeout=1800)
            assert done.returncode == 0, done.stdout
        for name in ("backends", "packaging/engine"):
            shutil.copytree(ROOT / name, made.at(CHECKOUT) / name)
        add_libraries(made)
        shutil.copytree(ENGINE, made.at(THERE))
        shutil.copyfile(starter_file, made.at(MODEL))
        yield made


def add_libraries(machine: Machine) -> None:
    """The few that loading an engine needs."""
    pins = (ROOT / "packaging" / "constraints.txt").read_text("utf-8").splitlines()
    wanted = [pin for pin in pins if pin.startswith(("msgspec==", "typing-extensions=="))]
    platforms = [f"--platform=manylinux_2_{number}_aarch64" for number in (17, 28)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *platforms]
    command += ["--python-version=3.11", "--only-binary=:all:", *wanted]
    subprocess.run([*command, f"--target={machine.at(CHECKOUT)}"], check=True)


def answer(
    machine: Machine, processor: str, code: str = "", engine: str = THERE
) -> subprocess.CompletedProcess[str]:
    script = f"{CHECKOUT}/packaging/engine/answer.py"
    words = ("--engine", engine, "--model", MODEL, "--code", code)
    variables = {"QEMU_CPU": processor, "PYTHONDONTWRITEBYTECODE": "1"}
    return machine.run("python3", script, *words, variables=variables, timeout=900)


@pytest.mark.parametrize("code", CODES)
def test_every_code_answers_the_same(machine: Machine, code: str) -> None:
    done = answer(machine, "max", code)
    assert done.returncode == 0, done.stdout
    said = json.loads(done.stdout)
    assert said["code"] == code
    assert "Paris" in said["answer"]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_processor_gets_the_best_code_that_it_can_run(machine: Machine, processor: str) -> None:
    done = answer(machine, processor)
    assert done.returncode == 0, done.stdout
    said = json.loads(done.stdout)
    assert said["code"] == PROCESSORS[processor]
    assert "Paris" in said["answer"]
