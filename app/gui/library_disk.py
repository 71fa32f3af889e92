"""The disks that models lie on: what each folder of models takes, what else does, what is free."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.disk_use import DiskUse, RootUse
from app.gui import formatting
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.labels import Label
from app.gui.controls.painting import box, clip_round, painter_for
from app.gui.flow_layout import FlowLayout
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink

_ROLES = (
    "accent", "syntax.type", "syntax.keyword", "syntax.number", "syntax.string", "danger-mark",
    "warning-mark",
)  # fmt: skip
"""One for each folder: no two alike. More folders are summed up."""
_OTHER = "border-strong"
MOST_DISKS = 3
"""More would leave no room for the list; they are summed up in words."""


class DiskBar(QWidget):
    """Parts from the left, the rest is free."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._parts: list[tuple[str, int]] = []
        self._total = 0
        self.setFixedHeight(8)
        self._theme.changed.connect(self.update)

    def show_parts(self, parts: Sequence[tuple[str, int]], total: int) -> None:
        """Roles of colours with bytes, and the bytes of the whole disk."""
        self._parts, self._total = list(parts), total
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Each part at least two pixels wide, if there is any of it."""
        painter, theme = painter_for(QPainter(self)), self._theme
        area = QRectF(self.rect())
        clip_round(painter, area, 4)
        painter.fillRect(area, theme.color("track"))
        x = 0.0
        for role, part in self._parts if self._total else ():
            if part:
                width = max(2.0, area.width() * part / self._total)
                painter.fillRect(QRectF(x, 0, width - 1, area.height()), theme.color(role))
                x += width


class _Key(QWidget):
    """A dot with what it stands for."""

    def __init__(self, icons: Icons, role: str, text: str, tip: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._role = icons.theme, role
        self._theme.changed.connect(self.update)
        self.setToolTip(tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 0, 0)
        row.addWidget(Label(text, "caption", "text-3"))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dot."""
        dot = QRectF(0, self.height() / 2 - 4, 8, 8)
        box(painter_for(QPainter(self)), dot, 4, fill=self._theme.color(self._role))


class DiskRow(QWidget):
    """One disk: how much is free, the bar, a key for each part."""

    def __init__(
        self,
        icons: Icons,
        use: DiskUse,
        *,
        named: bool,
        beside: QWidget | None = None,
        parent: QWidget,
    ) -> None:
        """`named` says which disk it is: needed where there are several.

        `beside` stands at the end of the line of keys.
        """
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        first = QHBoxLayout()
        first.setSpacing(16)
        path = use.roots[0].path if use.roots else use.path
        title = self.tr("Disk of %1").replace("%1", str(path)) if named else self.tr("Disk")
        first.addWidget(ElidedLabel(title, "caption", "text-2", parent=self), 1)
        free = self.tr("%1 free of %2").replace("%1", formatting.file_size(use.free))
        self.free = Label(free.replace("%2", formatting.file_size(use.total)), "caption", "text-3")
        first.addWidget(self.free)
        column.addLayout(first)
        self.bar = DiskBar(icons)
        column.addWidget(self.bar)
        keys = FlowLayout(spacing=16, between_lines=4)
        parts = []
        said = []
        for role, root in zip(_ROLES, self._shown(use.roots), strict=False):
            text = f"{self._name(root)} {formatting.file_size(root.size)}"
            keys.addWidget(_Key(icons, role, text, str(root.path), self))
            parts.append((role, root.size))
            said.append(text)
        if use.other:
            text = self.tr("Other files %1").replace("%1", formatting.file_size(use.other))
            keys.addWidget(_Key(icons, _OTHER, text, "", self))
            parts.append((_OTHER, use.other))
            said.append(text)
        self.keys = tuple(said)
        last = QHBoxLayout()
        last.setSpacing(16)
        last.addLayout(keys, 1)
        if beside is not None:
            last.addWidget(beside, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(last)
        self.bar.show_parts(parts, use.total)
        self.bar.setAccessibleName(", ".join((*said, self.free.text())))

    def _name(self, root: RootUse) -> str:
        return root.name or self.tr("Elsewhere")

    def _shown(self, roots: Sequence[RootUse]) -> Sequence[RootUse]:
        """As many as there are colours; the smallest together."""
        if len(roots) <= len(_ROLES):
            return roots
        kept, rest = roots[: len(_ROLES) - 1], roots[len(_ROLES) - 1 :]
        name = self.tr("%1 further folders").replace("%1", formatting.number(len(rest)))
        return (*kept, RootUse(name, rest[0].path, sum(each.size for each in rest)))


class DiskPicture(QWidget):
    """A row for each disk."""

    show_folder = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 12, 24, 12)
        column.setSpacing(12)
        self._list = QVBoxLayout()
        self._list.setSpacing(12)
        column.addLayout(self._list)
        self.rows: list[DiskRow] = []
        self.note = Label("", "caption", "text-3")
        self.note.hide()
        column.addWidget(self.note)
        self.link: InlineLink | None = None
        self._shown: tuple[DiskUse, ...] | None = None

    def show_uses(self, uses: tuple[DiskUse, ...]) -> None:
        """Show the numbers; none when no disk can be reached."""
        if uses == self._shown:
            return
        self._shown = uses
        for row in self.rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        shown = uses[:MOST_DISKS]
        self.link = InlineLink(self._icons, self.tr("Show in folder"))
        self.link.clicked.connect(self.show_folder)
        self.rows = []
        for use in shown:
            link = None if self.rows else self.link
            row = DiskRow(self._icons, use, named=len(uses) > 1, beside=link, parent=self)
            self.rows.append(row)
        for row in self.rows:
            self._list.addWidget(row)
            row.show()
        more = len(uses) - len(shown)
        if not uses:
            self.note.setText(self.tr("The models folder cannot be reached."))
        else:
            self.note.setText(self.tr("and %n more disks", "", more) if more else "")
        self.note.setVisible(bool(self.note.text()))
