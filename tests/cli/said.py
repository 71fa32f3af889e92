"""What tests of the terminal's words share."""

import pytest

from app.cli.main import main


class Said:
    """Runs a command and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, *words: str, code: int = 0) -> str:
        self._capsys.readouterr()
        assert main(words) == code
        out, self.err = self._capsys.readouterr()
        return out
