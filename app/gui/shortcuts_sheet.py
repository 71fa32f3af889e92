"""The sheet of all keys (F1)."""

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.gui.controls.badges import KeyCap
from app.gui.controls.buttons import IconButton
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.icons import Icons

_CONTEXT = "shortcuts"
# QT_TRANSLATE_NOOP("shortcuts", …): every title and sentence here
GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Go to",
        (
            ("Chat", "Ctrl+1"),
            ("Discover", "Ctrl+2"),
            ("My models", "Ctrl+3"),
            ("Downloads", "Ctrl+4"),
            ("Settings", "Ctrl+5"),
            ("Anything: models, chats, places", "Ctrl+K"),
            ("The next part of the page", "F6"),
        ),
    ),
    (
        "Chat",
        (
            ("New chat", "Ctrl+N"),
            ("Find in this chat", "Ctrl+F"),
            ("Find in all chats", "Ctrl+Shift+F"),
            ("Send", "Enter"),
            ("Break the line", "Shift+Enter"),
            ("Stop the answer, or close", "Esc"),
        ),
    ),
    (
        "Lists",
        (
            ("Open", "Enter"),
            ("Rename", "F2"),
            ("Delete", "Del"),
        ),
    ),
    ("Help", (("This sheet", "F1"), ("Quit", "Ctrl+Q"))),
)


def _tr(text: str) -> str:
    return QCoreApplication.translate(_CONTEXT, text)


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
        for index, (title, rows) in enumerate(GROUPS):
            column = left if index in (0, 3) else right
            column.addWidget(Label(_tr(title), "group-title"))
            column.addSpacing(8)
            column.addLayout(self._grid(icons, rows))
            column.addSpacing(16)
        for column in (left, right):
            column.addStretch(1)
            columns.addLayout(column, 1)

    def _grid(self, icons: Icons, rows: tuple[tuple[str, str], ...]) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        for row, (text, shortcut) in enumerate(rows):
            grid.addWidget(Label(_tr(text), "body", "text-2"), row, 0)
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
        super().__init__(icons, QCoreApplication.translate(_CONTEXT, "Shortcuts"), host, width=720)
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
