import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from app.core import conversation_recovery, database
from app.core import conversation_schema as schema
from app.core import conversation_upkeep as upkeep
from app.core.conversation_store import ConversationStore
from app.core.conversations import Message, preview_from, title_from
from app.core.data_backup import backups
from app.core.database import connect
from app.core.errors import ConversationError, StorageError
from backends.types import JsonSchema, ReasoningOptions, Role, SamplingParams, Usage
from tests.sampling_samples import EVERYTHING
from tests.timing import PATIENCE, least_cpu_seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "conversations.db"


@pytest.fixture
def store(path: Path) -> Iterator[ConversationStore]:
    store = ConversationStore(path)
    yield store
    store.close()


def chain(store: ConversationStore, conversation_id: int, *texts: str) -> list[Message]:
    """Messages that follow each other, the person's first."""
    messages: list[Message] = []
    for number, text in enumerate(texts):
        parent = messages[-1].id if messages else None
        role: Role = "assistant" if number % 2 else "user"
        messages.append(store.append(conversation_id, role, text, parent))
    return messages


def shown(store: ConversationStore, conversation_id: int) -> list[str]:
    return [message.content for message in store.path(conversation_id)]


class TestConversations:
    def test_what_is_set_survives_a_restart(self, store: ConversationStore, path: Path) -> None:
        new = store.create(
            preset_id="coder", model_id="m", sampling=SamplingParams(temperature=0.5)
        )
        changed = store.update(
            new.id, title="T", pinned=True, system_prompt="S", draft="half a thou"
        )
        store.close()
        with closing(ConversationStore(path)) as again:
            assert again.get(new.id) == changed
            assert again.problem is None
        assert changed.sampling == SamplingParams(temperature=0.5)
        assert (changed.title, changed.auto_title, changed.pinned) == ("T", False, True)

    def test_every_sampling_value_survives_a_restart(
        self, store: ConversationStore, path: Path
    ) -> None:
        chat = store.create(sampling=EVERYTHING)
        store.close()
        with closing(ConversationStore(path)) as again:
            assert again.get(chat.id).sampling == EVERYTHING

    def test_a_chat_from_before_the_further_samplers_is_read(
        self, store: ConversationStore, path: Path
    ) -> None:
        chat = store.create()
        old = '{"temperature":0.4,"top_p":0.9,"top_k":20,"min_p":0.1,"repeat_penalty":1.2}'
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE conversations SET sampling = ?", (old,))
        assert store.get(chat.id).sampling == SamplingParams(
            temperature=0.4, top_p=0.9, top_k=20, min_p=0.1, repeat_penalty=1.2
        )

    def test_fields_can_be_set_back_to_none(self, store: ConversationStore) -> None:
        new = store.create(system_prompt="S", sampling=SamplingParams(), preset_id="p")
        got = store.update(new.id, system_prompt=None, sampling=None, preset_id=None)

        assert (got.system_prompt, got.sampling, got.preset_id) == (None, None, None)

    def test_newest_first_and_settings_do_not_move_a_chat(self, store: ConversationStore) -> None:
        first, second = store.create(), store.create()
        assert [c.id for c in store.list()] == [second.id, first.id]

        store.update(first.id, title="renamed", draft="x", pinned=True)
        assert [c.id for c in store.list()] == [second.id, first.id]

        store.append(first.id, "user", "hello", None)
        assert [c.id for c in store.list()] == [first.id, second.id]

    def test_trash(self, store: ConversationStore) -> None:
        kept, gone = store.create(), store.create()
        chain(store, gone.id, "a", "b")
        store.delete(gone.id)
        assert [c.id for c in store.list()] == [kept.id]
        assert [c.id for c in store.trash()] == [gone.id]
        assert store.purge_trash() == 0

        store.restore(gone.id)
        assert {c.id for c in store.list()} == {kept.id, gone.id}
        assert shown(store, gone.id) == ["a", "b"]

        store.delete(gone.id)
        assert store.purge_trash(older_than_days=0) == 1
        with pytest.raises(ConversationError):
            store.get(gone.id)
        assert store.search("a") == ()

    def test_old_trash_is_emptied_at_opening(
        self, store: ConversationStore, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, recent = store.create(), store.create()
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now - 31 * 86400)
        store.delete(old.id)
        monkeypatch.setattr(time, "time", lambda: now - 29 * 86400)
        store.delete(recent.id)
        monkeypatch.undo()
        store.close()
        with closing(ConversationStore(path)) as again:
            assert [c.id for c in again.trash()] == [recent.id]

    def test_a_copy_has_everything_and_is_independent(self, store: ConversationStore) -> None:
        source = store.create(title="Title", preset_id="p", system_prompt="S")
        question, answer, more = chain(store, source.id, "q", "a1", "more")
        store.append(source.id, "assistant", "a2", question.id)
        store.delete_message(store.append(source.id, "assistant", "a3", question.id).id)
        store.select_version(answer.id)
        copy = store.duplicate(source.id)

        assert (copy.title, copy.preset_id, copy.system_prompt) == ("Title (copy)", "p", "S")
        assert shown(store, copy.id) == ["q", "a1", "more"]
        assert [m.versions for m in store.path(copy.id)] == [1, 2, 1]
        store.delete_message(store.path(copy.id)[0].id)
        assert shown(store, source.id) == ["q", "a1", "more"]
        assert more.id not in {m.id for m in store.path(copy.id)}

    def test_unknown_ids_are_refused(self, store: ConversationStore) -> None:
        here, there = store.create(), store.create()
        message = store.append(here.id, "user", "x", None)
        for attempt in (
            lambda: store.get(99),
            lambda: store.path(99),
            lambda: store.update(99, title="x"),
            lambda: store.update(99),
            lambda: store.delete(99),
            lambda: store.duplicate(99),
            lambda: store.append(99, "user", "x", None),
            lambda: store.append(here.id, "user", "x", 99),
            lambda: store.append(there.id, "user", "x", message.id),
            lambda: store.message(99),
            lambda: store.update_message(99, content="x"),
            lambda: store.edit_message(99, "x"),
            lambda: store.delete_message(99),
            lambda: store.restore_message(99),
            lambda: store.select_version(99),
            lambda: store.reveal(99),
            lambda: store.siblings(99),
        ):
            with pytest.raises(ConversationError):
                attempt()
        assert shown(store, here.id) == ["x"]
        assert shown(store, there.id) == []

    def test_everybody_is_told(self, store: ConversationStore) -> None:
        told: list[int] = []
        store.changed.connect(told.append)
        chat = store.create()
        message = store.append(chat.id, "user", "x", None)
        store.update(chat.id, title="t")
        edited = store.edit_message(message.id, "y")
        store.select_version(message.id)
        store.delete_message(edited.id)
        store.restore_message(edited.id)
        store.delete(chat.id)

        assert told == [chat.id] * 8

    def test_lone_surrogates_are_replaced(self, store: ConversationStore) -> None:
        chat = store.create(title="a\ud800b")
        message = store.append(chat.id, "user", "c\udfffd", None)
        store.save_soon(message.id, "e\ud801", "")

        assert store.get(chat.id).title == "a?b"
        assert store.message(message.id).content == "c?d"


