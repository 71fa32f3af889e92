"""The choice of how fast downloads may be, on the Downloads page and in the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from app.gui import formatting
from app.gui.controls.combo import ComboBox

if TYPE_CHECKING:
    from app.gui.context import AppContext

CHOICES = (0, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
"""Kilobytes a second."""


class SpeedLimitBox(ComboBox):
    """None, or one of some speeds; one that was set elsewhere is among them."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(context.icons, "")
        self.setAccessibleName(self.tr("Speed limit"))
        self._context = context
        self.setFixedWidth(128)
        self.activated.connect(self._choose)
        context.bridge.on(context.settings.changed, self._show)
        self._show(context.settings.current)

    def _show(self, _: object) -> None:
        limit = self._context.settings.current.downloads.speed_limit
        choices = sorted({*CHOICES, limit})
        if [self.itemData(place) for place in range(self.count())] != choices:
            self.clear()
            for choice in choices:
                text = formatting.speed_limit(choice) if choice else self.tr("None")
                self.add(text, choice)
        self.choose(limit)

    def _choose(self) -> None:
        settings = self._context.settings
        limit = int(self.currentData())
        settings.update(downloads=replace(settings.current.downloads, speed_limit=limit))
