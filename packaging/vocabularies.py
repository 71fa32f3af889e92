"""Fetch the vocabularies of real models, for tests: model files without weights.

    .venv/bin/python packaging/vocabularies.py

llama.cpp tests its tokenizers with them, so they lie in the source package of llama-cpp-python,
most of them with texts (`.inp`) and the tokens these must become (`.out`). pip downloads the
package in the pinned version, 77 MB that are in its cache where it built the engine. They are
unpacked into `.cache/vocabularies`, once for each version.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
FOLDER = ROOT / ".cache" / "vocabularies"
STAMP = FOLDER / "version"
"""Written last, so that an interrupted unpacking is done again."""
PACKAGE = "llama-cpp-python"
MEMBER = re.compile(r"[^/]+/vendor/llama\.cpp/models/(ggml-vocab-[\w.-]+\.gguf(?:\.inp|\.out)?)")


class Unavailable(Exception):
    """The source package cannot be had; the text says why, in one line."""


def pinned_version() -> str:
    """The version of llama-cpp-python that Corral is tested with."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"{PACKAGE}==")).partition("==")[2]


def download(version: str, folder: Path) -> Path:
    """Have pip put the source package into `folder`.

    pip asks the package for its metadata, for which it fetches the build tools too; nothing is
    compiled. Only the package itself is wanted as source, its build tools come as wheels.

    Raises:
        Unavailable: pip did not get it.
    """
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    wish = ["--no-deps", "--no-binary", PACKAGE, f"{PACKAGE}=={version}"]
    done = subprocess.run(
        [*command, "--retries", "1", "-d", str(folder), *wish],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")]
        last = (errors or lines or [f"pip ended with {done.returncode}"])[-1]
        raise Unavailable(last.removeprefix("ERROR:").strip())
    return next(folder.glob("*.tar.gz"))


def unpack(package: Path, folder: Path) -> int:
    """Put the vocabularies in `package` and their test cases into `folder`; how many files."""
    count = 0
    with tarfile.open(package) as archive:
        for member in archive:
            found = MEMBER.fullmatch(member.name)
            if found and (source := archive.extractfile(member)):
                with source, (folder / found[1]).open("wb") as target:
                    shutil.copyfileobj(source, target)
                count += 1
    return count


def main() -> int:
    version = pinned_version()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == version:
        return 0
    print("corral: fetching the vocabularies of real models for the tests", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            count = unpack(download(version, Path(folder)), FOLDER)
    except Unavailable as reason:
        print(f"corral: they are not to be had, and tests that need them are skipped: {reason}")
        return 1
    if not count:
        print(f"corral: {PACKAGE} {version} has none any more; tests that need them are skipped")
        return 1
    STAMP.write_text(version, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
