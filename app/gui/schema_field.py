"""A field for a JSON Schema: checked while it is typed, the last good one stays in force."""

import json

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from app.gui.controls.focus import RingFocus, RingShape
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from backends.types import JsonObject, JsonSchema

HEIGHT = 104


class _JsonEdit(RingFocus, QPlainTextEdit):
    """Monospaced plain text. Tab leaves."""

    ring_shape: RingShape = "field"

    def __init__(self, icons: Icons, name: str, placeholder: str) -> None:
        super().__init__()
        self._icons = icons
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setFixedHeight(HEIGHT)
        self.viewport().setAutoFillBackground(False)
        self._follow_theme()
        icons.theme.changed.connect(self._follow_theme)

    def _follow_theme(self) -> None:
        self.setFont(self._icons.theme.font("caption", mono=True))

    def set_wrong(self, wrong: bool) -> None:
        """Red border or not."""
        if self.property("wrong") != wrong:
            self.setProperty("wrong", wrong)
            self.style().unpolish(self)
            self.style().polish(self)


class SchemaField(QWidget):
    """What JSON an answer must be: empty is any object."""

    changed = Signal()

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._good = ""
        """The last text that was a schema."""
        name = self.tr("JSON Schema")
        self.edit = _JsonEdit(icons, name, self.tr("JSON Schema. Empty allows any JSON object."))
        self.edit.setToolTip(self.tr("The answer can be nothing but JSON that this schema allows"))
        self.note = Label("", "caption", "danger", wrap=True)
        self.note.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(4)
        column.addWidget(self.edit)
        column.addWidget(self.note)
        self.edit.textChanged.connect(self._typed)

    def constraint(self) -> JsonObject | JsonSchema:
        """The last good value."""
        return JsonSchema(self._good) if self._good else JsonObject()

    def show_constraint(self, constraint: JsonObject | JsonSchema) -> None:
        """Show what is in force without telling; what is being typed stays."""
        text = constraint.schema if isinstance(constraint, JsonSchema) else ""
        if text != self._good:
            self._replace(text)

    def clear(self) -> None:
        """Forget everything without telling, what is being typed too: it was of another chat."""
        self._replace("")

    def _replace(self, text: str) -> None:
        self._good = text
        blocked = self.edit.blockSignals(True)
        self.edit.setPlainText(text)
        self.edit.blockSignals(blocked)
        self._say("")

    def _typed(self) -> None:
        text = self.edit.toPlainText().strip()
        problem = self._problem(text)
        self._say(problem)
        if not problem and text != self._good:
            self._good = text
            self.changed.emit()

    def _problem(self, text: str) -> str:
        """What is wrong with a schema, for a person; "" if nothing is."""
        if not text:
            return ""
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            words = self.tr("Line %1: this is not JSON (%2).")
            return words.replace("%1", str(error.lineno)).replace("%2", error.msg)
        except ValueError:  # Python's own limit
            return self.tr("A number in this is too long.")
        except RecursionError:
            return self.tr("This is nested too deeply.")
        if not isinstance(value, dict):
            return self.tr("A schema is an object: it begins with {.")
        return ""

    def _say(self, problem: str) -> None:
        self.edit.set_wrong(bool(problem))
        self.edit.setAccessibleDescription(problem)
        self.note.setText(problem)
        self.note.setVisible(bool(problem))
        self.note.setAlignment(Qt.AlignmentFlag.AlignLeft)
