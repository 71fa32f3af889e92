"""A system prompt being written: variables stand out, its size is told, it can be made larger."""

import re
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import (
    QFont,
    QHelpEvent,
    QSyntaxHighlighter,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QHBoxLayout, QTextEdit, QToolTip, QWidget

from app.core.engine_errors import refusal
from app.core.errors import AppError
from app.core.presets import VARIABLES
from app.core.runtime import LoadedModel
from app.gui import formatting
from app.gui.context import AppContext
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.focus import RingFocus, RingShape
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.controls.segments import Chip
from app.gui.icons import Icons
from app.gui.worker import Task
from backends.errors import BackendError
from backends.types import ChatMessage

COUNT_DELAY_MS = 300
CHARACTERS_PER_TOKEN = 4
"""Of English prose, for a guess while no model is loaded."""

VARIABLE = re.compile(r"\{\{[ \t]*(?P<name>" + "|".join(VARIABLES) + r")[ \t]*\}\}")
"""A variable as `fill_variables` knows it."""

UNKNOWN_VARIABLE = re.compile(
    r"(?!" + VARIABLE.pattern.replace("?P<name>", "?:") + r")\{\{[^{}]*\}\}"
)
"""What looks like a variable and is sent as it stands."""


class VariableHighlighter(QSyntaxHighlighter):
    """Paints `{{date}}` and the like on a tinted ground, names it does not know as a warning."""

    def __init__(self, icons: Icons, document: QTextDocument) -> None:
        super().__init__(document)
        self._theme = icons.theme
        icons.theme.changed.connect(self.rehighlight)

    def highlightBlock(self, text: str) -> None:
        """One paragraph."""
        for pattern, role in ((VARIABLE, "accent"), (UNKNOWN_VARIABLE, "warning")):
            look = self._look(role)
            for match in pattern.finditer(text):
                self.setFormat(match.start(), match.end() - match.start(), look)

    def _look(self, role: str) -> QTextCharFormat:
        look = QTextCharFormat()
        font: QFont = self._theme.font("caption", mono=True)
        look.setFontFamilies(font.families())
        look.setForeground(self._theme.color(role))
        look.setBackground(self._theme.color(f"{role}-tint"))
        return look


class VariableEdit(RingFocus, QTextEdit):
    """A field for plain text that shows variables; lines stand as far apart as told. Tab leaves."""

    ring_shape: RingShape = "field"

    def __init__(
        self, icons: Icons, name: str, placeholder: str = "", *, line_height: int = 20
    ) -> None:
        super().__init__()
        self._line_height = line_height
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setStyleSheet("padding-top: 5px")  # the distance of lines adds above the first one
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.viewport().setAutoFillBackground(False)
        self.highlighter = VariableHighlighter(icons, self.document())
        self._space_lines()

    def viewportEvent(self, event: QEvent) -> bool:
        """A tip on what looks like a variable and is none."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self)
            return True
        return super().viewportEvent(event)

    def tip_at(self, position: QPoint) -> str:
        """What there is to say of the text at a point of the field."""
        cursor = self.cursorForPosition(position)
        place = cursor.positionInBlock()
        for match in UNKNOWN_VARIABLE.finditer(cursor.block().text()):
            if match.start() <= place <= match.end():
                words = self.tr("No variable is called %1. It is sent as it stands.")
                return words.replace("%1", match[0])
        return ""

    def insert_variable(self, name: str) -> None:
        """Put a variable where the cursor is."""
        self.insertPlainText("{{" + name + "}}")
        self.setFocus()

    def show_text(self, text: str) -> None:
        """Another text, without telling; the same text keeps its cursor and what can be undone."""
        if text != self.toPlainText():
            blocked = self.blockSignals(True)
            self.setPlainText(text)
            self._space_lines()
            self.blockSignals(blocked)

    def replace_text(self, text: str) -> None:
        """Another text as if it had been typed here."""
        if text != self.toPlainText():
            self.show_text(text)
            self.textChanged.emit()

    def _space_lines(self) -> None:
        self.document().setUndoRedoEnabled(False)  # spacing is not a step to undo
        spacing = QTextBlockFormat()
        fixed = QTextBlockFormat.LineHeightTypes.FixedHeight
        spacing.setLineHeight(self._line_height, fixed.value)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(spacing)
        self.document().setUndoRedoEnabled(True)


class InsertRow(QWidget):
    """Buttons that insert a variable each."""

    def __init__(self, icons: Icons, edit: VariableEdit) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(Label(self.tr("Insert"), "caption", "text-3"))
        tips = {
            "date": self.tr("Becomes today's date when a message is sent"),
            "user": self.tr("Becomes your name from the settings when a message is sent"),
            "language": self.tr("Becomes the language of the window when a message is sent"),
        }
        for name in VARIABLES:
            chip = Chip(icons, name, checkable=False, height=20)
            chip.setAccessibleName(self.tr("Insert %1").replace("%1", name))
            chip.setToolTip(tips[name])
            chip.clicked.connect(lambda _=False, name=name: edit.insert_variable(name))
            row.addWidget(chip)
        row.addStretch(1)


class LargerPrompt(Overlay):
    """The same text in a large field over the window; what is typed goes back at once."""

    def __init__(
        self, icons: Icons, host: QWidget, text: str, took: Callable[[str], object]
    ) -> None:
        super().__init__(icons, "", host, width=min(760, host.width() - 64))
        title = self.tr("System prompt")
        self.setAccessibleName(title)
        self.body.setContentsMargins(20, 12, 12, 16)
        self.body.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(Label(title, "page-title"), 1)
        close = IconButton(icons, "x", self.tr("Close"), shortcut="Esc")
        close.clicked.connect(self.dismiss)
        head.addWidget(close)
        self.body.addLayout(head)
        self.edit = VariableEdit(icons, title)
        self.edit.show_text(text)
        self.edit.setFixedHeight(max(200, min(520, host.height() - 200)))
        self.edit.textChanged.connect(lambda: took(self.edit.toPlainText()))
        holder = QHBoxLayout()
        holder.setContentsMargins(0, 0, 8, 0)
        holder.addWidget(self.edit)
        self.body.addLayout(holder)
        foot = QHBoxLayout()
        foot.setContentsMargins(0, 0, 8, 0)
        foot.addWidget(InsertRow(icons, self.edit), 1)
        done = Button(icons, self.tr("Done"))
        done.clicked.connect(self.dismiss)
        foot.addWidget(done)
        self.body.addLayout(foot)
        self.closed.connect(self.deleteLater)


class TokenLabel(Label):
    """How many tokens a system prompt takes: counted by a loaded model, else a guess."""

    def __init__(self, context: AppContext) -> None:
        super().__init__("", "caption", "text-3")
        self._worker = context.worker
        self._model: LoadedModel | None = None
        self._text = ""
        self._task: Task | None = None
        self._soon = QTimer(self, singleShot=True, interval=COUNT_DELAY_MS)
        self._soon.timeout.connect(self._count)

    def show_text(self, text: str, model: LoadedModel | None) -> None:
        """Tell the size of another text, or with another model."""
        # What is typed goes to no server before it is sent, not even to be counted.
        local = model is not None and not model.model.is_remote
        ready = model if local and model is not None and model.state == "ready" else None
        if (text, ready) == (self._text, self._model) and self.text():
            return
        other_text = text != self._text
        self._text, self._model = text, ready
        if other_text or not self.text():
            self._guess()
        if ready is not None and text.strip():
            self._soon.start()

    def _guess(self) -> None:
        if not self._text.strip():
            self.setText(self.tr("empty"))
            return
        about = max(1, round(len(self._text) / CHARACTERS_PER_TOKEN))
        self.setText(self.tr("about %1 tokens").replace("%1", formatting.number(about)))

    def _count(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._model is not None:
            self._task = self._worker.run(
                count, self._model, self._text, done=self._show, failed=self._keep_guess
            )

    def _show(self, tokens: int) -> None:
        self.setText(self.tr("%1 tokens").replace("%1", formatting.number(tokens)))

    def _keep_guess(self, _: AppError) -> None:
        self._guess()


def count(model: LoadedModel, text: str) -> int:
    """Tokens that a system prompt adds to a message, as the model's template writes it. Blocks."""
    question = ChatMessage("user", "")
    # Compared with a system prompt of one token: without any, or for an empty one, some templates
    # put in one of their own, which is longer than a short prompt.
    shortest = ChatMessage("system", "x")
    try:
        with_prompt = model.engine.count_tokens((ChatMessage("system", text), question))
        return max(1, 1 + with_prompt - model.engine.count_tokens((shortest, question)))
    except BackendError as error:
        raise refusal(error) from error
