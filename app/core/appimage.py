"""The AppImage that this program runs from.

Its variables (AppImage documentation: `APPIMAGE` the file, `APPDIR` where it is mounted) are
inherited by everything that is started from an AppImage, so a terminal in one hands them to a
Corral that came by other ways.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def appimage_file(env: Mapping[str, str] = os.environ) -> str:
    """The one file, which lasts; "" where this program does not lie in what was mounted of it."""
    file, mounted = env.get("APPIMAGE", ""), env.get("APPDIR", "")
    if not file or not mounted:
        return ""
    lies_in = Path(sys.executable).resolve().is_relative_to(Path(mounted).resolve())
    return file if lies_in else ""
