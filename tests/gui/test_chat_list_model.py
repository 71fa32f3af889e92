"""Rows of the chat list."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QLocale, Qt

from app.core.conversations import Conversation, SearchHit
from app.gui.chat_list_model import ChatListModel, ChatRole, group_title, short_time
from app.gui.controls.list_view import RowRole

DAY = 86400.0
TODAY = datetime.date(2026, 11, 23)


@pytest.fixture
def british() -> Iterator[None]:
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    yield
    QLocale.setDefault(before)


def conversation(number: int, *, age: float = 0, pinned: bool = False) -> Conversation:
    moment = datetime.datetime.now().timestamp() - age * DAY
    return Conversation(
        number, f"Chat {number}", moment, moment, pinned=pinned, preview=f"Answer {number}"
    )


def titles(model: ChatListModel) -> list[str]:
    return [model.index(row).data() for row in range(model.rowCount())]


def test_pinned_first_then_by_day(qtmodeltester: Any) -> None:
    model = ChatListModel()
    qtmodeltester.check(model)
    model.show([conversation(1, age=3), conversation(2), conversation(3, age=9, pinned=True)])
    assert titles(model) == ["Pinned", "Chat 3", "Today", "Chat 2", "Previous 7 days", "Chat 1"]
    assert model.index(0).data(RowRole.KIND) == "group"
    assert not model.index(0).flags() & Qt.ItemFlag.ItemIsSelectable
    assert model.index(1).flags() & Qt.ItemFlag.ItemIsSelectable


def test_a_note_takes_the_second_line_and_gives_it_back() -> None:
    model = ChatListModel()
    model.show([conversation(1)])
    row = model.index(model.row_of(1) or 0)
    model.note(1, "Reading your message, 63%", "working")
    assert row.data(RowRole.SECOND) == "Reading your message, 63%"
    assert row.data(RowRole.SECOND_TONE) == "accent"
    assert row.data(RowRole.SIDE) == "now"
    model.note(1, "", "")
    assert row.data(RowRole.SECOND) == "Answer 1"


def test_a_search_shows_its_hits_only() -> None:
    model = ChatListModel()
    model.show([conversation(1), conversation(2)])
    model.show_hits([SearchHit(2, 17, "the found words"), SearchHit(99, None, "gone")])
    assert titles(model) == ["Chat 2"]
    assert model.index(0).data(RowRole.SECOND) == "the found words"
    assert model.index(0).data(ChatRole.MESSAGE_ID) == 17
    model.show_hits(None)
    assert len(titles(model)) == 3


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("**Bold** and *slanted* and `code`", "Bold and slanted and code"),
        ("## A title 1. first", "A title 1. first"),
        ("Here: ### Second **half of it", "Here: Second **half of it"),
        ("- one [link](https://example.com/a) ~~gone~~", "one link gone"),
        ("```python print(1) ```", "print(1)"),
        ("| a | b | |---|---| | 1 | 2 |", "| a | b | 1 | 2 |"),
        ("2 * 3 * 4, 2**8, a_b_c and C# stay", "2 * 3 * 4, 2**8, a_b_c and C# stay"),
    ],
)
def test_what_was_found_in_an_answer_is_shown_as_plain_text(markdown: str, plain: str) -> None:
    model = ChatListModel()
    model.show([conversation(1)])
    model.show_hits([SearchHit(1, 17, markdown)])
    assert model.index(0).data(RowRole.SECOND) == plain


@pytest.mark.parametrize("title", ["What is 2*3*4?", "__init__.py fehlt", "(src/**/*.py) **a**"])
def test_a_title_is_shown_as_it_was_typed(title: str) -> None:
    chat = replace(conversation(1), title=title)
    model = ChatListModel()
    model.show([chat])
    row = model.index(model.row_of(1) or 0)
    assert row.data() == title
    assert row.data(Qt.ItemDataRole.EditRole) == title
    model.show_hits([SearchHit(1, None, title)])
    assert model.index(0).data(RowRole.SECOND) == title


def test_the_preview_is_shown_as_it_was_kept() -> None:
    chat = replace(conversation(1), preview="__init__.py is missing")
    model = ChatListModel()
    model.show([chat])
    row = model.index(model.row_of(1) or 0)
    assert row.data(RowRole.SECOND) == "__init__.py is missing"


@pytest.mark.parametrize(
    ("age", "title"),
    [(0, "Today"), (1, "Yesterday"), (7, "Previous 7 days"), (30, "Previous 30 days")],
)
def test_groups(age: int, title: str) -> None:
    assert group_title(TODAY - datetime.timedelta(age), TODAY) == title


def test_older_chats_are_grouped_by_month() -> None:
    assert group_title(datetime.date(2026, 8, 5), TODAY) == "August 2026"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime.datetime(2026, 11, 23, 14, 32), "14:32"),
        (datetime.datetime(2026, 11, 22, 9, 5), "09:05"),
        (datetime.datetime(2026, 11, 19, 9, 5), "Thu"),
        (datetime.datetime(2026, 11, 9, 9, 5), "9 Nov"),
        (datetime.datetime(2025, 11, 9, 9, 5), "9 Nov 2025"),
    ],
)
def test_times(moment: datetime.datetime, text: str, british: None) -> None:
    assert short_time(moment, TODAY) == text


def test_a_title_typed_in_place_is_told_once() -> None:
    model = ChatListModel()
    model.show([conversation(1)])
    told: list[tuple[int, str]] = []
    model.renamed.connect(lambda number, title: told.append((number, title)))
    index = model.index(1)
    assert model.setData(index, "  Bread  ")
    assert not model.setData(index, "   ")
    assert not model.setData(model.index(0), "Group")
    assert told == [(1, "Bread")]
