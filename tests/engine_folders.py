"""Engine folders made of the installed package's own libraries, for tests."""

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends.engine_folder import BINDING, INTERFACE, MANIFEST, this_system

BINDING_MODULES = ("llama_cpp.py", "mtmd_cpp.py", "_ctypes_extensions.py")
FAILS_TO_LOAD = "\nllama_model_load_from_file = lambda path, params: None\n"
"""Added to a binding: this engine can load no model."""
ILLEGAL = """
import os, signal
_load = llama_model_load_from_file
def llama_model_load_from_file(path, params):
    if os.environ.get("CORRAL_CPU_CODE") != "plain":
        os.kill(os.getpid(), signal.SIGILL)
    return _load(path, params)
"""
"""Added to a binding: its best code for the processor uses an instruction that it does not have."""


def write_engine(
    places: Path,
    version: str = "0.1.0",
    *,
    variants: Sequence[str] = (),
    binding: str | None = None,
    **changed: Any,
) -> Path:
    """An engine in a folder of its own in `places`.

    `binding` is added to the end of the Python binding of one that really runs; None makes one
    of a few bytes that does not. `changed` are further values of its manifest.
    """
    name: str = changed.get("id", f"llama.cpp-{version}-test")
    folder = places / name
    folder.mkdir(parents=True)
    if binding is None:
        (folder / "libllama.so").write_bytes(b"not really")
    else:
        _copy_package(folder, binding)
    system, machine = this_system()
    manifest: dict[str, Any] = {
        "id": name,
        "engine": "llama.cpp",
        "version": version,
        "commit": "0123abc",
        "interface": INTERFACE,
        "system": system,
        "machine": machine,
        "variants": list(variants),
    }
    write_manifest(folder, manifest | changed)
    return folder


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """List what lies in an engine's folder, under the given values."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    names = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    listed = {
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in names.items()},
        "sizes": {name: len(data) for name, data in names.items()},
    }
    (folder / MANIFEST).write_text(json.dumps(listed | manifest), encoding="utf-8")


def _copy_package(folder: Path, more: str) -> None:
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    package = Path(next(iter(spec.submodule_search_locations)))
    for path in (package / "lib").iterdir():
        # Each lies there under several names; the libraries ask for each other by these.
        if path.suffixes == [".so", ".0"] or path.name in ("libllama.so", "libmtmd.so"):
            shutil.copyfile(path, folder / path.name)
    modules = folder / BINDING / "llama_cpp"
    modules.mkdir(parents=True)
    (modules / "__init__.py").write_text("from llama_cpp.llama_cpp import *\n")
    for name in BINDING_MODULES:
        shutil.copyfile(package / name, modules / name)
    with (modules / "llama_cpp.py").open("a", encoding="utf-8") as file:
        file.write(more)
