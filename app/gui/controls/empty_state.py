"""What a page says while there is nothing on it."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.icons import Icons


class EmptyState(QWidget):
    """Icon, what will be here, one sentence, one button."""

    def __init__(
        self,
        icons: Icons,
        icon: str,
        title: str,
        sentence: str = "",
        *,
        action: str = "",
        action_icon: str = "",
        primary: bool = False,
        callback: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.icon = IconView(icons, icon, 24, "text-2")
        self.title = Label(title, "body-strong")
        self.sentence = Label(sentence, "caption", "text-3", wrap=True)
        column = QVBoxLayout(self)
        column.setSpacing(0)
        column.addStretch(1)
        center = Qt.AlignmentFlag.AlignHCenter
        column.addWidget(self.icon, 0, center)
        column.addSpacing(14)
        column.addWidget(self.title, 0, center)
        column.addSpacing(4)
        self.sentence.setAlignment(center)
        self.sentence.setFixedWidth(248)
        if not sentence:
            self.sentence.hide()
        column.addWidget(self.sentence, 0, center)
        kind = PrimaryButton if primary else Button
        self.button = kind(icons, action, action_icon, parent=self)
        self.button.setVisible(bool(action))
        if callback is not None:
            self.button.clicked.connect(lambda _=False: callback())
        if action:
            column.addSpacing(12)
        column.addWidget(self.button, 0, center)
        column.addStretch(1)

    def say(self, title: str, sentence: str) -> None:
        """Other words."""
        self.title.setText(title)
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))
