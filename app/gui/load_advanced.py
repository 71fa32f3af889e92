"""The load settings that few people need, folded away until somebody wants them."""

from collections.abc import Mapping

from msgspec import structs
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.controls.fold import Fold
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.load_advanced_rows import AdvancedRows
from app.gui.load_bounds import Bounds
from app.gui.load_rows import Setting
from backends.types import LoadConfig


class AdvancedSettings(QWidget):
    """Slots, memory, guessing ahead, RoPE, companions, graphics cards."""

    changed = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bounds = Bounds(0, 0, 1)
        self.rows = AdvancedRows(icons, self)
        self._all: dict[str, Setting] = {}
        self.fold = Fold(icons, self.tr("Advanced"), self.tr("Settings that few people need"))
        self._titles: list[tuple[Label, Mapping[str, Setting]]] = []
        for title, rows in self.rows.groups():
            label = Label(title, "caption", "text-3")
            label.setContentsMargins(0, 10, 0, 2)
            self.fold.add(label)
            self._titles.append((label, rows))
            self._all |= rows
            for row in rows.values():
                self.fold.add(row)
                row.value_changed.connect(self._tell)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.fold)

    def show_model(self, bounds: Bounds, standard: LoadConfig) -> None:
        """Another model: what it has of the settings, and what Reset goes back to."""
        self._bounds = bounds
        self.rows.show_bounds(bounds)
        for name, row in self._all.items():
            row.setVisible(name in bounds.fields)
            row.set_default(getattr(standard, name))
        for label, rows in self._titles:
            label.setVisible(not bounds.fields.isdisjoint(rows))

    def show_config(self, config: LoadConfig) -> None:
        """Show settings without telling."""
        for name, row in self._all.items():
            row.set_value(getattr(config, name))
        self._follow()

    def applied_to(self, config: LoadConfig) -> LoadConfig:
        """`config` with what is set here."""
        values = {name: row.value() for name, row in self._offered().items()}
        return structs.replace(config, **values)

    def settings(self) -> dict[str, Setting]:
        """All rows by the field that each one shows, offered or not."""
        return dict(self._all)

    def changed_count(self) -> int:
        """Number of settings that differ from the standard."""
        return sum(row.is_changed() for row in self._offered().values())

    def _offered(self) -> dict[str, Setting]:
        fields = self._bounds.fields
        return {name: row for name, row in self._all.items() if name in fields}

    def _tell(self, _: object = None) -> None:
        self._follow()
        self.changed.emit()

    def _follow(self) -> None:
        count = self.changed_count()
        self.fold.say(self.tr("%n changed", "", count) if count else "", "accent")
        self.rows.follow()
