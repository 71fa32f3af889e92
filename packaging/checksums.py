"""Checksums of what people install, and a signature of them where there is a key.

    python packaging/checksums.py FOLDER/SHA256SUMS    signs a list that was written

Without a key it says so and signs nothing. Said by the environment:

- CORRAL_GPG_KEY: a secret key that gpg has, by fingerprint or address
- CORRAL_GPG_PASSPHRASE: its passphrase, where gpg can ask nobody
"""

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

NAME = "SHA256SUMS"
KEY, PASSPHRASE = "CORRAL_GPG_KEY", "CORRAL_GPG_PASSPHRASE"


class NotSigned(Exception):
    """There is a key, and no signature came of it."""


def lines(files: Iterable[Path]) -> str:
    """The list, as `sha256sum --check` reads it."""
    found = []
    for path in sorted(files):
        with path.open("rb") as file:
            found.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    return "".join(found)


def signature(sums: Path) -> Path:
    """Where the signature of a list lies."""
    return sums.with_name(f"{sums.name}.asc")


def write(sums: Path, files: Iterable[Path]) -> None:
    """Write the list of `files`. A signature of an earlier one goes: it would be a wrong one."""
    signature(sums).unlink(missing_ok=True)
    sums.write_text(lines(files), encoding="utf-8")


def sign_command(key: str, sums: Path) -> list[str]:
    """Makes the detached signature."""
    options = ["--pinentry-mode", "loopback", "--passphrase-fd", "0"]
    command = ["gpg", "--batch", "--yes", *(options if PASSPHRASE in os.environ else [])]
    return [*command, "--armor", "--local-user", key, "--detach-sign", str(sums)]


def sign(sums: Path) -> bool:
    """Sign the list and check that; False where there is no key. Raises NotSigned."""
    signature(sums).unlink(missing_ok=True)
    key = os.environ.get(KEY)
    if not key:
        return False
    try:
        told = os.environ.get(PASSPHRASE, "")
        subprocess.run(sign_command(key, sums), input=told, text=True, check=True)
        subprocess.run(["gpg", "--batch", "--verify", signature(sums), sums], check=True)
    except FileNotFoundError as error:
        raise NotSigned("gpg is not installed") from error
    except subprocess.CalledProcessError as error:
        signature(sums).unlink(missing_ok=True)
        raise NotSigned(
            f"gpg did not sign with {KEY}={key}; the reason is above. "
            f"`gpg --list-secret-keys` names its keys; {PASSPHRASE} is the passphrase."
        ) from error
    return True


def say(signed: bool, sums: Path) -> None:
    """Tell what came of it."""
    told = "signed" if signed else f"not signed, because {KEY} names no key"
    print(f"{sums.name} is {told}.")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sums", type=Path, help="the list")
    sums: Path = parser.parse_args(arguments).sums
    try:
        sums.stat()
        say(sign(sums), sums)
    except (NotSigned, OSError) as error:
        print(f"checksums: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
