"""Downloads: what is on its way, what waits, what needs help, what is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.core.download_queue import AT_ONCE, Step
from app.core.download_state import DownloadItem
from app.core.errors import AppError
from app.gui import downloads_words as words
from app.gui import formatting
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.card import Line, Region, ScrollPage
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.focus_heir import focus_kept
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.menu import Menu
from app.gui.controls.strip import Strip
from app.gui.downloads_group import DownloadGroup
from app.gui.downloads_menu import row_menu
from app.gui.downloads_row import DownloadRow
from app.gui.downloads_start import local_for, try_action, try_later
from app.gui.downloads_updates import UpdatesGroup
from app.gui.downloads_words import GROUPS, GroupName
from app.gui.inline_link import InlineLink
from app.gui.page import Page
from app.gui.speed_limit import SpeedLimitBox

if TYPE_CHECKING:
    from app.gui.context import AppContext

DISK_SECONDS = 15


class DownloadsPage(Page):
    """A column of groups, and the room on the disk."""

    page_id = "downloads"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._rows: dict[str, DownloadRow] = {}
        self._order: dict[GroupName, list[str]] = {}
        self._free: int | None = None
        self._lay_out()
        self._timer = QTimer(self, interval=DISK_SECONDS * 1000)
        self._timer.timeout.connect(self._look_at_disk)
        context.disk_room.seen.connect(self._disk_seen)
        bridge, downloads = context.bridge, context.downloads
        bridge.on(downloads.changed, self._changed)
        bridge.on(downloads.finished, self._changed)
        bridge.on(downloads.removed, self._removed)
        bridge.on(context.library.changed, self.refresh)
        bridge.on(context.updates.changed, self.refresh)
        bridge.on(context.settings.changed, self._settings_changed)
        self.refresh()

    def _lay_out(self) -> None:
        icons = self._context.icons
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        region = Region("canvas")
        outer.addWidget(region)
        column = QVBoxLayout(region)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._make_header())
        column.addWidget(Line())
        self.offline = Strip(icons, tone="offline", action=self.tr("Open settings"))
        self.offline.action_chosen.connect(
            lambda: self.open_page.emit("settings", {"section": "network"})
        )
        self.offline.hide()
        column.addWidget(self.offline)
        self._stack = QStackedWidget()
        column.addWidget(self._stack, 1)
        self._empty = EmptyState(
            icons,
            "download",
            self.tr("No downloads yet"),
            self.tr(
                "Models that you download appear here. They can be paused and resumed at any time."
            ),
            action=self.tr("Find a model"),
            action_icon="compass",
            callback=lambda: self.open_page.emit("discover", None),
        )
        self._stack.addWidget(self._empty)
        self._page = ScrollPage(icons.theme.metric("page-column-max"), above=20)
        self._stack.addWidget(self._page)
        self._make_groups()
        column.addWidget(Line())
        column.addLayout(self._make_foot())

    def _make_groups(self) -> None:
        icons = self._context.icons
        titles: dict[GroupName, str] = {
            "now": self.tr("Now"),
            "waiting": self.tr("Waiting"),
            "help": self.tr("Needs your help"),
            "done": self.tr("Done"),
        }
        self.groups = {
            name: DownloadGroup(icons, titles[name], sortable=name == "waiting") for name in GROUPS
        }
        self.updates = UpdatesGroup(self._context)
        for name in GROUPS:
            if name == "done":
                self._page.column.addWidget(self.updates)
            self._page.column.addWidget(self.groups[name])
        self.groups["waiting"].put_before.connect(self._put_before)
        self._page.column.addStretch(1)
        self.clear = InlineLink(icons, self.tr("Clear list"))
        self.clear.clicked.connect(self._clear)
        self.groups["done"].add_action(self.clear)

    def _make_foot(self) -> QHBoxLayout:
        icons = self._context.icons
        foot = QHBoxLayout()
        foot.setContentsMargins(24, 0, 24, 0)
        foot.setSpacing(12)
        foot.addWidget(IconView(icons, "hard-drive", 16))
        self.disk = Label("", "caption", "text-2")
        self.disk.setFixedHeight(39)
        foot.addWidget(self.disk, 1)
        foot.addWidget(IconView(icons, "moon", 14))
        self.schedule = InlineLink(icons)
        self.schedule.setToolTip(self.tr("When downloads run"))
        self.schedule.clicked.connect(self._open_settings)
        foot.addWidget(self.schedule)
        return foot

    def _make_header(self) -> QWidget:
        header = QWidget()
        header.setFixedHeight(self._context.theme.metric("header") - 1)  # the line below counts
        row = QHBoxLayout(header)
        row.setContentsMargins(24, 1, 12, 0)
        row.setSpacing(8)
        row.addWidget(Label(self.tr("Downloads"), "page-title"))
        row.addSpacing(8)
        self.summary = Label("", "body", "text-3")
        row.addWidget(self.summary)
        row.addStretch(1)
        limit = QHBoxLayout()
        limit.setSpacing(8)
        limit.addWidget(IconView(self._context.icons, "gauge", 16))
        limit.addWidget(Label(self.tr("Speed limit"), "body", "text-2"))
        self.speed_limit = SpeedLimitBox(self._context)
        limit.addWidget(self.speed_limit)
        row.addLayout(limit)
        self.pause_all = Button(self._context.icons, self.tr("Pause all"), "pause")
        self.pause_all.clicked.connect(self._pause_or_resume_all)
        row.addWidget(self.pause_all)
        self.more = IconButton(self._context.icons, "ellipsis", self.tr("More"))
        self.more.clicked.connect(self._open_more)
        row.addWidget(self.more)
        return header

    def _open_more(self) -> None:
        menu = Menu(self._context.icons, self.more)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        offline = self._context.settings.current.network.offline
        menu.add(
            self.tr("Look for newer versions"),
            self.updates.look_now,
            icon="refresh-cw",
            enabled=not offline,
            tip=self.tr("Not while Offline is on") if offline else "",
        )
        menu.add(self.tr("Download settings"), self._open_settings, icon="settings")
        menu.popup_under(self.more, right=True)

    def _open_settings(self) -> None:
        self.open_page.emit("settings", {"section": "downloads"})

    # The page protocol

    def activated(self) -> None:
        """Look at everything again."""
        self.refresh()
        self._look_at_disk()
        self._timer.start()
        self.updates.look()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks at the disk while nobody looks at the page."""
        super().hideEvent(event)
        self._timer.stop()

    def regions(self) -> Sequence[QWidget]:
        """The header's buttons, and the rows."""
        return (self.speed_limit, self._page)

    # Rows

    def refresh(self) -> None:
        """Show all downloads as they are now."""
        with focus_kept(self):
            self._fill()

    def _fill(self) -> None:
        items = self._context.downloads.items()
        groups = words.grouped(items)
        for item in items:
            if item.id not in self._rows:
                self._rows[item.id] = self._make_row(item)
        for gone in self._rows.keys() - {item.id for item in items}:
            row = self._rows.pop(gone)
            row.hide()
            row.deleteLater()
        for name, members in groups.items():
            ids = [item.id for item in members]
            if ids != self._order.get(name):
                self._order[name] = ids
                self.groups[name].set_rows(ids, [self._rows[item_id] for item_id in ids])
            for place, item in enumerate(members):
                self._show(item, place)
        self.updates.refresh()
        self._say(items, groups)

    def _make_row(self, item: DownloadItem) -> DownloadRow:
        row = DownloadRow(self._context.icons, item)
        downloads = self._context.downloads
        row.pause.connect(partial(self._try, downloads.pause))
        row.resume.connect(partial(self._try_later, downloads.resume))
        row.remove.connect(partial(self._try, downloads.remove))
        row.cancel.connect(self._cancel)
        row.chat.connect(self._chat)
        row.run_now.connect(partial(self._try_later, downloads.run_now))
        row.try_now.connect(partial(self._try, downloads.try_now))
        row.step_wanted.connect(self._move)
        row.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        row.customContextMenuRequested.connect(partial(self._open_menu, row))
        row.show_folder.connect(self._show_folder)
        return row

    def _show(self, item: DownloadItem, place: int) -> None:
        settings = self._context.settings.current.downloads
        self._rows[item.id].show_item(
            item,
            place=place,
            usable=self._local_id(item) is not None,
            gone=self._is_gone(item),
            hours=(settings.begin, settings.end) if settings.only_hours else None,
            sortable=words.group_of(item) == "waiting",
        )

    def _local_id(self, item: DownloadItem) -> str | None:
        if item.state != "done":
            return None
        models = self._context.library.models()
        local = local_for(models, item.request.repo, item.request.files[0].path)
        return local.id if local else None

    def _is_gone(self, item: DownloadItem) -> bool:
        """Whether a download is done and the library knows none of its files any more."""
        if item.state != "done":
            return False
        files = {item.target.joinpath(*file.path.split("/")) for file in item.request.files}
        models = self._context.library.models()
        return not any(files.intersection((*model.files, model.path)) for model in models)

    def _changed(self, item: DownloadItem) -> None:
        """Most changes are only more bytes of one row. Out of view nothing needs to follow."""
        if not self.isVisible():
            return
        ids = self._order.get(words.group_of(item), [])
        if item.id not in ids:
            self.refresh()
            self._look_at_disk()
            return
        self._show(item, ids.index(item.id))
        items = self._context.downloads.items()
        self._say(items, words.grouped(items))

    def _removed(self, item_id: str) -> None:
        self.refresh()
        self._look_at_disk()

    def _say(
        self, items: Sequence[DownloadItem], groups: dict[GroupName, list[DownloadItem]]
    ) -> None:
        self._stack.setCurrentIndex(1 if items or self.updates.rows else 0)
        self.schedule.setText(words.schedule_words(self._context.settings.current.downloads))
        self.summary.setText(words.summary(items))
        running = self.tr("%1 of %2 at once").replace("%1", str(len(groups["now"])))
        self.groups["now"].note.setText(running.replace("%2", str(AT_ONCE)))
        self.groups["waiting"].note.setText(
            self.tr("In this order") if len(groups["waiting"]) > 1 else ""
        )
        self.groups["help"].note.setText(formatting.number(len(groups["help"])))
        can_pause = any(item.state in ("running", "waiting") for item in items)
        paused = any(item.state == "paused" for item in items)
        self.pause_all.setVisible(can_pause or paused)
        self.pause_all.setText(self.tr("Pause all") if can_pause else self.tr("Resume all"))
        self.pause_all.set_icon("pause" if can_pause else "play")
        self.disk.setText(words.disk_line(self._free, items) if self._free is not None else "")
        offline = self._context.settings.current.network.offline
        text = self.tr("Corral is offline. Downloads go on when that is switched off.")
        self.offline.say(text if offline and words.still_needed(items) else "")

    def _settings_changed(self, _: object) -> None:
        self.refresh()
        self._look_at_disk()

    # What the person does

    def _try(self, action: Callable[[str], object], item_id: str) -> None:
        try_action(self._context.notifier, action, item_id)

    def _try_later(self, action: Callable[[str], object], item_id: str) -> None:
        try_later(self._context.worker, self._context.notifier, action, item_id)

    def _pause_or_resume_all(self) -> None:
        downloads = self._context.downloads
        can_pause = any(item.state in ("running", "waiting") for item in downloads.items())
        if can_pause:
            self._try(lambda _all: downloads.pause_all(), "")
        else:
            self._try_later(lambda _all: downloads.resume_all(), "")

    def _move(self, item_id: str, step: Step) -> None:
        self._try(lambda each: self._context.downloads.move(each, step), item_id)
        self.refresh()

    def _put_before(self, item_id: str, other_id: str | None) -> None:
        self._try(lambda each: self._context.downloads.move_before(each, other_id), item_id)
        self.refresh()

    def _open_menu(self, row: DownloadRow, place: QPoint) -> None:
        menu = row_menu(self._context.icons, row)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(row.mapToGlobal(place))

    def _cancel(self, item_id: str) -> None:
        """A question only where bytes are lost."""
        row = self._rows.get(item_id)
        if row is None or not row.item.done:
            self._try(self._context.downloads.cancel, item_id)
            return
        size = formatting.file_size(row.item.done)
        text = self.tr("%1 of %2 are on this computer already and will be deleted.")
        request = row.item.request
        name = " ".join(filter(None, (request.title, request.quantization)))
        stopped = row.item.state in ("paused", "failed")
        self._context.notifier.confirm(
            self.tr("Stop downloading %1?").replace("%1", name),
            text.replace("%1", size).replace("%2", PurePosixPath(request.files[0].path).name),
            self.tr("Stop and delete %1").replace("%1", size),
            lambda yes: self._try(self._context.downloads.cancel, item_id) if yes else None,
            danger=True,
            keep=self.tr("Keep it") if stopped else self.tr("Keep downloading"),
        )

    def _clear(self) -> None:
        for item in self._context.downloads.items():
            if item.state == "done":
                self._try(self._context.downloads.remove, item.id)

    def _chat(self, item_id: str) -> None:
        row = self._rows.get(item_id)
        model_id = self._local_id(row.item) if row else None
        if model_id is not None:
            self.open_page.emit("chat", {"model_id": model_id})

    def _show_folder(self, item_id: str) -> None:
        row = self._rows.get(item_id)
        if row is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(row.item.target)))

    # The disk

    def _look_at_disk(self) -> None:
        self._context.disk_room.look()

    def _disk_seen(self, free: int | None, _error: AppError | None) -> None:
        self._free = free
        self.disk.setText(words.disk_line(free, self._context.downloads.items()))
