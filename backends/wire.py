"""What the program and an engine child say to each other: one JSON object per line, UTF-8.

The program sends commands, the child sends replies. Every command carries a number chosen by the
program; replies to it carry the same number. The first reply of a child is `Ready`, or `Failed`
with the number 0 when its engine could not be set up.
"""

from typing import IO

import msgspec
from msgspec import Struct

from backends.contacts import Contact
from backends.types import (
    ChatMessage,
    EmbeddingRequest,
    Embeddings,
    EngineBuild,
    EngineStats,
    GenerationEvent,
    GenerationRequest,
    LoadConfig,
    LoadProgress,
    ModelInfo,
    Tool,
)

PROTOCOL_VERSION = 2
STARTUP_ID = 0
"""Number of the replies that answer no command."""
MAX_LINE = 64 * 1024 * 1024
"""Bytes of one line at most: the longest prompt plus its JSON escapes fits many times."""


class WireError(Exception):
    """A line is too long, cut off, or not a message of this protocol."""


class Load(Struct, frozen=True, tag="load"):
    """Load a model; answered by `Event(LoadProgress)`s and `Loaded`."""

    id: int
    path: str
    config: LoadConfig


class CountTokens(Struct, frozen=True, tag="count_tokens"):
    """Count the tokens of a prompt; answered by `Counted`."""

    id: int
    messages: tuple[ChatMessage, ...]
    tools: tuple[Tool, ...] = ()


class Generate(Struct, frozen=True, tag="generate"):
    """Answer a request; answered by `Event`s, the last of them with a `Finish`."""

    id: int
    request: GenerationRequest


class Cancel(Struct, frozen=True, tag="cancel"):
    """End the `Load` or `Generate` with this number soon. Not answered by itself."""

    id: int


class Embed(Struct, frozen=True, tag="embed"):
    """Embed texts; answered by `Embedded`."""

    id: int
    request: EmbeddingRequest


class Stats(Struct, frozen=True, tag="stats"):
    """Ask for the engine's state; answered by `StatsTaken`."""

    id: int


class Unload(Struct, frozen=True, tag="unload"):
    """Free the model; answered by `Unloaded`."""

    id: int


class Ready(Struct, frozen=True, tag="ready"):
    """The child's engine is set up and takes commands."""

    id: int
    protocol: int
    backend: str
    build: EngineBuild | None = None


class Event(Struct, frozen=True, tag="event"):
    """One event of a load or of an answer."""

    id: int
    event: LoadProgress | GenerationEvent


class Loaded(Struct, frozen=True, tag="loaded"):
    """The model is loaded."""

    id: int
    info: ModelInfo


class Counted(Struct, frozen=True, tag="counted"):
    """Tokens of the prompt."""

    id: int
    tokens: int


class Embedded(Struct, frozen=True, tag="embedded"):
    """The vectors of the texts."""

    id: int
    embeddings: Embeddings


class StatsTaken(Struct, frozen=True, tag="stats"):
    """State of the engine."""

    id: int
    stats: EngineStats


class Unloaded(Struct, frozen=True, tag="unloaded"):
    """The model is freed."""

    id: int


class Failed(Struct, frozen=True, tag="failed"):
    """The command failed; `code` names a class of `backends.errors`."""

    id: int
    code: str
    message: str
    detail: str = ""


class Contacted(Struct, frozen=True, tag="contacted"):
    """A step of an exchange with another computer; answers no command."""

    id: int
    contact: Contact


Command = Load | CountTokens | Generate | Embed | Cancel | Stats | Unload
Reply = Ready | Event | Loaded | Counted | Embedded | StatsTaken | Unloaded | Failed | Contacted

_encoder = msgspec.json.Encoder()
_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def encode(message: Command | Reply) -> bytes:
    """One line, line end included.

    Raises:
        WireError: a text that has no UTF-8 form (half a surrogate pair), or a line too long.
    """
    try:
        line = _encoder.encode(message)
    except UnicodeEncodeError as error:
        raise WireError(f"a text is not valid Unicode: {error}") from error
    if len(line) >= MAX_LINE:
        raise WireError(f"a message of {len(line):,} bytes is longer than {MAX_LINE:,}")
    return line + b"\n"


def decode_command(line: bytes) -> Command:
    """The command in `line`. Raises `WireError` for anything that is not one."""
    try:
        return _commands.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a command: {error}") from error


def decode_reply(line: bytes) -> Reply:
    """The reply in `line`. Raises `WireError` for anything that is not one."""
    try:
        return _replies.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a reply: {error}") from error


def read_line(stream: IO[bytes], limit: int = MAX_LINE) -> bytes | None:
    """The next line without reading more than `limit` bytes of it; None at the end.

    Raises:
        WireError: the line is longer than `limit`, or the stream ends inside it.
    """
    line = stream.readline(limit)
    if not line:
        return None
    if not line.endswith(b"\n"):
        reason = "is too long" if len(line) >= limit else "was cut off"
        raise WireError(f"a line {reason} after {len(line):,} bytes")
    return line
