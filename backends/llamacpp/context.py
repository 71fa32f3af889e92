"""The native context: the KV cache, decoding and the abort switch."""

import os
from enum import Enum
from typing import Any

import psutil

from backends.errors import BadLoadSetting, EngineFailure
from backends.llamacpp.batch import Batch
from backends.llamacpp.library import log, native
from backends.llamacpp.logs import explain_load_failure
from backends.types import KVType, LoadConfig

DEFAULT_CONTEXT = 8192

_KV_TYPES: dict[KVType, int] = {
    "f32": native.GGML_TYPE_F32,
    "f16": native.GGML_TYPE_F16,
    "bf16": 30,  # ggml.h: GGML_TYPE_BF16, which the binding leaves out
    "q8_0": native.GGML_TYPE_Q8_0,
    "q5_1": native.GGML_TYPE_Q5_1,
    "q5_0": native.GGML_TYPE_Q5_0,
    "q4_1": native.GGML_TYPE_Q4_1,
    "q4_0": native.GGML_TYPE_Q4_0,
    "iq4_nl": native.GGML_TYPE_IQ4_NL,
}
_FLASH_ATTENTION = {None: -1, False: 0, True: 1}  # llama.h: enum llama_flash_attn_type


def default_threads() -> int:
    """Physical cores - 1, at least 1.

    One core too many halves the speed on a busy computer: the threads wait for each other.
    """
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(cores - 1, 1)


class Decoded(Enum):
    """How a call of `Context.decode` ended."""

    DONE = 0
    NO_ROOM = 1
    """The KV cache has no room for the batch; nothing has changed."""
    ABORTED = 2
    """Some of the batch may be in the KV cache."""


class Context:
    """A native context of one model: a KV cache that several sequences share.

    Close it before the model.
    """

    def __init__(self, model: Any, config: LoadConfig) -> None:
        trained = int(native.llama_model_n_ctx_train(model))
        params = _context_params(config, trained)
        log.clear()
        self.handle: Any = native.llama_init_from_model(model, params)
        if not self.handle:
            raise explain_load_failure(log)
        self.memory: Any = native.llama_get_memory(self.handle)
        self.length = int(native.llama_n_ctx(self.handle))
        """Tokens of context, for all sequences together."""
        self.slots = int(native.llama_n_seq_max(self.handle))
        """Number of sequences."""
        self.batch_size = int(native.llama_n_batch(self.handle))
        self.window = int(native.llama_model_n_swa(model))
        """Tokens of the sliding attention window, 0 without one."""
        self.recurrent = bool(
            native.llama_model_is_recurrent(model) or native.llama_model_is_hybrid(model)
        )
        """The model keeps a state that cannot be cut back to an earlier token."""
        self.vocabulary_size = int(native.llama_vocab_n_tokens(native.llama_model_get_vocab(model)))
        self._abort = native.ggml_abort_callback(0)

    def watch(self, abort: Any | None) -> None:
        """Call `abort` (a native `ggml_abort_callback`) after each node of a running graph.

        It ends the running `decode` by answering True. None removes it.
        """
        self._abort = abort or native.ggml_abort_callback(0)
        native.llama_set_abort_callback(self.handle, self._abort, None)

    def decode(self, batch: Batch) -> Decoded:
        """Process a batch. Raises `EngineFailure`; some of it may then be in the KV cache."""
        status = native.llama_decode(self.handle, batch.native)
        if status in (0, 1, 2):
            return Decoded(status)
        raise EngineFailure(
            "llama.cpp could not process the tokens.",
            "\n".join([f"llama_decode answered {status}", *log.tail(10)]),
        )

    def close(self) -> None:
        """Free the native memory."""
        if self.handle:
            native.llama_free(self.handle)
            self.handle = None


def _context_params(config: LoadConfig, trained: int) -> Any:
    flash = config.flash_attention
    if config.kv_type not in ("f32", "f16", "bf16"):
        if flash is False:
            raise BadLoadSetting(
                f"A KV cache of type {config.kv_type} needs flash attention, which is off."
            )
        flash = True
    params = native.llama_context_default_params()
    params.n_ctx = config.context_length or min(trained, DEFAULT_CONTEXT)
    params.n_batch = params.n_ubatch = min(config.batch_size, params.n_ctx)
    params.n_seq_max = config.slots
    params.kv_unified = True
    params.n_threads = params.n_threads_batch = config.threads or default_threads()
    params.type_k = params.type_v = _KV_TYPES[config.kv_type]
    params.flash_attn_type = _FLASH_ATTENTION[flash]
    # The full cache of a windowed model is several times larger, for rollbacks beyond the window.
    params.swa_full = False
    return params
