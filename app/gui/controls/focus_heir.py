"""Where the keyboard goes when the control that has it hides, moves or goes off.

Qt would take it to whatever comes next, which may be anywhere in the window, and ring it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.gui.controls.focus import RingFocus
from app.gui.controls.tab_order import areas_around, nearest_stop, takes_tab


@contextmanager
def focus_kept(area: QWidget) -> Iterator[None]:
    """While parts of `area` hide, move and go: the keyboard stays there.

    It stays where it was if that is possible, else it goes to what is nearest: pressed Pause, it
    is on Resume. There is a ring only if there was one.
    """
    focused = area.window().focusWidget()
    if focused is None or not area.isAncestorOf(focused) or focused is area:
        yield
        return
    around = list(areas_around(focused, area))
    reason = _reason(focused)
    yield
    heir = focused if _is_stop(focused) else nearest_stop(around)
    if heir is not None and not heir.hasFocus():
        heir.setFocus(reason)


def pass_focus(leaving: QWidget, heir: QWidget) -> None:
    """Before `leaving` hides or goes off: give the keyboard to `heir`, if it has it."""
    if leaving.hasFocus():
        heir.setFocus(_reason(leaving))


def _reason(focused: QWidget) -> Qt.FocusReason:
    ringed = isinstance(focused, RingFocus) and focused.has_ring()
    return Qt.FocusReason.TabFocusReason if ringed else Qt.FocusReason.OtherFocusReason


def _is_stop(widget: QWidget) -> bool:
    return shiboken6.isValid(widget) and takes_tab(widget)
