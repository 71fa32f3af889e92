"""The preset editor in place of the chat."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.gui.context import AppContext
from app.gui.controls.card import Region


class PresetView(Region):
    """List, editor, and what the model receives."""

    back = Signal()
    try_in_chat = Signal(str)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__("canvas", parent)
        self._context = context

    def edit(self, preset_id: str) -> None:
        """Open a preset."""
