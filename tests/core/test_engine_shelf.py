"""Which engine runs a model, and which one after a failure."""

import signal
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.core.engine_errors import death
from app.core.engine_record import EngineRecord
from app.core.engine_shelf import EngineShelf
from app.core.installed_engines import InstalledEngine
from backends import errors

OLD = InstalledEngine("old", "0.3.36", Path("/old"), ("x64", "haswell", "zen4"))
NEW = InstalledEngine("new", "0.3.40", Path("/new"), ("x64", "haswell", "zen4"))
CANNOT = errors.NotAModelFile("The file is damaged.")
ILLEGAL = death(-signal.SIGILL, ())


def shelf(*engines: InstalledEngine, record: EngineRecord | None = None) -> EngineShelf:
    def find(_: Iterable[Path]) -> tuple[InstalledEngine, ...]:
        return engines

    return EngineShelf((), record, find)


@pytest.fixture
def record(tmp_path: Path) -> EngineRecord:
    return EngineRecord(tmp_path / "engines.json")


def test_without_an_engine_there_is_no_choice() -> None:
    assert shelf().choose("model") is None


def test_the_newest_runs_at_first(record: EngineRecord) -> None:
    choice = shelf(NEW, OLD, record=record).choose("model")
    assert choice is not None
    assert (choice.engine, choice.code, choice.note) == (NEW, "", "")


def test_a_model_that_used_to_load_goes_back_to_the_engine_it_loaded_with(
    record: EngineRecord, tmp_path: Path
) -> None:
    before = shelf(OLD, record=record)
    choice = before.choose("model")
    assert choice is not None
    before.note_loaded("model", choice)

    updated = shelf(NEW, OLD, record=record)
    choice = updated.choose("model")
    assert choice is not None
    assert choice.engine == NEW
    back = updated.after_failure("model", choice, CANNOT)
    assert back is not None
    assert back.engine == OLD
    assert "llama.cpp 0.3.40 could not load this model, so llama.cpp 0.3.36 runs it" in back.note
    assert back.note.endswith("What went wrong: The file is damaged.")
    updated.note_loaded("model", back)
    assert updated.is_passed_over("model")
    assert updated.models_passed("new") == {"model": "The file is damaged."}
    assert updated.models_passed("old") == {}

    later = shelf(NEW, OLD, record=EngineRecord(tmp_path / "engines.json")).choose("model")
    assert later is not None
    assert later.engine == OLD
    assert "could not load this model" in later.note
    assert "The file is damaged." in later.note
    other = updated.choose("another model")
    assert other is not None
    assert other.engine == NEW


def test_a_still_newer_engine_is_tried_again(record: EngineRecord) -> None:
    record.note_served("model", "old")
    record.note_passed_over("model", "new")
    newest = InstalledEngine("newest", "0.3.41", Path("/newest"))
    choice = shelf(newest, NEW, OLD, record=record).choose("model")
    assert choice is not None
    assert choice.engine == newest


def test_where_all_were_passed_over_the_newest_is_tried(record: EngineRecord) -> None:
    record.note_passed_over("model", "new")
    choice = shelf(NEW, record=record).choose("model")
    assert choice is not None
    assert choice.engine == NEW


@pytest.mark.parametrize(
    "error",
    [
        errors.OutOfMemory("Too big."),
        errors.LoadCancelled("Never mind."),
        errors.ModelFileMissing("It is gone."),
        errors.BadLoadSetting("Not like this."),
        death(-signal.SIGKILL, ()),
    ],
)
def test_what_is_not_the_engines_fault_is_not_tried_with_another(
    record: EngineRecord, error: Exception
) -> None:
    record.note_served("model", "old")
    both = shelf(NEW, OLD, record=record)
    choice = both.choose("model")
    assert choice is not None
    assert both.after_failure("model", choice, error) is None
    assert both.after_failure("model", choice, death(-signal.SIGSEGV, ())) is not None


def test_a_model_that_never_loaded_is_not_tried_with_an_earlier_engine() -> None:
    both = shelf(NEW, OLD)
    choice = both.choose("model")
    assert choice is not None
    assert both.after_failure("model", choice, CANNOT) is None


