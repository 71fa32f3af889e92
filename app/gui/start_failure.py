"""What the window shows when the program could not start: why, and ways on."""

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.gui.controls.strip import ErrorCard
from app.gui.icons import Icons

WIDTH = 560


class StartFailure(QWidget):
    """The card of the error in the middle of the window."""

    again = Signal()
    """Start once more."""

    def __init__(self, icons: Icons, error: AppError, folder: Path) -> None:
        """`folder` is where the person can look: the data folder."""
        super().__init__()
        self._folder = folder
        ways = (("again", self.tr("Try again")), ("folder", self.tr("Open folder")))
        self.card = ErrorCard(icons, error, ways)
        self.card.setFixedWidth(WIDTH)
        self.card.remedy_chosen.connect(self._chosen)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.card, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.addLayout(row)
        self.setFocusProxy(self.card.buttons[0])

    def _chosen(self, key: str) -> None:
        if key == "again":
            self.again.emit()
        else:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(existing(self._folder))))


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
