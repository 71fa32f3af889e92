"""The panel that adds a server with remote models, or chooses which of its models are listed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.keys import NoKeyring
from app.core.remotes import checked_address
from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.card import Line
from app.gui.controls.fields import TextField
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.controls.switch import CheckBox

if TYPE_CHECKING:
    from app.core.settings import RemoteEndpoint
    from app.gui.context import AppContext
    from app.gui.worker import Task

WIDTH = 480
_MOST_ROWS = 6
"""Models in view at once; more are scrolled."""


class RemoteEditor(Overlay):
    """First the server is asked, then models are chosen from what it offers.

    With an `endpoint` that was added before, only its models are chosen.
    """

    saved = Signal()

    def __init__(
        self, context: AppContext, host: QWidget, endpoint: RemoteEndpoint | None = None
    ) -> None:
        super().__init__(context.icons, "", host, width=WIDTH)
        self._context = context
        self._endpoint = endpoint
        self._asking: Task | None = None
        self._offered: tuple[str, ...] = ()
        self.boxes: dict[str, CheckBox] = {}
        title = self.tr("Add a server") if endpoint is None else endpoint.name
        self.panel.setAccessibleName(title)
        self.body.setContentsMargins(24, 20, 24, 20)
        self.body.addWidget(Label(title, "page-title", wrap=True))
        self.body.addSpacing(12)
        self._add_fields()
        self.status = Label("", "caption", "text-2", wrap=True)
        self.body.addWidget(self.status)
        self._add_models()
        self.in_file = CheckBox(
            context.icons, self.tr("Keep the key in a file that only you can read")
        )
        self._last_resort = QWidget()
        column = QVBoxLayout(self._last_resort)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(12)
        column.addWidget(Line())
        column.addWidget(self.in_file)
        self._last_resort.hide()
        self.body.addWidget(self._last_resort)
        self.body.addSpacing(16)
        self._add_buttons()
        self._follow()
        self.closed.connect(self.deleteLater)

    # Built once

    def _add_fields(self) -> None:
        icons = self._context.icons
        self.name = TextField(icons, self.tr("Name"), self.tr("Workstation"))
        self.name.setMaxLength(80)
        self.address = TextField(icons, self.tr("Address"), "http://192.168.1.5:8080/v1", mono=True)
        self.key = TextField(icons, self.tr("Key"), self.tr("None"), mono=True)
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        words = (self.tr("Name"), self.tr("Address"), self.tr("Key, if the server wants one"))
        self._fields = QWidget()
        column = QVBoxLayout(self._fields)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for word, field in zip(words, (self.name, self.address, self.key), strict=True):
            column.addWidget(Label(word, "caption", "text-2"))
            column.addWidget(field)
            column.addSpacing(8)
            field.textEdited.connect(self._edited)
            field.returnPressed.connect(self._go_on)
        self._fields.setVisible(self._endpoint is None)
        self.body.addWidget(self._fields)

    def _add_models(self) -> None:
        self._models = QScrollArea()
        self._models.setWidgetResizable(True)
        self._models.setFrameShape(QScrollArea.Shape.NoFrame)
        self._models.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._models.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._models.hide()
        self.body.addWidget(self._models)

    def _add_buttons(self) -> None:
        icons = self._context.icons
        self.cancel = Button(icons, self.tr("Cancel"))
        self.cancel.clicked.connect(self.dismiss)
        self.proceed = PrimaryButton(icons, self.tr("Connect"))
        self.proceed.clicked.connect(self._go_on)
        self.add_buttons(self.cancel, self.proceed)

    # Opening and closing

    def begin(self) -> None:
        """Show it; the server of an endpoint is asked at once."""
        self.open(self.name if self._endpoint is None else self.cancel)
        if self._endpoint is not None:
            self._ask()

    def dismiss(self) -> None:
        """Close it; an answer that is still to come is not waited for."""
        if self._asking is not None:
            self._asking.cancel()
        super().dismiss()

    # Asking

    def _edited(self) -> None:
        """Another address or key: what was offered does not hold any more."""
        if self._offered and self.sender() is not self.name:
            self._show_models(())
        self.address.set_wrong("")
        self.status.setText("")
        self._follow()

    def _go_on(self) -> None:
        if not self.proceed.isEnabled():
            return
        if self._offered:
            self._save()
        elif self._address_is_good():
            self._ask()

    def _address_is_good(self) -> bool:
        try:
            checked_address(self.address.text())
        except AppError as error:
            self.address.set_wrong(error.message)
            self._say(error.message, "danger")
            return False
        return True

    def _ask(self) -> None:
        remotes = self._context.remotes
        ask = (
            partial(remotes.offered, self.address.text(), self.key.text().strip())
            if self._endpoint is None
            else partial(remotes.offered_by, self._endpoint)
        )
        self._say(self.tr("Asking…"), "accent")
        self._asking = self._context.worker.run(ask, done=self._answered, failed=self._refused)
        self._follow()

    def _answered(self, offered: tuple[str, ...]) -> None:
        self._asking = None
        self._show_models(offered)
        if offered:
            words = self.tr("It answers. Choose the models you want to see:")
            self._say(words, "success")
        else:
            self._say(self.tr("It answers, but offers no models."), "warning")
        self._follow()
        if offered:
            next(iter(self.boxes.values())).setFocus()

    def _refused(self, error: AppError) -> None:
        self._asking = None
        self._say(f"{error.title}. {error.message}", "danger")
        if isinstance(error, NoKeyring) and self._endpoint is None:
            self._last_resort.show()
        self._follow()

    def _show_models(self, offered: tuple[str, ...]) -> None:
        self._offered = offered
        chosen = self._endpoint.models if self._endpoint else ()
        names = sorted({*offered, *chosen}) if offered else []
        self.boxes = {}
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(4)
        for name in names:
            box = CheckBox(self._context.icons, name)
            box.setChecked(name in chosen or len(names) == 1)
            box.toggled.connect(self._follow)
            column.addWidget(box)
            self.boxes[name] = box
        column.addStretch(1)
        self._models.setWidget(content)
        row = next(iter(self.boxes.values())).sizeHint().height() + 4 if self.boxes else 0
        self._models.setFixedHeight(8 + row * min(len(names), _MOST_ROWS))
        self._models.setVisible(bool(names))

    # Saving

    def _chosen(self) -> tuple[str, ...]:
        return tuple(name for name, box in self.boxes.items() if box.isChecked())

    def _save(self) -> None:
        remotes = self._context.remotes
        save: Callable[[], object]
        if self._endpoint is not None:
            save = partial(remotes.choose_models, self._endpoint.id, self._chosen())
        else:
            save = partial(
                remotes.add,
                self.name.text(),
                self.address.text(),
                self.key.text(),
                models=self._chosen(),
                place="file" if self.in_file.isChecked() else "keyring",
            )
        self._asking = self._context.worker.run(save, done=self._saved, failed=self._refused)
        self._follow()

    def _saved(self, _: object) -> None:
        self._asking = None
        self.saved.emit()
        self.dismiss()

    # What is shown

    def _say(self, sentence: str, role: str) -> None:
        self.status.setText(sentence)
        self.status.set_role(role)

    def _follow(self) -> None:
        """The one button to press next, and whether it can be."""
        if self._offered:
            words = self.tr("Add server") if self._endpoint is None else self.tr("Save")
            ready = bool(self._chosen()) or self._endpoint is not None
        else:
            words = self.tr("Connect") if self._endpoint is None else self.tr("Try again")
            ready = self._endpoint is not None or bool(self.address.text().strip())
        named = self._endpoint is not None or bool(self.name.text().strip())
        self.proceed.setText(words)
        self.proceed.setEnabled(ready and named and self._asking is None)
