"""What the chat formats need to know of a model's vocabulary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class SpecialToken:
    """A token of the vocabulary that is not ordinary text."""

    id: int
    text: str
    user_defined: bool = False
    """Recognised by the tokenizer even where control tokens are not."""


class Tokenizer(Protocol):
    """A model's vocabulary, as every engine offers it."""

    @property
    def size(self) -> int:
        """Number of tokens."""
        ...

    @property
    def bos(self) -> int:
        """Id of the beginning-of-sequence token, -1 if there is none."""
        ...

    @property
    def eos(self) -> int:
        """Id of the end-of-sequence token, -1 if there is none."""
        ...

    @property
    def adds_bos(self) -> bool:
        """A prompt begins with the beginning-of-sequence token."""
        ...

    @property
    def sentencepiece(self) -> bool:
        """The tokenizer puts a blank before the first word of every text."""
        ...

    @property
    def special_tokens(self) -> Sequence[SpecialToken]:
        """Control, unknown and user-defined tokens."""
        ...

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Ids of `text` without BOS or EOS; `special` recognises control tokens in it."""
        ...

    def text(self, token: int) -> str:
        """The text of a token as the vocabulary writes it; empty for an id below 0."""
        ...

    def is_special_text(self, text: str) -> bool:
        """Whether `text` is exactly one special token."""
        ...

    def speak(self, texts: Iterable[str]) -> None:
        """Let `piece` give the text of control tokens that the caller's parser needs to see."""
        ...

    def piece(self, token: int) -> bytes:
        """The bytes that `token` stands for; none for a control token that is not spoken."""
        ...

    def is_eog(self, token: int) -> bool:
        """Whether `token` ends the generation."""
        ...


def with_bos(tokenizer: Tokenizer, ids: list[int]) -> list[int]:
    """`ids` of a prompt with the beginning-of-sequence token, where the model wants one."""
    # Many templates write the token themselves: one is right, two harm the answers.
    bos = tokenizer.bos
    return [bos, *ids] if tokenizer.adds_bos and ids[:1] != [bos] else ids
