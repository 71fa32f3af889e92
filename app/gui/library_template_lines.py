"""Tokens and changes of a template as lines with colours, and findings as sentences."""

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QCoreApplication

from app.core.base_template import Comparison
from app.gui.marked_text import Lines, Span
from backends.chat.template_report import Finding, Report
from backends.chat.token_view import TextToken

_WARNINGS: tuple[Finding, ...] = ("trigger", "address", "no_turns")
_MARKS = str.maketrans({" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍"})
"""Blanks are seen, and each token keeps to one line."""


class Sentence(NamedTuple):
    """What was found, with an icon and the role of its colour."""

    words: str
    icon: str = "info"
    role: str = "text-3"


def token_lines(tokens: Sequence[TextToken]) -> Lines:
    """One line for each token: its id, what it spells, and whether it structures the chat."""
    wide = max((len(str(token.id)) for token in tokens), default=0)
    return [_token_line(token, wide) for token in tokens]


def _token_line(token: TextToken, wide: int) -> Sequence[Span]:
    number = Span(f"{token.id:>{wide}}  ", "text-3")
    if not token.control:
        return number, Span(token.text.translate(_MARKS), "text")
    word = QCoreApplication.translate("template", "control")
    return number, Span(token.text, "accent", "accent-tint", bold=True), Span(f"  {word}", "text-3")


def token_count(tokens: Sequence[TextToken]) -> str:
    """How many there are, in words."""
    words = QCoreApplication.translate("template", "%1 tokens, %2 of them control tokens")
    control = sum(token.control for token in tokens)
    return words.replace("%1", str(len(tokens))).replace("%2", str(control))


def change_lines(changes: str) -> Lines:
    """A unified diff: what the original has in red, what this file has instead in green."""
    return [(_change(line),) for line in changes.splitlines()]


def _change(line: str) -> Span:
    match line[:1]:
        case "+":
            return Span(line, "success", "success-tint")
        case "-":
            return Span(line, "danger", "danger-tint")
        case "@":
            return Span(line, "text-3")
    return Span(line)


def compared(comparison: Comparison) -> Sentence:
    """How the template stands to its base's, and what that means."""
    if comparison.no_template:
        words = QCoreApplication.translate(
            "template", "%1 has no chat template to compare it with."
        )
        return _about(comparison, words, "info", "text-3")
    if comparison.from_list:
        words = QCoreApplication.translate(
            "template",
            "It is the template of %1 as Corral’s list knows it; the hub was not asked.",
        )
        return _about(comparison, words, "check", "success")
    if comparison.same:
        words = QCoreApplication.translate("template", "It is the template of %1, unchanged.")
        return _about(comparison, words, "check", "success")
    if comparison.same_sample:
        words = QCoreApplication.translate(
            "template",
            "It differs from the template of %1, but a short chat comes out the same.",
        )
        return _about(comparison, words, "info", "text-3")
    words = QCoreApplication.translate(
        "template",
        "It differs from the template of %1, and the model reads a chat otherwise: somebody "
        "mended it, or slipped something in. Look at the changes.",
    )
    return _about(comparison, words, "triangle-alert", "warning")


def _about(comparison: Comparison, words: str, icon: str, role: str) -> Sentence:
    return Sentence(words.replace("%1", comparison.base), icon, role)


def found(report: Report) -> list[Sentence]:
    """What a look at the template found, warnings first."""
    if report.problem:
        return [Sentence(report.problem, "circle-x", "danger")]
    words = _words(report)
    sentences = [
        Sentence(words[each], "triangle-alert", "warning")
        if each in _WARNINGS
        else Sentence(words[each])
        for each in words
        if each in report.findings
    ]
    if report.control:
        text = QCoreApplication.translate("template", "Control tokens: %1")
        sentences.append(Sentence(text.replace("%1", " ".join(report.control[:6]))))
    return sentences


def _words(report: Report) -> dict[Finding, str]:
    translate = QCoreApplication.translate
    triggers = ", ".join(f"“{word}”" for word in report.triggers)
    return {
        "trigger": translate("template", "It looks for certain words in messages: %1.").replace(
            "%1", triggers
        ),
        "address": translate("template", "It holds the address of a page."),
        "no_turns": translate("template", "It loses what is asked."),
        "no_system": translate("template", "It takes no system prompt."),
        "system_is_fixed": translate(
            "template", "Without a system prompt it writes one of its own."
        ),
        "no_neighbours": translate("template", "Question and answer must take turns."),
        "date": translate("template", "It tells the model today’s date."),
        "tools": translate("template", "It can describe tools."),
        "calls": translate("template", "It can write down calls of tools."),
    }
