from pathlib import Path

import pytest
from msgspec.structs import replace

from app.core.errors import StorageError
from app.core.preset_drafts import PresetDrafts
from app.core.presets import Preset

MINE = Preset("mine-1", "Mine", system_prompt="Be brief.")
CODER = Preset("coder", "Coder", system_prompt="Half a sent", built_in=True)


def kept(folder: Path) -> dict[str, Preset]:
    return PresetDrafts(folder).read()[0]


def test_what_was_edited_is_there_again(tmp_path: Path) -> None:
    drafts = PresetDrafts(tmp_path / "drafts")
    assert drafts.read() == ({}, ())
    drafts.keep(lambda: {"mine-1": MINE, "coder": CODER})
    assert kept(tmp_path / "drafts") == {"mine-1": MINE, "coder": CODER}
    longer = replace(MINE, system_prompt="Be very brief.")
    drafts.keep(lambda: {"mine-1": longer})
    assert kept(tmp_path / "drafts") == {"mine-1": longer}


def test_what_was_kept_before_this_start_can_be_forgotten(tmp_path: Path) -> None:
    PresetDrafts(tmp_path).keep(lambda: {"mine-1": MINE})
    drafts = PresetDrafts(tmp_path)
    drafts.read()
    drafts.keep(dict)
    assert kept(tmp_path) == {}


def test_a_broken_one_is_set_aside_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    PresetDrafts(tmp_path).keep(lambda: {"mine-1": MINE, "coder": CODER})
    (tmp_path / "coder.json").write_text("{")
    with caplog.at_level("CRITICAL"):
        drafts, problems = PresetDrafts(tmp_path).read()
    assert drafts == {"mine-1": MINE}
    assert len(problems) == 1
    assert list(tmp_path.glob("coder.json.broken-*"))


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "drafts").write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        PresetDrafts(tmp_path / "drafts").keep(lambda: {"mine-1": MINE})
