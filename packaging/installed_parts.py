"""What an installed Corral is made of, each part with its version, licence and texts.

An installed form is made by the environment that this runs in; where the form brings its Python
libraries with their metadata, as on Windows, these are read instead.
"""

import json
import platform
import shutil
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name
from pin import versions

ROOT = Path(__file__).resolve().parent.parent
SUPPLEMENTS = ROOT / "packaging" / "licences"
"""Texts that packages do not carry themselves."""
OWN = "corral"
NOT_FROZEN = {"hf-xet"}
"""Libraries that are needed by metadata only; `freeze.py` leaves them out."""
REPLACED_BY_ENGINE = {"llama-cpp-python"}
"""Not frozen either where there is an engine folder, which names its own parts."""
QT = ("pyside6-essentials", "shiboken6")
SUPPLEMENTED = {
    **dict.fromkeys(QT, ("pyside6.txt", "LGPL-3.0.txt", "GPL-3.0.txt")),
    "latex2mathml": ("latex2mathml.txt",),
    "nvidia-ml-py": ("nvidia-ml-py.txt",),
}
TEXT_NAMES = ("licen", "copying", "notice", "authors", "copyright")
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
}
"""Older metadata that names a licence; those of the kind BSD were looked at one by one."""
RESOURCE_LICENCES = {
    "BSD": "BSD-3-Clause",
    "ISC": "ISC",
    "MIT": "MIT",
    "OFL": "OFL-1.1",
}


class NoLicence(Exception):
    """A part says nothing of its licence, or carries no text of it."""


@dataclass(frozen=True)
class Part:
    """One thing that was put into the installed form."""

    name: str
    version: str
    licence: str
    """An SPDX expression; of a Debian package only its text says it."""
    texts: tuple[Path, ...]
    purl: str = ""
    """Where it comes from, as a package URL (purl-spec); empty: nowhere that has packages."""
    kind: str = "library"
    """A CycloneDX component type."""


def licence_of(name: str, described: metadata.PackageMetadata) -> str:
    """The SPDX expression of a Python package. Raises NoLicence."""
    trove = [
        line.rpartition(" :: ")[2]
        for line in described.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    for said in (
        *(described.get_all("License-Expression") or ()),
        *(described.get_all("License") or ()),
        *(CLASSIFIERS.get(line) for line in trove),
    ):
        if said:
            try:
                return canonicalize_license_expression(said)
            except InvalidLicenseExpression:
                continue  # a sentence, or the whole text: the next field may do
    raise NoLicence(f"{name} does not name its licence in a way that is understood")


def is_text(path: Path) -> bool:
    """Whether a file of a package is a licence or a notice, by its name."""
    named = any(word in path.name.lower() for word in TEXT_NAMES)
    return named and path.suffix not in (".py", ".pyc", ".h", ".svg", ".png")


def unlisted_files(distribution: metadata.Distribution) -> list[Path]:
    """What lies beside the metadata of a package that was unpacked without a list of its files."""
    version = distribution.version
    wanted = f"{canonicalize_name(distribution.metadata['Name'])}-{version}.dist-info"
    return [
        path
        for folder in Path(str(distribution.locate_file(""))).glob(f"*-{version}.dist-info")
        if canonicalize_name(folder.name) == canonicalize_name(wanted)
        for path in folder.rglob("*")
        if path.is_file()
    ]


def python_part(distribution: metadata.Distribution) -> Part:
    """A Python package with its texts. Raises NoLicence."""
    name = canonicalize_name(distribution.metadata["Name"])
    files = [Path(str(file.locate())) for file in distribution.files or ()]
    texts = [path for path in files or unlisted_files(distribution) if is_text(path)]
    texts += [SUPPLEMENTS / text for text in SUPPLEMENTED.get(name, ())]
    if name == OWN and not texts:
        texts = [ROOT / "LICENSE"]
    if not texts:
        raise NoLicence(f"{name} carries no licence text; packaging/licences has to have one")
    return Part(
        name=name,
        version=distribution.version,
        licence=licence_of(name, distribution.metadata),
        texts=tuple(sorted(set(texts))),
        purl="" if name == OWN else f"pkg:pypi/{name}@{distribution.version}",
    )


def libraries(form: Path | None) -> list[str]:
    """The names of the Python libraries that are frozen into the form, by what Corral needs."""
    has_engine = form is not None and any(form.glob("engines/*/engine.json"))
    needed = versions(OWN, without=REPLACED_BY_ENGINE if has_engine else frozenset())
    return sorted(needed.keys() - NOT_FROZEN)


def python_parts(form: Path | None) -> list[Part]:
    """Corral's libraries, itself left out."""
    library = form / "lib" if form else None
    if library is not None and any(library.glob("*.dist-info")):
        found = list(metadata.distributions(path=[str(library)]))
    else:
        found = [metadata.distribution(name) for name in libraries(form)]
    parts = {part.name: part for part in map(python_part, found)}
    return [parts[name] for name in sorted(parts.keys() - NOT_FROZEN - {OWN})]


def interpreter(form: Path | None) -> Part:
    """CPython itself. Raises NoLicence."""
    folders = [form / "python"] if form else []
    folders += [Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix)]
    folders.append(Path("/usr/share/doc") / f"python{sysconfig.get_python_version()}")
    for folder in folders:
        for name in ("LICENSE.txt", "copyright"):
            if (folder / name).is_file():
                text = (folder / name,)
                return Part("python", version_inside(form), "PSF-2.0", text, kind="platform")
    raise NoLicence("Python's licence was not found beside its library")


