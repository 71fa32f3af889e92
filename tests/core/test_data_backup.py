"""Copies of the data: made before a migration, whole or not at all, a few kept, put back."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.core import conversation_schema as schema
from app.core import settings as settings_module
from app.core.conversation_store import ConversationStore
from app.core.data_backup import KEPT, Backup, back_up, backups, restore, usable_by
from app.core.errors import SettingsError, StorageError
from app.core.settings import SettingsStore


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "presets").mkdir(parents=True)
    (folder / "presets" / "mine.json").write_text("{}", encoding="utf-8")
    (folder / "settings.json").write_text('{"version": 1}', encoding="utf-8")
    return folder


def say(data: Path, title: str) -> None:
    with closing(ConversationStore(data / "conversations.db")) as store:
        store.create(title=title)


def titles(data: Path) -> list[str]:
    with closing(ConversationStore(data / "conversations.db")) as store:
        assert store.problem is None
        return sorted(each.title for each in store.list())


def made(data: Path) -> Backup:
    backup = back_up(data)
    assert backup is not None
    return backup


def older(path: Path, version: int = 2) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("".join(schema.MIGRATIONS[:version]))
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(
            "INSERT INTO conversations (title, created, updated) VALUES ('Old', 1, 2)"
        )
        connection.commit()


def test_a_copy_holds_chats_presets_and_settings_and_says_what_is_in_it(data: Path) -> None:
    say(data, "One")
    backup = made(data)
    assert (backup.schema, backup.chats) == (schema.VERSION, 1)
    assert backup.size > 0
    assert (backup.folder / "presets" / "mine.json").is_file()
    assert (backup.folder / "settings.json").is_file()
    assert backups(data) == (backup,)


def test_without_data_there_is_nothing_to_copy(tmp_path: Path) -> None:
    assert back_up(tmp_path) is None
    assert backups(tmp_path) == ()


def test_chats_that_another_program_writes_meanwhile_are_copied_as_they_are(data: Path) -> None:
    with closing(ConversationStore(data / "conversations.db")) as store:
        store.create(title="Still in the journal")
        backup = made(data)
    with closing(sqlite3.connect(backup.folder / "conversations.db")) as connection:
        assert connection.execute("SELECT title FROM conversations").fetchall() == [
            ("Still in the journal",)
        ]


def test_what_has_not_changed_is_not_copied_again(data: Path) -> None:
    say(data, "One")
    first = made(data)
    assert back_up(data) == first
    say(data, "Two")
    assert made(data).chats == 2


def test_only_the_newest_copies_are_kept(data: Path) -> None:
    names = []
    for number in range(KEPT + 2):
        say(data, str(number))
        names.append(made(data).folder.name)
    assert [each.folder.name for each in backups(data)] == names[: -KEPT - 1 : -1]


def from_the_future(backup: Backup) -> None:
    """Make a copy say that it is of tomorrow, as if the clock had been set back since."""
    path = backup.folder / "backup.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**about, "made": about["made"] + 86_400}), encoding="utf-8")


def test_chats_are_copied_before_they_are_replaced_though_the_clock_was_set_back(
    data: Path,
) -> None:
    copies = []
    for number in range(KEPT):
        say(data, str(number))
        copies.append(made(data))
        from_the_future(copies[-1])
    say(data, "of today")
    restore(data, copies[0])
    assert titles(data) == ["0"]
    undo = max(backups(data), key=lambda each: each.chats)
    restore(data, undo)
    assert "of today" in titles(data)


def test_a_preset_that_is_put_there_with_an_old_date_is_copied(data: Path) -> None:
    say(data, "One")
    first = made(data)
    preset = data / "presets" / "from elsewhere.json"
    preset.write_text("{}", encoding="utf-8")
    os.utime(preset, (1, 1))
    assert (made(data).folder / "presets" / preset.name).is_file()
    assert len(backups(data)) == 2
    assert first in backups(data)


def test_a_copy_that_fails_leaves_nothing_half_done(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(data, "One")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full)
    with pytest.raises(StorageError, match="No space left"):
        back_up(data)
    assert backups(data) == ()
    assert list((data / "backups").iterdir()) == []


def test_what_is_no_whole_copy_is_none(data: Path) -> None:
    say(data, "One")
    backup = made(data)
    (data / "backups" / "2026-01-01T00-00-00").mkdir()
    (data / "backups" / ".unfinished-x").mkdir()
    (data / "backups" / "a file").touch()
    assert backups(data) == (backup,)


def test_data_is_put_back_and_that_can_be_undone(data: Path) -> None:
    say(data, "One")
    first = made(data)
    say(data, "Two")
    (data / "presets" / "later.json").write_text("{}", encoding="utf-8")
    (data / "settings.json").write_text('{"version": 1, "chat": {}}', encoding="utf-8")
    restore(data, first)
    assert titles(data) == ["One"]
    assert [path.name for path in (data / "presets").iterdir()] == ["mine.json"]
    assert json.loads((data / "settings.json").read_text(encoding="utf-8")) == {"version": 1}
    undo = backups(data)[0]
    assert undo.chats == 2
    restore(data, undo)
    assert titles(data) == ["One", "Two"]
    assert (data / "presets" / "later.json").is_file()


def test_the_copy_that_is_put_back_is_not_dropped_for_being_old(data: Path) -> None:
    copies = []
    for number in range(KEPT):
        say(data, str(number))
        copies.append(made(data))
    say(data, "last")
    restore(data, copies[0])
    assert titles(data) == ["0"]
    assert copies[0].folder.is_dir()


def test_chats_that_a_copy_has_replaced_are_there_however_often_the_format_changes_after_it(
    data: Path,
) -> None:
    older(data / "conversations.db")
    say(data, "written with the new version")
    for _ in range(KEPT + 1):  # each time the way back was chosen, and the new version came again
        old = usable_by(data, 2)
        assert old is not None
        restore(data, old)
        assert titles(data) == ["Old"]
    replaced = [each for each in backups(data) if each.replaced]
    restore(data, replaced[-1])
    assert titles(data) == ["Old", "written with the new version"]
    others = [each for each in backups(data) if not each.replaced]
    assert len(others) == KEPT


def test_a_copy_that_is_gone_replaces_nothing(data: Path) -> None:
    say(data, "One")
    first = made(data)
    say(data, "Two")
    (first.folder / "conversations.db").unlink()
    with pytest.raises(StorageError, match="is not whole"):
        restore(data, first)
    assert titles(data) == ["One", "Two"]


def test_a_copy_that_was_there_already_stays_when_it_holds_what_was_replaced(data: Path) -> None:
    say(data, "One")
    first = made(data)
    say(data, "Two")
    both = made(data)
    undo = restore(data, first)
    assert undo is not None
    assert (undo.folder, undo.replaced) == (both.folder, True)
    for number in range(KEPT + 1):
        say(data, str(number))
        made(data)
    assert undo in backups(data)


def test_a_migration_that_fails_leaves_the_chats_and_a_copy(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data / "conversations.db"
    older(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[:2], "NO SQL"))
    with pytest.raises(Exception, match="could not be used"):
        ConversationStore(path)
    (backup,) = backups(data)
    assert (backup.schema, backup.chats) == (2, 1)
    with closing(sqlite3.connect(path)) as connection:
        assert schema.version_of(connection) == 2


def test_without_a_copy_there_is_no_migration(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = data / "conversations.db"
    older(path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full)
    with pytest.raises(StorageError):
        ConversationStore(path)
    with closing(sqlite3.connect(path)) as connection:
        assert schema.version_of(connection) == 2


def test_the_copy_of_before_is_what_an_older_program_can_read(data: Path) -> None:
    path = data / "conversations.db"
    older(path)
    assert titles(data) == ["Old"]
    say(data, "New")
    old = usable_by(data, 2)
    assert old is not None
    assert old.schema == 2
    assert usable_by(data, 1) is None
    restore(data, old)
    with closing(sqlite3.connect(path)) as connection:
        assert schema.version_of(connection) == 2
        assert connection.execute("SELECT title FROM conversations").fetchall() == [("Old",)]


def test_older_settings_are_copied_before_they_become_newer(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(raw: dict[str, object]) -> dict[str, object]:
        return {**raw, "chat": {"user_name": "Ada"}}

    monkeypatch.setattr(settings_module, "VERSION", 2)
    monkeypatch.setattr(settings_module, "MIGRATIONS", {1: step})
    store = SettingsStore(data / "settings.json")
    assert store.problem is None
    assert store.current.chat.user_name == "Ada"
    (backup,) = backups(data)
    assert (backup.folder / "settings.json").read_text(encoding="utf-8") == '{"version": 1}'
    assert backup.database == ""


def test_settings_of_a_newer_program_are_kept_and_named(data: Path) -> None:
    path = data / "settings.json"
    newer = {"version": 9, "chat": {"user_name": 7}, "server": {"port": 4711}}
    path.write_text(json.dumps(newer), encoding="utf-8")
    store = SettingsStore(path)
    assert store.current.server.port == 4711
    assert isinstance(store.problem, SettingsError)
    assert "of a newer Corral" in store.problem.message
    (aside,) = data.glob("settings.json.broken-*")
    assert json.loads(aside.read_text(encoding="utf-8")) == newer
