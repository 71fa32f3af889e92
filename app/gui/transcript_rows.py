"""The messages of a transcript as rows with known or estimated heights. No Qt."""

from collections.abc import Sequence

from app.gui.message_item import MessageItem
from app.gui.picture_layout import place_pictures
from app.gui.transcript_layout import RowHeights, estimate_lines

TOP_MARGIN = 20
BOTTOM_MARGIN = 24
AFTER_ANSWER = 16
AFTER_USER = 8
BEFORE_ANSWER = -12
"""The row of a person's actions reaches beside the head of the answer below it."""
_LINE = 24
_WITH_PICTURES = 16
"""Around the pictures of a message."""
_CHARACTER = 7.4
"""Width of an average character at the reading size of 15."""


class TranscriptRows:
    """Items by row and id, and where each row stands."""

    def __init__(self) -> None:
        self.items: list[MessageItem] = []
        self.heights = RowHeights()
        self._rows: dict[int, int] = {}
        self._measured: dict[int, int] = {}
        self._width = 0
        self._scale = 1.0

    def __len__(self) -> int:
        return len(self.items)

    @property
    def total(self) -> int:
        """Height of everything, margins included."""
        return TOP_MARGIN + self.heights.total + BOTTOM_MARGIN if self.items else 0

    def row(self, message_id: int) -> int:
        """The row of a message, -1 if it is not here."""
        return self._rows.get(message_id, -1)

    def top(self, row: int) -> int:
        """Where a row begins."""
        return TOP_MARGIN + self.heights.top(row)

    def at(self, y: int) -> int:
        """The row at a place."""
        return self.heights.at(y - TOP_MARGIN)

    def is_measured(self, row: int) -> bool:
        """Whether the height of a row is known, not estimated."""
        return self.items[row].id in self._measured

    def measure(self, row: int, height: int) -> int:
        """Note the true height of a row; returns by how much it was off."""
        before = self.heights[row]
        self._measured[self.items[row].id] = height
        self.heights.set(row, height + self._gap(row))
        return self.heights[row] - before

    def doubt(self, message_id: int) -> None:
        """The height of a message may be another one; what it was is an estimate now."""
        self._measured.pop(message_id, None)

    def replace(self, row: int, item: MessageItem) -> None:
        """Another state of the same message; the height stays until it is measured."""
        self.items[row] = item

    def append(self, item: MessageItem) -> None:
        """One more message at the end."""
        self._rows[item.id] = len(self.items)
        self.items.append(item)
        self.heights.append(0)
        if len(self.items) > 1:
            self._estimate_row(len(self.items) - 2)
        self._estimate_row(len(self.items) - 1)

    def set_items(self, items: Sequence[MessageItem], unchanged: set[int]) -> None:
        """Other messages; measured heights of the unchanged ones are kept."""
        self.items = list(items)
        self._rows = {item.id: row for row, item in enumerate(self.items)}
        self._measured = {
            message: height for message, height in self._measured.items() if message in unchanged
        }
        self._rebuild()

    def set_width(self, width: int, scale: float) -> None:
        """Another width or size of text: all heights are estimates again."""
        if (width, scale) != (self._width, self._scale):
            self._width, self._scale = width, scale
            self.forget()

    def forget(self) -> None:
        """Estimate every row anew."""
        self._measured.clear()
        self._rebuild()

    def _rebuild(self) -> None:
        self.heights = RowHeights(self._height(row) for row in range(len(self.items)))

    def _estimate_row(self, row: int) -> None:
        self.heights.set(row, self._height(row))

    def _height(self, row: int) -> int:
        item = self.items[row]
        known = self._measured.get(item.id)
        return (self._estimate(item) if known is None else known) + self._gap(row)

    def _estimate(self, item: MessageItem) -> int:
        user = item.role == "user"
        width = self._width * 0.82 - 32 if user else self._width
        lines = estimate_lines(item.text, int(width / (_CHARACTER * self._scale)))
        text = round(lines * _LINE * self._scale) if item.text or not item.pictures else 0
        pictures = place_pictures(item.pictures, int(width))[2] + _WITH_PICTURES
        return text + (52 if user else 60) + (pictures if item.pictures else 0)

    def _gap(self, row: int) -> int:
        if self.items[row].role != "user":
            return AFTER_ANSWER
        followed = row + 1 < len(self.items) and self.items[row + 1].role == "assistant"
        return BEFORE_ANSWER if followed else AFTER_USER
