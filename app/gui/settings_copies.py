"""Settings, Updates: the copies of the data that were made before its format changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Signal

from app.core.data_backup import Backup
from app.gui.controls.buttons import Button
from app.gui.settings_rows import SettingGroup, SettingRow
from app.gui.update_words import backup_sentence, chats_in, moment_of

if TYPE_CHECKING:
    from app.gui.context import AppContext


def _tr(text: str) -> str:
    return QCoreApplication.translate("CopiesGroup", text)


class CopiesGroup(SettingGroup):
    """A row for each copy. Made anew when there are others."""

    chosen = Signal(object)
    """A copy that is to be put back; the person has agreed."""

    def __init__(self, context: AppContext, backups: Sequence[Backup]) -> None:
        self.buttons: list[Button] = []
        rows = []
        for backup in backups:
            button = Button(context.icons, _tr("Put back…"), small=True)
            moment = moment_of(backup.made)
            button.setAccessibleName(_tr("Put back the copy of %1").replace("%1", moment))
            self.buttons.append(button)
            title = _tr("Copy of %1").replace("%1", moment)
            rows.append(SettingRow(title, backup_sentence(backup), button))
        super().__init__(_tr("Copies of your data"), *rows)
        self._notifier = context.notifier
        for button, backup in zip(self.buttons, backups, strict=True):
            button.clicked.connect(partial(self._ask, backup))

    def _ask(self, backup: Backup, _checked: bool = False) -> None:
        title = _tr("Put back the copy of %1?").replace("%1", moment_of(backup.made))
        words = _tr(
            "Chats, presets and settings become as they were (%1). What is there now is copied "
            "first. Corral ends and starts again."
        )
        self._notifier.confirm(
            title,
            words.replace("%1", chats_in(backup)),
            _tr("Put back and restart"),
            partial(self._answered, backup),
            danger=True,
        )

    def _answered(self, backup: Backup, yes: bool) -> None:
        if yes:
            self.chosen.emit(backup)
