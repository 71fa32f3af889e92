"""Write constraints.txt: the tested version of every library that Corral and its tools need.

    .venv/bin/python packaging/pin.py

Reads what is installed beside it, following the requirements of Corral with its extras.
"""

import sys
from collections.abc import Set
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONSTRAINTS = Path(__file__).resolve().parent / "constraints.txt"
EXTRAS = ("bench", "dev", "installer", "mlx")
NOT_PINNED = {"setuptools"}
"""What a virtual environment brings along and builds replace for themselves."""
HEADER = """\
# The versions Corral is tested with; written by packaging/pin.py.
# Libraries that only another system needs are held by the ranges in pyproject.toml.
"""


def applies(requirement: Requirement, extras: tuple[str, ...]) -> bool:
    """Whether this computer needs `requirement` of a library installed with `extras`."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def versions(
    name: str, extras: tuple[str, ...] = (), without: Set[str] = frozenset()
) -> dict[str, str]:
    """Name and installed version of everything that `name` with `extras` needs, itself left out.

    Libraries in `without`, and what only they need, are not looked for.

    Raises:
        PackageNotFoundError: one of them is not installed.
    """
    found: dict[str, str] = {}
    waiting = [(name, extras)]
    seen = set()
    while waiting:
        item = waiting.pop()
        if item in seen:
            continue
        seen.add(item)
        for line in metadata.requires(item[0]) or ():
            requirement = Requirement(line)
            if applies(requirement, item[1]):
                needed = canonicalize_name(requirement.name)
                if needed in without:
                    continue
                found[needed] = metadata.version(needed)
                waiting.append((needed, tuple(sorted(requirement.extras))))
    return {name: found[name] for name in sorted(found.keys() - NOT_PINNED)}


def main() -> int:
    lines = [f"{name}=={version}\n" for name, version in versions("corral", EXTRAS).items()]
    CONSTRAINTS.write_text(HEADER + "".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
