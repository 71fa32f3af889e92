"""The MLX engine behind the one interface of all engines."""

import gc
import threading
from collections.abc import Sequence
from pathlib import Path

import mlx.core as mx
import psutil
from llguidance import LLTokenizer

from backends.base import LoadProgressCallback
from backends.chat.prompt import PromptBuilder
from backends.constraints.for_answer import ConstraintMaker
from backends.constraints.guided import SLICES, ConstraintCompiler
from backends.errors import BadLoadSetting, BadRequest
from backends.mlx.answering import answer
from backends.mlx.conversations import Conversations
from backends.mlx.drafting import DraftModel
from backends.mlx.embedding import Embedder
from backends.mlx.failures import computing, loading
from backends.mlx.folder import ModelFolder, open_folder
from backends.mlx.loaded import Loaded
from backends.mlx.model import Model
from backends.mlx.notes import load_notes
from backends.mlx.pace import Pace
from backends.mlx.sequence import KVSequence, cache_maker
from backends.mlx.vocabulary import Vocabulary, chat_template
from backends.parking_budget import ParkingBudget
from backends.types import (
    ChatMessage,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    GenerationEvents,
    GenerationRequest,
    LoadConfig,
    ModelInfo,
    SamplingParams,
    Tool,
)
from backends.validation import validated

DEFAULT_CONTEXT = 8192


class MlxBackend:
    """Runs MLX folders. Implements `backends.base.Backend`."""

    def __init__(self) -> None:
        self._loaded: Loaded | None = None
        self._running: dict[str, threading.Event] = {}

    def load(self, path: str, config: LoadConfig, on_progress: LoadProgressCallback) -> ModelInfo:
        """Load an MLX folder; an earlier model is unloaded.

        Raises a `ModelLoadError` that names the cause, or `LoadCancelled`.
        """
        config = validated(config, BadLoadSetting)
        self.unload()
        folder = open_folder(Path(path))
        vocabulary = Vocabulary(folder)
        draft_model = None
        if config.draft_model and not config.embedding:
            draft_model = DraftModel(config.draft_model, vocabulary, on_progress)
        model = Model(folder, config.lora, on_progress)
        with loading():
            self._loaded = _assemble(folder, model, vocabulary, draft_model, config)
        return _describe(self._loaded, config)

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
        if len(self._running) >= loaded.slots:
            raise BadRequest("All slots of the model are taken by other answers.")
        if request.id in self._running:
            raise BadRequest("There is a running request with this id.")
        sampling = validated(request.sampling, BadRequest)
        cancelled = self._running[request.id] = threading.Event()
        return self._events(loaded, request, sampling, cancelled)

    def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Embed texts; the model must be loaded with `LoadConfig.embedding`."""
        embedder = self._require().embedder
        if embedder is None:
            raise BadRequest("This model was loaded for chat: load it anew for embeddings.")
        with computing():
            return embedder.embed(request)

    def cancel(self, request_id: str) -> None:
        """End a request soon; callable from any thread. An unknown id is ignored."""
        if (cancelled := self._running.get(request_id)) is not None:
            cancelled.set()

    def stats(self) -> EngineStats:
        """Memory of this process and tokens in the KV caches."""
        resident = psutil.Process().memory_info().rss
        if self._loaded is None:
            return EngineStats(resident, 0)
        conversations = self._loaded.conversations
        return EngineStats(resident, conversations.cached_tokens, conversations.running)

    def unload(self) -> None:
        """Free the model, if one is loaded; running answers end."""
        for cancelled in [*self._running.values()]:
            cancelled.set()
        if self._loaded is not None:
            self._loaded.constraints.close()
            self._loaded = None
            gc.collect()  # networks refer to themselves in circles
            mx.clear_cache()

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
        try:
            yield from answer(loaded, request, sampling, cancelled)
        finally:
            self._running.pop(request.id, None)


def _assemble(
    folder: ModelFolder,
    model: Model,
    vocabulary: Vocabulary,
    draft_model: DraftModel | None,
    config: LoadConfig,
) -> Loaded:
    new_cache = cache_maker(model, config.kv_type)
    compiler = ConstraintCompiler(lambda: _guided(vocabulary))
    trained = folder.trained_context or DEFAULT_CONTEXT
    return Loaded(
        folder=folder,
        model=model,
        vocabulary=vocabulary,
        prompts=PromptBuilder(vocabulary, chat_template(folder)),
        constraints=ConstraintMaker(compiler.compile, compiler.spell),
        conversations=Conversations(
            lambda: KVSequence(model, new_cache),
            vocabulary.plain_piece,
            slots=config.slots,
            idle_budget=ParkingBudget(config.parking_bytes),
        ),
        pace=Pace(config.batch_size),
        context_length=config.context_length or min(trained, DEFAULT_CONTEXT),
        outputs=int(model.logits(mx.array([0], mx.uint32), model.new_cache()).shape[-1]),
        slots=config.slots,
        draft_model=draft_model,
        draft_tokens=config.draft_tokens,
        prompt_lookup=config.prompt_lookup,
        embedder=Embedder(folder, model, vocabulary, config) if config.embedding else None,
    )


def _guided(vocabulary: Vocabulary) -> LLTokenizer:
    """The vocabulary as llguidance wants it."""
    ends = sorted(vocabulary.ends)
    return LLTokenizer(
        vocabulary.description, n_vocab=vocabulary.size, eos_token=ends, slices=[*SLICES]
    )


def _describe(loaded: Loaded, config: LoadConfig) -> ModelInfo:
    folder, prompts = loaded.folder, loaded.prompts
    return ModelInfo(
        architecture=folder.architecture,
        context_length=loaded.context_length,
        trained_context_length=folder.trained_context,
        vocabulary_size=loaded.vocabulary.size,
        has_chat_template=chat_template(folder) is not None,
        reasoning=prompts.markers is not None,
        reasoning_switch=prompts.reasoning_switch,
        reasoning_effort=prompts.reasoning_effort,
        tools=prompts.tools,
        chat_format=prompts.format.name,
        gpu_layers=loaded.model.layers if loaded.model.on_gpu else 0,
        slots=loaded.slots,
        notes=(*prompts.notes, *loaded.model.notes, *load_notes(loaded, config)),
        embedding_length=loaded.embedder.length if loaded.embedder else 0,
    )
