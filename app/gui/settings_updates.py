"""Settings, Updates: looking for newer versions of Corral, what is new in one, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QHideEvent, QShowEvent

from app import __version__
from app.core.errors import AppError
from app.gui.controls.bars import ProgressBar
from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.switch import Switch
from app.gui.formatting import error_words
from app.gui.frame import Frame
from app.gui.settings_copies import CopiesGroup
from app.gui.settings_rows import SettingGroup, SettingRow, SettingSection
from app.gui.update_notes import UpdateNotes
from app.gui.update_words import (
    back_question,
    back_sentence,
    notes_of,
    offer_sentence,
    state_sentence,
    state_title,
)

if TYPE_CHECKING:
    from app.core.data_backup import Backup
    from app.core.program_updates import UpdateState
    from app.core.settings import Settings
    from app.core.update_manifest import Release
    from app.core.update_replacement import GoingBack
    from app.gui.context import AppContext


REFRESH_MS = 2000
"""How often is it looked whether something is still running."""


class UpdatesSection(SettingSection):
    """Look, read what is new, download, install, go back."""

    section_id = "updates"
    icon = "package"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._updates = context.program_updates
        self._looking = False
        self._refusal: AppError | None = None
        """Why a version was not installed, until something else is done about it."""
        self._busy = False
        """What the button speaks of: something was running when it was written."""
        self._noting = False
        """What is to happen at the end is being written down."""
        self._back: GoingBack | None = None
        self._words: list[str] = []
        self.add(self._about())
        self.notes = UpdateNotes(context.icons, context.worker)
        self.column.addWidget(self.notes)
        self.add(self._going_back())
        self.copies: CopiesGroup | None = None
        self._backups: tuple[Backup, ...] = ()
        self.column.addStretch(1)
        context.bridge.on(self._updates.changed, self._show_state)
        context.bridge.on(self._updates.replacement.changed, self._show_state)
        self._timer = QTimer(self, interval=REFRESH_MS)
        self._timer.timeout.connect(self._show_state)
        self._show_state()

    def title(self) -> str:
        """Its name."""
        return self.tr("Updates")

    def _about(self) -> SettingGroup:
        icons = self._context.icons
        self.agree = Switch(icons, self.tr("Look for new versions"))
        self.agree.clicked.connect(self._choose)
        self.look = Button(icons, self.tr("Look now"), small=True)
        self.look.clicked.connect(self._look)
        self.state_row = SettingRow(" ", " ", _named(self.look))
        self.bar = ProgressBar(icons, self.tr("Download of the new version"))
        self.bar.setFixedWidth(120)
        self.stop = Button(icons, self.tr("Stop"), small=True)
        self.stop.clicked.connect(self._updates.stop_fetching)
        self.cancel = Button(icons, self.tr("Do not install"), small=True)
        self.cancel.clicked.connect(self._give_up)
        self.page = Button(icons, self.tr("Open page"), "external-link", small=True)
        self.page.clicked.connect(self._open_page)
        self.act = PrimaryButton(icons, self.tr("Download"), small=True)
        self.act.clicked.connect(self._act)
        self.offer_row = SettingRow(
            self.tr("New version"),
            " ",
            self.bar,
            *map(_named, (self.stop, self.cancel, self.page, self.act)),
        )
        agree_row = SettingRow(
            self.tr("Look for new versions"),
            self.tr("Once a day. The server is told which version asks, and nothing else."),
            self.agree,
        )
        self.group = SettingGroup(
            self.tr("Corral %1").replace("%1", __version__),
            agree_row,
            self.state_row,
            self.offer_row,
        )
        return self.group

    def _going_back(self) -> SettingGroup:
        self.go_back = Button(self._context.icons, self.tr("Go back…"), small=True)
        self.go_back.clicked.connect(self._ask_back)
        self.back_row = SettingRow(" ", " ", _named(self.go_back))
        self.back_row.wanted = False
        self.back_group = SettingGroup(self.tr("The version before"), self.back_row)
        self.back_group.show_wanted()
        return self.back_group

    # What is in force

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        self.agree.setChecked(bool(settings.updates.look))
        self._allow_look()

    def _allow_look(self) -> None:
        offline = self._context.settings.current.network.offline
        possible = self._updates.is_set_up
        self.agree.setEnabled(possible)
        self.look.setEnabled(possible and not offline and not self._looking)
        self.look.setToolTip(self.tr("Not while Offline is on") if offline else "")

    def _show_state(self) -> None:
        if self._noting:  # nothing is planned meanwhile
            return
        state, planned = self._updates.state(), self._updates.replacement.planned
        self._busy = busy = self._context.is_busy()
        self.state_row.title.setText(state_title(state))
        if self._looking:
            self.state_row.say(self.tr("Asking…"), "accent")
        elif state.problem is not None:
            self.state_row.say(error_words(state.problem), "danger")
        else:
            done = state.stage == "current"
            self.state_row.say(state_sentence(state), "success" if done else "text-3")
        self.offer_row.wanted = state.release is not None or planned is not None
        if self._refusal is not None:
            self.offer_row.say(error_words(self._refusal), "danger")
        else:
            self.offer_row.say(offer_sentence(state, planned, busy=busy))
        self._show_buttons(state, busy=busy)
        self._show_notes(state)
        self.group.show_wanted()
        self._allow_look()

    def _show_buttons(self, state: UpdateState, *, busy: bool) -> None:
        planned = self._updates.replacement.planned is not None
        able = state.way in ("replace", "open", "terminal")
        waiting = state.stage in ("offered", "ready") and able
        self.bar.setVisible(state.fetching)
        if state.package is not None:
            self.bar.set_fraction(state.done / state.package.size)
        self.stop.setVisible(state.fetching)
        self.cancel.setVisible(planned)
        # What waits for something to end may be done at once when that has ended.
        self.act.setVisible(waiting and not state.fetching and not (planned and busy))
        by_hand = state.release is not None and not waiting and bool(state.page)
        self.page.setVisible(by_hand)
        if state.stage != "ready":
            self.act.setText(self.tr("Download"))
        elif state.command:
            self.act.setText(self.tr("Copy command"))
        elif busy:
            self.act.setText(self.tr("Install at the end"))
        elif state.way == "open":
            self.act.setText(self.tr("End and install"))
        else:
            self.act.setText(self.tr("Install and restart"))
        _named(self.act)

    def _show_notes(self, state: UpdateState) -> None:
        language = self._context.settings.current.appearance.language
        notes = notes_of(state.release, language) if state.release else ""
        if state.release is not None and notes:
            self.notes.say(state.release.version, notes)
        self.notes.setVisible(bool(notes) and not self._words)

    def filter(self, words: list[str]) -> bool:
        """Show what fits; notes only while nobody searches."""
        self._words = words
        self.notes.setVisible(not words and bool(self.notes.head.text()))
        return super().filter(words)

    def refresh(self) -> None:
        """Packages and copies may have come or gone."""
        if self.isVisible():
            replacement = self._updates.replacement
            self._context.worker.run(replacement.going_back, done=self._show_back)
            self._context.worker.run(replacement.backups, done=self._show_copies)
            self._show_state()

    def showEvent(self, event: QShowEvent) -> None:
        """The section came into view."""
        super().showEvent(event)
        self._timer.start()
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks whether something is still running."""
        super().hideEvent(event)
        self._timer.stop()

    def _show_back(self, back: GoingBack | None) -> None:
        self._back = back
        self.back_row.wanted = back is not None and self._updates.state().way in (
            "replace",
            "open",
        )
        if back is not None:
            self.back_row.title.setText(self.tr("Corral %1").replace("%1", back.release.version))
            self.back_row.say(back_sentence(back))
        self.back_group.show_wanted()

    def _show_copies(self, backups: tuple[Backup, ...]) -> None:
        if backups == self._backups:
            return
        self._backups = backups
        if self.copies is not None:
            self.groups.remove(self.copies)
            self.copies.hide()
            self.copies.deleteLater()
            self.copies = None
        if backups:
            self.copies = CopiesGroup(self._context, backups)
            self.copies.chosen.connect(self._restore)
            self.copies.unwanted.connect(self._delete_copy)
            self.groups.append(self.copies)
            self.column.insertWidget(self.column.count() - 1, self.copies)
            self.copies.filter(self._words)
            self.copies.setEnabled(not self._noting)

    # What a person does

    def _choose(self, on: bool) -> None:
        settings = self._context.settings
        settings.update(updates=replace(settings.current.updates, look=on))
        if on:
            self._context.worker.run(self._updates.look)

    def _look(self) -> None:
        self._looking = True
        self._show_state()
        self._context.worker.run(
            lambda: self._updates.look(now=True), done=self._looked, failed=self._looked
        )

    def _looked(self, _: object) -> None:
        """What went wrong is in the state."""
        self._looking = False
        self._show_state()
        self.refresh()

    def _open_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._updates.state().page))

    def _act(self) -> None:
        state = self._updates.state()
        self._refusal = None
        if state.release is None:
            return
        if state.stage == "offered":
            release = state.release
            self._context.worker.run(
                lambda: self._updates.fetch(release), done=self._came, failed=self._came
            )
        elif state.command:
            QGuiApplication.clipboard().setText(state.command)
            self._context.notifier.toast(self.tr("The command was copied"))
        elif state.stage == "ready":
            self._install(state.release, None, self._refused)

    def _came(self, _: object) -> None:
        self._show_state()

    def _install(
        self,
        release: Release,
        backup: Backup | None,
        failed: Callable[[AppError], object],
    ) -> None:
        """Now, by ending; or at the end of what is running."""
        restart = not self._busy
        install = self._updates.replacement.install
        self._context.worker.run(
            lambda: install(release, backup=backup, restart=restart),
            done=self._end_if_idle if restart else None,
            failed=failed,
        )

    def _refused(self, error: AppError) -> None:
        self._refusal = error
        self._show_state()

    def _end_if_idle(self, _: object) -> None:
        """End, unless a chat or a download has begun since: then at the end of it all."""
        if self._context.is_busy():
            self._note(self._updates.replacement.wait_for_end)
        else:
            self._end()

    def _end(self) -> None:
        window = self.window()
        if isinstance(window, Frame):
            window.quit()

    def _ask_back(self) -> None:
        back = self._back
        if back is None:
            return
        title = self.tr("Go back to Corral %1?").replace("%1", back.release.version)
        self._context.notifier.confirm(
            title,
            back_question(back),
            self.tr("Go back"),
            self._answered,
            danger=back.needs_backup,
        )

    def _answered(self, yes: bool) -> None:
        back = self._back
        if not yes or back is None:
            return
        self.go_back.setEnabled(False)
        self.back_row.say(self.tr("Downloading and checking…"), "accent")

        def get() -> bool:
            return back.here or self._updates.fetch(back.release)

        self._context.worker.run(get, done=self._back_came, failed=self._back_refused)

    def _back_came(self, whole: bool) -> None:
        self.go_back.setEnabled(True)
        if whole and self._back is not None:
            self._install(self._back.release, self._back.backup, self._back_refused)
        self.refresh()

    def _back_refused(self, error: AppError) -> None:
        self.go_back.setEnabled(True)
        self.back_row.say(error_words(error), "danger")

    def _restore(self, backup: Backup) -> None:
        self._note(partial(self._updates.replacement.restore, backup), self._end)

    def _give_up(self) -> None:
        self._note(self._updates.replacement.cancel)

    def _note(self, write: Callable[[], object], done: Callable[[], object] | None = None) -> None:
        """Write down what is to happen at the end; another Corral may have to be waited for."""
        self._set_noting(True)
        self._context.worker.run(write, done=partial(self._noted, done), failed=self._not_noted)

    def _noted(self, done: Callable[[], object] | None, _: object) -> None:
        self._set_noting(False)
        if done is not None:
            done()

    def _not_noted(self, error: AppError) -> None:
        self._set_noting(False)
        self._context.notifier.error(error)

    def _set_noting(self, noting: bool) -> None:
        self._noting = noting
        for part in (self.offer_row, self.back_row, self.copies):
            if part is not None:
                part.setEnabled(not noting)
        self._show_state()

    def _delete_copy(self, backup: Backup) -> None:
        replacement = self._updates.replacement
        self._context.worker.run(lambda: replacement.delete(backup), done=lambda _: self.refresh())


def _named(button: Button) -> Button:
    """A button that is called what stands on it, not what stands beside it."""
    button.setAccessibleName(button.text())
    return button
