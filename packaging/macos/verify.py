"""Try the disk image as a person would: open it, copy the program, start it, chat, remove it.

    python packaging/macos/verify.py
    python packaging/macos/verify.py --dry-run
    python packaging/macos/verify.py --bundle Corral.app    looks at a bundle only; on any system

The chat is with the starter model, if its package is installed.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "steps"), str(HERE.parent)]

import app_info  # noqa: E402 - the folder of steps has to be found first
import bundle_check  # noqa: E402
import try_installed  # noqa: E402
from mac_build import (  # noqa: E402
    TARGETS,
    Commands,
    Refused,
    image_file,
    need_a_mac,
    own_target,
    told,
    version,
)

PLAN = """\
  copy Corral.app to a new folder, as a person does to Applications
  look for faults of the bundle, and check its signature
  corral --version; corral --smoke-test; an answer of the starter model
  delete Corral.app; nothing of it is left but the person's data
"""


def check_bundle(bundle: Path, target: str) -> None:
    """Raise Refused with every fault."""
    if found := list(bundle_check.faults(bundle, TARGETS[target], version())):
        raise Refused("\n".join(found))
    print(f"pass  {bundle.name}: information, icon, links, libraries")


def verify(target: str, commands: Commands) -> None:
    """The whole journey, or what it would be. Raises Refused and CalledProcessError."""
    image = image_file(target)
    if not commands.dry_run:
        need_a_mac(sys.platform, target)
    with tempfile.TemporaryDirectory() as folder:
        mounted, applications = Path(folder) / "image", Path(folder) / "Applications"
        where = Path("FOLDER") if commands.dry_run else mounted
        options = ("-nobrowse", "-readonly", "-noautoopen")
        commands.run("hdiutil", "attach", *options, "-mountpoint", where, image)
        if commands.dry_run:
            print(PLAN, end="")
        else:
            applications.mkdir()
            try:
                try_image(mounted, applications, target)
            except BaseException:
                commands.run("hdiutil", "detach", mounted)
                raise
        commands.run("hdiutil", "detach", where)


def try_image(mounted: Path, applications: Path, target: str) -> None:
    """What lies in the image, then the journey. Raises Refused and CalledProcessError."""
    link = mounted / "Applications"
    if not link.is_symlink() or link.readlink() != Path("/Applications"):
        raise Refused("the image has no link to Applications")
    bundle = applications / "Corral.app"
    subprocess.run(["ditto", mounted / "Corral.app", bundle], check=True)
    check_bundle(bundle, target)
    subprocess.run(["codesign", "--verify", "--deep", "--strict", bundle], check=True)
    print("pass  signature")
    program = bundle / "Contents" / "MacOS" / app_info.EXECUTABLE
    try:
        try_installed.try_program([str(program)])
    except try_installed.NotAsItShouldBe as error:
        raise Refused(str(error)) from error
    shutil.rmtree(bundle)
    print("pass  removed")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", choices=TARGETS, default=own_target())
    parser.add_argument("--bundle", type=Path, help="look at this Corral.app only")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        if asked.bundle is not None:
            check_bundle(asked.bundle, asked.target)
        else:
            verify(asked.target, Commands(asked.dry_run))
    except subprocess.CalledProcessError as error:
        print(f"verify: {told(error)}", file=sys.stderr)
        return 1
    except subprocess.TimeoutExpired as error:
        print(f"verify: {error}", file=sys.stderr)
        return 1
    except (Refused, OSError) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
