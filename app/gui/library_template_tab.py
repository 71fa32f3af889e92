"""The chat template of a model: its text, a sample chat as the model reads it, what is unusual."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.base_template import Comparison
from app.core.errors import AppError
from app.gui import formatting
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.segments import Segments
from app.gui.icons import Icons
from app.gui.library_template_lines import (
    Sentence,
    change_lines,
    compared,
    found,
    token_count,
    token_lines,
)
from app.gui.marked_text import MarkedText
from backends.chat.template_report import Report
from backends.chat.token_view import TextToken

TEMPLATE, SAMPLE, TOKENS, CHANGES = range(4)
"""The views."""


class TemplateTab(QWidget):
    """Shows what it is told; asks for a look at the template when it is first in view."""

    check_asked = Signal()
    tokens_asked = Signal(str)
    """The text whose tokens are wanted."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._forget("")
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        self.note = Label("", "caption", "text-3", wrap=True)
        column.addWidget(self.note)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(4)
        column.addLayout(self._lines)
        column.addSpacing(4)
        self.findings: list[str] = []
        self._rows: list[QWidget] = []
        names = (self.tr("Template"), self.tr("Sample"), self.tr("Tokens"), self.tr("Changes"))
        self.views = Segments(icons, self.tr("View of the template"), names)
        self.views.chosen.connect(self._show_text)
        column.addWidget(self.views)
        self.caption = Label("", "caption", "text-3", wrap=True)
        column.addWidget(self.caption)
        self.text = MarkedText(icons.theme, self.tr("Chat template"))
        column.addWidget(self.text, 1)
        self.show_template("")

    def _forget(self, source: str) -> None:
        self._source = source
        self._asked = self._asked_tokens = False
        self._report: Report | None = None
        self._tokens: tuple[TextToken, ...] | AppError | None = None
        self._comparison: Comparison | AppError | None = None
        self._compared = self._failed = False

    def show_template(self, source: str) -> None:
        """Show another template, or that there is none."""
        if source == self._source and source:
            return
        self._forget(source)
        self.note.setText(
            self.tr("How chats are written down for this model (chat template). It comes with the "
                    "file.")
            if source
            else self.tr("This file brings no chat template.")
        )  # fmt: skip
        self._show_findings([])
        for part in (self.views, self.text):
            part.setVisible(bool(source))
        self._show_text()
        self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        """Now somebody wants to know."""
        super().showEvent(event)
        self._ask()

    def _ask(self) -> None:
        if self._source and self.isVisible() and not self._asked:
            self._asked = True
            self.check_asked.emit()

    # What it is told

    def show_report(self, report: Report | None) -> None:
        """What a look at the template found."""
        self._report = report
        self._show_sentences()
        self._show_text()

    def show_problem(self, error: AppError) -> None:
        """The look failed."""
        self._failed = True
        self._show_findings([Sentence(formatting.error_words(error), "triangle-alert", "warning")])

    def show_tokens(self, tokens: tuple[TextToken, ...] | AppError) -> None:
        """The sample as tokens, or why they cannot be shown."""
        self._tokens = tokens
        self._show_text()

    def show_comparison(self, comparison: Comparison | AppError | None) -> None:
        """How the template stands to its base's; None: no base is known. Or why nobody knows."""
        self._comparison, self._compared = comparison, True
        self._show_sentences()
        self._show_text()

    # Sentences above

    def _show_sentences(self) -> None:
        if self._failed:
            return
        sentences = found(self._report) if self._report else []
        if self._compared:
            sentences.append(self._comparing())
        self._show_findings(sorted(sentences, key=lambda each: each.role not in _LOUD))

    def _comparing(self) -> Sentence:
        if isinstance(self._comparison, Comparison):
            return compared(self._comparison)
        if self._comparison is None:
            return Sentence(self.tr("Which model it was made from is not known here."))
        words = self.tr("Not compared with the original: %1")
        return Sentence(words.replace("%1", formatting.error_words(self._comparison)))

    def _show_findings(self, sentences: list[Sentence]) -> None:
        for row in self._rows:
            self._lines.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [self._line(sentence) for sentence in sentences]
        self.findings = [sentence.words for sentence in sentences]

    def _line(self, sentence: Sentence) -> QWidget:
        line = QWidget(self)
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        icon = IconView(self._icons, sentence.icon, 14, sentence.role)
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(Label(sentence.words, "caption", "text-2", wrap=True), 1)
        self._lines.addWidget(line)
        line.show()
        return line

    # The view below

    def _show_text(self, _: int = 0) -> None:
        caption = ""
        match self.views.current():
            case view if view == SAMPLE:
                self.text.show_text(self._sample() or self._nothing())
            case view if view == TOKENS:
                caption = self._show_tokens()
            case view if view == CHANGES:
                caption = self._show_changes()
            case _:
                self.text.show_text(self._source)
        self.caption.setText(caption)
        self.caption.setVisible(bool(caption))

    def _sample(self) -> str:
        return self._report.sample if self._report else ""

    def _nothing(self) -> str:
        """A sample that is still to come, or will never."""
        done = self._failed or self._report is not None
        return self.tr("No sample can be shown.") if done else self.tr("…")

    def _show_tokens(self) -> str:
        if isinstance(self._tokens, AppError):
            self.text.show_text(formatting.error_words(self._tokens))
            return ""
        if self._tokens is not None:
            self.text.show_lines(token_lines(self._tokens))
            return token_count(self._tokens)
        self.text.show_text(self._nothing() if not self._sample() else self.tr("…"))
        if self._sample() and not self._asked_tokens:
            self._asked_tokens = True
            self.tokens_asked.emit(self._sample())
        return ""

    def _show_changes(self) -> str:
        if isinstance(self._comparison, Comparison) and self._comparison.changes:
            self.text.show_lines(change_lines(self._comparison.changes))
            words = self.tr("− as %1 has it, + as this file has it")
            return words.replace("%1", self._comparison.base)
        self.text.show_text(self._comparing().words if self._compared else self.tr("…"))
        return ""


_LOUD = ("danger", "warning")
"""Roles of sentences that come first."""
