"""`corral version`: of this program, of the one that runs, and whether there is a newer one."""

import platform
import sys
from argparse import Namespace
from contextlib import closing
from typing import TYPE_CHECKING

from app import __version__
from app.cli.rendering import print_json
from app.core.installed_engines import engine_places, installed_engines, usual_engine
from app.core.notices import QT_SOURCE, TEXTS, notices, qt_folder
from app.core.paths import app_paths
from app.core.running import running_corral

if TYPE_CHECKING:
    from app.core.program_updates import UpdateState


def version(arguments: Namespace) -> int:
    """Say which version this is; with `--check`, ask for a newer one. Raises `AppError`."""
    if arguments.licences:
        _list_licences(json=arguments.json)
        return 0
    running = running_corral(app_paths())
    engines, used = installed_engines(engine_places(app_paths())), usual_engine()
    state = _look() if arguments.check else None
    if arguments.json:
        told = {
            "version": __version__,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "running": running.version if running else None,
            "engines": [{"id": each.id, "name": each.name} for each in engines],
        }
        print_json({**told, "newer": _newer(state)} if state else told)
        return 0
    sys.stdout.write(f"corral {__version__}\n")
    if used is not None:
        sys.stdout.write(f"engine: {used.name}\n")
    if running is not None and running.version != __version__:
        sys.stdout.write(f"running: {running.version}\n")
    if state is not None:
        sys.stdout.write(_words(state) + "\n")
    return 0


def _list_licences(*, json: bool) -> None:
    found = notices()
    if json:
        print_json(
            [
                {"name": each.name, "version": each.version, "licence": each.licence}
                for each in found.parts
            ]
        )
        return
    lines = [f"{each.title}: {each.licence or 'as its text says'}" for each in found.parts]
    qt = qt_folder()
    if qt is not None:
        lines += [
            "",
            f"Qt is used under the LGPL-3.0; its libraries in {qt} may be exchanged.",
            f"Its source: {QT_SOURCE}",
        ]
    if found.folder is not None:
        lines.append(f"The texts: {found.folder / TEXTS}")
    sys.stdout.write("\n".join([f"corral {__version__}: Apache-2.0", *lines]) + "\n")


def _look() -> "UpdateState":
    """Asked for by a person, so it needs no other agreement."""
    from app.cli.parts import Parts
    from app.core.program_updates import ProgramUpdates

    with (
        Parts() as parts,
        closing(
            ProgramUpdates(
                parts.paths, parts.settings, parts.gate, parts.hub_http, tell=parts.ledger.record
            )
        ) as updates,
    ):
        updates.look(now=True)
        return updates.state()


def _newer(state: "UpdateState") -> dict[str, object] | None:
    """What a script may rely on: null where this is the newest version."""
    if state.release is None:
        return None
    release, package = state.release, state.package
    return {
        "version": release.version,
        "released": release.released,
        "notes": release.notes,
        "package": package.url if package else None,
        "sha256": package.sha256 if package else None,
    }


def _words(state: "UpdateState") -> str:
    if state.release is None:
        return "This is the newest version."
    lines = [f"Corral {state.release.version} of {state.release.released} is there."]
    if state.page:
        lines.append(state.page)
    return "\n".join([*lines, "", state.release.notes.get("en", "").strip()]).rstrip()
