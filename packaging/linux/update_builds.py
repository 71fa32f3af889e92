"""Two versions of what people install, which look for newer ones on this very computer.

The older is the frozen folder dist/corral. The newer is the committed state with another number,
frozen in a checkout of its own. Only the copies that are packed know the server and its keys.
"""

import base64
import contextlib
import io
import json
import os
import re
import secrets
import shutil
import sys
from pathlib import Path

import msgspec
import release
import reproduce
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(release.ROOT))
from app.core.update_manifest import Release
from tests.packaging.scripts import load_script
from tests.updates.update_server import UpdateServer

PACKERS = {
    "tar": ("linux/tarball.py", "--level", "3"),
    "deb": ("linux/deb.py", "--compression", "zstd"),
}
"""What packs each form, quickly."""
NOTES = """\
- Answers begin **a third sooner** on computers with little memory.
- The search of chats finds words in other languages, too.
- Mended: a picture that was dragged into a chat could be lost.
"""


def later(version: str, steps: int = 1) -> str:
    """The number of the release after one, or after that."""
    major, minor = version.split(".")[:2]
    return f"{major}.{int(minor) + steps}.0"


def make_keys(folder: Path) -> list[Ed25519PrivateKey]:
    """The key that signs and the one that is put away, made as those of a release are."""
    maker, signer = load_script("updates/make_keys"), load_script("updates/sign")
    os.environ[maker.PASSWORD_VARIABLE] = secrets.token_hex(16)
    with contextlib.redirect_stdout(io.StringIO()):
        if maker.main([str(folder)]):
            raise SystemExit("The keys could not be made.")
    return [signer.load_key(folder / name) for name in maker.NAMES]


def freeze_newer(folder: Path, version: str) -> None:
    """Freeze the committed state as another version, in `folder`, with the engine of the older."""
    reproduce.clone(folder)
    file = folder / "app" / "__init__.py"
    text = re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', file.read_text("utf-8"))
    file.write_text(text, encoding="utf-8")
    engines = sorted((release.FROZEN / "engines").glob("*"))
    reproduce.freeze(folder, engines[0] if engines else None)


def pack(checkout: Path, server: UpdateServer, form: str, work: Path) -> Path:
    """A package of what was frozen in a checkout, which takes the word of `server`."""
    frozen, out = work / "corral", work / "packed" / checkout.name
    shutil.rmtree(frozen, ignore_errors=True)
    shutil.copytree(checkout / "dist" / "corral", frozen, symlinks=True)
    source = server.source
    known = {
        "address": source.address,
        "keys": [base64.b64encode(key).decode() for key in source.keys],
    }
    file = frozen / "_internal" / "resources" / "updates.json"
    file.write_text(json.dumps(known), encoding="utf-8")
    script, *words = PACKERS[form]
    reproduce.run_in(checkout, script, "--frozen", str(frozen), "--out", str(out), *words)
    endings = {"tar": "*.tar.zst", "deb": "*.deb"}
    [package] = out.glob(endings[form])
    return package


def described(server: UpdateServer, version: str, form: str, package: Path) -> Release:
    """A version for the list of `server`, which serves its package from now on."""
    plain = server.release(version, package.read_bytes(), form=form)
    return msgspec.structs.replace(plain, notes={"en": NOTES})
