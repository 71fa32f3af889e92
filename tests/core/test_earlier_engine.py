"""The engine of a version stays for the one that takes its place."""

import os
from pathlib import Path

import pytest

from app.core.earlier_engine import keep_engine
from app.core.engine_list import damaged, engine_entries
from app.core.installed_engines import InstalledEngine, installed_engines
from tests.engine_folders import write_engine


def of(place: Path) -> InstalledEngine:
    return installed_engines([place])[0]


def test_of_the_engines_before_only_the_last_is_kept_and_the_persons_own_stay(
    tmp_path: Path,
) -> None:
    own = tmp_path / "data" / "engines"
    write_engine(own, "9.0", id="mine")
    for version in ("9.1", "9.2"):
        write_engine(tmp_path / version, version, id=f"of-{version}")
        keep_engine(of(tmp_path / version), own)
    assert [each.id for each in installed_engines([own])][:2] == ["of-9.2", "mine"]
    assert len(list(own.iterdir())) == 2
    assert damaged(engine_entries([own], {})) == ()


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_an_engine_that_cannot_be_copied_leaves_the_one_that_was_kept(tmp_path: Path) -> None:
    own = tmp_path / "data" / "engines"
    write_engine(tmp_path / "one", "9.1", id="one")
    keep_engine(of(tmp_path / "one"), own)
    write_engine(tmp_path / "two", "9.2", id="two")
    two = of(tmp_path / "two")
    assert two.folder is not None
    (two.folder / "lost").symlink_to("nowhere")
    assert keep_engine(two, own) is None
    assert [path.name for path in own.iterdir()] == ["before-one"]
    assert [path.name for path in own.parent.iterdir()] == ["engines"]
