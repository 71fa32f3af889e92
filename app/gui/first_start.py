"""The first page of somebody who has no model yet, and the quickest ways to one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.hardware import HardwareSurvey, memory_snapshot
from app.core.library import LocalModel
from app.gui.controls.buttons import Button
from app.gui.controls.card import Card, Line, Region, ScrollPage
from app.gui.controls.icon_view import MarkView
from app.gui.controls.labels import Label
from app.gui.controls.strip import Strip
from app.gui.discover_fit import FitCheck, fit_tip
from app.gui.downloads_start import DownloadStarter, item_for, local_for
from app.gui.first_start_offer import StarterOffer
from app.gui.first_start_parts import (
    HardwareLine,
    StarterCard,
    SuggestionRow,
    WayButton,
    hardware_facts,
)
from app.gui.first_start_programs import FoundPrograms
from app.gui.library_look import FolderLooks
from app.gui.page import Page

if TYPE_CHECKING:
    from app.gui.context import AppContext

COLUMN = 680


class FirstStart(Page):
    """Shown by the window in place of the chat page while there is nothing to chat with."""

    page_id = "first-start"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._rows: list[SuggestionRow] = []
        self._survey: HardwareSurvey | None = None
        self._room: int | None = None
        self._accelerated = False
        self.starter = DownloadStarter(context.worker, context.hub, context.downloads, self)
        self._lay_out()
        self.offer = StarterOffer(context, self.starter_card, self.starter, self)
        self.offer.chat_wanted.connect(self._chat_with)
        self.offer.file_wanted.connect(self._choose_file)
        self.offer.refused.connect(self._refused)
        self.looks = FolderLooks(context, self)
        self._suggest(accelerated=False)
        bridge, downloads = context.bridge, context.downloads
        for hook in (downloads.changed, downloads.finished, downloads.removed):
            bridge.on(hook, self._downloads_changed)
        bridge.on(context.library.changed, self.refresh)
        bridge.on(context.settings.changed, self._settings_changed)
        context.disk_room.seen.connect(self._disk_seen)
        self.starter.started.connect(self._downloads_changed)
        self.starter.failed.connect(self._refused)
        self.refresh()

    def _lay_out(self) -> None:
        icons = self._context.icons
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        region = Region("canvas")
        outer.addWidget(region)
        inside = QVBoxLayout(region)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        self.problem = Strip(icons, tone="warning", closable=True)
        self.problem.hide()
        inside.addWidget(self.problem)
        page = ScrollPage(COLUMN)
        inside.addWidget(page)
        column = page.column
        column.addSpacing(78)
        column.addWidget(MarkView(icons, 44))
        column.addSpacing(12)
        column.addWidget(Label(self.tr("Welcome to Corral"), "welcome"))
        column.addSpacing(8)
        text = self.tr(
            "Corral runs language models on this computer. What you write does not leave it "
            "unless you add a server yourself. To begin, choose a model."
        )
        column.addWidget(Label(text, "reading", "text-2", wrap=True))
        column.addSpacing(24)
        self.hardware = HardwareLine(icons)
        column.addWidget(self.hardware)
        column.addSpacing(24)
        self.starter_card = StarterCard(icons)
        column.addWidget(self.starter_card)
        self._gap = QWidget()
        self._gap.setFixedHeight(24)
        column.addWidget(self._gap)
        self.programs = FoundPrograms(self._context, self)
        self.programs.refused.connect(lambda error: self._refused("", error))
        column.addWidget(self.programs)
        column.addWidget(self._make_suggestions())
        column.addSpacing(24)
        column.addLayout(self._make_ways())
        column.addStretch(1)

    def _make_suggestions(self) -> QWidget:
        self.suggestions = Card()
        body = QVBoxLayout(self.suggestions)
        body.setContentsMargins(1, 1, 1, 1)
        body.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(20, 0, 12, 0)
        self._suggestions_title = Label("", "group-title")
        self._suggestions_title.setFixedHeight(44)
        head.addWidget(self._suggestions_title)
        head.addStretch(1)
        self._suggestions_note = Label("", "caption", "text-3")
        head.addWidget(self._suggestions_note)
        body.addLayout(head)
        self._suggestions_body = QVBoxLayout()
        self._suggestions_body.setSpacing(0)
        body.addLayout(self._suggestions_body)
        return self.suggestions

    def _make_ways(self) -> QHBoxLayout:
        icons = self._context.icons
        row = QHBoxLayout()
        row.setSpacing(32)
        ways = (
            (self.tr("Browse all models"), "compass", self._browse),
            (self.tr("Use models from another app"), "folder-search", self._choose_folder),
            (self.tr("Open a file…"), "folder-open", self._choose_file),
        )
        self.ways: list[Button] = []
        for text, icon, slot in ways:
            button = WayButton(icons, text, icon)
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            button.clicked.connect(slot)
            row.addWidget(button)
            self.ways.append(button)
        row.addStretch(1)
        return row

    def _suggest(self, *, accelerated: bool) -> None:
        """Three that fit, for life: the list must not change under the pointer.

        Only a graphics card, which is found a blink after the page is shown, makes it anew.
        """
        context, self._accelerated = self._context, accelerated
        self._rows.clear()
        while (item := self._suggestions_body.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        memory = memory_snapshot()
        check = FitCheck(memory)
        for entry in context.catalogue.suggestions(memory, accelerated=accelerated):
            row = SuggestionRow(context.icons, entry)
            judged = check.of_entry(entry)
            row.fit.set_fit(judged.fit.value, fit_tip(judged, check.context))
            row.button.clicked.connect(partial(self._suggestion_pressed, row))
            self._suggestions_body.addWidget(Line())
            self._suggestions_body.addWidget(row)
            self._rows.append(row)
        note = self.tr("%1 of %2 suggestions").replace("%1", str(len(self._rows)))
        self._suggestions_note.setText(note.replace("%2", str(len(context.catalogue.entries()))))
        self.suggestions.setVisible(bool(self._rows))

    # The page protocol

    def activated(self) -> None:
        """Look at the disk; the survey of the hardware may still be running."""
        context = self._context
        context.worker.run(lambda: context.hardware, done=self._surveyed, failed=self._no_survey)
        context.disk_room.look()
        self.programs.look()
        self.refresh()

    def regions(self) -> Sequence[QWidget]:
        """The card, the suggestions, the other ways."""
        buttons = [self.starter_card.button, *(row.button for row in self._rows[:1])]
        return [*(each for each in buttons if each.isVisible()), self.ways[0]]

    def _disk_seen(self, free: int | None, _error: AppError | None) -> None:
        self._room = free
        if self._survey is not None:
            self.hardware.set_facts(hardware_facts(self._survey, free))

    def _surveyed(self, survey: HardwareSurvey) -> None:
        self._survey = survey
        self.hardware.set_facts(hardware_facts(survey, self._room))
        if not self._accelerated and (survey.gpus or survey.apple_silicon):
            self._suggest(accelerated=True)
            self.refresh()

    def _no_survey(self, error: AppError) -> None:
        self.hardware.set_facts([])

    # Showing

    def refresh(self) -> None:
        """Show models and downloads as they are now."""
        self._downloads_changed()
        led = not self.starter_card.isHidden()
        self._gap.setVisible(led)
        self._suggestions_title.setText(
            self.tr("Or download one that suits this computer")
            if led
            else self.tr("Download one that suits this computer")
        )
        self._say_offline()

    def _downloads_changed(self, _: object = None) -> None:
        self.offer.refresh()
        items = self._context.downloads.items()
        for row in self._rows:
            repo, file = row.entry.gguf_repo, row.entry.gguf_file
            row.show_state(
                item_for(items, repo, file),
                here=self._local(row) is not None,
                asking=self.starter.is_pending(repo, file),
            )

    def _local(self, row: SuggestionRow) -> LocalModel | None:
        models = self._context.library.models()
        return local_for(models, row.entry.gguf_repo, row.entry.gguf_file)

    def _say_offline(self) -> None:
        offline = self._context.settings.current.network.offline
        for row in self._rows:
            if offline and self._local(row) is None:
                row.button.setEnabled(False)
                row.button.setToolTip(self.tr("Corral is offline. Switch that off in Settings."))
            else:
                row.button.setToolTip("")

    def _settings_changed(self, _: object) -> None:
        self.refresh()

    # What the person does

    def _chat_with(self, model_id: str) -> None:
        self.open_page.emit("chat", {"model_id": model_id})

    def _suggestion_pressed(self, row: SuggestionRow) -> None:
        local = self._local(row)
        if local is not None:
            self._chat_with(local.id)
            return
        self.problem.hide()
        downloads = self._context.downloads
        item = item_for(downloads.items(), row.entry.gguf_repo, row.entry.gguf_file)
        if item is not None and item.state in ("paused", "failed"):
            repo = row.entry.gguf_repo
            self._context.worker.run(downloads.resume, item.id, failed=partial(self._refused, repo))
            return
        self.starter.start_entry(row.entry)
        self._downloads_changed()

    def _refused(self, _: str, error: AppError) -> None:
        rest = " ".join(part for part in (error.message, error.hint) if part)
        self.problem.say(f"{error.title}. {rest}".strip())
        self._downloads_changed()

    def _browse(self) -> None:
        self.open_page.emit("discover", None)

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Use models from another app"), str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._open_dialog(dialog)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Open a model file"), str(Path.home()))
        dialog.setNameFilter(self.tr("Models (*.gguf)"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._open_dialog(dialog)

    def _open_dialog(self, dialog: QFileDialog) -> None:
        dialog.fileSelected.connect(lambda text: self.adopt(Path(text)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def adopt(self, path: Path) -> None:
        """Use a file or folder where it lies, and chat with it."""
        self.problem.hide()
        self._context.worker.run(
            self._context.library.adopt, path, done=self._adopted, failed=self._adopt_failed
        )

    def _adopted(self, model: LocalModel) -> None:
        self._chat_with(model.id)

    def _adopt_failed(self, error: AppError) -> None:
        self._refused("", error)
