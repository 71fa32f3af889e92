"""A short sample of the big library that the benchmark measures."""

from pathlib import Path

import pytest

from app.core import library_read
from app.core.gguf import read_header
from app.core.gguf_types import GgufHeader
from tests.core.library_load import furnish, scan_seconds

COUNT = 250


def test_a_known_library_is_listed_without_reading_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = furnish(tmp_path, COUNT)
    read: list[Path] = []

    def counted(path: Path) -> GgufHeader:
        read.append(path)
        return read_header(path)

    monkeypatch.setattr(library_read, "read_header", counted)
    scan_seconds(home)
    assert len(set(read)) >= COUNT
    read.clear()
    scan_seconds(home)
    assert read == []
