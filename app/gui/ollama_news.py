"""Tells a person what was set up when a model of Ollama's registry has arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.core.ollama_arrival import Arrival, OllamaArrivals
from app.gui.ollama_words import arrival_words

if TYPE_CHECKING:
    from app.gui.context import AppContext


class OllamaNews(QObject):
    """Sets such models up for as long as the window lives."""

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self._notifier = context.notifier
        self.arrivals = OllamaArrivals(
            context.downloads, context.library, context.presets, context.settings
        )
        context.bridge.on(self.arrivals.arrived, self._arrived)
        context.bridge.on(self.arrivals.failed, context.notifier.error)

    def _arrived(self, arrival: Arrival) -> None:
        if words := arrival_words(arrival):
            self._notifier.toast(words)
