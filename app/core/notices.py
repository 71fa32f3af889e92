"""The licences of everything that this copy of Corral is made of.

Installers leave a list (a CycloneDX bill of materials) and the texts beside the program,
`packaging/notices.py` writes them. From source, what the installed packages say of themselves.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from app.core.children import SOURCE_ROOT
from app.core.files import storage_error
from app.core.paths import resource

LISTING, TEXTS, BILL = "NOTICES.txt", "licences", "corral.cdx.json"
QT_SOURCE = "https://download.qt.io/official_releases/"
_OWN = "corral"
_TEXT_NAMES = ("licen", "copying", "notice", "copyright")
_QT = ("pyside6", "shiboken6")
_QT_TEXTS = ("pyside6.txt", "LGPL-3.0.txt", "GPL-3.0.txt")
_LONGEST_NAME = 60
"""Characters; what is longer in the field is a whole licence, not its name."""


class ListedPart(Struct, frozen=True):
    """Something that Corral is made of."""

    name: str
    version: str
    licence: str
    """As its makers name it; "" where they name none."""
    texts: tuple[Path, ...] = ()

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}".strip()


class Notices(Struct, frozen=True):
    """All parts, and where their texts lie."""

    parts: tuple[ListedPart, ...]
    folder: Path | None = None
    """Of an installed form."""


def notices() -> Notices:
    """What is known of the parts of this copy. Reads many small files."""
    folder = notices_folder()
    if folder is not None:
        try:
            return Notices(_listed(folder), folder)
        except (OSError, msgspec.DecodeError):  # somebody took a part of it away
            return Notices(_of_packages(), folder)
    return Notices(_of_packages())


def notices_folder(executable: Path | None = None) -> Path | None:
    """Where an installed form has them; None from source. `executable`: by default this one."""
    if executable is None:
        if not getattr(sys, "frozen", False):
            return None
        executable = Path(sys.executable).resolve()
    above = executable.parents
    places = [above[0].parent / "Resources" / "notices", above[0].parent / "notices"]
    places += [root / "share" / "doc" / "corral" for root in above[2:3]]
    return next((place for place in places if (place / LISTING).is_file()), None)


def qt_folder() -> Path | None:
    """Where Qt's libraries lie, which may be exchanged."""
    package = find_spec("PySide6")
    found = package.submodule_search_locations if package is not None else None
    return next((Path(place) for place in found or ()), None)


def text_of(part: ListedPart) -> str:
    """The licence and notices of a part, one after the other. Raises `StorageError`."""
    texts = []
    for path in part.texts:
        try:
            texts.append(path.read_text(encoding="utf-8", errors="replace").strip())
        except OSError as error:
            raise storage_error("The licence could not be read", path, error) from error
    return "\n\n\n".join(texts)


class _Licence(Struct, frozen=True):
    name: str = ""


class _Licensed(Struct, frozen=True):
    expression: str = ""
    license: _Licence = _Licence()


class _Component(Struct, frozen=True):
    name: str
    version: str = ""
    licenses: tuple[_Licensed, ...] = ()


class _Bill(Struct, frozen=True):
    components: tuple[_Component, ...]


def _listed(folder: Path) -> tuple[ListedPart, ...]:
    bill = msgspec.json.decode((folder / BILL).read_bytes(), type=_Bill)
    return tuple(
        ListedPart(
            each.name,
            each.version,
            next((one.expression or one.license.name for one in each.licenses), ""),
            _files(folder / TEXTS / each.name),
        )
        for each in bill.components
    )


def _files(folder: Path) -> tuple[Path, ...]:
    """The texts of a part; what tells how Qt is used comes before the long ones."""
    found = (path for path in folder.glob("*") if path.is_file())
    return tuple(sorted(found, key=lambda path: (path.name not in _QT_TEXTS[:1], path.name)))


def _of_packages() -> tuple[ListedPart, ...]:
    found = {each.name.casefold(): each for each in _needed(_OWN, set())}
    packages = [found[name] for name in sorted(found)]
    return (*packages, *_resources())


def _needed(name: str, seen: set[str]) -> Iterator[ListedPart]:
    """The packages that a package needs and that are not `seen`, as far as they are installed."""
    for wanted in _required(name):
        if wanted in seen:
            continue
        seen.add(wanted)
        try:
            yield _package(metadata.distribution(wanted))
        except metadata.PackageNotFoundError:  # for another system
            continue
        yield from _needed(wanted, seen)


def _required(name: str) -> Iterator[str]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        if "extra ==" not in line and (match := re.match(r"[\w.-]+", line)):
            yield match[0].lower().replace("_", "-")


def _package(found: metadata.Distribution) -> ListedPart:
    described = found.metadata
    said = [*(described.get_all("License-Expression") or ()), *(described.get_all("License") or ())]
    said += [
        line.rpartition(" :: ")[2]
        for line in described.get_all("Classifier") or ()
        if line.startswith("License :: ")
    ]
    short = (each for each in said if each and "\n" not in each and len(each) <= _LONGEST_NAME)
    texts = [Path(str(file.locate())) for file in found.files or () if _is_text(file.name)]
    if described["Name"].lower().startswith(_QT):  # they carry none; a checkout has them
        texts += [SOURCE_ROOT / "packaging" / "licences" / name for name in _QT_TEXTS]
    return ListedPart(described["Name"], found.version, next(short, ""), _present(texts))


def _present(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(path for path in paths if path.is_file()))


def _is_text(name: str) -> bool:
    known = any(word in name.lower() for word in _TEXT_NAMES)
    return known and Path(name).suffix not in (".py", ".pyc", ".h")


def _resources() -> Iterator[ListedPart]:
    """Fonts, icons and scripts of others."""
    for path in sorted(resource("licences").glob("*.txt")):
        name, _, licence = path.stem.rpartition("-")
        yield ListedPart(name, "", licence, (path,))
