"""What is wrong with a field, told beneath it without moving what stands there."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.gui.controls.labels import Label

_BELOW = 4


class FieldNote(QFrame):
    """A sentence that lies over the window, right-aligned beneath its field."""

    def __init__(self, field: QWidget) -> None:
        super().__init__(field.window())
        self._field = field
        self.setProperty("card", "overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.label = Label("", "caption", "danger")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.addWidget(self.label)
        field.destroyed.connect(self.deleteLater)

    def say(self, sentence: str) -> None:
        """Show a sentence; beneath the field, or above it where the window ends."""
        self.label.setText(sentence)
        self.adjustSize()
        window = self._field.window()
        corner = self._field.mapTo(window, QPoint(self._field.width(), self._field.height()))
        x = max(_BELOW, min(corner.x(), window.width() - _BELOW) - self.width())
        y = corner.y() + _BELOW
        if y + self.height() > window.height():
            y = corner.y() - self._field.height() - _BELOW - self.height()
        self.move(x, y)
        self.show()
        self.raise_()
