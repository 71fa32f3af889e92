"""The variants of a model: one line each, with what it needs and what can be done."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from app.gui import formatting
from app.gui.controls.card import Card, Line
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.painting import clip_round, painter_for
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink
from app.gui.variants_lines import VariantLine, shortened
from app.gui.variants_row import VariantRow, columns

_HEAD = 32
Key = tuple[str, str]
"""Repository and path of the first file."""


class VariantsHead(QWidget):
    """The names of the columns."""

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._sources = False
        self.setFixedHeight(_HEAD)
        self._theme.changed.connect(self.update)

    def show_sources(self, on: bool) -> None:
        """Whether there is a column for the makers of the files."""
        if on != self._sources:
            self._sources = on
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Sidebar ground, captions above their columns."""
        theme = self._theme
        painter = painter_for(QPainter(self))
        painter.save()
        clip_round(painter, self.rect().adjusted(0, 0, 0, 12).toRectF(), 11)
        painter.fillRect(self.rect(), theme.color("sidebar"))
        painter.restore()
        font = theme.font("caption")
        font.setWeight(QFont.Weight.Medium)
        painter.setFont(font)
        painter.setPen(theme.color("text-2"))
        cells = columns(self.width(), _HEAD, sources=self._sources)
        left = Qt.AlignmentFlag.AlignVCenter
        right = left | Qt.AlignmentFlag.AlignRight
        memory = cells.need
        if cells.bar.width():
            memory = QRect(cells.bar.topLeft(), cells.need.bottomRight())
        painter.drawText(cells.label, left, self.tr("Quantization"))
        if cells.source.width():
            painter.drawText(cells.source, left, self.tr("From"))
        painter.drawText(cells.quality, left, self.tr("Quality"))
        painter.drawText(cells.size, right, self.tr("Size"))
        wide = bool(cells.bar.width())
        name = self.tr("Memory needed") if wide else self.tr("Memory")
        painter.drawText(memory, left if wide else right, name)
        painter.drawText(cells.fit, left, self.tr("Fit"))


