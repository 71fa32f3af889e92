"""Links into Corral and things dropped on the window: ask, then do what the person chose."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtWidgets import QWidget

from app.core.corral_links import HubTarget, parse_dropped
from app.core.engine_packs import SUFFIX
from app.core.errors import AppError, OfflineError, SettingsError
from app.core.gguf import read_header
from app.core.gguf_types import GgufHeader
from app.core.hub import HubClient, HubDetail
from app.core.hub_addresses import main_address
from app.core.hub_facts import ScanStatus
from app.core.library import LocalModel
from app.core.model_names import model_name
from app.core.variants import Variant, recommended
from app.gui import formatting
from app.gui.discover_fit import FitCheck, ModelShape, fit_word
from app.gui.discover_loader import scan_of
from app.gui.discover_subject import Subject, danger_words, licence_words
from app.gui.download_folders import FolderChoice
from app.gui.downloads_start import DownloadStarter, variant_with
from app.gui.formatting import error_words
from app.gui.open_confirm import OpenConfirm
from app.gui.worker import Task

if TYPE_CHECKING:
    from app.gui.context import AppContext


class OpenRequests(QObject):
    """Shows one panel at a time, above a window."""

    page_wanted = Signal(str, object)
    """A page, and what it is opened with."""

    def __init__(self, context: AppContext, host: QWidget) -> None:
        super().__init__(host)
        self._context = context
        self._host = host
        self._panel: OpenConfirm | None = None
        self._task: Task | None = None
        """What is being found out for the panel in view."""
        self.starter = DownloadStarter(context.worker, context.hub, context.downloads, self)
        self.folder_choice = FolderChoice(context, host)
        self._root: Path | None = None
        self.starter.started.connect(lambda _: self.page_wanted.emit("downloads", None))
        self.starter.failed.connect(lambda _, error: context.notifier.error(error))

    @property
    def panel(self) -> OpenConfirm | None:
        """The panel in view."""
        return self._panel

    def open(self, text: str) -> None:
        """Ask about a link, an address of a model page, or the path of a model or an engine."""
        try:
            target = parse_dropped(text)
            if target is not None:
                self._context.hub.check_site(target.reference)
        except AppError as error:
            self._context.notifier.error(error)
            return
        if target is not None:
            self._ask_about_model(target)
        elif text.lower().endswith(".gguf") and "://" not in text:
            self._ask_about_file(Path(text))
        elif text.lower().endswith(SUFFIX) and "://" not in text:
            self.page_wanted.emit("settings", {"section": "engines", "engine": text})
        else:
            self._context.notifier.toast(self.tr("That names no model."))

    # A model of the hub

    def _ask_about_model(self, target: HubTarget) -> None:
        reference = target.reference
        panel = OpenConfirm(
            self._context.icons,
            self._host,
            self.tr("Open a model from a link?"),
            self.tr(
                "Something outside Corral asks to show this model. Nothing is downloaded unless "
                "you choose so."
            ),
            (
                self.tr("Model"),
                self.tr("From"),
                self.tr("File"),
                self.tr("Size"),
                self.tr("Licence"),
                self.tr("Downloads"),
                self.tr("Folder"),
            ),
            {"show": self.tr("Show in Discover"), "download": self.tr("Download")},
        )
        panel.say(self.tr("Model"), reference.repo)
        panel.say(self.tr("From"), self._host_of_hub())
        panel.say(self.tr("File"), reference.file or formatting.UNKNOWN)
        panel.answers["download"].hide()
        change = panel.add_link(self.tr("Folder"), self.tr("Change…"))
        change.clicked.connect(lambda: self.folder_choice.ask(change, self._choose_root))
        panel.retry.connect(partial(self._look_up, panel, target))
        panel.chosen.connect(partial(self._model_chosen, target))
        self._show(panel)
        self._choose_root(None)
        self._look_up(panel, target)

    def _choose_root(self, root: Path | None) -> None:
        """The models folder that the model in view would go to; None is the standard one."""
        self._root = root
        if self._panel is not None:
            shown = root or self._context.library.folder
            self._panel.say(self.tr("Folder"), str(shown))

    def _host_of_hub(self) -> str:
        try:
            address = main_address(self._context.settings.current.network, os.environ)
        except SettingsError:
            return self.tr("the model hub")
        return urlsplit(address).netloc

    def _look_up(self, panel: OpenConfirm, target: HubTarget) -> None:
        panel.complain("")
        panel.say(self.tr("Size"), self.tr("Asking the hub…"))
        reference = target.reference
        self._task = self._context.worker.run(
            _ask_hub,
            self._context.hub,
            reference.repo,
            reference.revision or "main",
            done=partial(self._looked_up, target),
            failed=self._not_looked_up,
        )

    def _looked_up(self, target: HubTarget, told: tuple[HubDetail, ScanStatus]) -> None:
        panel, (detail, scan) = self._panel, told
        if panel is None:
            return
        try:
            variant = self._variant(target, detail)
        except AppError as error:
            panel.say(self.tr("Size"), formatting.UNKNOWN)
            panel.complain(error_words(error), again=False)
            return
        panel.say(self.tr("Downloads"), formatting.compact_number(detail.model.downloads))
        if words := licence_words(detail.model.licence):
            panel.say(self.tr("Licence"), words)
        if variant is None:
            panel.say(self.tr("Size"), formatting.UNKNOWN)
            text = self.tr("This repository holds no GGUF or MLX model that Corral could run.")
            panel.complain(text, again=False)
            return
        shape = ModelShape.of_name(target.reference.repo)
        judged = self._check().of_variant(variant, shape)
        size = formatting.file_size(variant.download_size)
        panel.say(self.tr("File"), variant.files[0].path)
        panel.say(self.tr("Size"), f"{size} · {fit_word(judged.fit)}")
        if danger := danger_words({target.reference.repo: scan}):
            panel.complain(danger, again=False)
        if scan.concerning({file.path for file in variant.files}):
            return
        button = panel.answers["download"]
        button.setText(self.tr("Download %1").replace("%1", size))
        button.setVisible(not detail.model.gated)
        button.clicked.connect(partial(self._download, detail, variant))

    def _variant(self, target: HubTarget, detail: HubDetail) -> Variant | None:
        """The one that is named, or the one that would be taken."""
        if target.reference.file:
            return variant_with(detail, target.reference.file)
        shape, check = ModelShape.of_name(target.reference.repo), self._check()
        usual = recommended(detail.variants, lambda each: check.of_variant(each, shape))
        return usual or next(iter(detail.variants), None)

    def _check(self) -> FitCheck:
        return FitCheck(self._context.runtime.free_memory())

    def _not_looked_up(self, error: AppError) -> None:
        if self._panel is not None:
            self._panel.say(self.tr("Size"), formatting.UNKNOWN)
            self._panel.complain(error_words(error), again=not isinstance(error, OfflineError))

    def _model_chosen(self, target: HubTarget, key: str) -> None:
        reference = target.reference
        if key == "show":
            wanted = {"repo": reference.repo, "file": reference.file or reference.quantization}
            self.page_wanted.emit("discover", {**wanted, "revision": reference.revision})

    def _download(self, detail: HubDetail, variant: Variant, _checked: bool = False) -> None:
        title = Subject(detail.model.repo).title
        self.starter.start(detail, variant, title, self._root)

    # A file

    def _ask_about_file(self, path: Path) -> None:
        panel = OpenConfirm(
            self._context.icons,
            self._host,
            self.tr("Use this model file?"),
            self.tr("Corral uses it where it lies: it is neither copied nor moved nor changed."),
            (
                self.tr("File"),
                self.tr("From"),
                self.tr("Size"),
                self.tr("Model"),
                self.tr("Kind"),
            ),
            {"use": self.tr("Use it")},
        )
        panel.say(self.tr("File"), path.name)
        panel.say(self.tr("From"), str(path.parent))
        panel.answers["use"].setEnabled(False)
        panel.retry.connect(partial(self._read, panel, path))
        panel.chosen.connect(lambda _: self._adopt(path))
        self._show(panel)
        self._read(panel, path)

    def _read(self, panel: OpenConfirm, path: Path) -> None:
        panel.complain("")
        panel.say(self.tr("Size"), self.tr("Reading…"))
        self._task = self._context.worker.run(
            _read_file, path, done=self._file_read, failed=self._not_looked_up
        )

    def _file_read(self, found: tuple[str, int, GgufHeader]) -> None:
        if self._panel is None:
            return
        name, size, header = found
        self._panel.say(self.tr("Model"), name)
        kind = " · ".join(part for part in (header.architecture, header.quantization) if part)
        self._panel.say(self.tr("Kind"), kind or formatting.UNKNOWN)
        self._panel.say(self.tr("Size"), formatting.file_size(size))
        self._panel.answers["use"].setEnabled(True)

    def _adopt(self, path: Path) -> None:
        self._context.worker.run(
            self._context.library.adopt,
            path,
            done=self._adopted,
            failed=self._context.notifier.error,
        )

    def _adopted(self, model: LocalModel) -> None:
        self.page_wanted.emit("models", {"model_id": model.id})

    # The panel

    def _show(self, panel: OpenConfirm) -> None:
        if self._panel is not None:
            self._panel.dismiss()
        self._panel = panel
        panel.closed.connect(self._forget)
        panel.ask()

    def _forget(self) -> None:
        self._panel = None
        if self._task is not None:
            self._task.cancel()
            self._task = None


def _ask_hub(hub: HubClient, repo: str, revision: str) -> tuple[HubDetail, ScanStatus]:
    """Files of a repository, and what the hub's scans say of it. Raises AppError."""
    detail = hub.detail(repo, revision)
    return detail, scan_of(hub, detail)


def _read_file(path: Path) -> tuple[str, int, GgufHeader]:
    """Name, bytes and header of a model file. Raises a ModelError for what is none."""
    header = read_header(path)
    return model_name(path, header), path.stat().st_size, header


def dropped_texts(data: QMimeData) -> Sequence[str]:
    """What of a drop could be opened: addresses, and paths of model files and engines."""
    texts = []
    for url in data.urls():
        if url.isLocalFile():
            if url.toLocalFile().lower().endswith((".gguf", SUFFIX)):
                texts.append(url.toLocalFile())
        else:
            texts.append(url.toString())
    if not data.hasUrls() and data.hasText() and "://" in data.text():
        texts.append(data.text().strip())
    return texts[:1]
