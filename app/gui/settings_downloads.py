"""Settings, Downloads: where to, how fast, when, and what is told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication

from app.core.link_scheme import can_open_links, opens_links, set_opens_links
from app.gui import formatting
from app.gui.controls.combo import ComboBox
from app.gui.controls.labels import Label
from app.gui.controls.switch import Switch
from app.gui.settings_folders import FoldersGroup
from app.gui.settings_rows import SettingGroup, SettingRow, SettingSection
from app.gui.speed_limit import SpeedLimitBox

if TYPE_CHECKING:
    from app.core.errors import AppError
    from app.core.settings import Downloads, Settings
    from app.gui.context import AppContext

_HALF_HOURS = range(0, 24 * 60, 30)
_MINUTES = (1, 5, 10, 15, 30, 60)


class DownloadsSection(SettingSection):
    """Folders, speed, schedule, notices."""

    section_id = "downloads"
    icon = "download"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self.folders = FoldersGroup(context)
        self.add(self.folders)
        self.add(self._speed())
        self.add(self._times())
        self.add(self._notices())
        if can_open_links():
            self.add(self._links())
        self.column.addStretch(1)

    def title(self) -> str:
        """Its name."""
        return self.tr("Downloads")

    def _speed(self) -> SettingGroup:
        self.speed_limit = SpeedLimitBox(self._context)
        row = SettingRow(
            self.tr("Speed limit"),
            self.tr("For all downloads together"),
            self.speed_limit,
        )
        return SettingGroup(self.tr("Speed"), row)

    def _times(self) -> SettingGroup:
        icons = self._context.icons
        self.only_hours = Switch(icons, self.tr("Only at certain hours"))
        self.only_hours.clicked.connect(lambda on: self._set(only_hours=on))
        self.begin = self._hours(self.tr("From"))
        self.begin.activated.connect(lambda: self._set(begin=self.begin.currentData()))
        self.end = self._hours(self.tr("To"))
        self.end.activated.connect(lambda: self._set(end=self.end.currentData()))
        self.only_idle = Switch(icons, self.tr("Only while nobody uses this computer"))
        self.only_idle.clicked.connect(lambda on: self._set(only_idle=on))
        self.minutes = ComboBox(icons, self.tr("Minutes without use"))
        self.minutes.setFixedWidth(104)
        for minutes in _MINUTES:
            self._add_minutes(minutes)
        self.minutes.activated.connect(lambda: self._set(idle_minutes=self.minutes.currentData()))
        knows = self._context.computer_idle.knows_input
        told = (
            self.tr("After so long without keys or mouse, and while no model answers")
            if knows
            else self.tr(
                "This desktop does not tell programs when keys or mouse were used. What counts "
                "is how long Corral’s window was not in front and no model answered."
            )
        )
        return SettingGroup(
            self.tr("When"),
            SettingRow(
                self.tr("Only at certain hours"),
                self.tr("Downloads wait outside of them, unless you say “Download now”"),
                self.begin,
                Label("–", "body", "text-3"),
                self.end,
                self.only_hours,
            ),
            SettingRow(
                self.tr("Only while nobody uses this computer"), told, self.minutes, self.only_idle
            ),
        )

    def _notices(self) -> SettingGroup:
        icons = self._context.icons
        self.notify = Switch(icons, self.tr("Tell when downloads are done"))
        self.notify.clicked.connect(lambda on: self._set(notify=on))
        self.updates = Switch(icons, self.tr("Look for newer versions"))
        self.updates.clicked.connect(lambda on: self._set(look_for_updates=on))
        return SettingGroup(
            self.tr("Notices"),
            SettingRow(
                self.tr("Tell when downloads are done"),
                self.tr("By a notice of the desktop, while Corral is not in front"),
                self.notify,
            ),
            SettingRow(
                self.tr("Look for newer versions"),
                self.tr(
                    "When you open Downloads or My models, at most once a day, the hub is asked "
                    "about the models you have"
                ),
                self.updates,
            ),
        )

    def _links(self) -> SettingGroup:
        self.links = Switch(self._context.icons, self.tr("Open corral:// links"))
        self.links.clicked.connect(self._choose_links)
        self.links_row = SettingRow(self.tr("Open corral:// links"), _links_words(), self.links)
        return SettingGroup(self.tr("Links"), self.links_row)

    def _choose_links(self, on: bool) -> None:
        self._context.worker.run(
            set_opens_links,
            on,
            done=self._links_set,
            failed=partial(self._links_failed, on),
        )

    def _links_set(self, _: None) -> None:
        self.links_row.say(_links_words())

    def _links_known(self, on: bool) -> None:
        self.links.setChecked(on)

    def _links_failed(self, on: bool, error: AppError) -> None:
        self.links.setChecked(not on)
        self.links_row.say(f"{error.title}. {error.message}", "danger")

    def _hours(self, name: str) -> ComboBox:
        box = ComboBox(self._context.icons, name)
        for minute in _HALF_HOURS:
            box.add(formatting.time_of_day(minute), minute)
        box.setFixedWidth(box.sizeHint().width())  # "10:30 PM" is longer than "22:30"
        return box

    def _add_minutes(self, minutes: int) -> None:
        self.minutes.add(self.tr("%1 min").replace("%1", str(minutes)), minutes)

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        if self._context.library.own_folders.all() != self.folders.folders:
            self._show_folders()
        now = settings.downloads
        self.only_hours.setChecked(now.only_hours)
        for box, minute in ((self.begin, now.begin), (self.end, now.end)):
            if box.findData(minute) < 0:  # set by hand in the file
                box.add(formatting.time_of_day(minute), minute)
            box.choose(minute)
            box.setEnabled(now.only_hours)
        if self.minutes.findData(now.idle_minutes) < 0:
            self._add_minutes(now.idle_minutes)
        self.minutes.choose(now.idle_minutes)
        self.minutes.setEnabled(now.only_idle)
        self.only_idle.setChecked(now.only_idle)
        self.notify.setChecked(now.notify)
        self.updates.setChecked(now.look_for_updates)

    def refresh(self) -> None:
        """Disks fill up, and the system may open links with another program by now."""
        self.folders.refresh()
        if can_open_links():
            self._context.worker.run(
                opens_links, done=self._links_known, failed=partial(self._links_failed, True)
            )

    def _show_folders(self) -> None:
        """Other rows; the group stands where it stood."""
        old, self.folders = self.folders, FoldersGroup(self._context)
        self.groups[self.groups.index(old)] = self.folders
        self.column.insertWidget(self.column.indexOf(old), self.folders)
        old.hide()
        old.deleteLater()
        self.folders.refresh()

    def _set(self, **values: object) -> None:
        settings = self._context.settings
        downloads: Downloads = replace(settings.current.downloads, **values)
        settings.update(downloads=downloads)


def _links_words() -> str:
    return QCoreApplication.translate(
        "DownloadsSection",
        "Web pages can then name a model to this system; Corral asks before it does anything",
    )
