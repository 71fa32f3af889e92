"""The widgets that the Tab key reaches, from first to last.

Qt's own `nextInFocusChain` is left alone: PySide takes what it answers for a child of the widget
that was asked. Whoever walks the chain from a panel that closes takes the rest of the window into
its end: what Python holds of other widgets' documents and scroll bars is "already deleted" then.
"""

from collections.abc import Iterator

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
