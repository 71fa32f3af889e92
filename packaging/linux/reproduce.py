"""Freezes and packs the committed state twice, in folders of different names, and compares.

    python packaging/linux/reproduce.py [--engine FOLDER]

Runs in the environment of packaging/locked_environment.py. Without --engine, the engine is the one
in build/engines. Prints what differs, if anything does. It takes some minutes.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import release


def build(folder: Path, engine: Path) -> Path:
    """The package of a fresh checkout in `folder`, which is new."""
    clone(folder)
    freeze(folder, engine)
    run_in(folder, "linux/deb.py", "--compression", "zstd")
    [package] = (folder / "dist").glob("*.deb")
    return package


def clone(folder: Path) -> None:
    """A checkout of the committed state."""
    command = ["git", "clone", "--quiet", "--shared", str(release.ROOT), str(folder)]
    subprocess.run(command, check=True)


def freeze(folder: Path, engine: Path | None) -> None:
    """Freeze a checkout, with an engine or with the libraries that pip built."""
    words = [] if engine is None else ["--engine", str(engine.resolve())]
    run_in(folder, "freeze.py", "--quick", *words)


def run_in(folder: Path, script: str, *words: str) -> None:
    """Run a script of another checkout's `packaging`."""
    command = [sys.executable, str(folder / "packaging" / script), *words]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    subprocess.run(command, check=True, env=environment, cwd=folder)


def contents(package: Path, folder: Path) -> dict[str, str]:
    """By name, the SHA-256 of every file in a package; the target of every link."""
    subprocess.run(["dpkg-deb", "-R", str(package), str(folder)], check=True)
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    own = release.ROOT / "build" / "engines" / f"linux-{release.machine()}"
    parser.add_argument("--engine", type=Path, default=own)
    engine: Path = parser.parse_args().engine
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        packages = [build(work / each, engine) for each in ("one", "another place")]
        one, other = (contents(p, work / f"in-{i}") for i, p in enumerate(packages))
        different = sorted(n for n in one.keys() | other.keys() if one.get(n) != other.get(n))
        same_bytes = packages[0].read_bytes() == packages[1].read_bytes()
    for file in different:
        print(f"differs: {file}")
    print(f"{len(one)} files, {len(different)} differ; packages identical: {same_bytes}")
    return 0 if same_bytes else 1


if __name__ == "__main__":
    sys.exit(main())
