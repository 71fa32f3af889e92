"""The sheet of all keys (F1)."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.gui.controls.badges import KeyCap
from app.gui.controls.buttons import IconButton
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.icons import Icons

Group = tuple[str, tuple[tuple[str, str], ...]]


def key_names(shortcut: str) -> list[str]:
    """The keys of a shortcut as they are printed on this system's keyboard."""
    native = QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)
    return [part for part in native.split("+") if part] or [native]


class ShortcutList(QWidget):
    """The groups of keys in two columns; also a page of the settings."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        columns = QHBoxLayout(self)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(40)
        left, right = QVBoxLayout(), QVBoxLayout()
        for column in (left, right):
            column.setSpacing(0)
        for index, (title, rows) in enumerate(self._groups()):
            column = left if index in (0, 3) else right
            column.addWidget(Label(title, "group-title"))
            column.addSpacing(8)
            column.addLayout(self._grid(icons, rows))
            column.addSpacing(16)
        for column in (left, right):
            column.addStretch(1)
            columns.addLayout(column, 1)

    def _groups(self) -> tuple[Group, ...]:
        return (
            (
                self.tr("Go to"),
                (
                    (self.tr("Chat"), "Ctrl+1"),
                    (self.tr("Discover"), "Ctrl+2"),
                    (self.tr("My models"), "Ctrl+3"),
                    (self.tr("Downloads"), "Ctrl+4"),
                    (self.tr("Settings"), "Ctrl+5"),
                    (self.tr("Anything: models, chats, places"), "Ctrl+K"),
                    (self.tr("The next part of the page"), "F6"),
                ),
            ),
            (
                self.tr("Chat"),
                (
                    (self.tr("New chat"), "Ctrl+N"),
                    (self.tr("Find in this chat"), "Ctrl+F"),
                    (self.tr("Find in all chats"), "Ctrl+Shift+F"),
                    (self.tr("Send"), "Enter"),
                    (self.tr("Break the line"), "Shift+Enter"),
                    (self.tr("Stop the answer, or close"), "Esc"),
                ),
            ),
            (
                self.tr("Lists"),
                (
                    (self.tr("Open"), "Enter"),
                    (self.tr("Rename"), "F2"),
                    (self.tr("Delete"), "Del"),
                ),
            ),
            (
                self.tr("Help"),
                (
                    (self.tr("This sheet"), "F1"),
                    (self.tr("Quit"), "Ctrl+Q"),
                ),
            ),
        )

    def _grid(self, icons: Icons, rows: tuple[tuple[str, str], ...]) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        for row, (text, shortcut) in enumerate(rows):
            grid.addWidget(Label(text, "body", "text-2"), row, 0)
            keys = QHBoxLayout()
            keys.setSpacing(4)
            keys.addStretch(1)
            for name in key_names(shortcut):
                keys.addWidget(KeyCap(icons, name))
            grid.addLayout(keys, row, 1)
        return grid


class ShortcutsSheet(Overlay):
    """All keys in one panel."""

    def __init__(self, icons: Icons, host: QWidget) -> None:
        super().__init__(icons, "", host, width=720)
        self.panel.setAccessibleName(self.tr("Shortcuts"))
        self.body.setContentsMargins(24, 12, 24, 8)
        head = QHBoxLayout()
        head.addWidget(Label(self.tr("Shortcuts"), "page-title"), 1)
        self.close_button = IconButton(icons, "x", self.tr("Close"), shortcut="Esc")
        self.close_button.clicked.connect(self.dismiss)
        head.addWidget(self.close_button)
        self.body.addLayout(head)
        self.body.addSpacing(12)
        self.body.addWidget(ShortcutList(icons), 0, Qt.AlignmentFlag.AlignTop)
        self.closed.connect(self.deleteLater)
