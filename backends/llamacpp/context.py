"""The native context: the KV cache, batches and the abort switch."""

import os
from typing import Any

import psutil

from backends.errors import BadLoadSetting, EngineFailure
from backends.llamacpp.library import log, native
from backends.llamacpp.logs import explain_load_failure
from backends.types import KVType, LoadConfig

DEFAULT_CONTEXT = 8192

_KV_TYPES: dict[KVType, int] = {
    "f16": native.GGML_TYPE_F16,
    "q8_0": native.GGML_TYPE_Q8_0,
    "q5_1": native.GGML_TYPE_Q5_1,
    "q5_0": native.GGML_TYPE_Q5_0,
    "q4_1": native.GGML_TYPE_Q4_1,
    "q4_0": native.GGML_TYPE_Q4_0,
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


class Context:
    """A native context of one model and one batch to fill it with. Close it before the model."""

    def __init__(self, model: Any, config: LoadConfig) -> None:
        trained = int(native.llama_model_n_ctx_train(model))
        params = _context_params(config, trained)
        log.clear()
        self.handle: Any = native.llama_init_from_model(model, params)
        if not self.handle:
            raise explain_load_failure(log)
        self.memory: Any = native.llama_get_memory(self.handle)
        self.length = int(native.llama_n_ctx(self.handle))
        """Tokens of context."""
        self.batch_size = int(native.llama_n_batch(self.handle))
        self.window = int(native.llama_model_n_swa(model))
        """Tokens of the sliding attention window, 0 without one."""
        self._batch: Any = native.llama_batch_init(self.batch_size, 0, 1)
        self._abort = native.ggml_abort_callback(0)

    def watch(self, abort: Any | None) -> None:
        """Call `abort` (a native `ggml_abort_callback`) after each node of a running graph.

        It ends the running `decode` by answering True. None removes it.
        """
        self._abort = abort or native.ggml_abort_callback(0)
        native.llama_set_abort_callback(self.handle, self._abort, None)

    def fill(self, tokens: list[int], position: int, sequence: int) -> None:
        """Put `tokens` of a sequence, the first one at `position`, into the batch.

        The last one will have an output to sample from.
        """
        batch = self._batch
        for number, token in enumerate(tokens):
            batch.token[number] = token
            batch.pos[number] = position + number
            batch.n_seq_id[number] = 1
            batch.seq_id[number][0] = sequence
            batch.logits[number] = 0
        batch.logits[len(tokens) - 1] = 1
        batch.n_tokens = len(tokens)

    def refill(self, token: int, position: int) -> None:
        """Replace token and position of a batch that holds one token of the same sequence."""
        batch = self._batch
        batch.token[0] = token
        batch.pos[0] = position

    def decode(self) -> bool:
        """Run the batch; False if it was aborted. Raises `EngineFailure`."""
        status = native.llama_decode(self.handle, self._batch)
        if status == 0:
            return True
        if status == 2:
            return False
        raise EngineFailure(
            "llama.cpp could not process the tokens.",
            "\n".join([f"llama_decode answered {status}", *log.tail(10)]),
        )

    def close(self) -> None:
        """Free the native memory."""
        if self.handle:
            native.llama_batch_free(self._batch)
            native.llama_free(self.handle)
            self.handle = None


def _context_params(config: LoadConfig, trained: int) -> Any:
    flash = config.flash_attention
    if config.kv_type != "f16":
        if flash is False:
            raise BadLoadSetting(
                f"A KV cache of type {config.kv_type} needs flash attention, which is off."
            )
        flash = True
    params = native.llama_context_default_params()
    params.n_ctx = config.context_length or min(trained, DEFAULT_CONTEXT)
    params.n_batch = params.n_ubatch = min(config.batch_size, params.n_ctx)
    params.n_seq_max = 1
    params.n_threads = params.n_threads_batch = config.threads or default_threads()
    params.type_k = params.type_v = _KV_TYPES[config.kv_type]
    params.flash_attn_type = _FLASH_ATTENTION[flash]
    # The full cache of a windowed model is several times larger, for rollbacks beyond the window.
    params.swa_full = False
    return params
