"""Discover: find a model, see whether it fits, download it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.download_state import DownloadItem
from app.core.errors import AccessError, AppError, NotFoundError, OfflineError, SettingsError
from app.core.hub_addresses import main_address
from app.core.hub_reference import Reference
from app.core.memory import DEFAULT_CONTEXT, Fit
from app.core.ollama_name import ollama_name_of
from app.gui import variants_lines
from app.gui.ages import ago
from app.gui.controls.card import Line
from app.gui.discover_browser import DiscoverBrowser
from app.gui.discover_compare import Compared
from app.gui.discover_comparison import Comparison
from app.gui.discover_fit import FitCheck, fit_tip
from app.gui.discover_gated import GatedGuide
from app.gui.discover_rows import ModelRow
from app.gui.discover_subject import Subject, danger_words
from app.gui.discover_view import ModelInView, main_line
from app.gui.download_folders import FolderChoice
from app.gui.downloads_start import DownloadStarter, away_for, local_for, try_action, try_later
from app.gui.formatting import day, error_words
from app.gui.model_detail import ModelDetail
from app.gui.page import Page
from app.gui.variants_lines import VariantLine

if TYPE_CHECKING:
    from app.gui.context import AppContext

VIEWED_MS = 800
"""A model in view for so long was looked at."""


class DiscoverPage(Page):
    """The list at the left, one model at the right."""

    page_id = "discover"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._tokens = DEFAULT_CONTEXT
        self._check = FitCheck(context.runtime.free_memory())
        self._wanted = ""
        """File or quantization that the person named, until its variant is known."""
        self._viewed_timer = QTimer(self, singleShot=True, interval=VIEWED_MS)
        self._viewed_timer.timeout.connect(self._keep_viewed)
        entries = context.catalogue.entries()
        self.browser = DiscoverBrowser(
            context.icons,
            context.worker,
            context.hub,
            context.seen,
            context.marks,
            entries,
            self._check,
        )
        if made := context.catalogue.made:
            words = self.tr("List of %1").replace("%1", day(made))
            self.browser.age.setText(words)
        self.detail = ModelDetail(context.icons, context.worker)
        self.gated = GatedGuide(context, self.detail.gated, self)
        self.view = ModelInView(context.hub, context.seen, context.speeds, context.worker, self)
        self.comparison = Comparison(context.icons, self, self._measured)
        self.starter = DownloadStarter(context.worker, context.hub, context.downloads, self)
        self.folder_choice = FolderChoice(context, self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.browser)
        row.addWidget(Line(vertical=True))
        row.addWidget(self.detail, 1)
        self._connect()

    def _connect(self) -> None:
        context, detail, view = self._context, self.detail, self.view
        self.browser.row_chosen.connect(self._row_chosen)
        self.browser.reference_given.connect(self._reference_given)
        self.browser.settings_wanted.connect(self._open_settings)
        self.browser.failed.connect(self._say_refusal)
        self.browser.compare.opened.connect(self.comparison.open)
        self.browser.compare.cleared.connect(self.comparison.clear)
        self.comparison.changed.connect(self._show_marks)
        self.comparison.wanted.connect(self._show_compared)
        detail.download.connect(self._download)
        detail.download_to.connect(self._ask_folder)
        detail.pause.connect(partial(try_action, context.notifier, context.downloads.pause))
        resume = partial(try_later, context.worker, context.notifier, context.downloads.resume)
        detail.resume.connect(resume)
        detail.chat.connect(self._chat)
        detail.retry.connect(view.retry)
        detail.context_chosen.connect(self._context_chosen)
        detail.settings_wanted.connect(self._open_settings)
        self.gated.settings_wanted.connect(self._open_settings)
        self.gated.granted.connect(view.retry)  # the card and the header can be read now
        detail.repo_wanted.connect(view.family.open)
        detail.bookmarked.connect(self._bookmark)
        detail.compared.connect(self._compare)
        view.waiting.connect(self._show_waiting)
        view.named.connect(self._show_subject)
        view.measured.connect(self._show_lines)
        view.card_changed.connect(self._show_card)
        view.failed.connect(self._show_failure)
        view.refused.connect(self._say_refusal)
        self.starter.started.connect(self._download_changed)
        self.starter.failed.connect(self._download_refused)
        bridge = context.bridge
        bridge.on(context.downloads.changed, self._download_changed)
        bridge.on(context.downloads.finished, self._download_changed)
        bridge.on(context.downloads.removed, self._download_removed)
        bridge.on(context.library.changed, self._library_changed)
        bridge.on(context.settings.changed, self._settings_changed)
        bridge.on(context.marks.changed, self._marks_changed)
        detail.set_context(self._tokens)

    # The page protocol

    def activated(self) -> None:
        """Look at memory and disk again; at the first visit show the first suggestion."""
        self._world_changed()
        if self.view.subject is None:
            rows = self.browser.list.list_model().rows()
            first = next((row for row in rows if isinstance(row, ModelRow)), None)
            if first is not None:
                self.browser.list.choose(first.key)

    def open_with(self, argument: object) -> None:
        """{"query": words}, {"repo": "owner/name", "file": path} or {"entry": id of the list}."""
        if not isinstance(argument, dict):
            return
        if query := argument.get("query"):
            self.browser.open_text(str(query))
        elif entry := self._context.catalogue.get(str(argument.get("entry", ""))):
            if not self.browser.list.choose(entry.id):
                self._show(Subject(entry.gguf_repo, entry))
        elif repo := argument.get("repo"):
            file, revision = argument.get("file"), argument.get("revision")
            self._reference_given(Reference(str(repo), file, revision))

    def find_in_page(self) -> None:
        """Ctrl+F goes to the search field."""
        self.browser.head.search.setFocus()
        self.browser.head.search.selectAll()

    def regions(self) -> Sequence[QWidget]:
        """Search, list, model."""
        return (self.browser.head.search, self.browser.list, self.detail.main_button)

    # Choosing a model

    def _row_chosen(self, row: ModelRow) -> None:
        subject = self.view.subject
        unknown = subject is not None and subject.entry is None and subject.detail is None
        if subject is None or subject.repo not in row.repos or unknown:
            self._show(Subject(row.repo, row.entry, row.models))

    def _reference_given(self, reference: Reference) -> None:
        entry = self._context.catalogue.for_repo(reference.repo)
        own = entry if entry and entry.gguf_repo.casefold() == reference.repo.casefold() else None
        wanted = reference.file or reference.quantization or ""
        self._show(Subject(reference.repo, own), reference.revision, wanted)

    def _show(self, subject: Subject, revision: str | None = None, wanted: str = "") -> None:
        self._wanted = wanted
        self.browser.show_in_view(subject.repo)
        self.detail.set_problem("")
        self.view.show(subject, revision)
        self._viewed_timer.start()

    def _keep_viewed(self) -> None:
        """Somebody really looks at it: not a row that was passed by."""
        if (subject := self.view.subject) is not None:
            self._context.worker.run(self._context.marks.viewed, subject.repo, subject.title)

    def _show_waiting(self) -> None:
        if self.view.subject is not None:
            self.detail.show_waiting(self.view.subject)

    def _show_subject(self, start_over: bool) -> None:
        subject = self.view.subject
        if subject is None:
            return
        address = self._address(subject.repo)
        self.detail.show_subject(subject, address)
        self.gated.show_subject(subject, address)
        self._say_offline()
        self._say_refusal()
        self._show_marks()
        self._show_lines(start_over=start_over)

    def _address(self, repo: str) -> str:
        if name := ollama_name_of(repo):
            return name.page
        network = self._context.settings.current.network
        if network.offline:
            return ""
        try:
            return f"{main_address(network, os.environ)}/{repo}"
        except SettingsError:
            return ""

    def _show_card(self) -> None:
        known, refusal = self.view.known_now, self.view.refusal
        if known is not None:
            note = error_words(known.card_error) if known.card_error else ""
            gated = self.view.subject is not None and self.view.subject.gated
            if gated and isinstance(known.card_error, AccessError):  # the strip says what is needed
                note = self.tr("The card can be read once its licence is accepted, as said above.")
            if known.card == "":
                note = self.tr("This repository has no model card.")
            self.detail.card.show_card(known.card or None, note)
        elif refusal is not None:
            self.detail.card.show_card(None, self.tr("The card comes from the hub."))
        else:
            self.detail.card.show_card(None)

    # Variants

    def _show_lines(self, *, start_over: bool = False) -> None:
        subject = self.view.subject
        if subject is None or (subject.entry is None and subject.detail is None):
            return
        lines = self.view.lines(self._check, self._why_no_mlx())
        downloads = self._context.downloads
        lines = variants_lines.with_states(
            lines, downloads.items(), self._context.library.models(), self.starter.is_pending
        )
        if self._context.settings.current.network.offline:
            why = self.tr("Corral is offline. Switch that off in Settings to download.")
            lines = tuple(
                line if line.state == "here" else replace(line, usable=False, problem=why)
                for line in lines
            )
        self.detail.set_lines(lines, start_over=start_over)
        self.detail.set_others(self.view.family.not_opened())
        self.detail.set_danger(danger_words(self.view.scans()))
        if self._wanted and subject.detail is not None:
            self.detail.table.choose(self._wanted)
            self._wanted = ""

    def _why_no_mlx(self) -> str:
        return self.tr("MLX models run on Macs with Apple silicon only.")

    def _context_chosen(self, tokens: int) -> None:
        self._tokens = tokens
        self.detail.set_context(tokens)
        self._world_changed()

    # What is not as it should be

    def _show_failure(self, error: AppError) -> None:
        """The hub tells nothing: what the shipped list has of the model is better than that."""
        subject = self.view.subject
        entry = self._context.catalogue.for_repo(subject.repo) if subject else None
        if entry is not None and not isinstance(error, NotFoundError | AccessError):
            self._show(Subject(entry.gguf_repo, entry))
        else:
            self._say_offline()
            self.detail.show_failure(error)

    def _say_refusal(self) -> None:
        """Above the model: why it is not of now, and how old it is.

        Not said where the list at the left says the same already, nor that a repository is empty
        while something else is wrong.
        """
        error, seen_at = self.view.refusal, self.view.seen_at
        if error is None or isinstance(error, OfflineError):
            detail = self.view.subject.detail if self.view.subject else None
            empty = detail is not None and not detail.variants
            words = self.tr("This repository holds no GGUF or MLX model that Corral could run.")
            self.detail.set_problem(words if empty else "", retry=False)
            self._say_offline()
            return
        failure = self.browser.failure
        if seen_at is None and failure is not None and failure.title == error.title:
            self.detail.set_problem("")
            return
        kept = self.tr("%1 The variants below are those of the shipped list.")
        if seen_at is not None:
            kept = self.tr("%1 What is below was seen %2.").replace("%2", ago(seen_at))
        self.detail.set_problem(kept.replace("%1", error_words(error)))

    def _say_offline(self) -> None:
        subject = self.view.subject
        shown = subject is None or subject.entry is not None or subject.detail is not None
        offline = self._context.settings.current.network.offline and shown
        text = self.tr("Corral is offline. This is of the list that ships with it.")
        if made := self._context.catalogue.made:
            text = self.tr("Corral is offline. This is of the list that ships with it, of %1.")
            text = text.replace("%1", day(made))
        if (seen_at := self.view.seen_at) is not None:
            text = self.tr("Corral is offline. This was seen %1.").replace("%1", ago(seen_at))
        self.detail.set_offline(offline, text)

    # Bookmarks and comparing

    def _bookmark(self, on: bool) -> None:
        subject, marks = self.view.subject, self._context.marks
        if subject is not None:
            self._context.worker.run(
                partial(marks.bookmark, subject.repo, subject.title, on=on),
                failed=self._bookmark_failed,
            )

    def _bookmark_failed(self, error: AppError) -> None:
        self._show_marks()
        self._context.notifier.error(error)

    def _marks_changed(self) -> None:
        self._show_marks()
        self.browser.marks_changed()

    def _show_marks(self) -> None:
        if (subject := self.view.subject) is not None:
            compared = self.comparison.holds(subject.repo)
            bookmarked = self._context.marks.is_bookmarked(subject.repo)
            self.detail.set_marks(bookmarked=bookmarked, compared=compared)
        self.browser.compare.show_titles(self.comparison.titles())

    def _compare(self, on: bool) -> None:
        if self.view.subject is not None:
            self.comparison.set_chosen(self.view.subject, on=on)

    def _measured(self, subject: Subject) -> Compared:
        """A model at the context that all are compared at."""
        check = replace(self._check, context=DEFAULT_CONTEXT)
        newest = self.view.newest(subject)
        return Compared(newest, main_line(self.view.lines_of(newest, check, self._why_no_mlx())))

    def _show_compared(self, subject: Subject) -> None:
        if self.view.subject is None or self.view.subject.repo != subject.repo:
            self._show(subject)

    # Downloads

    def _ask_folder(self, line: VariantLine) -> None:
        self.folder_choice.ask(self.detail.folder_button, partial(self._download, line))

    def _download(self, line: VariantLine, root: Path | None = None) -> None:
        start = partial(self._start, line, root)
        files = {file.path for file in line.variant.files} if line.variant else {line.file}
        scan = self.view.scans().get(line.repo)
        if scan is not None and (found := scan.concerning(files)):
            title = self.tr("The hub's scans found something in this file")
            text = self.tr("%1 It can harm this computer. Another repository may have it clean.")
            named = " ".join(f"{issue.path}: {issue.level}." for issue in found)
            self._ask_first(start, title, text.replace("%1", named), danger=True)
        elif line.judged is not None and line.judged.fit is Fit.TOO_LARGE:
            title = self.tr("This model is too large for this computer")
            text = self.tr("%1 It can still be downloaded, but loading it will be slow or fail.")
            self._ask_first(start, title, text.replace("%1", fit_tip(line.judged, line.context)))
        elif away := away_for(self._context.library.models(), line.repo, line.file):
            title = self.tr("This model is on a drive that is not connected")
            text = self.tr("It is at %1, and is there again with its drive. Nothing is lost.")
            self._ask_first(start, title, text.replace("%1", str(away.path)))
        else:
            start()

    def _ask_first(
        self, start: Callable[[], None], title: str, text: str, *, danger: bool = False
    ) -> None:
        self._context.notifier.confirm(
            title,
            text,
            self.tr("Download anyway"),
            lambda yes: start() if yes else None,
            danger=danger,
        )

    def _start(self, line: VariantLine, root: Path | None) -> None:
        subject = self.view.subject
        if subject is None or line.repo not in self.view.repos():
            return
        detail = self.view.detail_of(line.repo)
        if detail is not None and line.variant is not None:
            title = re.sub(r"[-_.]gguf$", "", subject.title, flags=re.IGNORECASE)
            self.starter.start(detail, line.variant, title, root)
        elif subject.entry is not None:
            self.starter.start_entry(subject.entry, line.file, root)
        self._show_lines()

    def _download_changed(self, item: DownloadItem) -> None:
        """Many times a second; a page out of view looks again when it comes back."""
        if self.isVisible() and item.request.repo in self.view.repos():
            self._show_lines()

    def _download_removed(self, item_id: str) -> None:
        self._show_lines()

    def _download_refused(self, repo: str, error: AppError) -> None:
        self._context.notifier.error(error)
        self._show_lines()

    def _chat(self, line: VariantLine) -> None:
        local = local_for(self._context.library.models(), line.repo, line.file)
        if local is not None:
            self.open_page.emit("chat", {"model_id": local.id})

    # The world around

    def _world_changed(self) -> None:
        self._check = FitCheck(self._context.runtime.free_memory(), self._tokens)
        offline = self._context.settings.current.network.offline
        self._say_offline()
        self.browser.set_world(self._check, self._context.library.models(), offline=offline)
        self._show_lines()

    def _library_changed(self) -> None:
        if self.isVisible():
            self._world_changed()

    def _settings_changed(self, _: object) -> None:
        self._world_changed()
        if self._context.settings.current.network.offline:
            self.detail.set_problem("")
        elif self.view.subject is not None and (
            self.view.subject.detail is None or self.view.refusal is not None
        ):
            self.view.retry()

    def _open_settings(self) -> None:
        self.open_page.emit("settings", {"section": "network"})
