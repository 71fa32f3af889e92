"""What the transcript knows of one message."""

from dataclasses import dataclass, field

from app.core.conversations import Message, MessageFinish, MessageState, Picture
from app.core.errors import AppError
from backends.types import Role, Usage


@dataclass(frozen=True, slots=True)
class MessageItem:
    """One message as shown. Times are seconds."""

    id: int
    role: Role
    text: str
    reasoning: str = ""
    created: float = 0
    """Unix time; 0 shows no time."""
    model_name: str = ""
    """Who wrote an answer, in a person's words."""
    state: MessageState = "complete"
    finish_reason: MessageFinish | None = None
    usage: Usage | None = None
    version: int = 1
    versions: int = 1
    reasoning_seconds: float | None = None
    """How long the model reasoned; known only of answers made while the window was open."""
    reasoning_tokens: int | None = None
    first_kept: int | None = None
    """As in `Message`: where the model's memory began when it wrote this answer."""
    notes: tuple[str, ...] = ()
    """Sentences of the engine about an answer."""
    pictures: tuple[Picture, ...] = ()
    is_json: bool = False
    """The answer under way is to be nothing but JSON."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way out of an error."""

    key: str
    """Comes back with `remedy_chosen`."""
    button: str
    """A verb: "Reload and continue"."""
    label: str = ""
    """What it changes: "Context 8,192 tokens"."""
    needs: str = ""
    """What it takes: "needs 10.9 GB"."""


@dataclass(frozen=True, slots=True)
class ErrorNote:
    """An error shown under a message."""

    error: AppError
    remedies: tuple[Remedy, ...] = ()
    """The best one first."""
    note: str = ""
    """A small fact such as "Signal 9 · 16:08:12"."""
    dismissable: bool = field(default=True)


def from_message(message: Message, model_name: str = "") -> MessageItem:
    """The item of a stored message; `model_name` is what people call its model."""
    return MessageItem(
        id=message.id,
        role=message.role,
        text=message.content,
        reasoning=message.reasoning,
        created=message.created,
        model_name=model_name or message.model or "",
        state=message.state,
        finish_reason=message.finish_reason,
        usage=message.usage,
        version=message.version,
        versions=message.versions,
        first_kept=message.first_kept,
        notes=message.notes,
        pictures=message.pictures,
    )
