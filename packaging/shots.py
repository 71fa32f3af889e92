"""Screenshots of every page in both themes into docs/screenshots, at 1× and one at 1.5×.

    make shots          needs no display

The chats are samples, their text and speeds made up; the models beside the starter are true
headers without weights, and the hub is the local one of the tests. Catalogue, fit, estimates and
the state of the downloads are what the program says of them on this computer.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screenshots"
SCREEN = {
    "name": "screen",
    "x": 0,
    "y": 0,
    "width": 2560,
    "height": 1440,
    "logicalDpi": 96,
    "logicalBaseDpi": 96,
    "dpr": 1,
}
"""Offscreen's own screen is 800 wide, too small for popovers to keep their place."""


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for theme in ("dark", "light"):
        shoot(theme, "1")
        shoot(theme, "1", first=True)
    shoot("light", "1.5")
    for path in sorted(FOLDER.glob("*.png")):
        print(path.relative_to(ROOT))
    return 0


def shoot(theme: str, scale: str, *, first: bool = False) -> None:
    """One run of the program: the pixel ratio can only be chosen before it starts."""
    with tempfile.TemporaryDirectory() as home:
        screen = Path(home) / "screen.json"
        screen.write_text(json.dumps({"screens": [SCREEN]}), encoding="utf-8")
        environment = {
            **os.environ,
            "CORRAL_HOME": str(Path(home) / "corral"),
            "QT_QPA_PLATFORM": f"offscreen:configfile={screen}",
            "QT_SCALE_FACTOR": scale,
        }
        command = [sys.executable, "-m", "tests.shots.photographer", str(FOLDER), theme, scale]
        command += ["first"] if first else []
        subprocess.run(command, env=environment, cwd=ROOT, check=True, timeout=300)


if __name__ == "__main__":
    sys.exit(main())
