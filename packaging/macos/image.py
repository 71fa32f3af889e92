"""The disk image: dist/Corral-VERSION-MACHINE.dmg, with Corral.app and a link to Applications.

    python packaging/macos/image.py
    python packaging/macos/image.py --target macos-x86_64 --dry-run

The program inside has to be signed before, so the programs are signed here, where an identity is
given (sign.py says how); sign.py then signs and notarises the image itself. Needs a Mac and the
environment of packaging/locked_environment.py, which has dmgbuild there.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "steps"))

import bundle_check  # noqa: E402 - the folder of steps has to be found first
import code_signing  # noqa: E402
import pictures  # noqa: E402
from mac_build import (  # noqa: E402
    BUNDLE,
    ROOT,
    TARGETS,
    Commands,
    Refused,
    image_file,
    need_a_mac,
    own_target,
    told,
    version,
)

GROUNDS = {1: "ground.png", 2: "ground@2x.png"}
"""Pictures behind the icons by their scale; dmgbuild joins both for dense screens."""
WORK = ROOT / "build" / "macos"
SETTINGS = WORK / "image.json"
ICON_SIZE = 128


def settings(bundle: Path) -> dict[str, Any]:
    """What the image holds and looks like, in the form of appdmg, which dmgbuild reads."""
    (x, y), (link_x, link_y) = pictures.PROGRAM_PLACE, pictures.FOLDER_PLACE
    width, height = pictures.WINDOW
    return {
        "title": "Corral",
        "background": str(WORK / GROUNDS[1]),
        "icon-size": ICON_SIZE,
        "window": {"size": {"width": width, "height": height}},
        "format": "ULFO",
        "contents": [
            {"type": "file", "path": str(bundle), "x": x, "y": y, "hide_extension": True},
            {"type": "link", "path": "/Applications", "name": "Applications"}
            | {"x": link_x, "y": link_y},
        ],
    }


def refuse_faults(bundle: Path, target: str) -> None:
    """Raise Refused with every fault."""
    if found := list(bundle_check.faults(bundle, TARGETS[target], version())):
        raise Refused("\n".join(found))


def build(target: str, bundle: Path, commands: Commands) -> None:
    """Do all steps, or tell of them. Raises Refused and CalledProcessError."""
    if not commands.dry_run:
        need_a_mac(sys.platform, target)
        if not bundle.is_dir():
            raise Refused(f"there is no {bundle}; freeze.py makes it")
        refuse_faults(bundle, target)
        WORK.mkdir(parents=True, exist_ok=True)
    code_signing.sign_bundle(bundle, commands)
    if not commands.dry_run:
        refuse_faults(bundle, target)
    commands.say(f"draw {', '.join(GROUNDS.values())}")
    if not commands.dry_run:
        for scale, name in GROUNDS.items():
            (WORK / name).write_bytes(pictures.ground(scale))
        SETTINGS.write_text(json.dumps(settings(bundle)), encoding="utf-8")
    image = image_file(target)
    commands.run(sys.executable, "-m", "dmgbuild", "-s", SETTINGS, "Corral", image)
    commands.run("hdiutil", "verify", image)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", choices=TARGETS, default=own_target())
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        build(asked.target, asked.bundle, Commands(asked.dry_run))
    except subprocess.CalledProcessError as error:
        print(f"image: {told(error)}", file=sys.stderr)
        return 1
    except (Refused, OSError) as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
