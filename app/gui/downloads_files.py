"""The files of one download, each with how far it is."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.core.download_state import DownloadItem
from app.gui import downloads_words as words
from app.gui.controls.bars import ProgressBar
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.icons import Icons

_BAR = 120


class FileList(QWidget):
    """A line for each file: name, bar, size."""

    def __init__(self, icons: Icons, item: DownloadItem, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Files"))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 8, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self._states: list[IconView] = []
        self.bars: list[ProgressBar] = []
        self.sizes: list[Label] = []
        for line, file in enumerate(item.request.files):
            state = IconView(icons, "file", 14)
            bar = ProgressBar(icons, file.path)
            bar.setFixedWidth(_BAR)
            size = Label("", "caption", "text-3")
            size.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(state, line, 0)
            grid.addWidget(ElidedLabel(file.path, "caption", "text-2"), line, 1)
            grid.addWidget(bar, line, 2)
            grid.addWidget(size, line, 3)
            self._states.append(state)
            self.bars.append(bar)
            self.sizes.append(size)
        self.show_item(item)

    def show_item(self, item: DownloadItem) -> None:
        """Show a newer state."""
        for line, file in enumerate(item.request.files):
            done = item.files_done[line] if line < len(item.files_done) else 0
            whole = done >= file.size
            self._states[line].set_icon(*(("check", "success") if whole else ("file", "text-3")))
            self.bars[line].set_fraction(done / file.size if file.size else 1.0)
            self.bars[line].setVisible(not whole)
            self.sizes[line].setText(words.file_words(item, line))
