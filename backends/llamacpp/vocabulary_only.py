"""A model's vocabulary without its weights, for children that need nothing else."""

import sys

from backends.errors import ModelFileMissing
from backends.llamacpp.library import log, native, open_library
from backends.llamacpp.vocabulary import Vocabulary

MEMORY_LIMIT = 2 << 30
"""Bytes that such a child may allocate, where the system can limit it."""


def open_vocabulary(path: str) -> Vocabulary:
    """The vocabulary of the GGUF file at `path`; this process may not grow beyond a limit after.

    It is never freed: the process ends with its task. Raises `ModelFileMissing`.
    """
    _limit_memory()
    open_library()
    params = native.llama_model_default_params()
    params.vocab_only = True
    log.clear()
    model = native.llama_model_load_from_file(path.encode(), params)
    if not model:
        raise ModelFileMissing(f"The vocabulary of {path} cannot be read.", "\n".join(log.tail(5)))
    return Vocabulary(model)


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # counts what is allocated, not the mapped model
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))
