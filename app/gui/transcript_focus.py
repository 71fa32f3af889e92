"""Which widget Tab leads to inside the transcript."""

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QWidget

from app.gui.controls.tab_order import tab_stops


def neighbour(area: QWidget, views: Sequence[QWidget], forward: bool) -> QWidget | None:
    """The widget after (before) the focused one among `views`, from top to bottom.

    At either end it is the one that follows (precedes) the whole `area` in the window.
    """
    focused = area.window().focusWidget()
    stops = [stop for view in views for stop in _stops(view)]
    if focused is area:
        position = -1 if forward else 0
    elif focused in stops:
        position = stops.index(focused)
    else:
        return None
    position += 1 if forward else -1
    if 0 <= position < len(stops):
        return stops[position]
    if position == -1 and focused is not area:
        return area
    return _outside(area, forward)


def _stops(view: QWidget) -> Iterator[QWidget]:
    def place(stop: QWidget) -> tuple[int, int]:
        corner = stop.mapTo(view, QPoint(0, 0))
        return corner.y(), corner.x()

    yield from sorted(tab_stops(view), key=place)


def _outside(area: QWidget, forward: bool) -> QWidget | None:
    """What comes after `area` in its window, or before it; around the end to the beginning."""
    everywhere = tab_stops(area.window())
    stops = [stop for stop in everywhere if stop is area or not area.isAncestorOf(stop)]
    if area not in stops:
        return None
    here = stops.index(area)
    return stops[(here + (1 if forward else -1)) % len(stops)]
