"""The parts of the first page: what this computer has, the starter model, a suggestion."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.catalogue import CatalogueEntry
from app.core.download_state import DownloadItem
from app.core.hardware import HardwareSurvey
from app.core.library import LocalModel
from app.gui import formatting
from app.gui.controls.badges import FitBadge
from app.gui.controls.bars import ProgressBar
from app.gui.controls.buttons import Button, GhostButton, PrimaryButton
from app.gui.controls.card import Card
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons


class HardwareLine(QWidget):
    """What this computer has, in a line of small facts."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self.setFixedHeight(20)

    def set_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Icons with words."""
        while (item := self._row.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for place, (icon, text) in enumerate(facts):
            if place:
                self._row.addSpacing(6)
                self._row.addWidget(Label("·", "caption", "text-3"))
                self._row.addSpacing(6)
            self._row.addWidget(IconView(self._icons, icon, 14))
            self._row.addWidget(Label(text, "caption", "text-2"))
        self._row.addStretch(1)
        self.setAccessibleName(", ".join(text for _, text in facts))


def _tr(text: str) -> str:
    return QCoreApplication.translate("first-start", text)


def hardware_facts(survey: HardwareSurvey, free_disk: int | None) -> list[tuple[str, str]]:
    """Memory, cores, graphics, disk: an icon and words for each that is known."""
    memory = formatting.memory_size(survey.memory_total)
    facts = [("memory-stick", _tr("%1 memory").replace("%1", memory))]
    cores = _tr("%1 cores") if survey.physical_cores != 1 else _tr("%1 core")
    facts.append(("cpu", cores.replace("%1", str(survey.physical_cores))))
    if survey.gpus:
        best = max(survey.gpus, key=lambda gpu: gpu.memory_total)
        size = formatting.memory_size(best.memory_total)
        facts.append(("monitor", _tr("%1 graphics").replace("%1", size)))
    elif survey.apple_silicon:
        facts.append(("monitor", _tr("Apple graphics")))
    if free_disk is not None:
        size = formatting.file_size(free_disk)
        facts.append(("hard-drive", _tr("%1 free").replace("%1", size)))
    return facts


class _Tile(QWidget):
    """An icon on a tinted ground."""

    def __init__(self, icons: Icons, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons, self._icon = icons, icon
        self.setFixedSize(40, 40)
        icons.theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground and icon."""
        painter, theme = painter_for(QPainter(self)), self._icons.theme
        box(painter, self.rect(), theme.radius("control"), fill=theme.color("accent-tint"))
        pixmap = self._icons.pixmap(self._icon, 20, "accent", dpr_of(painter))
        pixmap_in(painter, self.rect(), pixmap)


class StarterCard(Card):
    """The model that is on this computer already, or a small one that can be downloaded."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent, ground="accent")
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 20, 20, 20)
        row.setSpacing(16)
        row.addWidget(_Tile(icons, "zap"))
        words = QVBoxLayout()
        words.setSpacing(2)
        self.title = Label("", "page-title")
        words.addWidget(self.title)
        self.text = Label("", "body", "text-2", wrap=True)
        words.addWidget(self.text)
        self.bar = ProgressBar(icons, self.tr("Progress"))
        self.bar.hide()
        words.addSpacing(4)
        words.addWidget(self.bar)
        row.addLayout(words, 1)
        self.button = PrimaryButton(icons, self.tr("Start chatting"))
        row.addWidget(self.button)

    def show_model(self, model: LocalModel) -> None:
        """Name the model."""
        self.title.setText(self.tr("Start now with %1").replace("%1", model.name))
        if model.source == "starter":
            text = self.tr(
                "Already on this computer, no download. Small and quick: good for a first look, "
                "not for hard questions."
            )
        else:
            text = self.tr("Already on this computer, no download.")
        self.text.setText(text)
        self.bar.hide()
        self._label(self.tr("Start chatting"))
        self.setAccessibleName(self.title.text())

    def show_download(
        self,
        entry: CatalogueEntry,
        item: DownloadItem | None,
        *,
        asking: bool,
        offline: bool,
        unreached: bool,
    ) -> None:
        """Offer a model to download, or tell how far it is.

        `offline` is the setting; `unreached`: the last try to reach the network failed.
        """
        self.title.setText(self.tr("Start now with %1").replace("%1", entry.name))
        size = formatting.file_size(entry.size)
        going = item is not None and item.state in ("waiting", "running", "verifying", "paused")
        failed = item is not None and item.state == "failed"
        self.bar.setVisible(going)
        if item is not None and going:
            self._show_progress(item, size)
        elif asking:
            self.text.setText(self.tr("Asking for its files…"))
            self._label(self.tr("Asking…"), enabled=False)
        elif offline:
            text = self.tr(
                "It needs the network once, to download %1, and Corral is offline: Settings, "
                "General switches that off. A model file (.gguf) that is already on a disk works "
                "without."
            )
            self.text.setText(text.replace("%1", size))
            self._label(self.tr("Open a file…"))
        elif unreached or failed:
            text = self.tr(
                "It needs the network once, to download %1. Without it, use a model file (.gguf) "
                "that is already on a disk: “Open a file…” below."
            )
            self.text.setText(text.replace("%1", size))
            self._label(self.tr("Try again"))
        else:
            text = self.tr(
                "One download of %1, then it needs no network. Small and quick: good for a first "
                "look, not for hard questions."
            )
            self.text.setText(text.replace("%1", size))
            self._label(self.tr("Download and start"))
        self.setAccessibleName(f"{self.title.text()}. {self.text.text()}")

    def _show_progress(self, item: DownloadItem, size: str) -> None:
        checking = item.state == "verifying"
        share = item.verified if checking else item.done / item.total if item.total else 0.0
        self.bar.set_fraction(share)
        self.bar.set_role("text-3" if item.state == "paused" else "accent")
        words = {
            "waiting": self.tr("Waits for its turn to be downloaded."),
            "verifying": self.tr("Downloaded; it is being verified, %1."),
            "paused": self.tr("Paused at %1 of %2."),
        }
        text = words.get(item.state, self.tr("Downloading, %1 of %2. The chat opens by itself."))
        self.text.setText(text.replace("%1", formatting.percent(share)).replace("%2", size))
        if item.state == "paused":
            self._label(self.tr("Resume"))
        else:
            self._label(self.tr("Downloading"), enabled=False)

    def _label(self, text: str, *, enabled: bool = True) -> None:
        self.button.setText(text)
        self.button.setEnabled(enabled)
        self.button.updateGeometry()


class ProgramsCard(Card):
    """The one question whether the models of other programs may be used."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 16, 20, 16)
        row.setSpacing(16)
        row.addWidget(_Tile(icons, "folder-search"))
        words = QVBoxLayout()
        words.setSpacing(2)
        title = self.tr("Use the models that other programs have here?")
        words.addWidget(Label(title, "group-title", wrap=True))
        self.text = Label("", "body", "text-2", wrap=True)
        words.addWidget(self.text)
        row.addLayout(words, 1)
        self.later = GhostButton(icons, self.tr("Not now"))
        row.addWidget(self.later)
        self.use = Button(icons, self.tr("Use them"))
        row.addWidget(self.use)
        self.setAccessibleName(title)


