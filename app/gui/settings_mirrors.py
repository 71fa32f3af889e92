"""Settings, Network: further addresses of the hub, asked where the first does not answer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication

from app.core.errors import AppError
from app.core.hub_addresses import checked_endpoint
from app.core.settings import Mirror
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.fields import TextField
from app.gui.controls.switch import CheckBox
from app.gui.settings_rows import SettingGroup, SettingRow

if TYPE_CHECKING:
    from app.gui.context import AppContext


def _tr(text: str) -> str:
    return QCoreApplication.translate("MirrorsGroup", text)


class MirrorsGroup(SettingGroup):
    """One row for each mirror, and one that adds another."""

    def __init__(self, context: AppContext, mirrors: tuple[Mirror, ...]) -> None:
        self._context = context
        self._mirrors = mirrors
        self.mirror_rows = {each.address: self._row(each, mirrors[0]) for each in mirrors}
        self.address = TextField(
            context.icons, _tr("Address of a mirror"), "https://", mono=True, small=True
        )
        self.address.setFixedWidth(280)
        self.address.textEdited.connect(self._typed)
        self.address.returnPressed.connect(self._add)
        self.add_button = Button(context.icons, _tr("Add"), small=True)
        self.add_button.setEnabled(False)
        self.add_button.clicked.connect(self._add)
        self.add_row = SettingRow(_tr("Add a mirror"), " ", self.address, self.add_button)
        super().__init__(_tr("Mirrors"), *self.mirror_rows.values(), self.add_row)
        self.explain()

    def _row(self, mirror: Mirror, first: Mirror) -> SettingRow:
        icons, address = self._context.icons, mirror.address
        log_in = CheckBox(icons, _tr("Send the log-in"))
        log_in.setAccessibleName(_tr("Send the log-in to %1").replace("%1", address))
        log_in.setChecked(mirror.send_token)
        log_in.toggled.connect(partial(self._choose_token, address))
        earlier = IconButton(
            icons, "arrow-up", _tr("Ask %1 earlier").replace("%1", address), small=True
        )
        earlier.setEnabled(mirror is not first)
        earlier.clicked.connect(partial(self._move_up, address))
        remove = IconButton(icons, "x", _tr("Remove %1").replace("%1", address), small=True)
        remove.clicked.connect(partial(self._remove, address))
        return SettingRow(address, " ", log_in, earlier, remove)

    # What is said

    def explain(self) -> None:
        """What each row is for, where there is nothing to tell of a test."""
        for number, row in enumerate(self.mirror_rows.values()):
            row.say(
                _tr("Asked where the hub above does not answer")
                if not number
                else _tr("Asked where those above do not answer")
            )
        self.add_row.say(_tr("Another address of the same models"))

    def say_all(self, sentence: str, role: str) -> None:
        """The same sentence in all rows of mirrors."""
        for row in self.mirror_rows.values():
            row.say(sentence, role)

    def say(self, address: str, sentence: str, role: str) -> None:
        """A sentence in the row of one mirror."""
        for mirror_address, row in self.mirror_rows.items():
            if mirror_address.rstrip("/") == address:
                row.say(sentence, role)

    # What the person does

    def _typed(self, text: str) -> None:
        problem = self._problem(text)
        self.address.set_wrong(problem if len(text) > len("https://") else "")
        self.add_button.setEnabled(not problem)
        self.add_row.say(problem if self.address.is_wrong() else " ", "danger")
        if not self.address.is_wrong():
            self.explain()

    def _problem(self, text: str) -> str:
        try:
            address = checked_endpoint(text)
        except AppError as error:
            return error.message
        return _tr("This mirror is in the list.") if address in self.mirror_rows else ""

    def _add(self) -> None:
        text = self.address.text()
        if not self._problem(text):
            self._update((*self._mirrors, Mirror(checked_endpoint(text))))

    def _remove(self, address: str, _checked: bool = False) -> None:
        self._update(tuple(each for each in self._mirrors if each.address != address))

    def _move_up(self, address: str, _checked: bool = False) -> None:
        mirrors = list(self._mirrors)
        place = next(n for n, each in enumerate(mirrors) if each.address == address)
        mirrors[place - 1 : place + 1] = reversed(mirrors[place - 1 : place + 1])
        self._update(tuple(mirrors))

    def _choose_token(self, address: str, on: bool) -> None:
        self._update(
            tuple(
                replace(each, send_token=on) if each.address == address else each
                for each in self._mirrors
            )
        )

    def _update(self, mirrors: tuple[Mirror, ...]) -> None:
        settings = self._context.settings
        settings.update(network=replace(settings.current.network, mirrors=mirrors))
