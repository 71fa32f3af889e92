"""What can go wrong, told to a person: title, message, hint, code.

AppError
├── SettingsError        a settings or preset file, or a value in it
├── StorageError         disk full, read-only, file vanished
├── ModelError           a model cannot be loaded or used
│   ├── EngineDied       the engine's process ended by itself
│   └── PromptRefused    the prompt leaves no room in the context
├── HubError             the model hub refused, failed or is out of reach
│   ├── OfflineError     the offline switch is on
│   ├── NotFoundError    no such repository, revision or file
│   │   └── ForeignSite  an address of a website that is no hub
│   └── AccessError      log in, accept a licence, or wait
├── DownloadError        a download failed; says what was kept
├── ConversationError    a conversation cannot be read or stored
├── EngineError          an engine cannot be added or removed
└── UpdateError          a new version of Corral cannot be found, trusted or installed
"""

from enum import Enum
from typing import ClassVar


class RemedyKind(Enum):
    """What helps against a failed or crashed model; each is one click."""

    RELOAD = "reload"
    """Load it again as it was."""
    SMALLER_CONTEXT = "smaller_context"
    SMALLER_KV_TYPE = "smaller_kv_type"
    """A quantized KV cache."""
    FEWER_LAYERS = "fewer_layers"
    """Less of the model on the graphics card."""
    NO_GPU = "no_gpu"
    """None of it there."""
    USUAL_SETTINGS = "usual_settings"
    """Without the load settings that a person chose."""
    OTHER_MODEL = "other_model"
    """A smaller variant, or a smaller model."""
    REPORT = "report"
    """Copy what is known, for whoever can mend it."""


class AppError(Exception):
    """An expected failure. Shown as it is: what happened, why and what is safe, what to do."""

    code: ClassVar[str] = "app"
    exit_code: ClassVar[int] = 1

    def __init__(self, title: str, message: str = "", hint: str = "", detail: str = "") -> None:
        super().__init__(title if not message else f"{title}. {message}")
        self.title = title
        """One sentence without a full stop: what happened."""
        self.message = message
        """Why, with numbers, and what was kept."""
        self.hint = hint
        """What to do about it."""
        self.detail = detail
        """Last words of an engine or a server, for a folded-away report."""


class SettingsError(AppError):
    """A settings or preset file, or a value in it, is not valid."""

    code = "settings"


class StorageError(AppError):
    """The disk is full, read-only or gone."""

    code = "storage"


class ModelError(AppError):
    """A model cannot be loaded or used."""

    code = "model"
    remedies: tuple[RemedyKind, ...] = ()
    """What may help, the best first."""

    @property
    def is_lasting(self) -> bool:
        """The engine is well, and asked the same it would say the same."""
        return RemedyKind.RELOAD not in self.remedies


class EngineDied(ModelError):
    """The engine's process ended by itself."""

    code = "engine_died"
    cause: str = ""
    """Name of the row in the failure table that explains it."""

    @property
    def is_lasting(self) -> bool:
        """Never: a new engine may do better."""
        return False

    @property
    def for_memory(self) -> bool:
        """Lack of memory is the likely reason."""
        return RemedyKind.SMALLER_CONTEXT in self.remedies


class PromptRefused(ModelError):
    """The prompt leaves no room for an answer in the context."""

    code = "prompt_too_long"


class HubError(AppError):
    """The model hub refused, failed, or is out of reach."""

    code = "hub"

    def __init__(
        self,
        title: str,
        message: str = "",
        hint: str = "",
        detail: str = "",
        *,
        kind: str = "",
        wait: float | None = None,
    ) -> None:
        super().__init__(title, message, hint, detail)
        self.kind = kind
        """What went wrong, in a word for the program, where it is known."""
        self.wait = wait
        """Seconds after which the hub wants to be asked again, where it says."""


class OfflineError(HubError):
    """The offline switch is on, so nothing may leave this computer."""

    code = "offline"


class NotFoundError(HubError):
    """No such repository, revision, file or model."""

    code = "not_found"
    exit_code = 3


class ForeignSite(NotFoundError):
    """An address of a website that is no hub."""

    code = "foreign_site"


class AccessError(HubError):
    """The hub wants a log-in, an accepted licence, or patience."""

    code = "access"
    exit_code = 4


class DownloadError(AppError):
    """A download failed; the message says what was kept."""

    code = "download"


class ConversationError(AppError):
    """A conversation cannot be read or stored."""

    code = "conversation"


class EngineError(AppError):
    """An engine cannot be added or removed; those that are installed stay as they are."""

    code = "engine"


class UpdateError(AppError):
    """A new version of Corral cannot be found, trusted or installed; the one that runs stays."""

    code = "update"
