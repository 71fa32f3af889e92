"""What a remote model is "loaded" from: a few words of JSON instead of a file of weights.

    {"base_url": "http://127.0.0.1:8080/v1", "model": "smollm2"}

Either a file whose name ends in `.remote`, or the JSON text itself in place of a path. Only the
text may hold a key: it reaches the engine child through its private pipe, and so the key is in no
file, no command line and no environment.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from backends.errors import ModelFileMissing, ModelFileTruncated, NotAModelFile
from backends.route import Route

SUFFIX = ".remote"
_LOCAL_NAMES = ("localhost", "localhost.localdomain")


class RemoteModel(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model and the server that runs it."""

    base_url: str
    """Address of the API: scheme, host, and the path that ends in `/v1` as a rule."""
    model: Annotated[str, Meta(min_length=1)]
    """Its name on the server."""
    context_length: Annotated[int, Meta(ge=256)] | None = None
    """Tokens; None is what the server says."""
    loopback_only: bool = False
    """Nothing may leave this computer: any other server is refused before a connection is made."""
    patience: Annotated[float, Meta(gt=0)] = 300.0
    """Seconds without a byte after which the server is given up."""


class RemoteAccess(RemoteModel, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The same with the key that the server wants; never written to a file."""

    api_key: str = ""
    route: Route = Route()
    """The way to a server on another computer."""

    def __repr__(self) -> str:
        return f"RemoteAccess({self.model!r} at {self.base_url!r})"


Kind = TypeVar("Kind", bound=RemoteModel)


def read_descriptor(path: str) -> RemoteAccess:
    """The descriptor that `path` names or is.

    Raises:
        ModelFileMissing: there is no such file, or it cannot be read.
        ModelFileTruncated: it ends too early.
        NotAModelFile: it is not a descriptor.
    """
    if path.lstrip().startswith("{"):
        return _checked(_decoded(path.encode(), RemoteAccess, "The descriptor"))
    file = Path(path)
    if not file.exists():
        raise ModelFileMissing(f"There is no file {file.name}")
    if file.suffix != SUFFIX or not file.is_file():
        raise NotAModelFile(f"{file.name} does not describe a remote model")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelFileMissing(f"{file.name} cannot be read", str(error)) from error
    model = _decoded(data, RemoteModel, file.name)
    return _checked(RemoteAccess(**msgspec.structs.asdict(model)))


def clean_address(address: str) -> str:
    """A server's address as it is used: without a slash at the end, `/v1` where no path is given.

    Raises `ValueError` with a sentence for a person.
    """
    address = address.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https") or port == 0:
        raise ValueError(f"“{address}” is no http or https address.")
    if parts.username or parts.password:
        raise ValueError("A name and password do not belong in the address; give a key instead.")
    if parts.query or parts.fragment:
        raise ValueError("An address ends with its path; leave out what follows “?” or “#”.")
    return address if parts.path else f"{address}/v1"


def is_loopback(address: str) -> bool:
    """Whether a server with this address is on this very computer."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOCAL_NAMES


def _decoded(data: bytes, kind: type[Kind], name: str) -> Kind:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise NotAModelFile(f"{name} does not describe a remote model", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if "truncated" in str(error):
            raise ModelFileTruncated(f"{name} ends too early", str(error)) from error
        raise NotAModelFile(f"{name} does not describe a remote model", str(error)) from error


def _checked(model: RemoteAccess) -> RemoteAccess:
    try:
        return msgspec.structs.replace(model, base_url=clean_address(model.base_url))
    except ValueError as error:
        raise NotAModelFile(str(error)) from error
