"""The one interface every engine offers, in the child and, through a proxy, in the parent."""

from collections.abc import Callable, Sequence
from typing import Protocol

from backends.types import (
    ChatMessage,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    GenerationEvents,
    GenerationRequest,
    LoadConfig,
    ModelInfo,
    Tool,
)

LoadProgressCallback = Callable[[float], bool]
"""Gets the loaded fraction, 0 to 1; answers False to cancel the load."""


class Backend(Protocol):
    """A language model engine holding at most one model.

    All calls but `cancel` come from one thread. Every failure is a `backends.errors.BackendError`.
    Up to `ModelInfo.slots` answers may be under way: their iterators are advanced in turn, and
    each step of one may compute for all of them.
    """

    def load(self, path: str, config: LoadConfig, on_progress: LoadProgressCallback) -> ModelInfo:
        """Load the model at `path` (GGUF file, its first part, or an MLX folder)."""
        ...

    def count_tokens(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> int:
        """Tokens of the whole prompt that `messages` make, template and answer header included."""
        ...

    def generate(self, request: GenerationRequest) -> GenerationEvents:
        """Answer `request`: `Progress` while the prompt is processed, `Delta`s, one `Finish`.

        Closing the iterator ends the answer.
        """
        ...

    def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Embed texts; the model must be loaded with `LoadConfig.embedding`."""
        ...

    def cancel(self, request_id: str) -> None:
        """End a running or waiting request soon; its events end with `Finish("cancelled")`.

        The only call that may come from any thread. An unknown id is ignored.
        """
        ...

    def stats(self) -> EngineStats:
        """Memory and cache of the engine now."""
        ...

    def unload(self) -> None:
        """Free the model. The engine may load another one afterwards."""
        ...