class VariantsTable(QWidget):
    """The table with the note beneath it."""

    download = Signal(object)
    """A VariantLine whose button was pressed."""
    pause = Signal(str)
    resume = Signal(str)
    """Id of a download."""
    page_wanted = Signal(str)
    """To see the page with this address."""
    chosen = Signal(object)
    """The VariantLine that is selected now."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._lines: tuple[VariantLine, ...] = ()
        self._rows: dict[Key, VariantRow] = {}
        self._all = False
        self._picked = False
        """The person chose the variant; else it is the recommended one."""
        self._chosen: Key | None = None
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._card = Card(ground="canvas")
        self._card.setAccessibleName(self.tr("Variants"))
        self._body = QVBoxLayout(self._card)
        self._body.setContentsMargins(1, 1, 1, 1)
        self._body.setSpacing(0)
        self._head = VariantsHead(icons, self._card)
        self._body.addWidget(self._head)
        column.addWidget(self._card)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(IconView(icons, "info", 14), 0, Qt.AlignmentFlag.AlignTop)
        self.note = Label("", "caption", "text-3", wrap=True)
        foot.addWidget(self.note, 1, Qt.AlignmentFlag.AlignTop)
        self.more = InlineLink(icons)
        self.more.clicked.connect(self._toggle_all)
        foot.addWidget(self.more, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(foot)

    def rows(self) -> tuple[VariantRow, ...]:
        """The lines shown now."""
        return tuple(self._rows.values())

    def chosen_line(self) -> VariantLine | None:
        """The line that is selected."""
        row = self._rows.get(self._chosen) if self._chosen else None
        return row.line if row else None

    def choose(self, wanted: str) -> bool:
        """Choose the variant of this file or quantization; False if there is none."""
        for line in self._lines:
            if wanted == line.file or wanted.casefold() == line.label.casefold():
                if line not in shortened(self._lines):
                    self._all = True
                self._refresh()
                self._pick(line.key)
                return True
        return False

    def set_lines(self, lines: Sequence[VariantLine], *, start_over: bool = False) -> None:
        """Show these; the recommended one is chosen at first, later what the person chose."""
        if start_over:
            self._all, self._picked, self._chosen = False, False, None
        self._lines = tuple(lines)
        self._refresh()

    def _refresh(self) -> None:
        shown = self._lines if self._all else shortened(self._lines)
        several = len({line.repo for line in shown}) > 1
        self._head.show_sources(several)
        if [line.key for line in shown] == list(self._rows):
            for line in shown:
                self._rows[line.key].show_line(line)
        else:
            self._rebuild(shown)
        for row in self._rows.values():
            row.show_sources(several)
        self._say_note(len(shown))
        best = next((line.key for line in shown if line.recommended), None)
        if self._chosen not in self._rows or (best and not self._picked):
            self._choose(best)
        elif (chosen := self.chosen_line()) is not None:
            self.chosen.emit(chosen)

    def _rebuild(self, shown: Sequence[VariantLine]) -> None:
        while (item := self._body.takeAt(1)) is not None:
            widget = item.widget()
            if isinstance(widget, VariantRow):
                self._group.removeButton(widget)
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._rows = {}
        for line in shown:
            row = VariantRow(self._icons, line, self._card)
            self._group.addButton(row)
            row.setChecked(line.key == self._chosen)
            row.clicked.connect(lambda _=False, key=line.key: self._pick(key))
            row.action.download.connect(lambda row=row: self.download.emit(row.line))
            row.action.page_wanted.connect(lambda row=row: self.page_wanted.emit(row.line.page))
            row.action.pause.connect(lambda row=row: self.pause.emit(row.line.item_id))
            row.action.resume.connect(lambda row=row: self.resume.emit(row.line.item_id))
            self._body.addWidget(Line())
            self._body.addWidget(row)
            self._rows[line.key] = row
            row.is_last = line is shown[-1]

    def _pick(self, key: Key) -> None:
        """The person chose this one: no better one takes its place."""
        self._picked = True
        self._choose(key)

    def _choose(self, key: Key | None) -> None:
        self._chosen = key
        row = self._rows.get(key) if key else None
        if row is None:
            return
        row.setChecked(True)
        self.chosen.emit(row.line)

    def _toggle_all(self) -> None:
        self._all = not self._all
        self._refresh()

    def _hidden_kinds(self) -> str:
        """What is hidden beside further variants of the same repository."""
        hidden = [line for line in self._lines if line.key not in self._rows]
        macs = sum(line.format == "mlx" for line in hidden)
        makers = sum(not line.is_main and line.format == "gguf" for line in hidden)
        own = len(hidden) - macs - makers
        if not macs and not makers:
            return ""
        kinds = (
            (own, self.tr("%1 of this repository")),
            (makers, self.tr("%1 of other makers")),
            (macs, self.tr("%1 MLX for Macs")),
        )
        parts = [words.replace("%1", formatting.number(count)) for count, words in kinds if count]
        return ": " + ", ".join(parts)

    def _say_note(self, shown: int) -> None:
        judged = next((line.judged for line in self._lines if line.judged), None)
        sentences = []
        if judged is not None:
            text = self.tr("The mark on each bar is the %1 that is free now, of %2.")
            text = text.replace("%1", formatting.memory_size(judged.free))
            sentences.append(text.replace("%2", formatting.memory_size(judged.total)))
        hidden = len(self._lines) - shown
        if hidden:
            one = self.tr("One more variant is hidden")
            many = self.tr("%n more variants are hidden", "", hidden)
            sentences.append(f"{one if hidden == 1 else many}{self._hidden_kinds()}.")
        if any(line.about for line in self._lines):
            sentences.append(self.tr("Sizes are from the shipped list."))
        self.note.setText(" ".join(sentences))
        total = len(self._lines)
        self.more.setVisible(len(shortened(self._lines)) < total)
        self.more.setText(self.tr("Show fewer") if self._all else self.tr("Show all %n", "", total))
