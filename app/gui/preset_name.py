"""Ask for the name of a new preset."""

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.fields import TextField
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.icons import Icons

LONGEST = 76
"""Characters; leaves room for a number that makes the name unique."""


class PresetNameQuestion(Overlay):
    """A panel over the window with one field; Enter saves, Esc does nothing."""

    def __init__(
        self, icons: Icons, host: QWidget, name: str, named: Callable[[str], object]
    ) -> None:
        super().__init__(icons, "", host, width=400)
        title = self.tr("Save as a preset of yours")
        self.setAccessibleName(title)
        self._named = named
        self.body.setContentsMargins(24, 20, 24, 20)
        self.body.setSpacing(12)
        self.body.addWidget(Label(title, "page-title"))
        self.field = TextField(icons, self.tr("Name of the preset"))
        self.field.setMaxLength(LONGEST)
        self.field.setText(name)
        self.field.selectAll()
        self.body.addWidget(self.field)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        cancel = Button(icons, self.tr("Cancel"))
        cancel.clicked.connect(self.dismiss)
        self.save = PrimaryButton(icons, self.tr("Save"))
        self.save.clicked.connect(self._save)
        row.addWidget(cancel)
        row.addWidget(self.save)
        self.body.addLayout(row)
        self.field.textChanged.connect(self._check)
        self.field.returnPressed.connect(self._save)
        self.closed.connect(self.deleteLater)
        self._check(name)

    def _check(self, name: str) -> None:
        self.save.setEnabled(bool(name.strip()))
        self.save.setToolTip("" if name.strip() else self.tr("A preset needs a name"))

    def _save(self) -> None:
        name = self.field.text().strip()
        if name:
            self.dismiss()
            self._named(name)
