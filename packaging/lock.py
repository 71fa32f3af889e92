"""Write `locked`: version and hashes of every library that installed forms are made of.

    python packaging/lock.py [TARGET …]

Run after packaging/pin.py, whose versions are taken. For each target: Corral's libraries and, but
for Windows, the tools that freeze them; hashes only of wheels that run on the oldest system that
Corral is for. llama-cpp-python is not among them: forms have an engine of packaging/engine. `uv`,
installed into an environment of its own, resolves, as pip can only do that for its own system.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import bootstrap
from locked_libraries import PYTHON, STARTER_MODEL, lock_file

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
PLATFORMS = {
    "linux-x86_64": "x86_64-manylinux_2_35",
    # Qt's wheels ask for no less.
    "linux-aarch64": "aarch64-manylinux_2_39",
    "macos-arm64": "aarch64-apple-darwin",
    "macos-x86_64": "x86_64-apple-darwin",
    "windows-x86_64": "x86_64-pc-windows-msvc",
}
"""The oldest system of each target, as uv calls it."""
# MLX asks for macOS 14, Qt for 13.
OLDEST_MACOS = {"macos-arm64": "14.0", "macos-x86_64": "13.0"}
NEWEST_WITH_A_WHEEL = {"macos-x86_64": ("cryptography",)}
"""Whose tested version has no wheel for a target; an earlier one is locked there."""
ENGINE = "llama-cpp-python"
NEEDED_BY_ENGINE = ("typing-extensions",)
"""What its binding imports; that comes with the engine folder."""
HEADER = """\
# {what}
# written by packaging/lock.py.
"""


def requirements(target: str) -> list[str]:
    """What a target's form is made of and with, markers and all."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = content["project"]
    tools = [] if target.startswith("windows") else project["optional-dependencies"]["installer"]
    return [
        *(line for line in project["dependencies"] if not line.startswith(ENGINE)),
        *NEEDED_BY_ENGINE,
        *tools,
        *content["build-system"]["requires"],
    ]


def entries(resolved: str) -> Iterator[str]:
    """Each package of a resolution (PEP 751) as a requirement with the hashes of its wheels."""
    for package in tomllib.loads(resolved)["packages"]:
        hashes = sorted({wheel["hashes"]["sha256"] for wheel in package["wheels"]})
        words = [f"{package['name']}=={package['version']}"]
        yield " \\\n    ".join([*words, *(f"--hash=sha256:{each}" for each in hashes)]) + "\n"


def constraints(target: str) -> str:
    """The tested versions, as far as they can be had for a target."""
    excepted = tuple(f"{name}==" for name in NEWEST_WITH_A_WHEEL.get(target, ()))
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(excepted))


def resolve(uv: Path, wanted: Iterable[str], target: str, *options: str) -> str:
    """What uv chooses for a target, wheels only. Raises CalledProcessError."""
    command = [str(uv), "pip", "compile", "--quiet", "--format", "pylock.toml"]
    command += ["--only-binary", ":all:", "--python-version", PYTHON[target]]
    command += ["--python-platform", PLATFORMS[target], *options]
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": OLDEST_MACOS.get(target, "")}
    with tempfile.TemporaryDirectory() as name:
        tested, asked = Path(name) / "tested.txt", Path(name) / "asked.in"
        tested.write_text(constraints(target), encoding="utf-8")
        asked.write_text("\n".join(wanted), encoding="utf-8")
        command += ["--constraints", str(tested), str(asked)]
        done = subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
    return done.stdout


def write(file: Path, what: str, resolved: str) -> None:
    file.parent.mkdir(exist_ok=True)
    text = HEADER.format(what=what) + "".join(entries(resolved))
    file.write_text(text, encoding="utf-8", newline="\n")


def lock(targets: Sequence[str]) -> None:
    """Resolve and write the targets' files, and the starter model's. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        subprocess.run([programs / "python", "-m", "pip", "install", "-q", "uv"], check=True)
        for target in targets:
            what = f"The libraries of Corral for {target}, Python {PYTHON[target]}, by hash;"
            write(lock_file(target), what, resolve(programs / "uv", requirements(target), target))
        model = resolve(programs / "uv", [bootstrap.STARTER_MODEL], "linux-x86_64", "--no-deps")
        write(STARTER_MODEL, "The model that what was built is tried with;", model)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(PLATFORMS))
    asked = parser.parse_args(arguments).targets
    if unknown := [target for target in asked if target not in PLATFORMS]:
        parser.error(f"there is no target {unknown[0]}")
    try:
        lock(asked or list(PLATFORMS))
    except subprocess.CalledProcessError as error:
        print(f"lock: stopped at: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
