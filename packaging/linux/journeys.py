"""What journeys through an installed Corral share: notes, and chats as they lie on the disk."""

import shutil
import sqlite3
import tempfile
from pathlib import Path


class Checks:
    """Notes what was looked at."""

    def __init__(self) -> None:
        self.failed = 0

    def check(self, what: str, passed: object, found: str = "") -> None:
        """Print whether something is as it should be, and what was found if not."""
        self.failed += not passed
        mark = "pass" if passed else "FAIL"
        print(f"{mark}  {what}", flush=True)
        if found and not passed:
            print(found.strip(), flush=True)


def kept_answers(data: Path, state: str = "complete") -> list[str]:
    """What models have written, as it lies in the data folder of somebody."""
    with tempfile.TemporaryDirectory() as folder:
        for file in data.glob("conversations.db*"):
            shutil.copy(file, folder)
        base = Path(folder) / "conversations.db"
        if not base.exists():
            return []
        with sqlite3.connect(base) as database:
            rows = database.execute(
                "SELECT content FROM messages WHERE role = 'assistant' AND state = ? "
                "ORDER BY rowid",
                (state,),
            )
            return [row[0] for row in rows]
