"""The llama.cpp engines that are installed: beside the program, by the person, in the package.

A new engine is a new folder beside the earlier ones, so that it needs no new program and the
earlier one is still there. `docs/decisions/0012-engine-folders.md` says more.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from app.core.children import SOURCE_ROOT
from app.core.paths import AppPaths, app_paths
from backends.engine_folder import CODE_VARIABLE, FOLDER_VARIABLE, check_files, read_manifest
from backends.errors import BackendError

log = logging.getLogger(__name__)

FOLDER = "engines"
KEPT = "before-"
"""Begins the names of folders with an engine of another version of Corral, which was kept when it
was replaced (`app.core.earlier_engine`)."""
AUTOMATIC = "automatic"
"""The setting that leaves the choice to Corral."""
PACKAGE = "package"
"""Names the libraries of the Python package where an engine is chosen."""
_PACKAGE = "llama_cpp_python"


class InstalledEngine(Struct, frozen=True):
    """One engine that a child can run."""

    id: str
    """"" for the libraries of the Python package."""
    version: str
    folder: Path | None = None
    """None for those of the package."""
    variants: tuple[str, ...] = ()
    """Its codes for the processor, the most cautious first; () where there is only one."""
    accelerator: str = ""

    @property
    def kept(self) -> bool:
        """Whether it is of another version of Corral, and here in case its own engine fails."""
        return self.folder is not None and self.folder.name.startswith(KEPT)

    @property
    def key(self) -> str:
        """What names it in the settings and in the terminal."""
        return self.id or PACKAGE

    @property
    def name(self) -> str:
        """For people."""
        reach = {"vulkan": " (Vulkan)", "cuda": " (CUDA)"}.get(self.accelerator, "")
        return f"llama.cpp {self.version}".strip() + reach

    def environment(self, code: str = "") -> Mapping[str, str]:
        """What tells a child to run it; `code` is the one for the processor, "" the best."""
        if self.folder is None:
            return {}
        told = {FOLDER_VARIABLE: str(self.folder)}
        return {**told, CODE_VARIABLE: code} if code in self.variants else told


def engine_places(paths: AppPaths) -> tuple[Path, ...]:
    """Folders in which engines lie: beside the program, and those that the person added."""
    executable = Path(sys.executable).parent
    beside = executable if getattr(sys, "frozen", False) else SOURCE_ROOT
    if any(
        executable.glob("python*._pth")
    ):  # Windows: a Python of the program's own, in its folder
        beside = executable.parent
    if sys.platform == "darwin" and getattr(sys, "frozen", False):
        beside = executable.parent / "Frameworks"  # where a bundle's libraries must lie
    return (beside / FOLDER, paths.data / FOLDER)


def installed_engines(places: Iterable[Path]) -> tuple[InstalledEngine, ...]:
    """All that can be used here, the best first: the newest, and of one version that which reaches
    graphics cards. Those that were kept from other versions of Corral come last, as they may be of
    a later one. What is damaged or for another computer is left out."""
    found: dict[str, InstalledEngine] = {}
    for place in places:
        for folder in sorted(
            engine_folders(place), key=lambda each: (each.name.startswith(KEPT), each)
        ):
            engine = _read(folder)
            if engine is not None:
                found.setdefault(engine.id, engine)
    engines = [*found.values(), *_of_the_package()]
    # Sorting keeps the order among equals: a folder comes before the package.
    return tuple(sorted(engines, key=_rank, reverse=True))


def in_order(engines: Iterable[InstalledEngine], wanted: str) -> tuple[InstalledEngine, ...]:
    """The engines with the wanted one first; as they are where it is not among them."""
    return tuple(sorted(engines, key=lambda each: each.key != wanted))


def usual_engine() -> InstalledEngine | None:
    """The engine that the person chose, or the best there is; None where there is none."""
    paths = app_paths()
    engines = installed_engines(engine_places(paths))
    return next(iter(in_order(engines, _chosen(paths))), None)


def usual_environment() -> dict[str, str]:
    """What tells a child to run the usual engine; empty for that of the package."""
    engine = usual_engine()
    return dict(engine.environment()) if engine else {}


class _EngineSection(Struct, frozen=True):
    engine: str = AUTOMATIC


class _SettingsFile(Struct, frozen=True):
    engine: _EngineSection = _EngineSection()


def _chosen(paths: AppPaths) -> str:
    """The setting as it lies in the file: who asks here has no store, which would mend the file."""
    try:
        data = paths.settings_file.read_bytes()
        return msgspec.json.decode(data, type=_SettingsFile).engine.engine
    except (OSError, msgspec.DecodeError, RecursionError):
        return AUTOMATIC


def _rank(engine: InstalledEngine) -> tuple[bool, tuple[int, ...], bool, bool]:
    numbers = tuple(map(int, re.findall(r"\d+", engine.version)))
    return not engine.kept, numbers, bool(engine.accelerator), engine.folder is not None


def engine_folders(place: Path) -> list[Path]:
    """The folders that lie in a place for engines, by name, whatever is in them."""
    try:
        return sorted(path for path in place.iterdir() if path.is_dir())
    except OSError:
        return []


def _read(folder: Path) -> InstalledEngine | None:
    try:
        manifest = read_manifest(folder)
        check_files(folder, manifest)
    except (BackendError, OSError) as error:
        log.warning("%s is not used: %s", folder, error)
        return None
    return InstalledEngine(
        manifest.id, manifest.version, folder, manifest.variants, manifest.accelerator
    )


def _of_the_package() -> tuple[InstalledEngine, ...]:
    """The libraries inside the Python package, where it has any."""
    folder = package_libraries()
    if folder is None or not any(folder.glob("*llama*")):
        return ()
    try:
        return (InstalledEngine("", metadata.version(_PACKAGE)),)
    except metadata.PackageNotFoundError:  # frozen without it
        return (InstalledEngine("", ""),)


def package_libraries() -> Path | None:
    """Where the Python package has its libraries, if it is installed; imports nothing."""
    package = find_spec("llama_cpp")
    places = package.submodule_search_locations if package is not None else None
    return next((Path(place, "lib") for place in places or ()), None)
