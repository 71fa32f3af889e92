"""What the program and its transfer child say to each other: one JSON object a line."""

import msgspec
from msgspec import Struct

from app.core.hub_http import HubAccess
from app.core.variants import RepoFile
from backends.contacts import Contact

MAX_LINE = 4_000_000
"""Bytes; a listing of some thousand files stays far below."""


class Limits(Struct, frozen=True):
    """How hard to try. The defaults are for people, other values for tests."""

    block: int = 16 * 1024 * 1024
    """Bytes asked for in one request; also what may be fetched again after a crash."""
    connections: int = 4
    """For one file."""
    read_timeout: float = 15.0
    """Seconds of silence until a connection counts as stalled."""
    first_wait: float = 1.0
    """Seconds before the first new try; doubled for each further one."""
    longest_wait: float = 15.0
    """Seconds; so long a server may be well again before that is noticed."""
    tries: int = 24
    """New tries without a byte gained before giving up."""
    network_tries: int = 5
    """The same while there is no connection at all; who asked then waits for the network."""
    least: int = 4096
    """Bytes that a connection must bring in two read time-outs not to count as stalled."""


class Fetch(Struct, frozen=True, tag="fetch"):
    """Download these files of a repository into a folder."""

    run: str
    """Names this run of a download in commands and replies; used once."""
    accesses: tuple[HubAccess, ...]
    """The hub and its mirrors; the first that answers is used."""
    repo: str
    revision: str
    files: tuple[RepoFile, ...]
    folder: str
    limits: Limits = Limits()
    must_be_there: str = ""
    """A folder that is not made where it is lacking: it is on a drive that is away then."""
    mark: str = ""
    """What the mark in that folder says, where it has one: it is on another drive else."""
    copies: dict[str, str] = {}
    """Files on this computer that may be the same ones: paths by sha256."""
    main: str = ""
    """The address among `accesses` whose refusal counts; "" is the first."""
    update: bool = False
    """Other files of these names may be replaced at the end; else only those of `own`."""
    own: dict[str, tuple[int, int]] = {}
    """Size and time of writing (ns) of files that Corral has downloaded here, by their names."""
    addresses: dict[str, str] = {}
    """Where files are that lie in no repository, by their names."""
    purpose: str = "download"
    """What the list of connections says it is for."""


class Stop(Struct, frozen=True, tag="stop"):
    """Stop a run, keeping what is there."""

    run: str


class Throttle(Struct, frozen=True, tag="throttle"):
    """From now on all runs together may receive so much."""

    rate: int
    """Bytes a second; 0 is no limit."""


class Hurry(Struct, frozen=True, tag="hurry"):
    """Wait no longer before the next try of a run, nor for a server that is silent."""

    run: str


Command = Fetch | Stop | Throttle | Hurry


class Trouble(Struct, frozen=True):
    """What keeps bytes from coming."""

    title: str
    """What is wrong, in words."""
    host: str = ""
    """Who failed."""
    status: int = 0
    """The HTTP status that it answered with; 0 where it answered none."""
    wait: float = 0.0
    """Seconds until the next try; 0 where it is under way."""


class Moved(Struct, frozen=True, tag="moved"):
    """Where a run is; sent five times a second, also when nothing moved."""

    run: str
    done: int
    """Bytes of all files on disk."""
    verified: float | None = None
    """Checked part of the current file, 0 to 1; None while fetching."""
    files: tuple[int, ...] = ()
    """Bytes of each file on disk, in the order of the command."""
    trouble: Trouble | None = None
    """The last failure, if no bytes came since."""
    again: bool = False
    """The current file did not match its checksum, so it is fetched once more."""


class Completed(Struct, frozen=True, tag="completed"):
    """All files are verified and have their final names."""

    run: str
    again: bool = False
    """One of them did not match its checksum at first, and was fetched once more."""


class Stopped(Struct, frozen=True, tag="stopped"):
    """The run has let go of its files."""

    run: str


class Failed(Struct, frozen=True, tag="failed"):
    """The run gave up; what is on disk is kept for a later run."""

    run: str
    title: str
    message: str = ""
    hint: str = ""
    detail: str = ""
    network: bool = False
    """There was no connection, so it is worth trying again when there is one."""
    away: bool = False
    """The drive of the folder is not there, so it is worth trying again when it is."""


class Contacted(Struct, frozen=True, tag="contacted"):
    """A step of an exchange with another computer, for the list of connections."""

    contact: Contact


Reply = Moved | Completed | Stopped | Failed | Contacted

_encoder = msgspec.json.Encoder()
_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def encode(message: Command | Reply) -> bytes:
    """One line, with its end."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes) -> Command:
    """Raises `msgspec.DecodeError` for anything that is no command."""
    return _commands.decode(line)


def decode_reply(line: bytes) -> Reply:
    """Raises `msgspec.DecodeError` for anything that is no reply."""
    return _replies.decode(line)
