"""The engine of a version stays for the one that takes its place."""

import os
from pathlib import Path

import pytest

from app.core.earlier_engine import drop_earlier, keep_engine
from app.core.engine_list import damaged, engine_entries
from app.core.engine_record import EngineRecord
from app.core.installed_engines import InstalledEngine, installed_engines
from tests.engine_folders import write_engine


def of(place: Path) -> InstalledEngine:
    return installed_engines([place])[0]


def keep(own: Path, engine_id: str) -> bool:
    """Keep the engine of a program that has one of this id."""
    program = own.parent.parent / engine_id
    if not program.exists():
        write_engine(program, "9.1", id=engine_id)
    return keep_engine(of(program), own)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "data" / "engines"


def names(own: Path) -> list[str]:
    assert [path.name for path in own.parent.iterdir()] == ["engines"]
    return sorted(path.name for path in own.iterdir())


def test_of_the_engines_before_only_the_last_is_kept_and_the_persons_own_stay(own: Path) -> None:
    write_engine(own, "9.0", id="mine")
    assert keep(own, "one")
    assert keep(own, "two")
    assert names(own) == ["before-one", "before-two", "mine"]  # the new version does not run yet
    drop_earlier(own, "two", beside={"three"}, relied_on=())
    assert names(own) == ["before-two", "mine"]
    assert damaged(engine_entries([own], {})) == ()


def test_where_the_engine_stays_the_same_the_one_before_it_stays_too(own: Path) -> None:
    keep(own, "one")
    keep(own, "two")
    drop_earlier(own, "two", beside={"two"}, relied_on=())
    assert names(own) == ["before-one"]


def test_a_version_that_kept_no_engine_takes_none_away_but_its_own(own: Path) -> None:
    keep(own, "one")
    keep(own, "two")
    drop_earlier(own, "", beside={"one"}, relied_on=())
    assert names(own) == ["before-two"]


def test_the_only_engine_that_loads_a_model_is_kept(own: Path, tmp_path: Path) -> None:
    keep(own, "one")
    keep(own, "two")
    record = EngineRecord(tmp_path / "engines.json")
    record.note_served("model", "one")
    record.note_passed_over("model", "two")
    record.note_served("another", "two")
    drop_earlier(own, "two", beside={"three"}, relied_on=record.relied_on())
    assert names(own) == ["before-one", "before-two"]


def test_an_engine_that_is_kept_already_is_not_copied_again_unless_it_is_damaged(
    own: Path,
) -> None:
    keep(own, "one")
    library = own / "before-one" / "libllama.so"
    before = library.stat().st_ino
    assert keep(own, "one")
    assert library.stat().st_ino == before
    library.unlink()
    assert keep(own, "one")
    assert damaged(engine_entries([own], {})) == ()


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_an_engine_that_cannot_be_copied_leaves_the_one_that_was_kept(
    own: Path, tmp_path: Path
) -> None:
    keep(own, "one")
    (write_engine(tmp_path / "two", "9.2", id="two") / "lost").symlink_to("nowhere")
    two = InstalledEngine("two", "9.2", tmp_path / "two" / "two")
    assert not keep_engine(two, own)
    assert names(own) == ["before-one"]
