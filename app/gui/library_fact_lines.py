"""Facts as lines: names at the left, values at the right."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.gui.controls.elided import ElidedLabel
from app.gui.controls.labels import Label
from app.gui.library_facts import Line


class FactLines(QWidget):
    """Names at the left, values at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, 108)
        self._grid.setColumnStretch(1, 1)
        self._kinds: list[bool] = []
        self._labels: list[tuple[Label, Label]] = []

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show other lines. Labels are kept where the kinds of lines stay the same."""
        kinds = [line.is_path for line in lines]
        if kinds != self._kinds:
            self._rebuild(kinds)
        for (name, value), line in zip(self._labels, lines, strict=True):
            name.setText(line.name)
            value.setText(line.value)
            value.setAccessibleName(f"{line.name}: {line.value}")

    def _rebuild(self, kinds: list[bool]) -> None:
        for label in (label for pair in self._labels for label in pair):
            self._grid.removeWidget(label)
            label.hide()
            label.deleteLater()
        self._kinds, self._labels = kinds, []
        for row, is_path in enumerate(kinds):
            name = Label("", "body", "text-3", self)
            middle = Qt.TextElideMode.ElideMiddle
            value = (
                ElidedLabel("", parent=self, mode=middle)
                if is_path
                else Label("", parent=self, wrap=True)
            )
            self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1)
            name.show()
            value.show()
            self._labels.append((name, value))
