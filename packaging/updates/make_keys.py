"""Make the two key pairs that new versions of Corral are signed with.

    python packaging/updates/make_keys.py FOLDER

FOLDER must not be in this checkout. It gets `update-key-1.pem`, which signs, and
`update-key-2.pem`, which is put away for the day when the first is lost or stolen. Both are
encrypted with a password: that of CORRAL_UPDATE_KEY_PASSWORD, or one that is asked for. What is
printed goes into `keys` of resources/updates.json. See docs/decisions/0014-updates.md.
"""

import base64
import getpass
import json
import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

ROOT = Path(__file__).resolve().parents[2]
PASSWORD_VARIABLE = "CORRAL_UPDATE_KEY_PASSWORD"
NAMES = ("update-key-1.pem", "update-key-2.pem")
SHORTEST = 12
"""Characters of a password."""


def password() -> bytes:
    """The password, as bytes. Exits where two entries differ or it is too short."""
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is None:
        given = getpass.getpass("Password for the new keys: ")
        if getpass.getpass("Again: ") != given:
            raise SystemExit("make_keys: the passwords differ; nothing was written")
    if len(given) < SHORTEST:
        raise SystemExit(f"make_keys: a password has at least {SHORTEST} characters")
    return given.encode()


def make(folder: Path, secret: bytes) -> list[str]:
    """Write the private keys; answers the public ones, base64. Never writes over a key."""
    public = []
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(secret))
        opened = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(opened, "wb") as file:
            file.write(pem)
        public.append(base64.b64encode(key.public_key().public_bytes_raw()).decode())
    return public


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0]).resolve()
    if folder.is_relative_to(ROOT):
        print("make_keys: private keys do not belong into the checkout", file=sys.stderr)
        return 1
    try:
        public = make(folder, password())
    except FileExistsError as error:
        print(f"make_keys: {error.filename} is there already; nothing is written over it")
        return 1
    print(json.dumps({"keys": public}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
