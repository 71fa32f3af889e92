"""Numbers as people read them, in two locales."""

from datetime import datetime

import pytest
from PySide6.QtCore import QLocale

from app.gui import formatting

pytestmark = pytest.mark.usefixtures("english")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "–"),
        (0, "0 bytes"),
        (98_123_456, "98 MB"),
        (999_400_000, "999 MB"),
        (1_000_000_000, "1.0 GB"),
        (4_920_739_232, "4.9 GB"),
        (42_520_398_816, "42.5 GB"),
        (212_400_000_000, "212 GB"),
    ],
)
def test_file_size(size: int | None, text: str) -> None:
    assert formatting.file_size(size) == text


def test_file_size_that_is_not_exact() -> None:
    assert formatting.file_size(4_920_000_000, about=True) == "about 4.9 GB"
    assert formatting.file_size(None, about=True) == "–"


def test_the_unit_is_named_once_where_it_is_the_same() -> None:
    assert formatting.size_of_size(2_400_000_000, 5_700_000_000) == "2.4 of 5.7 GB"
    assert formatting.size_of_size(240_000_000, 5_700_000_000) == "240 MB of 5.7 GB"


def test_memory_is_written_by_one_rule() -> None:
    whole, free = 25_769_803_776, 24_912_345_678
    assert formatting.memory_size(whole) == "25.8 GB"
    assert formatting.memory_size(free) == "24.9 GB"
    assert formatting.memory_size(128_400_000_000) == "128.4 GB"
    assert formatting.memory_of(6_612_000_000, whole) == "6.6 of 25.8 GB"
    assert formatting.memory_of(183_000_000, whole) == "183 MB of 25.8 GB"


def test_speed() -> None:
    assert formatting.speed(38_400_000) == "38.4 MB/s"
    assert formatting.speed(12_300) == "12 kB/s"


@pytest.mark.parametrize(
    ("value", "text"), [(4180, "4,180"), (52_300, "52 K"), (999_600, "1.0 M"), (5_234_567, "5.2 M")]
)
def test_compact_number(value: int, text: str) -> None:
    assert formatting.compact_number(value) == text


@pytest.mark.parametrize(
    ("count", "long", "short"),
    [
        (8_030_261_248, "8.0 B", "8B"),
        (3_212_749_888, "3.2 B", "3B"),
        (1_720_000_000, "1.7 B", "1.7B"),
        (600_000_000, "600 M", "600M"),
        (134_515_008, "135 M", "135M"),
        (70_553_706_496, "70.6 B", "71B"),
    ],
)
def test_parameters(count: int, long: str, short: str) -> None:
    assert formatting.parameters(count) == long
    assert formatting.short_parameters(count) == short


@pytest.mark.parametrize(
    ("count", "text"),
    [(512, "512"), (8192, "8K"), (40_960, "40K"), (131_072, "128K"), (1_048_576, "1M")],
)
def test_short_tokens(count: int, text: str) -> None:
    assert formatting.short_tokens(count) == text


def test_percent_says_all_only_when_it_is_all() -> None:
    assert formatting.percent(0.4299) == "42%"
    assert formatting.percent(0.9999) == "99%"
    assert formatting.percent(1) == "100%"


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [
        (12.4, "12 s", "12 s"),
        (86, "1 min 26 s", "1 min"),
        (7500, "2 h 5 min", "2 h"),
        (273_600, "3 d 4 h", "3 d"),
    ],
)
def test_duration(seconds: float, long: str, short: str) -> None:
    assert formatting.duration(seconds) == long
    assert formatting.short_duration(seconds) == short


def test_month_year() -> None:
    assert formatting.month_year("2024-09-18T10:00:00.000Z") == "Sept 2024"
    assert formatting.month_year("") == ""
    assert formatting.month_year("yesterday") == ""


def test_short_date() -> None:
    now = datetime(2026, 11, 23, 14, 0)
    assert formatting.short_date(datetime(2026, 11, 23, 9, 5).timestamp(), now) == "09:05"
    assert formatting.short_date(datetime(2026, 11, 19, 9, 5).timestamp(), now) == "Thu"
    assert formatting.short_date(datetime(2026, 11, 7, 9, 5).timestamp(), now) == "7 Nov"
    assert formatting.short_date(datetime(2025, 9, 12).timestamp(), now).startswith("12 Sep")


def test_the_locale_decides() -> None:
    QLocale.setDefault(QLocale(QLocale.Language.French, QLocale.Country.France))
    assert formatting.file_size(4_920_739_232) == "4,9 Go"
    assert formatting.parameters(8_030_261_248) == "8,0 B"
    assert formatting.size_of_size(2_400_000_000, 5_700_000_000) == "2,4 of 5,7 Go"


def test_the_c_locale_is_read_as_english() -> None:
    QLocale.setDefault(QLocale.c())
    assert formatting.number(40_960) == "40,960"
