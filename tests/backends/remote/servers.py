"""Servers for tests of remote models: llama.cpp's own one in a child process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
CONTEXT, SLOTS = 1024, 2


@contextmanager
def llama_server(model: Path, *more: str) -> Iterator[str]:
    """Start one with a model; its address."""
    command = [sys.executable, "-m", "tests.backends.remote.llama_server", str(model)]
    with subprocess.Popen(
        [*command, str(CONTEXT), str(SLOTS), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def write_descriptor(folder: Path, url: str, model: str = "smollm2", **more: Any) -> Path:
    path = folder / "model.remote"
    path.write_text(json.dumps({"base_url": url, "model": model, **more}), encoding="utf-8")
    return path
