"""Reads a text that is still coming.

A parser is a generator that asks a `Reader` and is suspended, by a bare `yield`, whenever the
answer depends on characters that have not come yet. It is written as if the whole text lay before
it, and gives the same result however the text is cut into pieces.
"""

import re
from collections.abc import Callable, Generator, Sequence
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
Parse = Generator[None, None, T]
"""A parser that results in a T."""
Write = Callable[[str], None]
BLANKS = " \t\r\n"


class Needles:
    """Texts to look for. None may occur inside another one, except at its end."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.texts = tuple(sorted(texts, key=len, reverse=True))
        self._complete = re.compile("|".join(map(re.escape, self.texts)) or "(?!)")
        firsts = "".join(sorted({text[0] for text in texts}))
        self._first = re.compile(f"[{re.escape(firsts)}]" if firsts else "(?!)")
        self.longest = max(map(len, texts), default=1)

    def search(self, text: str, at: int) -> re.Match[str] | None:
        """The first complete one from index `at` on."""
        return self._complete.search(text, at)

    def certain(self, text: str, at: int) -> int:
        """The index up to which `text`, in which none is complete, cannot become one."""
        start = max(at, len(text) - self.longest + 1)
        while found := self._first.search(text, start):
            start = found.start()
            end = text[start:]
            if any(needle.startswith(end) for needle in self.texts):
                return start
            start += 1
        return len(text)


@lru_cache(maxsize=256)
def needles(*texts: str) -> Needles:
    """The same texts are prepared once."""
    return Needles(texts)


class Reader:
    """The part of a text that is not read yet, and where it is marked, the part since the mark."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0
        self._mark: int | None = None
        self._ended = False

    def feed(self, text: str) -> None:
        """More text has come."""
        done = self._at if self._mark is None else self._mark
        self._text = self._text[done:] + text
        self._at -= done
        if self._mark is not None:
            self._mark = 0

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True

    @property
    def ended(self) -> bool:
        """Nothing more comes."""
        return self._ended

    def mark(self, back: int = 0) -> None:
        """Remember the text from here on, or from so many characters back."""
        self._mark = self._at - back

    def unmark(self) -> str:
        """The text since the mark, which is forgotten."""
        start, self._mark = self._mark, None
        return "" if start is None else self._text[start : self._at]

    def skip(self, count: int) -> None:
        """Go on behind characters that were looked at."""
        self._at += count

    def peek(self, ahead: int = 0) -> Parse[str]:
        """The next character or one further ahead; empty where the text ends before it."""
        while self._at + ahead >= len(self._text):
            if self._ended:
                return ""
            yield
        return self._text[self._at + ahead]

    def blanks(self) -> Parse[int]:
        """How many blanks come next, line breaks included."""
        count = 0
        while (character := (yield from self.peek(count))) and character in BLANKS:
            count += 1
        return count

    def skip_blanks(self) -> Parse[str]:
        """Skip blanks; the character behind them."""
        self.skip((yield from self.blanks()))
        return (yield from self.peek())

    def sees(self, texts: Sequence[str], ahead: int = 0) -> Parse[str]:
        """Which of `texts`, the first that fits, comes next or so many characters ahead."""
        for text in texts:
            while not self._text.startswith(text, self._at + ahead):
                if self._ended or not text.startswith(self._text[self._at + ahead :]):
                    break
                yield
            else:
                return text
        return ""

    def take(self, *texts: str) -> Parse[str]:
        """The one of `texts` that comes next is read; empty if none does."""
        found = yield from self.sees(texts)
        self.skip(len(found))
        return found

    def available(self, pattern: re.Pattern[str], limit: int | None = None) -> str:
        """Read what matches here, of the text that has come so far; `limit` characters at most."""
        found = pattern.match(self._text, self._at)
        if not found:
            return ""
        read = found[0][:limit]
        self._at += len(read)
        return read

    def run(self, pattern: re.Pattern[str], limit: int = 200) -> Parse[str]:
        """Read the longest run of characters that each match `pattern`, `limit` at most."""
        count = 0
        while count < limit and (character := (yield from self.peek(count))):
            if not pattern.match(character):
                break
            count += 1
        read = self._text[self._at : self._at + count]
        self.skip(count)
        return read

    def up_to(self, ends: Needles, limit: int) -> Parse[tuple[str, str]]:
        """Read at most `limit` characters and the first of `ends` behind them.

        Nothing is read, and the end is empty, where none comes so soon.
        """
        while True:
            found = ends.search(self._text, self._at)
            if found and found.start() - self._at <= limit:
                before = self._text[self._at : found.start()]
                self._at = found.end()
                return before, found[0]
            if self._ended or len(self._text) - self._at > limit + ends.longest:
                return "", ""
            yield

    def until(self, ends: Needles, write: Write) -> Parse[str]:
        """Read and write text up to the first of `ends`, and read that one too.

        The result is the one that came, empty where the text ended without.
        """
        while True:
            if found := ends.search(self._text, self._at):
                before = self._text[self._at : found.start()]
                self._at = found.end()
                if before:
                    write(before)
                return found[0]
            keep = len(self._text) if self._ended else ends.certain(self._text, self._at)
            if keep > self._at:
                before = self._text[self._at : keep]
                self._at = keep
                write(before)
            if self._ended:
                return ""
            yield


def read_whole(text: str, parser: Callable[[Reader], Parse[T]]) -> T:
    """The result of a parser for a text that is all there."""
    reader = Reader()
    reader.feed(text)
    reader.end()
    parse = parser(reader)
    while True:
        try:
            next(parse)
        except StopIteration as result:
            value: T = result.value
            return value


class TrailingBlanks:
    """Passes text on, but blanks only when more text follows them."""

    def __init__(self, write: Write, blanks: str = BLANKS) -> None:
        self._write, self._blanks = write, blanks
        self._held = ""

    def __call__(self, text: str) -> None:
        """Pass `text` on without the blanks at its end."""
        text = self._held + text
        kept = text.rstrip(self._blanks)
        self._held = text[len(kept) :]
        if kept:
            self._write(kept)

    def drop(self) -> None:
        """What is held is left out."""
        self._held = ""

    def release(self) -> None:
        """What is held is text after all."""
        held, self._held = self._held, ""
        if held:
            self._write(held)
