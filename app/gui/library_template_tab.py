"""The chat template of a model: its text, a sample chat as the model reads it, what is unusual."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.gui import formatting
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.segments import Segments
from app.gui.icons import Icons
from backends.chat.template_check import Finding, Report

_WARNINGS: tuple[Finding, ...] = ("trigger", "address", "no_turns")
_TEMPLATE, _SAMPLE = 0, 1


class TemplateTab(QWidget):
    """Shows what it is told; asks for a look at the template when it is first in view."""

    check_asked = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._source = ""
        self._report: Report | None = None
        self._asked = False
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
        names = (self.tr("Template"), self.tr("As the model reads it"))
        self.views = Segments(icons, self.tr("View of the template"), names)
        self.views.chosen.connect(self._show_text)
        column.addWidget(self.views)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setProperty("log", True)
        self.text.setAccessibleName(self.tr("Chat template"))
        self.text.setTabChangesFocus(True)
        column.addWidget(self.text, 1)
        self.show_template("")

    def show_template(self, source: str) -> None:
        """Show another template, or that there is none."""
        if source == self._source and source:
            return
        self._source, self._report, self._asked = source, None, False
        self.note.setText(
            self.tr("How chats are written down for this model (chat template). It comes with the "
                    "file.")
            if source
            else self.tr("This file brings no chat template.")
        )  # fmt: skip
        self._show_findings([])
        self.views.setVisible(bool(source))
        self.text.setVisible(bool(source))
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

    def show_report(self, report: Report | None) -> None:
        """What a look at the template found."""
        self._report = report
        if report is not None:
            self._show_findings(self._sentences(report))
        self._show_text()

    def show_problem(self, error: AppError) -> None:
        """The look failed."""
        self._show_findings([(formatting.error_words(error), "triangle-alert", "warning")])

    def _sentences(self, report: Report) -> list[tuple[str, str, str]]:
        """Words, icon and its role for each finding, warnings first."""
        if report.problem:
            return [(report.problem, "circle-x", "danger")]
        triggers = ", ".join(f"“{word}”" for word in report.triggers)
        words: dict[Finding, str] = {
            "trigger": self.tr("It looks for certain words in messages: %1.").replace(
                "%1", triggers
            ),
            "address": self.tr("It holds the address of a page."),
            "no_turns": self.tr("It loses what is asked."),
            "no_system": self.tr("It takes no system prompt."),
            "system_is_fixed": self.tr("Without a system prompt it writes one of its own."),
            "no_neighbours": self.tr("Question and answer must take turns."),
            "date": self.tr("It tells the model today’s date."),
            "tools": self.tr("It can describe tools."),
            "calls": self.tr("It can write down calls of tools."),
        }
        found = [each for each in words if each in report.findings]
        sentences = [
            (words[each], "triangle-alert", "warning")
            if each in _WARNINGS
            else (words[each], "info", "text-3")
            for each in found
        ]
        if report.control:
            text = self.tr("Control tokens: %1").replace("%1", " ".join(report.control[:6]))
            sentences.append((text, "info", "text-3"))
        return sentences

    def _show_findings(self, sentences: list[tuple[str, str, str]]) -> None:
        for row in self._rows:
            self._lines.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [self._line(*sentence) for sentence in sentences]
        self.findings = [words for words, _, _ in sentences]

    def _line(self, words: str, icon: str, role: str) -> QWidget:
        line = QWidget(self)
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(IconView(self._icons, icon, 14, role), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(Label(words, "caption", "text-2", wrap=True), 1)
        self._lines.addWidget(line)
        line.show()
        return line

    def _show_text(self, _: int = 0) -> None:
        sample = self._report.sample if self._report else ""
        if self.views.current() == _SAMPLE:
            self.text.setPlainText(sample or self.tr("…"))
        elif self.text.toPlainText() != self._source:
            self.text.setPlainText(self._source)
