"""What the engine has to say about an answer: quiet lines under its text."""

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

from app.gui.blocks_document import TextLook
from app.gui.blocks_text import BlockParts, TextRun
from app.gui.controls.focus import take_away
from app.gui.controls.icon_view import IconView
from app.gui.markdown import TextBlock, plain_spans

_ICON = QSize(14, 14)
_INDENT = 22
_BETWEEN = 4
_LOOK = TextLook("caption", "text-3")


class MessageNotes(QWidget):
    """One note per line, or more lines where it is long; the text can be selected."""

    def __init__(self, parts: BlockParts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._notes: tuple[str, ...] = ()
        self._lines: list[tuple[IconView, TextRun]] = []
        self.hide()

    def show_notes(self, notes: Sequence[str]) -> None:
        """Show these and no others; hidden while there are none."""
        same = 0
        for old, new in zip(self._notes, notes, strict=False):
            if old != new:
                break
            same += 1
        self._notes = tuple(notes)
        for line in self._lines[same:]:
            for widget in line:
                take_away(widget)
        self._lines[same:] = [self._line(note) for note in notes[same:]]
        self.setVisible(bool(notes))

    def fit(self, width: int) -> int:
        """Place everything for a width; returns the height, 0 without notes."""
        y = 0
        middle = (self._parts.theme.line_height(_LOOK.style) - _ICON.height()) // 2
        for icon, text in self._lines:
            y += _BETWEEN if y else 0
            height = text.fit(width - _INDENT)
            icon.move(0, y + middle)
            text.setGeometry(_INDENT, y, width - _INDENT, height)
            y += height
        return y

    def _line(self, note: str) -> tuple[IconView, TextRun]:
        icon = IconView(self._parts.icons, "info", _ICON.width(), parent=self)
        text = TextRun(self._parts, _LOOK, self)
        text.setAccessibleName(self.tr("Note about the answer"))
        text.show_blocks((TextBlock(tuple(plain_spans(note))),))
        icon.show()
        text.show()
        return icon, text