class WayButton(GhostButton):
    """Another way in: flush with the text above it, brighter under the pointer."""

    side = 0
    fill_hover = ""
    fill_pressed = ""

    def ink_now(self) -> str:
        """The ink of what is read first while under the pointer."""
        return "text" if self.underMouse() else "text-2"


class SuggestionRow(QWidget):
    """A suggested model with its size, its fit and what can be done."""

    def __init__(self, icons: Icons, entry: CatalogueEntry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = entry
        self.setAccessibleName(f"{entry.name}, {entry.summary}")
        self.setFixedHeight(63)
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 0, 12, 0)
        row.setSpacing(16)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(Label(entry.name, "body-strong"))
        words.addWidget(Label(entry.summary, "caption", "text-3", wrap=True))
        self.bar = ProgressBar(icons, self.tr("Progress"))
        words.addSpacing(4)
        words.addWidget(self.bar)
        words.addStretch(1)
        row.addLayout(words, 1)
        self.size_label = Label(formatting.file_size(entry.size), "caption", "text-2")
        row.addWidget(self.size_label)
        self.fit = FitBadge(icons)
        self.fit.setMinimumWidth(56)
        row.addWidget(self.fit)
        self.button = Button(icons, self.tr("Download"), "download")
        self.button.setMinimumWidth(112)
        row.addWidget(self.button)
        self.bar.hide()

    def show_state(self, item: DownloadItem | None, *, here: bool, asking: bool) -> None:
        """How far it is."""
        state = "here" if here else item.state if item else "asking" if asking else ""
        words = {
            "": (self.tr("Download"), "download"),
            "here": (self.tr("Chat"), "message-square"),
            "done": (self.tr("Download"), "download"),
            "asking": (self.tr("Asking…"), "download"),
            "waiting": (self.tr("Waiting"), "clock"),
            "running": (self.tr("Downloading"), "arrow-down-to-line"),
            "verifying": (self.tr("Verifying"), "shield-check"),
            "paused": (self.tr("Resume"), "play"),
            "failed": (self.tr("Retry"), "rotate-cw"),
        }
        text, icon = words[state]
        self.button.setText(text)
        self.button.set_icon(icon)
        self.button.setEnabled(state in ("", "here", "done", "paused", "failed"))
        going = item is not None and state in ("waiting", "running", "verifying", "paused")
        self.bar.setVisible(going)
        self.size_label.setText(formatting.file_size(self.entry.size))
        if going and item is not None:
            checking = item.state == "verifying"
            share = item.verified if checking else item.done / item.total if item.total else 0
            self.bar.set_fraction(share)
            self.bar.set_role("text-3" if item.state == "paused" else "accent")
            self.size_label.setText(formatting.percent(share))
