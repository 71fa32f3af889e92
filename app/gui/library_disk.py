"""The disk of the models folder: what models take, what else does, what is free."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.library import LocalModel
from app.gui import formatting
from app.gui.controls.labels import Label
from app.gui.controls.painting import box, clip_round, painter_for
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink

_ROLES = ("accent", "syntax.type", "border-strong")


@dataclass(frozen=True)
class DiskUse:
    """Bytes of one disk."""

    own: int
    """Models in Corral's folder."""
    in_place: int
    """Models that are used where they lie."""
    other: int
    free: int
    total: int


def disk_use(folder: Path, models: Sequence[LocalModel]) -> DiskUse | None:
    """Look at the disk that `folder` is or will be on; None if it is away. Touches the disk."""
    place = next((each for each in (folder, *folder.parents) if os.path.isdir(each)), None)
    if place is None:
        return None
    try:
        usage = shutil.disk_usage(place)
        device = os.stat(place).st_dev
    except OSError:
        return None
    own = in_place = 0
    for model in models:
        if model.is_remote or not model.present or not _is_on(device, model.path):
            continue
        if model.source == "corral":
            own += model.size
        else:
            in_place += model.size
    other = max(0, usage.total - usage.free - own - in_place)
    return DiskUse(own, in_place, other, usage.free, usage.total)


def _is_on(device: int, path: Path) -> bool:
    try:
        return os.stat(path).st_dev == device
    except OSError:
        return False


class DiskBar(QWidget):
    """Parts from the left, the rest is free."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._use: DiskUse | None = None
        self.setFixedHeight(8)
        self._theme.changed.connect(self.update)

    def show_use(self, use: DiskUse | None) -> None:
        """Show other numbers."""
        self._use = use
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Each part at least two pixels wide, if there is any of it."""
        painter, theme = painter_for(QPainter(self)), self._theme
        area = QRectF(self.rect())
        clip_round(painter, area, 4)
        painter.fillRect(area, theme.color("track"))
        if self._use is None or not self._use.total:
            return
        x = 0.0
        parts = (self._use.own, self._use.in_place, self._use.other)
        for part, role in zip(parts, _ROLES, strict=True):
            if part:
                width = max(2.0, area.width() * part / self._use.total)
                painter.fillRect(QRectF(x, 0, width - 1, area.height()), theme.color(role))
                x += width


class _Key(QWidget):
    """A dot with what it stands for."""

    def __init__(self, icons: Icons, role: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._role = icons.theme, role
        self._theme.changed.connect(self.update)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 0, 0)
        self.label = Label("", "caption", "text-3")
        row.addWidget(self.label)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dot."""
        dot = QRectF(0, self.height() / 2 - 4, 8, 8)
        box(painter_for(QPainter(self)), dot, 4, fill=self._theme.color(self._role))


class DiskPicture(QWidget):
    """The bar with its words."""

    show_folder = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 12, 24, 12)
        column.setSpacing(8)
        first = QHBoxLayout()
        first.addWidget(Label(self.tr("Disk"), "caption", "text-2"))
        first.addStretch(1)
        self.free = Label("", "caption", "text-3")
        first.addWidget(self.free)
        column.addLayout(first)
        self.bar = DiskBar(icons)
        column.addWidget(self.bar)
        second = QHBoxLayout()
        second.setSpacing(16)
        self._keys = [_Key(icons, role, self) for role in _ROLES]
        for key in self._keys:
            second.addWidget(key)
        second.addStretch(1)
        self.link = InlineLink(icons, self.tr("Show in folder"))
        self.link.clicked.connect(self.show_folder)
        second.addWidget(self.link)
        column.addLayout(second)

    def show_use(self, use: DiskUse | None) -> None:
        """Show the numbers; None when the disk is away."""
        self.bar.show_use(use)
        for key in self._keys:
            key.setVisible(use is not None)
        if use is None:
            self.free.setText(self.tr("The models folder cannot be reached."))
            return
        free = self.tr("%1 free of %2").replace("%1", formatting.file_size(use.free))
        self.free.setText(free.replace("%2", formatting.file_size(use.total)))
        words = (
            (self.tr("Models folder %1"), use.own),
            (self.tr("Used in place %1"), use.in_place),
            (self.tr("Other files %1"), use.other),
        )
        said = []
        for key, (text, size) in zip(self._keys, words, strict=True):
            key.label.setText(text.replace("%1", formatting.file_size(size)))
            key.setVisible(size > 0)
            said.append(key.label.text())
        self.bar.setAccessibleName(", ".join((*said, self.free.text())))
