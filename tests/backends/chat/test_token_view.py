"""A text as tokens: control tokens apart, no byte lost, and the beginning that the model wants."""

from backends.chat.token_view import TextToken, tokens_of
from backends.chat.tokenizer import SpecialToken


class Bytes:
    """A vocabulary of single bytes, two control tokens and one that a maker added."""

    size = 259
    eos = 257
    sentencepiece = False
    special_tokens = (
        SpecialToken(256, "<s>"),
        SpecialToken(257, "</s>"),
        SpecialToken(258, "<b>", user_defined=True),
    )

    def __init__(self, *, adds_bos: bool) -> None:
        self.bos = 256
        self.adds_bos = adds_bos

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        assert special
        ids: list[int] = []
        while text:
            known = next((t for t in self.special_tokens if text.startswith(t.text)), None)
            ids += [known.id] if known else text[0].encode()
            text = text.removeprefix(known.text) if known else text[1:]
        return ids

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < 256 else b""

    def text(self, token: int) -> str:
        raise AssertionError(token)

    def is_special_text(self, text: str) -> bool:
        raise AssertionError(text)

    def speak(self, texts: object) -> None:
        raise AssertionError(texts)

    def is_eog(self, token: int) -> bool:
        raise AssertionError(token)


def test_control_tokens_are_told_apart_from_what_a_maker_added() -> None:
    assert tokens_of(Bytes(adds_bos=False), "<s>a<b>") == (
        TextToken(256, "<s>", control=True),
        TextToken(97, "a"),
        TextToken(258, "<b>"),
    )


def test_bytes_that_are_no_whole_character_are_shown_as_bytes() -> None:
    found = tokens_of(Bytes(adds_bos=False), "é")
    assert [token.text for token in found] == ["<0xC3>", "<0xA9>"]


def test_the_beginning_is_there_once() -> None:
    for text in ("a", "<s>a"):
        found = tokens_of(Bytes(adds_bos=True), text)
        assert [token.id for token in found] == [256, 97]
