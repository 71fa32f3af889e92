"""What the main window expects of a page."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class Page(QWidget):
    """One of the places of the window. Made when first visited, kept as it was left."""

    page_id: str = ""

    open_page = Signal(str, object)
    """Another page is wanted: its id, and what it is opened with (a dict, or None)."""

    def activated(self) -> None:
        """The page came into view."""

    def open_with(self, argument: object) -> None:
        """Take what another page sent along with `open_page`."""

    def find_in_page(self) -> None:
        """Ctrl+F."""

    def escape(self) -> bool:
        """Esc that nothing else took; True when it did something."""
        return False

    def regions(self) -> Sequence[QWidget]:
        """The parts that F6 goes through, in order."""
        return ()

    def foot(self) -> int:
        """Height at the bottom that toasts leave free."""
        return 0

    def leaving(self) -> None:
        """The window is about to close: keep what is not kept yet. Must not block."""
