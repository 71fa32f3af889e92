"""What is new in a version: its notes, in a card under their title."""

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.controls.card import Card
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.markdown import allowed_link
from app.gui.markdown_view import MarkdownView
from app.gui.worker import Worker


class UpdateNotes(QWidget):
    """Markdown of Corral's makers. Loads nothing from anywhere; links open in the browser."""

    def __init__(self, icons: Icons, worker: Worker) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 24)
        column.setSpacing(8)
        self.head = Label("", "group-title")
        self.head.setContentsMargins(4, 0, 0, 0)
        column.addWidget(self.head)
        card = Card()
        inside = QVBoxLayout(card)
        inside.setContentsMargins(20, 14, 20, 14)
        self.view = MarkdownView(icons.theme, icons, worker)
        self.view.setAccessibleName(self.tr("What is new"))
        self.view.link_activated.connect(_open)
        inside.addWidget(self.view)
        column.addWidget(card)

    def say(self, version: str, markdown: str) -> None:
        """Show the notes of a version."""
        self.head.setText(self.tr("What is new in %1").replace("%1", version))
        self.view.set_markdown(markdown)


def _open(address: str) -> None:
    if allowed_link(address):
        QDesktopServices.openUrl(QUrl(address))
