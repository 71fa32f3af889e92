"""Settings, Updates: the copies of the data, made before its format changed or it was replaced."""

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
    unwanted = Signal(object)
    """A copy that is to be deleted; the person has agreed."""

    def __init__(self, context: AppContext, backups: Sequence[Backup]) -> None:
        self.buttons: list[Button] = []
        self.deletes: list[Button] = []
        rows = []
        for backup in backups:
            button = Button(context.icons, _tr("Put back…"), small=True)
            moment = moment_of(backup.made)
            button.setAccessibleName(_tr("Put back the copy of %1").replace("%1", moment))
            button.clicked.connect(partial(self._ask, backup))
            self.buttons.append(button)
            controls = [button]
            if backup.replaced:  # the others make room for newer ones by themselves
                delete = Button(context.icons, _tr("Delete…"), small=True)
                delete.setAccessibleName(_tr("Delete the copy of %1").replace("%1", moment))
                delete.clicked.connect(partial(self._ask_delete, backup))
                self.deletes.append(delete)
                controls.insert(0, delete)
            title = _tr("Copy of %1").replace("%1", moment)
            rows.append(SettingRow(title, backup_sentence(backup), *controls))
        super().__init__(_tr("Copies of your data"), *rows)
        self._notifier = context.notifier

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

    def _ask_delete(self, backup: Backup, _checked: bool = False) -> None:
        title = _tr("Delete the copy of %1?").replace("%1", moment_of(backup.made))
        words = _tr(
            "It holds your data as it was before another copy was put back (%1). What is only in "
            "it is lost then."
        )
        self._notifier.confirm(
            title,
            words.replace("%1", chats_in(backup)),
            _tr("Delete"),
            partial(self._delete_answered, backup),
            danger=True,
        )

    def _delete_answered(self, backup: Backup, yes: bool) -> None:
        if yes:
            self.unwanted.emit(backup)
