"""Opens llama.cpp: safe environment, own log, a CPU backend that is certainly there.

This is the only module that imports `llama_cpp`. Everything else uses `native`, whose functions
are those of `llama.h` under their own names.
"""

import atexit
import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from backends.errors import BadLoadSetting, EngineFailure
from backends.llamacpp.logs import EngineLog

# Before the import: an abort must not start gdb for a back trace (seconds), and no foreign
# module may be named for loading.
os.environ.setdefault("GGML_NO_BACKTRACE", "1")
os.environ.pop("GGML_BACKEND_PATH", None)

from llama_cpp import llama_cpp as _binding  # must see the environment above

native: Any = _binding
"""The functions and structures of llama.h."""

log = EngineLog()
"""What llama.cpp said; one per process, because its log callback is one per process."""

_log_callback = native.llama_log_callback(log.feed)
native.llama_log_set(_log_callback, None)
# Native code may still log while the process ends, when there is no interpreter to call.
atexit.register(native.llama_log_set, native.llama_log_callback(0), None)


def open_library() -> None:
    """Make sure that a compute backend is registered. Raises `EngineFailure` if there is none.

    Builds with one module per CPU generation register nothing by themselves; llama.cpp would then
    search the current directory, where anybody may have put a library. So they are loaded from
    the library's own folder, and nowhere else.
    """
    count = library_function("ggml_backend_dev_count", ctypes.c_size_t)
    if count() == 0:
        load_all = library_function("ggml_backend_load_all_from_path", None, ctypes.c_char_p)
        load_all(os.fsencode(library_folder()))
    if count() == 0:
        raise EngineFailure(
            f"llama.cpp found no compute backend for this processor in {library_folder()}.",
            "\n".join(log.tail()),
        )


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
