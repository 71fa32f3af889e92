"""Sign dist/Corral-Setup.exe, or the file named, where there is a certificate; then check it.

    python packaging/windows/sign.py [FILE]
    python packaging/windows/sign.py --check [FILE]
    python packaging/windows/sign.py --dry-run

Without a certificate it says so and changes nothing; steps/signing.py tells how one is given.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE / "steps"))

import signing  # noqa: E402 - the folder of steps has to be found first

SETUP = ROOT / "dist" / "Corral-Setup.exe"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?", default=SETUP)
    parser.add_argument("--check", action="store_true", help="check the signature only")
    parser.add_argument("--target", choices=("windows-x86_64",), help="the only one there is")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    file: Path = options.file
    signer = signing.signer_from()
    if signer is None and not options.check:
        print(f"{file.name} is not signed, as there is no certificate")
        return 0
    if options.dry_run:
        print(f"would sign {file} and check it")
        return 0
    try:
        if options.check:
            signing.verify(file, signer.authorities if signer else None)
        elif signer is not None:
            signer.sign(file)
    except (signing.NotSigned, OSError) as error:
        print(f"sign: {error}", file=sys.stderr)
        return 1
    print(f"{file.name} is signed, and the signature is good")
    return 0


if __name__ == "__main__":
    sys.exit(main())
