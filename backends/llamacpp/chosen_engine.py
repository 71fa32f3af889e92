"""Which libraries this process runs: those of the engine's folder it was told, or the package's.

Must come before the first import of `llama_cpp`, which opens the libraries at once.
"""

import os
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from backends.engine_folder import (
    BINDING,
    CODE_VARIABLE,
    FOLDER_VARIABLE,
    EngineManifest,
    check_files,
    read_manifest,
)

_LIBRARY_PLACES = ("LLAMA_CPP_LIB_PATH", "MTMD_CPP_LIB")
"""Where the binding looks for its libraries; both name folders."""


@dataclass(frozen=True)
class ChosenEngine:
    """An engine's folder that this process has begun to use."""

    folder: Path
    manifest: EngineManifest
    code: str
    """The code for the processor that shall be used; "" is the best that it can run."""


def choose_engine(environment: MutableMapping[str, str] | None = None) -> ChosenEngine | None:
    """Point the binding at the folder that the environment names; None without one.

    Raises `EngineFailure` for a folder that is damaged or for another computer.
    """
    env = os.environ if environment is None else environment
    for name in _LIBRARY_PLACES:
        env.pop(name, None)
    # An abort must not start gdb for a back trace (seconds), and no foreign module be loaded.
    env.setdefault("GGML_NO_BACKTRACE", "1")
    env.pop("GGML_BACKEND_PATH", None)
    told = env.get(FOLDER_VARIABLE, "")
    if not told:
        return None
    folder = Path(told).absolute()
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    for name in _LIBRARY_PLACES:
        env[name] = str(folder)
    # Byte code would be a file that does not belong there.
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder / BINDING))
    code = env.get(CODE_VARIABLE, "")
    return ChosenEngine(folder, manifest, code if code in manifest.variants else "")
