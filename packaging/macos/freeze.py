"""Freeze Corral for a Mac: dist/Corral.app, with its engine and the licences of everything inside.

    python packaging/macos/freeze.py --engine FOLDER
    python packaging/macos/freeze.py --target macos-x86_64 --dry-run

Needs a Mac of the target's kind and the environment that packaging/locked_environment.py makes. The
engine is one that packaging/engine built; without --engine it is the one in build/engines/TARGET.
MLX is frozen on arm64 only, where it is one of Corral's requirements.
"""

import argparse
import importlib.util
import json
import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "steps"))

import app_info  # noqa: E402 - the folder of steps has to be found first
import bundle_check  # noqa: E402
import pictures  # noqa: E402
import trim_bundle  # noqa: E402
from mac_build import (  # noqa: E402
    BUNDLE,
    ROOT,
    TARGETS,
    Commands,
    Refused,
    need_a_mac,
    own_target,
    told,
    version,
)

WORK = ROOT / "build" / "macos"
BUILT_ENGINES = ROOT / "build" / "engines"
NOT_ON_X86 = ("mlx", "mlx_lm", "transformers", "tokenizers")
OF_THE_BINDING = ("typing_extensions",)
"""What the engine's binding imports besides Python's own modules; PyInstaller does not see it."""
MLX_PARTS = ("mlx", "mlx_lm")
"""Packages that look for modules and Metal code of theirs while they run."""


def general_freeze() -> ModuleType:
    """The script that freezes on Linux; what it leaves out is left out here, too."""
    spec = importlib.util.spec_from_file_location("general_freeze", HERE.parent / "freeze.py")
    if spec is None or spec.loader is None:
        raise Refused("packaging/freeze.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options(target: str) -> list[str | Path]:
    """What PyInstaller is told."""
    general = general_freeze()
    machine = TARGETS[target]
    words: list[str | Path] = ["--noconfirm", "--clean", "--onedir", "--windowed"]
    words += ["--name", app_info.EXECUTABLE, "--target-architecture", machine]
    words += ["--osx-bundle-identifier", app_info.BUNDLE_ID, "--log-level", "ERROR"]
    words += ["--icon", WORK / app_info.ICON, "--distpath", WORK, "--workpath", WORK / "work"]
    words += ["--specpath", WORK, "--paths", ROOT]
    words += ["--add-data", f"{ROOT / 'resources'}{os.pathsep}resources"]
    words += ["--runtime-hook", general.START_HOOK]
    for package in ("app", "backends", "pygments.lexers", "pygments.styles"):
        words += ["--collect-submodules", package]
    for package in ("ziamath", "ziafont", "latex2mathml"):
        words += ["--collect-data", package]
    for module in OF_THE_BINDING:
        words += ["--hidden-import", module]
    if machine == "arm64":
        for package in MLX_PARTS:
            words += ["--collect-all", package]
    for package in ("huggingface_hub", "llguidance", "keyring"):
        words += ["--copy-metadata", package]
    left_out = set(general.EXCLUDED) - set(NOT_ON_X86) | {"llama_cpp"}
    left_out |= set(NOT_ON_X86) if machine == "x86_64" else set()
    for module in sorted(left_out):
        words += ["--exclude-module", module]
    return words


def describe(bundle: Path, machine: str) -> None:
    """Give the bundle Corral's own Info.plist; PyInstaller writes but a part of it."""
    file = bundle / "Contents" / "Info.plist"
    file.write_bytes(plistlib.dumps(app_info.info(version(), machine)))


def add_engine(bundle: Path, engine: Path) -> None:
    """Put the engine among the resources, under its id, and a link where it is looked for."""
    manifest = json.loads((engine / "engine.json").read_text(encoding="utf-8"))
    shutil.copytree(engine, bundle / bundle_check.ENGINES / manifest["id"], symlinks=True)
    link = bundle / bundle_check.ENGINES_LINK
    link.symlink_to(Path("..") / "Resources" / "engines")


def freeze(target: str, engine: Path, commands: Commands) -> None:
    """Do all steps, or tell of them. Raises Refused and CalledProcessError."""
    if not commands.dry_run:
        need_a_mac(sys.platform, target)
        if not (engine / "engine.json").is_file():
            raise Refused(f"there is no engine in {engine}; packaging/engine/build.py builds one")
        if reason := general_freeze().refusal(engine, target):
            raise Refused(reason)
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True)
        picture = ROOT / "resources" / "brand" / "app-icon.svg"
        (WORK / app_info.ICON).write_bytes(pictures.icon_set(picture))
    commands.say(f"draw {app_info.ICON}, {len(pictures.ICONS)} pictures")
    entry = ROOT / "app" / "__main__.py"
    commands.run(sys.executable, "-m", "PyInstaller", *options(target), entry)
    bundle = WORK / f"{app_info.EXECUTABLE}.app"
    commands.say(f"write Info.plist of version {version()}, trim Qt, add the engine {engine.name}")
    if not commands.dry_run:
        describe(bundle, TARGETS[target])
        trim_bundle.trim(bundle)
        add_engine(bundle, engine)
    contents = bundle / "Contents"
    notices = ROOT / "packaging" / "notices.py"
    commands.run(sys.executable, notices, contents / "Resources", contents / "Resources/notices")
    commands.say(f"look for faults of the bundle, then move it to {BUNDLE.relative_to(ROOT)}")
    if not commands.dry_run:
        if found := list(bundle_check.faults(bundle, TARGETS[target], version())):
            raise Refused("\n".join(found))
        shutil.rmtree(BUNDLE, ignore_errors=True)
        bundle.rename(BUNDLE)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", choices=TARGETS, default=own_target())
    parser.add_argument("--engine", type=Path, help="an engine folder")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    engine: Path = asked.engine or BUILT_ENGINES / asked.target
    try:
        freeze(asked.target, engine, Commands(asked.dry_run))
    except subprocess.CalledProcessError as error:
        print(f"freeze: {told(error)}", file=sys.stderr)
        return 1
    except (Refused, OSError) as error:
        print(f"freeze: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
