"""The quiet button in the head of a code block and at the foot of an error."""

from PySide6.QtGui import QFont

from app.gui.controls.buttons import GhostButton


class CaptionButton(GhostButton):
    """A ghost button in small type."""

    def label_font(self) -> QFont:
        """The type of second lines."""
        return self._icons.theme.font("caption")
