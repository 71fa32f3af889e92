"""Looks at a chat template in a process of its own: renders a sample, says what is unusual.

Reads a `Question` in JSON on standard input and writes a `Report` to standard output. What a
template does is bounded by the sandbox; that this is another process bounds what is left.
"""

import re
import sys
from collections.abc import Sequence

import msgspec

from backends.chat.template import ChatTemplate, Message
from backends.chat.template_report import Finding, Question, Report
from backends.chat.traits import probe
from backends.errors import TemplateError

_MOST_CHARACTERS = 4_000_000
_SAMPLE_SECONDS = 1.0
_SYSTEM, _FIRST, _ANSWER, _SECOND = (
    "You are a careful assistant.", "What is 2 + 2?", "4.", "And times 3?",
)  # fmt: skip
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_DATE = re.compile(r"strftime_now|date_string|datetime")
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_TRIGGER = re.compile(
    r"""(["'])(?P<word>[^"'<>\[\]{}\\|]{3,})\1\s+(not\s+)?in\s+[\w.\[\]"']*content""",
)
"""Words looked for in a message, but for marks like "</think>", which many look for."""
_FIXED_LEAST = 24
"""Characters before the question, beyond marks and roles, that make a system prompt."""
_MARKS = re.compile(r"<[^<>\s]{1,40}>|\[[A-Z_/]{1,20}\]")


def look_at(question: Question) -> Report:
    """Compile the template, render a sample, and try what it takes."""
    try:
        template = ChatTemplate(question.source, bos=question.bos, eos=question.eos)
        sample = _sample(template)
    except TemplateError as error:
        return Report(problem=" ".join(filter(None, (error.message, error.detail))))
    source = _COMMENT.sub("", question.source)
    triggers = tuple(dict.fromkeys(match["word"] for match in _TRIGGER.finditer(source)))
    control = tuple(token for token in question.control if token and token in sample)
    alone = _question(template)
    return Report(
        sample=sample,
        question=alone,
        findings=(*_abilities(template), *_oddities(alone, source, bool(triggers))),
        triggers=triggers[:10],
        control=control[:40],
    )


def _sample(template: ChatTemplate) -> str:
    """The longest of a few chats that the template takes. Raises TemplateError if it takes none."""
    turns = _turns(("user", _FIRST), ("assistant", _ANSWER), ("user", _SECOND))
    tries = (_turns(("system", _SYSTEM)) + turns, turns, turns[:1])
    for messages in tries[:-1]:
        try:
            return template.render(messages, seconds=_SAMPLE_SECONDS)
        except TemplateError:
            continue
    return template.render(tries[-1], seconds=_SAMPLE_SECONDS)


def _turns(*turns: tuple[str, str]) -> list[Message]:
    return [{"role": role, "content": content} for role, content in turns]


def _abilities(template: ChatTemplate) -> Sequence[Finding]:
    traits = probe(template)
    found: list[Finding] = []
    if not traits.system:
        found.append("no_system")
    if not traits.question:
        found.append("no_turns")
    if not traits.neighbours:
        found.append("no_neighbours")
    if traits.tools:
        found.append("tools")
    if traits.calls != "none":
        found.append("calls")
    return found


def _question(template: ChatTemplate) -> str:
    try:
        return template.render(_turns(("user", _FIRST)), seconds=_SAMPLE_SECONDS)
    except TemplateError:
        return ""


def _oddities(question: str, source: str, triggers: bool) -> Sequence[Finding]:
    found: list[Finding] = []
    before = question.partition(_FIRST)[0]
    if len(_MARKS.sub("", before).strip()) >= _FIXED_LEAST:
        found.append("system_is_fixed")
    if _DATE.search(source):
        found.append("date")
    if _ADDRESS.search(source):
        found.append("address")
    if triggers:
        found.append("trigger")
    return found


def main() -> int:
    """Answer one question; the exit status is 0 unless there is none."""
    try:
        question = msgspec.json.decode(sys.stdin.buffer.read(_MOST_CHARACTERS), type=Question)
    except msgspec.DecodeError:
        return 2
    sys.stdout.buffer.write(msgspec.json.encode(look_at(question)))
    return 0
