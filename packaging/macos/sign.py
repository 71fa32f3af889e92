"""Sign, notarise and staple the disk image, where an identity is given; then check it.

    python packaging/macos/sign.py
    python packaging/macos/sign.py --dry-run

The programs inside were signed when the image was made. Without an identity it says so and changes
nothing; steps/code_signing.py tells how one is given.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "steps"))

import code_signing  # noqa: E402 - the folder of steps has to be found first
from mac_build import (  # noqa: E402
    TARGETS,
    Commands,
    Refused,
    image_file,
    need_a_mac,
    own_target,
    told,
)

ASSESS = ("spctl", "--assess", "--type", "open", "--context", "context:primary-signature", "-v")
"""What the system itself asks before it opens a disk image."""


def sign(target: str, commands: Commands) -> None:
    """Do all steps, or tell of them. Raises Refused and CalledProcessError."""
    image, who = image_file(target), code_signing.identity(commands)
    if not commands.dry_run:
        if who == code_signing.AD_HOC:
            print(f"{image.name} is not signed, as {code_signing.IDENTITY} names nobody")
            return
        need_a_mac(sys.platform, target)
        if not image.is_file():
            raise Refused(f"there is no {image}; image.py makes it")
    commands.run(*code_signing.sign_command(image, who))
    if code_signing.is_notarised(commands):
        code_signing.notarise(image, image, commands)
        commands.run(*ASSESS, image)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", choices=TARGETS, default=own_target())
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        sign(asked.target, Commands(asked.dry_run))
    except subprocess.CalledProcessError as error:
        print(f"sign: {told(error)}", file=sys.stderr)
        return 1
    except (Refused, OSError) as error:
        print(f"sign: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
