"""Reads the JSON that models write, and writes the JSON that was meant, as it comes.

What is written is at every moment the beginning of valid JSON (RFC 8259). Mended are trailing
commas, single quotes, the literals of Python, raw line breaks in strings, bare keys, unknown
escapes and missing closing brackets.
"""

import json
import re
from collections.abc import Sequence

import msgspec

from backends.chat.reader import Parse, Reader, Write, needles, read_whole
from backends.chat.tool_calls.calls import CallCutError, MalformedCallError, expect_more

MAX_DEPTH = 64
_PLAIN = re.compile(r"""[^"'\\\x00-\x1f]+""")
_KEY = re.compile(r"[\w$\-]")
_LETTER = re.compile(r"[A-Za-z]")
_NUMERIC = re.compile(r"[-+.0-9eE]")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_HEX = re.compile(r"[0-9a-fA-F]")
_LITERALS = {"true": "true", "false": "false", "null": "null"}
_PYTHON_LITERALS = {"True": "true", "False": "false", "None": "null"}
_CLOSERS = {"{": "}", "[": "]", "(": "]"}


def escaped(text: str) -> str:
    """`text` as it stands inside a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


class LenientJson:
    """Reads one value after another from a reader."""

    def __init__(
        self,
        reader: Reader,
        write: Write,
        *,
        ends: Sequence[str] = (),
        quote: str = "",
        python: bool = False,
    ) -> None:
        """`ends` are texts that cannot stand outside a string: open brackets are closed there.

        `quote` is a text around strings that are not escaped; keys are bare then. `python` reads
        Python's literals, for which these forms are no mistakes.
        """
        self._reader, self._write = reader, write
        self._ends, self._quote, self._python = ends, quote, python
        self.repaired = False
        """Something had to be mended."""

    def next(self) -> Parse[str]:
        """The next character that is not a blank. Raises `CallCutError` at the end."""
        return expect_more((yield from self._reader.skip_blanks()))

    def value(self, depth: int = 0) -> Parse[None]:
        """Read and write one value. Raises `MalformedCallError` and `CallCutError`."""
        character = yield from self.next()
        if character in "{[" or (self._python and character == "("):
            yield from self._container(character, depth)
        elif self._quote and (yield from self._reader.take(self._quote)):
            yield from self._quoted()
        elif character in "\"'":
            yield from self._string()
        elif character in "-0123456789":
            number = yield from self._reader.run(_NUMERIC)
            if not _NUMBER.fullmatch(number):
                raise MalformedCallError
            self._write(number)
        else:
            yield from self._literal()

    def text(self, limit: int | None = None) -> Parse[str]:
        """Read a string and decode it; one of more than `limit` characters is malformed."""
        if (yield from self.next()) not in "\"'":
            raise MalformedCallError
        return (yield from self._collected(limit))

    def key(self, limit: int | None = None) -> Parse[str]:
        """Read the key of an object, which has a limit as well, and the colon behind it."""
        character = yield from self.next()
        if self._quote and (yield from self._reader.take(self._quote)):
            parts: list[str] = []
            if not (yield from self._reader.until(needles(self._quote), parts.append)):
                raise CallCutError
            key = "".join(parts)
        elif character in "\"'":
            key = yield from self._collected(limit)
        else:
            key = yield from self._reader.run(_KEY)
            self.repaired |= not self._quote
            if not key:
                raise MalformedCallError
        if (yield from self.next()) != ":":
            raise MalformedCallError
        self._reader.skip(1)
        return key

    def closes_outside(self, character: str) -> Parse[bool]:
        """Whether what comes next can only belong to something around the open bracket."""
        if character in ("]})" if self._python else "]}"):
            return True
        return bool((yield from self._reader.sees(self._ends)))

    def _container(self, bracket: str, depth: int) -> Parse[None]:
        if depth == MAX_DEPTH:
            raise MalformedCallError
        closer = _CLOSERS[bracket]
        written_closer = ")" if bracket == "(" else closer
        self._reader.skip(1)
        self._write("[" if bracket == "(" else bracket)
        comma = False
        while True:
            character = yield from self.next()
            if character == written_closer:
                self.repaired |= comma and not self._python
                break
            if (yield from self.closes_outside(character)):
                break
            if comma:
                self._write(", ")
            if closer == "}":
                key = yield from self.key()
                self._write(f'"{escaped(key)}": ')
            yield from self.value(depth + 1)
            character = yield from self.next()
            comma = character == ","
            if comma:
                self._reader.skip(1)
            elif character == written_closer or (yield from self.closes_outside(character)):
                break
            else:
                raise MalformedCallError
        if character == written_closer:
            self._reader.skip(1)
        else:
            self.repaired = True
        self._write(closer)

    def _literal(self) -> Parse[None]:
        word = yield from self._reader.run(_LETTER, 6)
        if word in _PYTHON_LITERALS:
            self.repaired |= not self._python
        elif word not in _LITERALS:
            if not (yield from self._reader.peek()):
                raise CallCutError
            raise MalformedCallError
        self._write(_LITERALS.get(word) or _PYTHON_LITERALS[word])

    def _quoted(self) -> Parse[None]:
        self._write('"')
        ends = needles(self._quote)
        if not (yield from self._reader.until(ends, lambda text: self._write(escaped(text)))):
            raise CallCutError
        self._write('"')

    def _collected(self, limit: int | None) -> Parse[str]:
        parts: list[str] = []
        write, self._write = self._write, parts.append
        yield from self._string(limit)
        self._write = write
        decoded: str = json.loads("".join(parts))
        return decoded

    def _string(self, limit: int | None = None) -> Parse[None]:
        reader, room = self._reader, limit
        quote = yield from reader.peek()
        reader.skip(1)
        self.repaired |= quote == "'" and not self._python
        self._write('"')
        while True:
            if plain := reader.available(_PLAIN, room):
                self._write(plain)
            if room is not None:
                room -= len(plain) or 1
                if room <= 0:
                    raise MalformedCallError
            character = expect_more((yield from reader.peek()))
            if character == "\\":
                yield from self._escape()
            elif _PLAIN.match(character):
                continue
            else:
                reader.skip(1)
                if character == quote:
                    break
                self.repaired |= character < " "
                self._write(escaped(character))
        self._write('"')

    def _escape(self) -> Parse[None]:
        reader = self._reader
        character = expect_more((yield from reader.peek(1)))
        if character in '"\\/bfnrt':
            reader.skip(2)
            self._write("\\" + character)
        elif character == "'":
            reader.skip(2)
            self.repaired |= not self._python
            self._write(character)
        elif character == "u" and (code := (yield from self._code(0))):
            yield from self._unicode(code)
        else:
            # A backslash that was meant as one.
            reader.skip(1)
            self.repaired |= not self._python
            self._write("\\\\")

    def _unicode(self, code: str) -> Parse[None]:
        """An escape by code; those above U+FFFF are pairs of surrogates, and halves are lost."""
        if 0xD800 <= int(code, 16) < 0xDC00:
            low = yield from self._code(6)
            if low and 0xDC00 <= int(low, 16) < 0xE000:
                self._reader.skip(12)
                self._write(f"\\u{code}\\u{low}")
                return
        self._reader.skip(6)
        if 0xD800 <= int(code, 16) < 0xE000:
            self.repaired, code = True, "fffd"
        self._write(f"\\u{code}")

    def _code(self, ahead: int) -> Parse[str]:
        """The four digits of an escape so many characters ahead; empty if there is none."""
        code = ""
        for place in range(6):
            character = expect_more((yield from self._reader.peek(ahead + place)))
            if not (character == "\\u"[place] if place < 2 else _HEX.match(character)):
                return ""
            code += character
        return code[2:]


def mend(text: str) -> tuple[str, bool] | None:
    """The JSON value that a whole text means, and whether it had to be mended; None if none."""
    text = text.strip()
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        pass
    else:
        return text, False
    parts: list[str] = []

    def read(reader: Reader) -> Parse[bool]:
        lenient = LenientJson(reader, parts.append)
        yield from lenient.value()
        if (yield from reader.skip_blanks()):
            raise MalformedCallError
        return lenient.repaired

    try:
        repaired = read_whole(text, read)
    except (MalformedCallError, CallCutError):
        return None
    return "".join(parts), repaired
