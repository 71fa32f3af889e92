"""Clients that are not among the tools for work on Corral: `make clients`, `make clients-js`."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.api.serving import STARTER, Serving

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parent / "clients"
FOLDER = os.environ.get("CORRAL_TEST_NODE_CLIENTS", "")
"""Where `make clients-js` has put packages for Node."""


@pytest.mark.skipif(
    not (FOLDER and shutil.which("node")), reason="make clients-js installs it and sets this up"
)
def test_the_javascript_client_of_ollama_finds_all_it_offers(shared: Serving) -> None:
    check(shared, "node", str(SCRIPTS / "ollama.mjs"), FOLDER)


@pytest.mark.skipif(not find_spec("langchain_ollama"), reason="make clients installs it")
def test_langchain_finds_chats_texts_and_vectors(shared: Serving) -> None:
    check(shared, sys.executable, str(SCRIPTS / "langchain.py"))


@pytest.mark.skipif(not find_spec("lmstudio"), reason="make clients installs it")
def test_lm_studios_package_finds_that_this_is_another_program(shared: Serving) -> None:
    """It speaks a protocol of its own over WebSockets, which Corral has not."""
    check(shared, sys.executable, str(SCRIPTS / "lm_studio.py"))


def check(shared: Serving, program: str, script: str, *more: str) -> None:
    """Run a client in a process of its own: it may leave behind what it likes."""
    done = subprocess.run(
        [program, script, shared.url, STARTER, *more],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "all is well" in done.stdout
