"""Files on this computer that a download would bring once more, by their checksums."""

import re
from collections.abc import Iterable

from app.core.file_records import FileRecords
from app.core.library_types import LocalModel
from app.core.variants import RepoFile

_NAMED = re.compile(r"sha256-([0-9a-f]{64})")
"""What other programs call a file in their stores."""


def copies_of(
    files: Iterable[RepoFile], records: FileRecords, models: Iterable[LocalModel]
) -> dict[str, str]:
    """Paths by sha256, of those of `files` that somebody has said are here. Quick.

    Whoever takes one has to see whether it is there still, and is what it was.
    """
    wanted = {file.sha256 for file in files if file.sha256}
    known = records.paths_by_sha256()
    for model in models:
        for path in model.files if model.present else ():
            if match := _NAMED.fullmatch(path.name):
                known.setdefault(match[1], path)
    return {digest: str(path) for digest, path in known.items() if digest in wanted}
