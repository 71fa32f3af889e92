"""Where the caches of conversations lie that are kept on disk, and how their files are named.

`<folder>/<model>/<conversation>.kv`: both names are digests, so that they tell nothing and any text
will do. An engine writes them; the program deletes what is no longer wanted.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".kv"
PARTIAL_SUFFIX = ".part"
"""Of a file that is being written."""


def model_folder(folder: Path, model: str) -> Path:
    """Folder of one model; `model` is text that changes with all that shapes its cache."""
    return folder / hashlib.sha256(model.encode()).hexdigest()[:24]


def file_stem(conversation: str) -> str:
    """Name of a conversation's files, without the suffix."""
    return hashlib.sha256(conversation.encode()).hexdigest()[:32]


def kept_files(folder: Path) -> Iterator[Path]:
    """All files in `folder`, whole and partial, of any model; none if there is no such folder."""
    for suffix in (SUFFIX, PARTIAL_SUFFIX):
        yield from folder.glob(f"*/*{suffix}")
