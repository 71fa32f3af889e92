import subprocess
import sys

import pytest

from backends import registry
from backends.errors import BackendError
from backends.scripted import ScriptedBackend


def test_the_scripted_engine_is_made_by_name() -> None:
    assert isinstance(registry.create("scripted"), ScriptedBackend)


def test_an_unknown_name_is_an_engine_error() -> None:
    with pytest.raises(BackendError, match="no engine “magic”"):
        registry.create("magic")


def test_missing_libraries_are_an_engine_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "backends.llamacpp.engine", None)
    with pytest.raises(BackendError, match="not installed"):
        registry.create("llamacpp")


def test_the_registry_itself_loads_no_engine_library() -> None:
    code = (
        "import sys, backends.host, backends.registry; backends.registry.create('scripted');"
        "print([m for m in ('llama_cpp', 'numpy', 'PySide6', 'app', 'mlx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
