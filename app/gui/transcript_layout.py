"""Where the rows of a long list stand, with most heights only estimated. No Qt."""

from collections.abc import Iterable


class RowHeights:
    """Heights with running sums, as a binary indexed tree: every question is O(log n)."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._heights = list(heights)
        self._sums = [0, *self._heights]
        for index in range(1, len(self._sums)):
            above = index + (index & -index)
            if above < len(self._sums):
                self._sums[above] += self._sums[index]

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, row: int) -> int:
        return self._heights[row]

    @property
    def total(self) -> int:
        """All heights together."""
        return self.top(len(self._heights))

    def top(self, row: int) -> int:
        """Sum of the heights above a row."""
        total = 0
        while row > 0:
            total += self._sums[row]
            row &= row - 1
        return total

    def set(self, row: int, height: int) -> None:
        """Another height for one row."""
        delta = height - self._heights[row]
        self._heights[row] = height
        index = row + 1
        while index < len(self._sums):
            self._sums[index] += delta
            index += index & -index

    def append(self, height: int) -> None:
        """One more row at the end."""
        index = len(self._sums)
        start = index - (index & -index)
        self._sums.append(height + self.top(index - 1) - self.top(start))
        self._heights.append(height)

    def at(self, y: int) -> int:
        """The row that covers `y`; the first or last one outside. -1 without rows."""
        if not self._heights:
            return -1
        position = 0
        rest = y
        step = 1 << len(self._heights).bit_length()
        while step:
            following = position + step
            if following < len(self._sums) and self._sums[following] <= rest:
                position = following
                rest -= self._sums[following]
            step >>= 1
        return min(position, len(self._heights) - 1)


def estimate_lines(text: str, characters_per_line: int) -> int:
    """About how many lines a text takes, without looking at its words."""
    return text.count("\n") + len(text) // max(1, characters_per_line) + 1