class TestMessages:
    def test_a_message_keeps_all_it_has(self, store: ConversationStore, path: Path) -> None:
        chat = store.create()
        usage = Usage(3, 1, 2, 0.5, 12.5)
        message = store.append(
            chat.id,
            "assistant",
            "text",
            None,
            reasoning="because",
            model="m",
            finish_reason="length",
            usage=usage,
        )
        store.close()
        with closing(ConversationStore(path)) as again:
            assert again.path(chat.id) == (message,)
        assert (message.reasoning, message.model, message.usage) == ("because", "m", usage)
        assert (message.finish_reason, message.state) == ("length", "complete")

    def test_versions(self, store: ConversationStore) -> None:
        chat = store.create()
        question, first, follow_up, _ = chain(store, chat.id, "q", "a1", "f", "fa")
        second = store.append(chat.id, "assistant", "a2", question.id)
        third = store.append(chat.id, "assistant", "a3", question.id)

        assert shown(store, chat.id) == ["q", "a3"]
        assert [(m.version, m.versions) for m in store.siblings(second.id)] == [
            (1, 3),
            (2, 3),
            (3, 3),
        ]
        path = store.select_version(first.id)
        assert [m.content for m in path] == ["q", "a1", "f", "fa"]
        assert (path[1].version, path[1].versions) == (1, 3)
        assert store.message(third.id).version == 3
        assert store.path(chat.id) == path
        store.select_version(second.id)
        assert shown(store, chat.id) == ["q", "a2"]
        assert store.message(follow_up.id).parent_id == first.id

    def test_editing_makes_a_version_and_keeps_the_old_branch(
        self, store: ConversationStore
    ) -> None:
        chat = store.create()
        question, answer = chain(store, chat.id, "q", "a")
        edited = store.edit_message(question.id, "better q")

        assert shown(store, chat.id) == ["better q"]
        assert (edited.version, edited.versions, edited.role) == (2, 2, "user")
        assert store.get(chat.id).preview == ""
        store.select_version(question.id)
        assert shown(store, chat.id) == ["q", "a"]
        assert store.get(chat.id).preview == "a"
        changed = store.edit_message(answer.id, "a, mended")
        assert (changed.role, shown(store, chat.id)) == ("assistant", ["q", "a, mended"])

    def test_deleting_takes_what_follows_and_can_be_undone(self, store: ConversationStore) -> None:
        chat = store.create()
        question, answer, more, _ = chain(store, chat.id, "q", "a", "more", "end")
        other = store.append(chat.id, "assistant", "b", question.id)
        store.select_version(answer.id)
        store.delete_message(more.id)
        store.delete_message(answer.id)

        assert shown(store, chat.id) == ["q", "b"]
        assert store.message(other.id).versions == 1
        assert store.search("more") == ()
        store.restore_message(answer.id)
        assert shown(store, chat.id) == ["q", "a"], "what was deleted before stays deleted"
        store.restore_message(more.id)
        assert shown(store, chat.id) == ["q", "a", "more", "end"]
        assert store.restore_message(more.id).content == "more"

    def test_undoing_out_of_order_brings_back_what_was_answered(
        self, store: ConversationStore
    ) -> None:
        chat = store.create().id
        question, answer = chain(store, chat, "question", "answer")
        other = store.append(chat, "assistant", "other", question.id)
        store.delete_message(answer.id)
        store.delete_message(question.id)
        store.restore_message(answer.id)
        assert shown(store, chat) == ["question", "answer"]
        assert store.siblings(answer.id) == (store.message(answer.id),)
        assert other.id not in [message.id for message in store.path(store.duplicate(chat).id)]
        store.purge_trash(older_than_days=-1)
        assert shown(store, chat) == ["question", "answer"]

    def test_a_search_hit_on_another_branch_can_be_shown(self, store: ConversationStore) -> None:
        chat = store.create()
        question, _, _, deep = chain(store, chat.id, "q", "a", "f", "needle")
        store.edit_message(question.id, "other")
        assert shown(store, chat.id) == ["other"]

        path = store.reveal(deep.id)
        assert [m.content for m in path] == ["q", "a", "f", "needle"]

    def test_preview_and_time_follow_the_end_of_an_answer(self, store: ConversationStore) -> None:
        chat = store.create()
        question = store.append(chat.id, "user", "q", None)
        answer = store.append(chat.id, "assistant", "", question.id, state="streaming")
        before = store.get(chat.id)
        store.update_message(
            answer.id, content="## Well\n\n**yes** and no", state="complete", finish_reason="stop"
        )
        after = store.get(chat.id)

        assert after.preview == "Well yes and no"
        assert after.updated > before.updated

    def test_growing_text_is_saved_soon_without_telling(
        self, store: ConversationStore, path: Path
    ) -> None:
        chat = store.create()
        answer = store.append(chat.id, "assistant", "", None, state="streaming")
        told: list[int] = []
        store.changed.connect(told.append)
        busy, free = threading.Event(), threading.Event()

        def hold(connection: sqlite3.Connection) -> None:
            busy.set()
            assert free.wait(PATIENCE), "somebody waited for the disk"

        writer = threading.Thread(target=store._database.write, args=(hold,))
        writer.start()
        assert busy.wait(PATIENCE)
        for number in range(1000):
            store.save_soon(answer.id, "x" * number, "r" * number)
        free.set()
        writer.join()

        assert database.SAVE_INTERVAL <= 0.5
        with closing(sqlite3.connect(path)) as other:
            deadline = time.monotonic() + PATIENCE
            while other.execute("SELECT content FROM messages").fetchone()[0] != "x" * 999:
                assert time.monotonic() < deadline
                threading.Event().wait(0.01)
        assert told == []

    def test_the_end_of_an_answer_is_never_overwritten_by_older_text(
        self, store: ConversationStore
    ) -> None:
        chat = store.create()
        answer = store.append(chat.id, "assistant", "", None, state="streaming")
        store.save_soon(answer.id, "half", "")
        store.update_message(answer.id, content="whole", state="complete")
        store.close()
        with closing(ConversationStore(store.database_path)) as again:
            assert again.message(answer.id).content == "whole"

    def test_many_threads_may_write_at_once(self, store: ConversationStore) -> None:
        chat = store.create()

        def write() -> None:
            for _ in range(20):
                store.append(chat.id, "user", "x", None)
                store.path(chat.id)

        threads = [threading.Thread(target=write) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert store.path(chat.id)[0].versions == 100

    def test_five_thousand_messages(self, store: ConversationStore) -> None:
        chat = store.create()

        def fill(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO messages (id, conversation_id, parent_id, role, content, created)"
                " VALUES (?, ?, ?, 'user', ?, 1.0)",
                ((n, chat.id, n - 1 if n > 1 else None, "words " * 50) for n in range(1, 5001)),
            )

        store._database.write(fill)
        path = store.path(chat.id)
        assert [message.id for message in path] == list(range(1, 5001))
        query = "SELECT * FROM messages WHERE conversation_id = ?"
        with closing(connect(store.database_path)) as bare:
            fetching = least_cpu_seconds(
                lambda: [dict(row) for row in bare.execute(query, (chat.id,))]
            )
        assert least_cpu_seconds(lambda: store.path(chat.id)) < 4 * fetching
        store.delete_message(1)
        assert store.path(chat.id) == ()
        store.delete(chat.id)
        assert store.purge_trash(older_than_days=0) == 1


class TestEnds:
    def test_a_close_in_mid_answer_keeps_the_text(self, path: Path) -> None:
        store = ConversationStore(path)
        chat = store.create()
        answer = store.append(chat.id, "assistant", "", None, state="streaming")
        store.save_soon(answer.id, "so far", "thought")
        store.close()
        store.close()
        with closing(ConversationStore(path)) as again:
            [message] = again.path(chat.id)
        assert (message.content, message.reasoning) == ("so far", "thought")
        assert (message.state, message.finish_reason) == ("interrupted", "interrupted")

    def test_a_killed_answer_is_the_preview_of_its_chat(self, path: Path) -> None:
        store = ConversationStore(path)
        chat = store.create()
        store._writer = "rubbish"  # of a process that is gone
        answer = store.append(chat.id, "assistant", "", None, state="streaming")
        store.save_soon(answer.id, "As far as it came", "")
        store._writer = upkeep.this_process()
        store.close()
        with closing(ConversationStore(path)) as again:
            again.recover()
            assert again.get(chat.id).preview == "As far as it came"

    def test_only_answers_of_dead_processes_are_recovered(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mine = upkeep.this_process()
        pid = mine.partition(":")[0]
        writers = {mine: "streaming", f"{pid}:1.00": "interrupted", "rubbish": "interrupted"}
        store = ConversationStore(path)
        chat = store.create()
        rows = {}
        for writer in writers:
            store._writer = writer
            rows[store.append(chat.id, "assistant", "t", None, state="streaming").id] = writer
        assert store.recover() == 2
        for message_id, writer in rows.items():
            assert store.message(message_id).state == writers[writer]
        store.close()

    @pytest.mark.skipif(os.name != "posix", reason="elsewhere the dead are not listed")
    def test_a_killed_process_that_is_still_listed_is_dead(self, path: Path) -> None:
        store = ConversationStore(path)
        chat = store.create()
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as killed:
            listed = psutil.Process(killed.pid)
            store._writer = f"{killed.pid}:{listed.create_time():.2f}"
            answer = store.append(chat.id, "assistant", "t", None, state="streaming")
            assert store.recover() == 0
            killed.kill()
            os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # dead, and still listed
            assert listed.status() == psutil.STATUS_ZOMBIE
            assert store.recover() == 1
        assert store.message(answer.id).state == "interrupted"
        store.close()

    def test_after_close_nothing_works_and_it_says_so(self, path: Path) -> None:
        store = ConversationStore(path)
        store.close()
        with pytest.raises(ConversationError, match="closed"):
            store.create()
        with pytest.raises(ConversationError, match="closed"):
            store.list()
        with pytest.raises(ConversationError, match="closed"):
            store.save_soon(1, "", "")

    def test_a_failed_change_leaves_nothing_half_done(self, store: ConversationStore) -> None:
        chat = store.create()

        def broken(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE conversations SET title = 'half'")
            raise RuntimeError("in the middle")

        with pytest.raises(RuntimeError):
            store._database.write(broken)
        assert store.get(chat.id).title == ""
        assert store.update(chat.id, title="whole").title == "whole"

    def test_a_full_disk_is_told_and_the_old_text_stays(self, store: ConversationStore) -> None:
        chat = store.create()
        store.append(chat.id, "user", "kept", None)
        limit = "PRAGMA max_page_count = 30"
        store._database.write(lambda connection: connection.execute(limit).fetchall())
        with pytest.raises(StorageError, match="full"):
            store.append(chat.id, "user", "x" * 1_000_000, None)
        assert shown(store, chat.id) == ["kept"]


class TestSchema:
    def older(self, path: Path) -> None:
        """A database as the first version of the schema left it."""
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(schema.MIGRATIONS[0] + "; PRAGMA user_version = 1;")
            connection.execute(
                "INSERT INTO conversations (id, title, created, updated) VALUES (7, 'Old', 1, 2)"
            )
            connection.executemany(
                "INSERT INTO messages (id, conversation_id, parent_id, role, content, created)"
                " VALUES (?, 7, ?, ?, ?, 1)",
                [(1, None, "user", "Où est-il ?"), (2, 1, "assistant", "À Paris.")],
            )
            connection.commit()

    def test_an_older_database_is_brought_up_to_date_after_a_backup(self, path: Path) -> None:
        self.older(path)
        before = path.read_bytes()
        with closing(ConversationStore(path)) as store:
            assert store.problem is None
            assert shown(store, 7) == ["Où est-il ?", "À Paris."]
            assert [hit.message_id for hit in store.search("paris")] == [2]
            assert [hit.conversation_id for hit in store.search("old")] == [7]
        (kept,) = backups(path.parent)
        assert (kept.schema, kept.chats) == (1, 1)
        backup = kept.folder / path.name
        with closing(sqlite3.connect(backup)) as connection:
            assert schema.version_of(connection) == 1
            assert connection.execute("SELECT count(*) FROM messages").fetchone() == (2,)
        assert len(backup.read_bytes()) == len(before)

    def test_what_the_second_version_held_stays_and_takes_what_is_new(self, path: Path) -> None:
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("".join(schema.MIGRATIONS[:2]) + "; PRAGMA user_version = 2;")
            connection.execute(
                "INSERT INTO conversations (id, title, created, updated, sampling)"
                """ VALUES (7, 'Old', 1, 2, '{"temperature": 0.5}')"""
            )
            connection.execute(
                "INSERT INTO messages (id, conversation_id, role, content, created)"
                " VALUES (1, 7, 'user', 'Hello', 1)"
            )
            connection.commit()
        reasoning, schema_wanted = ReasoningOptions("off"), JsonSchema('{"type": "object"}')
        with closing(ConversationStore(path)) as store:
            assert store.problem is None
            old = store.get(7)
            assert (old.reasoning, old.constraint, old.keep_on_disk) == (None, None, False)
            assert old.sampling == SamplingParams(temperature=0.5)
            (message,) = store.path(7)
            assert (message.first_kept, message.notes) == (None, ())
            store.update(7, reasoning=reasoning, constraint=schema_wanted, keep_on_disk=True)
            store.update_message(1, first_kept=1, notes=("Mind « this »",))
        with closing(ConversationStore(path)) as store:
            new = store.get(7)
            assert (new.reasoning, new.constraint, new.keep_on_disk) == (
                reasoning, schema_wanted, True,
            )  # fmt: skip
            (message,) = store.path(7)
            assert (message.first_kept, message.notes) == (1, ("Mind « this »",))
            store.update(7, reasoning=None, constraint=None, keep_on_disk=False)
            new = store.get(7)
            assert (new.reasoning, new.constraint, new.keep_on_disk) == (None, None, False)
        assert [each.schema for each in backups(path.parent)] == [2]

    def test_a_copy_knows_its_own_message_where_the_memory_begins(
        self, store: ConversationStore
    ) -> None:
        chat = store.create(keep_on_disk=True)
        first = store.append(chat.id, "user", "one", None)
        answer = store.append(chat.id, "assistant", "two", first.id)
        store.update_message(answer.id, first_kept=first.id, notes=("x",))
        copy = store.path(store.duplicate(chat.id).id)
        assert (copy[1].first_kept, copy[1].notes) == (copy[0].id, ("x",))

    def test_a_new_database_needs_no_backup(self, store: ConversationStore, path: Path) -> None:
        assert not list(path.parent.glob("*backup*"))

    def test_two_programs_that_start_at_once_migrate_once(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path.parent.mkdir(parents=True)
        together = threading.Barrier(2)
        seen = threading.local()
        version_of = schema.version_of

        def looked_at_together(connection: sqlite3.Connection) -> int:
            version = version_of(connection)
            if not hasattr(seen, "version"):
                seen.version = version
                together.wait(PATIENCE)
            return version

        monkeypatch.setattr(schema, "version_of", looked_at_together)
        failures: list[Exception] = []

        def start() -> None:
            try:
                schema.open_and_migrate(path).close()
            except Exception as error:  # noqa: BLE001  # shown below
                failures.append(error)

        threads = [threading.Thread(target=start) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with closing(sqlite3.connect(path)) as connection:
            assert version_of(connection) == schema.VERSION

    def test_a_migration_that_fails_changes_nothing(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.older(path)
        broken = (schema.MIGRATIONS[0], "CREATE TABLE half (x); SELECT * FROM missing;")
        monkeypatch.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(StorageError):
            ConversationStore(path)
        monkeypatch.undo()
        with closing(sqlite3.connect(path)) as connection:
            assert schema.version_of(connection) == 1
            assert not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'half'"
            ).fetchall()
        with closing(ConversationStore(path)) as store:
            assert shown(store, 7) == ["Où est-il ?", "À Paris."]

    def test_a_database_of_a_newer_corral_is_left_alone(self, path: Path) -> None:
        with closing(ConversationStore(path)) as store:
            store.create(title="from the future")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 99")
        before = path.read_bytes()
        with closing(ConversationStore(path)) as store:
            assert isinstance(store.problem, ConversationError)
            assert "newer" in store.problem.title
            assert store.list() == ()
            kept = store.create(title="meanwhile")
        with closing(ConversationStore(path)) as store:
            assert [c.id for c in store.list()] == [kept.id]
        assert path.read_bytes() == before


class TestDamage:
    def full(self, path: Path, messages: int = 300) -> None:
        with closing(ConversationStore(path)) as store:
            for number in range(5):
                chat = store.create(title=f"Chat {number}")
                chain(store, chat.id, *(f"text {n} " * 40 for n in range(messages // 5)))

    @pytest.mark.parametrize("data", [b"not a database at all", b"\x00" * 5000, b"SQLite format 3"])
    def test_a_file_that_is_no_database_is_set_aside(self, path: Path, data: bytes) -> None:
        path.parent.mkdir()
        path.write_bytes(data)
        with closing(ConversationStore(path)) as store:
            assert isinstance(store.problem, ConversationError)
            assert store.list() == ()
            store.create(title="anew")
        [aside] = path.parent.glob("*.broken-*")
        assert aside.read_bytes() == data
        assert aside.name in store.problem.message
        with closing(ConversationStore(path)) as store:
            assert store.problem is None
            assert len(store.list()) == 1

    def test_what_can_be_read_of_a_damaged_database_is_saved(self, path: Path) -> None:
        self.full(path)
        data = bytearray(path.read_bytes())
        page = 4096
        for number in range(20, 24):
            data[number * page : (number + 1) * page] = b"\xa5" * page
        path.write_bytes(data)
        with closing(ConversationStore(path)) as store:
            assert store.problem is not None
            assert len(store.list()) == 5
            total = sum(len(store.path(c.id)) for c in store.list())
            assert 200 < total < 300
            hits = store.search("text 1", limit=10_000)
            assert hits
            assert f"5 chats with {total} messages" in store.problem.message
            for conversation in store.list():
                store.append(conversation.id, "user", "goes on", None)

    def test_a_database_cut_short_is_noticed(self, path: Path) -> None:
        self.full(path)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with closing(ConversationStore(path)) as store:
            assert store.problem is not None
            assert list(path.parent.glob("*.broken-*"))
            store.create()

    @pytest.mark.parametrize(
        "damage",
        [
            "DROP TABLE messages_index",
            "DROP TABLE messages_index_data",
            "UPDATE messages_index_data SET block = randomblob(length(block)) WHERE id > 10",
        ],
    )
    def test_a_broken_search_index_costs_no_message(self, path: Path, damage: str) -> None:
        self.full(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(damage)
            connection.commit()
        with closing(ConversationStore(path)) as store:
            assert store.problem is not None
            assert "5 chats with 300 messages" in store.problem.message
            assert len(store.search("text 7", limit=10_000)) == 5
            store.append(store.create().id, "user", "goes on", None)

    def test_a_large_database_is_checked_after_signs_of_damage(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.full(path)
        monkeypatch.setattr(conversation_recovery, "CHECK_INDEXES_BELOW", 0)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM messages_index_data WHERE id = 10")
            connection.commit()
        with closing(ConversationStore(path)) as store:
            chat = store.list()[0]
            assert "Restart" in str(store.problem and store.problem.hint)
            with pytest.raises(ConversationError, match="damaged"):
                store.append(chat.id, "user", "x", None)
        with closing(ConversationStore(path)) as store:
            assert store.problem is not None
            store.append(store.list()[0].id, "user", "x", None)
        with closing(ConversationStore(path)) as store:
            assert store.problem is None

    def test_messages_that_lost_their_place_get_one(self, path: Path) -> None:
        with closing(ConversationStore(path)) as store:
            chain(store, store.create(title="lost").id, "a", "b", "c")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM conversations")
            connection.execute("DELETE FROM messages WHERE content = 'b'")
            connection.execute("DROP TABLE titles_index")
            connection.commit()
        with closing(ConversationStore(path)) as store:
            [chat] = store.list()
            assert chat.title == "Recovered chat"
            assert shown(store, chat.id) == ["a", "c"]

    def test_a_folder_in_the_way_is_a_storage_error(self, path: Path) -> None:
        path.mkdir(parents=True)
        with pytest.raises(StorageError):
            ConversationStore(path)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("What is the capital of France? I forgot.", "What is the capital of France?"),
        ("  \n\n# Plan for 3.5 days\nmore", "# Plan for 3.5 days"),
        ("word " * 30, "word word word word word word word word word…"),
        ("x" * 100, "x" * 47 + "…"),
        ("今日は。元気ですか。", "今日は。"),
        ("`ls -la` does what", "`ls -la` does what"),
        ("What is 2*3*4?", "What is 2*3*4?"),
        ("__init__.py fehlt", "__init__.py fehlt"),
        ("src/**/*.py", "src/**/*.py"),
        ("\n \t", ""),
        ("...", "..."),
    ],
)
def test_titles(text: str, title: str) -> None:
    assert title_from(text) == title
    assert len(title_from(text)) <= 48


def test_previews() -> None:
    assert preview_from("1. **One**\n2. Two\n\n> quoted") == "One Two quoted"
    assert preview_from("a" * 1000) == "a" * 119 + "…"
    assert preview_from("") == ""


@pytest.mark.parametrize(
    ("answer", "preview"),
    [
        ("**Bold** and *slanted*, `code`", "Bold and slanted, code"),
        ("这是**粗体**文字", "这是粗体文字"),
        ("***all*** (**use `x` now**)", "all (use x now)"),
        ("2*3*4 is 24, 2**8 and 3**2", "2*3*4 is 24, 2**8 and 3**2"),
        ("src/**/*.py and **half", "src/**/*.py and **half"),
        ("`__init__.py` is missing: `a*b*c`", "__init__.py is missing: a*b*c"),
        ("```python\n# first\ndef __init__(self):", "# first def __init__(self):"),
        ("my_file_name, __strong__", "my_file_name, strong"),
    ],
)
def test_previews_lose_marks_only_in_pairs_around_words(answer: str, preview: str) -> None:
    assert preview_from(answer) == preview
