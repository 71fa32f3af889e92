"""Raw GBNF grammars, enforced by llama.cpp's own sampler.

That sampler trusts its caller: a token it has refused, or an end before the grammar is complete,
ends the process when it is accepted. So nothing is accepted here that has not survived it.
"""

import re

import numpy as np

from backends.constraints.limits import MAX_GRAMMAR, check_length
from backends.constraints.token_constraint import Logits
from backends.errors import BadRequest, EngineFailure
from backends.llamacpp.candidates import Candidates, survives
from backends.llamacpp.library import native
from backends.llamacpp.vocabulary import Vocabulary

MAX_NESTING = 200
"""Parentheses inside each other; llama.cpp's parser overflows its stack at some thousand."""
MAX_REPETITION = 2_000
"""What llama.cpp's parser takes; more in `{0,n}` it would take for no limit at all."""

_PIECES = re.compile(
    r'"(?:\\.|[^"\\])*"?'  # a literal
    r"|\[(?:\\.|[^\]\\])*\]?"  # a class of characters
    r"|#[^\n]*"
    r"|\{[\d,\s]*\}"
    r"|[()]",
    re.DOTALL,
)
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|\\U0000[dD][89a-fA-F]")


def check_text(grammar: str) -> None:
    """Refuse what llama.cpp's parser is known to crash on or to take silently for something else.

    Raises:
        BadRequest: with what to change.
    """
    check_length(grammar, MAX_GRAMMAR, "The grammar")
    if not grammar.strip():
        raise BadRequest("The grammar is empty. It needs a rule named root.")
    if _NOT_TEXT.search(grammar):
        raise BadRequest("The grammar contains characters that are not text.")
    nesting = 0
    for match in _PIECES.finditer(grammar):
        piece = match[0]
        nesting += {"(": 1, ")": -1}.get(piece, 0)
        if nesting > MAX_NESTING:
            raise BadRequest(
                f"The grammar nests more than {MAX_NESTING} parentheses. "
                "Move inner parts into rules of their own."
            )
        if piece[0] == "{" and any(int(n[:9]) > MAX_REPETITION for n in re.findall(r"\d+", piece)):
            raise BadRequest(
                f"The grammar repeats a part more than {MAX_REPETITION:,} times. "
                "Use a smaller number, or * and +."
            )
        if piece[0] in '"[' and _SURROGATE.search(piece):
            raise BadRequest(
                "The grammar writes a character as two \\u escapes, which never match. "
                "Write the character itself."
            )


class GbnfConstraint:
    """One answer's way through a GBNF grammar. Implements `TokenConstraint`.

    The grammar must have passed `check_text` and `gbnf_check`. Close it before the model.
    """

    not_enforced: tuple[str, ...] = ()

    def __init__(self, grammar: str, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._sampler = native.llama_sampler_init_grammar(
            vocabulary.handle, grammar.encode(), b"root"
        )
        if not self._sampler:
            raise BadRequest("llama.cpp refuses the grammar. Check its rules.")
        self._candidates = Candidates(vocabulary.size)
        self.finished = False

    def allows(self, token: int) -> bool:
        """Whether `token` may come next."""
        return not self.finished and survives(self._sampler, token)

    def mask(self, logits: Logits) -> None:
        """Set all refused tokens to -inf. Ten milliseconds and more: try `allows` first."""
        self._candidates.fill(logits)
        self._candidates.apply(self._sampler)
        np.copyto(logits, self._candidates.logits)

    def accept(self, token: int) -> None:
        """Go on behind `token`. Raises `EngineFailure` if it is refused."""
        if not self.allows(token):
            raise EngineFailure(f"Token {token} was chosen against the grammar of the answer.")
        native.llama_sampler_accept(self._sampler, token)
        self.finished = self._vocabulary.is_eog(token)

    def close(self) -> None:
        """Free the native sampler."""
        if self._sampler:
            native.llama_sampler_free(self._sampler)
            self._sampler = None
