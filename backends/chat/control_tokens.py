"""Control tokens typed by a person stay text.

A chat template writes control tokens such as `<|im_end|>` and the tokenizer has to recognise
them; the same characters inside a message must not become that token, or any pasted text could
close its turn and open a system turn. Method: before rendering, every dangerous literal in a
message is put between two markers; the rendered prompt is split there, and the literal alone is
tokenized as plain text. A message without such a literal takes the ordinary path, so its
tokens are exactly the ordinary ones.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backends.chat.tokenizer import SpecialToken

# Unicode noncharacters: set aside for the inside of a process, never part of a text. A marker is
# one of the first two and the number of its literal in four digits of the next sixteen. The rest
# of their block belongs to `image_marks`.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_DIGITS = "".join(chr(0xFDD2 + digit) for digit in range(16))
_WIDTH = 4
_RESERVED = re.compile("[\ufdd0-\ufdef]")
_MARKERS = re.compile(f"([{_OPEN}{_CLOSE}][{_DIGITS}]{{0,{_WIDTH}}}|[{_DIGITS}]{{1,{_WIDTH}}})")

Tokenize = Callable[[str, bool], list[int]]
"""Text and whether control tokens in it are recognised, to ids."""


@dataclass(frozen=True)
class Segment:
    """A stretch of a rendered prompt."""

    text: str
    plain: bool
    """A literal that somebody typed: no control token may come of it."""


def dangerous_tokens(tokens: Iterable[SpecialToken], *markup: str) -> tuple[SpecialToken, ...]:
    """The tokens that structure a chat.

    User-defined tokens are mostly harmless (HTML tags, runs of blanks) and needed for the
    ordinary tokens; only those count that `markup`, templates and markers, contains.
    """
    return tuple(
        token
        for token in tokens
        if len(token.text) > 2
        and not token.text.isspace()
        and (not token.user_defined or any(token.text in text for text in markup))
    )


class ControlTokenGuard:
    """Marks dangerous literals in messages and tokenizes rendered prompts accordingly."""

    def __init__(self, dangerous: Iterable[SpecialToken]) -> None:
        dangerous = tuple(dangerous)
        self._ids = frozenset(token.id for token in dangerous)
        literals = sorted({token.text for token in dangerous}, key=len, reverse=True)
        self._literals = {text: _code(number) for number, text in enumerate(literals)}
        self._by_code = {code: text for text, code in self._literals.items()}
        self._lengths = sorted({len(text) for text in literals}, reverse=True)
        # A class of first characters, not one alternative per literal: Gemma has thousands.
        first = "".join({re.escape(text[0]) for text in literals})
        self._candidates = re.compile(f"[{first}]") if first else None

    def mark(self, text: str) -> str:
        """`text` with every dangerous literal between markers, the longest first."""
        text = _RESERVED.sub("", text)
        if self._candidates is None:
            return text
        parts, done = [], 0
        for candidate in self._candidates.finditer(text):
            at = candidate.start()
            if at >= done and (literal := self._literal_at(text, at)):
                code = self._literals[literal]
                parts += [text[done:at], _OPEN, code, literal, _CLOSE, code]
                done = at + len(literal)
        return "".join([*parts, text[done:]]) if parts else text

    def _literal_at(self, text: str, at: int) -> str:
        for length in self._lengths:
            if (candidate := text[at : at + length]) in self._literals:
                return candidate
        return ""

    def split(self, rendered: str) -> list[Segment]:
        """The segments of a rendered prompt.

        A template may cut a message at a literal or inside one. So a literal counts as typed if
        either of its own markers touches it; and a marker alone still separates its neighbours,
        so that they cannot join to a control token.
        """
        parts = ["", *_MARKERS.split(rendered), ""]
        segments: list[Segment] = []
        for before, text, after in zip(parts[:-1:2], parts[1::2], parts[2::2], strict=True):
            head = self._typed_head(text, before)
            rest = text[len(head) :]
            tail = self._typed_tail(rest, after)
            rest = rest[: len(rest) - len(tail)]
            for part, plain in ((head, True), (rest, False), (tail, True)):
                if part:
                    segments.append(Segment(part, plain))
        return segments

    def _typed_head(self, text: str, marker: str) -> str:
        literal = self._by_code.get(marker[1:], "") if marker.startswith(_OPEN) else ""
        return literal if text.startswith(literal) else ""

    def _typed_tail(self, text: str, marker: str) -> str:
        if not marker.startswith(_CLOSE):
            return ""
        if literal := self._by_code.get(marker[1:]):
            return literal if text.endswith(literal) else ""
        # The marker itself was cut: any literal before it may be the typed one.
        return next((literal for literal in self._literals if text.endswith(literal)), "")

    def tokenize(
        self,
        segments: Iterable[Segment],
        tokenize: Tokenize,
        *,
        sentencepiece: bool,
        continues: bool = False,
    ) -> list[int]:
        """Ids of the segments of a rendered prompt, without BOS.

        `continues` says that something stands before the first segment.
        """
        ids: list[int] = []
        for number, segment in enumerate(segments):
            encode = tokenize
            if sentencepiece and (number or continues):
                encode = _continuing(tokenize)
            ids += (
                self._plain(segment.text, encode) if segment.plain else encode(segment.text, True)
            )
        return ids

    def _plain(self, literal: str, tokenize: Tokenize) -> list[int]:
        # User-defined tokens are recognised always: cut the literal until none is left.
        for pieces in ([literal], [literal[0], literal[1:]], list(literal)):
            ids = [token for piece in pieces for token in tokenize(piece, False)]
            if not self._ids.intersection(ids):
                break
        return ids


def _code(number: int) -> str:
    return "".join(_DIGITS[number >> shift & 15] for shift in range(4 * (_WIDTH - 1), -1, -4))


def _continuing(tokenize: Tokenize) -> Tokenize:
    """Tokenize in the middle of a text.

    SentencePiece puts a blank before the first word of every call; a leading line feed, whose
    ids are cut off again, keeps it away.
    """

    def encode(text: str, special: bool) -> list[int]:
        line_feed, ids = tokenize("\n", False), tokenize("\n" + text, special)
        if ids[: len(line_feed)] == line_feed:
            return ids[len(line_feed) :]
        return tokenize(text, special)

    return encode
