"""The models in a cache of Hugging Face's own library.

Layout: `models--OWNER--NAME/snapshots/COMMIT/FILE`, mostly links to `blobs/SHA256`;
`refs/main` holds the newest commit.
"""

import itertools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from app.core.library_found import Found

_FOLDER = re.compile(r"models--(?P<owner>[\w.-]+?)--(?P<name>[\w.-]+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_hub_cache(root: Path) -> bool:
    """Whether `root` is such a cache."""
    if not os.path.isdir(root):
        return False
    return next(root.glob("models--*--*/snapshots"), None) is not None


def hub_cache_models(root: Path, find: Callable[[Path], Iterator[Found]]) -> Iterator[Found]:
    """The models of every repository; of a file in several commits the newest.

    `find` looks for models below one snapshot. Its folder is the commit.
    """
    for repository in sorted(root.glob("models--*--*")):
        match = _FOLDER.fullmatch(repository.name)
        if match is None:
            continue
        done: set[str] = set()
        for snapshot in _snapshots(repository):
            for found in find(snapshot):
                place = found.path.relative_to(snapshot).as_posix()
                if place in done or not found.path.exists():  # the blob may be gone
                    continue
                done.add(place)
                repo = f"{match['owner']}/{match['name']}"
                yield replace(
                    found,
                    root=root,
                    repo=repo,
                    folder_name=match["name"],
                    key=str(repository / place),
                )


def _snapshots(repository: Path) -> list[Path]:
    try:
        newest = (repository / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        newest = ""
    folders = [each for each in (repository / "snapshots").glob("*") if each.is_dir()]
    return sorted(folders, key=lambda each: (each.name != newest, each.name))


def commit_of(path: Path) -> str:
    """The commit of a file that lies in such a cache; empty elsewhere."""
    parts = path.parts
    for before, name in itertools.pairwise(parts):
        if before == "snapshots" and _COMMIT.fullmatch(name):
            return name
    return ""
