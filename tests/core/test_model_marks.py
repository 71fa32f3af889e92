"""Bookmarks and models looked at."""

from itertools import count
from pathlib import Path

import pytest

from app.core.errors import StorageError
from app.core.model_marks import MOST_RECENT, ModelMarks


def marks_at(path: Path) -> ModelMarks:
    clock = count(1000.0)
    return ModelMarks(path, now=lambda: next(clock))


def test_a_bookmark_stays_until_it_is_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "data" / "models.json"
    marks = marks_at(path)
    told: list[bool] = []
    marks.changed.connect(lambda: told.append(True))
    marks.bookmark("a/one", "One", on=True)
    marks.bookmark("a/two", "Two", on=True)
    assert [mark.title for mark in ModelMarks(path).bookmarks()] == ["Two", "One"]
    marks.bookmark("a/one", "One", on=False)
    assert not marks.is_bookmarked("a/one")
    assert marks.is_bookmarked("a/two")
    assert len(told) == 3


def test_what_was_looked_at_is_listed_newest_first_and_once(tmp_path: Path) -> None:
    marks = marks_at(tmp_path / "models.json")
    for number in range(MOST_RECENT + 5):
        marks.viewed(f"a/{number}", str(number))
    marks.viewed("a/20", "20")
    recent = [mark.title for mark in marks.recent()]
    assert recent[:2] == ["20", str(MOST_RECENT + 4)]
    assert len(recent) == len(set(recent)) == MOST_RECENT
    marks.bookmark("a/20", "20", on=True)
    marks.forget_recent()
    assert marks.recent() == ()
    assert marks.is_bookmarked("a/20")


def test_two_windows_do_not_undo_each_other(tmp_path: Path) -> None:
    one, other = (ModelMarks(tmp_path / "models.json") for _ in range(2))
    one.bookmark("a/one", "One", on=True)
    other.bookmark("a/two", "Two", on=True)
    assert {mark.title for mark in other.bookmarks()} == {"One", "Two"}


def test_a_damaged_file_costs_the_marks_only(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_bytes(b"{")
    marks = ModelMarks(path)
    assert marks.bookmarks() == ()
    marks.bookmark("a/one", "One", on=True)
    assert ModelMarks(path).is_bookmarked("a/one")


def test_a_place_that_cannot_be_written_is_said_and_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    marks = ModelMarks(tmp_path / "file" / "models.json")
    with pytest.raises(StorageError):
        marks.bookmark("a/one", "One", on=True)
    assert not marks.is_bookmarked("a/one")
    marks.viewed("a/one", "One")  # is not worth a message
    assert marks.recent() == ()
