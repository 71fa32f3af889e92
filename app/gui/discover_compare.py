"""Comparing two or three models side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from app.gui import formatting
from app.gui.controls.badges import FIT_TONES, Badge
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.card import Line
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.discover_fit import fit_word, speed_words
from app.gui.discover_rows import capability_word
from app.gui.discover_subject import Subject
from app.gui.icons import Icons
from app.gui.variants_lines import VariantLine

MOST = 3
_NAMES, _COLUMN = 120, 184
_GAP, _SIDE = 16, 24


@dataclass(frozen=True)
class Compared:
    """One model with the variant that would be taken."""

    subject: Subject
    line: VariantLine | None


def compared_rows(models: Sequence[Compared]) -> list[tuple[str, list[str]]]:
    """The name of each row and what it says of each model; a dash for what is not known."""
    translate = QCoreApplication.translate
    lines = [each.line for each in models]
    subjects = [each.subject for each in models]
    attention = [_attention(subject) for subject in subjects]
    rows = [
        (translate("compare", "Variant"), [line.label if line else "" for line in lines]),
        (
            translate("compare", "Size"),
            [
                formatting.file_size(line.download_size, about=line.about) if line else ""
                for line in lines
            ],
        ),
        (
            translate("compare", "Memory at 8K"),
            [
                formatting.memory_size(line.judged.need) if line and line.judged else ""
                for line in lines
            ],
        ),
        (
            translate("compare", "Speed"),
            [speed_words(line.speed).rstrip(".") if line else "" for line in lines],
        ),
        (
            translate("compare", "Parameters"),
            [_parameters(subject) for subject in subjects],
        ),
        (
            translate("compare", "Context"),
            [
                formatting.number(subject.context_length) if subject.context_length else ""
                for subject in subjects
            ],
        ),
        (translate("compare", "Can do"), [_abilities(subject) for subject in subjects]),
        (translate("compare", "Licence"), [subject.licence for subject in subjects]),
        (translate("compare", "Layers"), [_layers(subject) for subject in subjects]),
        (translate("compare", "Attention"), attention),
    ]
    known = [(name, values) for name, values in rows if any(values)]
    return [(name, [value or formatting.UNKNOWN for value in values]) for name, values in known]


def _parameters(subject: Subject) -> str:
    if not subject.parameters:
        return ""
    active = subject.entry.active_parameters if subject.entry else None
    count = formatting.parameters(subject.parameters)
    if not active:
        return count
    words = QCoreApplication.translate("compare", "%1, %2 active")
    return words.replace("%1", count).replace("%2", formatting.parameters(active))


def _abilities(subject: Subject) -> str:
    return ", ".join(capability_word(name) for name in subject.capabilities() if name != "gated")


def _layers(subject: Subject) -> str:
    layers = subject.architecture.layers
    return formatting.number(layers) if layers else ""


def _attention(subject: Subject) -> str:
    shape = subject.architecture
    if shape.attention is None:
        return ""
    if shape.attention == "multi-head":
        return QCoreApplication.translate("compare", "%1 heads").replace("%1", str(shape.heads))
    words = QCoreApplication.translate("compare", "%1 heads, %2 for keys and values")
    return words.replace("%1", str(shape.heads)).replace("%2", str(shape.kv_heads))


class CompareBar(QWidget):
    """What is chosen to be compared, at the foot of the list."""

    opened = Signal()
    cleared = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(Line())
        row = QHBoxLayout()
        row.setContentsMargins(20, 8, 8, 8)
        row.setSpacing(8)
        self.words = ElidedLabel("", "caption", "text-2")
        row.addWidget(self.words, 1)
        self.button = Button(icons, self.tr("Compare"), small=True)
        self.button.clicked.connect(self.opened)
        row.addWidget(self.button)
        clear = IconButton(icons, "x", self.tr("Compare nothing"), small=True)
        clear.clicked.connect(self.cleared)
        row.addWidget(clear)
        column.addLayout(row)
        self.hide()

    def show_titles(self, titles: Sequence[str]) -> None:
        """The models that are chosen."""
        self.setVisible(bool(titles))
        self.button.setVisible(len(titles) > 1)
        text = ", ".join(titles)
        if len(titles) == 1:
            text = self.tr("%1 with one more").replace("%1", text)
        self.words.setText(text)
        self.words.setToolTip(text)


class CompareOverlay(Overlay):
    """The models as columns. Asks by a signal."""

    wanted = Signal(object)
    """Subject that shall be shown."""

    def __init__(self, icons: Icons, host: QWidget, models: Sequence[Compared]) -> None:
        width = _NAMES + (_COLUMN + _GAP) * len(models) + 2 * _SIDE
        super().__init__(
            icons, QCoreApplication.translate("compare", "Compare models"), host, width=width
        )
        head = QHBoxLayout()
        head.setContentsMargins(24, 14, 12, 8)
        head.addWidget(Label(self.tr("Compare models"), "page-title"))
        head.addStretch(1)
        self.close_button = IconButton(icons, "x", self.tr("Close"))
        self.close_button.clicked.connect(self.dismiss)
        head.addWidget(self.close_button)
        self.body.addLayout(head)
        self._add_titles(icons, models)
        self.rows = compared_rows(models)
        for name, values in self.rows:
            self._add_row(name, values)
        self._add_buttons(icons, models)
        self.closed.connect(self.deleteLater)

    def _line(self, *, above: int, below: int) -> QHBoxLayout:
        """A line of the table, with room for the name at the left."""
        row = QHBoxLayout()
        row.setContentsMargins(_SIDE, above, _SIDE, below)
        row.setSpacing(_GAP)
        self.body.addLayout(row)
        return row

    def _add_titles(self, icons: Icons, models: Sequence[Compared]) -> None:
        row = self._line(above=4, below=12)
        row.addSpacing(_NAMES + _GAP)
        for each in models:
            cell = QWidget()
            cell.setFixedWidth(_COLUMN)
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(4)
            column.addWidget(ElidedLabel(each.subject.title, "group-title"))
            column.addWidget(ElidedLabel(each.subject.repo, "caption", "text-3"))
            if each.line is not None and each.line.judged is not None:
                fit = each.line.judged.fit
                badge = Badge(icons, fit_word(fit), tone=FIT_TONES[fit.value])
                column.addWidget(badge, 0, Qt.AlignmentFlag.AlignLeft)
            column.addStretch(1)
            row.addWidget(cell, 0, Qt.AlignmentFlag.AlignTop)

    def _add_row(self, name: str, values: Sequence[str]) -> None:
        self.body.addWidget(Line())
        row = self._line(above=7, below=7)
        title = Label(name, "body", "text-3", wrap=True)
        title.setFixedWidth(_NAMES)
        row.addWidget(title, 0, Qt.AlignmentFlag.AlignTop)
        for text in values:
            value = Label(text, "body", wrap=True)
            value.setFixedWidth(_COLUMN)
            row.addWidget(value, 0, Qt.AlignmentFlag.AlignTop)

    def _add_buttons(self, icons: Icons, models: Sequence[Compared]) -> None:
        self.body.addWidget(Line())
        row = self._line(above=12, below=20)
        row.addSpacing(_NAMES + _GAP)
        self.buttons: list[Button] = []
        for each in models:
            cell = QWidget()
            cell.setFixedWidth(_COLUMN)
            column = QHBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            button = Button(icons, self.tr("Show"))
            button.setAccessibleName(f"{self.tr('Show')} {each.subject.title}")
            button.clicked.connect(partial(self._choose, each.subject))
            column.addWidget(button)
            column.addStretch(1)
            row.addWidget(cell)
            self.buttons.append(button)

    def _choose(self, subject: Subject, _checked: bool = False) -> None:
        self.dismiss()
        self.wanted.emit(subject)
