"""The native context: the KV cache, decoding and the abort switch."""

from enum import Enum
from typing import Any

from backends.errors import EngineFailure
from backends.llamacpp.batch import Batch
from backends.llamacpp.library import log, native
from backends.llamacpp.logs import explain_load_failure
from backends.llamacpp.parameters import context_parameters
from backends.types import LoadConfig


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
        params = context_parameters(config, trained)
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

    def decode(self, batch: Batch, *, causal: bool = True) -> Decoded:
        """Process a batch. Raises `EngineFailure`; some of it may then be in the KV cache.

        Unless it is `causal`, all of the batch sees all of it.
        """
        if not causal:
            native.llama_set_causal_attn(self.handle, False)
        try:
            status = native.llama_decode(self.handle, batch.native)
        finally:
            if not causal:
                native.llama_set_causal_attn(self.handle, True)
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
