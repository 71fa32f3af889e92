"""Control tokens in messages stay text; harmless text is tokenized as ever."""

import re

from hypothesis import given
from hypothesis import strategies as st

from backends.chat.control_tokens import ControlTokenGuard, dangerous_tokens
from backends.chat.tokenizer import SpecialToken

START, END = SpecialToken(1, "<|start|>"), SpecialToken(2, "<|end|>")
TOOL = SpecialToken(3, "<tool>", user_defined=True)
HTML = SpecialToken(4, "<table>", user_defined=True)
BLANKS = SpecialToken(5, "   ", user_defined=True)
VOCABULARY = (START, END, TOOL, HTML, BLANKS)
TEMPLATE = "<|start|>{{ content }}<|end|> uses <tool>"
IDS = {token.text: token.id for token in VOCABULARY}
_SPECIAL = re.compile("|".join(re.escape(token.text) for token in VOCABULARY))
_USER_DEFINED = re.compile("|".join(re.escape(t.text) for t in VOCABULARY if t.user_defined))

CONTENT = st.lists(
    st.sampled_from(["a", "b", " ", "\n", "<", "|end|>", "<|", *IDS, "\ufdd0", "\ufdd1", "\ufdd3"]),
    max_size=20,
).map("".join)


def unreserved(text: str) -> str:
    """Without the characters that the guard keeps for itself."""
    return re.sub("[\ufdd0-\ufdef]", "", text)


def tokenize(text: str, special: bool) -> list[int]:
    """One id per character from 100 on, special tokens as llama.cpp finds them."""
    ids, at = [], 0
    for found in (_SPECIAL if special else _USER_DEFINED).finditer(text):
        ids += [100 + ord(c) for c in text[at : found.start()]]
        ids.append(IDS[found.group()])
        at = found.end()
    return ids + [100 + ord(c) for c in text[at:]]


def with_space(text: str, special: bool) -> list[int]:
    """The same with the blank that SentencePiece puts before every text."""
    return tokenize(" " + text, special) if text else []


def guard() -> ControlTokenGuard:
    return ControlTokenGuard(dangerous_tokens(VOCABULARY, TEMPLATE))


def test_the_dangerous_tokens_are_those_that_structure_a_chat() -> None:
    assert dangerous_tokens(VOCABULARY, TEMPLATE) == (START, END, TOOL)
    assert dangerous_tokens(VOCABULARY, "", "x<table>y") == (START, END, HTML)


@given(CONTENT)
def test_only_the_template_makes_control_tokens(content: str) -> None:
    prompt = f"<|start|>{guard().mark(content)}<|end|>"
    ids = guard().tokenize(guard().split(prompt), tokenize, sentencepiece=False)
    assert [token for token in ids if token in (1, 2, 3)] == [1, 2]


@given(CONTENT)
def test_no_text_is_lost(content: str) -> None:
    typed = unreserved(content)
    segments = guard().split(f"<|start|>{guard().mark(content)}<|end|>")
    assert "".join(segment.text for segment in segments) == f"<|start|>{typed}<|end|>"


@given(st.text(alphabet="ab <>|\n", max_size=30))
def test_harmless_text_takes_the_ordinary_path(content: str) -> None:
    prompt = f"<|start|>{guard().mark(content)}<|end|>"
    assert prompt == f"<|start|>{content}<|end|>"
    assert guard().tokenize(guard().split(prompt), tokenize, sentencepiece=False) == tokenize(
        prompt, True
    )


@given(CONTENT, st.integers(0, 80))
def test_a_template_that_cuts_a_message_opens_no_way(content: str, at: int) -> None:
    marked = guard().mark(content)
    for half in (marked[:at], marked[at:]):
        ids = guard().tokenize(
            guard().split(f"<|start|>{half}<|end|>"), tokenize, sentencepiece=False
        )
        assert ids.count(START.id) <= 1
        assert ids.count(END.id) <= 1
        assert ids.count(TOOL.id) == 0


@given(CONTENT)
def test_a_template_that_splits_at_a_literal_keeps_its_own_tokens(content: str) -> None:
    for part in guard().mark(content).split("<tool>"):
        ids = guard().tokenize(
            guard().split(f"<|start|>{part}<|end|>"), tokenize, sentencepiece=False
        )
        assert [token for token in ids if token in (1, 2, 3)] == [1, 2]


@given(CONTENT)
def test_sentencepiece_gets_one_leading_blank_only(content: str) -> None:
    marked = guard().mark(content)
    ids = guard().tokenize(guard().split(f"x{marked}"), with_space, sentencepiece=True)
    typed = "x" + unreserved(content)
    blanks = typed.count(" ") + 1
    assert ids.count(100 + ord(" ")) + 3 * ids.count(BLANKS.id) == blanks


def test_a_user_defined_literal_is_cut_until_it_is_text() -> None:
    ids = guard().tokenize(guard().split(guard().mark("<tool>")), tokenize, sentencepiece=False)
    assert ids == [100 + ord(c) for c in "<tool>"]


def test_the_longest_literal_wins() -> None:
    nested = ControlTokenGuard([SpecialToken(1, "<a>"), SpecialToken(2, "<a><b>")])
    assert [s.text for s in nested.split(nested.mark("x<a><b>y<a>")) if s.plain] == [
        "<a><b>",
        "<a>",
    ]


def test_a_vocabulary_without_control_tokens_marks_nothing() -> None:
    assert ControlTokenGuard([]).mark("<|end|>") == "<|end|>"
