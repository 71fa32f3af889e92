"""Which names from the hub may become files on this computer, and where they go."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from app.core.errors import DownloadError
from app.core.ollama_name import ollama_name_of

SUFFIXES = frozenset(
    {".gguf", ".safetensors", ".json", ".jinja", ".txt", ".model", ".tiktoken", ".md"}
)
"""Only data. Never what is run when it is opened: .bin, .pt, .pkl, .py, .so …"""

MAX_SEGMENT = 200
"""Bytes of one name, so that `.part.json` and the like still fit behind it."""

_SEGMENT = re.compile(r"[A-Za-z0-9._ ()+@=,-]+")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(\..*)?", re.IGNORECASE)
_WORKING_FILE = re.compile(r"\.part(\.|$)", re.IGNORECASE)


def check_names(names: Iterable[str]) -> None:
    """Raise `DownloadError` unless all paths in a repository are safe on every system.

    Two names that differ only in case are one file on macOS and Windows, so they are refused too.
    """
    seen: dict[str, str] = {}
    for name in names:
        path = PurePosixPath(name)
        for segment in name.split("/"):
            _check_segment(name, segment)
        if path.suffix.lower() not in SUFFIXES:
            raise _refusal(name, f"Files of the kind “{path.suffix}” are not downloaded.")
        if _WORKING_FILE.search(path.name):
            raise _refusal(name, "Names with “.part” are kept for unfinished downloads.")
        if other := seen.get(name.casefold()):
            raise _refusal(name, f"“{other}” is the same name on some systems.")
        seen[name.casefold()] = name


def repository_folder(models: Path, repo: str) -> Path:
    """`<models>/<publisher>/<repo>`. Raises `DownloadError` for a name that is no safe path."""
    return models.joinpath(*_repository_parts(repo))


def models_folder(folder: Path, repo: str) -> Path:
    """The models folder that `folder` is the repository's folder in. Raises `DownloadError`."""
    return folder.parents[len(_repository_parts(repo)) - 1]


def _repository_parts(repo: str) -> tuple[str, ...]:
    name = ollama_name_of(repo)
    parts = name.folders if name else tuple(repo.split("/"))
    if name is None and len(parts) != 2:
        raise _refusal(repo, "A repository is named owner/name.")
    for part in parts:
        _check_segment(repo, part)
    return parts


def plain_path(folder: Path, name: str) -> Path:
    """Where the file `name` of a repository goes, by the names alone; no disk is asked."""
    check_names([name])
    return folder.joinpath(*name.split("/"))


def target_path(folder: Path, name: str) -> Path:
    """Where the file `name` of a repository goes; always inside `folder`. Asks the disk."""
    target = plain_path(folder, name)
    # A link inside the folder could still lead out of it.
    if not target.resolve().is_relative_to(folder.resolve()):
        raise _refusal(name, "It would be written outside the models folder.")
    return target


def _check_segment(name: str, segment: str) -> None:
    if not _SEGMENT.fullmatch(segment) or segment in (".", ".."):
        raise _refusal(name, "It holds characters or parts that no model file needs.")
    if len(segment) > MAX_SEGMENT:
        raise _refusal(name, f"A part of it is longer than {MAX_SEGMENT} characters.")
    if segment[0] in ". " or segment[-1] in ". ":
        raise _refusal(name, "A part of it begins or ends with a dot or a space.")
    if _DEVICE.fullmatch(segment):
        raise _refusal(name, "Windows keeps this name for a device.")


def _refusal(name: str, why: str) -> DownloadError:
    shown = name.encode("ascii", "backslashreplace").decode()
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in shown)
    return DownloadError(
        "A file name in this repository is refused",
        f"“{shown[:120]}” may not become a file on this computer. {why} Nothing was downloaded.",
        "Choose another repository of the same model.",
    )
