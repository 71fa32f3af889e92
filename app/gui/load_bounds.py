"""Which load settings a model has on this computer, and how far they go."""

from dataclasses import dataclass
from typing import get_args

from app.core.companions import NO_COMPANIONS, Companions
from app.core.draft_models import goes_back
from app.core.gguf_types import GgufHeader
from app.core.hardware import HardwareSurvey
from app.core.library_types import LocalModel
from app.core.memory import estimate
from backends.types import KVType, LoadConfig

SMALLEST_CONTEXT = 256
UNTRAINED_CONTEXT = 131_072
"""The longest context offered for a model that does not say how long it was trained for."""

_MLX_KV_TYPES: tuple[KVType, ...] = ("f16", "q8_0", "q4_0")
_DRAFTING = frozenset({"prompt_lookup", "draft_model", "draft_tokens"})
_MLX = _DRAFTING | {"context_length", "batch_size", "kv_type", "slots", "lora"}
_GGUF = _MLX | {
    *("threads", "flash_attention", "mmap", "mlock", "projector"),
    *("rope_scaling", "rope_freq_base", "rope_freq_scale"),
}
_CARDS = frozenset({"split_mode", "main_gpu", "tensor_split"})


@dataclass(frozen=True)
class Bounds:
    """How far the settings of a model go on this computer."""

    context: int
    layers: int
    """Of the model; 0 where no graphics card could take them."""
    threads: int
    mlx: bool = False
    """It runs in MLX, which takes fewer settings."""
    expert_layers: int = 0
    """Layers that may have experts; 0 for models without any."""
    window: int = 0
    """Tokens that windowed layers look back; 0 for models without any."""
    goes_back: bool = True
    """Wrong guesses can be taken back, so that guessing ahead is possible."""
    slot_bytes: int = 0
    """What one more slot takes."""
    cards: tuple[str, ...] = ()
    """Names of the graphics cards that the engine can use."""
    memory_nodes: int = 1
    companions: Companions = NO_COMPANIONS
    header: GgufHeader | None = None
    """What companions are checked against."""

    @property
    def fields(self) -> frozenset[str]:
        """Names of the fields of `LoadConfig` that make a difference."""
        found = set(_MLX if self.mlx else _GGUF)
        if not self.goes_back:
            found -= _DRAFTING
        if self.mlx:
            return frozenset(found)
        if self.layers:
            found |= {"gpu_layers", "offload_kv"}
            found |= {"experts_on_cpu"} if self.expert_layers else set()
        found |= {"swa_full"} if self.window else set()
        found |= {"numa"} if self.memory_nodes > 1 else set()
        return frozenset(found | _CARDS if len(self.cards) > 1 else found)

    @property
    def kv_types(self) -> tuple[KVType, ...]:
        """Types of the KV cache that the engine takes."""
        return _MLX_KV_TYPES if self.mlx else get_args(KVType)


def bounds_of(
    header: GgufHeader,
    hardware: HardwareSurvey,
    model: LocalModel | None = None,
    companions: Companions = NO_COMPANIONS,
) -> Bounds:
    """What a model and this computer allow."""
    gpu = bool(hardware.usable_gpus) or hardware.apple_silicon
    layers = header.block_count or 0
    experts = header.hyper_integer("expert_count") or 0
    one, two = (estimate(header, LoadConfig(slots=count), 0).total for count in (1, 2))
    return Bounds(
        context=max(SMALLEST_CONTEXT, header.context_length or UNTRAINED_CONTEXT),
        layers=layers + 1 if gpu else 0,
        threads=max(1, hardware.logical_cores),
        mlx=model is not None and model.format == "mlx",
        expert_layers=layers if experts else 0,
        window=header.sliding_window or 0,
        goes_back=goes_back(header),
        slot_bytes=two - one,
        cards=tuple(card.name for card in hardware.usable_gpus),
        memory_nodes=hardware.memory_nodes,
        companions=companions,
        header=header,
    )
