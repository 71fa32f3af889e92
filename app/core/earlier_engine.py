"""The engine of this version stays when a newer version takes its place: a model that the new one
cannot load goes on with it (`app.core.engine_shelf`).

Packages bring their engine beside the program and take the old one away. The installer for Windows
leaves it there; for the other forms it is copied among the person's own engines.
"""

import logging
import shutil
from pathlib import Path

from app.core.installed_engines import InstalledEngine

log = logging.getLogger(__name__)

KEPT = "before-"
"""Begins the names of the folders that are made here; others are the person's."""


def keep_engine(engine: InstalledEngine, folder: Path) -> Path | None:
    """Copy an engine into `folder`, in the place of the one that was kept before.

    None where that cannot be done, or there is no folder to copy: it costs the way back only.
    """
    if engine.folder is None:
        return None
    kept = folder / f"{KEPT}{engine.id}"
    part = folder.with_name(f"{folder.name}.part")  # where nobody looks for engines
    try:
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(engine.folder, part)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{KEPT}*"):
            shutil.rmtree(old)
        part.rename(kept)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        log.warning("the engine of this version is not kept: %s", error)
        return None
    return kept
