"""Links into Corral and things dropped on it: what they name, and nothing more.

`corral://model/OWNER/NAME[?file=PATH]` names a model of the hub. A link never acts by itself;
the window asks first.
"""

from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from app.core.errors import DownloadError, ModelError
from app.core.hub_reference import Reference, parse_reference
from app.core.transfer_names import check_names, repository_folder

SCHEME = "corral"
_LONGEST = 2000


class HubTarget(Struct, frozen=True):
    """A model of the hub, perhaps one file of it."""

    reference: Reference


class FileTarget(Struct, frozen=True):
    """A model file on this computer."""

    path: Path


Target = HubTarget | FileTarget


def is_link(text: str) -> bool:
    """Whether this is a link into Corral, good or bad."""
    return text.lower().startswith(f"{SCHEME}:")


def parse_link(text: str) -> HubTarget:
    """What a `corral://` link names. Raises ModelError for one that names no model by the rules."""
    if len(text) > _LONGEST or not text.isprintable():
        _refuse("It is too long or holds characters that no link has.")
    try:
        address = urlsplit(text)
    except ValueError:
        _refuse("It cannot be read.")
    parts = [unquote(part) for part in address.path.split("/") if part]
    if address.scheme.lower() != SCHEME or address.netloc.lower() != "model" or len(parts) != 2:
        _refuse(f"Links to models look like {SCHEME}://model/owner/name.")
    return _target("/".join(parts), dict(parse_qsl(address.query)).get("file"))


def parse_dropped(text: str) -> HubTarget | None:
    """The model that a dropped address names; None if it is no address of a model page.

    Raises ModelError for a link into Corral that names no model.
    """
    if is_link(text):
        return parse_link(text)
    if "://" not in text or len(text) > _LONGEST:
        return None
    reference = parse_reference(text)
    if reference is None:
        return None
    _check(reference.repo, reference.file)
    return HubTarget(reference)


def _target(repo: str, file: str | None) -> HubTarget:
    reference = parse_reference(repo)
    if reference is None or reference.repo != repo:
        _refuse(f"“{repo[:80]}” is no name of a model.")
    _check(repo, file)
    return HubTarget(Reference(reference.repo, file=file))


def _check(repo: str, file: str | None) -> None:
    """Names go by the same rules as those of downloads."""
    try:
        repository_folder(Path(), repo)
        check_names([file] if file is not None else [])
    except DownloadError as error:
        _refuse(error.message)
    if file is not None and not file.lower().endswith(".gguf"):
        _refuse("The file it names is no GGUF model.")


def _refuse(reason: str) -> NoReturn:
    raise ModelError(
        "This link names no model",
        reason,
        "Search for the model in Discover instead.",
    )
