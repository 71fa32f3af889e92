"""Discover: find a model, see whether it fits, download it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.download_state import DownloadItem
from app.core.errors import AppError, OfflineError, SettingsError
from app.core.gguf_types import GgufHeader
from app.core.hub import HubDetail
from app.core.hub_addresses import main_address
from app.core.hub_reference import Reference
from app.core.memory import DEFAULT_CONTEXT, Fit
from app.core.mlx_support import runs_mlx
from app.core.ollama_name import from_repo, repository_title
from app.gui import variants_lines
from app.gui.controls.card import Line
from app.gui.discover_browser import DiscoverBrowser
from app.gui.discover_fit import FitCheck, ModelShape, fit_tip, parameters_in_name
from app.gui.discover_gated import GatedGuide
from app.gui.discover_loader import DetailLoader
from app.gui.discover_rows import ModelRow
from app.gui.discover_subject import Subject
from app.gui.downloads_start import DownloadStarter, local_for, try_action
from app.gui.formatting import error_words
from app.gui.model_detail import ModelDetail
from app.gui.page import Page
from app.gui.variants_lines import VariantLine

if TYPE_CHECKING:
    from app.gui.context import AppContext

_REMEMBERED = 50


@dataclass
class _Known:
    """What the hub has told of one repository since the window was opened."""

    detail: HubDetail
    header: GgufHeader | None = None
    card: str | None = None
    no_card: str = ""


class DiscoverPage(Page):
    """The list at the left, one model at the right."""

    page_id = "discover"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._tokens = DEFAULT_CONTEXT
        self._check = FitCheck(context.runtime.free_memory())
        self._subject: Subject | None = None
        self._revision: str | None = None
        self._wanted = ""
        """File or quantization that the person named, until its variant is known."""
        self._known: dict[str, _Known] = {}
        self._refusal: AppError | None = None
        """Why the model in view is shown as the shipped list knows it."""
        entries = context.catalogue.entries()
        self.browser = DiscoverBrowser(
            context.icons, context.worker, context.hub, entries, self._check
        )
        self.detail = ModelDetail(context.icons, context.worker)
        self.gated = GatedGuide(context, self.detail.gated, self)
        self.loader = DetailLoader(context.hub, context.worker, self)
        self.starter = DownloadStarter(context.worker, context.hub, context.downloads, self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.browser)
        row.addWidget(Line(vertical=True))
        row.addWidget(self.detail, 1)
        self._connect()

    def _connect(self) -> None:
        context, detail, loader = self._context, self.detail, self.loader
        self.browser.row_chosen.connect(self._row_chosen)
        self.browser.reference_given.connect(self._reference_given)
        self.browser.settings_wanted.connect(self._open_settings)
        self.browser.failed.connect(self._say_refusal)
        detail.download.connect(self._download)
        detail.pause.connect(partial(try_action, context.notifier, context.downloads.pause))
        detail.resume.connect(partial(try_action, context.notifier, context.downloads.resume))
        detail.chat.connect(self._chat)
        detail.retry.connect(self._retry)
        detail.context_chosen.connect(self._context_chosen)
        detail.settings_wanted.connect(self._open_settings)
        self.gated.settings_wanted.connect(self._open_settings)
        self.gated.granted.connect(self._retry)  # the card and the header can be read now
        detail.repo_wanted.connect(lambda repo: self._show(Subject(repo)))
        loader.detail_loaded.connect(self._detail_loaded)
        loader.header_loaded.connect(self._header_loaded)
        loader.card_loaded.connect(self._card_loaded)
        loader.card_failed.connect(self._card_failed)
        loader.failed.connect(self._detail_failed)
        self.starter.started.connect(self._download_changed)
        self.starter.failed.connect(self._download_refused)
        bridge = context.bridge
        bridge.on(context.downloads.changed, self._download_changed)
        bridge.on(context.downloads.finished, self._download_changed)
        bridge.on(context.downloads.removed, self._download_removed)
        bridge.on(context.library.changed, self._library_changed)
        bridge.on(context.settings.changed, self._settings_changed)
        detail.set_context(self._tokens)

    # The page protocol

    def activated(self) -> None:
        """Look at memory and disk again; at the first visit show the first suggestion."""
        self._world_changed()
        if self._subject is None:
            rows = self.browser.list.list_model().rows()
            first = next((row for row in rows if isinstance(row, ModelRow)), None)
            if first is not None:
                self.browser.list.choose(first.key)

    def open_with(self, argument: object) -> None:
        """{"query": words}, {"repo": "owner/name"} or {"entry": id of the shipped list}."""
        if not isinstance(argument, dict):
            return
        if query := argument.get("query"):
            self.browser.open_text(str(query))
        elif entry := self._context.catalogue.get(str(argument.get("entry", ""))):
            if not self.browser.list.choose(entry.id):
                self._show(Subject(entry.gguf_repo, entry))
        elif repo := argument.get("repo"):
            self._reference_given(Reference(str(repo)))

    def find_in_page(self) -> None:
        """Ctrl+F goes to the search field."""
        self.browser.head.search.setFocus()
        self.browser.head.search.selectAll()

    def regions(self) -> Sequence[QWidget]:
        """Search, list, model."""
        return (self.browser.head.search, self.browser.list, self.detail.main_button)

    # Choosing a model

    def _row_chosen(self, row: ModelRow) -> None:
        if self._subject is None or self._subject.repo != row.repo:
            self._show(Subject(row.repo, row.entry, row.model))

    def _reference_given(self, reference: Reference) -> None:
        entry = self._context.catalogue.for_repo(reference.repo)
        own = entry if entry and entry.gguf_repo.casefold() == reference.repo.casefold() else None
        wanted = reference.file or reference.quantization or ""
        self._show(Subject(reference.repo, own), reference.revision, wanted)

    def _show(self, subject: Subject, revision: str | None = None, wanted: str = "") -> None:
        if self._subject is not None and self._revision is not None:
            self._known.pop(self._subject.repo, None)  # it is of another revision than the newest
        self._subject, self._revision, self._wanted = subject, revision, wanted
        self._refusal = None
        self.browser.list.choose_repo(subject.repo)
        self.detail.set_problem("")
        known = self._known.get(subject.repo)
        if known is not None and revision is None:
            self._subject = replace(subject, detail=known.detail)
        if self._subject.entry is not None or self._subject.detail is not None:
            self._show_subject(start_over=True)
            note = known.no_card if known else ""
            self.detail.set_card(known.card if known else None, note)
        else:
            self.detail.show_waiting(subject)
        if known is None or revision is not None:
            self.loader.load(subject.repo, revision)
        else:
            self.loader.cancel()

    def _show_subject(self, *, start_over: bool = False) -> None:
        if self._subject is None:
            return
        address = self._address(self._subject.repo)
        self.detail.show_subject(self._subject, address)
        self.gated.show_subject(self._subject, address)
        self._say_offline()
        self._show_lines(start_over=start_over)

    def _address(self, repo: str) -> str:
        if name := from_repo(repo):
            return name.page
        network = self._context.settings.current.network
        if network.offline:
            return ""
        try:
            return f"{main_address(network, os.environ)}/{repo}"
        except SettingsError:
            return ""

    # Variants

    def _show_lines(self, *, start_over: bool = False) -> None:
        subject = self._subject
        if subject is None or (subject.entry is None and subject.detail is None):
            return
        lines = self._lines(subject)
        downloads = self._context.downloads
        lines = variants_lines.with_states(
            lines, downloads.items(), self._context.library.models(), self.starter.is_pending
        )
        if self._context.settings.current.network.offline:
            why = self.tr("Corral is offline. Switch that off in Settings to download.")
            lines = tuple(replace(line, usable=False, problem=why) for line in lines)
        self.detail.set_lines(lines, start_over=start_over)
        if self._wanted and subject.detail is not None:
            self.detail.table.choose(self._wanted)
            self._wanted = ""

    def _lines(self, subject: Subject) -> tuple[VariantLine, ...]:
        if subject.detail is None:
            assert subject.entry is not None
            return variants_lines.of_entry(subject.entry, self._check)
        return variants_lines.of_detail(
            subject.repo,
            subject.detail.variants,
            self._check,
            self._shape(subject),
            mlx_usable=runs_mlx(),
            why_not=self.tr("MLX models run on Macs with Apple silicon only."),
        )

    def _shape(self, subject: Subject) -> ModelShape:
        known = self._known.get(subject.repo)
        header = known.header if known else None
        if subject.entry is not None:
            return replace(ModelShape.of_entry(subject.entry), header=header)
        return ModelShape(parameters_in_name(repository_title(subject.repo)), header=header)

    def _context_chosen(self, tokens: int) -> None:
        self._tokens = tokens
        self.detail.set_context(tokens)
        self._world_changed()

    # What the hub tells

    def _detail_loaded(self, detail: HubDetail) -> None:
        subject = self._subject
        if subject is None:
            return
        while len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[subject.repo] = _Known(detail)
        first = subject.entry is None and subject.detail is None
        self._subject = replace(subject, detail=detail)
        self._refusal = None
        self.detail.set_problem("")
        self._show_subject(start_over=first)
        if first:
            self.detail.set_card(None)
        if not detail.variants:
            self.detail.set_problem(
                self.tr("This repository holds no GGUF or MLX model that Corral could run.")
            )

    def _known_now(self) -> _Known | None:
        return self._known.get(self._subject.repo) if self._subject else None

    def _header_loaded(self, header: GgufHeader) -> None:
        if (known := self._known_now()) is not None:
            known.header = header
            self._show_lines()

    def _card_loaded(self, text: str) -> None:
        if (known := self._known_now()) is not None:
            known.card = text
            known.no_card = "" if text else self.tr("This repository has no model card.")
            self.detail.set_card(text, known.no_card)

    def _card_failed(self, error: AppError) -> None:
        self.detail.set_card(None, error_words(error))

    def _detail_failed(self, error: AppError) -> None:
        if self._subject is None:
            return
        if self._subject.entry is None:
            self.detail.show_failure(error)
            return
        self.detail.set_card(None, self.tr("The card comes from the hub."))
        if isinstance(error, OfflineError):
            return
        self._refusal = error
        self._say_refusal()

    def _say_refusal(self) -> None:
        """Above the model, unless the list at the left says the same already."""
        error, failure = self._refusal, self.browser.failure
        if error is None:
            return
        if failure is not None and failure.title == error.title:
            self.detail.set_problem("")
            return
        kept = self.tr("%1 The variants below are those of the shipped list.")
        self.detail.set_problem(kept.replace("%1", error_words(error)))

    def _retry(self) -> None:
        if self._subject is None:
            return
        self._refusal = None
        self.detail.set_problem("")
        if self._subject.entry is None and self._subject.detail is None:
            self.detail.show_waiting(self._subject)
        self.loader.load(self._subject.repo, self._revision, at_once=True)

    # Downloads

    def _download(self, line: VariantLine) -> None:
        judged = line.judged
        if judged is None or judged.fit is not Fit.TOO_LARGE:
            self._start(line)
            return
        self._context.notifier.confirm(
            self.tr("This model is too large for this computer"),
            self.tr("%1 It can still be downloaded, but loading it will be slow or fail.").replace(
                "%1", fit_tip(judged, line.context)
            ),
            self.tr("Download anyway"),
            lambda yes: self._start(line) if yes else None,
        )

    def _start(self, line: VariantLine) -> None:
        subject = self._subject
        if subject is None or subject.repo != line.repo:
            return
        if subject.detail is not None and line.variant is not None:
            title = re.sub(r"[-_.]gguf$", "", subject.title, flags=re.IGNORECASE)
            self.starter.start(subject.detail, line.variant, title)
        elif subject.entry is not None:
            self.starter.start_entry(subject.entry, line.file)
        self._show_lines()

    def _download_changed(self, item: DownloadItem) -> None:
        """Many times a second; a page out of view looks again when it comes back."""
        subject = self._subject
        if self.isVisible() and subject is not None and item.request.repo == subject.repo:
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

    def _say_offline(self) -> None:
        offline = self._context.settings.current.network.offline
        text = self.tr("Corral is offline. This is the list that ships with it.")
        self.detail.set_offline(offline, text)

    def _library_changed(self) -> None:
        if self.isVisible():
            self._world_changed()

    def _settings_changed(self, _: object) -> None:
        self._world_changed()
        offline = self._context.settings.current.network.offline
        if offline:
            self.detail.set_problem("")
        elif self._subject is not None and self._subject.detail is None:
            self._retry()

    def _open_settings(self) -> None:
        self.open_page.emit("settings", {"section": "network"})
