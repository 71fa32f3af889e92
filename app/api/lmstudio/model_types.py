"""Types of what LM Studio's interface tells of models, and of its requests to manage them."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

Kind = Literal["llm", "embedding"]
ReasoningOption = Literal["off", "on", "low", "medium", "high"]


class InstanceConfig(Struct):
    """How a model is loaded."""

    context_length: int
    eval_batch_size: int | UnsetType = UNSET
    parallel: int | UnsetType = UNSET
    flash_attention: bool | UnsetType = UNSET
    offload_kv_cache_to_gpu: bool | UnsetType = UNSET


class Instance(Struct):
    """A loaded model."""

    id: str
    config: InstanceConfig


class QuantizationRow(Struct):
    """How a model's weights are stored."""

    name: str | None
    bits_per_weight: float | None


class ReasoningRow(Struct):
    """How a model may be told to reason."""

    allowed_options: list[ReasoningOption]
    default: ReasoningOption


class CapabilityRow(Struct):
    """What a model can do."""

    vision: bool
    trained_for_tool_use: bool
    reasoning: ReasoningRow | UnsetType = UNSET


class LmStudioModel(Struct):
    """A model of the list."""

    type: Kind
    publisher: str
    key: str
    display_name: str
    quantization: QuantizationRow | None
    size_bytes: int
    params_string: str | None
    loaded_instances: list[Instance]
    max_context_length: int
    format: Literal["gguf", "mlx"] | None
    architecture: str | UnsetType | None = UNSET
    capabilities: CapabilityRow | UnsetType = UNSET
    description: str | UnsetType | None = UNSET


class LmStudioModels(Struct):
    """All models."""

    models: list[LmStudioModel]


class LmStudioLoadRequest(Struct):
    """Which model to load, and how."""

    model: str
    context_length: int | None = None
    eval_batch_size: int | None = None
    flash_attention: bool | None = None
    num_experts: int | None = None
    """Ignored: all experts that a model was made for are used."""
    offload_kv_cache_to_gpu: bool | None = None
    echo_load_config: bool | None = None
    ttl: float | None = None
    """Seconds without use after which it is ejected."""


class LmStudioLoaded(Struct):
    """What was loaded."""

    type: Kind
    instance_id: str
    load_time_seconds: float
    status: Literal["loaded"] = "loaded"
    load_config: InstanceConfig | UnsetType = UNSET


class LmStudioUnload(Struct):
    """A loaded model, to be ejected or ejected."""

    instance_id: str


class LmStudioDownloadRequest(Struct):
    """What to fetch: an address or name of a repository."""

    model: str
    quantization: str | None = None


class LmStudioJob(Struct, omit_defaults=True):
    """A download."""

    status: Literal["downloading", "paused", "completed", "failed", "already_downloaded"]
    job_id: str | None = None
    total_size_bytes: int | None = None
    downloaded_bytes: int | None = None
    started_at: str | None = None
    bytes_per_second: float | None = None
    estimated_completion: str | None = None
    completed_at: str | None = None
    error: str | None = None
    """Why it failed."""
