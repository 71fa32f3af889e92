"""Screenshots of every page in both themes into docs/screenshots, at 1× and one at 1.5×.

    make shots          needs no display

The chats are samples; models, catalogue, downloads and estimates are what the program says on
this computer, the hub is the local one of the tests.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screenshots"


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
        environment = {
            **os.environ,
            "CORRAL_HOME": home,
            "QT_QPA_PLATFORM": "offscreen",
            "QT_SCALE_FACTOR": scale,
        }
        job = json.dumps({"theme": theme, "scale": scale, "first": first})
        command = [sys.executable, str(Path(__file__).resolve()), job]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, timeout=300)


def run_job(theme: str, scale: str, *, first: bool) -> None:
    """Inside the run: show the pages one after the other and keep what they look like."""
    sys.path.insert(0, str(ROOT))  # the local hub of the tests
    from shots_pages import Photographer

    from tests.hub.__main__ import starter_file
    from tests.hub.samples import add_samples
    from tests.hub.server import LocalHub

    with LocalHub() as hub:
        os.environ["HF_ENDPOINT"] = hub.url
        add_samples(hub, starter_file())
        Photographer(FOLDER, theme, float(scale), first=first).take_all()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_job(**json.loads(sys.argv[1]))
        sys.exit(0)
    sys.exit(main())
