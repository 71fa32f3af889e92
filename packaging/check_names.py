"""Names that may not be in the project: places where things get lost, and machines."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAGUE_MODULES = {"utils", "util", "helpers", "misc", "common", "stuff"}
ALLOWED_TOP_LEVEL = {
    ".ci",
    ".github",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "app",
    "backends",
    "build_installer.py",
    "docs",
    "packaging",
    "pyproject.toml",
    "resources",
    "tests",
}
# Written so that this file does not contain what it looks for.
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/[a-z]|pythonhosted|registry\.npmjs")


def project_files() -> list[Path]:
    """What belongs to the project: what git tracks, or all that is not ignored where git is not."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return unignored_files()
    names = [Path(name) for name in listing.stdout.split("\0") if name]
    return [name for name in names if (ROOT / name).exists()]


def unignored_files() -> list[Path]:
    """Every file but those whose name, or a folder's above it, is in `.gitignore`."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [".git", *(line.strip("/") for line in lines if line)]
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [
        path
        for path in files
        if not any(fnmatch(part, pattern) for part in path.parts for pattern in ignored)
    ]


def complaints(files: list[Path]) -> list[str]:
    """One sentence for each file or line that breaks a rule."""
    found = []
    for path in files:
        if path.parts[0] not in ALLOWED_TOP_LEVEL:
            found.append(f"{path}: not a name of the top level")
        if path.stem in VAGUE_MODULES and path.suffix == ".py":
            found.append(f"{path}: a module's name says what is in it")
        if path.parts == ("packaging", "__init__.py"):
            found.append(f"{path}: shadows the packaging library for tools run from here")
        if path.suffix in {".py", ".md", ".toml", ".json", ".yaml", ".sh"} or not path.suffix:
            text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
            found += [
                f"{path}:{number}: names one machine: {line.strip()[:80]}"
                for number, line in enumerate(text.splitlines(), 1)
                if MACHINE.search(line) and path.name != "check_names.py"
            ]
    return found


def main() -> int:
    found = complaints(project_files())
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
