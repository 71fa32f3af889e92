"""What is built for macOS, where it lies, and how commands are run or only shown."""

import platform
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HERE = ROOT / "packaging" / "macos"
TARGETS = {"macos-arm64": "arm64", "macos-x86_64": "x86_64"}
"""Kind of processor by target."""
BUNDLE = ROOT / "dist" / "Corral.app"
ENTITLEMENTS = HERE / "entitlements.plist"


class Refused(Exception):
    """A stage cannot be done here, or what it is to work on is not right."""


@dataclass(frozen=True)
class Commands:
    """Runs commands, or prints them."""

    dry_run: bool

    def run(self, *words: str | Path) -> None:
        """Run a command; in a dry run, print it. Raises CalledProcessError."""
        self.say(shlex.join(shown(word) for word in words))
        if not self.dry_run:
            subprocess.run(words, check=True)

    def say(self, step: str) -> None:
        """Tell of a step."""
        print(f"  {step}" if self.dry_run else step, flush=True)


def shown(word: str | Path) -> str:
    """A word of a command; paths of the project from its folder."""
    if isinstance(word, Path) and word.is_relative_to(ROOT):
        return str(word.relative_to(ROOT))
    return str(word)


def own_target() -> str:
    """The target that this computer is, as far as its processor says."""
    return "macos-arm64" if platform.machine() in ("arm64", "aarch64") else "macos-x86_64"


def version() -> str:
    """Corral's own version."""
    text = (ROOT / "app" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "([^"]+)"', text)
    if found is None:
        raise Refused("app/__init__.py does not name the version")
    return found[1]


def image_file(target: str) -> Path:
    """The disk image of a target."""
    return ROOT / "dist" / f"Corral-{version()}-{TARGETS[target]}.dmg"


def need_a_mac(system: str, target: str) -> None:
    """Raise Refused unless this is a Mac of the target's kind."""
    if system != "darwin":
        raise Refused("this stage needs a Mac; --dry-run says what it would do")
    if platform.machine() != TARGETS[target]:
        raise Refused(f"{target} is built on a Mac with a processor of that kind")


def told(error: subprocess.CalledProcessError) -> str:
    """Why a command stopped a stage."""
    words: Sequence[str | Path] = error.cmd
    return f"stopped at: {' '.join(map(str, words))}\nThe reason is above."
