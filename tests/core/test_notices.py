"""What is known of the parts of Corral and their licences."""

import json
from pathlib import Path

import pytest

from app.core import notices
from app.core.errors import StorageError
from app.core.notices import ListedPart, notices_folder, qt_folder, text_of


def written(folder: Path) -> Path:
    """As `packaging/notices.py` leaves it in an installed form."""
    texts = folder / "licences" / "pyside6-essentials"
    texts.mkdir(parents=True)
    (texts / "LGPL-3.0.txt").write_text("GNU LESSER GENERAL PUBLIC LICENSE")
    (texts / "pyside6.txt").write_text("Corral uses Qt")
    (folder / "NOTICES.txt").write_text("Corral")
    components = [
        {
            "name": "pyside6-essentials",
            "version": "6.9.1",
            "licenses": [{"expression": "LGPL-3.0-only"}],
        },
        {"name": "zlib1g", "licenses": [{"license": {"name": "see its text"}}]},
    ]
    (folder / "corral.cdx.json").write_text(json.dumps({"components": components}))
    return folder


@pytest.mark.parametrize(
    ("program", "place"),
    [
        ("lib/corral/corral", "share/doc/corral"),
        ("Corral.app/Contents/MacOS/Corral", "Corral.app/Contents/Resources/notices"),
        ("Corral/python/pythonw.exe", "Corral/notices"),
    ],
)
def test_an_installed_form_lists_its_parts_with_their_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, place: str
) -> None:
    executable = tmp_path / program
    assert notices_folder(executable) is None
    folder = written(tmp_path / place)
    assert notices_folder(executable) == folder
    monkeypatch.setattr(notices, "notices_folder", lambda: folder)
    found = notices.notices()
    assert found.folder == folder
    qt, system = found.parts
    assert (qt.title, qt.licence) == ("pyside6-essentials 6.9.1", "LGPL-3.0-only")
    assert "LESSER" in text_of(qt)
    assert text_of(qt).startswith("Corral uses Qt")
    assert (system.title, system.licence, text_of(system)) == ("zlib1g", "see its text", "")


def test_from_source_the_packages_tell() -> None:
    assert notices_folder() is None
    found = notices.notices()
    parts = {part.name: part for part in found.parts}
    assert "LGPL-3.0" in parts["PySide6_Essentials"].licence
    assert text_of(parts["PySide6_Essentials"]).startswith("Qt and Qt for Python")
    assert parts["msgspec"].licence == "BSD-3-Clause"
    assert "Redistribution" in text_of(parts["msgspec"])
    assert "Inter" in parts
    assert "pytest" not in parts
    folder = qt_folder()
    assert folder is not None
    assert any(folder.rglob("*Qt6Core*")) or any(folder.rglob("QtCore*"))


def test_a_list_that_was_damaged_gives_what_packages_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path)
    (folder / "corral.cdx.json").write_text("{")
    monkeypatch.setattr(notices, "notices_folder", lambda: folder)
    assert any(part.name == "msgspec" for part in notices.notices().parts)


def test_a_text_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="could not be read"):
        text_of(ListedPart("x", "1", "MIT", (tmp_path / "gone",)))
