"""The files of one model with what is known of them."""

from dataclasses import dataclass
from pathlib import Path

from app.core.file_records import FileRecord, FileRecords, Origin, origin_of
from app.core.library_types import LocalModel


@dataclass(frozen=True)
class ModelFile:
    """One file."""

    path: Path
    record: FileRecord | None
    """None for one that is not there."""


@dataclass(frozen=True)
class ModelFiles:
    """All files of a model."""

    files: tuple[ModelFile, ...]
    origin: Origin | None
    """Where it was downloaded from, where that is known."""


def files_of(model: LocalModel, records: FileRecords) -> ModelFiles:
    """Look at the files of a model and at what was kept about them."""
    files = tuple(ModelFile(path, records.of(path)) for path in model.files)
    first = files[0].record if files else None
    return ModelFiles(files, origin_of(model.path, model.repo, first))
