"""What a command and the running program say to each other, at `/corral/v1/…`."""

from typing import Any, Literal

from msgspec import Struct

from app.core.download_state import DownloadRequest, State
from app.core.ollama_recipe import Recipe
from backends.types import (
    ChatMessage,
    GenerationEvent,
    GenerationRequest,
    LoadConfig,
    ModelInfo,
)

BASE = "/corral/v1"


class LoadedRow(Struct):
    """A model that is loading or loaded."""

    id: str
    name: str
    state: str
    fraction: float
    size: int
    context_length: int
    idle_seconds: float
    ttl: float | None
    """Seconds without use after which it is ejected; None as the settings say, 0 never."""
    resident_bytes: int
    on_gpu: bool


class Status(Struct):
    """What the program is and does."""

    version: str
    window: bool
    loaded: list[LoadedRow]
    address: str = ""
    """Where other programs reach it, as a URL; empty while the server is off."""


class LoadRequest(Struct):
    """Which model to load and how."""

    model: str
    config: LoadConfig | None = None
    ttl: float | None = None
    force: bool = False


class LoadStep(Struct, omit_defaults=True, tag="load_step"):
    """A line of a load: how far it is, at last what was loaded."""

    fraction: float
    id: str = ""
    info: ModelInfo | None = None
    config: LoadConfig | None = None
    warning: str = ""


class Failure(Struct, omit_defaults=True, tag="failure"):
    """A line that ends a stream which broke off; also the body of an answer that failed."""

    source: Literal["app", "engine", "server"]
    """An error of the program, of an engine (`backends.errors`), or of the server itself."""
    code: str
    title: str
    message: str = ""
    hint: str = ""
    detail: str = ""


class FetchRequest(Struct):
    """What to download, and into which models folder; empty: as the program chooses."""

    request: DownloadRequest
    folder: str = ""
    """An absolute path."""


class FetchStep(Struct, omit_defaults=True, tag="fetch_step"):
    """A line of a download: how far it is. The fields are those of `DownloadItem`."""

    state: State
    done: int
    total: int
    target: str
    speed: float = 0.0
    eta: float | None = None
    verified: float = 0.0
    again: bool = False


class UnloadRequest(Struct):
    """Which model to eject."""

    model: str


class GenerateRequest(Struct):
    """An answer, asked in the engine's own terms."""

    model: str
    request: GenerationRequest
    config: LoadConfig | None = None
    ttl: float | None = None


class CountRequest(Struct):
    """How long is the prompt that these messages make?"""

    model: str
    messages: tuple[ChatMessage, ...]


class Counted(Struct):
    """Tokens of a prompt."""

    tokens: int


class MakeRequest(Struct):
    """A model to be made of another one."""

    name: str
    base: str
    recipe: Recipe


class Made(Struct):
    """The model that was made."""

    id: str


class RemoveRequest(Struct):
    """A model to be deleted."""

    model: str
    for_good: bool = False
    """Its files do not go to the trash."""


class SettingRequest(Struct):
    """A setting to be changed."""

    name: str
    """As `app.core.setting_names` calls it."""
    value: Any


GenerateLine = GenerationEvent | Failure
LoadLine = LoadStep | Failure
FetchLine = FetchStep | Failure
