"""The head and the foot of the model picker's right side."""

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.core.library_types import LocalModel
from app.gui import formatting
from app.gui.controls.bars import ProgressBar
from app.gui.controls.buttons import Button, GhostButton, PrimaryButton
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.switch import CheckBox
from app.gui.icons import Icons

SIDE = 16
"""Pixels at both sides of everything in the pane."""

_ABILITIES = {"vision": "eye", "tools": "wrench", "reasoning": "brain", "embeddings": "boxes"}


class PickerHead(QWidget):
    """Name of a model and what it can do."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self.title = ElidedLabel("", "page-title")
        self._abilities = QHBoxLayout()
        self._abilities.setSpacing(6)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 4, 0)
        row.addWidget(self.title, 1)
        row.addLayout(self._abilities)

    def show_model(self, model: LocalModel | None) -> None:
        """Another model, or none."""
        self.title.setText(model.name if model else "")
        while (item := self._abilities.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        words = {
            "vision": self.tr("Vision"),
            "tools": self.tr("Tools"),
            "reasoning": self.tr("Reasoning"),
            "embeddings": self.tr("Embeddings"),
        }
        for name, icon in _ABILITIES.items():
            if model is not None and name in model.capabilities:
                self._abilities.addWidget(IconView(self._icons, icon, 14, "text-3"))
                self._abilities.addWidget(Label(words[name], "caption", "text-2"))


class PickerFoot(QStackedWidget):
    """Remember, Reset and Load; progress and Cancel while the model loads."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.remember = CheckBox(icons, self.tr("Remember"))
        self.remember.setToolTip(self.tr("Load this model with these settings from now on"))
        self.reset = GhostButton(icons, self.tr("Reset"))
        self.reset.setToolTip(self.tr("Back to what suits this computer"))
        self.load = PrimaryButton(icons, self.tr("Load model"))
        settle = QWidget()
        row = QHBoxLayout(settle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.remember)
        row.addStretch(1)
        row.addWidget(self.reset)
        row.addWidget(self.load)
        self.progress = ProgressBar(icons, self.tr("Loading"))
        self.percent = Label("", "body", "text-2")
        self.cancel = Button(icons, self.tr("Cancel"))
        loading = QWidget()
        row = QHBoxLayout(loading)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.percent)
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel)
        self.addWidget(settle)
        self.addWidget(loading)
        self.setFixedHeight(icons.theme.metric("control"))

    def show_loading(self, fraction: float | None) -> None:
        """How much is loaded; None while nothing loads."""
        self.setCurrentIndex(0 if fraction is None else 1)
        if fraction is not None:
            words = self.tr("Loading, %1").replace("%1", formatting.percent(fraction))
            self.percent.setText(words)
            self.progress.set_fraction(fraction)


def inset(widget: QWidget) -> QWidget:
    """Between the sides, which the focus rings and the scroll bar reach into."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(SIDE, 0, SIDE, 0)
    column.addWidget(widget)
    return holder