def version_inside(form: Path | None) -> str:
    """Python's version: of the form's own Python, as on Windows, what its library's name says."""
    for path in sorted((form / "python").glob("python3?*.dll")) if form else ():
        return f"3.{path.stem.removeprefix('python3')}"
    return sys.version.partition(" ")[0]


def of_the_interpreter() -> list[Part]:
    """What CPython brings that its own licence does not cover: on a Mac, OpenSSL."""
    if sys.platform != "darwin":
        return []
    version = ssl.OPENSSL_VERSION.split()[1]
    return [Part("openssl", version, "Apache-2.0", (ROOT / "LICENSE",))]


def engines(form: Path | None) -> list[Part]:
    """The engine folders of the form. Raises NoLicence."""
    parts = []
    for manifest in sorted(form.glob("engines/*/engine.json")) if form else ():
        described = json.loads(manifest.read_text(encoding="utf-8"))
        texts = manifest.parent / "LICENSES.txt"
        if not texts.is_file():
            raise NoLicence(f"{manifest.parent} has no LICENSES.txt")
        version = f"{described['version']}+{described['commit']}"
        gnu = (manifest.parent / "libgomp.so.1").exists()
        licence = "MIT AND GPL-3.0-or-later WITH GCC-exception-3.1" if gnu else "MIT"
        more = (SUPPLEMENTS / "GPL-3.0.txt", SUPPLEMENTS / "libgomp.txt") if gnu else ()
        parts.append(Part(described["engine"], version, licence, (texts, *more)))
    return parts


def resources() -> list[Part]:
    """Fonts, icons and scripts of others that Corral carries. Raises NoLicence."""
    parts = []
    for text in sorted((ROOT / "resources" / "licences").glob("*.txt")):
        name, _, licence = text.stem.rpartition("-")
        if licence not in RESOURCE_LICENCES:
            raise NoLicence(f"{text.name} does not end with the name of a licence")
        kind = "library" if name in ("highlight.js", "markdown-it") else "file"
        parts.append(Part(name, "", RESOURCE_LICENCES[licence], (text,), kind=kind))
    return parts


def system_libraries(form: Path | None, *, strict: bool) -> list[Part]:
    """Libraries that PyInstaller took from the Debian system it ran on.

    Raises NoLicence; where a library is of no package, only if `strict`, else a line says so.
    """
    inside = form / "_internal" if form else None
    if inside is None or not inside.is_dir() or not shutil.which("dpkg-query"):
        return []
    of_wheels = {
        file.name
        for name in libraries(form)
        for file in metadata.distribution(name).files or ()
        if ".so" in file.name
    }
    names = sorted(
        path.name
        for path in inside.iterdir()
        if ".so" in path.name and path.name not in of_wheels and "libpython" not in path.name
    )
    packages = owners(names)
    if strangers := sorted(set(names) - packages.keys()):
        said = f"no Debian package owns {', '.join(strangers)}"
        if strict:
            raise NoLicence(said)
        print(f"notices: not listed, as {said}", file=sys.stderr)
    return [debian_part(package) for package in sorted(set(packages.values()))]


def owners(names: Sequence[str]) -> dict[str, str]:
    """The Debian packages that libraries of these names come from, by name."""
    patterns = [f"*/{name}" for name in names]
    if not patterns:
        return {}
    asked = subprocess.run(
        ["dpkg-query", "--search", *patterns], capture_output=True, text=True, check=False
    )
    # A library may lie in folders of other programs, too; only the system's own is taken.
    found = {}
    for line in asked.stdout.splitlines():
        package, _, path = line.partition(": ")
        if str(Path(path).parent).startswith(("/lib/", "/usr/lib/")) and path.count("/") <= 4:
            found[Path(path).name] = package.partition(":")[0]
    return found


def debian_part(package: str) -> Part:
    """A library of the building system. Raises NoLicence."""
    text = Path("/usr/share/doc") / package / "copyright"
    if not text.is_file():
        raise NoLicence(f"the Debian package {package} has no copyright file")
    asked = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Version}", package],
        capture_output=True,
        text=True,
        check=True,
    )
    purl = f"pkg:deb/{platform.freedesktop_os_release()['ID']}/{package}@{asked.stdout}"
    return Part(package, asked.stdout, "see its text", (text,), purl)


def parts(form: Path | None, *, strict: bool) -> list[Part]:
    """Everything inside, Corral's own code left out. Raises NoLicence."""
    return [
        interpreter(form),
        *of_the_interpreter(),
        *engines(form),
        *python_parts(form),
        *system_libraries(form, strict=strict),
        *resources(),
    ]
