"""Build what people install. Dispatch only; each stage is a file in `packaging/`.

    python build_installer.py freeze     a folder that runs without Python, in dist/corral
    python build_installer.py image      an installer from that folder
    python build_installer.py sign       sign it
    python build_installer.py all        all stages that this system can do

Today: `freeze` works on Linux. It says so plainly where a stage is not there yet.
"""

import argparse
import subprocess
import sys
from pathlib import Path

STAGES: dict[str, dict[str, str]] = {
    "freeze": {"linux": "freeze.py"},
    "image": {},
    "sign": {},
}
"""For each stage the script that does it, by `sys.platform`."""


def script_for(stage: str) -> Path | None:
    """The script of a stage on this system; None if there is none yet."""
    name = STAGES[stage].get(sys.platform)
    return Path(__file__).resolve().parent / "packaging" / name if name else None


def build(stage: str) -> int:
    """Run one stage. Exit code 3 means: this stage does not exist here yet."""
    script = script_for(stage)
    if script is None:
        works_on = ", ".join(STAGES[stage]) or "no system"
        print(
            f"build_installer: the stage “{stage}” is not built for {sys.platform} yet; "
            f"it works on: {works_on}.",
            file=sys.stderr,
        )
        return 3
    return subprocess.run([sys.executable, str(script)], check=False).returncode


def main(arguments: list[str]) -> int:
    """Build the stage named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage", choices=[*STAGES, "all"])
    stage = parser.parse_args(arguments).stage
    if stage != "all":
        return build(stage)
    possible = [name for name in STAGES if script_for(name)]
    if not possible:
        return build("freeze")
    for name in possible:
        if code := build(name):
            return code
    missing = [name for name in STAGES if name not in possible]
    if missing:
        print(f"build_installer: done: {', '.join(possible)}; not there yet: {', '.join(missing)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
