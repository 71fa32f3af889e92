"""Build what people install. Dispatch only; each stage is a script in `packaging/`.

    python build_installer.py engine     llama.cpp's libraries, in build/engines/TARGET
    python build_installer.py freeze     a folder that runs without Python, in dist/
    python build_installer.py image      installers from that folder
    python build_installer.py sign       sign them
    python build_installer.py verify     try out what was built
    python build_installer.py all        one after the other

`--target linux-x86_64` (or linux-aarch64, windows-x86_64, macos-arm64, macos-x86_64) says for what;
without it, for the computer this runs on. `--dry-run` says what would be done. Each script runs
alone, too, and has options of its own: see its `--help`.
"""

import argparse
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
STAGES = ("engine", "freeze", "image", "sign", "verify")
"""In the order in which they build on each other."""
SCRIPTS: dict[str, dict[str, str]] = {
    "linux": {
        "engine": "engine/build.py",
        "freeze": "freeze.py",
        "image": "linux/image.py",
        "sign": "linux/sign.py",
        "verify": "linux/verify.py",
    },
    "windows": {
        "engine": "engine/build.py",
        "freeze": "windows/freeze.py",
        "image": "windows/image.py",
        "sign": "windows/sign.py",
        "verify": "windows/verify.py",
    },
    "macos": {
        "engine": "engine/build.py",
        "freeze": "macos/freeze.py",
        "image": "macos/image.py",
        "sign": "macos/sign.py",
        "verify": "macos/verify.py",
    },
}
"""For each system the scripts of its stages. Each takes `--target` and `--dry-run`."""
_SYSTEMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "aarch64"}


def own_target() -> str:
    """The target that this computer is."""
    system = _SYSTEMS.get(sys.platform, sys.platform)
    name = platform.machine().lower()
    return f"{system}-{_MACHINES.get(name, name)}"


def command(stage: str, target: str, *, dry_run: bool) -> list[str] | None:
    """What runs a stage for a target; None where there is no such stage yet."""
    name = SCRIPTS.get(target.partition("-")[0], {}).get(stage)
    if name is None:
        return None
    words = [sys.executable, str(ROOT / "packaging" / name), "--target", target]
    if stage == "engine":
        words += ["--out", str(ROOT / "build" / "engines" / target)]
    return [*words, *(["--dry-run"] if dry_run else [])]


def build(stages: Sequence[str], target: str, *, dry_run: bool) -> int:
    """Run stages one after the other. Exit code 3 means: one does not exist for that system."""
    for stage in stages:
        words = command(stage, target, dry_run=dry_run)
        if words is None:
            there = ", ".join(name for name in SCRIPTS if stage in SCRIPTS[name])
            print(
                f"build_installer: there is no stage “{stage}” for {target} yet; "
                f"it is there for: {there}.",
                file=sys.stderr,
            )
            return 3
        print(f"{stage}, {target}:", flush=True)
        if code := subprocess.run(words, check=False).returncode:
            print(f"build_installer: the stage “{stage}” failed.", file=sys.stderr)
            return code
    return 0


def main(arguments: Sequence[str]) -> int:
    """Build what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage", choices=[*STAGES, "all"])
    parser.add_argument("--target", default=own_target())
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args(arguments)
    stages = STAGES if asked.stage == "all" else (asked.stage,)
    return build(stages, asked.target, dry_run=asked.dry_run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
