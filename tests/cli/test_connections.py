"""`corral connections`: what left this computer, in the terminal."""

import json
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from app.cli.main import main
from app.cli.parser_values import moment
from app.core.ledger import Ledger
from app.core.paths import app_paths
from backends.contacts import Contact

DAY = 86_400.0


@pytest.fixture
def filled(corral_home: object) -> float:
    """Two connections of now and an old one; answers the time of now."""
    now = datetime.now().timestamp()
    clock = [now - 10 * DAY]
    with closing(Ledger(app_paths().ledger_file, lambda: clock[0])) as ledger:
        ledger.record(Contact("hub.example", "search", "tiny", 1, 3, 900, 40_000))
        clock[0] = now
        ledger.record(
            Contact("hub.example", "download", "owner/model", 4, 20, 8_000, 5_000_000_000)
        )
        ledger.record(Contact("127.0.0.1:8080", "remote model", "-", 1, 1, 200, 300))
        ledger.record(Contact("gone.example", "test", problem="ConnectError"))
    return now


def test_connections_are_listed_with_their_sum(
    filled: float, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connections"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["LAST", "HOST", "WHY", "REQUESTS", "OUT", "IN", "PROBLEM"]
    (download,) = [row for row in rows if "download of owner/model" in row]
    assert "5.0 GB" in download
    assert any("127.0.0.1:8080 (this computer)  remote model" in row for row in rows)
    assert any("search for “tiny”" in row for row in rows)
    assert any(row.endswith("ConnectError") for row in rows)
    begun = datetime.fromtimestamp(filled - 10 * DAY).strftime("%Y-%m-%d %H:%M")
    expected = f"Since {begun}: 9 kB out, 5.0 GB in, in 23 requests to 1 other computer."
    assert rows[-1] == expected


def test_only_what_is_new_enough_is_listed(
    filled: float, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connections", "--since", "7d", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["purpose"] for row in told["connections"]} == {"download", "remote model", "test"}
    assert told["totals"]["received"] == 5_000_000_000
    here = {row["host"]: row["here"] for row in told["connections"]}
    assert here == {"hub.example": False, "127.0.0.1:8080": True, "gone.example": False}


def test_without_connections_that_is_said(
    corral_home: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connections"]) == 0
    assert capsys.readouterr().out == "No connection to another computer is listed.\n"


def test_where_all_failed_the_sum_denies_no_entry(
    corral_home: object, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Ledger(app_paths().ledger_file)) as ledger:
        ledger.record(Contact("gone.example", "test", problem="ConnectError"))
        ledger.record(Contact("gone.example", "search", "tiny", problem="ConnectError"))
    assert main(["connections"]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "Nothing went to another computer: 2 attempts failed."


def test_when_is_a_date_or_a_span(capsys: pytest.CaptureFixture[str]) -> None:
    assert moment("2026-11-28") == datetime(2026, 11, 28)
    assert moment("2026-11-28 14:30") == datetime(2026, 11, 28, 14, 30)
    assert abs(moment("12h") - (datetime.now() - timedelta(hours=12))) < timedelta(minutes=1)
    with pytest.raises(SystemExit):
        main(["connections", "--since", "yesterday"])
    assert "yesterday is no date" in capsys.readouterr().err
