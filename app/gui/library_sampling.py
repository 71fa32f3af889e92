"""How a model answers unless a chat or its preset says otherwise: sampling, kept for one model."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink
from app.gui.sampling_panel import LimitRows, SamplingRows
from backends.types import SamplingParams

SETTLE_MS = 300
"""A slider that moves is not written down at every step."""
_STANDARD = SamplingParams()


class SamplingDefaults(QWidget):
    """In force where the preset of a chat leaves a value at its standard."""

    changed = Signal(object)
    """SamplingParams, or None where everything is at its standard."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = _STANDARD
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 0, 24, 16)
        column.setSpacing(8)
        column.addWidget(Label(self.tr("Sampling"), "group-title"))
        note = self.tr("In force wherever the preset of a chat does not say otherwise.")
        column.addWidget(Label(note, "caption", "text-3", wrap=True))
        self.rows = SamplingRows(icons)
        column.addWidget(self.rows)
        self.limits = LimitRows(icons)
        column.addWidget(self.limits)
        self.reset = InlineLink(icons, self.tr("Back to the standard"))
        self.reset.clicked.connect(self._reset)
        column.addWidget(self.reset)
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._settled)
        self.rows.changed.connect(self._timer.start)
        self.limits.changed.connect(self._timer.start)
        self.show_values(None)

    def show_values(self, chosen: SamplingParams | None) -> None:
        """Show what is in force, without telling."""
        self._timer.stop()
        self._chosen = chosen or _STANDARD
        self.rows.show_values(self._chosen, _STANDARD)
        self.limits.show_values(self._chosen, _STANDARD)
        self.reset.setEnabled(chosen is not None)

    def _settled(self) -> None:
        shown = self.limits.apply_to(self.rows.apply_to(self._chosen))
        self._chosen = shown
        self.reset.setEnabled(shown != _STANDARD)
        self.changed.emit(None if shown == _STANDARD else shown)

    def _reset(self) -> None:
        self.show_values(None)
        self.changed.emit(None)