def test_an_instruction_that_is_not_there_leads_to_the_most_cautious_code(
    record: EngineRecord, tmp_path: Path
) -> None:
    one = shelf(NEW, record=record)
    choice = one.choose("model")
    assert choice is not None
    cautious = one.after_failure("model", choice, ILLEGAL)
    assert cautious is not None
    assert (cautious.engine, cautious.code) == (NEW, "x64")
    assert "most cautious one (x64)" in cautious.note
    assert one.after_failure("model", cautious, ILLEGAL) is None  # nothing more cautious is left

    later = shelf(NEW, record=EngineRecord(tmp_path / "engines.json"))
    for name in ("model", "another model"):
        again = later.choose(name)
        assert again is not None
        assert again.code == "x64"
    newer = shelf(OLD, record=record).choose("model")
    assert newer is not None
    assert newer.code == ""


def test_a_crash_while_answering_is_remembered_for_the_next_load(record: EngineRecord) -> None:
    one = shelf(NEW, record=record)
    choice = one.choose("model")
    assert choice is not None
    one.note_death(choice, death(-signal.SIGSEGV, ()))
    still = one.choose("model")
    assert still is not None
    assert still.code == ""
    one.note_death(choice, ILLEGAL)
    now = one.choose("model")
    assert now is not None
    assert now.code == "x64"


def test_the_persons_code_is_used_where_the_engine_has_it(record: EngineRecord) -> None:
    one = shelf(NEW, record=record)
    record.note_crashed("new")
    named, unknown = one.choose("model", "haswell"), one.choose("model", "armv9")
    assert named is not None
    assert unknown is not None
    assert (named.code, unknown.code) == ("haswell", "x64")


def test_a_damaged_record_costs_nothing_but_what_was_learned(tmp_path: Path) -> None:
    file = tmp_path / "engines.json"
    file.write_text("{", encoding="utf-8")
    record = EngineRecord(file)
    record.note_served("model", "old")
    assert EngineRecord(file).last_served("model") == "old"


def test_a_model_stays_with_the_engine_it_loaded_with_though_others_come_before_that(
    record: EngineRecord,
) -> None:
    between = InstalledEngine("between", "0.3.30", Path("/between"))
    record.note_served("model", "old")
    record.note_passed_over("model", "new")
    choice = shelf(NEW, between, OLD, record=record).choose("model")
    assert choice is not None
    assert choice.engine == OLD
    assert "so llama.cpp 0.3.36 runs it, with which it loaded before" in choice.note


def test_where_the_record_cannot_be_written_it_holds_for_this_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    record = EngineRecord(tmp_path / "file" / "engines.json")
    record.note_crashed("new")
    assert record.crashed("new")


def test_the_engine_that_was_chosen_runs_until_it_is_gone(record: EngineRecord) -> None:
    both = shelf(NEW, OLD, record=record)
    chosen = both.choose("model", wanted="old")
    assert chosen is not None
    assert (chosen.engine, chosen.note) == (OLD, "")
    gone = both.choose("model", wanted="none")
    assert gone is not None
    assert gone.engine == NEW
    assert gone.note == (
        "The engine that was chosen, none, is not installed, so llama.cpp 0.3.40 runs."
    )


def test_the_package_can_be_chosen_though_it_has_no_id(record: EngineRecord) -> None:
    package = InstalledEngine("", "0.3.36")
    choice = shelf(NEW, package, record=record).choose("model", wanted="package")
    assert choice is not None
    assert (choice.engine, choice.note) == (package, "")


def test_a_chosen_engine_that_cannot_load_a_model_gives_way_too(record: EngineRecord) -> None:
    record.note_served("model", "new")
    both = shelf(NEW, OLD, record=record)
    choice = both.choose("model", wanted="old")
    assert choice is not None
    back = both.after_failure("model", choice, CANNOT)
    assert back is not None
    assert back.engine == NEW
    both.note_loaded("model", back)
    again = both.choose("model", wanted="old")
    assert again is not None
    assert again.engine == NEW
    assert "llama.cpp 0.3.36 could not load this model" in again.note


def test_an_engine_that_is_replaced_is_tried_anew(record: EngineRecord, tmp_path: Path) -> None:
    record.note_served("model", "old")
    record.note_passed_over("model", "new")
    record.note_crashed("new")
    both = shelf(NEW, OLD, record=record)
    both.forget("new")
    kept = EngineRecord(tmp_path / "engines.json")
    assert not kept.crashed("new")
    assert kept.last_served("model") == "old"
    choice = shelf(NEW, OLD, record=kept).choose("model")
    assert choice is not None
    assert (choice.engine, choice.code) == (NEW, "")
