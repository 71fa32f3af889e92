"""Text on a page: one class, styled by name."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget


class Label(QLabel):
    """Text in a type style ("body", "caption", …) and a colour role of the tokens."""

    def __init__(
        self,
        text: str = "",
        style: str = "body",
        role: str = "text",
        parent: QWidget | None = None,
        *,
        wrap: bool = False,
    ) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("type", style)
        self.setProperty("role", role)
        self.setWordWrap(wrap)

    def set_role(self, role: str) -> None:
        """Another colour."""
        if role != self.property("role"):
            self.setProperty("role", role)
            self.style().unpolish(self)
            self.style().polish(self)
