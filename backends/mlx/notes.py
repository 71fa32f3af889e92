"""What a person should know of a load whose settings MLX does not follow."""

from collections.abc import Iterator

from backends.mlx.loaded import Loaded
from backends.types import LoadConfig


def load_notes(loaded: Loaded, config: LoadConfig) -> Iterator[str]:
    """Sentences about settings that have no effect, and about what the model cannot do."""
    trained = loaded.folder.trained_context
    if loaded.context_length > trained > 0:
        yield (
            f"The context of {loaded.context_length:,} tokens is longer than the {trained:,} the "
            "model was trained with; answers may get worse."
        )
    rope = (config.rope_scaling, config.rope_freq_base, config.rope_freq_scale)
    ignored = {
        "GPU layers": config.gpu_layers is not None
        and min(config.gpu_layers, loaded.model.layers)
        != (loaded.model.layers if loaded.model.on_gpu else 0),
        "RoPE": rope != (None, 0.0, 0.0),
        "experts on the processor": config.experts_on_cpu > 0,
        "split over GPUs": bool(config.tensor_split),
        "RPC servers": bool(config.rpc_servers),
        "projector": bool(config.projector),
        "folder for parked conversations": bool(config.parking_folder),
    }
    if names := [name for name, is_set in ignored.items() if is_set]:
        yield f"These load settings have no effect with MLX: {', '.join(names)}."
    guesses = loaded.draft_model is not None or config.prompt_lookup
    if guesses and not loaded.goes_back:
        yield (
            "This model cannot go back in its context, so nothing is guessed ahead, and an edited "
            "chat is processed from its start."
        )
