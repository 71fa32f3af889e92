"""Opens llama.cpp: safe environment, own log, a CPU backend that is certainly there.

This is the only module that imports `llama_cpp`. Everything else uses `native`, whose functions
are those of `llama.h` under their own names.
"""

import atexit
import ctypes
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from backends.errors import BadLoadSetting, EngineFailure
from backends.llamacpp.chosen_engine import choose_engine
from backends.llamacpp.compute_modules import has_processor, load_modules, loaded_code
from backends.llamacpp.logs import EngineLog
from backends.types import EngineBuild

engine = choose_engine()
"""The folder that this process was told to use; None uses the libraries of the package."""

from llama_cpp import llama_cpp as _binding  # noqa: E402 - must see what was chosen

native: Any = _binding
"""The functions and structures of llama.h."""

log = EngineLog()
"""What llama.cpp said; one per process, because its log callback is one per process."""

_log_callback = native.llama_log_callback(log.feed)
native.llama_log_set(_log_callback, None)
# Native code may still log while the process ends, when there is no interpreter to call.
atexit.register(native.llama_log_set, native.llama_log_callback(0), None)


def open_library() -> None:
    """Make sure that something is registered that computes. Raises `EngineFailure` if not."""
    if has_processor(library_function):
        return
    code, codes = (engine.code, engine.manifest.variants) if engine else ("", ())
    load_modules(library_function, library_folder(), code, codes)
    if not has_processor(library_function):
        raise EngineFailure(
            f"llama.cpp found no compute backend for this processor in {library_folder()}.",
            "\n".join(log.tail()),
        )
    _loaded_codes.append(loaded_code(log.tail()))


_loaded_codes: list[str] = []


def engine_build() -> EngineBuild:
    """Which engine this process runs; opens the library. Raises `EngineFailure`."""
    open_library()
    code = _loaded_codes[-1] if _loaded_codes else ""
    if engine is not None:
        manifest = engine.manifest
        return EngineBuild("llama.cpp", manifest.version, manifest.commit, manifest.id, code)
    try:
        version = metadata.version("llama_cpp_python")
    except metadata.PackageNotFoundError:  # frozen without what is known of it
        version = ""
    return EngineBuild("llama.cpp", version, cpu_code=code)


@cache
def open_vision_library() -> Any:
    """The functions and structures of mtmd.h, for models that see. Raises `BadLoadSetting`.

    Opened only where it is needed: the library is large, and builds may come without it.
    """
    try:
        from llama_cpp import mtmd_cpp as binding
    except (ImportError, OSError, RuntimeError) as error:
        raise BadLoadSetting(
            "This build of llama.cpp cannot see pictures. Load the model without a projector.",
            str(error),
        ) from None
    binding.mtmd_helper_log_set(_log_callback, None)
    atexit.register(binding.mtmd_helper_log_set, native.llama_log_callback(0), None)
    return binding


def library_folder() -> Path:
    """Where the native libraries lie."""
    return Path(native._base_path)


def library_function(name: str, result: Any, *arguments: Any) -> Any:
    """A function of ggml that the binding leaves out, with its C types.

    On Linux and macOS it is reached through libllama's own handle: opening a ggml library by name
    would load a second one with a registry of its own. On Windows a DLL exports only its own.
    """
    libraries: list[Any] = [native._lib]
    if sys.platform == "win32":
        names = ("ggml.dll", "ggml-base.dll")
        libraries = [ctypes.CDLL(str(library_folder() / each)) for each in names]
    function = next(getattr(each, name) for each in libraries if hasattr(each, name))
    function.restype, function.argtypes = result, list(arguments)
    return function
