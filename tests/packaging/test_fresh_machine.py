"""`make run` and `make test` on a fresh Debian 12 that has only Python, make and certificates.

The committed state of the checkout is tried. The engine is built there unless pip's cache of this
computer holds its wheel, which is lent to the machine.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.debian import PERSON, Machine
from tests.packaging.scripts import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

CHECKOUT = "/srv/corral"
CORRAL = f"{CHECKOUT}/.venv/bin/corral"
MINUTES = 60.0


def clone(machine: Machine) -> None:
    """Put the project on the machine, for everybody to write to."""
    subprocess.run(["git", "clone", "-q", ROOT, machine.at(CHECKOUT)], check=True)
    subprocess.run(["chmod", "-R", "a+rwX", machine.at(CHECKOUT)], check=True)


def lend_wheels(machine: Machine) -> None:
    """Give the machine the wheels that this computer's pip built before."""
    command = [sys.executable, "-m", "pip", "cache", "dir"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = Path(asked.stdout.strip()) / "wheels"
    if asked.returncode == 0 and wheels.is_dir():
        shutil.copytree(wheels, machine.at("/root/.cache/pip/wheels"))


@pytest.fixture(scope="module")
def first_run(new_machine: Callable[[], Machine]) -> tuple[Machine, str]:
    """The machine after `make run`, and what that said."""
    machine = new_machine()
    clone(machine)
    lend_wheels(machine)
    done = machine.run("make", "run", folder=CHECKOUT, timeout=45 * MINUTES)
    assert done.returncode == 0, done.stdout
    return machine, done.stdout


def test_without_a_display_it_says_how_to_go_on(first_run: tuple[Machine, str]) -> None:
    _, said = first_run
    assert "no display" in said
    assert ".venv/bin/corral run smollm2" in said


def test_the_starter_model_answers(first_run: tuple[Machine, str]) -> None:
    machine, _ = first_run
    assert "SmolLM2 135M Instruct" in machine.run(CORRAL, "ls").stdout
    prompt = "What is the capital of France?"
    options = ("--max-tokens", "24", "--temperature", "0")
    answer = machine.run(CORRAL, "run", "smollm2", prompt, *options)
    assert answer.returncode == 0, answer.stdout
    assert "Paris" in answer.stdout


def test_the_window_opens_on_a_virtual_display(first_run: tuple[Machine, str]) -> None:
    machine, _ = first_run
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "xvfb", "xauth")
    installed = machine.run(*install, timeout=5 * MINUTES)
    assert installed.returncode == 0, installed.stdout
    done = machine.run("xvfb-run", "-a", CORRAL, "--smoke-test", timeout=2 * MINUTES)
    assert done.returncode == 0, done.stdout


def test_make_test_sets_up_the_rest_and_runs_the_tests(first_run: tuple[Machine, str]) -> None:
    machine, _ = first_run
    arguments = "ARGS=tests/core/test_gguf.py -q"
    done = machine.run("make", "test", arguments, folder=CHECKOUT, timeout=10 * MINUTES)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_a_second_run_installs_nothing(first_run: tuple[Machine, str]) -> None:
    machine, _ = first_run
    done = machine.run("make", "run", folder=CHECKOUT)
    assert done.returncode == 0
    assert "installing" not in done.stdout


def test_make_installer_freezes_and_tries_the_result(first_run: tuple[Machine, str]) -> None:
    machine, _ = first_run
    done = machine.run("make", "installer", folder=CHECKOUT, timeout=10 * MINUTES)
    assert done.returncode == 0, done.stdout
    assert "frozen into dist/corral" in done.stdout


def test_without_root_what_is_missing_is_named_in_one_line(
    new_machine: Callable[[], Machine],
) -> None:
    machine = new_machine()
    clone(machine)
    done = machine.run("make", "run", folder=CHECKOUT, user=PERSON)
    assert done.returncode != 0
    line = next(line for line in done.stdout.splitlines() if "apt-get install" in line)
    assert {"python3.11-venv", "g++", "libegl1", "libglib2.0-0"} <= set(line.split())
    assert not machine.at(f"{CHECKOUT}/.venv").exists()
