"""Engines that a person brings: a file `ID.corral-engine`, or a folder with `engine.json`.

The file is a zip of such a folder. What it says of itself is checked here before a byte of it is
unpacked: only the files on its own list, only names that are safe on every system, none too large.
`app.core.engine_adding` then unpacks it. See docs/decisions/0012-engine-folders.md.
"""

import contextlib
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import msgspec
from msgspec import Struct

from app.core import engine_pack_errors as told
from app.core.engine_signature import is_signed
from app.core.files import storage_error
from app.core.installed_engines import AUTOMATIC, KEPT, PACKAGE
from app.core.safe_names import safe_segment
from backends.engine_folder import INTERFACE, MANIFEST, SIGNATURE, EngineManifest, this_system

SUFFIX = ".corral-engine"
MOST_FILES = 500
LARGEST = 4_000_000_000
"""Bytes of an engine, unpacked."""
_MANIFEST_LIMIT = 1_000_000
_SIGNATURE_LIMIT = 20_000
_DIRECTORY_LIMIT = 1_000_000
"""Bytes of a zip's own list of its files."""
_DEEPEST = 6
"""Folders in each other."""

_END = struct.Struct("<4s4H2LH")
"""The end of a zip (APPNOTE.TXT, 4.3.16): mark, disks, numbers of files, size and place of the
list, length of a comment."""
_END_MARK, _FILE_MARK, _LARGE_MARK = b"PK\x05\x06", b"PK\x03\x04", b"PK\x06\x07"
_LARGE_LENGTH = 20
"""Bytes before the end that say that the zip is of the large kind (4.3.15)."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others could want a great deal of memory."""

