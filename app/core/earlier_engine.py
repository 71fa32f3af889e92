"""The engine of this version stays when a newer version takes its place: a model that the new one
cannot load goes on with it (`app.core.engine_shelf`).

Packages bring their engine beside the program and take the old one away. The installer for Windows
leaves it there; for the other forms it is copied among the person's own engines. Those of before
go when the newer version runs: until then they are what is fallen back to.
"""

import logging
import shutil
from collections.abc import Container
from pathlib import Path

from app.core.installed_engines import KEPT, InstalledEngine, installed_engines

log = logging.getLogger(__name__)


def keep_engine(engine: InstalledEngine, folder: Path) -> bool:
    """Copy an engine into `folder`, unless it is there; whether it is there now.

    It may have no folder to copy, or the disk may be full: that costs the way back only.
    """
    if engine.folder is None:
        return False
    if any(each.id == engine.id for each in installed_engines((folder,))):
        return True
    kept, part = folder / f"{KEPT}{engine.id}", _part(folder)
    try:
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(engine.folder, part)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)  # what could not be used
        part.rename(kept)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        log.warning("the engine of this version is not kept: %s", error)
        return False
    return True


def drop_earlier(
    folder: Path, last: str, beside: Container[str], relied_on: Container[str]
) -> None:
    """Delete engines that were kept, once the version runs that `last` was kept for.

    Those go that the program has `beside` it anyway, and if `last` is none of them, all others but
    those that are `relied_on`.
    """
    kept = {path.name.removeprefix(KEPT): path for path in folder.glob(f"{KEPT}*")}
    replaced = last in kept and last not in beside
    for engine_id, path in kept.items():
        if engine_id in beside or (replaced and engine_id != last and engine_id not in relied_on):
            try:
                shutil.rmtree(_part(folder), ignore_errors=True)
                path.rename(_part(folder))
            except OSError as error:  # Windows does not let go of libraries that are open
                log.info("%s stays for now: %s", path, error)
    shutil.rmtree(_part(folder), ignore_errors=True)


def _part(folder: Path) -> Path:
    """Where nobody looks for engines."""
    return folder.with_name(f"{folder.name}.part")
