"""A tokenizer without a vocabulary file: one token per character, and special tokens."""

import re
from collections.abc import Iterable, Sequence

from backends.chat.tokenizer import SpecialToken

_FIRST_CHARACTER = 100_000


class CharacterTokenizer:
    """Implements `backends.chat.tokenizer.Tokenizer`."""

    def __init__(
        self,
        texts: Iterable[str] = (),
        *,
        user_defined: Iterable[str] = (),
        bos: str = "<s>",
        eos: str = "</s>",
        adds_bos: bool = False,
        sentencepiece: bool = False,
    ) -> None:
        control = sorted({bos, eos, *texts} - set(user_defined))
        kinds = [(text, False) for text in control] + [(text, True) for text in user_defined]
        self.special_tokens: Sequence[SpecialToken] = tuple(
            SpecialToken(number, text, user_defined=kind)
            for number, (text, kind) in enumerate(kinds)
        )
        self._ids = {token.text: token.id for token in self.special_tokens}
        self.size = _FIRST_CHARACTER + 0x110000
        self.bos, self.eos = self._ids[bos], self._ids[eos]
        self.adds_bos, self.sentencepiece = adds_bos, sentencepiece
        self.spoken: set[str] = set()
        self._all = _any_of(self._ids)
        self._user_defined = _any_of(user_defined)

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Ids as llama.cpp finds them: user-defined tokens always, the longest first."""
        ids: list[int] = []
        at = 0
        if self.sentencepiece and text:
            text = " " + text
        pattern = self._all if special else self._user_defined
        for found in pattern.finditer(text) if pattern else ():
            ids += [_FIRST_CHARACTER + ord(c) for c in text[at : found.start()]]
            ids.append(self._ids[found.group()])
            at = found.end()
        return ids + [_FIRST_CHARACTER + ord(c) for c in text[at:]]

    def text(self, token: int) -> str:
        if token < 0:
            return ""
        if token >= _FIRST_CHARACTER:
            return chr(token - _FIRST_CHARACTER)
        return self.special_tokens[token].text

    def is_special_text(self, text: str) -> bool:
        return text in self._ids

    def id_of(self, text: str) -> int:
        """The id of a special token."""
        return self._ids[text]

    def speak(self, texts: Iterable[str]) -> None:
        self.spoken |= set(texts)

    def piece(self, token: int) -> bytes:
        return self.text(token).encode()

    def is_eog(self, token: int) -> bool:
        return token == self.eos

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of all tokens."""
        return "".join(map(self.text, tokens))

    def specials(self, tokens: Iterable[int]) -> list[str]:
        """The texts of the special tokens among them."""
        return [self.text(token) for token in tokens if token < _FIRST_CHARACTER]


def _any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
