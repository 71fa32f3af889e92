"""Loads the scripts of `packaging/`, which is a folder of scripts and no Python package."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def load_script(name: str, *, root: Path = ROOT) -> ModuleType:
    """The script `name` of the checkout `root` as a fresh module."""
    spec = importlib.util.spec_from_file_location(
        f"packaging_{name}", root / "packaging" / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
