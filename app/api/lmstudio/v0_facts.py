"""What LM Studio's first interface tells besides an answer."""

from app import __version__
from app.api.lmstudio.v0_types import ModelFacts, RuntimeFacts, Stats
from app.core.loaded_model import LoadedModel
from backends.types import FinishReason, Usage

_REASONS: dict[FinishReason, str] = {
    "stop": "eosFound",
    "stop_string": "stopStringFound",
    "length": "maxPredictedTokensReached",
    "context": "contextLengthReached",
    "tool_calls": "toolCalls",
    "cancelled": "userStopped",
    "error": "failed",
}
_ENGINES = {"llamacpp": ("llama.cpp", "gguf"), "mlx": ("mlx", "mlx")}


def stats_of(usage: Usage, reason: FinishReason) -> Stats:
    """What an answer took."""
    speed = usage.tokens_per_second
    later = max(0, usage.completion_tokens - 1)
    return Stats(
        speed or 0.0,
        usage.time_to_first_token or 0.0,
        later / speed if speed else 0.0,
        _REASONS[reason],
    )


def model_facts(loaded: LoadedModel) -> ModelFacts:
    """What answered."""
    model, info = loaded.model, loaded.info
    context = info.context_length if info is not None else 0
    return ModelFacts(model.architecture, model.quantization, model.format, context)


def runtime_facts(loaded: LoadedModel) -> RuntimeFacts:
    """By which engine."""
    backend = loaded.engine.backend
    name, kind = _ENGINES.get(backend, (backend, loaded.model.format))
    return RuntimeFacts(f"corral-{name}", __version__, [kind])
