"""Bounds on constraints: what a person may send must not stall or exhaust the engine.

llguidance bounds its own work by fuel (`PARSER_LIMITS`), which ends a single step that takes too
long. The bounds on texts keep it from getting there in the middle of an answer.
"""

import re

from llguidance import LLParserLimits

from backends.errors import BadRequest

MAX_PATTERN = 4_000
"""Characters of a regular expression."""
MAX_GRAMMAR = 100_000
"""Characters of a grammar."""
MAX_SCHEMA = 250_000
"""Characters of a JSON schema."""
MAX_SCHEMA_DEPTH = 100
"""Nested objects and arrays in a JSON schema; llguidance reads 127."""
MAX_REPETITION = 10_000
"""Counted repetitions of a regular expression, the nested ones multiplied.

Every repetition is a state of the automaton; `(a{1000}){1000}` takes seconds for one token.
"""

PARSER_LIMITS = LLParserLimits(
    initial_lexer_fuel=1_000_000,  # about 20 ms of building the lexer
    step_lexer_fuel=200_000,  # about 15 ms of a mask
    step_max_items=50_000,
    max_lexer_states=100_000,  # up to 2 kB each
    max_grammar_size=200_000,
    verbose_errors=False,  # no dump of the parser's state in messages for people
)

_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_BRACED_ESCAPES = "pPxuU"  # \p{Letter}, \x{1F600}


def check_length(text: str, limit: int, name: str) -> None:
    """Refuse a text of more than `limit` characters. Raises `BadRequest`."""
    if len(text) > limit:
        raise BadRequest(
            f"{name} is too long: {len(text):,} characters, of at most {limit:,}. Shorten it."
        )


def check_repetition(pattern: str, name: str) -> None:
    """Refuse a pattern with too many counted repetitions. Raises `BadRequest`."""
    count = largest_repetition(pattern)
    if count > MAX_REPETITION:
        raise BadRequest(
            f"{name} repeats a part up to {count:,} times; at most {MAX_REPETITION:,} can be "
            "checked, nested repetitions multiplied. Use smaller numbers, or * and +."
        )


def largest_repetition(pattern: str) -> int:
    """The largest product of nested counted repetitions in a regular expression."""
    groups = [1]  # of each open group: the largest product inside it
    last = 1  # of the piece just read, which a count would repeat
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "{" and (count := _COUNT.match(pattern, position)):
            last *= max(_number(count[1]), _number(count[2]), 1)
            groups[-1] = max(groups[-1], last)
            position = count.end()
            continue
        if char == "\\":
            position = _escape_end(pattern, position)
        elif char == "[":
            position = _class_end(pattern, position)
        elif char == "(":
            groups.append(1)
        elif char == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] = max(groups[-1], last)
        if char not in ")*+?":
            last = 1
        position += 1
    return max(groups)


def _number(digits: str | None) -> int:
    return int(digits[:12]) if digits else 0


def _escape_end(pattern: str, start: int) -> int:
    """Position of the last character of an escape that begins at `start`."""
    name = pattern[start + 1 : start + 2]
    if name and name in _BRACED_ESCAPES and pattern[start + 2 : start + 3] == "{":
        return max(pattern.find("}", start), start + 2)
    return start + 1


def _class_end(pattern: str, start: int) -> int:
    """Position of the bracket that closes a character class opened at `start`."""
    position = start + 1
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position
