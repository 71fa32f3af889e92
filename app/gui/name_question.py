"""Ask for a name."""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.fields import TextField
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.icons import Icons

LONGEST = 76
"""Characters; leaves room for a number that makes the name unique."""


class NameQuestion(Overlay):
    """A panel over the window with one field; Enter confirms, Esc does nothing."""

    def __init__(
        self,
        icons: Icons,
        host: QWidget,
        title: str,
        name: str,
        named: Callable[[str], object],
        *,
        confirm: str,
    ) -> None:
        super().__init__(icons, title, host, width=400)
        self._named = named
        self.body.setContentsMargins(24, 20, 24, 20)
        self.body.setSpacing(12)
        self.body.addWidget(Label(title, "page-title", wrap=True))
        self.field = TextField(icons, self.tr("Name"))
        self.field.setMaxLength(LONGEST)
        self.field.setText(name)
        self.field.selectAll()
        self.body.addWidget(self.field)
        cancel = Button(icons, self.tr("Cancel"))
        cancel.clicked.connect(self.dismiss)
        self.confirm = PrimaryButton(icons, confirm)
        self.confirm.clicked.connect(self._confirm)
        self.add_buttons(cancel, self.confirm)
        self.field.textChanged.connect(self._check)
        self.field.returnPressed.connect(self._confirm)
        self.closed.connect(self.deleteLater)
        self._check(name)

    def _check(self, name: str) -> None:
        self.confirm.setEnabled(bool(name.strip()))
        self.confirm.setToolTip("" if name.strip() else self.tr("It needs a name"))

    def _confirm(self) -> None:
        name = self.field.text().strip()
        if name:
            self.dismiss()
            self._named(name)
