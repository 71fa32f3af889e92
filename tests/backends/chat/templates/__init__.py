"""Chat templates of real models, as llama.cpp vendors them; see LICENCE."""

from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.jinja"))


def read(name: str) -> str:
    """The Jinja source of one of `NAMES`."""
    return (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
