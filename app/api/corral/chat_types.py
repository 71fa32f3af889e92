"""What the page in the browser and the server tell each other."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.core.conversations import MessageFinish, MessageState
from backends.types import Role

Title = Annotated[str, Meta(min_length=1, max_length=200)]
MessageId = Annotated[int, Meta(ge=1, le=2**53)]
ShortName = Annotated[str, Meta(min_length=1, max_length=500)]


class SessionInfo(Struct):
    """Who asks, as the server sees it."""

    name: str
    """Of the token, for people; empty on this computer without one."""
    version: str
    """Of Corral."""


class ModelChoice(Struct):
    """A model that a chat can use."""

    id: str
    name: str
    quantization: str
    loaded: bool
    remote: bool
    """It runs on another computer: what is written leaves this one."""


class PresetChoice(Struct):
    """A preset that a chat can use."""

    id: str
    name: str
    icon: str
    """Name of a Lucide icon."""
    description: str
    built_in: bool


class Choices(Struct):
    """What a chat can be made with."""

    models: list[ModelChoice]
    presets: list[PresetChoice]
    model: str | None
    """Id of the model that a new chat begins with; None where there is none at all."""
    preset: str
    """Id of the preset that a new chat begins with."""


class ChatInfo(Struct):
    """A chat in the list. Times are Unix seconds."""

    id: int
    title: str
    preview: str
    updated: float
    model: str | None
    preset: str | None
    answering: bool
    """An answer is under way."""


class ChatTurn(Struct):
    """A message of a chat."""

    id: int
    role: Role
    content: str
    reasoning: str
    created: float
    state: MessageState
    finish_reason: MessageFinish | None
    model: str
    """Name of the model that wrote it, for people."""
    completion_tokens: int
    tokens_per_second: float | None
    version: int
    versions: int
    notes: tuple[str, ...]
    shortened: bool
    """The model was not told of the earliest messages, which did not fit."""


class ChatDetail(Struct):
    """A chat with the branch of its messages that is shown."""

    chat: ChatInfo
    messages: list[ChatTurn]


class NewChat(Struct):
    """A chat to begin; what is not said is as for any new chat."""

    model: ShortName | None = None
    preset: ShortName | None = None


class ChatChange(Struct):
    """What to change of a chat."""

    title: Title | UnsetType = UNSET
    model: ShortName | UnsetType = UNSET
    preset: ShortName | UnsetType = UNSET


class NewMessage(Struct):
    """What a person says."""

    text: Annotated[str, Meta(min_length=1, max_length=1_000_000)]


class AnswerAgain(Struct):
    """Which answer to write again, or which message of the person's to answer."""

    message: MessageId


class ShowVersion(Struct):
    """Which version of a message to show."""

    message: MessageId
    """Any version of it."""
    version: Annotated[int, Meta(ge=1, le=1_000_000)]
    """`ChatTurn.version` of the wanted one."""


class Loading(Struct, tag="loading"):
    """The model is being loaded."""

    fraction: float


class Waiting(Struct, tag="waiting"):
    """Others are answered first."""


class Begun(Struct, tag="begun"):
    """The message is stored, and the answer as far as it goes."""

    question: ChatTurn
    answer: ChatTurn


class Reading(Struct, tag="reading"):
    """The model reads: tokens done and in all."""

    done: int
    total: int


class Text(Struct, tag="text"):
    """The next piece of the answer, or of the thoughts before it."""

    text: str
    reasoning: bool


class Failed(Struct, tag="failed"):
    """The answer could not be given, or not to its end; the last line but `ended`."""

    message: str
    """A sentence for a person, in English."""
    kind: str = "internal"
    """An `ErrorKind`, which the page has words for in its own languages."""


class Ended(Struct, tag="ended"):
    """The last line: the answer as it is kept; None where nothing is."""

    answer: ChatTurn | None
    chat: ChatInfo | None


AnswerLine = Loading | Waiting | Begun | Reading | Text | Failed | Ended
