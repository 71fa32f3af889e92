"""Whether a GGUF file holds all the data that it announces.

llama.cpp checks this for models, but not for projectors: the missing numbers would be whatever
was in memory.
"""

import ctypes
from pathlib import Path

from backends.llamacpp.library import library_function


class _InitParams(ctypes.Structure):
    """gguf.h: struct gguf_init_params."""

    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


def holds_all_tensors(path: Path) -> bool:
    """False for a file that cannot be read, too."""
    size, number, pointer = ctypes.c_size_t, ctypes.c_int64, ctypes.c_void_p
    read = library_function("gguf_init_from_file", pointer, ctypes.c_char_p, _InitParams)
    free = library_function("gguf_free", None, pointer)
    count = library_function("gguf_get_n_tensors", number, pointer)
    start = library_function("gguf_get_data_offset", size, pointer)
    offset = library_function("gguf_get_tensor_offset", size, pointer, number)
    length = library_function("gguf_get_tensor_size", size, pointer, number)
    file = read(str(path).encode(), _InitParams(no_alloc=True, ctx=None))
    if not file:
        return False
    try:
        ends = (offset(file, each) + length(file, each) for each in range(count(file)))
        return bool(start(file) + max(ends, default=0) <= path.stat().st_size)
    finally:
        free(file)
