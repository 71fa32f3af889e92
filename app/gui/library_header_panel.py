"""All values of a model's header, to be searched and copied."""

from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QWidget

from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.fields import SearchField
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.icons import Icons

_WIDTH, _HEIGHT = 720, 360


class HeaderPanel(Overlay):
    """Name and value in a line each."""

    def __init__(
        self, icons: Icons, host: QWidget, name: str, values: Sequence[tuple[str, str]]
    ) -> None:
        """`values` are what the header of the model called `name` says."""
        title = self.tr("What the file of %1 says").replace("%1", name)
        super().__init__(icons, title, host, width=_WIDTH)
        self._values = values
        self.body.setContentsMargins(24, 20, 24, 20)
        self.body.addWidget(Label(title, "page-title", wrap=True))
        self.body.addSpacing(4)
        words = self.tr("All values of its header, under the names that they have in the file.")
        self.body.addWidget(Label(words, "body", "text-2", wrap=True))
        self.body.addSpacing(12)
        self.search = SearchField(icons, self.tr("Find a value"))
        self.search.textChanged.connect(self._show)
        self.body.addWidget(self.search)
        self.body.addSpacing(8)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setProperty("log", True)
        self.text.setAccessibleName(self.tr("Values"))
        self.text.setFixedHeight(min(_HEIGHT, max(120, host.height() - 280)))
        self.body.addWidget(self.text)
        self.body.addSpacing(16)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.copy_button = Button(icons, self.tr("Copy"), "copy")
        self.copy_button.clicked.connect(self._copy)
        row.addWidget(self.copy_button)
        self.close_button = PrimaryButton(icons, self.tr("Close"))
        self.close_button.clicked.connect(self.dismiss)
        row.addWidget(self.close_button)
        self.body.addLayout(row)
        self.closed.connect(self.deleteLater)
        self._show("")

    def ask(self) -> None:
        """Show it; what is typed looks for a value."""
        self.open(self.search)

    def _show(self, wanted: str) -> None:
        words = wanted.casefold().split()
        lines = [f"{key}: {value}" for key, value in self._values]
        found = [line for line in lines if all(word in line.casefold() for word in words)]
        self.text.setPlainText("\n".join(found))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
