"""The widgets that the Tab key reaches, from first to last.

Qt's own `nextInFocusChain` is left alone: PySide takes what it answers for a child of the widget
that was asked. Whoever walks the chain from a panel that closes takes the rest of the window into
its end: what Python holds of other widgets' documents and scroll bars is "already deleted" then.
"""

from collections.abc import Iterable, Iterator

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def takes_tab(widget: QWidget) -> bool:
    """Whether the Tab key stops at a widget."""
    by_tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return by_tab and widget.isVisible() and widget.isEnabled()


def tab_stops(area: QWidget) -> Iterator[QWidget]:
    """The widgets in `area` that the Tab key stops at, in the order they were put in."""
    for child in area.children():
        if isinstance(child, QWidget) and child.isVisible() and not child.isWindow():
            if takes_tab(child):
                yield child
            yield from tab_stops(child)


def areas_around(widget: QWidget, outermost: QWidget) -> Iterator[QWidget]:
    """What a widget stands in, from the inside to `outermost`."""
    above = widget.parentWidget()
    while above is not None and above is not outermost:
        yield above
        above = above.parentWidget()
    yield outermost


def nearest_stop(areas: Iterable[QWidget]) -> QWidget | None:
    """The first stop of the first area that has one; areas may be gone."""
    for area in areas:
        if shiboken6.isValid(area) and area.isVisible():
            # One of several buttons is no stop for Tab unless it is the checked one.
            itself = area if area.focusPolicy() != Qt.FocusPolicy.NoFocus else None
            stop = next(tab_stops(area), itself)
            if stop is not None:
                return stop
    return None
