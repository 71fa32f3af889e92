"""Prefix reuse by text where the ids differ."""

from hypothesis import given
from hypothesis import strategies as st

from backends.chat.prefix import common_prefix, keep_cached_ids

# Ids 1-8 spell pieces of "ab"; 0 is a control token and spells nothing.
PIECES = {0: b"", 1: b"a", 2: b"b", 3: b"ab", 4: b"ba", 5: b"aa", 6: b"bb", 7: b"aba", 8: b"bab"}
IDS = st.lists(st.sampled_from(sorted(PIECES)), max_size=30)


def spell(ids: list[int]) -> list[bytes]:
    """The text between control tokens."""
    return b"".join(b"|" if token == 0 else PIECES[token] for token in ids).split(b"|")


@given(IDS, IDS)
def test_the_text_of_the_prompt_never_changes(cached: list[int], prompt: list[int]) -> None:
    kept = keep_cached_ids(cached, prompt, PIECES.__getitem__)
    assert spell(kept) == spell(prompt)
    assert common_prefix(kept, cached) >= common_prefix(prompt, cached)


@given(IDS, IDS)
def test_a_retokenized_answer_is_found_whole(before: list[int], after: list[int]) -> None:
    cached = [*before, 3, 1, 0]  # "ab" "a", spelled "a" "ba" by the tokenizer
    prompt = [*before, 1, 4, 0, *after]
    kept = keep_cached_ids(cached, prompt, PIECES.__getitem__)
    assert kept == cached + after


def test_other_text_is_not_taken() -> None:
    assert keep_cached_ids([1, 3, 0], [1, 5, 0], PIECES.__getitem__) == [1, 5, 0]
    assert keep_cached_ids([1, 2], [1], PIECES.__getitem__) == [1]
    assert keep_cached_ids([], [1], PIECES.__getitem__) == [1]


def test_common_prefix() -> None:
    assert common_prefix([1, 2, 3], [1, 2, 4]) == 2
    assert common_prefix([1, 2], [1, 2, 3]) == 2
    assert common_prefix([], [1]) == 0
