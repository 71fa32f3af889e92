"""A Jinja environment for templates that nobody has read: no escape, bounded time and memory.

Chat templates come with downloaded models, so they are foreign code that runs before every
answer. Jinja's sandbox keeps it away from Python's internals, but not from nested loops that
never end or strings that eat the memory, and a Python thread cannot be killed. Two things bound
what a template can do:

* While it renders, a trace function (`sys.settrace`) looks at the clock and at the memory of the
  process. Every round of a loop, macro and filter is a call of a Python function, so it sees all
  of them; it needs no second process, and nothing in a template can catch what it raises.
* What a trace cannot interrupt is one long call into C. Therefore every operation whose result
  can be much larger than its operands (`*`, `+`, `%`, `~`, `join`, `replace`, `format`, padding)
  checks its size first, operations that walk a whole structure in C (printing, comparing) check
  its extent first, and only methods and filters known to be harmless exist at all.

An engine that hangs in spite of it is ended by the program that started it.
"""

import functools
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from types import FrameType, TracebackType
from typing import Any

import psutil
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, operators
from jinja2.ext import Extension, loopcontrols
from jinja2.filters import FILTERS
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

MAX_CHARACTERS = 8_000_000
"""Of any one text in a template, the rendered prompt included."""
MAX_ITEMS = 200_000
"""Of any list or structure that is printed, compared or joined."""
MAX_GROWTH = 256 * 2**20
"""Bytes by which the process may grow while a template renders."""
_LARGEST_INTEGER_BITS = 1024


class LimitReached(BaseException):
    """A template ran over a limit. Not an `Exception`, so that nothing on the way catches it."""


