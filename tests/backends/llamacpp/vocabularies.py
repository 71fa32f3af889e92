"""Vocabularies of real models, as `packaging/vocabularies.py` fetches them for `make test`."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / ".cache" / "vocabularies"


def vocabulary_file(name: str) -> Path:
    """The model file without weights that holds vocabulary `name`; skips if it is not there."""
    path = FOLDER / f"ggml-vocab-{name}.gguf"
    if not path.exists():
        pytest.skip(f"{path.name} is not there; `make vocabularies` fetches it")
    return path