_WORD = re.compile(r"[A-Za-z0-9._+-]{1,60}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SYSTEMS = {"linux": "Linux", "windows": "Windows", "macos": "macOS"}


class EnginePack(Struct, frozen=True):
    """An engine that could be added."""

    path: Path
    manifest: EngineManifest
    raw: bytes
    """`engine.json` as it came."""
    signature: bytes
    """`engine.sig` as it came; b"" where there is none."""
    signed: bool
    """Whether Corral's makers vouch for it."""

    @property
    def size(self) -> int:
        """Bytes, unpacked."""
        return sum(self.manifest.sizes.values()) + len(self.raw) + len(self.signature)


class PackFiles(Protocol):
    """The files of an engine, wherever they are."""

    sizes: Mapping[str, int]
    """Bytes by name."""

    def open(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """One of them, for reading."""
        ...


def read_pack(path: Path, keys: Mapping[str, bytes], *, here: bool = True) -> EnginePack:
    """What an engine says of itself, checked but for the content of its files.

    `keys` are those that are trusted, raw, by id. Unless it is to be used `here`, it may be for any
    computer. Raises `EngineError` or `StorageError`.
    """
    with pack_files(path) as files:
        if MANIFEST not in files.sizes:
            raise told.not_a_pack(path, f"It holds no {MANIFEST}.")
        raw = _small(path, files, MANIFEST, _MANIFEST_LIMIT)
        signature = b""
        if SIGNATURE in files.sizes:
            signature = _small(path, files, SIGNATURE, _SIGNATURE_LIMIT)
        try:
            manifest = msgspec.json.decode(raw, type=EngineManifest)
        except (msgspec.DecodeError, RecursionError) as error:
            raise told.damaged(path, f"Its {MANIFEST} cannot be read.", str(error)) from error
        _check_words(path, manifest)
        if here:
            _check_computer(path, manifest)
        _check_list(path, manifest, files.sizes)
    return EnginePack(path, manifest, raw, signature, is_signed(raw, signature, keys))


@contextlib.contextmanager
def pack_files(path: Path) -> Iterator[PackFiles]:
    """The files of an engine, while inside.

    What is wrong with them, also what comes out while they are read, is raised as `EngineError` or
    `StorageError`.
    """
    try:
        if path.is_dir():
            yield _Folder(path)
            return
        with path.open("rb") as file:
            _check_end(path, file)
            with zipfile.ZipFile(file) as archive:
                yield _Zip(path, archive)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        UnicodeError,
    ) as error:
        raise told.damaged(path, "It cannot be unpacked.", repr(error)) from error
    except OSError as error:
        raise storage_error(f"{path.name} could not be read", path, error) from error


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        sizes = {}
        for found in folder.rglob("*"):
            name = found.relative_to(folder).as_posix()
            if found.is_symlink() or not (found.is_file() or found.is_dir()):
                raise told.damaged(folder, f"{name} is no plain file.")
            if found.is_file():
                sizes[name] = found.stat().st_size
            if len(sizes) > MOST_FILES:
                raise told.not_a_pack(folder, f"It holds more than {MOST_FILES} files.")
        self.sizes: Mapping[str, int] = sizes

    def open(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        return (self._folder / name).open("rb")


class _Zip:
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path, self._archive = path, archive
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            name = member.orig_filename
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or name != member.filename or member.is_dir():
                raise told.damaged(path, f"{name[:80]!r} is no plain file.")
            if member.compress_type not in _METHODS:
                raise told.damaged(path, f"{name[:80]!r} is packed in a way that is not used.")
            if name in self._members:
                raise told.damaged(path, f"{name[:80]!r} is in it twice.")
            self._members[name] = member
        self.sizes: Mapping[str, int] = {
            name: member.file_size for name, member in self._members.items()
        }

    def open(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        if name not in self._members:  # it was written anew since it was checked
            raise told.damaged(self._path, f"{name} is missing.")
        return cast("BinaryIO", self._archive.open(self._members[name]))


def _check_end(path: Path, file: BinaryIO) -> None:
    """Refuse what is no zip, has no end, or would take much memory only to be listed."""
    begins = file.read(len(_FILE_MARK))
    length = file.seek(0, 2)
    before = file.seek(max(0, length - _END.size - _LARGE_LENGTH))
    tail = file.read(length - before)
    file.seek(0)
    if begins != _FILE_MARK:
        raise told.not_a_pack(path, "It is another kind of file.")
    if len(tail) < _END.size:
        raise told.not_whole(path)
    mark, _, _, _, count, size, _, comment = _END.unpack(tail[-_END.size :])
    if mark != _END_MARK or comment:
        raise told.not_whole(path)
    if tail.startswith(_LARGE_MARK) or count > MOST_FILES or size > _DIRECTORY_LIMIT:
        raise told.not_a_pack(path, f"It holds more than {MOST_FILES} files, or far larger ones.")


def _small(path: Path, files: PackFiles, name: str, limit: int) -> bytes:
    with files.open(name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise told.damaged(path, f"Its {name} is too large.")
    return data


def _check_words(path: Path, manifest: EngineManifest) -> None:
    """What becomes the name of a folder, or is shown, or told to a child."""
    words = (manifest.id, manifest.version, manifest.commit, *manifest.variants)
    named = (*words, manifest.accelerator) if manifest.accelerator else words
    if not all(_WORD.fullmatch(word) for word in named):
        raise told.damaged(path, f"Its {MANIFEST} holds a name that no engine has.")
    reserved = (AUTOMATIC, PACKAGE)
    if (
        safe_segment(manifest.id) != manifest.id
        or manifest.id in reserved
        or manifest.id.startswith(KEPT)
    ):
        raise told.damaged(path, "An engine may not have its name.")


def _check_computer(path: Path, manifest: EngineManifest) -> None:
    theirs, ours = (manifest.system, manifest.machine), this_system()
    if theirs != ours:
        raise told.other_computer(path, _named(theirs), _named(ours))
    if manifest.interface != INTERFACE:
        raise told.other_interface(path, manifest.interface, INTERFACE)


def _named(computer: tuple[str, str]) -> str:
    system, machine = (word if _WORD.fullmatch(word) else "?" for word in computer)
    return f"{_SYSTEMS.get(system, system)} on {machine}"


def _check_list(path: Path, manifest: EngineManifest, sizes: Mapping[str, int]) -> None:
    """Exactly the files on the list, each as long as it says, under names that are safe."""
    listed = manifest.files.keys()
    if listed != manifest.sizes.keys() or not all(map(_DIGEST.fullmatch, manifest.files.values())):
        raise told.damaged(path, f"The list in its {MANIFEST} is not complete.")
    for name in listed:
        if not _is_safe(name):
            raise told.damaged(path, f"Its list has {name[:80]!r}, which is no name for a file.")
    if len({name.casefold() for name in listed}) != len(listed):
        raise told.damaged(path, "Two names on its list are the same on some systems.")
    found = sizes.keys() - {MANIFEST, SIGNATURE}
    if strange := sorted(found - listed):
        raise told.damaged(path, f"{strange[0][:80]!r} does not belong to it.")
    if missing := sorted(listed - found):
        raise told.damaged(path, f"{missing[0]} is missing.")
    for name in listed:
        if sizes[name] != manifest.sizes[name]:
            raise told.damaged(path, f"{name} is not as long as its list says.")
    if sum(manifest.sizes.values()) > LARGEST:
        raise told.not_a_pack(path, f"It is larger than {LARGEST // 10**9} GB.")


def _is_safe(name: str) -> bool:
    parts = name.split("/")
    own = {MANIFEST, SIGNATURE}
    return (
        len(parts) <= _DEEPEST
        and name.casefold() not in own
        and all(part and safe_segment(part) == part for part in parts)
    )
