"""What is asked of the child that looks at a chat template, and what it answers.

Apart from the look itself, which needs a template engine: the start of the program does not wait
for that.
"""

from typing import Literal

from msgspec import Struct

FLAG = "--template-check"
"""Makes the program look at a template (`backends.chat.template_check.main`)."""

Finding = Literal[
    "no_system", "system_is_fixed", "no_turns", "no_neighbours", "tools", "calls", "date",
    "address", "trigger",
]  # fmt: skip
"""What a template cannot take (no_…), what it can, and what in it deserves a look:

system_is_fixed: it writes a system prompt of its own where the chat has none.
date: it puts in the date. address: it holds the address of a page.
trigger: it looks for certain words in what is written.
"""


class Question(Struct, frozen=True):
    """A template and the texts of its model that it may print."""

    source: str
    bos: str = ""
    eos: str = ""
    control: tuple[str, ...] = ()
    """The vocabulary's control tokens."""


class Report(Struct, frozen=True):
    """What was seen."""

    sample: str = ""
    """A short chat as the model would read it; empty if none could be rendered."""
    question: str = ""
    """A question alone, without a system prompt; empty if that could not be rendered."""
    problem: str = ""
    """Why it cannot be used, in words; empty if it can."""
    findings: tuple[Finding, ...] = ()
    triggers: tuple[str, ...] = ()
    """Words that it looks for."""
    control: tuple[str, ...] = ()
    """Control tokens that it writes."""
