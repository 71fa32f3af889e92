"""The right side of the preset editor: what the model receives, and what is not saved yet."""

import html
from collections.abc import Mapping
from textwrap import shorten

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.core.conversations import Conversation
from app.core.presets import VARIABLES, Preset
from app.gui import formatting
from app.gui.context import AppContext
from app.gui.controls.buttons import Button
from app.gui.controls.card import Line, Region
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.focus import RingFocus, RingShape
from app.gui.controls.labels import Label
from app.gui.preset_changes import Change, changes
from app.gui.preset_prompt import VARIABLE
from app.gui.sampling_table import parameter_names
from app.gui.stop_strings import shown

LINE = 22
EXAMPLES = 6
"""Messages shown of those that a chat begins with."""
EXAMPLE = 160
"""Characters shown of each."""


class PreviewScroll(RingFocus, QScrollArea):
    """Scrolls with the keyboard too, and shows it."""

    ring_shape: RingShape = "edge"
    ring_radius = 0


class PresetPreview(Region):
    """Follows the editor."""

    try_asked = Signal()

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__("sidebar", parent)
        self._context = context
        self._preset: Preset | None = None
        self.setFixedWidth(context.theme.metric("inspector") - 1)  # the line beside it counts
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.text.setProperty("type", "body")
        self.text.setAccessibleName(self.tr("What the model receives"))
        self._lay_out()
        context.theme.changed.connect(self._show_text)
        context.bridge.on(context.settings.changed, self._settings_changed)

    def _lay_out(self) -> None:
        head = Label(self.tr("What the model receives"), "group-title")
        head.setFixedHeight(self._context.theme.metric("header") - 1)  # the line below counts
        head.setContentsMargins(16, 1, 16, 0)
        inner = QWidget()
        body = QVBoxLayout(inner)
        body.setContentsMargins(16, 11, 16, 16)
        body.setSpacing(0)
        body.addWidget(Label(self.tr("System"), "caption", "text-3"))
        body.addSpacing(3)
        body.addWidget(self.text)
        self.examples = Label("", "caption", "text-2", wrap=True)
        self.examples_part = QWidget()
        examples = QVBoxLayout(self.examples_part)
        examples.setContentsMargins(0, 11, 0, 0)
        examples.addWidget(self.examples)
        body.addWidget(self.examples_part)
        self.changed_part = QWidget()
        part = QVBoxLayout(self.changed_part)
        part.setContentsMargins(0, 11, 0, 0)
        part.setSpacing(0)
        part.addWidget(Line())
        part.addSpacing(12)
        part.addWidget(Label(self.tr("Changes since the last save"), "group-title"))
        part.addSpacing(7)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        part.addLayout(self._rows)
        body.addWidget(self.changed_part)
        body.addStretch(1)
        scroll = PreviewScroll()
        scroll.setAccessibleName(self.tr("What the model receives"))
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 15, 16, 16)
        foot.setSpacing(9)
        foot.addWidget(Label(self.tr("See how it answers before you save."), "caption", "text-2"))
        self.try_button = Button(
            self._context.icons, self.tr("Try in a new chat"), "message-square"
        )
        self.try_button.clicked.connect(self.try_asked)
        foot.addWidget(self.try_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(Line())
        column.addWidget(scroll, 1)
        column.addWidget(Line())
        column.addLayout(foot)

    def show_preset(self, shown: Preset, stored: Preset) -> None:
        """Follow what is typed."""
        self._preset = shown
        self._show_text()
        self._show_examples(shown)
        self._show_changes(changes(stored, shown))

    def _show_examples(self, preset: Preset) -> None:
        """The messages that a chat begins with, cut where they are long."""
        names = {"user": self.tr("You"), "assistant": self.tr("Model")}
        lines = [
            f"{names[each.role]}: {shorten(each.content, EXAMPLE, placeholder='…')}"
            for each in preset.messages[:EXAMPLES]
        ]
        if more := len(preset.messages) - len(lines):
            lines.append(self.tr("and %1 more").replace("%1", str(more)))
        self.examples.setText("\n".join([self.tr("Every chat begins with:"), *lines]))
        self.examples_part.setVisible(bool(lines))

    def _settings_changed(self, _: object) -> None:
        self._show_text()

    def _show_text(self) -> None:
        if self._preset is None:
            return
        text = self._preset.system_prompt.strip()
        if not text:
            words = self.tr("Nothing: the model answers as it was trained.")
            role = self._context.theme.css("text-3")
            self.text.setText(f'<span style="color:{role}">{html.escape(words)}</span>')
            return
        self.text.setText(filled(text, self._values(), self._context.theme.css("accent")))

    def _values(self) -> Mapping[str, str]:
        """What each variable becomes, told by the part that really fills them."""
        chat = self._context.chat
        return {
            name: chat.system_prompt(
                Conversation(id=0, title="", created=0, updated=0, system_prompt="{{" + name + "}}")
            )
            for name in VARIABLES
        }

    def _show_changes(self, found: tuple[Change, ...]) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for change in found:
            self._rows.addWidget(self._row(change))
        self.changed_part.setVisible(bool(found))

    def _row(self, change: Change) -> QWidget:
        row = QWidget()
        row.setFixedHeight(24)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(Label(self._names()[change.field], "caption", "text-2"))
        line.addStretch(1)
        if change.lines:
            many = self.tr("%n lines", "", change.lines)
            after = self.tr("1 line") if change.lines == 1 else many
        else:
            before = ElidedLabel(self._words(change.before), "caption", "text-3")
            struck = before.font()
            struck.setStrikeOut(True)
            before.setFont(struck)
            before.setMaximumWidth(100)
            line.addWidget(before)
            after = self._words(change.after)
        new = ElidedLabel(after, "caption", "text")
        new.setMaximumWidth(120)
        line.addWidget(new)
        return row

    def _names(self) -> Mapping[str, str]:
        return {
            **parameter_names(),
            "name": self.tr("Name"),
            "icon": self.tr("Icon"),
            "model": self.tr("Model"),
            "system_prompt": self.tr("System prompt"),
        }

    def _words(self, value: object) -> str:
        if value is None or value == ():
            return self.tr("none")
        if isinstance(value, tuple):
            return " ".join(shown(each) if isinstance(each, str) else str(each) for each in value)
        if isinstance(value, bool):
            return self.tr("on") if value else self.tr("off")
        if isinstance(value, int):
            return formatting.number(value)
        return f"{value:.2f}" if isinstance(value, float) else str(value)


def filled(text: str, values: Mapping[str, str], accent: str) -> str:
    """`text` as HTML, its variables filled and in the accent colour."""
    parts: list[str] = []
    end = 0
    for match in VARIABLE.finditer(text):
        parts.append(html.escape(text[end : match.start()]))
        value = html.escape(values[match["name"]])
        parts.append(f'<span style="color:{accent};font-weight:500">{value}</span>')
        end = match.end()
    parts.append(html.escape(text[end:]))
    body = "".join(parts).replace("\n", "<br>")
    return f'<div style="line-height:{LINE}px">{body}</div>'
