"""Numbers and tables in the terminal."""

import io

import pytest

from app.cli.rendering import ProgressLine, human_size, human_time, print_error, statistics, table
from app.core.errors import NotFoundError
from backends.types import Finish, Usage


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (98_362_432, "98 MB"),
        (4_920_739_232, "4.9 GB"),
        (999_600, "1 MB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert human_size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(42, "42 s"), (180, "3 min"), (7500, "2 h 05 min")])
def test_times(seconds: float, text: str) -> None:
    assert human_time(seconds) == text


def test_table_aligns_both_ways() -> None:
    assert table(("A", "B"), [("x", "1"), ("yy", "22")], right=(1,)) == "A    B\nx    1\nyy  22"


def test_statistics_leave_out_what_is_unknown() -> None:
    finish = Finish("length", Usage(prompt_tokens=30, cached_tokens=10, completion_tokens=1))
    assert statistics(finish) == "1 token · prompt 30 (10 reused) · length"


def test_progress_is_a_line_now_and_then_without_a_terminal() -> None:
    stream, now = io.StringIO(), [0.0]
    line = ProgressLine(stream, clock=lambda: now[0])
    silent = ProgressLine(stream, quiet=True, clock=lambda: now[0])
    for seconds, text in ((1, "1 %"), (31, "50 %"), (32, "51 %"), (61, "90 %"), (95, "90 %")):
        now[0] = seconds
        line.show(text)
        silent.show(text)
    line.clear()
    assert stream.getvalue() == "50 %\n90 %\n"


def test_progress_writes_a_line_only_when_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    line = ProgressLine(stream)
    for text in ("Reading 0%", "Reading 0%", "Reading 9%"):
        line.show(text)
    assert stream.getvalue() == "\rReading 0%\rReading 9%"
    line.clear()
    line.show("Reading 9%")
    assert stream.getvalue().endswith("\r          \r\rReading 9%")


def test_errors_say_what_why_and_what_to_do() -> None:
    stream = io.StringIO()
    print_error(NotFoundError("No such model", "Why.", "Do this."), stream)
    assert stream.getvalue() == "corral: No such model.\n  Why.\n  Do this.\n"
