"""The LoRA adapters that are loaded with a model: a line for each, with how strongly it works."""

from collections.abc import Callable
from pathlib import Path

from msgspec import structs
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.errors import ModelError
from app.gui.controls.buttons import IconButton
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.fields import NumberField
from app.gui.controls.focus import take_away
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink
from app.gui.load_files import ask_for_file, ask_for_folder
from app.gui.load_rows import ROW, Setting
from backends.types import LoraAdapter

MOST = 16
Check = Callable[[Path], None]


class AdapterLine(QWidget):
    """One adapter: name, strength, remove."""

    changed = Signal()
    removed = Signal()

    def __init__(self, icons: Icons, adapter: LoraAdapter) -> None:
        super().__init__()
        self._adapter = adapter
        name = Path(adapter.path).name
        self.setFixedHeight(ROW)
        label = ElidedLabel(name)
        label.setToolTip(adapter.path)
        words = self.tr("Strength of %1").replace("%1", name)
        self.scale = NumberField(icons, words, minimum=-10, maximum=10, decimals=2, step=0.1)
        self.scale.setFixedWidth(64)
        self.scale.setToolTip(
            self.tr("How strongly the adapter works: 1 as it was made, 0 not at all (scale)")
        )
        self.scale.set_value(adapter.scale)
        self.remove = IconButton(icons, "x", self.tr("Remove %1").replace("%1", name), small=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(label, 1)
        row.addWidget(self.scale)
        row.addWidget(self.remove)
        self.scale.value_changed.connect(self.changed)
        self.remove.clicked.connect(self.removed)

    def value(self) -> LoraAdapter:
        """The adapter as it is set."""
        scale = self.scale.value()
        return structs.replace(self._adapter, scale=1.0 if scale is None else float(scale))


class AdapterList(Setting):
    """All adapters, and a link that adds one. A file that does not fit is refused in place."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__((), parent)
        self._icons = icons
        self.lines: list[AdapterLine] = []
        self._check: Check | None = None
        self._folders = False
        self.label = Label(self.tr("LoRA adapters"), "body", "text-2")
        self.reset = IconButton(icons, "rotate-ccw", self.tr("Reset adapters"), icon_size=14)
        self.reset.setFixedSize(20, 20)
        self.add = InlineLink(icons, self.tr("Add adapter…"))
        tip = self.tr("Small files that teach a model another manner or subject (LoRA)")
        self.setToolTip(tip)
        self.add.setAccessibleDescription(tip)
        self.problem = Label("", "caption", "danger", wrap=True)
        self.problem.hide()
        head = QWidget()
        head.setFixedHeight(ROW)
        row = QHBoxLayout(head)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.label)
        row.addWidget(self.reset)
        row.addStretch(1)
        row.addWidget(self.add)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(head)
        self._column.addWidget(self.problem)
        self.add.clicked.connect(self._ask)
        self.reset.clicked.connect(self.reset_value)
        self.mark()

    def accept(self, check: Check, *, folders: bool) -> None:
        """For another model: `check` raises ModelError; MLX's adapters are `folders`."""
        self._check, self._folders = check, folders
        self._say("")

    def value(self) -> tuple[LoraAdapter, ...]:
        """The adapters in order."""
        return tuple(line.value() for line in self.lines)

    def set_value(self, value: object) -> None:
        """Show adapters without telling; lines that show them already stay as they are."""
        adapters = value if isinstance(value, tuple) else ()
        if adapters != self.value():
            for line in self.lines:
                self._column.removeWidget(line)
                take_away(line)
            self.lines = []
            for adapter in adapters:
                self._append(adapter)
        self.mark()

    def take(self, path: Path) -> None:
        """Add the adapter at `path` if it fits and is not there yet, and tell."""
        if any(line.value().path == str(path) for line in self.lines):
            return
        try:
            if self._check is not None:
                self._check(path)
        except ModelError as error:
            self._say(f"{error.title}. {error.message}")
            return
        self._say("")
        self._append(LoraAdapter(str(path)))
        self.tell()

    def _ask(self) -> None:
        if self._folders:
            ask_for_folder(self, self.tr("Add an adapter"), self.take)
        else:
            ask_for_file(self, self.tr("Add an adapter"), self.tr("Adapters (*.gguf)"), self.take)

    def _append(self, adapter: LoraAdapter) -> None:
        line = AdapterLine(self._icons, adapter)
        line.changed.connect(self.tell)
        line.removed.connect(lambda: self._remove(line))
        self.lines.append(line)
        self._column.insertWidget(len(self.lines), line)

    def _remove(self, line: AdapterLine) -> None:
        self.lines.remove(line)
        self._column.removeWidget(line)
        take_away(line)
        self.add.setFocus()
        self.tell()

    def mark(self) -> None:
        """Show whether other adapters are set than by default."""
        changed = self.is_changed()
        self.label.set_role("text" if changed else "text-2")
        self.reset.setVisible(changed)
        self.add.setVisible(len(self.lines) < MOST)

    def _say(self, problem: str) -> None:
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
