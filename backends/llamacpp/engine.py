"""The llama.cpp engine behind the one interface of all engines."""

import threading
from collections.abc import Sequence

import psutil

from backends.base import LoadProgressCallback
from backends.errors import BadLoadSetting, BadRequest, ModelLoadError
from backends.llamacpp.answering import answer
from backends.llamacpp.context import Context
from backends.llamacpp.library import log, native, open_library
from backends.llamacpp.loaded import Loaded, assemble
from backends.llamacpp.memory_log import memory_use
from backends.llamacpp.model import Model
from backends.llamacpp.parameters import init_numa
from backends.types import (
    ChatMessage,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    Finish,
    GenerationEvents,
    GenerationRequest,
    LoadConfig,
    MemoryUse,
    ModelInfo,
    SamplingParams,
    Tool,
    Usage,
)
from backends.validation import validated

_LOG_LINES = 200


class LlamaCppBackend:
    """Runs GGUF models. Implements `backends.base.Backend`."""

    def __init__(self) -> None:
        self._loaded: Loaded | None = None
        self._running: dict[str, threading.Event] = {}

    def load(self, path: str, config: LoadConfig, on_progress: LoadProgressCallback) -> ModelInfo:
        """Load a GGUF file, or the first part of a split one; an earlier model is unloaded.

        Raises a `ModelLoadError` that names the cause, or `LoadCancelled`.
        """
        config = validated(config, BadLoadSetting)
        self.unload()
        open_library()
        init_numa(config)
        model = Model(path, config, on_progress)
        context = None
        try:
            if not config.embedding:
                _check_generates(model)
            said = log.tail(_LOG_LINES)
            context = Context(model.handle, config)
            memory = memory_use((*said, *log.tail(_LOG_LINES)))
            self._loaded = assemble(path, model, context, config)
        finally:
            if self._loaded is None:
                if context is not None:
                    context.close()
                model.close()
        return _describe(self._loaded, config, memory)

    def count_tokens(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> int:
        """Tokens of the whole prompt that `messages` make; 0 for none."""
        prompts = self._require().prompts
        return len(prompts.build(messages, tools=tools).tokens) if messages else 0

    def generate(self, request: GenerationRequest) -> GenerationEvents:
        """Answer `request`; it can be cancelled from the moment this returns.

        Raises `BadRequest` at once when all slots are taken or a setting is out of range;
        `TemplateError`, `PromptTooLong` and `EngineFailure` come from the iterator.
        """
        loaded = self._require()
        if loaded.embedder is not None:
            raise BadRequest("This model was loaded for embeddings: load it anew to chat.")
        if len(self._running) >= loaded.context.slots:
            raise BadRequest("All slots of the model are taken by other answers.")
        if request.id in self._running:
            raise BadRequest("There is a running request with this id.")
        sampling = validated(request.sampling, BadRequest)
        cancelled = self._running[request.id] = threading.Event()
        return self._events(loaded, request, sampling, cancelled)

    def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Embed texts. Raises `BadRequest`, `PromptTooLong` and `EngineFailure`."""
        embedder = self._require().embedder
        if embedder is None:
            raise BadRequest("This model was loaded for chat: load it anew for embeddings.")
        return embedder.embed(request)

    def cancel(self, request_id: str) -> None:
        """End a request soon; callable from any thread. An unknown id is ignored."""
        if (cancelled := self._running.get(request_id)) is not None:
            cancelled.set()

    def stats(self) -> EngineStats:
        """Memory of this process, tokens in the KV cache and parked conversations."""
        resident = psutil.Process().memory_info().rss
        if self._loaded is None:
            return EngineStats(resident, 0)
        return EngineStats(
            resident_bytes=resident,
            cached_tokens=self._loaded.slots.cached_tokens,
            running=self._loaded.scheduler.running,
            parked=len(self._loaded.parking),
            parked_bytes=self._loaded.parking.held_bytes,
        )

    def unload(self) -> None:
        """Free the model, if one is loaded; running answers end."""
        loaded, self._loaded = self._loaded, None
        for cancelled in self._running.values():
            cancelled.set()
        self._running = {}
        if loaded is not None:
            loaded.close()

    def _require(self) -> Loaded:
        if self._loaded is None:
            raise BadRequest("No model is loaded.")
        return self._loaded

    def _events(
        self,
        loaded: Loaded,
        request: GenerationRequest,
        sampling: SamplingParams,
        cancelled: threading.Event,
    ) -> GenerationEvents:
        running = self._running
        try:
            if cancelled.is_set():  # perhaps because the model is gone
                yield Finish("cancelled", Usage())
            else:
                yield from answer(loaded, request, sampling, cancelled)
        finally:
            running.pop(request.id, None)


def _check_generates(model: Model) -> None:
    if native.llama_model_has_encoder(model.handle) or not native.llama_model_has_decoder(
        model.handle
    ):
        raise ModelLoadError(
            "This model does not write text: it is made for embeddings or translation.",
            f"architecture {model.architecture}",
        )


def _describe(loaded: Loaded, config: LoadConfig, memory: MemoryUse | None) -> ModelInfo:
    model, context, prompts = loaded.model, loaded.context, loaded.prompts
    notes = list(prompts.notes)
    if context.length > model.trained_context > 0:
        notes.append(
            f"The context of {context.length:,} tokens is longer than the "
            f"{model.trained_context:,} the model was trained with; answers may get worse."
        )
    if config.gpu_layers and not model.gpu_layers:
        notes.append("This engine has no GPU support; all layers run on the processor.")
    return ModelInfo(
        architecture=model.architecture,
        context_length=context.length,
        trained_context_length=model.trained_context,
        vocabulary_size=model.vocabulary.size,
        has_chat_template=model.chat_template is not None,
        reasoning=prompts.markers is not None,
        reasoning_switch=prompts.reasoning_switch,
        reasoning_effort=prompts.reasoning_effort,
        tools=prompts.tools,
        vision=loaded.projector is not None,
        chat_format=prompts.format.name,
        gpu_layers=model.gpu_layers,
        slots=context.slots,
        embedding_length=loaded.embedder.length if loaded.embedder else 0,
        notes=tuple(notes),
        memory=memory,
    )
