"""`corral version`: of this program, and of the one that runs."""

import platform
import sys
from argparse import Namespace

from app import __version__
from app.cli.rendering import print_json
from app.core.installed_engines import engine_places, installed_engines
from app.core.paths import app_paths
from app.core.running import running_corral


def version(arguments: Namespace) -> int:
    """Say which version this is."""
    running = running_corral(app_paths())
    engines = installed_engines(engine_places(app_paths()))
    if arguments.json:
        print_json(
            {
                "version": __version__,
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.machine()}",
                "running": running.version if running else None,
                "engines": [{"id": each.id, "name": each.name} for each in engines],
            }
        )
        return 0
    sys.stdout.write(f"corral {__version__}\n")
    if engines:
        sys.stdout.write(f"engine: {engines[0].name}\n")
    if running is not None and running.version != __version__:
        sys.stdout.write(f"running: {running.version}\n")
    return 0
