"""Where the caches of conversations lie that are kept on disk, and how their files are named.

`<folder>/<model>/<conversation>.kv`: both names are digests, so that they tell nothing and any text
will do. An engine writes them; the program deletes what is no longer wanted.

An engine writes when an answer has ended, on a thread of its own, perhaps after the program has
deleted. So the program first leaves a mark, `<folder>/<conversation>.unwanted`. The engine looks
for it once a file has got its name: whoever comes last deletes the file.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".kv"
PARTIAL_SUFFIX = ".part"
"""Of a file that is being written."""
UNWANTED_SUFFIX = ".unwanted"
"""Of the mark that forbids the files of a conversation."""


def model_folder(folder: Path, model: str) -> Path:
    """Folder of one model; `model` is text that changes with all that shapes its cache."""
    return folder / hashlib.sha256(model.encode()).hexdigest()[:24]


def file_stem(conversation: str) -> str:
    """Name of a conversation's files, without the suffix."""
    return hashlib.sha256(conversation.encode()).hexdigest()[:32]


def unwanted_mark(folder: Path, conversation: str) -> Path:
    """An empty file; while it is there, nothing of the conversation may stay in `folder`."""
    return folder / (file_stem(conversation) + UNWANTED_SUFFIX)


def kept_files(folder: Path) -> Iterator[Path]:
    """All files in `folder`, whole and partial, of any model; none if there is no such folder."""
    for suffix in (SUFFIX, PARTIAL_SUFFIX):
        yield from folder.glob(f"*/*{suffix}")
