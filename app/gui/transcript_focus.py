"""Which widget Tab leads to inside the transcript."""

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget


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
    stops = [child for child in view.findChildren(QWidget) if _takes_tab(child)]

    def place(stop: QWidget) -> tuple[int, int]:
        corner = stop.mapTo(view, QPoint(0, 0))
        return corner.y(), corner.x()

    yield from sorted(stops, key=place)


def _takes_tab(widget: QWidget) -> bool:
    policy = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    return bool(policy) and widget.isVisible() and widget.isEnabled()


def _outside(area: QWidget, forward: bool) -> QWidget | None:
    widget = _next(area, forward)
    while widget is not None and widget is not area:
        if not area.isAncestorOf(widget) and _takes_tab(widget):
            return widget
        widget = _next(widget, forward)
    return None


def _next(widget: QWidget, forward: bool) -> QWidget | None:
    return widget.nextInFocusChain() if forward else widget.previousInFocusChain()
