"""The card that says how another program is connected: code to copy, steps for known programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.blocks_code import CodeText
from app.gui.blocks_text import BlockParts
from app.gui.controls.buttons import IconButton
from app.gui.controls.card import Card, Line
from app.gui.controls.labels import Label
from app.gui.controls.segments import Chip, Segments
from app.gui.flow_layout import FlowLayout
from app.gui.highlight import highlight
from app.gui.math_images import MathImages
from app.gui.server_snippets import Snippet, code_snippets, program_steps

if TYPE_CHECKING:
    from app.gui.context import AppContext
    from app.gui.theme import Theme

COPIED_MS = 1500


class _Inset(QWidget):
    """The darker ground of code."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.layout_ = QVBoxLayout(self)
        self.layout_.setContentsMargins(16, 12, 8, 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.color("inset"))


class ConnectCard(Card):
    """Snippets with the address, a model and, where one is needed, a place for the token."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        icons = context.icons
        self._snippets: tuple[Snippet, ...] = code_snippets("", "", "")
        self._steps: tuple[Snippet, ...] = program_steps("", "", "")
        self._shown = self._snippets[0].title
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(16, 10, 12, 10)
        head.setSpacing(8)
        head.addWidget(Label(self.tr("Connect a program"), "group-title"), 1)
        titles = [each.title for each in self._snippets]
        self.language = Segments(icons, self.tr("Language"), titles)
        self.language.chosen.connect(lambda index: self._show(self._snippets[index].title))
        head.addWidget(self.language)
        self.copy = IconButton(icons, "copy", self.tr("Copy"))
        self.copy.clicked.connect(self._copy)
        head.addWidget(self.copy)
        column.addLayout(head)
        column.addWidget(Line())
        math = MathImages(context.worker, self)
        self._parts = BlockParts(context.theme, icons, context.worker, math)
        self._ground = _Inset(context.theme)
        self.code = self._new_code()
        self._ground.layout_.addWidget(self.code)
        column.addWidget(self._ground, 1)
        column.addWidget(Line())
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 10, 16, 10)
        flow = FlowLayout(spacing=8)
        steps = Label(self.tr("Steps for"), "body", "text-3")
        steps.setFixedHeight(28)
        flow.addWidget(steps)
        self.programs: dict[str, Chip] = {}
        for step in self._steps:
            chip = Chip(icons, step.title, height=28)
            chip.setAutoExclusive(False)
            chip.clicked.connect(lambda _=False, title=step.title: self._show(title))
            self.programs[step.title] = chip
            flow.addWidget(chip)
        foot.addLayout(flow)
        column.addLayout(foot)
        self._copied = QTimer(self, singleShot=True, interval=COPIED_MS)
        self._copied.timeout.connect(lambda: self.copy.set_icon("copy"))
        context.theme.changed.connect(self._recolor)

    def show_for(self, address: str, model: str, key: str) -> None:
        """Snippets for this address, model and token."""
        self._snippets = code_snippets(address, model, key)
        self._steps = program_steps(address, model, key)
        self._write()

    def text(self) -> str:
        """What is shown."""
        return self._current().text

    def _current(self) -> Snippet:
        everything = (*self._snippets, *self._steps)
        return next(each for each in everything if each.title == self._shown)

    def _show(self, title: str) -> None:
        self._shown = title
        self._write()

    def _new_code(self) -> CodeText:
        code = CodeText(self._parts)
        code.setAccessibleName(self.tr("Code to copy"))
        code.setMinimumHeight(240)
        return code

    def _recolor(self) -> None:
        """The colours of a text are fixed when it is made."""
        old, self.code = self.code, self._new_code()
        self._ground.layout_.replaceWidget(old, self.code)
        old.hide()
        old.deleteLater()
        self._write()

    def _write(self) -> None:
        current = self._current()
        for title, chip in self.programs.items():
            chip.setChecked(title == self._shown)
        self.code.show_lines(highlight(current.text, current.language))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())
        self.copy.set_icon("check")
        self._copied.start()
