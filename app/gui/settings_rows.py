"""What settings are laid out with: titled cards of rows, each a name, a sentence, a control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.gui.controls.card import Card, Line, ScrollPage
from app.gui.controls.labels import Label

if TYPE_CHECKING:
    from app.core.settings import Settings

COLUMN = 720


class SettingRow(QWidget):
    """Name and sentence at the left, controls at the right. `tall`: words at the top."""

    def __init__(
        self, title: str, sentence: str = "", *controls: QWidget, tall: bool = False
    ) -> None:
        super().__init__()
        self.wanted = True
        """False where it makes no sense at the moment; see `SettingGroup.show_wanted`."""
        self.title = Label(title)
        self.sentence = Label(sentence, "caption", "text-3", wrap=True)
        if not sentence:
            self.sentence.hide()
        words = QVBoxLayout()
        words.setSpacing(0)
        if tall:
            words.addSpacing(5)
        else:
            words.addStretch(1)
        words.addWidget(self.title)
        words.addWidget(self.sentence)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 12 if tall else 10, 16, 14 if tall else 9)
        row.setSpacing(8)
        row.addLayout(words, 1)
        row.addSpacing(8)
        for control in controls:
            row.addWidget(control, 0, Qt.AlignmentFlag.AlignVCenter)
            if not control.accessibleName():
                control.setAccessibleName(title)
            if sentence and not control.accessibleDescription():
                control.setAccessibleDescription(sentence)
        self.setMinimumHeight(55)

    def say(self, sentence: str, role: str = "text-3") -> None:
        """Another sentence under the name."""
        self.sentence.setText(sentence)
        self.sentence.set_role(role)
        self.sentence.setVisible(bool(sentence))

    def fits(self, words: list[str]) -> bool:
        """Whether the name or the sentence holds all the words."""
        text = f"{self.title.text()} {self.sentence.text()}".casefold()
        return all(word in text for word in words)


class SettingGroup(QWidget):
    """A title and its rows in one card."""

    def __init__(self, title: str, *rows: SettingRow) -> None:
        super().__init__()
        self.rows = rows
        self._title = title
        self._words: list[str] = []
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 24)
        column.setSpacing(8)
        head = Label(title, "group-title")
        head.setContentsMargins(4, 0, 0, 0)
        head.setFixedHeight(20)
        column.addWidget(head)
        card = Card()
        inside = QVBoxLayout(card)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        self._lines: list[Line] = []
        for row in rows:
            if self._lines or row is not rows[0]:
                line = Line()
                self._lines.append(line)
                inside.addWidget(line)
            inside.addWidget(row)
        column.addWidget(card)

    def filter(self, words: list[str]) -> bool:
        """Show the rows that fit; True when there is one."""
        self._words = words
        title = self._title.casefold()
        left = [word for word in words if word not in title]
        shown = [row.wanted and row.fits(left) for row in self.rows]
        for row, visible in zip(self.rows, shown, strict=True):
            row.setVisible(visible)
        for place, line in enumerate(self._lines):
            line.setVisible(shown[place + 1] and any(shown[: place + 1]))
        self.setVisible(any(shown))
        return any(shown)

    def show_wanted(self) -> None:
        """Show the rows that are wanted now, as far as the search in force lets them."""
        self.filter(self._words)


class SettingSection(ScrollPage):
    """One entry of the list at the left: groups in a column."""

    section_id = ""
    icon = ""

    def __init__(self) -> None:
        super().__init__(COLUMN)
        self.groups: list[SettingGroup] = []

    def title(self) -> str:
        """Its name in the list and in the header."""
        raise NotImplementedError

    def add(self, group: SettingGroup) -> None:
        """One more group."""
        self.groups.append(group)
        self.column.addWidget(group)

    def filter(self, words: list[str]) -> bool:
        """Show what fits; True when something does."""
        shown = [group.filter(words) for group in self.groups]
        return any(shown)

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        raise NotImplementedError

    def refresh(self) -> None:
        """The section came into view: numbers may be old."""
