import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.core.conversation_store import ConversationStore
from app.core.conversations import SearchHit
from app.core.database import connect
from tests.timing import least_cpu_seconds


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConversationStore]:
    store = ConversationStore(tmp_path_factory.mktemp("search") / "conversations.db")
    chat = store.create(title="Voyage à Genève")
    store.append(chat.id, "user", "Where can I eat a crêpe near the café?", None)
    chat = store.create(title="SQL")
    store.append(chat.id, "user", 'SELECT "a" OR b* NOT NEAR(c) -- foo_bar(x)', None)
    store.append(chat.id, "assistant", "今日は天気がいいですね。散歩しましょう。", None)
    yield store
    store.close()


@pytest.fixture(autouse=True, scope="module")
def _open_before_threads_are_counted(store: ConversationStore) -> None:
    """The store's thread must be there before a test begins."""


def marked(hit: SearchHit) -> list[str]:
    return [hit.snippet[start:end] for start, end in hit.matches]


def test_titles_come_first(store: ConversationStore) -> None:
    chat = store.create(title="crepes of the world")
    hits = store.search("crepe")

    assert [hit.message_id is None for hit in hits] == [True, False]
    assert hits[0].conversation_id == chat.id
    store.delete(chat.id)
    assert len(store.search("crepe")) == 1


@pytest.mark.parametrize(
    "query", ["CREPE", "crêpe", "crep", "cafe crepe", "  near\tthe ", "CAFÉ", "eat cre"]
)
def test_case_accents_order_and_word_ends_do_not_matter(
    store: ConversationStore, query: str
) -> None:
    [hit] = store.search(query)

    assert hit.snippet == "Where can I eat a crêpe near the café?"
    assert hit.matches


def test_matches_are_marked(store: ConversationStore) -> None:
    [hit] = store.search("crep caf")

    assert marked(hit) == ["crêpe", "café"]


def test_accents_of_titles(store: ConversationStore) -> None:
    [hit] = store.search("geneve")

    assert (hit.message_id, hit.snippet, marked(hit)) == (None, "Voyage à Genève", ["Genève"])


@pytest.mark.parametrize("query", ["foo_bar(x)", '"a" OR', "b* NOT", "NEAR(c)", "-- foo"])
def test_operators_are_words(store: ConversationStore, query: str) -> None:
    assert len(store.search(query)) == 1


@pytest.mark.parametrize(
    "query", ["", " ", '"', '""', "*", "-", "()", "\x00", "\ud800", "…", "zzz"]
)
def test_what_holds_no_known_word_finds_nothing(store: ConversationStore, query: str) -> None:
    assert store.search(query) == ()


@pytest.mark.parametrize("query", ["天気", "散歩", "今日は 散歩"])
def test_scripts_without_spaces_are_found_inside(store: ConversationStore, query: str) -> None:
    [hit] = store.search(query)

    assert marked(hit) == query.split()


def test_edits_keep_the_index_true(store: ConversationStore) -> None:
    chat = store.create(title="before")
    message = store.append(chat.id, "assistant", "unfinishedword", None, state="streaming")
    store.update_message(message.id, content="finishedword", state="complete")
    store.update(chat.id, title="afterwards")

    assert store.search("unfinishedword") == ()
    assert [hit.message_id for hit in store.search("finishedword")] == [message.id]
    assert store.search("before") == ()
    assert [hit.conversation_id for hit in store.search("afterw")] == [chat.id]
    store._database.write(
        lambda c: c.execute(
            "INSERT INTO messages_index (messages_index) VALUES ('integrity-check')"
        )
    )


def test_long_lines_are_shown_around_the_match(store: ConversationStore) -> None:
    chat = store.create()
    store.append(chat.id, "user", "A" * 100_000 + "\n\nthe haystackneedle here " + "B" * 9000, None)
    [hit] = store.search("haystackneedle")

    assert marked(hit) == ["haystackneedle"]
    assert len(hit.snippet) < 200


def test_the_limit_counts_titles_and_messages(store: ConversationStore) -> None:
    chats = [store.create(title="limitword") for _ in range(3)]
    for chat in chats:
        store.append(chat.id, "user", "limitword", None)

    assert len(store.search("limitword")) == 6
    assert [hit.message_id is None for hit in store.search("limitword", limit=4)] == [
        True,
        True,
        True,
        False,
    ]
    assert store.search("limitword", limit=0) == ()


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(codec=None)))
@example('a" OR "b')
@example("NEAR(a b, 5)")
@example("title: x")
@example("{title}: ^x + y")
@example("\x02a\x03b")
@example("今" * 1000)
@example("a " * 5000)
def test_any_text_can_be_searched_for(store: ConversationStore, query: str) -> None:
    for hit in store.search(query):
        assert all(0 <= start <= end <= len(hit.snippet) for start, end in hit.matches)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20))
def test_a_stored_word_is_found(store: ConversationStore, word: str) -> None:
    chat = store.create(title=f"x {word} y")

    assert chat.id in {hit.conversation_id for hit in store.search(word, limit=10_000)}


def test_many_messages_are_searched_while_one_types(store: ConversationStore) -> None:
    chat = store.create()

    def fill(connection: sqlite3.Connection) -> None:
        connection.executemany(
            "INSERT INTO messages (conversation_id, role, content, created)"
            " VALUES (?, 'user', ?, 1)",
            ((chat.id, f"manyword number{n} " + "and so on " * 20) for n in range(20_000)),
        )

    store._database.write(fill)
    with closing(connect(store.database_path)) as bare:
        everything = "SELECT content FROM messages"
        reading = least_cpu_seconds(lambda: bare.execute(everything).fetchall())
    for query, found in (("m", 200), ("manyword", 200), ("number19999", 1)):
        assert len(store.search(query)) >= found
        assert least_cpu_seconds(partial(store.search, query)) < 5 * reading
