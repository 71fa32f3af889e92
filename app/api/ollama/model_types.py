"""Types of what Ollama tells of models, and of the requests that manage them."""

from typing import Any

from msgspec import Struct, field

from app.api.ollama.answer_types import AskedMessage, OllamaMessage

Json = dict[str, Any]


class OllamaVersion(Struct):
    """The version of Ollama whose interface this is."""

    version: str


class CloudState(Struct):
    """Whether models elsewhere may be used through this server."""

    disabled: bool
    source: str


class OllamaStatus(Struct):
    """What is switched on."""

    cloud: CloudState


class ModelDetails(Struct, omit_defaults=True):
    """What a model is."""

    parent_model: str
    format: str
    family: str
    families: list[str]
    parameter_size: str
    """Such as "134.52M"."""
    quantization_level: str
    context_length: int = 0
    embedding_length: int = 0


class ListedModel(Struct, omit_defaults=True):
    """A model of the list."""

    name: str
    model: str
    modified_at: str
    size: int
    """Bytes."""
    digest: str
    """SHA-256 of its file where that is known, else a number of its own that stays the same."""
    details: ModelDetails
    capabilities: list[str] = field(default_factory=list)


class OllamaModels(Struct):
    """All models."""

    models: list[ListedModel]


class RunningModel(Struct):
    """A loaded model."""

    name: str
    model: str
    size: int
    """Bytes that it takes, as estimated."""
    digest: str
    details: ModelDetails
    expires_at: str
    size_vram: int
    context_length: int


class OllamaRunning(Struct):
    """All loaded models."""

    models: list[RunningModel]


class ShowRequest(Struct):
    """Which model to tell of."""

    model: str = ""
    name: str = ""
    verbose: bool | None = None
    """With the values of long lists, such as its tokens."""
    system: str | None = None


class TensorRow(Struct):
    """A tensor of a model."""

    name: str
    type: str
    shape: list[int]


class ShownModel(Struct, omit_defaults=True):
    """All that is known of a model."""

    modelfile: str
    details: ModelDetails
    model_info: Json
    modified_at: str
    license: str = ""
    parameters: str = ""
    template: str = ""
    system: str = ""
    messages: list[OllamaMessage] = field(default_factory=list)
    projector_info: Json = field(default_factory=dict)
    tensors: list[TensorRow] = field(default_factory=list)
    capabilities: list[str] = field(default_factory=list)


class PullRequest(Struct):
    """Which model to fetch."""

    model: str = ""
    name: str = ""
    insecure: bool | None = None
    """Ignored: how connections are made is set in Corral."""
    stream: bool | None = None


class PushRequest(PullRequest):
    """Which model to publish."""


class CreateRequest(Struct):
    """What to make a model of."""

    model: str = ""
    name: str = ""
    from_: str | None = field(default=None, name="from")
    files: dict[str, str] | None = None
    """Digests of uploaded files, by their names."""
    adapters: dict[str, str] | None = None
    template: str | None = None
    license: str | list[str] | None = None
    system: str | None = None
    parameters: Json | None = None
    messages: list[AskedMessage] | None = None
    quantize: str | None = None
    quantization: str | None = None
    stream: bool | None = None


class CopyRequest(Struct):
    """A further name for a model."""

    source: str = ""
    destination: str = ""


class DeleteRequest(Struct):
    """Which model to delete."""

    model: str = ""
    name: str = ""


class StepLine(Struct, omit_defaults=True):
    """How far something is."""

    status: str
    digest: str = ""
    total: int = 0
    completed: int = 0