class Watch:
    """Ends the Python code in its `with` block when time or memory is used up.

    It looks only when a function is called: a loop without any call goes on unseen. Time is what
    the thread has computed: on a busy computer, or one that slept meanwhile, nothing ends early.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._process = psutil.Process()
        self._events = 0

    def __enter__(self) -> None:
        self._deadline = time.thread_time() + self._seconds
        self._memory = self._process.memory_info().rss + MAX_GROWTH
        self._before = sys.gettrace()
        sys.settrace(self._trace)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, argument: object) -> None:
        self._events += 1
        if self._events % 64 == 0:
            if time.thread_time() > self._deadline:
                raise LimitReached(f"it did not end within {self._seconds:g} seconds")
            if self._process.memory_info().rss > self._memory:
                raise LimitReached(f"it used more than {MAX_GROWTH // 2**20} MB of memory")


def _check_length(characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise LimitReached(f"it made a text of more than {MAX_CHARACTERS:,} characters")


class _GuardedCode(CodeGenerator):
    """Sends what Jinja compiles to bare Python operators through the environment's checks."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        """`a ~ b`."""
        self.write("environment.join_text((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:
        """`a == b`, `a < b`, `a in b`."""
        self.write("(environment.checked(")
        self.visit(node.expr, frame)
        self.write(")")
        for operand in node.ops:
            self.write(f" {operators[operand.op]} environment.checked(")
            self.visit(operand.expr, frame)
            self.write(")")
        self.write(")")

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        """A loop: every round is a call, so that the watch sees it."""
        node.body.insert(0, nodes.ExprStmt(nodes.EnvironmentAttribute("round")))
        super().visit_For(node, frame)


class _GenerationTag(Extension):
    """`{% generation %}…{% endgeneration %}`: marks training data elsewhere, nothing here."""

    tags = {"generation"}  # noqa: RUF012  # the name and kind that Jinja's base class declares

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The body, unchanged."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class GuardedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox with bounded operations. Not for several threads."""

    code_generator_class = _GuardedCode
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,  # or constants would be computed while compiling
            extensions=[loopcontrols, _GenerationTag],
            finalize=self._printed,
        )
        self._trusted: frozenset[int] = frozenset()
        self.globals = {name: self.globals[name] for name in ("range", "dict", "namespace")}
        self.filters = {name: self._guard(FILTERS[name]) for name in _FILTERS}
        self.filters |= {
            "indent": self._indent_filter,
            "join": self._join_filter,
            "replace": self._replace_filter,
            "string": self.text,
        }
        self.tests = {name: self._guard(TESTS[name]) for name in _TESTS}

    def trust(self, inputs: Iterable[object]) -> None:
        """Take the extent of these structures as known; a template cannot change them."""
        self._trusted = frozenset(map(id, inputs))

    @property
    def round(self) -> None:
        """Read in every round of a loop, see `_GuardedCode`."""

    def checked(self, value: Any) -> Any:
        """`value`, unless it is a structure too large to be walked in one go."""
        if isinstance(value, list | tuple | dict) and id(value) not in self._trusted:
            self._measure(value)
        return value

    def text(self, value: Any) -> str:
        """`value` as Python writes it, except that noncharacters are not escaped.

        By those the caller may have marked places, which must stay recognisable.
        """
        text = str(self.checked(value))
        if isinstance(value, list | tuple | dict) and r"\ufd" in text:
            return _ESCAPED.sub(lambda found: found[1] + chr(int(found[2], 16)), text)
        return text

    def _printed(self, value: Any) -> Any:
        return self.text(value) if isinstance(value, list | tuple | dict) else value

    def _measure(self, value: Any) -> None:
        items, characters, pending = 0, 0, [value]
        while pending:
            item = pending.pop()
            if isinstance(item, str):
                characters += len(item)
            elif isinstance(item, list | tuple):
                pending += item
            elif isinstance(item, dict):
                pending += item.keys()
                pending += item.values()
            items += 1
            if items > MAX_ITEMS or len(pending) > MAX_ITEMS:
                raise LimitReached(f"it built a structure of more than {MAX_ITEMS:,} parts")
            _check_length(characters)

    def concat(self, parts: Iterable[str]) -> str:
        """Join the pieces of an output."""
        pieces, characters = [], 0
        for part in parts:
            characters += len(part)
            _check_length(characters)
            pieces.append(part)
        return "".join(pieces)

    def join_text(self, parts: Iterable[object]) -> str:
        """Join values as `~` does."""
        return self.concat(self.text(part) for part in parts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`+`, `*`, `**` and `%`, if the result stays small."""
        if isinstance(left, int) and isinstance(right, int):
            self._check_integers(operator, left, right)
        elif operator == "+":
            self._check_sum(left, right)
        elif operator == "*":
            count = right if isinstance(right, int) else left
            repeated = left if count is right else right
            if isinstance(repeated, str | list | tuple) and isinstance(count, int):
                _check_length(len(repeated) * count)
        elif operator == "%" and isinstance(left, str):
            _check_format(left, right if isinstance(right, tuple) else (right,))
        return super().call_binop(context, operator, self.checked(left), self.checked(right))

    @staticmethod
    def _check_integers(operator: str, left: int, right: int) -> None:
        bits = max(left.bit_length(), right.bit_length())
        if operator == "**":
            bits = left.bit_length() * max(right, 1)
        elif operator == "*":
            bits = left.bit_length() + right.bit_length()
        if bits > _LARGEST_INTEGER_BITS:
            raise LimitReached("it computed a number that is too large")

    @staticmethod
    def _check_sum(left: Any, right: Any) -> None:
        if isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
            _check_length(len(left) + len(right))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Of built-in types only the methods that templates use."""
        if type(obj) is list and attr in ("append", "pop"):  # Kimi K2 keeps lists of its own
            return id(obj) not in self._trusted
        for kind, allowed in _METHODS.items():
            if isinstance(obj, kind):
                return attr in allowed
        return super().is_safe_attribute(obj, attr, value)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a macro, global or method."""
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str):
            match getattr(obj, "__name__", ""):
                case "join":
                    return self._join_filter(args[0], owner)
                case "replace":
                    return self._replace_filter(owner, *args)
        return super().call(context, obj, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`str.format` with its result's length checked first."""
        inner = super().wrap_str_format(value)
        if inner is None:
            return None

        def bounded(*args: Any, **kwargs: Any) -> str:
            _check_format(value.__self__, (*args, *kwargs.values()))
            return inner(*args, **kwargs)

        return bounded

    def _guard(self, function: Any) -> Callable[..., Any]:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            return function(*map(self.checked, args), **kwargs)

        return guarded

    def _join_filter(self, value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
        texts = []
        for item in value:
            part = self.getitem(item, attribute) if attribute is not None else item
            texts += [str(d), self.text(part)]
        return self.concat(texts[1:])

    def _indent_filter(
        self, s: Any, width: int | str = 4, first: bool = False, blank: bool = False
    ) -> str:
        text, lead = self.text(s), width if isinstance(width, str) else " " * min(width, 99)
        _check_length(len(text) + (text.count("\n") + 1) * len(lead))
        lines = text.split("\n")
        indented = [lead + line if line or blank else line for line in lines[1:]]
        return "\n".join([lead + lines[0] if first else lines[0], *indented])

    def _replace_filter(self, s: Any, old: str, new: str, count: int = -1) -> str:
        text, old, new = self.text(s), str(old), str(new)
        _check_length(len(text) + (text.count(old) + 1) * max(len(new) - len(old), 0))
        return text.replace(old, new, -1 if count is None else count)


_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\u(fd[de][0-9a-f])")
"""A noncharacter as `repr` escapes it; a backslash of the text itself is doubled there."""
_WIDTH = re.compile(r"\d{5}|\*|:[^}]*\{")


def _check_format(template: str, values: Iterable[Any]) -> None:
    if _WIDTH.search(template):
        raise LimitReached("it pads a text beyond all bounds")
    places = template.count("{") + template.count("%")
    longest = 0
    for value in values:
        items = value.values() if isinstance(value, Mapping) else [value]
        longest = max([longest, *(len(item) for item in items if isinstance(item, str))])
    _check_length(len(template) + places * (longest + 10_000))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILTERS = _words(
    "abs attr capitalize count default d dictsort escape e first float groupby int items last "
    "length list lower map max min reject rejectattr reverse round safe select selectattr sort "
    "string title trim unique upper"
)
_TESTS = _words(
    "boolean callable defined divisibleby eq equalto even false float ge greaterthan gt in integer "
    "iterable le lessthan lower lt mapping ne none number odd sameas sequence string true "
    "undefined upper == != < <= > >="
)
_METHODS: dict[type | tuple[type, ...], frozenset[str]] = {
    str: _words(
        "capitalize count endswith find format format_map index isalnum isalpha isdigit isnumeric "
        "isspace islower isupper join lower lstrip partition removeprefix removesuffix replace "
        "rfind rindex rpartition rsplit rstrip split splitlines startswith strip title upper"
    ),
    dict: _words("copy get items keys values"),
    (list, tuple): _words("copy count index"),
    (int, float, bytes): frozenset(),
}
