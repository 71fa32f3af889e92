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
from app.gui.server_snippets import NO_KEY, Reach, Snippet, code_snippets, program_steps

if TYPE_CHECKING:
    from app.gui.context import AppContext
    from app.gui.icons import Icons
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
    """Snippets with the address, a model and, where one is needed, a place for the token.

    Where the server is shared, for programs here or for other devices, as one chooses.
    """

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        icons = context.icons
        self._model = ""
        self._reaches: tuple[Reach, ...] = (Reach(""),)
        self._snippets: tuple[Snippet, ...] = code_snippets(self._reaches[0], "")
        self._steps: tuple[Snippet, ...] = program_steps(self._reaches[0], "")
        self._shown = self._snippets[0].title
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addLayout(self._make_head(icons))
        column.addWidget(self._make_place(icons))
        column.addWidget(Line())
        math = MathImages(context.worker, self)
        self._parts = BlockParts(context.theme, icons, context.worker, math)
        self._ground = _Inset(context.theme)
        self.code = self._new_code()
        self._ground.layout_.addWidget(self.code)
        column.addWidget(self._ground, 1)
        self.note = Label("", "caption", "text-2", wrap=True)
        self._note_row = QWidget()
        beneath = QVBoxLayout(self._note_row)
        beneath.setContentsMargins(16, 8, 16, 8)
        beneath.addWidget(self.note)
        column.addWidget(self._note_row)
        column.addWidget(Line())
        column.addLayout(self._make_foot(icons))
        self._copied = QTimer(self, singleShot=True, interval=COPIED_MS)
        self._copied.timeout.connect(lambda: self.copy.set_icon("copy"))
        context.theme.changed.connect(self._recolor)

    def _make_head(self, icons: Icons) -> QHBoxLayout:
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
        return head

    def _make_foot(self, icons: Icons) -> QVBoxLayout:
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
        return foot

    def _make_place(self, icons: Icons) -> QWidget:
        self._place_row = QWidget()
        row = QHBoxLayout(self._place_row)
        row.setContentsMargins(16, 0, 12, 10)
        row.setSpacing(8)
        row.addWidget(Label(self.tr("For programs on"), "body", "text-3"))
        places = [self.tr("This computer"), self.tr("Other devices")]
        self.place = Segments(icons, self.tr("For programs on"), places)
        self.place.chosen.connect(lambda _: self._fill())
        row.addWidget(self.place)
        row.addStretch(1)
        self._place_row.hide()
        return self._place_row

    def show_for(self, model: str, here: Reach, elsewhere: Reach | None = None) -> None:
        """Snippets for this model; `elsewhere` is how other devices get here, where they can."""
        self._model = model
        self._reaches = (here,) if elsewhere is None else (here, elsewhere)
        self._place_row.setVisible(elsewhere is not None)
        self._fill()

    def _fill(self) -> None:
        reach = self._reach()
        self._snippets = code_snippets(reach, self._model)
        self._steps = program_steps(reach, self._model)
        self._write()

    def _reach(self) -> Reach:
        return self._reaches[0 if len(self._reaches) == 1 else self.place.current()]

    def text(self) -> str:
        """What is shown."""
        return self._current().text

    def _current(self) -> Snippet:
        everything = (*self._snippets, *self._steps)
        return next(each for each in everything if each.title == self._shown)

    def _show(self, title: str) -> None:
        self._shown = title
        self._write()

    def _say_about_keys(self, shown: Snippet) -> None:
        sentences = []
        if shown.key_by_hand:
            sentences.append(
                self.tr(
                    "As an Ollama connection, %1 takes the token only by hand: type it as the "
                    "connection’s key in Admin Settings → Connections."
                ).replace("%1", shown.title)
            )
        if self._reach().key != NO_KEY:
            sentences.append(
                self.tr("Put a token of the list “Tokens” in place of %1.").replace(
                    "%1", self._reach().key
                )
            )
        self.note.setText(" ".join(sentences))
        self._note_row.setVisible(bool(sentences))

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
        titles = [each.title for each in self._snippets]
        if self._shown in titles:
            self.language.set_current(titles.index(self._shown))
        else:
            self.language.set_none()
        self._say_about_keys(current)
        for title, chip in self.programs.items():
            chip.setChecked(title == self._shown)
        self.code.show_lines(highlight(current.text, current.language))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())
        self.copy.set_icon("check")
        self._copied.start()
