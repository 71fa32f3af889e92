"""How a model is loaded unless somebody says otherwise: the load settings, kept for one model."""

from dataclasses import dataclass

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.companions import NO_COMPANIONS, Companions
from app.core.gguf_types import GgufHeader
from app.core.hardware import HardwareSurvey
from app.core.library_types import LocalModel
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink
from app.gui.load_bounds import bounds_of
from app.gui.load_settings import LoadForm
from backends.types import LoadConfig

SETTLE_MS = 300
"""A slider that moves is not written down at every step."""


@dataclass(frozen=True)
class LoadFacts:
    """What the load settings of a model are judged by."""

    header: GgufHeader
    hardware: HardwareSurvey
    standard: LoadConfig
    """What is chosen for this computer where nothing is set."""
    model: LocalModel | None = None
    companions: Companions = NO_COMPANIONS


class LoadDefaults(QWidget):
    """Takes effect for the next load of the model."""

    changed = Signal(object)
    """LoadConfig, or None where everything is left to this computer."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._standard = LoadConfig()
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        note = self.tr("In force from the next load of this model on.")
        column.addWidget(Label(note, "caption", "text-3", wrap=True))
        self.form = LoadForm(icons)
        column.addWidget(self.form)
        self.reset = InlineLink(icons, self.tr("Choose for this computer"))
        self.reset.clicked.connect(self._reset)
        column.addWidget(self.reset)
        column.addStretch(1)
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._settled)
        self.form.changed.connect(self._timer.start)
        self.show_facts(None, None)

    def show_facts(self, facts: LoadFacts | None, config: LoadConfig | None) -> None:
        """Show what is in force, without telling. Nothing can be set while `facts` is None."""
        self._timer.stop()
        self.form.setEnabled(facts is not None)
        self.reset.setEnabled(config is not None)
        if facts is not None:
            self._standard = facts.standard
            bounds = bounds_of(facts.header, facts.hardware, facts.model, facts.companions)
            self.form.show_model(bounds, facts.standard)
            self.form.show_config(config or facts.standard)

    def _settled(self) -> None:
        config = self.form.config()
        self.reset.setEnabled(config != self._standard)
        self.changed.emit(None if config == self._standard else config)

    def _reset(self) -> None:
        self._timer.stop()
        self.form.show_config(self._standard)
        self.reset.setEnabled(False)
        self.changed.emit(None)
