"""How a model is shared out over several graphics cards."""

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.icons import Icons
from app.gui.load_rows import NumberRow, Setting


class CardShares(Setting):
    """A share for each card; all empty divides by free memory."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__((), parent)
        self._icons = icons
        self.rows: list[NumberRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)

    def show_cards(self, names: Sequence[str]) -> None:
        """One row for each; rows of the same cards stay."""
        if len(names) == len(self.rows):
            return
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = [self._row(number, name) for number, name in enumerate(names, 1)]
        for row in self.rows:
            self._column.addWidget(row)

    def _row(self, number: int, name: str) -> NumberRow:
        words = self.tr("Share of card %1").replace("%1", str(number))
        tip = self.tr("%1: 2 and 1 put two thirds on the first (tensor split)").replace("%1", name)
        row = NumberRow(
            self._icons,
            words,
            tip,
            minimum=0,
            maximum=1e6,
            decimals=2,
            empty=self.tr("Automatic"),
        )
        row.set_default(None)
        row.value_changed.connect(self.tell)
        return row

    def value(self) -> tuple[float, ...]:
        """The shares; none where all are left to the engine."""
        shares = [row.value() for row in self.rows]
        if all(share is None for share in shares):
            return ()
        return tuple(float(share or 0) for share in shares)

    def set_value(self, value: object) -> None:
        """Show shares without telling."""
        shares = value if isinstance(value, tuple) else ()
        if shares == self.value():
            return
        for number, row in enumerate(self.rows):
            row.set_value(shares[number] if number < len(shares) else None)

    def set_default(self, value: object) -> None:
        """What Reset goes back to."""
        super().set_default(value)
        shares = value if isinstance(value, tuple) else ()
        for number, row in enumerate(self.rows):
            row.set_default(shares[number] if number < len(shares) else None)

    def mark(self) -> None:
        """Each row marks itself."""
        for row in self.rows:
            row.mark()
